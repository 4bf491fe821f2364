"""How the points of an entry came about, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from qixia.rewards import rules

CAPS = {
    rules.CAP_RULE_DAY: "这一项今天到上限了",
    rules.CAP_RULE_WEEK: "这一项本周到上限了",
    rules.CAP_DAY: "今天的总分到上限了",
    rules.CAP_WEEK: "本周的总分到上限了",
}


@dataclass(frozen=True, slots=True)
class Why:
    """How the points of an entry came about. `sum` is a line like "15 = 井盖 15 × 1.0"; `is_plain`: nothing but that."""

    sum: str
    notes: list[str]
    is_plain: bool


def why(points: int, title: str, given: Mapping[str, Any] | None) -> Why | None:
    """From the sealed words of an entry; None for one from before they said it."""
    if not given:
        return None
    percent, bonus = given.get("percent", 100), given.get("bonus", 0)
    parts = f"{title} {given.get('base', 0)} × {percent // 100}.{percent % 100:02d}".removesuffix("0")
    if bonus:
        parts += f" + {bonus}"
    notes = [_(one) for one in given.get("quality", ())]
    if given.get("campaign"):
        notes.append(_("活动“%(name)s”加 %(n)d 分") % {"name": _(given["campaign"]), "n": bonus})
    if given.get("cap") in CAPS:
        notes.append(_(CAPS[given["cap"]]))
    words = f"{points} = {parts}"
    if given.get("cap") in CAPS:  # no sum: less came than that
        words = _("本来是 %(parts)s，得 %(n)d 分") % {"parts": parts, "n": points}
    return Why(words, notes, is_plain=percent == 100 and not bonus and points == given.get("base", 0))
