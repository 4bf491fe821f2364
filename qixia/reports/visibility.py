"""Who may know what of a sealed report: one table, role × field.

It is not asked when a page is made: pages get views that hold no more than their role may know (queries). It is what
they are held to: tests/test_visibility.py plants a sentinel in every field, opens everything that each role can reach,
and compares cell by cell; docs/privacy/matrix.md is printed from it (`python -m qixia.reports.visibility`).

Cells    yes · no · rounded (the middle of a fixed square; nothing of the time) · reason (shown once, after ground and
         reason, recorded, and the reporter is told) · masked (first three and last four digits)
Matter   a sensitive one, whose reporter chose to be shown by nickname. Of other matters all riders see the exact place
         on the map, and without that choice no clerk sees the nickname. An anonymous report has no reporter: the
         columns of the person are empty for everybody, whatever the reason.
"""

from __future__ import annotations

ROLES = {
    "anyone": "没有登录的人",
    "reporter": "上报的骑手本人",
    "rider": "别的骑手",
    "supporter": "说是同一处、支持它的骑手",
    "worker": "承办单位的处置员",
    "helper": "协办单位的处置员",
    "other_worker": "别的单位的处置员",
    "unit_lead": "承办单位的负责人",
    "clerk": "管这一片的社区专员",
    "supervisor": "管这一片的督办员",
    "other_clerk": "别处的社区专员",
    "merchant": "商家",
    "admin": "管理员",
    "data_officer": "个人信息保护负责人",
    "auditor": "审计员",
}
FIELDS = {
    "words": "原话",
    "photo": "遮挡后的照片",
    "original": "原图",
    "place": "地点",
    "time": "几点几分",
    "nickname": "称呼",
    "phone": "手机号",
    "real_name": "真实姓名",
    "camera": "相机信息",
    "finding": "系统判断",
    "opinion": "另一个模型的看法",
    "note": "内部备注",
    "handler": "经办人",
    "points": "积分",
}
CELLS = {
    "yes": "可见",
    "no": "—",
    "rounded": "只到方格",
    "reason": "凭缘由",
    "masked": "只见头尾",
}
_TABLE = """
              words photo original place   time nickname phone  real_name camera finding opinion note handler points
anyone        no    no    no       no      no   no       no     no        no     no      no      no   no      no
reporter      yes   yes   no       yes     yes  yes      masked yes       no     yes     no      no   no      yes
rider         no    no    no       rounded no   no       no     no        no     no      no      no   no      no
supporter     no    no    no       rounded no   no       no     no        no     no      no      no   no      no
worker        yes   yes   no       yes     yes  no       no     no        no     yes     no      yes  yes     no
helper        yes   yes   no       yes     yes  no       no     no        no     yes     no      yes  yes     no
other_worker  no    no    no       no      no   no       no     no        no     no      no      no   no      no
unit_lead     yes   yes   no       yes     yes  no       no     no        no     yes     no      yes  yes     no
clerk         yes   yes   reason   yes     yes  yes      no     no        reason yes     yes     yes  yes     no
supervisor    yes   yes   reason   yes     yes  yes      no     no        reason yes     yes     yes  yes     no
other_clerk   no    no    no       no      no   no       no     no        no     no      no      no   no      no
merchant      no    no    no       no      no   no       no     no        no     no      no      no   no      no
admin         yes   yes   reason   yes     yes  yes      no     no        reason yes     yes     yes  yes     no
data_officer  no    no    reason   no      yes  reason   reason no        reason no      no      no   yes     no
auditor       no    no    no       no      yes  no       no     no        no     no      no      no   yes     no
"""


def matrix() -> dict[str, dict[str, str]]:
    """Role → field → cell."""
    head, *lines = [line.split() for line in _TABLE.strip().splitlines()]
    return {role: dict(zip(head, cells, strict=True)) for role, *cells in lines}


def page() -> str:
    """The table as docs/privacy/matrix.md holds it."""
    rows = [
        "# Who may know what of a sealed report",
        "",
        "Printed from `qixia/reports/visibility.py` by `python -m qixia.reports.visibility`; a test plants a sentinel in",
        "every field, opens everything that each role can reach and compares cell by cell. The matter is a sensitive one",
        "(policy `reports.secrecy`) whose reporter chose to be shown by nickname; without that choice the nickname is `no`",
        "for clerks and administrators too. Of other matters riders see the exact place on the map.",
        "",
        "| | " + " | ".join(f"{label} `{name}`" for name, label in FIELDS.items()) + " |",
        "|---|" + "---|" * len(FIELDS),
    ]
    for role, cells in matrix().items():
        shown = " | ".join(CELLS[cells[name]] for name in FIELDS)
        rows.append(f"| {ROLES[role]} `{role}` | {shown} |")
    rows += [
        "",
        "- 可见 yes · — no · 只到方格 rounded: the middle of a fixed square, from the next day on, without the words of the place",
        "- 凭缘由 reason: shown once, after a ground and a reason; recorded; the reporter is told",
        "- 只见头尾 masked: the own number with its middle digits covered",
        "- Data officer and auditor see in the history when steps were taken on which report, and by which member of staff.",
        "- An **anonymous** report has no reporter: nickname, phone and real name are stored nowhere, its originals hold no",
        "  camera data, and its points can't be joined with it. The rest of the table is the same.",
        "- Handlers are named to their own unit, clerks and administrators; riders read the name of the unit.",
    ]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(page(), end="")
