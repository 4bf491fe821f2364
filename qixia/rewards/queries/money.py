"""分 as people write 元."""

from __future__ import annotations


def yuan(fen: int | None) -> str:
    """分 as people write 元: 1500 → "15", 1350 → "13.50"; "" for no value."""
    if fen is None:
        return ""
    return str(fen // 100) if fen % 100 == 0 else f"{fen / 100:.2f}"
