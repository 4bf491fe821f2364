"""Numbers of long lists: they are counted up to MOST and shown as "1000+" from there on."""

from __future__ import annotations

MOST = 1000


def many(number: int) -> str:
    """What a count says that was stopped at MOST + 1."""
    return f"{MOST}+" if number > MOST else str(number)
