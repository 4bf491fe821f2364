"""Earning and losing points.

Units    whole points. What an act earns comes from the published table (policy "rewards.points").
Once     by rule, source and beneficiary, however often and from however many phones it is sent: a repetition returns
         the first posting; with another act or other params it is KeyReused. So give `params` only what never
         changes about the source. All triage classes count as one rule: a report whose class is corrected after it
         was paid is not paid again.
Caps     count what was paid on the city's day of the act, reversed or not. Above a cap the rest is not paid and the
         rider is told; that is a result (0 points), never an error.
Batch    `award_many` needs six statements for the books (locked purses, budget, what is known, postings, entries,
         balances), one for history and the events' and notices' own, for one award as for a thousand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from qixia.codes.queries import triage_classes
from qixia.kernel import clock
from qixia.policy import queries as policy
from qixia.rewards import rules
from qixia.rewards.errors import KeyReused
from qixia.rewards.models import Posting
from qixia.rewards.services import books, telling

KIND = "rewards.points"


@dataclass(frozen=True, slots=True)
class Award:
    """What somebody did. `rule` is a line of the table or the slug of a triage class; `source` names the thing it was
    done to ("report:<public id>"); `act` is the event's name ("reports.dispatched"). Known `params`: `number`,
    `place`, `link` (the page that shows the source); no personal data."""

    beneficiary: str
    rule: str
    source: str
    act: str
    actor: str
    at: datetime | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def award(
    *,
    beneficiary: str,
    rule: str,
    source: str,
    act: str,
    actor: str,
    at: datetime | None = None,
    note_params: Mapping[str, Any] | None = None,
) -> Posting:
    """Pay what `rule` is worth for `source`, once. The posting's `points` may be less than `nominal` (caps)."""
    return award_many([Award(beneficiary, rule, source, act, actor, at, note_params or {})])[0]


@transaction.atomic
def award_many(awards: Sequence[Award]) -> list[Posting]:
    """Pay many acts, all or none. Returns one posting for each, in order; repetitions get the first one."""
    if not awards:
        return []
    now = clock.now()
    names = {slug: found.name for slug, found in triage_classes().items()}
    lines = [_line(award, names) for award in awards]
    keys = [_key(award, names) for award in awards]
    purses = books.lock_purses(award.beneficiary for award in awards)
    budget = books.collecting(rules.CITY, rules.BUDGET)
    known, paid = _known(awards, set(keys), now)

    drafts: dict[str, books.Draft] = {}
    for award, key, (version, table, line) in zip(awards, keys, lines, strict=True):
        content = rules.content_hash(act=award.act, params=award.params)
        first = known.get(key) or drafts.get(key)
        if first is not None:
            if first.content_hash != content:
                raise KeyReused(field="source")
            continue
        at = award.at or now
        day = clock.city_date(at)
        totals = paid[award.beneficiary, day]
        earned = rules.earn(line, table.day_cap, by_rule=totals[award.rule], today=sum(totals.values()))
        totals[award.rule] += earned.points
        purse = purses[award.beneficiary]
        owed = -purse.balance(rules.DEBT)
        income = books.income(purse, earned.points, budget[rules.slot_of(award.beneficiary)])
        drafts[key] = books.Draft(
            key=key,
            kind=rules.AWARD,
            rule=award.rule,
            rule_version=version,
            act=award.act,
            source=award.source,
            beneficiary=award.beneficiary,
            actor=award.actor,
            at=at,
            points=earned.points,
            nominal=earned.nominal,
            lines=income,
            available_after=purse.balance(rules.AVAILABLE),
            params={**award.params, "title": line.title, "repaid": min(owed, earned.points)},
            content_hash=content,
        )
    posted = dict(zip(drafts, books.write(list(drafts.values())), strict=True))
    telling.posted(list(posted.values()))
    return [posted.get(key) or known[key] for key in keys]


@transaction.atomic
def reverse(*, source: str, reason: str, actor: str, rule: str | None = None) -> list[Posting]:
    """Take back what `source` has earned (all rules, or only `rule`), once.

    Takes what is in the purse; the rest goes to the person's debt account and is repaid by later awards. `reason` is a
    sentence for the rider. Returns the reversals, also when they were made earlier.
    """
    wanted = Posting.objects.filter(source=source, kind=rules.AWARD, points__gt=0)
    if rule is not None:
        wanted = wanted.filter(rule=rule)
    purses = books.lock_purses(wanted.values_list("beneficiary", flat=True), need=(rules.AVAILABLE, rules.DEBT))
    if not purses:
        return []
    budget = books.collecting(rules.CITY, rules.BUDGET)
    # Read again under the lock: of two who reverse at once, the second sees the first one's reversal here.
    originals = list(wanted.select_related("reversed_by").order_by("id"))
    drafts = [
        _reversal(original, purses[original.beneficiary], budget, reason=reason, actor=actor)
        for original in originals
        if not hasattr(original, "reversed_by")
    ]
    made = books.write(drafts)
    telling.posted(made)
    return [original.reversed_by for original in originals if hasattr(original, "reversed_by")] + made


def _reversal(
    original: Posting, purse: books.Purse, budget: list[books.Pot], *, reason: str, actor: str
) -> books.Draft:
    taken = rules.out_of_purse(original.points, purse.balance(rules.AVAILABLE))
    lines = [books.move(purse.pots[kind], amount) for kind, amount in taken.items()]
    return books.Draft(
        key=f"reverse|{original.key}"[:200],
        kind=rules.REVERSAL,
        rule=original.rule,
        rule_version=original.rule_version,
        act="rewards.reversed",
        source=original.source,
        beneficiary=original.beneficiary,
        actor=actor,
        at=clock.now(),
        points=-original.points,
        nominal=-original.points,
        available_after=purse.balance(rules.AVAILABLE),
        lines=[*lines, books.move(budget[rules.slot_of(original.beneficiary)], original.points)],
        params={
            "title": original.params.get("title", ""),
            "reason": reason,
            "of_day": original.day.isoformat(),
            "owed": -taken.get(rules.DEBT, 0),
        },
        reverses_id=original.pk,
    )


def _line(award: Award, names: Mapping[str, str]) -> tuple[int, rules.PointsPolicy, rules.PointRule]:
    """The rules in force when the act was done; asking costs no query in a busy process."""
    in_force = policy.current(KIND, award.at)
    data: rules.PointsPolicy = in_force.data
    return in_force.version, data, data.line(award.rule, names)


def _key(award: Award, names: Mapping[str, str]) -> str:
    """One report is paid once, also when somebody corrects its class later: all classes are one rule here."""
    rule = rules.CLASS_RULE if award.rule in names else award.rule
    return rules.posting_key(rule, award.source, award.beneficiary)


def _known(
    awards: Sequence[Award], keys: set[str], now: datetime
) -> tuple[dict[str, Posting], dict[tuple[str, date], dict[str, int]]]:
    """Postings that exist already for these keys, and what each person was paid on these days, by rule."""
    people = {award.beneficiary for award in awards}
    days = {clock.city_date(award.at or now) for award in awards}
    rows = Posting.objects.filter(Q(key__in=keys) | Q(beneficiary__in=people, day__in=days, kind=rules.AWARD))
    known: dict[str, Posting] = {}
    paid: dict[tuple[str, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        if row.key in keys:
            known[row.key] = row
        if row.kind == rules.AWARD:
            paid[row.beneficiary, row.day][row.rule] += row.points
    return known, paid
