"""The console's entries of gifts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qixia.gifts.access import DESK
from qixia.ui.nav import Item, register

_CAMPAIGNS = ("new", "donors", "handed", "case", "edit", "do", "donation", "stock", "entrants", "undo")
_PLACES = ("places", "place", "count", "papers", "paper", "paper_do")


def register_desk() -> None:
    """Called once when Django starts. No counts: they would cost every page a query."""
    more = tuple(f"gifts:{name}" for name in (*_CAMPAIGNS, *_PLACES))
    register(Item(_("礼包"), "gift", "gifts:campaigns", DESK, "工作", 29, None, more))
    register(Item(_("发放礼包"), "scan", "gifts:hand", (*DESK, "merchant", "worker", "unit_lead"), "工作", 30))
