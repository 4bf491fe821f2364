"""Details that tell one object from another: building, unit, floor, gate, side, number, landmark, object. Pure.

Truth    `data/objects.yaml` for objects and landmarks; the patterns below for the rest.
Errors   none: a text without details has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

import yaml

OBJECTS = Path(__file__).parents[1] / "data" / "objects.yaml"


class Kind(IntEnum):
    """Kinds of detail. The numbers are stored: never reuse one."""

    BUILDING = 1
    UNIT = 2
    FLOOR = 3
    ROOM = 4
    GATE = 5
    EXIT = 6
    SIDE = 7
    NUMBER = 8
    LANDMARK = 9
    NAME = 10
    OBJECT = 11
    OTHER = 12  # "another one", "the next one": the rider tells it apart from a first
    HEADING = 13
    ACROSS = 14


@dataclass(frozen=True, slots=True)
class Detail:
    kind: Kind
    value: str


_N = r"([0-9]{1,4}|[一二三四五六七八九十两]{1,3})"
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2}
_NOT_NUMBER = r"(?<![0-9一二三四五六七八九十])"
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.BUILDING, re.compile(_NOT_NUMBER + _N + r"(?:号楼|栋|幢|号院|#楼|座(?!位))")),
    (Kind.BUILDING, re.compile(r"(?<![a-z])([a-h])(?:座|栋|幢|楼|区)")),
    (Kind.UNIT, re.compile(_NOT_NUMBER + _N + r"单元")),
    (
        Kind.FLOOR,
        re.compile(r"(?<![负下0-9一二三四五六七八九十])" + _N + r"(?:楼(?!栋|盘)|层(?!皮|油|灰|薄|厚|冰|土|水|泥))"),
    ),
    (Kind.FLOOR, re.compile(r"(负[一二三1-3]|b[1-3](?![0-9])|地下[一二三1-3](?=层|楼))")),
    (Kind.ROOM, re.compile(r"(?<![0-9])([1-9][0-9]{2,3})(?:室|房|户|门口|号房)")),
    (Kind.GATE, re.compile(r"([东南西北]{1,2}[0-9一二三]?|正|侧|偏|小)(?:大|小|侧)?门(?!口罩|诊)")),
    (Kind.GATE, re.compile(r"(?<!最)(?<!以)([前后])(?:大|小)?门")),
    (Kind.GATE, re.compile(_NOT_NUMBER + _N + r"号门")),
    (Kind.EXIT, re.compile(r"(?<![a-z])([a-h][0-9]?)(?:出口|口)")),
    (Kind.SIDE, re.compile(r"([左右])(?:边|侧|手|面|转)")),
    (Kind.HEADING, re.compile(r"(?:路|街|桥|门|楼|靠|偏|最|在)([东南西北])(?:边|侧|头|面|段|端)?(?!门|区|路|街|瓜)")),
    (Kind.HEADING, re.compile(r"([东南西北])(?:侧|边|头|段|端)")),
    (Kind.HEADING, re.compile(r"(?:往|向|朝)([东南西北])")),
    (Kind.NUMBER, re.compile(_NOT_NUMBER + _N + r"号(?!楼|院|门|线|公路|房)")),
    (Kind.NUMBER, re.compile(r"第" + _N + r"(?:个|根|盏|棵|台|部|只|辆|块)")),
    (
        Kind.OTHER,
        re.compile(r"(另[一外]|还有一|又[有一]|再往前|旁边那|隔壁那|第二[个根盏台棵]|不是.{0,8}那[个根盏台棵处])"),
    ),
    (Kind.ACROSS, re.compile(r"(对面|马路对过|对过|斜对)")),
    (
        Kind.NAME,
        re.compile(r"([\u4e00-\u9fff]{2})(?:小区|花园|花苑|公寓|新村|家园|大厦|广场|小学|中学|医院|新城|国际)"),
    ),
    (
        Kind.NAME,
        re.compile(
            r"([\u4e00-\u9fff]{2})(?:路|街|巷|大道|村)(?!灯|面|口|边|上|中|人|牌|沿|过|好|太|都|黑|坑|烂|滑|坏|被|不|没|也|道|很)"
        ),
    ),
)
_BELOW = re.compile(r"(?:负|地下|b)([一二三1-3])$")
_BESIDE = re.compile(
    r"(大?门口|口|旁边?|边上|[前后][面头]|对面|附近|底下|下面|楼下|那[里边]|里面?头?|外面|外(?!卖|墙)|内|处|上(?=有|全|都|是|摆|停|堆|没|长|掉))"
)
_FLOOR_FIELD = re.compile(r"([0-9]{1,2}|b[1-3]|负[一二三1-3])")


def details(text: str, floor: str = "") -> frozenset[Detail]:
    """All details of a folded text (see triage.text.clean); `floor` is what the rider put into that field."""
    found = set(_named(text))
    for kind, pattern in _PATTERNS:
        found.update(Detail(kind, _plain(match.group(1))) for match in pattern.finditer(text))
    if floor:
        level = _FLOOR_FIELD.search(floor)
        if level and not any(detail.kind is Kind.FLOOR for detail in details(floor)):
            found.add(Detail(Kind.FLOOR, _plain(level.group(1))))
        found.update(details(floor))
    return frozenset(found)


def _plain(value: str) -> str:
    """Chinese numbers as digits, floors under ground as b1; anything else as it is."""
    below = _BELOW.match(value)
    if below:
        return "b" + _plain(below.group(1))
    if not value or any(char not in "零一二三四五六七八九十两" for char in value):
        return value
    if value == "十":
        return "10"
    tens, _, ones = value.rpartition("十")
    if "十" not in value:
        return "".join(str(_DIGITS[char]) for char in value)
    return str((_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0))


def _named(text: str) -> Iterator[Detail]:
    """Objects and landmarks, the longest wording first; what lies inside a longer one does not count.

    An object that only says where (垃圾桶旁边) is a landmark, unless the text names no other.
    """
    objects: list[Detail] = []
    beside: list[Detail] = []
    for detail, end in _found(text):
        if detail.kind is not Kind.OBJECT:
            yield detail
        elif _BESIDE.match(text, end):
            beside.append(detail)
        else:
            objects.append(detail)
    yield from objects or beside
    if objects:
        yield from (Detail(Kind.LANDMARK, detail.value) for detail in beside)


def _found(text: str) -> Iterator[tuple[Detail, int]]:
    """Each named thing and where it ends."""
    words, lengths = _table()
    end = 0
    for start, first in enumerate(text):
        for length in lengths.get(first, ()):
            named = words.get(text[start : start + length])
            if named is not None and start + length > end:
                end = start + length
                yield from ((detail, end) for detail in named)
                break


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, tuple[Detail, ...]], dict[str, tuple[int, ...]]]:
    data = yaml.safe_load(OBJECTS.read_text(encoding="utf-8"))
    words: dict[str, tuple[Detail, ...]] = {}
    lengths: dict[str, set[int]] = {}
    for section, kind in (("objects", Kind.OBJECT), ("landmarks", Kind.LANDMARK)):
        for name, line in data[section].items():
            for word in line.lower().split():
                words[word] = (*words.get(word, ()), Detail(kind, name))
                lengths.setdefault(word[0], set()).add(len(word))
    return words, {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}
