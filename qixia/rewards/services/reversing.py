"""Taking points back, once, by reference.

Lots     what can be spent is taken from the lots that end first; what is not there is a debt that later income repays.
Promises what is held or owed ends without a point moving in the purse; it is told and stands in the ledger all the same.
Cover    goes back to the budget that it came from, and a bonus to what its campaign may still give.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from qixia.kernel import clock
from qixia.rewards import rules, sealing, states
from qixia.rewards.models import Posting
from qixia.rewards.services import books, budgets, holds, owing, telling
from qixia.rewards.services.standing import REVERSED, bonus_of

_TAKEN = (rules.AWARD, rules.HOLD)


@transaction.atomic
def reverse(
    *, source: str, reason: str, actor: str, rule: str | None = None, also: Sequence[str] = ()
) -> list[Posting]:
    """Take back what `source` has earned (all rules, or only `rule`), once; `also` are sources that go with it, in one
    call so that purses are locked in one order.

    Takes what is in the purse; the rest goes to the person's debt account and is repaid by later awards. `reason` is a
    sentence for the rider. Returns the reversals, also when they were made earlier.
    """
    sources = [sealing.stored_source(one) for one in (source, *also)]
    wanted = Posting.objects.filter(Q(points__gt=0) | Q(promised__gt=0), source__in=sources, kind__in=_TAKEN)
    if rule is not None:
        wanted = wanted.filter(rule=rule)
    need = (rules.AVAILABLE, rules.DEBT)
    purses = books.lock_purses(wanted.values_list("beneficiary", flat=True), need=need, lots=True)
    if not purses:
        return []
    # Read again under the lock: of two who reverse at once, the second sees the first one's reversal here.
    originals = list(wanted.select_related("reversed_by", "paid_by", "pays__pays").order_by("id"))
    origins = _origins(originals)
    paid = [row for row in originals if row.points > 0 and not hasattr(row, "reversed_by")]
    promised = [row for row in originals if row.promised and not hasattr(row, "paid_by")]
    drafts = [_reversal(row, purses[row.beneficiary], origins[row.pk], reason=reason, actor=actor) for row in paid]
    drafts += [
        holds.ending(row, purses[row.beneficiary], origins.get(row.pk), act=REVERSED, reason=reason, actor=actor)
        for row in promised
    ]
    made = books.write(drafts)
    holds.end([row for row in promised if row.kind == rules.HOLD], states.HOLD_STEPS["void"][1], actor, reason)
    owing.drop([row for row in promised if row.kind != rules.HOLD])
    _return_cover(drafts)
    telling.posted(made)
    earlier = [row.reversed_by for row in originals if hasattr(row, "reversed_by")]
    ended = [row.paid_by for row in originals if hasattr(row, "paid_by") and row.paid_by.kind == rules.VOID]
    return earlier + ended + made


def _origins(originals: Sequence[Posting]) -> dict[int, books.Pot]:
    """Posting → the budget's account it came from; what was held before it was given left the budget with the hold."""
    found = budgets.origins({row.pk for row in originals} | {row.pays_id for row in originals if row.pays_id})
    held = {row.pk: found[row.pays_id] for row in originals if row.pays_id in found and row.pk not in found}
    return found | held


def _return_cover(drafts: Sequence[books.Draft]) -> None:
    amounts: dict[int, int] = defaultdict(int)
    for draft in drafts:
        for line in draft.lines:
            if line.balance_after is None:
                amounts[line.account_id] += line.amount
    budgets.give_back_to(amounts)


def _reversal(original: Posting, purse: books.Purse, origin: books.Pot, *, reason: str, actor: str) -> books.Draft:
    taken = rules.out_of_purse(original.points, purse.balance(rules.AVAILABLE))
    lines = books.spend(purse, -taken[rules.AVAILABLE]) if rules.AVAILABLE in taken else []
    if rules.DEBT in taken:
        lines.append(books.move(purse.pots[rules.DEBT], taken[rules.DEBT]))
    campaign, bonus = bonus_of(original)
    return books.Draft(
        key=sealing.stored_key(f"reverse|{original.key}"),
        kind=rules.REVERSAL,
        rule=original.rule,
        rule_version=original.rule_version,
        act=REVERSED,
        source=original.source,
        beneficiary=original.beneficiary,
        actor=actor,
        at=clock.now(),
        points=-original.points,
        nominal=-original.points,
        available_after=purse.balance(rules.AVAILABLE),
        lines=[*lines, books.move(origin, original.points)],
        params={
            "title": original.params.get("title", ""),
            "reason": reason,
            "of_day": original.day.isoformat(),
            "owed": -taken.get(rules.DEBT, 0),
        },
        reverses_id=original.pk,
        campaign=campaign,
        bonus=-bonus,
    )
