"""What keeps somebody's data from being deleted yet, as far as the rooms know."""

from __future__ import annotations

from qixia.people.access import Actor
from qixia.people.holds import Hold, register
from qixia.people.rules import STAFF_ROLES
from qixia.reports.queries.export import holding_of
from qixia.rewards.takeout import open_vouchers


def _reports(actor: Actor) -> Hold | None:
    count = holding_of(actor).open
    return Hold("reports", count, "还有 %(count)s 件上报没办完，要有人能答复你。", "办完后再来。") if count else None


def _vouchers(actor: Actor) -> Hold | None:
    count = open_vouchers(actor) if actor.person_id else 0
    return Hold("vouchers", count, "还有 %(count)s 张券没用，注销后就兑不了。", "用掉或退回后再来。") if count else None


def _work(actor: Actor) -> Hold | None:
    """Whoever works here hands the work over first."""
    count = len(actor.roles & (STAFF_ROLES | {"merchant"}))
    return Hold("work", count, "你还有 %(count)s 个工作角色。", "请先由管理员收回。") if count else None


def register_holds() -> None:
    """Called once when Django starts."""
    register("reports", _reports)
    register("vouchers", _vouchers)
    register("work", _work)
