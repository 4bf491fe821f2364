"""Earning and losing points.

Units    whole points. What an act earns comes from the published table (policy "rewards.points").
Once     by rule, source and beneficiary, however often and from however many phones it is sent: a repetition returns
         the first posting; with another act or other params it is KeyReused. So give `params` only what never
         changes about the source. All triage classes count as one rule: a report whose class is corrected after it
         was paid is not paid again.
Caps     count what was paid on the city's day of the act, reversed or not, without anonymous points. Above a cap the rest is not paid and the
         rider is told; that is a result (0 points), never an error.
Batch    `award_many` needs seven statements for the books (locked purses, budget, what is known, sums of the day,
         postings, entries, balances), six where no cap holds, one for history and the events' and notices' own: for
         one award as for a thousand.
Secrecy  callers name sources in plain; what is stored, told and published names no report (sealing.py).
Locks    purses stay locked until the caller's transaction ends: pay all acts of one transaction in one `award_many`, or
         two transactions that pay the same people in another order wait for each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum

from qixia.codes.queries import triage_classes
from qixia.kernel import clock
from qixia.policy import queries as policy
from qixia.rewards import rules, sealing
from qixia.rewards.errors import KeyReused
from qixia.rewards.models import Posting
from qixia.rewards.services import books, telling

KIND = "rewards.points"

_Line = tuple[int, rules.PointsPolicy, rules.PointRule]  # version of the table, the table, the line in it
_Totals = dict[tuple[str, date], dict[str, int]]  # (person, day) → rule → points


@dataclass(frozen=True, slots=True)
class Award:
    """What somebody did. `rule` is a line of the table or the slug of a triage class; `source` names the thing it was
    done to ("report:<public id>"); `act` is the event's name ("reports.dispatched"). Known `params`: `number`,
    `place`, `link` (the page that shows the source); no personal data. `occasion` tells the same act at another time
    from a repetition, once the first one was reversed: "" the first time."""

    beneficiary: str
    rule: str
    source: str
    act: str
    actor: str
    at: datetime | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    occasion: str = ""


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
    known, paid = _known(set(keys)), _paid(awards, lines, now)

    drafts: dict[str, books.Draft] = {}
    for award, key, line in zip(awards, keys, lines, strict=True):
        content = books.content_of(award.act, award.params)
        first = known.get(key) or drafts.get(key)
        if first is None:
            pot = budget[rules.slot_of(award.beneficiary)]
            drafts[key] = _payment(award, key, content, line, purses[award.beneficiary], pot, paid, now)
        elif first.content_hash != content:
            raise KeyReused(field="source")
    posted = dict(zip(drafts, books.write(list(drafts.values())), strict=True))
    telling.posted(list(posted.values()))
    return [posted.get(key) or known[key] for key in keys]


def _payment(
    award: Award,
    key: str,
    content: str,
    line: _Line,
    purse: books.Purse,
    budget: books.Pot,
    paid: _Totals,
    now: datetime,
) -> books.Draft:
    """What one new award pays; moves the purse and the day's totals, so that the next in the batch sees it."""
    version, table, rule = line
    at = award.at or now
    totals = paid[award.beneficiary, clock.city_date(at)]
    earned = rules.earn(rule, table.day_cap, by_rule=totals[award.rule], today=sum(totals.values()))
    totals[award.rule] += earned.points
    repaid = min(-purse.balance(rules.DEBT), earned.points)
    income = books.income(purse, earned.points, budget)
    return books.Draft(
        key=key,
        kind=rules.AWARD,
        rule=award.rule,
        rule_version=version,
        act=award.act,
        source=sealing.stored_source(award.source),
        beneficiary=award.beneficiary,
        actor=award.actor,
        at=at,
        points=earned.points,
        nominal=earned.nominal,
        lines=income,
        available_after=purse.balance(rules.AVAILABLE),
        params={**award.params, "title": rule.title, "repaid": repaid},
        content_hash=content,
    )


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
    wanted = Posting.objects.filter(source__in=sources, kind=rules.AWARD, points__gt=0)
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
        key=sealing.stored_key(f"reverse|{original.key}"),
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


def _line(award: Award, names: Mapping[str, str]) -> _Line:
    """The rules in force when the act was done; asking costs no query in a busy process."""
    in_force = policy.current(KIND, award.at)
    data: rules.PointsPolicy = in_force.data
    return in_force.version, data, data.line(award.rule, names)


def _key(award: Award, names: Mapping[str, str]) -> str:
    """One report is paid once, also when somebody corrects its class later: all classes are one rule here."""
    rule = rules.CLASS_RULE if award.rule in names else award.rule
    again = f"|{award.occasion}" if award.occasion else ""
    return sealing.stored_key(rules.posting_key(rule, award.source, award.beneficiary) + again)


def _known(keys: set[str]) -> dict[str, Posting]:
    """Postings that exist already for these keys. Read under the lock, so no other writer adds one meanwhile."""
    return {row.key: row for row in Posting.objects.filter(key__in=keys)}


def _paid(awards: Sequence[Award], lines: Sequence[_Line], now: datetime) -> _Totals:
    """What each person was paid on the days of these acts, by rule. Asks nothing where no cap could bind."""
    totals: _Totals = defaultdict(lambda: defaultdict(int))
    if all(line.day_cap is None and table.day_cap is None for _version, table, line in lines):
        return totals
    rows = (
        Posting.objects.filter(
            beneficiary__in={award.beneficiary for award in awards},
            day__in={clock.city_date(award.at or now) for award in awards},
            kind=rules.AWARD,
        )
        .exclude(rule=rules.ANONYMOUS)  # paid on a day that is not the rider's choice
        .order_by()
        .values_list("beneficiary", "day", "rule")
        .annotate(total=Sum("points"))
    )
    for beneficiary, day, rule, total in rows:
        totals[beneficiary, day][rule] = total
    return totals
