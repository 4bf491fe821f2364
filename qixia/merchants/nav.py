"""The console's entries of merchants."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qixia.merchants.access import JUDGES
from qixia.merchants.queries import waiting_count
from qixia.ui.nav import Item, register


def register_desk() -> None:
    """Called once when Django starts."""
    more = ("merchants:case", "merchants:alliances", "merchants:decide", "merchants:check", "merchants:new")
    register(Item(_("友好商家"), "building-store", "merchants:queue", JUDGES, "工作", 28, waiting_count, more))
    register(Item(_("我的店"), "building-store", "merchants:own", ("merchant",), "工作", 11))
