"""Points that were earned while no budget covered them: written down, told, and paid oldest first when there is cover.

Once     an owed posting is paid or dropped once (`Posting.pays` is unique, the row's state changes under its lock).
Order    by the row's number. The first that does not fit stops the rest: a small one does not overtake for ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from django.db import transaction

from qixia.kernel import clock
from qixia.kernel.keys import keys
from qixia.kernel.requests import without_request_id
from qixia.people.access import SYSTEM
from qixia.rewards import rules, sealing, states, terms
from qixia.rewards.models import Owed, Posting
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books, budgets, holds, telling

PAGE = 200
PAID_LATER = "rewards.paid_later"

Promise = tuple[Posting, str, tuple[rules.Signal, ...]]  # posting, payer, signals that hold it


def owe(promises: Sequence[Promise]) -> None:
    """Write down what these postings promise."""
    today = clock.city_date(clock.now())
    Owed.objects.bulk_create(
        Owed(posting=posting, payer=payer, points=posting.promised, since=today, sealed_signals=_seal(signals))
        for posting, payer, signals in promises
    )


def owed_by(postings: Sequence[int]) -> dict[int, tuple[str, tuple[rules.Signal, ...]]]:
    """Posting → (payer, signals) of what was owed, whatever became of it. One statement."""
    rows = Owed.objects.filter(posting_id__in=postings).values_list("posting_id", "payer", "sealed_signals")
    return {posting: (payer, _open(bytes(sealed))) for posting, payer, sealed in rows}


def drop(postings: Sequence[Posting]) -> None:
    """What was owed for these is owed no more."""
    if postings:
        Owed.objects.filter(posting__in=postings, state=states.WAITING).update(state=states.DROPPED)


def pay_owed(*, limit: int = PAGE) -> int:
    """Pay what is owed as far as there is cover, payer by payer, up to `limit` rows each. Returns how many were paid."""
    payers = Owed.objects.filter(state=states.WAITING).order_by("payer").values_list("payer", flat=True).distinct()
    with without_request_id():
        return sum(_pay(payer, limit) for payer in list(payers))


@transaction.atomic
def _pay(payer: str, limit: int) -> int:
    waiting = Owed.objects.filter(payer=payer, state=states.WAITING).order_by("id")
    first = list(waiting.values_list("pk", "posting__beneficiary")[:limit])
    need = (rules.AVAILABLE, rules.PENDING)
    purses = books.lock_purses((owner for _pk, owner in first), need=need)
    rows = list(
        waiting.filter(pk__in=[pk for pk, _owner in first]).select_related("posting").select_for_update(of=("self",))
    )
    cover = budgets.cover_of(payer)
    rows = rows[: budgets.take(cover, [row.points for row in rows], in_turn=True)]
    if not rows:
        return 0
    signals = {row.pk: _open(bytes(row.sealed_signals)) for row in rows}
    drafts = [_draft(row, purses[row.posting.beneficiary], cover, signals[row.pk]) for row in rows]
    made = books.write(drafts)
    Owed.objects.filter(pk__in=[row.pk for row in rows]).update(state=states.PAID)
    held = [
        (posting, payer, signals[row.pk]) for row, posting in zip(rows, made, strict=True) if posting.kind == rules.HOLD
    ]
    holds.open_many(held)
    telling.posted(made)
    return len(made)


def _draft(row: Owed, purse: books.Purse, cover: budgets.Cover, signals: tuple[rules.Signal, ...]) -> books.Draft:
    promise, pot = row.posting, cover.pot(purse.owner_ref)
    more: Mapping[str, object]
    if signals:
        lines = [books.move(purse.pots[rules.PENDING], row.points), books.move(pot, -row.points)]
        more = holds.words(signals)
    else:
        more = {"repaid": min(-purse.balance(rules.DEBT), row.points)}
        end = terms.last_day(books_terms().lots, clock.city_date(clock.now()))
        lines = books.income(purse, row.points, pot, end)
    words = {key: value for key, value in promise.params.items() if key != "uncovered"}
    return books.Draft(
        key=sealing.stored_key(f"paid|{promise.key}"),
        kind=rules.HOLD if signals else rules.AWARD,
        rule=promise.rule,
        rule_version=promise.rule_version,
        act=PAID_LATER,
        source=promise.source,
        beneficiary=promise.beneficiary,
        actor=SYSTEM.ref,
        at=promise.at,
        points=0 if signals else row.points,
        nominal=row.points,
        promised=row.points if signals else 0,
        pays_id=promise.pk,
        lines=lines,
        available_after=purse.balance(rules.AVAILABLE),
        params={**words, **more},
    )


def _seal(signals: Sequence[rules.Signal]) -> bytes:
    packed = [[one.kind, dict(one.evidence)] for one in signals]
    return keys().seal(json.dumps(packed, default=str).encode(), purpose=holds.EVIDENCE) if packed else b""


def _open(sealed: bytes) -> tuple[rules.Signal, ...]:
    packed = json.loads(keys().open(sealed, purpose=holds.EVIDENCE)) if sealed else []
    return tuple(rules.Signal(kind, evidence) for kind, evidence in packed)
