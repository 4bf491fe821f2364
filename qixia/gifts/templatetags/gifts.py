"""Tags of the pages of gifts: money, small numbers, shares."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag
def yuan(fen: int) -> str:
    """分 as 元 with groups of three; 分 only where there are some."""
    whole, rest = divmod(fen, 100)
    return f"{whole:,}.{rest:02d}" if rest else f"{whole:,}"


@register.simple_tag
def fewer(count: int | None, smallest: int) -> str:
    """A number, or that it is too small to be shown."""
    return _("不单列") if count is None else f"{count:,}"


@register.filter
def percent(share: float) -> str:
    return f"{share * 100:.1f}"
