"""Giving back what a reversal took: the decision that it stood on was found wrong.

Once     each reversal is undone at most once; a restored posting can be reversed like any other, and restored again.
Appeals  what one against the same reversal gave is not given again.
Caps     don't hold: it was earned within them already. It counts for the day of the first posting.
Cover    is asked of the payer that the points went back to; without it, it is owed.
Holds    what was held when it was taken is held again, with the same evidence: a detour gives nothing that a person has
         not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from qixia.kernel import clock
from qixia.rewards import rules, sealing, terms
from qixia.rewards.models import Posting
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books, budgets, holds, owing, standing, telling
from qixia.rewards.services.standing import REVERSED

RESTORED = "rewards.restored"


@transaction.atomic
def restore(
    *, source: str, reason: str, actor: str, also: Sequence[str] = (), since: datetime | None = None
) -> list[Posting]:
    """Pay again what was taken back from `source` and from those in `also`, by what was decided at `since` or later: what
    was taken before that had another reason. Returns what was posted now."""
    sources = [sealing.stored_source(one) for one in (source, *also)]
    was_void = Q(kind=rules.VOID, act=REVERSED)  # a promise that was taken back
    taken = Posting.objects.filter(Q(kind=rules.REVERSAL) | was_void, source__in=sources)
    if since is not None:
        taken = taken.filter(at__gte=since)
    need = (rules.AVAILABLE, rules.DEBT, rules.PENDING)
    purses = books.lock_purses(taken.values_list("beneficiary", flat=True), need=need)
    if not purses:
        return []
    rows = list(taken.select_related("reverses", "pays").order_by("id"))  # again, under the lock
    lost = _lost(rows)
    covers = _covers(lost)
    made: list[Posting] = books.write(
        [_draft(one, purses[one.taken.beneficiary], covers.get(one.taken.pk), reason, actor) for one in lost]
    )
    pairs = [(posting, one.payer, one.signals) for one, posting in zip(lost, made, strict=True) if posting.promised]
    holds.open_many([pair for pair in pairs if pair[0].kind == rules.HOLD])
    owing.owe([pair for pair in pairs if pair[0].kind != rules.HOLD])
    telling.posted(made)
    return made


@dataclass(frozen=True, slots=True)
class _Lost:
    """What a posting took and nobody gave back: points, whose budget they come from, what held them then."""

    taken: Posting
    points: int
    payer: str
    signals: tuple[rules.Signal, ...]


def _lost(rows: Sequence[Posting]) -> list[_Lost]:
    keys = {row.pk: standing.restored_key(row) for row in rows}
    known = set(Posting.objects.filter(key__in=keys.values()).values_list("key", flat=True))
    granted = standing.granted(rows)
    points = {row.pk: -row.nominal - granted.get(row.pk, 0) for row in rows if keys[row.pk] not in known}
    rows = [row for row in rows if points.get(row.pk, 0) > 0]
    promises = [row.pays_id for row in rows if row.pays_id]
    before = holds.held_by(promises) | owing.owed_by(promises) if promises else {}
    payers = budgets.payers_of(row.pk for row in rows)
    found = []
    for row in rows:
        payer, signals = before.get(row.pays_id or 0, (payers.get(row.pk, rules.CITY), ()))
        found.append(_Lost(row, points[row.pk], payer, signals))
    return found


def _covers(lost: Sequence[_Lost]) -> dict[int, budgets.Cover]:
    """Cover for those that there is enough for, payer by payer in the order of their names."""
    found: dict[int, budgets.Cover] = {}
    for payer in sorted({one.payer for one in lost}):
        mine = [one for one in lost if one.payer == payer]
        cover = budgets.cover_of(payer)
        found |= {one.taken.pk: cover for one in mine[: budgets.take(cover, [one.points for one in mine])]}
    return found


def _draft(one: _Lost, purse: books.Purse, cover: budgets.Cover | None, reason: str, actor: str) -> books.Draft:
    taken, kind, points, lines = one.taken, rules.AWARD, 0, []
    more: dict[str, object] = {"reason": reason, "repaid": 0}
    if cover is None:
        more["uncovered"] = "wait"
    elif one.signals:
        kind = rules.HOLD
        lines = [books.move(purse.pots[rules.PENDING], one.points), books.move(cover.pot(purse.owner_ref), -one.points)]
        more |= holds.words(one.signals)
    else:
        points = one.points
        more["repaid"] = min(-purse.balance(rules.DEBT), points)
        end = terms.last_day(books_terms().lots, clock.city_date(clock.now()))
        lines = books.income(purse, points, cover.pot(purse.owner_ref), end)
    first = taken.reverses or taken.pays
    return books.Draft(
        key=standing.restored_key(taken),
        kind=kind,
        rule=taken.rule,
        rule_version=taken.rule_version,
        act=RESTORED,
        source=taken.source,
        beneficiary=taken.beneficiary,
        actor=actor,
        at=first.at if first else taken.at,
        points=points,
        nominal=one.points,
        promised=one.points - points,
        lines=lines,
        available_after=purse.balance(rules.AVAILABLE),
        params={"title": taken.params.get("title", ""), **more},
        campaign=taken.campaign or "",
        bonus=min(-(taken.bonus or 0), one.points),
    )
