"""What is said in a group besides matters: greetings and thanks; and phone numbers, which nobody else need read."""

from __future__ import annotations

import re

_PHONE = re.compile(r"(?<!\d)(1[3-9]\d)[\s-]?(\d{4})[\s-]?(\d{4})(?!\d)")
_NICE = re.compile(
    # What was read is never given back (++): else a long laugh takes longer than the world lasts.
    r"^(?:收到|好的?|好嘞|谢谢.{0,6}|多谢|辛苦了?.{0,4}|ok|OK|嗯|是的?|在吗?|大家.{0,6}好|早上好|晚安|已处理|马上处理|赞|厉害|哈|[?？!！。，,.~\s\d])++$"
)
_TALK = 60  # characters: whoever writes more says something
_WORD = re.compile(r"[\w]", re.UNICODE)


def is_chatter(text: str) -> bool:
    """Whether a message without a photo is talk and no matter. Nothing but emoji is talk."""
    words = text.strip()
    if len(words) < 2 or not _WORD.search(words):
        return True
    return len(words) <= _TALK and _NICE.match(words) is not None


def masked(text: str) -> str:
    """The same text with the middle of every mobile number covered."""
    return _PHONE.sub(r"\1****\3", text)


def first_phone(text: str) -> str:
    found = _PHONE.search(text)
    return "".join(found.groups()) if found else ""
