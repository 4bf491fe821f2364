"""A rider says that an entry is wrong; a person answers, and may give points.

Once     a matter is appealed against once (queries/appealable.py), and answered once; some a day. What is given names the
         entry: the same rule, version, source and day, so that no cap of today is used up; it can be taken back with the
         rest.
Seen     who decides reads the rider's words and the entry's rule, points, reasons and day. Number and place only with the
         rider's leave. Never one's own, nor what one decided.
Most     of what was taken back, what nobody gave back yet; nothing for an award that waits or was taken back (standing.py).
Errors   NoSuchEntry, NothingToAppeal, NothingMissing, TooManyAppeals, AppealEnded, NotAllowed, Invalid ("text",
         "points", "answer"): nothing changed.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.keys import keys
from qixia.kernel.requests import without_request_id
from qixia.notices.services import Tell, tell_many
from qixia.people.access import Actor
from qixia.people.queries import person_ids_for
from qixia.policy import queries as policy
from qixia.rewards import rules, sealing, states, terms
from qixia.rewards.access import must_decide_holds
from qixia.rewards.errors import (
    AppealEnded,
    NoSuchAppeal,
    NoSuchEntry,
    NothingMissing,
    NothingToAppeal,
    TooManyAppeals,
)
from qixia.rewards.models import PointsAppeal, Posting
from qixia.rewards.queries.appealable import is_appealable
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books, budgets, owing, standing, telling

WORDS, ANSWER = "appeal-words", "appeal-answer"
APPEALED = "rewards.appealed"
RIDER = "rider"  # in the history: who decides reads an appeal's number and maybe a report's, and must not find the name
LEAST_TEXT, MOST_TEXT = 4, 500
MOST_POINTS = 200


@transaction.atomic
def appeal_points(*, actor: Actor, entry: int, text: str, shows: bool = False) -> PointsAppeal:
    """Say why one's own entry is wrong. Saying it again returns the first appeal."""
    posting = Posting.objects.filter(pk=entry, beneficiary=actor.ref).select_related("appeal").first()
    if posting is None:
        raise NoSuchEntry
    if found := PointsAppeal.objects.filter(posting=posting).first():
        return found
    books.lock_purses([actor.ref])  # what one rider says at two phones comes one after the other
    must_be_appealable(posting)
    words = " ".join(text.split())
    if not LEAST_TEXT <= len(words) <= MOST_TEXT:
        raise Invalid("请用 %(least)d 到 %(most)d 个字说说哪里不对。", field="text", least=LEAST_TEXT, most=MOST_TEXT)
    row = PointsAppeal(posting=posting, shows=shows, opened_on=clock.city_date(clock.now()))
    row.sealed_words = keys().seal(words.encode(), purpose=WORDS)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return PointsAppeal.objects.get(posting=posting)  # the same tap twice
    with without_request_id():
        record(APPEALED, subject=f"points-appeal:{row.public_id}", actor=RIDER)
    return row


def must_be_appealable(posting: Posting) -> None:
    """Awards, what was taken back and what was not given; once a matter, for as many days and as often a day as the
    policy says."""
    data: rules.HoldsPolicy = policy.current("rewards.holds").data
    today = clock.city_date(clock.now())
    is_late = clock.city_date(posting.created_at) < today - timedelta(days=data.appeal_days)
    if is_late or not is_appealable(posting):
        raise NothingToAppeal(days=data.appeal_days)
    said = PointsAppeal.objects.filter(posting__beneficiary=posting.beneficiary, opened_on=today)
    if said.count() >= data.appeals_a_day:
        raise TooManyAppeals(limit=data.appeals_a_day, retry_after=3600)


@transaction.atomic
def answer_appeal(*, actor: Actor, public_id: str, points: int, answer: str) -> PointsAppeal:
    """Give `points` (0: refused); `answer` is a sentence for the rider either way."""
    if not answer.strip():
        raise Invalid("请写明理由，骑手会看到。", field="answer")
    if not 0 <= points <= MOST_POINTS:
        raise Invalid("要在 0 和 %(most)d 之间。", field="points", most=MOST_POINTS)
    row = PointsAppeal.objects.select_related("posting").filter(public_id=public_id).first()
    if row is None:
        raise NoSuchAppeal
    must_decide_holds(actor, row.posting.beneficiary, row.posting.actor)
    purse = books.lock_purses([row.posting.beneficiary])[row.posting.beneficiary]
    row.refresh_from_db(fields=["state"])
    if row.state != states.OPEN:
        raise AppealEnded
    _must_be_missing(row.posting, points)
    with without_request_id():
        row.paid = _pay(row, purse, points, actor.ref) if points else None
        row.state = states.GRANTED if points else states.REFUSED
        row.ended_on, row.decided_by = clock.city_date(clock.now()), actor.ref
        row.sealed_answer = keys().seal(answer.strip()[:MOST_TEXT].encode(), purpose=ANSWER)
        row.save()
        record(f"{APPEALED}_{row.state}", subject=f"points-appeal:{row.public_id}", actor=actor.ref, points=points)
        _tell(row, points, answer.strip()[:MOST_TEXT])
    return row


def _must_be_missing(posting: Posting, points: int) -> None:
    """The same loss is made good once: asked under the purse's lock."""
    most = standing.most_for(posting, MOST_POINTS)
    if points and not most:
        raise NothingMissing(field="points")
    if points > most:
        raise Invalid("要在 0 和 %(most)d 之间。", field="points", most=most)


def _pay(row: PointsAppeal, purse: books.Purse, points: int, actor: str) -> Posting:
    first = row.posting
    cover = budgets.cover_of(rules.CITY)
    has_cover = bool(budgets.take(cover, [points]))
    end = terms.last_day(books_terms().lots, clock.city_date(clock.now()))
    repaid = min(-purse.balance(rules.DEBT), points) if has_cover else 0
    lines = books.income(purse, points, cover.pot(purse.owner_ref), end) if has_cover else []
    draft = books.Draft(
        key=sealing.stored_key(f"appeal|{first.key}"),
        kind=rules.AWARD,
        rule=first.rule,
        rule_version=first.rule_version,
        act=APPEALED,
        source=first.source,
        beneficiary=first.beneficiary,
        actor=actor,
        at=first.at,
        points=points if has_cover else 0,
        nominal=points,
        promised=0 if has_cover else points,
        lines=lines,
        available_after=purse.balance(rules.AVAILABLE),
        params={
            "title": first.params.get("title", ""),
            "repaid": repaid,
            **({} if has_cover else {"uncovered": "wait"}),
        },
    )
    made: list[Posting] = books.write([draft])
    owing.owe([(posting, rules.CITY, ()) for posting in made if posting.promised])
    telling.recorded(made)
    return made[0]


def _tell(row: PointsAppeal, points: int, answer: str) -> None:
    public_id = telling.public_id_of(row.posting.beneficiary)
    people = person_ids_for([public_id])
    if public_id in people:
        template = "points.appeal_granted" if points else "points.appeal_refused"
        link = f"{telling.LEDGER}/{row.posting_id}"
        tell_many(
            [Tell(people[public_id], template, {"points": points, "reason": answer}, link, f"appeal|{row.public_id}")]
        )


@transaction.atomic
def forget_appeals(*, person: str) -> int:
    """Somebody was erased: what they wrote goes with the answers, that an entry was looked at again stays. Idempotent."""
    mine = PointsAppeal.objects.filter(posting__beneficiary=f"person:{person}")
    gone = mine.exclude(sealed_words=b"", sealed_answer=b"").update(sealed_words=b"", sealed_answer=b"")
    if gone:
        record("rewards.appeals_forgotten", subject="points-appeals", actor="system:erasure", count=gone)
    return gone
