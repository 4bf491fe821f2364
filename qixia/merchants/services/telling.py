"""What keepers of a shop are told: papers, decisions, pauses. To everybody who keeps it, once by key."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext, override

from qixia.kernel import clock
from qixia.merchants import rules
from qixia.merchants.models import Merchant, Paper
from qixia.notices.services import Tell, tell_many
from qixia.people.queries import staff_of
from qixia.policy.queries import current


def paper_judged(row: Merchant, paper: Paper, *, accept: bool, reason: str) -> None:
    template = "shop.paper_accepted" if accept else "shop.paper_returned"
    _tell(row, template, f"{paper.public_id}|checked", what=_paper_title(paper.kind), reason=reason)


def paper_ends(row: Merchant, paper: Paper) -> None:
    until = _day(paper.valid_until) if paper.valid_until else ""
    _tell(row, "shop.paper_ends", f"{paper.public_id}|ends", what=_paper_title(paper.kind), until=until)


def admitted(row: Merchant, at: datetime) -> None:
    _tell(row, "shop.admitted", f"admitted|{at.isoformat()}")


def refused(row: Merchant, reason: str) -> None:
    """Once an application: a shop that applies again may be refused again."""
    _tell(row, "shop.refused", f"refused|{row.applied_at.isoformat()}", reason=reason)


def suspended(row: Merchant, key: int, reason: str, until: datetime | None) -> None:
    last = _day(clock.city_date(until - timedelta(seconds=1))) if until else ""
    _tell(row, "shop.suspended", f"suspended|{key}", reason=reason, until=last)


def resumed(row: Merchant, key: int) -> None:
    _tell(row, "shop.resumed", f"resumed|{key}")


def stays_out(row: Merchant, key: int) -> None:
    """The pause is over, a paper is not there."""
    _tell(row, "shop.stays_out", f"stays out|{key}")


def taken_out(row: Merchant) -> None:
    """By somebody else than its keepers."""
    _tell(row, "shop.taken_out", f"left|{row.applied_at.isoformat()}")


def opened(row: Merchant) -> None:
    """The office made the account and the application."""
    _tell(row, "shop.opened", f"opened|{row.applied_at.isoformat()}")


def _tell(row: Merchant, template: str, key: str, **facts: Any) -> None:
    link = f"{reverse('merchants:own')}?shop={row.organisation_id}"
    params = {"shop": row.organisation.name} | {name: value for name, value in facts.items() if value}
    keepers = dict.fromkeys(member.person_id for member in staff_of(row.organisation_id, "merchant"))
    tell_many(Tell(who, template, params, link, f"shop|{row.public_id}|{key}|{who}") for who in keepers)


def _paper_title(kind: str) -> dict[str, str]:
    """In both languages: the reader's is known only when it is read."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    title = policy.paper_title(kind)
    with override("en"):
        return {"zh": title, "en": gettext(title)}


def _day(day: date) -> str:
    return f"{day:%Y-%m-%d}"
