"""What the rest of the house hears about points: history, events and the rider's inbox, in the caller's transaction.

A constant number of statements for any number of postings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from qixia.audit.services import Act, record_many
from qixia.codes.queries import class_names
from qixia.jobs.registry import declare_event
from qixia.jobs.services import Happened, publish_many
from qixia.kernel.requests import without_request_id
from qixia.notices.services import Tell, tell_many
from qixia.people.queries import person_ids_for
from qixia.rewards import rules
from qixia.rewards.models import Posting, Use, Voucher
from qixia.rewards.queries.money import amount

POSTED = declare_event("rewards.posted")
VOUCHER_RESERVED = declare_event("rewards.voucher_reserved")
VOUCHER_USED = declare_event("rewards.voucher_used")
VOUCHER_REDEEMED = declare_event("rewards.voucher_redeemed")
VOUCHER_EXPIRED = declare_event("rewards.voucher_expired")
VOUCHER_CANCELLED = declare_event("rewards.voucher_cancelled")
EVENT_OF = {
    "reserve": VOUCHER_RESERVED,
    "use": VOUCHER_USED,
    "redeem": VOUCHER_REDEEMED,
    "expire": VOUCHER_EXPIRED,
    "cancel": VOUCHER_CANCELLED,
}
LEDGER = "/points"
_TEMPLATES = {rules.REVERSAL: "points.reversed", rules.HOLD: "points.held", rules.VOID: "points.voided"}


def posted(postings: Sequence[Posting]) -> None:
    """Awards and reversals that were just written. Sources are told as they are stored, and under no request's id: the
    same id stands in the history of the report that was paid."""
    if not postings:
        return
    with without_request_id():
        _posted(postings)


def recorded(postings: Sequence[Posting]) -> None:
    """History and events of postings that riders were told of before."""
    if not postings:
        return
    record_many(
        Act(
            f"rewards.{row.kind}",
            row.source,
            row.actor,
            {"beneficiary": row.beneficiary, "rule": row.rule, "version": row.rule_version, "points": row.points},
        )
        for row in postings
    )
    publish_many(
        Happened(
            POSTED,
            row.source,
            {
                "beneficiary": row.beneficiary,
                "kind": row.kind,
                "rule": row.rule,
                "act": row.act,
                "points": row.points,
                "nominal": row.nominal,
            },
        )
        for row in postings
    )


def _posted(postings: Sequence[Posting]) -> None:
    recorded(postings)
    public_ids = {public_id for row in postings if (public_id := public_id_of(row.beneficiary))}
    people = person_ids_for(public_ids) if public_ids else {}
    tell_many(
        Tell(
            person_id=people[public_id_of(row.beneficiary)],
            template=_template(row),
            params={
                "points": abs(row.points or row.promised),
                "nominal": abs(row.nominal),
                "title": _titles(row),
                "reason": row.params.get("reason", ""),
                "until": row.params.get("until", ""),
            },
            link=LEDGER,
            key=f"points|{row.key}",
        )
        for row in postings
        if public_id_of(row.beneficiary) in people
    )


def _titles(row: Posting) -> dict[str, str]:
    """The name of the rule for a notice, whose reader's language is not known yet."""
    title = row.params.get("title", "")
    names = class_names(row.rule)
    if title == names["zh"]:
        return names
    with override("en"):
        return {"zh": title, "en": _(title) if title else ""}


def _template(row: Posting) -> str:
    if row.kind in _TEMPLATES:
        return _TEMPLATES[row.kind]
    if row.params.get("uncovered"):
        return "points.owed" if row.promised else "points.uncovered"
    if row.pays_id and row.points < row.nominal:
        return "points.part"
    return "points.capped" if row.points < row.nominal else "points.awarded"


def public_id_of(ref: str) -> str:
    """ "person:abc" → "abc"; "" for anything that is no person."""
    kind, _, public_id = ref.partition(":")
    return public_id if kind == "person" else ""


def stepped(step: str, vouchers: Sequence[Voucher], *, actor: str) -> None:
    """A step that vouchers have just made; of takings see `taken`."""
    if not vouchers:
        return
    event = EVENT_OF[step]
    record_many(
        Act(event, f"voucher:{row.public_id}", actor, {"price": row.price, "returned": row.returned})
        for row in vouchers
    )
    publish_many(
        Happened(
            event,
            f"voucher:{row.public_id}",
            {"person_id": row.person_id, "item_id": row.item_id, "price": row.price, "returned": row.returned},
        )
        for row in vouchers
    )
    if step == "expire":
        tell_many(
            Tell(
                person_id=row.person_id,
                template="voucher.expired",
                params={"name": row.name, "points": row.returned, "number": row.number, "shop": row.merchant.name},
                link=f"/vouchers/{row.public_id}",
                key=f"voucher|{row.public_id}|{step}",
            )
            for row in vouchers
        )


def taken(step: str, use: Use, *, actor: str) -> None:
    """A use of a voucher: the rider hears of each, since nobody else would notice a wrong one."""
    row, event = use.voucher, EVENT_OF[step]
    facts = {"units": use.units, "points": use.points, "fen": use.fen}
    record_many([Act(event, f"voucher:{row.public_id}", actor, {**facts, "price": row.price, "used": row.used})])
    publish_many(
        [
            Happened(
                event,
                f"voucher:{row.public_id}",
                {"person_id": row.person_id, "item_id": row.item_id, "price": row.price, **facts},
            )
        ]
    )
    params: dict[str, Any] = {"name": row.name, "number": row.number, "shop": row.merchant.name}
    if step == "use":
        params |= {"used": _amounts(row, use.units), "left": _amounts(row, row.left)}
    tell_many(
        [
            Tell(
                person_id=row.person_id,
                template="voucher.redeemed" if step == "redeem" else "voucher.used",
                params=params,
                link=f"/vouchers/{row.public_id}",
                key=f"voucher|{row.public_id}|{use.public_id}",
            )
        ]
    )


def _amounts(row: Voucher, units: int) -> dict[str, str]:
    """For a notice, whose reader's language is not known yet."""
    found = {}
    for language, code in (("zh", "zh-hans"), ("en", "en")):
        with override(code):
            found[language] = amount(units, by_amount=row.by_amount)
    return found
