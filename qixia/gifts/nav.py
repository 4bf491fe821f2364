"""The console's entries of gifts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qixia.gifts.access import DESK
from qixia.ui.nav import Item, register


def register_desk() -> None:
    """Called once when Django starts. No counts: they would cost every page a query."""
    names = ("new", "donors", "places", "handed", "case", "edit", "do", "donation", "stock", "entrants", "undo")
    names += ("place", "count", "papers", "paper", "paper_do")
    register(
        Item(_("礼包"), "gift", "gifts:campaigns", DESK, "工作", 29, None, tuple(f"gifts:{name}" for name in names))
    )
    register(Item(_("发放礼包"), "scan", "gifts:hand", (*DESK, "merchant", "worker", "unit_lead"), "工作", 30))
