"""The books: the only code that writes accounts, postings and entries.

How      1. `lock_purses` locks the persons' accounts in the order of their ids, so two writers never wait for each
         other in a circle. 2. The caller decides with `rules` on what it read under the lock. 3. `write` stores all
         postings and entries and moves all balances: a few statements in one message, however many postings.
Wait     who holds a purse lets others wait until the commit is on disk, so what costs is each journey to the database under
         the lock: what is asked under it goes with the lock itself (`lock_and_ask`), what is written goes together.
Lots     what comes into `available` lies in a lot by the last day on which it can be used, and every entry there names
         its day. Spending takes the lot that ends first. Lots are read only by who takes something out.
Units    a line has the unit of its account; a posting sums to zero in each.
Hot row  Accounts that only collect (budget, settlement, forfeited) keep no balance: their sum is derived from their
         entries, so the one budget that every award touches is never updated. What was rejected: a cached budget
         balance serialises all awards of the city; sharding the cached balance still leaves one hot row a shard. The
         slots that exist spread the row locks of PostgreSQL's foreign key checks and are the later budget slices.
Errors   DriftedAccount (a programming or operator error) when a balance does not bear the change: all is rolled back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any

from django.db import connection

from qixia.audit import rows
from qixia.kernel import clock
from qixia.kernel.requests import request_id
from qixia.rewards import rules, sealing, terms
from qixia.rewards.models import Account, Entry, Lot, Posting


class DriftedAccount(Exception):
    """The database refused a balance that the service had computed: an account was changed past this module."""


@dataclass(slots=True)
class Pot:
    """One account as read under the lock; `balance` follows the lines that are drafted on it."""

    id: int
    balance: int | None
    unit: str = rules.POINTS
    kind: str = ""


@dataclass(slots=True)
class Purse:
    """A person's accounts. A kind that was never needed is missing. `lots`: last day → what is left, when asked for."""

    owner_ref: str
    pots: dict[str, Pot] = field(default_factory=dict)
    lots: dict[date, int] = field(default_factory=dict)

    def balance(self, kind: str) -> int:
        pot = self.pots.get(kind)
        return (pot.balance or 0) if pot else 0


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a draft; `balance_after` is None for a collecting account."""

    account_id: int
    amount: int
    balance_after: int | None
    unit: str = rules.POINTS
    expires_on: date | None = None


def move(pot: Pot, amount: int, expires_on: date | None = None) -> Line:
    """Change a pot as read under the lock, so that the next decision in the same batch sees it."""
    if (pot.kind == rules.AVAILABLE) != (expires_on is not None):
        raise DriftedAccount("points that can be spent have a last day, others have none")
    if pot.balance is not None:
        pot.balance += amount
    return Line(pot.id, amount, pot.balance, pot.unit, expires_on)


def into_lot(purse: Purse, expires_on: date, points: int) -> Line:
    purse.lots[expires_on] = purse.lots.get(expires_on, 0) + points
    return move(purse.pots[rules.AVAILABLE], points, expires_on)


def out(purse: Purse, expires_on: date, points: int) -> Line:
    """Take points out of one lot."""
    purse.lots[expires_on] -= points
    return move(purse.pots[rules.AVAILABLE], -points, expires_on)


def spend(purse: Purse, points: int) -> list[Line]:
    """Take points out of a purse whose lots were read, from the lots that end first."""
    parts = terms.first_out(points, list(purse.lots.items()))
    if sum(part for _end, part in parts) != points:
        raise DriftedAccount("the lots hold less than the balance")
    return [out(purse, end, part) for end, part in parts]


def income(purse: Purse, points: int, origin: Pot, expires_on: date) -> list[Line]:
    """Bring points from `origin` into a purse: what is owed is repaid first, the rest lies in the lot of that day. No
    lines for no points."""
    return income_in_parts(purse, [(expires_on, points)], origin) if points else []


def income_in_parts(purse: Purse, parts: Sequence[tuple[date, int]], origin: Pot) -> list[Line]:
    """The same for points of several days; what is owed is repaid from those that end first."""
    points = sum(part for _end, part in parts)
    split = rules.into_purse(points, purse.balance(rules.DEBT))
    lines = [move(purse.pots[rules.DEBT], split[rules.DEBT])] if rules.DEBT in split else []
    kept = terms.last_in(split.get(rules.AVAILABLE, 0), parts)
    return [*lines, *(into_lot(purse, end, part) for end, part in kept), move(origin, -points)]


@dataclass(slots=True)
class Draft:
    """A posting to be written; its lines sum to zero. `key`, `source` and `content_hash` are as they are stored."""

    key: str
    kind: str
    rule: str
    rule_version: int
    act: str
    source: str
    beneficiary: str
    actor: str
    at: datetime
    points: int
    nominal: int
    lines: list[Line]
    available_after: int
    params: Mapping[str, Any] = field(default_factory=dict)
    content_hash: str = ""
    reverses_id: int | None = None
    unit: str = rules.POINTS
    promised: int = 0
    pays_id: int | None = None
    quality: str = ""
    campaign: str = ""
    bonus: int = 0


def lock_purses(
    owner_refs: Iterable[str], *, need: Sequence[str] = (rules.AVAILABLE,), lots: bool = False
) -> dict[str, Purse]:
    """The purses of `owner_refs`, locked until the transaction ends. `need`: kinds that are opened when missing; `lots`:
    read them too, for who takes something out."""
    purses, _answers = lock_and_ask(owner_refs, [], need=need)
    if lots:
        _read_lots(purses)
    return purses


def lock_and_ask(
    owner_refs: Iterable[str], questions: Sequence[rows.Statement], *, need: Sequence[str] = (rules.AVAILABLE,)
) -> tuple[dict[str, Purse], list[list[tuple[Any, ...]]]]:
    """The purses, locked, and what each question answers under the lock. One journey where no account is missing.

    A purse is locked by its account of what is available, which whoever changes any pot of a person holds. The other pots are
    read after that, so also a debt that began while we waited for the lock."""
    refs, wanted = sorted(set(owner_refs)), sorted({*need, rules.AVAILABLE})
    purses, answers = _read_locked(refs, questions)
    missing = [(ref, kind) for ref in refs for kind in wanted if kind not in purses[ref].pots]
    if missing:
        open_accounts(missing)
        purses, answers = _read_locked(refs, questions)
    return purses, answers


def _read_lots(purses: Mapping[str, Purse]) -> None:
    """What is left by day. Lots change only under their account's lock, which is held."""
    owners = {purse.pots[rules.AVAILABLE].id: purse for purse in purses.values() if rules.AVAILABLE in purse.pots}
    found = Lot.objects.filter(account_id__in=owners, left__gt=0)
    for account, end, left in found.values_list("account_id", "expires_on", "left"):
        owners[account].lots[end] = left


def open_accounts(wanted: Iterable[tuple[str, str]], *, slots: int = 1, unit: str = rules.POINTS) -> None:
    """Open accounts that may have been opened by somebody else meanwhile. Sorted: no circle on the unique index; by kind first,
    so that those of one kind lie side by side."""
    opened = []
    for ref, kind in sorted(wanted, key=lambda one: (one[1], one[0])):
        floor, ceiling = rules.LIMITS[kind]
        balance = 0 if kind in rules.KEPT else None
        for slot in range(slots):
            limits = {"balance": balance, "floor": floor, "ceiling": ceiling}
            opened.append(Account(owner_ref=ref, kind=kind, unit=unit, slot=slot, **limits))
    Account.objects.bulk_create(opened, ignore_conflicts=True)


def _read_locked(
    refs: Sequence[str], questions: Sequence[rows.Statement]
) -> tuple[dict[str, Purse], list[list[tuple[Any, ...]]]]:
    purses = {ref: Purse(ref) for ref in refs}
    if not refs:
        return purses, rows.ask(questions) if questions else []
    found = rows.ask([*_of_purses(refs), *questions])
    split = len(found) - len(questions)
    for pk, ref, kind, balance in chain.from_iterable(found[:split]):
        purses[ref].pots[kind] = Pot(pk, balance, rules.POINTS, kind)
    return purses, found[split:]


def _of_purses(refs: Sequence[str]) -> list[rows.Statement]:
    """What locks and reads accounts. Persons' only; a lock on a collecting account would make it the bottleneck that it must
    not be. SQLite has one writer at a time, who sees all."""
    columns = "SELECT id, owner_ref, kind, balance FROM rewards_account"
    theirs = f"WHERE owner_ref IN ({_marks(refs)}) AND unit = %s AND balance IS NOT NULL"
    values = [*refs, rules.POINTS]
    if connection.vendor != "postgresql":
        return [rows.Statement(f"{columns} {theirs}", values)]
    values = [*values, rules.AVAILABLE]
    return [
        rows.Statement(f"{columns} {theirs} AND kind = %s ORDER BY id FOR NO KEY UPDATE", values),
        rows.Statement(f"{columns} {theirs} AND kind <> %s", values),
    ]


def _marks(values: Sequence[object]) -> str:
    return ",".join(["%s"] * len(values))


def collecting(owner_ref: str, kind: str, *, unit: str = rules.POINTS) -> list[Pot]:
    """The slots of a collecting account, in order. Pick one with `rules.slot_of(beneficiary)`."""
    sql = "SELECT id FROM rewards_account WHERE owner_ref = %s AND kind = %s AND unit = %s ORDER BY slot"
    for _attempt in range(2):
        with connection.cursor() as cursor:
            cursor.execute(sql, [owner_ref, kind, unit])
            ids = [row[0] for row in cursor.fetchall()]
        if len(ids) == rules.SLOTS:
            break
        open_accounts([(owner_ref, kind)], slots=rules.SLOTS, unit=unit)
    return [Pot(pk, None, unit, kind) for pk in ids]


def drawing(count: int) -> list[rows.Statement]:
    """What draws the numbers of `count` postings, so that `write` need not. None where the database has no sequences."""
    return [rows.drawing(Posting, count)] if connection.vendor == "postgresql" and count else []


def write(drafts: Sequence[Draft], drawn: Sequence[int] = ()) -> list[Posting]:
    """Store the drafts in order: postings, entries, balances, lots. The caller holds the locks and the transaction.
    `drawn`: numbers that were drawn for the postings, rising."""
    if not drafts:
        return []
    now, request = clock.now(), request_id()
    values = [_values(draft, now, request) for draft in drafts]
    with rows.together():
        ids = rows.insert_many(Posting, _COLUMNS, values, ids=True, drawn=drawn)
        _write_lines(ids, drafts)
    return [Posting.from_db(connection.alias, _FIELDS, [pk, *row]) for pk, row in zip(ids, values, strict=True)]


def _write_lines(ids: Sequence[int], drafts: Sequence[Draft]) -> None:
    entries: list[tuple[Any, ...]] = []
    changes: dict[int, int] = defaultdict(int)
    lots: dict[tuple[int, date], int] = defaultdict(int)
    for pk, draft in zip(ids, drafts, strict=True):
        if not rules.is_balanced((line.unit, line.amount) for line in draft.lines):
            raise DriftedAccount(f"{draft.key}: lines do not sum to zero")
        for line in draft.lines:
            if line.balance_after is not None:
                changes[line.account_id] += line.amount
            if line.expires_on is not None:
                lots[line.account_id, line.expires_on] += line.amount
            entries.append((pk, line.balance_after, line.account_id, line.amount, line.expires_on))
    rows.insert_many(Entry, ("posting_id", "balance_after", "account_id", "amount", "expires_on"), entries)
    _move_balances(changes)
    _fill_lots({key: amount for key, amount in lots.items() if amount > 0})
    _empty_lots({key: -amount for key, amount in lots.items() if amount < 0})


_FIELDS = tuple(field.attname for field in Posting._meta.concrete_fields)
_COLUMNS = _FIELDS[1:]  # the first is the key


def _values(draft: Draft, now: datetime, request: str) -> list[Any]:
    named = {
        "key": draft.key,
        "content_hash": draft.content_hash or content_of(draft.act, draft.params),
        "kind": draft.kind,
        "rule": draft.rule,
        "rule_version": draft.rule_version,
        "act": draft.act,
        "source": draft.source,
        "beneficiary": draft.beneficiary,
        "actor": draft.actor,
        "at": draft.at,
        "day": clock.city_date(draft.at),
        "points": draft.points,
        "nominal": draft.nominal,
        "available_after": draft.available_after,
        "words": sealing.seal_words(draft.params),
        "reverses_id": draft.reverses_id,
        "unit": draft.unit,
        "promised": draft.promised,
        "pays_id": draft.pays_id,
        "quality": draft.quality or None,
        "campaign": draft.campaign or None,
        "bonus": draft.bonus or None,
        "created_at": now,
        # A request's id stands in the history of the report as well.
        "request_id": "" if sealing.is_hidden(draft.source) else request,
    }
    lines = [(line.account_id, line.amount, line.balance_after, line.expires_on) for line in draft.lines]
    named["mac"] = sealing.mac_of([named[name] for name in sealing.CONTENT], lines)
    return [named[name] for name in _COLUMNS]


def content_of(act: str, params: Mapping[str, Any]) -> str:
    """What is compared when the same key comes again, as it is stored."""
    return sealing.stored_content(rules.content_hash(act=act, params=params))


def _move_balances(changes: Mapping[int, int]) -> None:
    """Add to many balances in one statement, each only as far as its floor and ceiling allow.

    The rows are locked already; the condition guards against a writer that went past the lock. Both databases name
    the columns of VALUES column1, column2. Whole numbers stand in the text itself: hundreds of marks cost more than the update.
    """
    moved = sorted((pk, amount) for pk, amount in changes.items() if amount)
    if not moved:
        return
    values = ",".join(f"({int(pk)},{int(amount)})" for pk, amount in moved)
    sql = (
        f"UPDATE rewards_account SET balance = rewards_account.balance + v.column2 FROM (VALUES {values}) AS v "
        "WHERE rewards_account.id = v.column1 "
        "AND (rewards_account.floor IS NULL OR rewards_account.balance + v.column2 >= rewards_account.floor) "
        "AND (rewards_account.ceiling IS NULL OR rewards_account.balance + v.column2 <= rewards_account.ceiling)"
    )
    rows.execute(rows.Statement(sql, rows=len(moved), otherwise=lambda count: _refused(moved, count, "balances")))


def _refused(wanted: Sized, count: int, what: str) -> DriftedAccount:
    return DriftedAccount(f"{len(wanted) - count} of {len(wanted)} {what} refused the change")


def _lot_values(amounts: Mapping[tuple[int, date], int], more: str = "") -> str:
    """Rows of VALUES: account, day, amount. Numbers and days stand in the text itself, as above."""
    cast = "::date" if connection.vendor == "postgresql" else ""
    by_day = {end: f"'{end:%Y-%m-%d}'{cast}" for _account, end in amounts}
    sorted_ = sorted(amounts.items())
    return ",".join(f"({int(account)},{by_day[end]},{int(amount)}{more})" for (account, end), amount in sorted_)


def _fill_lots(amounts: Mapping[tuple[int, date], int]) -> None:
    """What a lot gains, nobody was told of."""
    if not amounts:
        return
    sql = (
        'INSERT INTO rewards_lot (account_id, expires_on, "left", opening, warned) '
        f"VALUES {_lot_values(amounts, ',0,FALSE')} "
        'ON CONFLICT (account_id, expires_on) DO UPDATE SET "left" = rewards_lot."left" + excluded."left", warned = FALSE'
    )
    rows.execute(rows.Statement(sql))


def _empty_lots(amounts: Mapping[tuple[int, date], int]) -> None:
    if not amounts:
        return
    sql = (
        f'UPDATE rewards_lot SET "left" = rewards_lot."left" - v.column3 FROM (VALUES {_lot_values(amounts)}) AS v '
        "WHERE rewards_lot.account_id = v.column1 AND rewards_lot.expires_on = v.column2 "
        'AND rewards_lot."left" >= v.column3'
    )
    rows.execute(rows.Statement(sql, rows=len(amounts), otherwise=lambda count: _refused(amounts, count, "lots")))
