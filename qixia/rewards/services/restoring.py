"""Giving back what a reversal took: the decision that it stood on was found wrong.

Once     each reversal is undone at most once; a restored posting can be reversed like any other, and restored again.
Appeals  what one against the same reversal gave is not given again.
Caps     don't hold: it was earned within them already. It counts for the day of the first posting.
Cover    is asked for like any other; without it, it is owed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from qixia.kernel import clock
from qixia.rewards import rules, sealing, terms
from qixia.rewards.models import Posting
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books, budgets, owing, standing, telling
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
    purses = books.lock_purses(taken.values_list("beneficiary", flat=True), need=(rules.AVAILABLE, rules.DEBT))
    if not purses:
        return []
    rows = list(taken.select_related("reverses", "pays").order_by("id"))  # again, under the lock
    keys = {row.pk: standing.restored_key(row) for row in rows}
    known = set(Posting.objects.filter(key__in=keys.values()).values_list("key", flat=True))
    granted = standing.granted(rows)
    missing = {row.pk: -row.nominal - granted.get(row.pk, 0) for row in rows if keys[row.pk] not in known}
    rows = [row for row in rows if missing.get(row.pk, 0) > 0]
    cover = budgets.cover_of(rules.CITY)
    count = budgets.take(cover, [missing[row.pk] for row in rows])
    drafts = [
        _draft(
            row,
            missing[row.pk],
            purses[row.beneficiary],
            cover if n < count else None,
            reason=reason,
            actor=actor,
        )
        for n, row in enumerate(rows)
    ]
    made: list[Posting] = books.write(drafts)
    owing.owe([(posting, rules.CITY, ()) for posting in made if posting.promised])
    telling.posted(made)
    return made


def _draft(
    reversal: Posting, nominal: int, purse: books.Purse, cover: budgets.Cover | None, *, reason: str, actor: str
) -> books.Draft:
    points = nominal if cover else 0
    repaid = min(-purse.balance(rules.DEBT), points)
    end = terms.last_day(books_terms().lots, clock.city_date(clock.now()))
    income = books.income(purse, points, cover.pot(purse.owner_ref), end) if cover else []
    first = reversal.reverses or reversal.pays
    return books.Draft(
        key=standing.restored_key(reversal),
        kind=rules.AWARD,
        rule=reversal.rule,
        rule_version=reversal.rule_version,
        act=RESTORED,
        source=reversal.source,
        beneficiary=reversal.beneficiary,
        actor=actor,
        at=first.at if first else reversal.at,
        points=points,
        nominal=nominal,
        promised=nominal - points,
        lines=income,
        available_after=purse.balance(rules.AVAILABLE),
        params={
            "title": reversal.params.get("title", ""),
            "reason": reason,
            "repaid": repaid,
            **({} if cover else {"uncovered": "wait"}),
        },
        campaign=reversal.campaign or "",
        bonus=-(reversal.bonus or 0),
    )
