"""Why an entry is what it is, and what came of looking again: for the rider, and for who decides about holds and appeals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from qixia.codes.queries import class_name, triage_classes
from qixia.kernel.keys import keys
from qixia.people.access import Actor
from qixia.policy import queries as policy
from qixia.rewards import rules, sealing, states
from qixia.rewards.access import may_decide_holds
from qixia.rewards.errors import NoSuchEntry
from qixia.rewards.models import Hold, PointsAppeal, Posting
from qixia.rewards.queries.appealable import is_appealable
from qixia.rewards.queries.purse import Row, row_of
from qixia.rewards.queries.rulebook import rule_title
from qixia.rewards.queries.why import Why, why

PAGE = 30


@dataclass(frozen=True, slots=True)
class Appeal:
    """An appeal as its rider sees it."""

    state: str
    words: str
    answer: str
    opened_on: date
    ended_on: date | None
    shows: bool


@dataclass(frozen=True, slots=True)
class EntryView:
    row: Row
    why: Why | None
    until: date | None  # of a hold
    appeal: Appeal | None
    may_appeal: bool


def entry(actor: Actor, number: int) -> EntryView:
    """One's own entry. NoSuchEntry for anybody else's. Some ten queries, whatever the rider has."""
    posting = (
        Posting.objects.filter(pk=number, beneficiary=actor.ref)
        .exclude(kind=rules.REDEEM)
        .select_related("reversed_by", "paid_by")
        .first()
    )
    if posting is None:
        raise NoSuchEntry
    shown = row_of(posting)
    found = PointsAppeal.objects.filter(posting=posting).first()
    return EntryView(
        row=shown,
        why=shown.why,
        until=shown.until,
        appeal=_appeal(found) if found else None,
        may_appeal=found is None and is_appealable(posting),
    )


def appeals_of(actor: Actor) -> list[dict[str, Any]]:
    """What a rider said against own entries, for the copy of everything that is kept of him."""
    rows = PointsAppeal.objects.filter(posting__beneficiary=actor.ref).order_by("-pk")
    return [
        {
            "opened_on": row.opened_on,
            "words": opened(row.sealed_words, "appeal-words"),
            "state": row.state,
            "answer": opened(row.sealed_answer, "appeal-answer"),
            "ended_on": row.ended_on,
        }
        for row in rows
    ]


def _appeal(row: PointsAppeal) -> Appeal:
    return Appeal(
        row.state,
        opened(row.sealed_words, "appeal-words"),
        opened(row.sealed_answer, "appeal-answer"),
        row.opened_on,
        row.ended_on,
        row.shows,
    )


def opened(sealed: bytes | memoryview, purpose: str) -> str:
    return keys().open(bytes(sealed), purpose=purpose).decode() if sealed else ""


# ── for who decides ───────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class AppealCase:
    """An open appeal. No name; number and place only with the rider's leave."""

    public_id: str
    kind: str
    title: str
    points: int
    nominal: int
    missing: int
    version: int
    day: date
    why: Why | None
    reason: str
    words: str
    number: str
    place: str
    shows: bool
    opened_on: date
    own: bool
    decided: bool  # by the one who looks: somebody else answers
    signs: list[tuple[str, str]]  # of what was held and not given, or not whole: titles and sentences, no reports


def open_appeals(actor: Actor, *, after: int = 0) -> tuple[list[AppealCase], int | None]:
    """A page of those that wait, longest first, and the key of the next page; nothing for who decides nothing. One query."""
    if not may_decide_holds(actor):
        return [], None
    rows = list(
        PointsAppeal.objects.filter(state=states.OPEN, pk__gt=after)
        .select_related("posting__pays__hold")
        .order_by("pk")[: PAGE + 1]
    )
    following = rows[PAGE - 1].pk if len(rows) > PAGE else None
    return [_case(actor, row) for row in rows[:PAGE]], following


def _case(actor: Actor, row: PointsAppeal) -> AppealCase:
    posting, params = row.posting, row.posting.params
    title = rule_title(posting.rule, params.get("title", ""))
    return AppealCase(
        public_id=row.public_id,
        kind=posting.kind,
        title=title,
        points=posting.points,
        nominal=posting.nominal,
        missing=_missing(posting),
        version=posting.rule_version,
        day=posting.day,
        why=why(posting.points, title, params.get("why")),
        reason=params.get("reason", ""),
        words=opened(row.sealed_words, "appeal-words"),
        number=params.get("number", "") if row.shows else "",
        place=params.get("place", "") if row.shows else "",
        shows=row.shows,
        opened_on=row.opened_on,
        own=posting.beneficiary == actor.ref,
        decided=posting.actor == actor.ref,
        signs=_signs_against(posting),
    )


def _signs_against(posting: Posting) -> list[tuple[str, str]]:
    """What spoke against points that were held first and not given whole."""
    promise = posting.pays
    held: Hold | None = getattr(promise, "hold", None) if promise else None
    return said_of(held) if held and held.given < held.points else []


def _missing(posting: Posting) -> int:
    """What the entry lacks of what the act was worth: a proposal for the form."""
    if posting.kind == rules.AWARD:
        return max(posting.nominal - posting.points - posting.promised, 0)
    return min(-posting.nominal, 200)


def open_appeals_of_points(actor: Actor) -> int:
    return 0 if not may_decide_holds(actor) else PointsAppeal.objects.filter(state=states.OPEN).count()


@dataclass(frozen=True, slots=True)
class SeenReport:
    """One report in the evidence of a hold; its place and time, never who."""

    public_id: str
    number: str
    title: str
    place: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sign:
    title: str
    said: str
    reports: list[SeenReport]


@dataclass(frozen=True, slots=True)
class HoldCase:
    """Points that wait for a person, with what speaks against them. No name."""

    public_id: str
    title: str
    points: int
    opened_on: date
    due_on: date
    signs: list[Sign]
    own: bool


def open_holds(actor: Actor, *, after: int = 0) -> tuple[list[HoldCase], int | None]:
    """A page of open holds, the oldest first, and the key of the next page; nothing for who decides nothing. One query."""
    if not may_decide_holds(actor):
        return [], None
    rows = list(
        Hold.objects.filter(state=states.OPEN, pk__gt=after).select_related("posting").order_by("pk")[: PAGE + 1]
    )
    following = rows[PAGE - 1].pk if len(rows) > PAGE else None
    return [_hold(actor, row) for row in rows[:PAGE]], following


def open_holds_count(actor: Actor) -> int:
    return 0 if not may_decide_holds(actor) else Hold.objects.filter(state=states.OPEN).count()


def _hold(actor: Actor, row: Hold) -> HoldCase:
    data: rules.HoldsPolicy = policy.current("rewards.holds").data
    return HoldCase(
        public_id=row.public_id,
        title=rule_title(row.posting.rule, row.posting.params.get("title", "")),
        points=row.points,
        opened_on=row.opened_on,
        due_on=row.due_on,
        signs=[_sign(data, signal) for signal in evidence_of(row)],
        own=row.owner_ref == actor.ref,
    )


def evidence_of(hold: Hold) -> list[rules.Signal]:
    """As services.holds sealed it."""
    packed = opened(hold.sealed_evidence, "hold-evidence")
    return [rules.Signal(kind, evidence) for kind, evidence in json.loads(packed)] if packed else []


def said_of(hold: Hold) -> list[tuple[str, str]]:
    """Title and sentence of each sign, without the reports that they speak of."""
    data: rules.HoldsPolicy = policy.current("rewards.holds").data
    return [(sign.title, sign.said) for sign in (_sign(data, one) for one in evidence_of(hold))]


def signals_of(source: str) -> tuple[rules.Signal, ...]:
    """What points of this source are or were held for, unless somebody gave them or time did. One query."""
    rows = Hold.objects.filter(posting__source=sealing.stored_source(source), state__in=(states.OPEN, states.VOIDED))
    return tuple(signal for row in rows.order_by("pk") for signal in evidence_of(row))


def _sign(data: rules.HoldsPolicy, signal: rules.Signal) -> Sign:
    facts = dict(signal.evidence)
    known = data.signals.get(signal.kind)
    return Sign(_(known.title) if known else signal.kind, _said(signal.kind, facts), _reports(facts.get("reports", ())))


_SAID = {
    "own-made:fixed": "同一账号，同一处同一类：修好后很快又报，%(times)s 次",
    "own-made:handled": "同一账号，同一处同一类：顺手处理了 %(times)s 次",
    "own-made:clock": "同一账号，同一处同一类：修好后又在同一时刻报，%(times)s 天都这样",
    "reused-photo": "和以前一件的照片是同一个文件，两处相距 %(metres)s 米",
    "impossible-speed": "同一账号，两张现场照片相距 %(metres)s 米，只隔 %(minutes)s 分钟，合每小时 %(kmh)s 公里",
    "mutual-support": "%(accounts)s 个账号互相支持了 %(times)s 次，占他们全部支持的 %(percent)s%%",
    "farmed": "同一账号，%(minutes)s 分钟里在同一处报了 %(times)s 件小事",
}


def _said(kind: str, facts: Mapping[str, Any]) -> str:
    text = _SAID.get(f"{kind}:{facts['way']}" if facts.get("way") else kind)
    try:
        return _(text) % facts if text else ""
    except KeyError:
        return ""


def _reports(found: Sequence[Mapping[str, Any]]) -> list[SeenReport]:
    known = triage_classes()
    return [
        SeenReport(
            str(one.get("public_id", "")),
            str(one.get("number", "")),
            class_name(one["cls"]) if one.get("cls") in known else "",
            str(one.get("place", "")),
            datetime.fromisoformat(str(one["at"])),
        )
        for one in found
    ]
