"""Earning and losing points.

Units    whole points. What an act earns comes from the published table (policy "rewards.points").
Once     by rule, source and beneficiary, however often and from however many phones it is sent: a repetition returns
         the first posting; with another act or other params it is KeyReused. So give `params` only what never
         changes about the source. All triage classes count as one rule: a report whose class is corrected after it
         was paid is not paid again.
Caps     count what was paid on the city's day and week of the act, reversed or not, without bonuses, anonymous points
         and what somebody's decision gave back.
         Above a cap the rest is not paid and the rider is told; that is a result (0 points), never an error.
Bonus    of a campaign that holds that day (and there): its own caps, a person and in all, count what it gave less what
         was taken back. PostgreSQL lets those who ask for one campaign's rest wait for each other.
Cover    comes from the payer's budget (budgets.py). Without it the award is owed, or refused, as the policy says: that is a
         result too, so a dispatch never fails for it. What a signal holds goes into `pending` (holds.py).
Batch    `award_many` makes three journeys to PostgreSQL while it holds the purses, for one award as for a thousand: what is
         known under the lock (known keys, sums of the week where a cap holds, budget, its accounts), cover with the numbers
         of the postings, and all that is written, history and events with it. A campaign with caps that holds costs three
         more. Other databases take the same statements one by one.
Secrecy  callers name sources in plain; what is stored, told and published names no report (sealing.py).
Locks    purses stay locked until the caller's transaction ends: pay all acts of one transaction in one `award_many`, or
         two transactions that pay the same people in another order wait for each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from django.db.models import F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from qixia.audit import rows
from qixia.codes.queries import triage_classes
from qixia.kernel import clock
from qixia.policy import queries as policy
from qixia.rewards import rules, sealing, terms
from qixia.rewards.errors import KeyReused
from qixia.rewards.models import Batch, CampaignSum, Posting
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books, budgets, holds, owing, telling

KIND = "rewards.points"

# A promise counts on its own day, and once; what is given back counted when it was first paid; anonymous points are paid on a
# day that is not the rider's choice.
_PAID = """
SELECT beneficiary, day, rule, SUM(points) + SUM(promised) - COALESCE(SUM(bonus), 0) FROM rewards_posting
WHERE beneficiary IN ({people}) AND day >= %s AND day < %s AND kind IN (%s, %s) AND pays_id IS NULL
AND rule <> %s AND act NOT IN ({decided}) GROUP BY beneficiary, day, rule
"""

_Line = tuple[int, rules.PointsPolicy, rules.PointRule]  # version of the table, the table, the line in it
_Rows = Sequence[tuple[Any, ...]]
_Totals = dict[tuple[str, date], dict[str, int]]  # (person, day) → rule → points without bonuses


@lru_cache(maxsize=64)
def _week(day: date) -> tuple[date, ...]:
    monday = rules.week_of(day)
    return tuple(monday + timedelta(days=n) for n in range(7))


@dataclass(slots=True)
class _Before:
    """What was paid before, and what this batch adds to it."""

    paid: _Totals
    shares: dict[tuple[str, str], int]  # (campaign, person), and (campaign, "") in all → bonus

    def had(self, person: str, rule: str, day: date) -> rules.Had:
        week = [one for end in _week(day) if (one := self.paid.get((person, end)))]
        today = self.paid.get((person, day), {})
        return rules.Had(
            rule_day=today.get(rule, 0),
            rule_week=sum(one.get(rule, 0) for one in week),
            day=sum(today.values()),
            week=sum(sum(one.values()) for one in week),
        )

    def shares_of(self, person: str, table: rules.PointsPolicy) -> dict[str, rules.Share]:
        return {
            slug: rules.Share(self.shares.get((slug, person), 0), self.shares.get((slug, ""), 0))
            for slug in table.campaigns
        }

    def add(self, person: str, rule: str, day: date, earned: rules.Earned) -> None:
        self.paid[person, day][rule] += earned.points - earned.bonus
        for owner in (person, "") if earned.campaign else ():
            self.shares[earned.campaign, owner] = self.shares.get((earned.campaign, owner), 0) + earned.bonus


@dataclass(frozen=True, slots=True)
class Award:
    """What somebody did. `rule` is a line of the table or the slug of a triage class; `source` names the thing it was
    done to ("report:<public id>"); `act` is the event's name ("reports.dispatched"). Known `params`: `number`,
    `place`, `link` (the page that shows the source); no personal data. `occasion` tells the same act at another time
    from a repetition, once the first one was reversed: "" the first time. `quality`: facts of rules.QUALITIES; `path`:
    the path of the act's division, where campaigns may ask for it. Neither is part of what makes a repetition. `signals`: what
    the policy "rewards.holds" may hold it for; `payer`: whose budget covers it."""

    beneficiary: str
    rule: str
    source: str
    act: str
    actor: str
    at: datetime | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    occasion: str = ""
    quality: tuple[str, ...] = ()
    path: str = ""
    signals: tuple[rules.Signal, ...] = ()
    payer: str = rules.CITY


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
    holding = holds.holding({key: award.signals for key, award in zip(keys, awards, strict=True)})
    need = (rules.AVAILABLE, rules.PENDING) if holding else (rules.AVAILABLE,)
    contents = [books.content_of(award.act, award.params) for award in awards]
    payers = sorted({award.payer for award in awards})
    questions = [_known(keys), *_paid(awards, lines, now)]
    asked = [*questions, *(one for payer in payers for one in budgets.cover_questions(payer))]
    purses, answers = books.lock_and_ask((award.beneficiary for award in awards), asked, need=need)
    known = _read_known(answers[0])
    before = _Before(_totals(answers[1 : len(questions)]), _shares(awards, lines, now))

    new: dict[str, _New] = {}
    for award, key, content, line in zip(awards, keys, contents, lines, strict=True):
        first = known.get(key) or new.get(key)
        if first is None:
            new[key] = _weigh(award, key, content, line, before, now, holding.get(key, ()))
        elif first.content_hash != content:
            raise KeyReused(field="source")
    posted = _book(new, purses, dict(zip(payers, _pairs(answers[len(questions) :]), strict=True))) if new else {}
    return [posted.get(key) or known[key] for key in keys]


def _pairs(answers: Sequence[_Rows]) -> list[Sequence[_Rows]]:
    return [answers[n : n + 2] for n in range(0, len(answers), 2)]


def _book(
    new: Mapping[str, _New], purses: Mapping[str, books.Purse], budget_of: Mapping[str, Sequence[_Rows]]
) -> dict[str, Posting]:
    """Cover the new awards and write them. `budget_of`: what was answered of each payer's budget."""
    covers, drawn = _covers(list(new.values()), budget_of)
    last_day = terms.last_day(books_terms().lots, clock.city_date(clock.now()))
    drafts = [_draft(one, purses[one.award.beneficiary], covers, last_day) for one in new.values()]
    with rows.together():
        posted = dict(zip(new, books.write(drafts, drawn), strict=True))
        _keep_promises(new, posted)
        telling.posted(list(posted.values()))
    return posted


@dataclass(frozen=True, slots=True)
class _New:
    """An award that was not paid before, and what it earns."""

    award: Award
    key: str
    content_hash: str
    line: _Line
    at: datetime
    earned: rules.Earned
    held_by: tuple[rules.Signal, ...]


def _weigh(
    award: Award,
    key: str,
    content: str,
    line: _Line,
    before: _Before,
    now: datetime,
    held_by: tuple[rules.Signal, ...],
) -> _New:
    """What one new award earns; moves the totals, so that the next in the batch sees it."""
    _version, table, rule = line
    at = award.at or now
    facts = rules.Facts(award.rule, clock.city_date(at), award.quality, award.path)
    had = before.had(award.beneficiary, award.rule, facts.day)
    earned = rules.earn(rule, table, facts, had, before.shares_of(award.beneficiary, table))
    before.add(award.beneficiary, award.rule, facts.day, earned)
    return _New(award, key, content, line, at, earned, held_by)


@dataclass(slots=True)
class _Covered:
    """One payer's cover and the awards that it is enough for."""

    cover: budgets.Cover
    keys: set[str]
    refuses: bool


def _covers(new: Sequence[_New], budget_of: Mapping[str, Sequence[_Rows]]) -> tuple[dict[str, _Covered], Sequence[int]]:
    """Cover for what was earned, payer by payer in the order of their names, and numbers for the postings where the
    database draws them beforehand. One journey where slices have enough."""
    at_cap = books_terms().budgets.at_cap
    payers = sorted({one.award.payer for one in new})
    covers = {payer: budgets.covered_by(payer, budget_of[payer]) for payer in payers}
    mine = {payer: [one for one in new if one.award.payer == payer and one.earned.points] for payer in payers}
    amounts = {payer: [one.earned.points for one in mine[payer]] for payer in payers}
    tries = {payer: budgets.taking(covers[payer], amounts[payer]) for payer in payers}
    answers = rows.ask([*(one for some in tries.values() for one in some), *books.drawing(len(new))])
    found: dict[str, _Covered] = {}
    for payer, tried in tries.items():
        told = [answers.pop(0) for _one in tried]
        count = budgets.taken(covers[payer], amounts[payer], told)
        refuses = at_cap == "refuse" and covers[payer].certain
        found[payer] = _Covered(covers[payer], {one.key for one in mine[payer][:count]}, refuses)
    return found, sorted(row[0] for row in answers[0]) if answers else []


def _draft(one: _New, purse: books.Purse, covers: Mapping[str, _Covered], last_day: date) -> books.Draft:
    """The posting of one new award: paid, held, or promised until there is cover. Moves the purse."""
    version, table, rule = one.line
    award, earned, of = one.award, one.earned, covers[one.award.payer]
    amount, kind, lines, promised = earned.points, rules.AWARD, [], 0
    more: dict[str, Any] = {}
    if amount and one.key not in of.keys:
        promised = 0 if of.refuses else amount
        more, amount = {"uncovered": "refuse" if of.refuses else "wait"}, 0
    elif amount and one.held_by:
        lines = [books.move(purse.pots[rules.PENDING], amount), books.move(of.cover.pot(purse.owner_ref), -amount)]
        kind, promised, amount = rules.HOLD, amount, 0
        more = holds.words(one.held_by)
    elif amount:
        more = {"repaid": min(-purse.balance(rules.DEBT), amount)}
        lines = books.income(purse, amount, of.cover.pot(purse.owner_ref), last_day)
    return books.Draft(
        key=one.key,
        kind=kind,
        rule=award.rule,
        rule_version=version,
        act=award.act,
        source=sealing.stored_source(award.source),
        beneficiary=award.beneficiary,
        actor=award.actor,
        at=one.at,
        points=amount,
        nominal=earned.nominal,
        promised=promised,
        lines=lines,
        available_after=purse.balance(rules.AVAILABLE),
        params={"repaid": 0, **award.params, "title": rule.title, "why": rules.reasons(earned, table), **more},
        content_hash=one.content_hash,
        quality=rules.known_quality(award.quality),
        campaign=earned.campaign,
        bonus=earned.bonus if amount or promised else 0,
    )


def _keep_promises(new: Mapping[str, _New], posted: Mapping[str, Posting]) -> None:
    """The rows behind postings that are held or owed."""
    promised = [(new[key], posting) for key, posting in posted.items() if posting.promised]
    held = [(posting, one.award.payer, one.held_by) for one, posting in promised if posting.kind == rules.HOLD]
    owed = [(posting, one.award.payer, one.held_by) for one, posting in promised if posting.kind != rules.HOLD]
    holds.open_many(held)
    owing.owe(owed)


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


def _known(keys: Iterable[str]) -> rows.Statement:
    """Which of these keys have a posting. Asked under the lock, so no other writer adds one meanwhile."""
    wanted = sorted(set(keys))
    return rows.Statement(f"SELECT id FROM rewards_posting WHERE key IN ({','.join(['%s'] * len(wanted))})", wanted)


def _read_known(found: _Rows) -> dict[str, Posting]:
    """The postings themselves, which are there only when something is sent again."""
    return {row.key: row for row in Posting.objects.filter(pk__in=[pk for (pk,) in found])} if found else {}


def _paid(awards: Sequence[Award], lines: Sequence[_Line], now: datetime) -> list[rows.Statement]:
    """What each person was paid in the weeks of these acts, by day and rule. Asks nothing where no cap could bind."""
    if not any(rules.has_caps(line, table) for _version, table, line in lines):
        return []
    days = {clock.city_date(award.at or now) for award in awards}
    people = list({award.beneficiary for award in awards})
    first, end = rules.week_of(min(days)), rules.week_of(max(days)) + timedelta(days=7)
    sql = _PAID.format(people=",".join(["%s"] * len(people)), decided=",".join(["%s"] * len(rules.DECIDED)))
    params = [*people, first, end, rules.AWARD, rules.HOLD, rules.ANONYMOUS, *rules.DECIDED]
    return [rows.Statement(sql, params)]


def _totals(answers: Sequence[_Rows]) -> _Totals:
    totals: _Totals = defaultdict(lambda: defaultdict(int))
    for beneficiary, day, rule, total in (row for answer in answers for row in answer):
        on = day if isinstance(day, date) else date.fromisoformat(day)  # SQLite has no dates
        totals[beneficiary, on][rule] = int(total)
    return totals


def _shares(awards: Sequence[Award], lines: Sequence[_Line], now: datetime) -> dict[tuple[str, str], int]:
    """What the campaigns with caps that hold for these acts gave before: to these people, and in all."""
    capped = {
        slug
        for award, (_version, table, _rule) in zip(awards, lines, strict=True)
        for slug, one in table.campaigns.items()
        if (one.person_cap or one.total_cap) and one.holds(award.rule, clock.city_date(award.at or now), award.path)
    }
    if not capped:
        return {}
    _one_at_a_time(sorted(capped))
    given = Posting.objects.filter(campaign__in=capped).order_by()
    in_all = _given_in_all(capped)
    people = {award.beneficiary for award in awards}
    each = given.filter(beneficiary__in=people).values_list("campaign", "beneficiary").annotate(total=Sum("bonus"))
    found = {(slug, ""): total for slug, total in in_all.items()}
    return found | {(slug, person): total or 0 for slug, person, total in each}


def _given_in_all(campaigns: set[str]) -> dict[str, int]:
    """What each campaign gave: the sum of what is sealed, and the few postings since; in one statement, for a batch may be
    sealed meanwhile. A campaign of which nothing is sealed yet is summed up."""
    through = Coalesce(Subquery(Batch.objects.order_by("-number").values("through")[:1]), 0)
    since = Posting.objects.filter(campaign=OuterRef("pk"), link__isnull=True, pk__gt=through - terms.SEAL_WINDOW)
    total = since.order_by().values("campaign").annotate(total=Sum("bonus")).values("total")
    sums = CampaignSum.objects.filter(pk__in=campaigns)
    found = dict(sums.values_list("pk", F("given") + Coalesce(Subquery(total), 0)))
    rest = Posting.objects.filter(campaign__in=campaigns - found.keys()).order_by().values_list("campaign")
    return found | dict(rest.annotate(total=Coalesce(Sum("bonus"), 0)))


def _one_at_a_time(campaigns: Sequence[str]) -> None:
    """What is left of a campaign is asked by one at a time, after the purses are locked. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for slug in campaigns:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"campaign:{slug}"])
