"""Reports that a rider supports, as the supporter sees them: how far it is, what the unit says, what it looks like now.

Of the reporter nothing: no words, no place in words but what everybody sees on the map, none of the pictures but the
first covered one. Of a matter that could name a person only the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.ids import is_row_key
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access
from qixia.reports.models import Report, Support
from qixia.reports.queries.rider import Page, RiderCard, followed_events, followed_facts
from qixia.reports.queries.shared import Picture, TimelineItem, is_sensitive, pictures_of
from qixia.reports.queries.similar import covered_thumbs, others_of
from qixia.rewards.queries import points_of
from qixia.rewards.rules import SUPPORT, PointsPolicy


@dataclass(frozen=True, slots=True)
class SupportCard(RiderCard):
    """`public_id` is the support's."""

    @property
    def url(self) -> str:
        return reverse("reports:supported", args=[self.public_id])


@dataclass(frozen=True, slots=True)
class SupportView(SupportCard):
    day: date
    points: int | None
    expected: int  # what it will earn, while nothing is booked
    pay_days: int
    others: int
    is_sensitive: bool
    after: list[Picture]
    events: list[TimelineItem]


def my_supports(actor: Actor, before_key: str, limit: int) -> Page:
    """Latest first; `before_key` is the key that the page before ended with. Three queries."""
    rows = access.own_supports(actor).select_related("report__unit", "report__merged_into__unit")
    if before_key:
        if not is_row_key(before_key):
            raise Invalid("这一页的地址不对，请从头翻起。", field="before")
        rows = rows.filter(pk__lt=int(before_key))
    found = list(rows.order_by("-pk")[: limit + 1])
    page = found[:limit]
    thumbs = covered_thumbs([_lead(row).pk for row in page], actor.ref) if page else {}
    cards: list[RiderCard] = [SupportCard(**_facts(row, thumbs)) for row in page]
    return Page(cards, str(page[-1].pk) if len(found) > limit else "")


def support_view(actor: Actor, public_id: str) -> SupportView:
    """One own support; NotFound for anybody else's."""
    row = access.own_support(actor, public_id)
    lead = _lead(row)
    hidden = is_sensitive(lead)
    pictures = pictures_of([lead.pk], actor.ref)[lead.pk]
    others, policy = others_of([lead.pk]).get(lead.pk, 0), current("reports.merging").data
    return SupportView(
        **_facts(row, covered_thumbs([lead.pk], actor.ref)),
        day=row.day,
        points=_arrived(row),
        expected=_expected(lead) if row.points is None and others <= policy.paid_riders else 0,
        pay_days=policy.pay_days,
        others=others,
        is_sensitive=hidden,
        after=[] if hidden else [one for one in pictures["after"] if one.state == "ready"],
        events=[] if hidden else followed_events(lead, hidden=False),
    )


def export_of_supports(actor: Actor) -> list[dict[str, Any]]:
    """For the copy of everything that is kept about somebody."""
    rows = access.own_supports(actor).select_related("report__unit", "report__merged_into__unit").order_by("-pk")
    return [
        {
            "number": row.report.number,
            "day": row.day,
            "points": row.points,
            "title": facts["title"],
            "state": facts["state_label"],
        }
        for row in rows
        for facts in [_facts(row, {})]
    ]


def _arrived(row: Support) -> int | None:
    """What is in the purse: `row.points` counts what is held or owed too. None before the batch."""
    source = f"support:{row.public_id}"
    return max(points_of([source]).get(source, 0), 0) if row.points else row.points


def _expected(lead: Report) -> int:
    table: PointsPolicy = current("rewards.points").data
    return table.line(SUPPORT, {}).points if lead.state != "invalid" else 0


def _lead(row: Support) -> Report:
    return row.report.merged_into or row.report


def _facts(row: Support, thumbs: dict[int, str]) -> dict[str, Any]:
    lead = _lead(row)
    facts = followed_facts(lead, clock.now())
    facts |= {"public_id": row.public_id, "number": row.report.number, "received_at": lead.received_at}
    if is_sensitive(lead):
        hidden = {"title": _("一件涉及个人的事"), "place": "", "severity": "", "thumb_url": None, "clock": None}
        return facts | hidden
    return facts | {"thumb_url": thumbs.get(lead.pk)}
