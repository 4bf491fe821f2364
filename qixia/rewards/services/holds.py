"""Points that a signal holds until somebody has looked, or time is over. Never silently: the rider reads why and until when.

Way      budget → the rider's `pending` account (cover is taken then); post: pending → purse (what is owed is repaid first),
         in whole or in part, the rest goes back to the budget; void: all of it goes back. When nobody decides, the policy
         "rewards.holds" does, as shipped in the rider's favour.
Once     the posting that ends a hold names it (`Posting.pays` is unique).
Errors   NoSuchHold, HoldEnded, NotAllowed (also for one's own), Invalid ("points", "reason"): nothing changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.keys import keys
from qixia.kernel.requests import without_request_id
from qixia.people.access import SYSTEM, Actor
from qixia.policy import queries as policy
from qixia.rewards import rules, sealing, states, terms
from qixia.rewards.access import must_decide_holds
from qixia.rewards.errors import HoldEnded, NoSuchHold
from qixia.rewards.models import Hold, Owed, Posting
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books, budgets, telling
from qixia.rewards.services.standing import bonus_of

KIND = "rewards.holds"
EVIDENCE = "hold-evidence"
REASON = "hold-reason"
PAGE = 200
POSTED, VOIDED, TIMED_OUT = "rewards.hold_posted", "rewards.hold_voided", "rewards.hold_timed_out"


def holding(signals: Mapping[str, Sequence[rules.Signal]]) -> dict[str, tuple[rules.Signal, ...]]:
    """Of awards by key, those whose signals hold them. Asks nothing when there are none."""
    if not any(signals.values()):
        return {}
    data: rules.HoldsPolicy = policy.current(KIND).data
    found = {key: data.holding(some) for key, some in signals.items()}
    return {key: some for key, some in found.items() if some}


def words(signals: Sequence[rules.Signal]) -> dict[str, Any]:
    """What the rider reads of a hold: sentences, and the day by which it ends."""
    data: rules.HoldsPolicy = policy.current(KIND).data
    said = [
        data.signals[one.kind].words for one in signals if one.kind in data.signals and data.signals[one.kind].words
    ]
    until = clock.city_date(clock.now()) + timedelta(days=data.days)
    return {"reason": "；".join(dict.fromkeys(said)), "until": until.isoformat()}


def open_many(held: Sequence[tuple[Posting, str, tuple[rules.Signal, ...]]]) -> None:
    """The rows of postings that were just held: (posting, payer, signals)."""
    if not held:
        return
    data: rules.HoldsPolicy = policy.current(KIND).data
    today = clock.city_date(clock.now())
    Hold.objects.bulk_create(
        Hold(
            posting=posting,
            owner_ref=posting.beneficiary,
            payer=payer,
            points=posting.promised,
            signals=",".join(dict.fromkeys(one.kind for one in signals))[:200],
            sealed_evidence=_seal([[one.kind, dict(one.evidence)] for one in signals]),
            opened_on=today,
            due_on=today + timedelta(days=data.days),
        )
        for posting, payer, signals in held
    )


def _seal(evidence: Sequence[Any]) -> bytes:
    return keys().seal(json.dumps(evidence, ensure_ascii=False, default=str).encode(), purpose=EVIDENCE)


def evidence_of(hold: Hold) -> list[rules.Signal]:
    """What somebody who decides sees."""
    packed = json.loads(keys().open(bytes(hold.sealed_evidence), purpose=EVIDENCE)) if hold.sealed_evidence else []
    return [rules.Signal(kind, evidence) for kind, evidence in packed]


def held_by(postings: Sequence[int]) -> dict[int, tuple[str, tuple[rules.Signal, ...]]]:
    """Posting → (payer, signals) of what was held, however it ended. One statement."""
    rows = Hold.objects.filter(posting_id__in=postings)
    return {row.posting_id: (row.payer, tuple(evidence_of(row))) for row in rows}


@transaction.atomic
def post_hold(*, actor: Actor, public_id: str, points: int | None = None, reason: str = "") -> Posting:
    """Give what is held, or only `points` of it (then `reason` is for the rider). Returns the posting."""
    hold = _open_hold(actor, public_id)
    given = hold.points if points is None else points
    if not 1 <= given <= hold.points:
        raise Invalid("要在 1 和 %(most)d 之间。", field="points", most=hold.points)
    if given < hold.points and not reason.strip():
        raise Invalid("只给一部分时请写明理由，骑手会看到。", field="reason")
    return _end([hold], [given], act=POSTED, actor=actor.ref, reason=reason.strip())[0]


@transaction.atomic
def void_hold(*, actor: Actor, public_id: str, reason: str) -> Posting:
    """Give nothing; `reason` is a sentence for the rider."""
    if not reason.strip():
        raise Invalid("请写明理由，骑手会看到。", field="reason")
    hold = _open_hold(actor, public_id)
    return _end([hold], [0], act=VOIDED, actor=actor.ref, reason=reason.strip())[0]


def time_out_holds(*, limit: int = PAGE) -> int:
    """End up to `limit` holds that nobody decided about, as the policy says. Returns how many."""
    today = clock.city_date(clock.now())
    data: rules.HoldsPolicy = policy.current(KIND).data
    with transaction.atomic(), without_request_id():
        due = Hold.objects.filter(state=states.OPEN, due_on__lt=today).order_by("due_on", "id")
        owners = list(due.values_list("pk", "owner_ref")[:limit])
        books.lock_purses(owner for _pk, owner in owners)
        rows = list(due.filter(pk__in=[pk for pk, _owner in owners]).select_related("posting__pays"))
        given = [row.points if data.undecided == "post" else 0 for row in rows]
        reason = "" if data.undecided == "post" else _("到期没有人看，按规则不给")
        return len(_end(rows, given, act=TIMED_OUT, actor=SYSTEM.ref, reason=reason))


def _open_hold(actor: Actor, public_id: str) -> Hold:
    """The hold, its owner's purse locked. Refuses who may not decide."""
    row = Hold.objects.filter(public_id=public_id).values_list("owner_ref", flat=True).first()
    if row is None:
        raise NoSuchHold
    must_decide_holds(actor, row)
    books.lock_purses([row])
    hold = Hold.objects.select_related("posting__pays").get(public_id=public_id)
    if hold.state != states.OPEN:
        raise HoldEnded(state=_(states.HOLD_LABELS[hold.state]))
    return hold


def _end(rows: Sequence[Hold], given: Sequence[int], *, act: str, actor: str, reason: str) -> list[Posting]:
    """End holds whose purses are locked: postings, rows, cover, news."""
    if not rows:
        return []
    purses = books.lock_purses((row.owner_ref for row in rows), need=(rules.AVAILABLE, rules.PENDING))
    origins = budgets.origins(row.posting_id for row in rows)
    back: dict[int, int] = {}
    drafts = []
    for row, points in zip(rows, given, strict=True):
        purse, origin = purses[row.owner_ref], origins[row.posting_id]
        drafts.append(_draft(row, points, purse, origin, act=act, actor=actor, reason=reason))
        back[origin.id] = back.get(origin.id, 0) + row.points - points
    made: list[Posting] = books.write(drafts)
    step = {POSTED: "post", VOIDED: "void", TIMED_OUT: "time_out"}[act]
    for row, points in zip(rows, given, strict=True):
        row.given = points
    Hold.objects.bulk_update(rows, ["given"])
    end([row.posting for row in rows], states.HOLD_STEPS[step][1], actor, reason)
    budgets.give_back_to(back)
    telling.posted(made)
    return made


def end(postings: Sequence[Posting], state: str, actor: str, reason: str) -> None:
    """Note how the holds of these postings ended."""
    if postings:
        Hold.objects.filter(posting__in=postings, state=states.OPEN).update(
            state=state,
            ended_on=clock.city_date(clock.now()),
            decided_by=actor,
            sealed_reason=keys().seal(reason.encode(), purpose=REASON) if reason else b"",
        )


def _draft(
    row: Hold, points: int, purse: books.Purse, origin: books.Pot, *, act: str, actor: str, reason: str
) -> books.Draft:
    if not points:
        return ending(row.posting, purse, origin, act=act, reason=reason, actor=actor)
    held = row.posting
    pending = purse.pots[rules.PENDING]
    repaid = min(-purse.balance(rules.DEBT), points)
    lots = terms.last_day(books_terms().lots, clock.city_date(clock.now()))
    lines = books.income(purse, points, pending, lots)
    if row.points > points:
        lines += [books.move(pending, points - row.points), books.move(origin, row.points - points)]
    campaign, bonus = bonus_of(held)
    lost = min(bonus, row.points - points)  # a part that is not given is the campaign's first
    words_of = {key: value for key, value in held.params.items() if key not in ("reason", "until")}
    return books.Draft(
        key=sealing.stored_key(f"hold|{held.key}"),
        kind=rules.AWARD,
        rule=held.rule,
        rule_version=held.rule_version,
        act=act,
        source=held.source,
        beneficiary=held.beneficiary,
        actor=actor,
        at=held.at,
        points=points,
        nominal=row.points,
        pays_id=held.pk,
        lines=lines,
        available_after=purse.balance(rules.AVAILABLE),
        params={**words_of, "reason": reason, "repaid": repaid},
        campaign=campaign if lost else "",
        bonus=-lost,
    )


def ending(
    promise: Posting, purse: books.Purse, origin: books.Pot | None, *, act: str, reason: str, actor: str
) -> books.Draft:
    """The posting that ends a promise without a point for the rider: what was held goes back where it came from."""
    amount = promise.promised
    lines = [books.move(purse.pots[rules.PENDING], -amount), books.move(origin, amount)] if origin else []
    campaign, bonus = bonus_of(promise)
    return books.Draft(
        key=sealing.stored_key(f"void|{promise.key}"),
        kind=rules.VOID,
        rule=promise.rule,
        rule_version=promise.rule_version,
        act=act,
        source=promise.source,
        beneficiary=promise.beneficiary,
        actor=actor,
        at=clock.now(),
        points=0,
        nominal=-amount,
        pays_id=promise.pk,
        lines=lines,
        available_after=purse.balance(rules.AVAILABLE),
        params={
            "title": promise.params.get("title", ""),
            "number": promise.params.get("number", ""),
            "link": promise.params.get("link", ""),
            "reason": reason,
            "of_day": promise.day.isoformat(),
        },
        campaign=campaign,
        bonus=-bonus,
    )


@transaction.atomic
def forget_holds(*, person: str) -> int:
    """Somebody was erased: what spoke against points of theirs goes with the reasons, also where nobody decided yet; that
    points were held, and how it ended, stays in the books. Idempotent."""
    ref = f"person:{person}"
    holds = Hold.objects.filter(owner_ref=ref).exclude(sealed_evidence=b"", sealed_reason=b"")
    owed = Owed.objects.filter(posting__beneficiary=ref).exclude(sealed_signals=b"")
    gone = holds.update(sealed_evidence=b"", sealed_reason=b"") + owed.update(sealed_signals=b"")
    if gone:
        record("rewards.holds_forgotten", subject="points-holds", actor="system:erasure", count=gone)
    return gone
