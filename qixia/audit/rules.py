"""What the access log decides: kinds of access, grounds for it, and what counts as a reason. Pure functions.

Errors   Invalid names the field: "basis" or "reason".
"""

from __future__ import annotations

import unicodedata

from qixia.kernel.errors import Invalid

# What was looked at. Codes stand in rows; the words are msgids.
KINDS = {
    "reporter": "上报人身份",
    "original": "未遮挡原图",
    "phone": "手机号",
    "real_name": "真实姓名",
    "export": "数据导出",
    "boxes": "遮挡框",
    "cases": "案件清单",
    "document": "案件附件",
}
# On what ground. The first four are for opening what is sealed; each asks for a reason in words.
BASES = {
    "law": "依法调取",
    "emergency": "紧急救助",
    "safety": "人身安全",
    "complaint": "处理申诉",
    "check": "核查整改",
    "quality": "校正遮挡",
    "work": "办理案件",
    "self": "本人",
}
# These say all there is to say; a typed reason is welcome and not asked for.
NO_REASON_ASKED = frozenset({"quality", "work", "self"})

REASON_MIN, REASON_MAX = 6, 500
_DISTINCT_MIN = 4  # "aaaaaa" and "。。。。。。" are no reason


class NoReason(Invalid):
    code = "audit.no_reason"


def check_basis(basis: str, *, field: str = "basis") -> str:
    if basis not in BASES:
        raise Invalid("请选择一项依据。", field=field)
    return basis


def check_kind(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"no such kind of access: {kind}")  # a mistake of the caller, not of a user
    return kind


def check_reason(text: str, *, field: str = "reason") -> str:
    """The reason in one line: six letters or digits at least, not one of them repeated."""
    folded = unicodedata.normalize("NFC", text[: 4 * REASON_MAX])
    reason = " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in folded).split())
    letters = [c for c in reason if c.isalnum()]
    if len(letters) < REASON_MIN or len(set(letters)) < _DISTINCT_MIN:
        raise NoReason("请写明缘由，至少 %(count)s 个字，说得出是哪件事。", field=field, count=REASON_MIN)
    if len(reason) > REASON_MAX:
        raise NoReason("缘由最多 %(count)s 个字。", field=field, count=REASON_MAX)
    return reason


def asks_reason(basis: str) -> bool:
    return basis not in NO_REASON_ASKED
