"""Messages and lines to one kind of row, with what is wrong with each, by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from qixia.reports.importing.chat import Message
from qixia.reports.importing.limits import ROW_PHOTOS
from qixia.reports.importing.moments import BadMoment, moment_of
from qixia.reports.importing.parts import Said
from qixia.reports.importing.sheets import Line
from qixia.reports.importing.talk import first_phone, is_chatter, masked

_DONE = ("已办结", "办结", "已完成", "完成", "已处理", "已解决", "已修复", "关闭", "已关闭")
_SEPARATORS = str.maketrans(dict.fromkeys(";；,，、|", "\n"))


@dataclass(slots=True)
class Fault:
    """What is wrong with a row. One that blocks keeps it from becoming a report."""

    field: str
    text: str
    blocks: bool = True


@dataclass(slots=True)
class Draft:
    """A row before triage. `choice` is what is offered first: new or skip."""

    line: int
    said: Said
    at: datetime | None
    point: tuple[float, float] | None = None
    faults: list[Fault] = field(default_factory=list)
    choice: str = "new"


def rows_of_chat(messages: Sequence[Message]) -> Iterator[Draft]:
    for one in messages:
        phone = first_phone(one.text)
        said = Said(masked(one.text), masked(one.sender), masked(phone), photos=list(one.photos[:ROW_PHOTOS]))
        draft = Draft(one.line, said, one.at)
        if one.unnamed:
            draft.faults.append(Fault("photos", "有图片没有文件名，没带进来", blocks=False))
        if not said.photos and is_chatter(one.text):
            draft.choice = "skip"
        elif not one.text and not said.photos:
            draft.faults.append(Fault("text", "没有文字"))
        yield draft


def rows_of_table(lines: Sequence[Line], mapping: Mapping[str, int], today: date) -> Iterator[Draft]:
    for line in lines:
        cells = {name: line.cells[at] for name, at in mapping.items() if at < len(line.cells)}
        text = cells.get("text", "")
        said = Said(
            text=masked(text),
            sender=masked(cells.get("sender", ""))[:40],
            phone=masked(first_phone(cells.get("phone", "")) or first_phone(text)),
            place=masked(cells.get("place", ""))[:200],
            unit=cells.get("unit", "")[:80],
            status=cells.get("status", "")[:40],
            photos=_photos(cells.get("photos", "")),
        )
        draft = Draft(line.number, said, None)
        if not text.strip():
            draft.faults.append(Fault("text", "内容是空的"))
        _note_time(draft, cells.get("at", ""), today)
        _note_point(draft, cells.get("lat", ""), cells.get("lng", ""))
        if said.status.strip() in _DONE:
            draft.choice = "skip"
            draft.faults.append(Fault("status", "表里写着已经办完，先不导入", blocks=False))
        yield draft


def _photos(cell: str) -> list[str]:
    names = [part.strip().replace("\\", "/").rsplit("/", 1)[-1] for part in cell.translate(_SEPARATORS).split("\n")]
    return [name for name in names if name][:ROW_PHOTOS]


def _note_time(draft: Draft, said: str, today: date) -> None:
    if not said:
        return
    try:
        draft.at = moment_of(said, today)
    except BadMoment:
        draft.said.time = said[:40]
        draft.faults.append(Fault("at", "时间读不懂，或者不可能", blocks=False))


def _note_point(draft: Draft, lat: str, lng: str) -> None:
    if not lat and not lng:
        return
    try:
        draft.point = (float(lat), float(lng))
    except ValueError:
        draft.faults.append(Fault("place", "经纬度不是数字", blocks=False))
