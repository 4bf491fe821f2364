"""The lives of a campaign, of a draw and of what somebody was given: tables that services, buttons and tests read.

campaign  draft ─▶ open ─close─▶ sharing ─publish─▶ giving ─▶ ended        giving ─draw_again─▶ sharing
          (a joining gift stays open until it ends)
draw      committed ─▶ freezing ─▶ frozen ─▶ valued ─▶ confirmed ─▶ numbered ─▶ chosen ─▶ told ─▶ done
          freezing ─too late─▶ void; frozen, valued ─promise_anew─▶ void and another draw
allotment open ⇄ handed; open ─▶ lapsed
"""

from __future__ import annotations

DRAFT, OPEN, SHARING, GIVING, ENDED = "draft", "open", "sharing", "giving", "ended"
STATES = (DRAFT, OPEN, SHARING, GIVING, ENDED)
BY_DRAW, ON_JOINING = "draw", "joining"
WAYS = (BY_DRAW, ON_JOINING)
# Of a joining gift: who joins from now on, who joined since a day, everybody who ever joined.
FROM_NOW, SINCE, EVERYBODY = "now", "since", "all"
REACHES = (FROM_NOW, SINCE, EVERYBODY)
REACH_LABELS = {FROM_NOW: "开始以后入会的", SINCE: "从某一天起入会的", EVERYBODY: "以前入会的也都有"}

# step → {state of the campaign that it may start from: state it leads to}
STEPS: dict[str, dict[str, str]] = {
    "open_campaign": {DRAFT: OPEN},
    "enter": {OPEN: OPEN},
    "withdraw": {OPEN: OPEN},
    "confirm_need": {OPEN: OPEN},
    "close_entries": {OPEN: SHARING},
    "publish": {SHARING: GIVING},
    "hand_over": {OPEN: OPEN, GIVING: GIVING},
    "draw_again": {GIVING: SHARING},
    "promise_anew": {SHARING: SHARING},
    "end_campaign": {DRAFT: ENDED, OPEN: ENDED, GIVING: ENDED},
}
LABELS = {DRAFT: "准备中", OPEN: "进行中", SHARING: "分配中", GIVING: "发放中", ENDED: "已结束"}
GLYPHS = {DRAFT: "wait", OPEN: "doing", SHARING: "check", GIVING: "doing", ENDED: "fixed"}

COMMITTED, FREEZING, FROZEN, VALUED, CONFIRMED = "committed", "freezing", "frozen", "valued", "confirmed"
NUMBERED, CHOSEN, TOLD, DONE, VOID = "numbered", "chosen", "told", "done", "void"
DRAW_STATES = (COMMITTED, FREEZING, FROZEN, VALUED, CONFIRMED, NUMBERED, CHOSEN, TOLD, DONE, VOID)
#: What a job goes on with by itself.
AT_WORK = (FREEZING, CONFIRMED, NUMBERED, CHOSEN, TOLD)
#: The secret is out: anybody can recompute.
REVEALED = (CONFIRMED, NUMBERED, CHOSEN, TOLD, DONE)
DRAW_STEPS: dict[str, tuple[str, ...]] = {
    "close_entries": (COMMITTED,),
    "enter_value": (FROZEN, VALUED),
    "confirm_value": (VALUED,),
    "promise_anew": (FROZEN, VALUED, VOID),
    "carry_on": AT_WORK,
}
DRAW_LABELS = {
    COMMITTED: "已公布承诺",
    FREEZING: "正在封存名单",
    FROZEN: "名单已封存，等公开数",
    VALUED: "等第二个人核对",
    CONFIRMED: "正在排号",
    NUMBERED: "正在按规则选",
    CHOSEN: "正在记名额",
    TOLD: "正在通知",
    DONE: "已公布结果",
    VOID: "作废",
}

HANDED, LAPSED = "handed", "lapsed"
ALLOTMENT_STATES = (OPEN, HANDED, LAPSED)
ALLOTMENT_LABELS = {OPEN: "等你来领", HANDED: "已领", LAPSED: "没来领，已收回"}
ALLOTMENT_GLYPHS = {OPEN: "wait", HANDED: "fixed", LAPSED: "back"}

# Why somebody gets one, or doesn't.
BY_NEED, BY_LANE, BY_REST, NONE, BY_JOINING = "need", "lane", "rest", "none", "joining"
WON = (BY_NEED, BY_LANE, BY_REST)
WHY = {
    BY_NEED: "按需要优先",
    BY_LANE: "按名额摇号",
    BY_REST: "余下的统一摇号",
    NONE: "这次没有摇到",
    BY_JOINING: "入会就有",
}

SAID, SURE, NOT_SURE = "said", "sure", "not_sure"
NEED_STATES = ("", SAID, SURE, NOT_SURE)

# What happens to kits at a place; the sign is what it does to the stock there.
RECEIVED, BROUGHT, TAKEN, GIVEN, UNDONE, BROKEN, RETURNED, FOUND, MISSING = (
    "received",
    "brought",
    "taken",
    "given",
    "undone",
    "broken",
    "returned",
    "found",
    "missing",
)
SIGNS = {
    RECEIVED: 1,
    BROUGHT: 1,
    TAKEN: -1,
    GIVEN: -1,
    UNDONE: 1,
    BROKEN: -1,
    RETURNED: -1,
    FOUND: 1,
    MISSING: -1,
}
MOVES = tuple(SIGNS)
MOVE_LABELS = {
    RECEIVED: "收到",
    BROUGHT: "调入",
    TAKEN: "调出",
    GIVEN: "发出",
    UNDONE: "撤销发放",
    BROKEN: "破损",
    RETURNED: "退还捐赠方",
    FOUND: "清点多出",
    MISSING: "清点少了",
}

PLACE_KINDS = {"station": "驿站", "canteen": "小哥食堂", "merchant": "友好商家", "office": "社区办公点"}

# A list from paper: what came, or what went over the counter.
PAPER_RECEIVED, PAPER_HANDED = "received", "handed"
PAPERS = (PAPER_RECEIVED, PAPER_HANDED)
READY, NOTED, DROPPED = "ready", "done", "dropped"
PAPER_STATES = (READY, NOTED, DROPPED)
PAPER_LABELS = {PAPER_RECEIVED: "收货单", PAPER_HANDED: "签领单"}


def may(step: str, state: str) -> bool:
    return state in STEPS[step]
