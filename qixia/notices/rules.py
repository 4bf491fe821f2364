"""How a notice is worded: templates are policy, params are facts, and the reader's language decides at reading time.

A place `{unit}` is filled from the params; a param may be a dictionary {"zh": …, "en": …}. A part in [[double brackets]]
is left out unless all its places have something in them, so a template never says "由 处理".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from qixia.kernel.ids import show_number

_OPTIONAL = re.compile(r"\[\[(.*?)\]\]")
_PLACE = re.compile(r"\{(\w+)\}")

OUTSIDE_MAX = 80
TEXT_MAX = 300

# Those of the sprite that fit a message; an edited template with another name would break every inbox.
# fmt: off
ICONS = frozenset((
    "alert-octagon", "alert-triangle", "arrow-back-up", "award", "bell", "building-community", "calendar-event",
    "circle-check", "circle-x", "clipboard-check", "clock", "coin", "device-mobile", "eye-check", "flag", "gift",
    "help", "history", "id-badge-2", "inbox", "info-circle", "key", "lock", "map-pin", "message-2", "message-report",
    "package", "photo-x", "receipt", "refresh", "report", "road", "route", "send", "shield-check", "sos", "soup",
    "star", "ticket", "tool", "user-check", "users", "wallet", "world",
))
# fmt: on


def refusal_outside(text: str) -> str:
    """Why a sentence can't be shown where others read it; "" if it can."""
    if not text.strip() or len(text) > OUTSIDE_MAX:
        return f"外面能看到的话要写 1 到 {OUTSIDE_MAX} 个字"
    if set("{}[]") & set(text) or any(sign.isdigit() for sign in text):
        return "外面能看到的话不能有变量，也不能有数字"
    return ""


class Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    body: str = ""


class Outside(BaseModel):
    """What a lock screen, a text message or a robot's group may show: others read it. It has no places for facts, no
    digits (a number finds a report) and is short; that it names no matter, the editor must see to."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str = "你有一条新消息，打开骑侠看看。"
    en: str = "You have a new message. Open Qixia to read it."

    @field_validator("zh", "en")
    @classmethod
    def _says_nothing(cls, value: str) -> str:
        if refusal := refusal_outside(value):
            raise ValueError(refusal)
        return value


class NoticeTemplate(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    icon: str
    tone: Literal["wait", "doing", "check", "fixed", "back", "points", "plain"] = "plain"
    zh: Words
    en: Words
    outside: Outside = Outside()  # older versions of the policy have none: the general sentence names nothing

    @field_validator("icon")
    @classmethod
    def _of_the_sprite(cls, value: str) -> str:
        if value not in ICONS:
            raise ValueError(f"{value} is not one of {sorted(ICONS)}")
        return value

    def words(self, language: str) -> Words:
        return self.en if language.startswith("en") else self.zh


class SmsTemplate(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str
    en: str


class TemplateRules(BaseModel):
    """Policy "notices.templates"."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    notices: dict[str, NoticeTemplate]
    sms: dict[str, SmsTemplate]


@dataclass(frozen=True, slots=True)
class Rendered:
    title: str
    body: str
    icon: str
    tone: str


# A template that was taken out of the policy while notices of it are still unread.
_GONE = NoticeTemplate(
    icon="bell",
    zh=Words(title="有一条新消息", body="点开查看。"),
    en=Words(title="A new message", body="Open it to see."),
)


def render(rules: TemplateRules, template: str, params: Mapping[str, Any], language: str) -> Rendered:
    """Title and body in `language`."""
    chosen = rules.notices.get(template, _GONE)
    words = chosen.words(language)
    return Rendered(fill(words.title, params, language), fill(words.body, params, language), chosen.icon, chosen.tone)


def outside(rules: TemplateRules, template: str, language: str) -> str:
    """The only words about a notice that may leave the house."""
    chosen = rules.notices.get(template, _GONE).outside
    return chosen.en if language.startswith("en") else chosen.zh


def pack(params: Mapping[str, Any], link: str) -> bytes:
    """Facts and link of a notice as they are sealed."""
    return json.dumps([dict(params), link], ensure_ascii=False, separators=(",", ":")).encode()


def unpack(packed: bytes) -> tuple[dict[str, Any], str]:
    params, link = json.loads(packed)
    return params, link


def places_in(template: NoticeTemplate) -> frozenset[str]:
    """The names of all facts that a template's words use."""
    texts = (template.zh.title, template.zh.body, template.en.title, template.en.body)
    return frozenset(name for text in texts for name in _PLACE.findall(text))


def unknown_place(text: str, known: frozenset[str]) -> str:
    """The first place that no fact fills, or a brace that is none; "" if all is well."""
    for match in _PLACE.finditer(text):
        if match[1] not in known:
            return match[1]
    rest = _PLACE.sub("", text)
    return next((sign for sign in rest if sign in "{}"), "")


def fill(text: str, params: Mapping[str, Any], language: str) -> str:
    """Fill the places of one text. Plain substitution: a template cannot reach into objects."""

    def optional(match: re.Match[str]) -> str:
        names = _PLACE.findall(match[1])
        return match[1] if all(_value(params, name, language) for name in names) else ""

    whole = _OPTIONAL.sub(optional, text)
    return _PLACE.sub(lambda match: _value(params, match[1], language), whole).strip()


def _value(params: Mapping[str, Any], name: str, language: str) -> str:
    value = params.get(name, "")
    if isinstance(value, Mapping):
        value = value.get("en" if language.startswith("en") else "zh") or value.get("zh") or ""
    text = "" if value is None else str(value)
    return show_number(text) if name == "number" and text.isdigit() else text


def day_distance(day: date, today: date) -> int | None:
    """0 today, 1 yesterday, else None: older days are written as dates."""
    passed = (today - day) // timedelta(days=1)
    return passed if passed in (0, 1) else None
