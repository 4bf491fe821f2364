"""Who waits for what: a rider's own lines, and a line as an administrator sees it (without names: nobody needs them)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, IntegerField, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.rewards import states
from qixia.rewards.access import own_waitings
from qixia.rewards.models import Waiting
from qixia.rewards.queries.words import slot_words
from qixia.ui.paging import Page

PAGE = 50


@dataclass(frozen=True, slots=True)
class InLine:
    """A rider's own place. `place` counts from 1; 0 once it is kept. `when` is empty for an item without times."""

    public_id: str
    item: str
    name: str
    picture: str
    slot: str
    when: str
    place: int
    is_offered: bool
    until: datetime | None
    since: datetime


def lines_of(actor: Actor, item_ids: Iterable[int] | None = None) -> list[InLine]:
    """The actor's open lines, what is kept first. One query."""
    before = Waiting.objects.filter(state=states.IN_LINE, item_id=OuterRef("item_id"), pk__lt=OuterRef("pk")).order_by()
    ahead = Case(
        When(slot=None, then=_count(before.filter(slot=None))),
        default=_count(before.filter(slot_id=OuterRef("slot_id"))),
    )
    rows = own_waitings(actor).filter(state__in=states.WAITING_OPEN)
    if item_ids is not None:
        rows = rows.filter(item_id__in=list(item_ids))
    found = rows.annotate(ahead=ahead).order_by("pk")
    # What is kept is so until its moment, whenever the job comes.
    now = clock.now()
    made = [_in_line(row, now) for row in found]
    return sorted((one for one in made if one is not None), key=lambda one: not one.is_offered)


def _count(rows: QuerySet[Waiting]) -> Coalesce:
    """How many, as a part of another statement."""
    number = rows.values("item_id").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)


def _in_line(row: Waiting, now: datetime) -> InLine | None:
    is_offered = row.state == states.OFFERED
    if is_offered and row.offered_until and row.offered_until <= now:
        return None
    return InLine(
        public_id=row.public_id,
        item=row.item.public_id,
        name=row.item.name,
        picture=f"rewards/good-{row.item.picture}.svg",
        slot=row.slot.public_id if row.slot else "",
        when=slot_words(row.slot) if row.slot else "",
        place=0 if is_offered else row.ahead + 1,  # type: ignore[attr-defined]
        is_offered=is_offered,
        until=row.offered_until,
        since=row.since,
    )


@dataclass(frozen=True, slots=True)
class LineRow:
    """One place in a line, for the console."""

    since: datetime
    state: str
    label: str
    glyph: str
    when: str
    until: datetime | None


_GLYPHS = {states.IN_LINE: "wait", states.OFFERED: "doing", states.TAKEN: "fixed"}


def line_page(item_id: int, *, after: int | None = None, size: int = PAGE) -> Page[LineRow]:
    """Who waits or waited for an item and its times, the latest first. One query."""
    rows = Waiting.objects.select_related("slot").filter(item_id=item_id)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows.order_by("-pk")[: size + 1])
    lines = [
        LineRow(
            since=row.since,
            state=row.state,
            label=_(states.WAITING_LABELS[row.state]),
            glyph=_GLYPHS.get(row.state, "back"),
            when=slot_words(row.slot) if row.slot else "",
            until=row.offered_until if row.state == states.OFFERED else None,
        )
        for row in found[:size]
    ]
    return Page(lines, after=str(found[size - 1].pk) if len(found) > size else None)


def line_counts(item_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Item → (how many wait, for how many something is kept). One query."""
    rows = Waiting.objects.filter(item_id__in=list(item_ids), state__in=states.WAITING_OPEN).order_by()
    counted = rows.values_list("item_id").annotate(
        waiting=Count("pk", filter=Q(state=states.IN_LINE)), kept=Count("pk", filter=Q(state=states.OFFERED))
    )
    return {item: (waiting, kept) for item, waiting, kept in counted}
