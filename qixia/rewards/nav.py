"""The console's entries of points: rules, what waits for a look, what riders say against entries."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qixia.rewards.access import CERTIFIERS
from qixia.rewards.queries import open_appeals_of_points, open_holds_count
from qixia.rewards.queries.statements import open_statements_count, own_waiting_count
from qixia.ui.nav import Item, register

DECIDERS = ("admin", "supervisor")


def register_desk() -> None:
    """Called once when Django starts."""
    decided = ("rewards:holds-decided",)
    register(Item(_("确认服务"), "heart-handshake", "rewards:certify", CERTIFIERS, "工作", 25))
    register(Item(_("先看再给"), "eye-check", "rewards:holds", DECIDERS, "工作", 26, open_holds_count, decided))
    register(Item(_("看过的积分"), "eye-check", *decided, ("auditor",), "查看", 62))
    register(
        Item(_("积分申诉"), "message-question", "rewards:points-appeals", DECIDERS, "工作", 27, open_appeals_of_points)
    )
    register(Item(_("积分预算"), "wallet", "rewards:budgets", ("admin", "auditor"), "管理", 37))
    register(Item(_("收券手机"), "device-mobile", "rewards:tills", ("admin",), "查看", 61))
    register(Item(_("核账"), "shield-check", "rewards:audit", ("admin", "auditor"), "查看", 60))
    register(
        Item(_("账本"), "list-details", "rewards:books", ("admin", "auditor"), "查看", 59, None, ("rewards:posting",))
    )
    register(Item(_("积分规则"), "coin", "rewards:table", ("admin", "auditor"), "管理", 38))
    more = ("rewards:settlement-one", "rewards:settlement-issue", "rewards:settlement-paper")
    register(
        Item(
            _("商家对账"),
            "receipt",
            "rewards:settlement",
            ("admin", "auditor"),
            "工作",
            29,
            open_statements_count,
            more,
        )
    )
    register(Item(_("对账"), "receipt", "rewards:statements", ("merchant",), "工作", 12, own_waiting_count))
