"""Giving back what a reversal took: the decision that it stood on was found wrong.

Once     each reversal is undone at most once; a restored posting can be reversed like any other, and restored again.
Caps     don't hold: it was earned within them already. It counts for the day of the first posting.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from qixia.rewards import rules, sealing
from qixia.rewards.models import Posting
from qixia.rewards.services import books, telling

RESTORED = "rewards.restored"


@transaction.atomic
def restore(
    *, source: str, reason: str, actor: str, also: Sequence[str] = (), since: datetime | None = None
) -> list[Posting]:
    """Pay again what was taken back from `source` and from those in `also`, by what was decided at `since` or later: what
    was taken before that had another reason. Returns what was posted now."""
    sources = [sealing.stored_source(one) for one in (source, *also)]
    taken = Posting.objects.filter(source__in=sources, kind=rules.REVERSAL)
    if since is not None:
        taken = taken.filter(at__gte=since)
    purses = books.lock_purses(taken.values_list("beneficiary", flat=True), need=(rules.AVAILABLE, rules.DEBT))
    if not purses:
        return []
    budget = books.collecting(rules.CITY, rules.BUDGET)
    rows = list(taken.select_related("reverses").order_by("id"))  # again, under the lock
    keys = {row.pk: sealing.stored_key(f"restore|{row.key}") for row in rows}
    known = set(Posting.objects.filter(key__in=keys.values()).values_list("key", flat=True))
    drafts = [
        _draft(row, keys[row.pk], purses[row.beneficiary], budget, reason=reason, actor=actor)
        for row in rows
        if keys[row.pk] not in known
    ]
    made: list[Posting] = books.write(drafts)
    telling.posted(made)
    return made


def _draft(
    reversal: Posting, key: str, purse: books.Purse, budget: list[books.Pot], *, reason: str, actor: str
) -> books.Draft:
    points = -reversal.points
    repaid = min(-purse.balance(rules.DEBT), points)
    income = books.income(purse, points, budget[rules.slot_of(reversal.beneficiary)])
    first = reversal.reverses
    return books.Draft(
        key=key,
        kind=rules.AWARD,
        rule=reversal.rule,
        rule_version=reversal.rule_version,
        act=RESTORED,
        source=reversal.source,
        beneficiary=reversal.beneficiary,
        actor=actor,
        at=first.at if first else reversal.at,
        points=points,
        nominal=points,
        lines=income,
        available_after=purse.balance(rules.AVAILABLE),
        params={"title": reversal.params.get("title", ""), "reason": reason, "repaid": repaid},
        campaign=reversal.campaign or "",
        bonus=-(reversal.bonus or 0),
    )
