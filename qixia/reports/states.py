"""The life of a report: one table. Validation, buttons, the diagram in the docs and the test of every state × step cell
read it.

    received ──settle──▶ dispatched ──accept──▶ accepted ──arrive──▶ working ──resolve──▶ resolved ──verify──▶ confirming
       │                    ▲  │                                                             │                     │
       └─doubt─▶ sorting ─sort  └─refer/object─▶ returned ─decide─▶ dispatched    send back ▼             confirm ▼
                                                                                          working                fixed

A unit that is not the right one names who is (`return`, to that unit at once); the named one may object once, then the
supervisor decides. A report in `split` waits for its parts, which are reports of their own.

With another report of the same place, `merge` leads from any state before the unit says done to `merged`; `unmerge`
leads back to the state that was recorded then.

Closed and fixed are different facts: `confirming` and `closed` say that the unit and the clerk are done; only `fixed`
says that somebody saw it who does not work for them: the reporter, or a second rider who passed by.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

State = Literal[
    "received",
    "sorting",
    "dispatched",
    "accepted",
    "working",
    "returned",
    "resolved",
    "confirming",
    "fixed",
    "closed",
    "reopened",
    "invalid",
    "aside",
    "merged",
    "split",
]
Who = Literal["system", "clerk", "unit", "staff", "supervisor", "rider", "witness", "helper", "charge"]


@dataclass(frozen=True, slots=True)
class Step:
    """One way on. `to` None: the state stays. `who` names the party that may take it."""

    sources: frozenset[State]
    to: State | None
    who: Who
    label: str  # what the button says
    done: str  # what the timeline says


def _step(sources: str, to: State | None, who: Who, label: str, done: str) -> Step:
    return Step(frozenset(sources.split()), to, who, label, done)  # type: ignore[arg-type]


_WITH_UNIT = "dispatched accepted working reopened"
_OPEN = f"sorting returned resolved confirming split {_WITH_UNIT}"
_MERGEABLE = f"sorting returned {_WITH_UNIT}"

STEPS: dict[str, Step] = {
    # The worker, a moment after acceptance.
    "settle": _step("received", "dispatched", "system", "派单", "已派单"),
    "doubt": _step("received", "sorting", "system", "转人工", "转人工分拣"),
    "settle_handled": _step("received", "resolved", "system", "等核实", "你已顺手处理，等社区核实"),
    "settle_merged": _step("received", "merged", "system", "并入", "和附近已有的一件是同一处，并成一件办"),
    # The clerk decides what the machine did not.
    "sort": _step("sorting", "dispatched", "clerk", "确认派单", "人工分拣后派单"),
    "sort_handled": _step("sorting", "resolved", "clerk", "确认，等核实", "人工分拣，等社区核实"),
    "redirect": _step("dispatched reopened", "dispatched", "clerk", "改派", "改派"),
    # The unit.
    "accept": _step("dispatched reopened", "accepted", "unit", "签收", "单位已签收"),
    "assign": _step("accepted working", None, "unit", "指派", "已指派到人"),
    "answer": _step(_WITH_UNIT, None, "unit", "答复", "单位答复"),
    "arrive": _step("accepted working", "working", "unit", "到场", "已到现场"),
    "resolve": _step("accepted working", "resolved", "unit", "办结", "单位办结"),
    "inspect": _step("accepted working", "working", "unit", "现场核查", "已到现场核查"),
    "answer_for": _step(_OPEN, None, "clerk", "代为答复", "社区答复"),
    "promise": _step(_WITH_UNIT, None, "unit", "约定答复日期", "已研究，约定日期答复"),
    # Not ours: to the unit that is named; that one may object once; nobody known: the district decides.
    "return": _step(_WITH_UNIT, "dispatched", "unit", "退回", "不归这家单位办，转给该办的单位"),
    "object": _step("dispatched", "returned", "unit", "提出异议", "被退给的单位有异议，等督办决定"),
    "refer": _step(_WITH_UNIT, "returned", "unit", "退回，不知该谁办", "单位退回，等决定由谁办"),
    "decide": _step("returned", "dispatched", "supervisor", "决定主办单位", "督办决定了主办单位"),
    # What units undertake together answers many reports at once.
    "deliver": _step(f"returned {_WITH_UNIT}", "resolved", "system", "联合办理有结果", "几个单位联合办理，有了结果"),
    # Several units: helpers beside the lead unit, or parts of their own.
    "ask_help": _step(_WITH_UNIT, None, "staff", "请求协办", "请其他单位协办"),
    "help": _step(_WITH_UNIT, None, "helper", "补充协办情况", "协办单位补充了情况"),
    "help_done": _step(_WITH_UNIT, None, "helper", "协办完成", "协办单位办完了自己的部分"),
    "waive_help": _step(_WITH_UNIT, None, "staff", "不再需要协办", "不再需要这家单位协办"),
    "split": _step(f"returned {_WITH_UNIT}", "split", "clerk", "拆分", "拆成几部分分头办"),
    "gather": _step("split", "resolved", "system", "各部分办完", "各部分都办完了"),
    "scatter": _step("resolved confirming", "split", "system", "部分打回", "有一部分打回重办"),
    "unsplit": _step("split", "returned", "system", "各部分都不成立", "各部分都不成立，等决定由谁办"),
    # A part of its own: it comes from the whole, and is filed when the whole is.
    "cut": _step("", "dispatched", "system", "拆出", "从一件里拆出来，派给单位"),
    "file_part": _step(
        f"returned resolved {_WITH_UNIT}", "closed", "system", "随整件归档", "整件已了结，这一部分随之归档"
    ),
    # The clocks of resolving and verifying; the one of the first answer knows none of these.
    "pause": _step(f"resolved {_WITH_UNIT}", None, "clerk", "暂停计时", "计时暂停"),
    "resume": _step(f"resolved returned split {_WITH_UNIT}", None, "clerk", "恢复计时", "计时恢复"),
    "ask_extension": _step(_WITH_UNIT, None, "unit", "申请延期", "单位申请延期"),
    "grant_extension": _step(_WITH_UNIT, None, "supervisor", "同意延期", "同意延期"),
    "deny_extension": _step(_WITH_UNIT, None, "supervisor", "不同意延期", "不同意延期"),
    "escalate": _step(_OPEN, None, "system", "升级督办", "升级督办"),
    "recalculate": _step(_OPEN, None, "system", "重算时限", "工作日历有变，时限重新算过"),
    # Somebody else says so too, in a group or a list that a clerk brought in.
    "mention": _step(_OPEN, None, "system", "也有人说到", "群聊或表格里也有人说到这一件"),
    # Something critical rings until a person says: I have it.
    "acknowledge": _step(_OPEN, None, "staff", "我来处理", "特急警报有人接手"),
    "transfer": _step(_OPEN, None, "staff", "转紧急电话", "已转紧急电话"),
    # The clerk looks whether it is true and done.
    "verify": _step("resolved", "confirming", "clerk", "核实通过", "社区核实通过"),
    "verify_handled": _step("resolved", "fixed", "clerk", "核实通过", "社区核实通过，记为已修好"),
    "send_back": _step("resolved confirming", "working", "clerk", "打回重办", "核实不通过，打回重办"),
    "validate": _step(_OPEN, None, "clerk", "属实", "认定属实"),
    "reject": _step(_OPEN, "invalid", "clerk", "不属实", "认定不属实"),
    "set_aside": _step(_OPEN, "aside", "clerk", "不受理", "不在受理范围，不予受理"),
    "grant_appeal": _step("invalid aside", "sorting", "supervisor", "申诉成立", "申诉成立，重新办理"),
    "deny_appeal": _step("invalid aside", None, "supervisor", "维持认定", "申诉后维持认定"),
    "merge": _step(_MERGEABLE, "merged", "clerk", "并入", "和已有的一件是同一处，并成一件办"),
    "unmerge": _step("merged", None, "clerk", "撤销并入", "撤销并入，单独办"),
    # What the lead of a merge lives through: it stays where it is.
    "absorb": _step(_MERGEABLE, None, "system", "并入一件", "又有一件报的是同一处，并进来一起办"),
    "release": _step(f"{_MERGEABLE} invalid", None, "system", "分出一件", "有一件分出去单独办"),
    # Against who caused it, and for who reported it. Neither moves the case.
    "measure": _step(f"resolved confirming fixed closed {_WITH_UNIT}", None, "staff", "处理责任方", "依法处理了责任方"),
    "measure_result": _step(
        f"resolved confirming fixed closed {_WITH_UNIT}", None, "staff", "记处理结果", "记下了处理结果"
    ),
    "praise": _step(f"resolved confirming fixed closed {_WITH_UNIT}", None, "staff", "表扬上报人", "表扬了你"),
    # The reporter has the last word.
    "confirm": _step("resolved confirming closed", "fixed", "rider", "已解决", "你确认已解决"),
    "dispute": _step("resolved confirming closed fixed", "reopened", "rider", "未解决", "你说没解决，已重开"),
    "appeal": _step("invalid aside", None, "rider", "申诉", "你提出申诉"),
    "rate": _step("fixed closed", None, "rider", "评价", "你作了评价"),
    # A second rider who passes by and is none of the reporter's circle.
    "witness_fixed": _step("resolved confirming closed", "fixed", "witness", "看到修好了", "路过的骑手看到已修好"),
    "witness_unfixed": _step(
        "resolved confirming closed fixed", "reopened", "witness", "看到没修好", "路过的骑手看到没修好，已重开"
    ),
    "close": _step("confirming", "closed", "system", "办结", "未收到你的回复，按办结归档"),
}

STATES: tuple[State, ...] = get_args(State)


class Shown(NamedTuple):
    """How a state is shown. `glyph` is one of qixia.ui."""

    staff: str
    reporter: str
    glyph: str


# By plain text, since a row's state is one; a test holds the keys to STATES.
LABELS: dict[str, Shown] = {
    "received": Shown("待受理", "已收到", "wait"),
    "sorting": Shown("待分拣", "人工分拣中", "wait"),
    "dispatched": Shown("待签收", "已派单", "sent"),
    "accepted": Shown("已签收", "已签收", "sent"),
    "working": Shown("处置中", "处置中", "doing"),
    "returned": Shown("待定主办", "改派中", "back"),
    "resolved": Shown("待核实", "待核实", "check"),
    "confirming": Shown("待骑手确认", "待你确认", "check"),
    "fixed": Shown("已修好", "已修好", "fixed"),
    "closed": Shown("已办结", "已办结", "fixed"),
    "reopened": Shown("未解决重开", "未解决重开", "back"),
    "invalid": Shown("不属实", "不属实", "back"),
    "aside": Shown("不予受理", "不予受理", "back"),
    "merged": Shown("已并入", "并成一件办", "sent"),
    "split": Shown("分头办理中", "几个单位分头办", "doing"),
}

WITH_UNIT: tuple[State, ...] = ("dispatched", "accepted", "working", "reopened")
OPEN: tuple[State, ...] = (
    "received",
    "sorting",
    "dispatched",
    "accepted",
    "working",
    "returned",
    "resolved",
    "confirming",
    "reopened",
    "split",
)
# Both sides of a merge stand in one of these: settled, and no unit says yet that it is done.
MERGEABLE: tuple[State, ...] = ("sorting", "returned", *WITH_UNIT)
# From here on a similar report is no duplicate: either it is back, or it was not mended.
DONE: tuple[State, ...] = ("resolved", "confirming", "fixed", "closed")
ENDED: tuple[State, ...] = ("fixed", "closed", "invalid", "aside")


# What only the whole goes through; its parts wait, or follow.
NOT_FOR_PARTS = frozenset({"split", "merge", "absorb", "verify", "verify_handled", "close", "promise"})


# Nobody says of an own report that it is true, done, or was wrongly refused, or praises it: staff may ride as well.
JUDGING = frozenset({"verify", "verify_handled", "validate", "grant_appeal", "deny_appeal", "praise"})


# Whoever is in charge while another unit has not accepted yet answers the rider.
ALSO: dict[str, tuple[Who, ...]] = {"answer": ("charge",)}


def takes(step: str, parties: Collection[Who]) -> bool:
    """Whether one of these parties may take `step`."""
    return STEPS[step].who in parties or any(who in parties for who in ALSO.get(step, ()))


def allowed(step: str, state: str) -> bool:
    return state in STEPS[step].sources


def target(step: str, state: State) -> State:
    """Where `step` leads from `state`."""
    return STEPS[step].to or state


def steps_from(state: str, *who: Who) -> list[str]:
    """The steps that one of the parties `who` may take from `state`, in the order of the table."""
    return [name for name, step in STEPS.items() if state in step.sources and takes(name, who)]
