"""分 as people write 元."""

from __future__ import annotations

from django.utils.translation import gettext as _


def yuan(fen: int | None) -> str:
    """分 as people write 元: 1500 → "15", 1350 → "13.50"; "" for no value."""
    if fen is None:
        return ""
    return str(fen // 100) if fen % 100 == 0 else f"{fen / 100:.2f}"


def amount(units: int, *, by_amount: bool) -> str:
    """So much of a voucher: "2 次", or "12.50 元" of one that is taken by amount."""
    return _("%(yuan)s 元") % {"yuan": yuan(units)} if by_amount else _("%(n)d 次") % {"n": units}
