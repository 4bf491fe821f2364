"""The console's entries of this package. Several entries show a count; one query serves them all in a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from qixia.kernel.requests import request_id
from qixia.people.access import Actor
from qixia.reports.access import REVEAL_ROLE, STAFF_ROLES, SUPERVISOR_ROLES
from qixia.reports.queries import list_counts
from qixia.reports.queries.aftermath import open_appeals_count
from qixia.reports.queries.alarms import bar_for
from qixia.reports.queries.clocks import supervision_count
from qixia.reports.queries.duplicates import proposals_count
from qixia.ui.context import set_alarm
from qixia.ui.nav import Item, register

_STAFF = ("worker", "unit_lead", "clerk", "supervisor", "admin")
_CLERK = ("clerk", "supervisor", "admin")
_TRIAGE = ("reports:triage_case",)


@lru_cache(maxsize=32)
def _counts_in(_request: str, actor: Actor) -> dict[str, int]:
    return list_counts(actor)


def _count(name: str) -> Callable[[Actor], int]:
    def count(actor: Actor) -> int:
        current = request_id()
        return (_counts_in(current, actor) if current else list_counts(actor))[name]

    return count


def register_desk() -> None:
    """Called once when Django starts."""
    set_alarm(bar_for)
    register(Item(_("特急警报"), "bell", "reports:alarm", _STAFF, "工作", 3))
    supervisors = ("supervisor", "admin")
    item = Item(_("督办"), "eye-check", "reports:supervision", supervisors, "工作", 4, supervision_count, hot=True)
    register(item)
    register(Item(_("处置队列"), "list-check", "reports:queue", _STAFF, "工作", 10, _count("queue"), hot=True))
    sorting = Item(_("分拣队列"), "sparkles", "reports:triage", _CLERK, "工作", 5, _count("sorting"), _TRIAGE, hot=True)
    register(sorting)
    register(Item(_("待定主办"), "arrow-back-up", "reports:returned", _CLERK, "工作", 6, _count("returned")))
    register(Item(_("待核实"), "eye-check", "reports:checks", _CLERK, "工作", 20, _count("checks")))
    register(Item(_("合并建议"), "git-merge", "reports:duplicates", _CLERK, "工作", 15, proposals_count))
    register(Item(_("导入"), "upload", "reports:import", _CLERK, "工作", 60, active=("reports:import_batch",)))
    register(Item(_("申诉"), "gavel", "reports:appeals", (*SUPERVISOR_ROLES, "admin"), "工作", 25, open_appeals_count))
    register(Item(_("办得怎么样"), "chart-bar", "reports:figures", STAFF_ROLES, "查看", 30))
    register(Item(_("查明上报人"), "lock-open", "reports:reveal", (REVEAL_ROLE,), "工作", 10))
    register(Item(_("联合办理"), "users", "reports:undertakings", _STAFF, "工作", 30, active=("reports:undertaking",)))
    register(Item(_("代班"), "user-check", "reports:deputies", _STAFF, "本单位", 40))
    register(Item(_("派单目录"), "route", "reports:routing", _CLERK, "管理", 5))
    register(Item(_("地图"), "map-2", "reports:map", _STAFF, "查看", 10))
    register(Item(_("全部上报"), "search", "reports:all", _STAFF, "查看", 20))
