"""A new version of one template's words. The policy keeps all versions; what was told is worded anew when it is read.

Errors   Invalid names the field ("zh_title") and the place that nobody fills; Stale if somebody else published meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

from qixia.kernel.errors import Invalid, NotFound
from qixia.notices import queries, rules
from qixia.policy.services import publish


@dataclass(frozen=True, slots=True)
class Wording:
    """What an editor writes: title and body in both languages, and what others may see."""

    zh_title: str
    zh_body: str
    en_title: str
    en_body: str
    zh_outside: str
    en_outside: str


def reword(*, template: str, wording: Wording, note: str, after: int, actor: str) -> None:
    """Publish the words of one template; `after` is the version that the editor saw."""
    words = queries.templates()
    old = words.notices.get(template)
    if old is None:
        raise NotFound
    _check(template, wording)
    if not note.strip():
        raise Invalid("请写一句为什么改。", field="note")
    data = words.model_dump(mode="json")
    data["notices"][template] |= {
        "zh": {"title": wording.zh_title, "body": wording.zh_body},
        "en": {"title": wording.en_title, "body": wording.en_body},
        "outside": {"zh": wording.zh_outside, "en": wording.en_outside},
    }
    publish(queries.TEMPLATES, data, note=note.strip()[:300], actor_ref=actor, after=after)


def _check(template: str, wording: Wording) -> None:
    known = queries.places_of(template)
    for field in ("zh_title", "zh_body", "en_title", "en_body"):
        text = getattr(wording, field)
        if not text.strip() and field.endswith("title"):
            raise Invalid("标题不能空着。", field=field)
        if len(text) > rules.TEXT_MAX:
            raise Invalid("太长了，最多 %(most)s 个字。", field=field, most=rules.TEXT_MAX)
        wrong = rules.unknown_place(text, known)
        if wrong:
            raise Invalid(
                "没有叫 {%(place)s} 的内容。能用的有：%(known)s", field=field, place=wrong, known=known_as_text(known)
            )
    for field in ("zh_outside", "en_outside"):
        refusal = rules.refusal_outside(getattr(wording, field))
        if refusal:
            raise Invalid(refusal, field=field)


def known_as_text(known: frozenset[str]) -> str:
    return " ".join(f"{{{name}}}" for name in sorted(known))
