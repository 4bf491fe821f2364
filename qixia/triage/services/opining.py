"""Asks another model for its opinion of one case, and keeps what it says. Off unless the rule says otherwise.

Truth    an Opinion row a case. It decides nothing: no state, class, clock or bell of a report depends on it.
Order    the try is written down and counted first, in a transaction of its own; the request goes out with no transaction
         open; the outcome is written in a third step, and only if no other worker has tried meanwhile.
Retries  what may pass (rules.PASSING) is tried TRIES times with growing waits, the rest not. A killed worker's try counts.
Limits   the day's limit is taken by a conditional update: two workers cannot pass it together.
Secrecy  history says what went out (how many pictures, whether words) and to which host, never what they say. The key
         goes into one header and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from qixia.audit.services import record
from qixia.codes.queries import triage_classes
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.outgoing import client
from qixia.outgoing.rules import Refused, Unreachable, parse
from qixia.triage import opinions
from qixia.triage.models import Opinion, OpinionTally
from qixia.triage.opinion import answer, asking
from qixia.triage.opinion.rules import PASSING, TRIES, WAITS, SecondOpinion, kind_of_status

ACTOR = "system:opinion"
PURPOSE = "triage.opinion"
_SLACK = timedelta(minutes=5)  # longer than any request: a try that ended no other way is taken up again


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a try brought: an opinion, or what went wrong."""

    said: answer.Said | None = None
    failure: str = ""
    is_refused: bool = False


def ask_opinion(*, ref: str, words: str, pictures: Sequence[bytes]) -> str:
    """Ask about the case `ref`. `words` are bare already, `pictures` redacted WebP; the caller vouches for both.

    Returns how the case stands: an Opinion's state, or "" if it was not asked (off, limit reached, paused, not due).
    """
    rule = opinions.rule()
    sent = words if rule.send_words else ""
    tried = _begin(ref, rule, has_words=bool(sent), pictures=len(pictures))
    if tried is None:
        return ""
    started = time.monotonic()
    outcome = _ask(rule, sent, pictures)
    return _end(tried, rule, outcome, round((time.monotonic() - started) * 1000))


@transaction.atomic
def drop_opinion(*, ref: str) -> None:
    """Do not try again: the case may no longer be asked about."""
    row = Opinion.objects.select_for_update().filter(ref=ref, state="waiting").first()
    if row is not None:
        Opinion.objects.filter(pk=row.pk).update(state="failed", again_at=None, failure=row.failure or "nothing")
        record("triage.opinion_dropped", subject=ref, actor=ACTOR, tries=row.tries)


@transaction.atomic
def _begin(ref: str, rule: SecondOpinion, *, has_words: bool, pictures: int) -> Opinion | None:
    """Write down that a try begins; None if there must be none now."""
    now = clock.now()
    if not rule.enabled or opinions.is_paused(now):
        return None
    row = Opinion.objects.select_for_update().filter(ref=ref).first()
    if row is not None and (row.state != "waiting" or (row.again_at or now) > now):
        return None
    if row is not None and row.tries >= TRIES:  # its worker was killed each time
        Opinion.objects.filter(pk=row.pk).update(state="failed", again_at=None, failure=row.failure or "unreachable")
        return None
    if not _take(rule, now):
        return None
    if row is None:
        row, is_new = Opinion.objects.get_or_create(ref=ref, defaults={"asked_at": now, "again_at": now + _SLACK})
        if not is_new:
            return None  # another worker was faster by a moment
    row.tries, row.asked_at, row.again_at, row.model = row.tries + 1, now, now + _SLACK, rule.model
    row.save(update_fields=["tries", "asked_at", "again_at", "model"])
    record(
        "triage.opinion_asked",
        subject=ref,
        actor=ACTOR,
        host=parse(rule.url).host,
        model=rule.model,
        pictures=pictures,
        words=has_words,
        attempt=row.tries,
    )
    return row


def _take(rule: SecondOpinion, now: datetime) -> bool:
    """One request of the day's, if there is one left."""
    day = clock.city_date(now)
    OpinionTally.objects.get_or_create(day=day, outcome=opinions.ASKED)
    left = OpinionTally.objects.filter(day=day, outcome=opinions.ASKED, n__lt=rule.daily_limit)
    return bool(left.update(n=F("n") + 1))


def _ask(rule: SecondOpinion, words: str, pictures: Sequence[bytes]) -> _Outcome:
    """Send, and read what comes back. Never raises for what the other side does."""
    if not (words or pictures):
        return _Outcome(failure="nothing")
    classes = triage_classes()
    started = time.monotonic()
    try:
        came = client.send(
            "POST",
            rule.door,
            purpose=PURPOSE,
            headers=_headers(),
            body=asking.request_body(rule.model, words, pictures, classes),
            limits=client.Limits(
                connect_s=min(4.0, rule.timeout_s), total_s=rule.timeout_s, max_answer=answer.ANSWER_MAX
            ),
        )
    except Refused:
        return _Outcome(is_refused=True)
    except Unreachable:
        is_late = time.monotonic() - started >= rule.timeout_s
        return _Outcome(failure="timeout" if is_late else "unreachable")
    if came.status != 200:
        return _Outcome(failure=kind_of_status(came.status))
    try:
        return _Outcome(said=answer.read(came.body, classes))
    except answer.Unusable as error:
        return _Outcome(failure=error.kind)


def _headers() -> dict[str, str]:
    key = get_config().second_opinion_key.get_secret_value()
    found = {"content-type": "application/json", "accept": "application/json"}
    return found | {"authorization": f"Bearer {key}"} if key else found


@transaction.atomic
def _end(tried: Opinion, rule: SecondOpinion, outcome: _Outcome, took_ms: int) -> str:
    """Write down how the try ended; an older try than the latest changes nothing but the counts."""
    now, said = clock.now(), outcome.said
    again = outcome.failure in PASSING and tried.tries < TRIES
    state = "ok" if said else "refused" if outcome.is_refused else "waiting" if again else "failed"
    changes = {
        "state": state,
        "cls": said.cls if said else "",
        "severity": said.severity if said else "",
        "words": said.words if said else "",
        "took_ms": took_ms,
        "failure": outcome.failure,
        "again_at": now + WAITS[tried.tries - 1] if again else None,
    }
    _count(now, "ok" if said else "refused" if outcome.is_refused else outcome.failure)
    Opinion.objects.filter(pk=tried.pk, tries=tried.tries, state="waiting").update(**changes)
    return state


def _count(now: datetime, outcome: str) -> None:
    day = clock.city_date(now)
    OpinionTally.objects.get_or_create(day=day, outcome=outcome)
    OpinionTally.objects.filter(day=day, outcome=outcome).update(n=F("n") + 1)
