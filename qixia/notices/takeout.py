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
