"""Exports of a chat group, as phones and PCs write them, to messages.

Forms    张三 2026-03-01 08:12 ⏎ words · 2026-03-01 08:12:33 张三(wxid) ⏎ words · 2026年3月1日 早上8:12 张三：words ·
         [2026-03-01 08:12] 张三: words · ————— 2026-03-01 ————— ⏎ 张三 08:12 ⏎ words · 张三：words without any time
Photos   [图片: IMG_1.jpg], [图片], a line that is a file's name
Together two messages of one sender within three minutes, one with photos alone and one with words, are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from qixia.reports.importing.limits import CELL, NAME, ROW_PHOTOS, ROWS, BadFile
from qixia.reports.importing.moments import CLOCK, DAY, BadMoment, moment_of_match

TOGETHER = timedelta(minutes=3)
_WHO = r"(?P<name>[^\n:：\[\]【】]{1,40}?)"
_ID = r"\s*(?:[(（<][^()（）<>\n]{1,40}[)）>])?"
_GAP = r"[\sT,，]*(?:(?:星期|周).)?[\s,，]*"
_HEADS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^\s*[\[【]?{DAY}{_GAP}{CLOCK}[\]】]?[\s,，]+{_WHO}{_ID}\s*[:：]\s*(?P<text>.*)$",
        rf"^\s*{_WHO}{_ID}[\s,，]+[\[【(（]?{DAY}{_GAP}{CLOCK}[\]】)）]?\s*[:：]?\s*(?P<text>)$",
        rf"^\s*[\[【]?{DAY}{_GAP}{CLOCK}[\]】]?[\s,，]+{_WHO}{_ID}\s*(?P<text>)$",
    )
)
_HEAD = 160  # characters: name, number and time are no longer
_SPACES = re.compile(r"\s{2,}")
_DAY_LINE = re.compile(rf"^[\s—–\-=*]*{DAY}\s*(?:(?:星期|周).)?[\s—–\-=*]*$")
_TIMED = re.compile(rf"^\s*{_WHO}\s+{CLOCK}\s*(?P<text>)$")
_PLAIN = re.compile(r"^\s*(?P<name>[^\s:：\[\]【】/\\]{1,20})\s*[:：]\s*(?P<text>.*)$")
_IN_BRACKETS = re.compile(
    r"[\[【(（<](?:图片|照片|Photo|Image|photo|image)\s*(?:[:：]\s*(?P<name>[^\]】)）>\n]{1,120}))?[\]】)）>]"
)
_FILE_LINE = re.compile(
    r"^\s*(?P<name>[^\s/\\:：]{1,100}\.(?:jpe?g|png|webp|heic))\s*(?:[(（].{0,20}[)）])?\s*$", re.IGNORECASE
)
_OTHER_MEDIA = re.compile(
    r"[\[【](?:表情|动画表情|语音|视频|位置|链接|文件|红包|转账|聊天记录|名片)[^\]】\n]{0,40}[\]】]"
)
_SYSTEM = re.compile(r"撤回了?一条消息|加入了?群聊|移出了?群聊|修改群名|拍了拍|以下[是为]新消息|开启了?.{0,6}群")


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `at` is the city's time, None where nothing says it; `line` counts from 1."""

    line: int
    sender: str
    at: datetime | None
    text: str
    photos: tuple[str, ...] = ()
    unnamed: int = 0  # photos that the export does not name


@dataclass(slots=True)
class _Open:
    line: int
    sender: str
    at: datetime | None
    lines: list[str] = field(default_factory=list)


def read_chat(text: str, today: date) -> list[Message]:
    """The messages of an export, in their order, those that belong together as one. BadFile if none is recognised."""
    found = list(_messages(text.split("\n"), today))
    if not found:
        raise BadFile("没有认出一条消息。每条要有“谁、什么时候”一行，下面是内容。", field="text")
    if len(found) > 4 * ROWS:
        raise BadFile("消息太多：最多 %(most)d 条。请分几次导入。", field="text", most=ROWS)
    joined = list(_joined(found))
    if len(joined) > ROWS:
        raise BadFile("消息太多：最多 %(most)d 条。请分几次导入。", field="text", most=ROWS)
    return joined


def _messages(lines: list[str], today: date) -> Iterator[Message]:
    heads = (_narrow(line)[:_HEAD] for line in lines)
    timed = any(_DAY_LINE.match(head[:80]) or any(one.match(head) for one in _HEADS) for head in heads)
    now: _Open | None = None
    day: date | None = None
    for number, line in enumerate(lines, 1):
        line = line.strip("\ufeff\u200b \t")
        new_day = _day_of(line, today) if timed else None
        if new_day is not None:
            day = new_day
            continue
        begun = _begin(line, number, today, day) if timed else _begin_plain(line, number)
        if begun is not None:
            yield from _closed(now)
            now = begun
        elif now is not None and line:
            now.lines.append(line)
    yield from _closed(now)


def _narrow(line: str) -> str:
    """Every run of spaces as one, so that no pattern can share it out in a million ways."""
    return _SPACES.sub(" ", line)


def _day_of(line: str, today: date) -> date | None:
    match = _DAY_LINE.match(_narrow(line)[:80])
    try:
        return moment_of_match(match, today).date() if match else None
    except BadMoment:
        return None


def _begin(line: str, number: int, today: date, day: date | None) -> _Open | None:
    if len(line) > 200 + CELL:
        return None
    line = _narrow(line)
    patterns = (*_HEADS, _TIMED) if day else _HEADS
    for pattern in patterns:
        match = pattern.match(line[:_HEAD])
        if match is None:
            continue
        try:
            at = moment_of_match(match, today, day)
        except BadMoment:
            continue
        if len(line) > _HEAD and pattern is not _HEADS[0]:
            continue  # goes on where a head ends
        text = line[match.start("text") :] if pattern is _HEADS[0] else ""
        return _Open(number, _name(match["name"]), at, [text] if text else [])
    return None


def _begin_plain(line: str, number: int) -> _Open | None:
    match = _PLAIN.match(line[: CELL + 40])
    return _Open(number, _name(match["name"]), None, [match["text"]] if match["text"] else []) if match else None


def _name(said: str) -> str:
    return said.strip(" \t　\"“”'@：:")[:NAME]


def _closed(now: _Open | None) -> Iterator[Message]:
    if now is None:
        return
    photos: list[str] = []
    unnamed, kept = 0, []
    for line in now.lines:
        for match in _IN_BRACKETS.finditer(line):
            photos += [match["name"].strip()] if match["name"] else []
            unnamed += match["name"] is None
        file = _FILE_LINE.match(_narrow(line)) if len(line) <= _HEAD else None
        if file:
            photos.append(file["name"])
        else:
            rest = _OTHER_MEDIA.sub("", _IN_BRACKETS.sub("", line)).strip()
            kept += [rest] if rest else []
    text = "\n".join(kept)[:CELL]
    if (text or photos or unnamed) and not (_SYSTEM.search(text) and len(text) < 60):
        yield Message(now.line, now.sender, now.at, text, tuple(dict.fromkeys(photos)), unnamed)


def _joined(messages: Iterable[Message]) -> Iterator[Message]:
    last: Message | None = None
    for one in messages:
        if last is not None and _belong(last, one):
            photos = tuple(dict.fromkeys(last.photos + one.photos))
            last = replace(last, text=last.text or one.text, photos=photos, unnamed=last.unnamed + one.unnamed)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _belong(one: Message, other: Message) -> bool:
    """Same sender, soon after, and words in at most one of them."""
    if one.sender != other.sender or (one.text and other.text) or len(one.photos) + len(other.photos) > ROW_PHOTOS:
        return False
    if one.at is None or other.at is None:
        return one.at is other.at
    return abs(other.at - one.at) <= TOGETHER
