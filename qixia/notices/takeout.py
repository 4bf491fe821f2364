"""What a person gets of the own inbox (people's right to a copy)."""

from __future__ import annotations

from typing import Any

from qixia.notices import queries

_PAGE = 200


def export_of(person_id: int, *, language: str) -> list[dict[str, Any]]:
    """Every notice in the words that the person read, latest first."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = queries.inbox(person_id, language=language, after=after, size=_PAGE)
        found += [_line(item) for day in page.days for item in day.items]
        if not page.after:
            return found
        after = page.after


def _line(item: queries.Item) -> dict[str, Any]:
    return {"at": item.at, "title": item.words.title, "text": item.words.body, "read": item.is_read}


def settings_of(person_id: int) -> dict[str, Any]:
    """What the person chose about reminders, and where they go. Addresses of browsers stay out: they are keys."""
    known, wish = queries.reminders_of(person_id), queries.wishes_of([person_id])[person_id]
    return {
        "devices": known.labels,
        "mail": known.mail,
        "chosen": [{"by": by, "group": group, "wanted": yes} for (by, group), yes in sorted(wish.chosen.items())],
        "quiet": [f"{wish.quiet.start:%H:%M}", f"{wish.quiet.end:%H:%M}"] if wish.quiet else [],
    }
