"""Reading the inbox. Words are made here, in the reader's language, from the templates in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from qixia.kernel import clock
from qixia.kernel.keys import keys
from qixia.notices import rules
from qixia.notices.models import Notice
from qixia.notices.rules import Rendered, TemplateRules, day_distance, render
from qixia.policy import kinds
from qixia.policy.queries import current

PAGE = 30
TEMPLATES = "notices.templates"
DIGEST = "digest."  # templates of summaries
SEAL = "notice"  # purpose of the sealed column and of the keyed hash


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
    """The published words. What a newer release has to tell besides, and a city has not worded yet, in the release's."""
    global _filled
    data: TemplateRules = current(TEMPLATES).data
    if _filled is None or _filled[0] is not data:
        shipped = _shipped()
        words = TemplateRules(notices={**shipped.notices, **data.notices}, sms={**shipped.sms, **data.sms})
        _filled = data, words
    return _filled[1]


@lru_cache(maxsize=1)
def _shipped() -> TemplateRules:
    kind = kinds.get(TEMPLATES)
    return TemplateRules.model_validate(kind.read_seed())


_filled: tuple[TemplateRules, TemplateRules] | None = None


def outside(template: str, *, language: str) -> str:
    """What may be shown about a notice where others can read it: a lock screen, a text message, a group."""
    return rules.outside(templates(), template, language)


def outside_by_mail(notice: Notice, *, language: str) -> str:
    """As everywhere outside; a digest is counts and nothing else, so a letter may say them."""
    if not notice.template.startswith(DIGEST):
        return outside(notice.template, language=language)
    shown = render(templates(), notice.template, _opened(notice)[0], language)
    return f"{shown.title}\n{shown.body}"


def places_of(template: str) -> frozenset[str]:
    """The facts that come with a template: those that its words use, in the release's version or the published one."""
    versions = (one.notices.get(template) for one in (_shipped(), templates()))
    return frozenset().union(*(rules.places_in(one) for one in versions if one))


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
    row = Notice.objects.filter(person_id=person_id, public_id=public_id).first()
    return _opened(row)[1] if row else None


def latest(person_id: int, *, language: str, size: int = 3) -> list[Item]:
    """The last few notices, for a home page."""
    words = templates()
    return [_item(row, words, language) for row in Notice.objects.filter(person_id=person_id).order_by("-pk")[:size]]


def _inbox(rows: list[Notice], language: str, *, newer: bool, older: bool) -> Inbox:
    words, today = templates(), clock.city_date(clock.now())
    days: dict[date, list[Item]] = {}
    for row in rows:
        days.setdefault(clock.city_date(row.created_at), []).append(_item(row, words, language))
    return Inbox(
        days=tuple(Day(day, day_distance(day, today), tuple(items)) for day, items in days.items()),
        after=rows[-1].public_id if older and rows else None,
        before=rows[0].public_id if newer and rows else None,
    )


def _item(row: Notice, words: TemplateRules, language: str) -> Item:
    params, link = _opened(row)
    shown = render(words, row.template, params, language)
    return Item(row.public_id, shown, row.created_at, row.read_at is not None, bool(link), row.template)


def _opened(row: Notice) -> tuple[dict[str, Any], str]:
    """Facts and link of a notice. Microseconds each: one AES-GCM decryption."""
    return rules.unpack(keys().open(bytes(row.sealed), purpose=SEAL))
