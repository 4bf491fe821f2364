"""Cover: no points without a budget.

Slices   a budget's cover lies in sixteen slices and a centre. Who needs cover takes one slice that nobody else has locked
         (SKIP LOCKED), whichever: so no row is a bottleneck, and nobody waits. Who finds none that has enough fills from the
         centre, and while there is plenty, all that are free: so the centre is seldom locked. When the centre is empty the
         rests of the other slices are gathered.
Waiting  the centre's row is locked only by who fills or gathers; that is the one wait here. Slices that others hold are
         left alone, and who waits comes first, so "not enough" may be a guess: `Cover.certain` says whether it is not.
Truth    what was used is the sum of the entries of the budget's accounts; cap - rest - slices says the same (proof.py).
Periods  the city's next period opens by itself with the cap of the policy "rewards.books", unless one was opened by hand;
         what is left of a period beside one by hand gets its days' part of the cap.
Errors   Invalid, NoSuchBudget, BudgetOverlaps, CapTooLow: nothing changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Sum

from qixia.audit import rows
from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.requests import without_request_id
from qixia.notices.services import Tell, tell_many
from qixia.people.access import SYSTEM, Actor
from qixia.people.queries import people_with_roles
from qixia.rewards import rules, terms
from qixia.rewards.access import must_keep_budgets
from qixia.rewards.errors import BudgetOverlaps, CapTooLow, NoSuchBudget
from qixia.rewards.models import Account, Budget, BudgetChange, Entry, Slice
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books
from qixia.rewards.states import WAITING

PAGE_OF_BUDGETS = "/desk/rewards/budgets/"
# The centre has plenty while it could fill all slices so often.
PLENTY = 4
_HOLDS = "owner_ref = %s AND unit = %s AND starts_on <= %s AND ends_on >= %s ORDER BY id LIMIT 1"
_IN_FORCE = f"""
SELECT id, EXISTS (SELECT 1 FROM rewards_owed o WHERE o.payer = b.owner_ref AND o.state = %s)
FROM rewards_budget b WHERE {_HOLDS}
"""
_ITS_ACCOUNTS = f"""
SELECT id FROM rewards_account WHERE owner_ref = (SELECT 'budget:' || public_id FROM rewards_budget WHERE {_HOLDS})
AND kind = %s AND unit = %s ORDER BY slot
"""
_TAKE = """
UPDATE rewards_slice SET "left" = "left" - %s WHERE id = (
  SELECT id FROM rewards_slice WHERE budget_id = %s AND "left" >= %s ORDER BY slot LIMIT 1 {lock}
) RETURNING id
"""
_GIVE = """
UPDATE rewards_slice SET "left" = "left" + %s WHERE id = (
  SELECT id FROM rewards_slice WHERE budget_id = %s ORDER BY slot LIMIT 1 {lock}
)
"""


@dataclass(slots=True)
class Cover:
    """A payer's budget of today, by its number. `pots` are its accounts; `certain` is False when slices were locked by
    others, or others wait."""

    payer: str
    budget: int | None
    pots: list[books.Pot] = field(default_factory=list)
    has_queue: bool = False
    certain: bool = True

    def pot(self, owner_ref: str) -> books.Pot:
        return self.pots[rules.slot_of(owner_ref)]


def cover_of(payer: str, *, unit: str = rules.POINTS) -> Cover:
    """The payer's budget that is in force today, its accounts, and whether others wait for cover. Two statements."""
    return covered_by(payer, rows.ask(cover_questions(payer, unit=unit)), unit=unit)


def cover_questions(payer: str, *, unit: str = rules.POINTS) -> list[rows.Statement]:
    """What `covered_by` needs to know: two statements, to be asked with others."""
    today = clock.city_date(clock.now())
    holds = [payer, unit, today, today]
    return [
        rows.Statement(_IN_FORCE, [WAITING, *holds]),
        rows.Statement(_ITS_ACCOUNTS, [*holds, rules.BUDGET, unit]),
    ]


def covered_by(payer: str, answers: Sequence[Sequence[tuple[Any, ...]]], *, unit: str = rules.POINTS) -> Cover:
    """The cover that these answers tell of. Opens the city's next period, where there is none."""
    found, accounts = answers
    if not found and (opened := _opened(payer, unit)) is not None:
        found, accounts = [(opened.pk, False)], []
    if not found:
        return Cover(payer, None, has_queue=True)
    [(budget, has_queue)] = found
    if len(accounts) == rules.SLOTS:
        pots = [books.Pot(pk, None, unit, rules.BUDGET) for (pk,) in accounts]
    else:
        pots = books.collecting(Budget.objects.get(pk=budget).account_ref, rules.BUDGET, unit=unit)
    return Cover(payer, budget, pots, has_queue=bool(has_queue) and unit == rules.POINTS)


def take(cover: Cover, amounts: Sequence[int], *, in_turn: bool = False) -> int:
    """Take cover for as many of `amounts`, in their order, as there is; returns how many. Those who wait come first:
    nothing is taken before them unless it is their turn. One statement where a slice has enough."""
    tried = taking(cover, amounts, in_turn=in_turn)
    return taken(cover, amounts, rows.ask(tried), in_turn=in_turn)


def taking(cover: Cover, amounts: Sequence[int], *, in_turn: bool = False) -> list[rows.Statement]:
    """What tries to take it from one slice, to be run with others; `taken` makes of its answer how many are covered."""
    wanted = sum(amounts)
    if not wanted or not _may_take(cover, in_turn):
        return []
    return [rows.Statement(_TAKE.format(lock=_skip_locked()), [wanted, cover.budget, wanted])]


def taken(
    cover: Cover, amounts: Sequence[int], answers: Sequence[Sequence[tuple[Any, ...]]], *, in_turn: bool = False
) -> int:
    if cover.budget is None or not _may_take(cover, in_turn):
        cover.certain = cover.budget is None  # who waits for a turn may still get something
        return terms.covered(amounts, 0)
    if not sum(amounts) or answers[0]:
        return len(amounts)
    return _gather(cover, cover.budget, amounts)


def _may_take(cover: Cover, in_turn: bool) -> bool:
    return cover.budget is not None and (in_turn or not cover.has_queue)


def give_back(budget_id: int, amount: int) -> None:
    """Return cover of points that were taken back."""
    if not amount:
        return
    with connection.cursor() as cursor:
        cursor.execute(_GIVE.format(lock=_skip_locked()), [amount, budget_id])
        if cursor.rowcount != 1:
            Budget.objects.filter(pk=budget_id).update(rest=F("rest") + amount)


def give_back_to(accounts: dict[int, int]) -> None:
    """The same for amounts by the budget's account they went back to; accounts of no budget need nothing."""
    refs = dict(Account.objects.filter(pk__in=accounts).values_list("pk", "owner_ref"))
    amounts: dict[str, int] = {}
    for pk, amount in accounts.items():
        amounts[refs[pk]] = amounts.get(refs[pk], 0) + amount
    names = {ref.partition(":")[2]: amount for ref, amount in amounts.items() if ref.startswith("budget:")}
    for pk, public_id in Budget.objects.filter(public_id__in=names).order_by("pk").values_list("pk", "public_id"):
        give_back(pk, names[public_id])


def origins(posting_ids: Iterable[int]) -> dict[int, books.Pot]:
    """Posting → the budget's account that it was paid from: what is taken back goes there again. One statement."""
    rows = Entry.objects.filter(posting_id__in=list(posting_ids), account__kind=rules.BUDGET, amount__lt=0)
    return {
        posting: books.Pot(account, None, unit, rules.BUDGET)
        for posting, account, unit in rows.values_list("posting_id", "account_id", "account__unit")
    }


def payers_of(posting_ids: Iterable[int]) -> dict[int, str]:
    """Posting → who owns the budget that its entries touch. Those that touch none are missing. Two statements."""
    rows = Entry.objects.filter(posting_id__in=list(posting_ids), account__kind=rules.BUDGET)
    refs = dict(rows.values_list("posting_id", "account__owner_ref"))
    names = {ref.partition(":")[2] for ref in refs.values() if ref.startswith("budget:")}
    owners = dict(Budget.objects.filter(public_id__in=names).values_list("public_id", "owner_ref"))
    return {posting: owners.get(ref.partition(":")[2], rules.CITY) for posting, ref in refs.items()}


def used(budget: Budget) -> int:
    """What was given of it, less what came back: what neither the centre nor the slices hold. The audit proves it."""
    return budget.cap - budget.rest - in_slices(budget)


def in_slices(budget: Budget) -> int:
    return int(budget.slices.aggregate(total=Sum("left"))["total"] or 0)


def used_by_entries(budget: Budget) -> int:
    """The same from the entries of its accounts: all of the period, so only for the audit."""
    entries = Entry.objects.filter(account__owner_ref=budget.account_ref, account__kind=rules.BUDGET)
    return -int(entries.aggregate(total=Sum("amount"))["total"] or 0)


def _skip_locked() -> str:
    return "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""


def _gather(cover: Cover, budget_id: int, amounts: Sequence[int]) -> int:
    """Fill slices from the centre, or take what the centre and the free slices have left."""
    centre = Budget.objects.select_for_update().get(pk=budget_id)
    free = list(Slice.objects.select_for_update(skip_locked=True).filter(budget_id=budget_id).order_by("-left", "slot"))
    cover.certain = len(free) == rules.SLOTS
    wanted = sum(amounts)
    if centre.rest >= wanted:
        _fill(centre, free, wanted)
        return len(amounts)
    count = terms.covered(amounts, centre.rest + sum(one.left for one in free))
    _drain(centre, free, sum(amounts[:count]))
    return count


def _fill(centre: Budget, free: Sequence[Slice], wanted: int) -> None:
    """Take `wanted` from the centre by way of one slice, and fill the others while the centre has plenty: whoever comes
    next need not lock it."""
    size = max(books_terms().budgets.slice_size, wanted)
    piece = min(centre.rest, size) if free else wanted
    if centre.rest >= PLENTY * rules.SLOTS * size:
        low = [one for one in free[:-1] if one.left < size]
        Slice.objects.filter(pk__in=[one.pk for one in low]).update(left=size)
        piece += sum(size - one.left for one in low)
        mine = size - wanted
    else:
        mine = piece - wanted
    Budget.objects.filter(pk=centre.pk).update(rest=F("rest") - piece)
    if free and mine:
        Slice.objects.filter(pk=free[-1].pk).update(left=F("left") + mine)


def _drain(centre: Budget, free: Sequence[Slice], amount: int) -> None:
    part = min(centre.rest, amount)
    Budget.objects.filter(pk=centre.pk).update(rest=F("rest") - part)
    amount -= part
    for one in free:
        part = min(one.left, amount)
        if part:
            Slice.objects.filter(pk=one.pk).update(left=F("left") - part)
            amount -= part


def _opened(payer: str, unit: str) -> Budget | None:
    """The period of today, where nobody opened one; only the city's opens by itself."""
    if payer == rules.CITY and unit in books_terms().budgets.caps:
        return _open_by_policy(unit, clock.city_date(clock.now()))
    return None


def _open_by_policy(unit: str, today: date) -> Budget | None:
    """The city's period of today, up to the day before one that was planned by hand, with its part of the cap."""
    _alone(rules.CITY, unit)
    policy = books_terms().budgets
    first, last = terms.period_of(policy, today)
    others = Budget.objects.filter(owner_ref=rules.CITY, unit=unit)
    if opened := others.filter(starts_on__lte=today, ends_on__gte=today).first():
        return opened  # by somebody else, meanwhile
    before = others.filter(ends_on__lt=today, ends_on__gte=first).order_by("-ends_on").first()
    after = others.filter(starts_on__gt=today, starts_on__lte=last).order_by("starts_on").first()
    whole = (last - first).days + 1
    first = before.ends_on + timedelta(days=1) if before else first
    last = after.starts_on - timedelta(days=1) if after else last
    cap = policy.caps[unit] * ((last - first).days + 1) // whole
    row = Budget(owner_ref=rules.CITY, unit=unit, starts_on=first, ends_on=last, cap=cap, rest=cap)
    Budget.objects.bulk_create([row], ignore_conflicts=True)  # two may come at once
    found = others.get(starts_on=first)
    if found.public_id == row.public_id:
        _add_slices(found)
        with without_request_id():  # what needed it may be the payment for a report
            record("rewards.budget_opened", subject=found.account_ref, actor=SYSTEM.ref, cap=cap, unit=unit)
    return found


def _alone(owner_ref: str, unit: str) -> None:
    """Who opens a period of one payer and unit waits for who does so now: no row is there to lock yet. SQLite has one
    writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"budget:{owner_ref}:{unit}"])


def _add_slices(budget: Budget) -> None:
    Slice.objects.bulk_create([Slice(budget=budget, slot=slot) for slot in range(rules.SLOTS)])
    books.open_accounts([(budget.account_ref, rules.BUDGET)], slots=rules.SLOTS, unit=budget.unit)


@transaction.atomic
def open_budget(*, actor: Actor, owner_ref: str, unit: str, starts_on: date, ends_on: date, cap: int) -> Budget:
    """Plan or begin a period by hand. Periods of one payer and unit do not overlap."""
    must_keep_budgets(actor)
    if unit not in rules.UNITS:
        raise Invalid("没有这种单位。", field="unit")
    if ends_on < starts_on:
        raise Invalid("结束要在开始之后。", field="ends_on")
    if ends_on < clock.city_date(clock.now()):
        raise Invalid("这一期已经过去了。", field="ends_on")
    if not 0 <= cap <= rules.MOST:
        raise Invalid("上限要在 0 和 %(most)d 之间。", field="cap", most=rules.MOST)
    _alone(owner_ref, unit)
    same = Budget.objects.filter(owner_ref=owner_ref, unit=unit)
    clash = next((one for one in same if one.starts_on <= ends_on and one.ends_on >= starts_on), None)
    if clash is not None:
        raise BudgetOverlaps(first=f"{clash.starts_on:%Y-%m-%d}", last=f"{clash.ends_on:%Y-%m-%d}", field="starts_on")
    made = Budget.objects.create(
        owner_ref=owner_ref, unit=unit, starts_on=starts_on, ends_on=ends_on, cap=cap, rest=cap
    )
    _add_slices(made)
    record("rewards.budget_opened", subject=made.account_ref, actor=actor.ref, cap=cap, unit=unit, payer=owner_ref)
    return made


@transaction.atomic
def change_cap(*, actor: Actor, budget: str, cap: int, reason: str) -> Budget:
    """Raise a cap, or lower it to what was used. `reason` is shown on the page."""
    must_keep_budgets(actor)
    if not reason.strip():
        raise Invalid("请写明理由。", field="reason")
    if not 0 <= cap <= rules.MOST:
        raise Invalid("上限要在 0 和 %(most)d 之间。", field="cap", most=rules.MOST)
    row = Budget.objects.select_for_update().filter(public_id=budget).first()
    if row is None:
        raise NoSuchBudget
    if row.rest + cap - row.cap < 0:
        _gather_rests(row)
    if row.rest + cap - row.cap < 0:
        raise CapTooLow(field="cap", least=row.cap - row.rest)
    before, row.rest, row.cap, row.warned = row.cap, row.rest + cap - row.cap, cap, 0
    row.save(update_fields=["cap", "rest", "warned"])
    BudgetChange.objects.create(
        budget=row, before=before, after=cap, reason=reason.strip()[:200], by=actor.ref, at=clock.now()
    )
    record("rewards.budget_changed", subject=row.account_ref, actor=actor.ref, before=before, cap=cap)
    return row


def _gather_rests(centre: Budget) -> None:
    """Bring what lies unused in slices back to the centre, which is locked; slices that others hold keep theirs, for who
    holds one may wait for the centre."""
    free = list(Slice.objects.select_for_update(skip_locked=True).filter(budget=centre, left__gt=0))
    Slice.objects.filter(pk__in=[one.pk for one in free]).update(left=0)
    centre.rest += sum(one.left for one in free)


@transaction.atomic
def watch_budgets() -> int:
    """Tell administrators of budgets that are nearly or wholly used, once a step. Returns how many were told of."""
    today = clock.city_date(clock.now())
    told = 0
    for budget in Budget.objects.filter(starts_on__lte=today, ends_on__gte=today).order_by("pk"):
        step = terms.warning_due(used(budget), budget.cap, budget.warned, books_terms().budgets.warn_percent)
        if step and Budget.objects.filter(pk=budget.pk, warned=budget.warned).update(warned=step):
            told += 1
            record("rewards.budget_warned", subject=budget.account_ref, actor=SYSTEM.ref, percent=step)
            tell_many(
                Tell(
                    person_id=person,
                    template="budget.warned",
                    params={"percent": step, "until": f"{budget.ends_on:%Y-%m-%d}"},
                    link=PAGE_OF_BUDGETS,
                    key=f"budget|{budget.public_id}|{budget.cap}|{step}|{person}",
                )
                for person in people_with_roles("admin")
            )
    return told
