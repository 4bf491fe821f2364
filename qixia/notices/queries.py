"""Reading the inbox. Words are made here, in the reader's language, from the templates in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from qixia.kernel import clock
from qixia.notices.models import Notice
from qixia.notices.rules import Rendered, TemplateRules, day_distance, render
from qixia.policy.queries import current

PAGE = 30


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the inbox, ready to read."""

    public_id: str
    words: Rendered
    at: datetime
    is_read: bool
    has_link: bool
    template: str


@dataclass(frozen=True, slots=True)
class Day:
    """The lines of one day in the city; `distance` 0 is today, 1 yesterday, None earlier."""

    day: date
    distance: int | None
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of the inbox. `after` and `before` are keys of the pages beside it, None at an end."""

    days: tuple[Day, ...]
    after: str | None
    before: str | None


def templates() -> TemplateRules:
    data: TemplateRules = current("notices.templates").data
    return data


def unread_count(person_id: int) -> int:
    return Notice.objects.filter(person_id=person_id, read_at=None).count()


def inbox(person_id: int, *, language: str, after: str = "", before: str = "", size: int = PAGE) -> Inbox:
    """Notices of one person, newest first. An unknown key gives the first page."""
    mine = Notice.objects.filter(person_id=person_id)
    edge = mine.filter(public_id=before or after).values_list("pk", flat=True).first() if after or before else None
    if before and edge:
        found = list(mine.filter(pk__gt=edge).order_by("pk")[: size + 1])
        rows, more = list(reversed(found[:size])), len(found) > size
        return _inbox(rows, language, newer=more, older=bool(rows))
    older_than = mine.filter(pk__lt=edge) if edge else mine
    found = list(older_than.order_by("-pk")[: size + 1])
    return _inbox(found[:size], language, newer=edge is not None, older=len(found) > size)


def link_of(person_id: int, public_id: str) -> str | None:
    """Where a notice leads; None if it is not this person's."""
    rows = Notice.objects.filter(person_id=person_id, public_id=public_id)
    return rows.values_list("link", flat=True).first()


def latest(person_id: int, *, language: str, size: int = 3) -> list[Item]:
    """The last few notices, for a home page."""
    rules = templates()
    return [_item(row, rules, language) for row in Notice.objects.filter(person_id=person_id).order_by("-pk")[:size]]


def _inbox(rows: list[Notice], language: str, *, newer: bool, older: bool) -> Inbox:
    rules, today = templates(), clock.city_date(clock.now())
    days: dict[date, list[Item]] = {}
    for row in rows:
        days.setdefault(clock.city_date(row.created_at), []).append(_item(row, rules, language))
    return Inbox(
        days=tuple(Day(day, day_distance(day, today), tuple(items)) for day, items in days.items()),
        after=rows[-1].public_id if older and rows else None,
        before=rows[0].public_id if newer and rows else None,
    )


def _item(row: Notice, rules: TemplateRules, language: str) -> Item:
    words = render(rules, row.template, row.params, language)
    return Item(row.public_id, words, row.created_at, row.read_at is not None, bool(row.link), row.template)
