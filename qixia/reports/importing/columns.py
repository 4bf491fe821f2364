"""What the columns of a list of cases mean, guessed from their headings; people correct it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: field → (what it is called on the page, words that headings have; the earlier ones are surer)
FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "at": ("时间", ("上报时间", "发现时间", "受理时间", "登记时间", "时间", "日期")),
    "place": ("地点", ("事发地点", "详细地址", "地点", "地址", "位置", "点位", "路段")),
    "text": ("内容", ("问题描述", "事件描述", "诉求内容", "内容", "描述", "问题", "情况", "诉求", "事项")),
    "photos": ("照片", ("照片", "图片", "附件")),
    "sender": ("谁报的", ("上报人", "反映人", "联系人", "来电人", "姓名", "发送人", "昵称")),
    "phone": ("电话", ("联系电话", "联系方式", "手机号", "手机", "电话")),
    "unit": ("单位", ("承办单位", "责任单位", "处置单位", "部门", "单位")),
    "status": ("状态", ("办理状态", "处理状态", "状态", "是否办结", "办理结果", "处理结果")),
    "lat": ("纬度", ("纬度", "lat")),
    "lng": ("经度", ("经度", "lng", "lon")),
}
NEEDED = ("text",)


def guess(headings: Sequence[str]) -> dict[str, int]:
    """Field → column. The surest heading wins; a column has one meaning."""
    found: dict[str, int] = {}
    marks = [
        (len(words) - rank + (3 if _plain(heading) == word else 0), -column, field)
        for field, (_label, words) in FIELDS.items()
        for rank, word in enumerate(words)
        for column, heading in enumerate(headings)
        if word in _plain(heading)
    ]
    taken: set[int] = set()
    for _score, minus, field in sorted(marks, reverse=True):
        if field not in found and -minus not in taken:
            found[field] = -minus
            taken.add(-minus)
    return found


def score(headings: Sequence[str]) -> int:
    """How much a line looks like headings."""
    return len(guess(headings))


def checked(mapping: Mapping[str, int], columns: int) -> dict[str, int]:
    """Only known fields and columns that there are."""
    return {field: column for field, column in mapping.items() if field in FIELDS and 0 <= column < columns}


def _plain(heading: str) -> str:
    return "".join(heading.split()).strip("*：:（）()").lower()
