"""Proving the books: every cached figure against the entries that it comes from, and the seal over them.

`compare` only reads, in pages, so it holds little at a time, and no lock; `prove` keeps what it found for the page, and tells of what
does not fit. A whole proof reads every sealed posting out and compares it with its seal; one that continues asks the
database for a digest of each batch that an earlier proof found sound (digests.py), and reads out what is new or differs.
All sums are made anew either way. `rebuild` writes balances and lots anew from the entries. Entries and postings themselves cannot be mended here: a row that was edited past
the triggers is reported, and an auditor decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from django.db import connection, transaction
from django.db.models import Count, F, Max, Q, Sum
from django.db.models.functions import Coalesce

from qixia.audit.queries import history_of
from qixia.audit.services import record
from qixia.kernel import clock
from qixia.notices.services import Tell, tell_many
from qixia.people.access import SYSTEM
from qixia.people.queries import people_with_roles
from qixia.policy.queries import altered
from qixia.rewards import rules, terms
from qixia.rewards.models import (
    Account,
    Acknowledgement,
    Batch,
    Budget,
    CampaignSum,
    Entry,
    Link,
    Lot,
    OfflineScan,
    Posting,
    Replay,
    Statement,
    Voucher,
)
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import budgets, chain, digests
from qixia.rewards.services.settling import proving

log = logging.getLogger("qixia.rewards")
MOST = 100
WHOLE_EVERY = timedelta(days=6, hours=12)  # a nightly job is not on the minute
PAGE_OF_PROOFS = "/desk/rewards/audit/"
PAGE = 5_000


def _limits() -> str:
    """SQL: an account's floor, ceiling and balance are of its kind. NULLs are compared as what no limit could be."""
    said = []
    for kind, (floor, ceiling) in rules.LIMITS.items():
        low = "floor IS NULL" if floor is None else f"COALESCE(floor, -1) = {floor}"
        high = "ceiling IS NULL" if ceiling is None else f"COALESCE(ceiling, 1) = {ceiling}"
        kept = "balance IS NOT NULL" if kind in rules.KEPT else "balance IS NULL"
        said.append(f"(kind = '{kind}' AND {low} AND {high} AND {kept})")
    return " OR ".join(said)


# Each statement looks at the accounts, or postings, with %s < id <= %s. The bounds stand inside its subqueries too: without them
# each page would read the whole table, and a proof of ten times the postings would take a hundred times as long.
# Balance of an account against the sum of its entries.
_DRIFTED = """
SELECT a.id FROM rewards_account a LEFT JOIN rewards_entry e ON e.account_id = a.id
WHERE a.balance IS NOT NULL AND a.id > %s AND a.id <= %s
GROUP BY a.id, a.balance HAVING a.balance <> COALESCE(SUM(e.amount), 0) ORDER BY a.id
"""
# The balance noted at each entry against the running sum: finds a removed, added or changed row in the middle.
_BROKEN = """
SELECT DISTINCT account_id FROM (
  SELECT e.account_id, e.balance_after, SUM(e.amount) OVER (PARTITION BY e.account_id ORDER BY e.id) AS running
  FROM rewards_entry e JOIN rewards_account a ON a.id = e.account_id
  WHERE a.balance IS NOT NULL AND a.id > %s AND a.id <= %s
) AS s WHERE balance_after IS NULL OR balance_after <> running ORDER BY account_id
"""
# What lies in the lots against the balance, what a lot holds against its entries, what was there before against the rest.
_LOTS = """
SELECT a.id FROM rewards_account a LEFT JOIN rewards_lot l ON l.account_id = a.id
WHERE a.kind = 'available' AND a.id > %s AND a.id <= %s
GROUP BY a.id, a.balance HAVING a.balance <> COALESCE(SUM(l."left"), 0) ORDER BY a.id
"""
_LOT_ENTRIES = """
SELECT DISTINCT account_id FROM (
  SELECT l.account_id, l.id FROM rewards_lot l
  LEFT JOIN rewards_entry e ON e.account_id = l.account_id AND e.expires_on = l.expires_on
  WHERE l.account_id > %s AND l.account_id <= %s
  GROUP BY l.account_id, l.id, l."left", l.opening HAVING l."left" <> l.opening + COALESCE(SUM(e.amount), 0)
) AS s ORDER BY account_id
"""
# Points held for vouchers against what is left of the vouchers that can be used.
_HELD = """
SELECT a.owner_ref FROM rewards_account a
LEFT JOIN people_person p ON p.public_id = SUBSTR(a.owner_ref, 8) AND a.owner_ref = 'person:' || p.public_id
LEFT JOIN (
  SELECT v.person_id, v.price - COALESCE(SUM(u.points), 0) AS points FROM rewards_account h
  JOIN people_person w ON w.public_id = SUBSTR(h.owner_ref, 8)
  JOIN rewards_voucher v ON v.person_id = w.id AND v.state IN ('reserved', 'part_used')
  LEFT JOIN rewards_use u ON u.voucher_id = v.id
  WHERE h.kind = 'held' AND h.id > %s AND h.id <= %s GROUP BY v.id, v.person_id, v.price
) AS o ON o.person_id = p.id
WHERE a.kind = 'held' AND a.id > %s AND a.id <= %s
GROUP BY a.owner_ref, a.balance HAVING a.balance <> COALESCE(SUM(o.points), 0) ORDER BY a.owner_ref
"""
# Points that wait for somebody's look against the holds that are open.
_PENDING = """
SELECT a.owner_ref FROM rewards_account a
LEFT JOIN rewards_hold h ON h.owner_ref = a.owner_ref AND h.state = 'open'
WHERE a.kind = 'pending' AND a.id > %s AND a.id <= %s
GROUP BY a.owner_ref, a.balance HAVING a.balance <> COALESCE(SUM(h.points), 0) ORDER BY a.owner_ref
"""
# Entries of a posting, unit by unit, against zero.
_UNBALANCED = """
SELECT e.posting_id FROM rewards_entry e JOIN rewards_account a ON a.id = e.account_id
WHERE e.posting_id > %s AND e.posting_id <= %s
GROUP BY e.posting_id, a.unit HAVING SUM(e.amount) <> 0 ORDER BY e.posting_id
"""
# What a posting says it gave its beneficiary against what it did to the purse.
_MISTOLD = """
SELECT p.id FROM rewards_posting p
LEFT JOIN rewards_entry e ON e.posting_id = p.id
LEFT JOIN rewards_account a ON a.id = e.account_id
WHERE p.id > %s AND p.id <= %s
GROUP BY p.id, p.points
HAVING p.points <> COALESCE(SUM(CASE WHEN a.kind IN ('available', 'debt') THEN e.amount ELSE 0 END), 0) ORDER BY p.id
"""
# What was promised and is neither held, nor owed, nor ended.
_PROMISES = """
SELECT p.id FROM rewards_posting p
LEFT JOIN rewards_posting q ON q.pays_id = p.id
LEFT JOIN rewards_hold h ON h.posting_id = p.id
LEFT JOIN rewards_owed o ON o.posting_id = p.id
WHERE p.promised > 0 AND p.id > %s AND p.id <= %s
  AND (q.id IS NULL) <> (COALESCE(h.state, '') = 'open' OR COALESCE(o.state, '') = 'waiting')
ORDER BY p.id
"""
# What was promised against the row that keeps it, and what a hold says it gave against the posting that ended it.
_KEPT = """
SELECT p.id FROM rewards_posting p
LEFT JOIN rewards_posting q ON q.pays_id = p.id
LEFT JOIN rewards_hold h ON h.posting_id = p.id
LEFT JOIN rewards_owed o ON o.posting_id = p.id
WHERE p.id > %s AND p.id <= %s AND (
  h.points <> p.promised OR h.owner_ref <> p.beneficiary OR h.given <> COALESCE(q.points, 0) OR o.points <> p.promised
) ORDER BY p.id
"""
# What a use says against its posting and what came into the merchant's account by it; a posting without its use, a use
# without the right posting.
_USES = """
SELECT p.id FROM rewards_posting p
LEFT JOIN rewards_use u ON u.posting_id = p.id
LEFT JOIN rewards_voucher v ON v.id = u.voucher_id
LEFT JOIN people_organisation s ON s.id = u.merchant_id
LEFT JOIN (
  SELECT e.posting_id, a.owner_ref, SUM(e.amount) AS points FROM rewards_entry e
  JOIN rewards_account a ON a.id = e.account_id
  WHERE a.kind = 'settlement' AND e.posting_id > %s AND e.posting_id <= %s GROUP BY e.posting_id, a.owner_ref
) AS c ON c.posting_id = p.id
WHERE p.id > %s AND p.id <= %s AND p.kind = 'redeem' AND (
  u.id IS NULL OR p.source <> 'voucher:' || v.public_id OR u.points <> p.nominal OR u.merchant_id <> v.merchant_id
  OR u.points <> COALESCE(c.points, 0) OR c.owner_ref <> 'organisation:' || s.public_id
) ORDER BY p.id
"""
_STRAY_USES = """
SELECT p.id FROM rewards_posting p JOIN rewards_use u ON u.posting_id = p.id
WHERE p.id > %s AND p.id <= %s AND p.kind <> 'redeem' ORDER BY p.id
"""
# What a voucher says of itself against its uses: how much was used, and that shares of points and money add up.
_VOUCHERS = """
SELECT v.number FROM rewards_voucher v LEFT JOIN rewards_use u ON u.voucher_id = v.id
WHERE v.id > %s AND v.id <= %s
GROUP BY v.id, v.number, v.used, v.total, v.price, v.face_value_fen
HAVING v.used <> COALESCE(SUM(u.units), 0)
  OR COALESCE(SUM(u.points), 0) <> CAST(v.price AS BIGINT) * v.used / v.total
  OR COALESCE(SUM(u.fen), 0) <> CAST(COALESCE(v.face_value_fen, 0) AS BIGINT) * v.used / v.total
ORDER BY v.id
"""
# What a scan says that others bore of a loss against the one posting that moved it to the shop.
_LOSSES = """
SELECT c.public_id FROM rewards_offlinescan c
JOIN rewards_tilldevice d ON d.id = c.device_id
JOIN people_organisation o ON o.id = d.merchant_id
LEFT JOIN rewards_posting p ON p.source = 'till-scan:' || c.public_id AND p.kind IN ('settle', 'spend')
LEFT JOIN rewards_entry e ON e.posting_id = p.id
LEFT JOIN rewards_account a
  ON a.id = e.account_id AND a.kind = 'settlement' AND a.owner_ref = 'organisation:' || o.public_id
WHERE c.id > %s AND c.id <= %s
GROUP BY c.id, c.public_id, c.borne_by, c.borne_fen, c.borne_points
HAVING COUNT(DISTINCT p.id)
    <> CASE WHEN (c.borne_by = 'city' AND c.borne_fen > 0) OR (c.borne_by = 'rider' AND c.borne_points > 0) THEN 1 ELSE 0 END
  OR COALESCE(SUM(CASE WHEN a.unit = 'points' THEN e.amount ELSE 0 END), 0) <> c.borne_points
  OR COALESCE(SUM(CASE WHEN a.unit = 'fen' THEN e.amount ELSE 0 END), 0)
    <> CASE WHEN c.borne_by = 'city' THEN c.borne_fen ELSE 0 END
ORDER BY c.id
"""
# What lots say was there before them against the entries that have no day.
_OPENINGS = """
SELECT a.id FROM rewards_account a
LEFT JOIN (
  SELECT account_id, SUM(opening) AS total FROM rewards_lot WHERE account_id > %s AND account_id <= %s GROUP BY account_id
) AS l ON l.account_id = a.id
LEFT JOIN rewards_entry e ON e.account_id = a.id AND e.expires_on IS NULL
WHERE a.kind = 'available' AND a.id > %s AND a.id <= %s
GROUP BY a.id, l.total HAVING COALESCE(l.total, 0) <> COALESCE(SUM(e.amount), 0) ORDER BY a.id
"""
_LIMITS = f"""
SELECT a.id FROM rewards_account a WHERE a.id > %s AND a.id <= %s AND NOT ({_limits()}) ORDER BY a.id
"""
_BY_ACCOUNT = {
    "drifted": (_DRIFTED,),
    "broken_chains": (_BROKEN,),
    "wrong_lots": (_LOTS, _LOT_ENTRIES, _OPENINGS),
    "wrong_limits": (_LIMITS,),
    "held_without_voucher": (_HELD,),
    "pending_without_hold": (_PENDING,),
}
_BY_POSTING = {
    "unbalanced_postings": (_UNBALANCED,),
    "mistold_postings": (_MISTOLD,),
    "lost_promises": (_PROMISES, _KEPT),
    "wrong_uses": (_USES, _STRAY_USES),
}
_BY_VOUCHER = {"wrong_vouchers": (_VOUCHERS,)}
_BY_SCAN = {"wrong_losses": (_LOSSES,)}


@dataclass(slots=True)
class Proof:
    """What was found; the lists hold ids (of `held_…` and `pending_…` owner refs, of `wrong_budgets` public ids,
    of `wrong_campaigns` slugs, of `changed_rules` kind and version, of `wrong_vouchers` numbers, of `wrong_statements` public ids), at most
    100 each. `unsealed` postings are not wrong, the next batch takes them: but those that wait for hours are."""

    accounts: int = 0
    postings: int = 0
    entries: int = 0
    sealed: int = 0
    unsealed: int = 0
    head: str = ""
    whole: bool = True
    through: int = 0  # the last batch
    digests: dict[int, str] = field(default_factory=dict, repr=False)
    acknowledged: list[int] = field(default_factory=list)
    drifted: list[int] = field(default_factory=list)
    unbalanced_postings: list[int] = field(default_factory=list)
    broken_chains: list[int] = field(default_factory=list)
    mistold_postings: list[int] = field(default_factory=list)
    held_without_voucher: list[str] = field(default_factory=list)
    pending_without_hold: list[str] = field(default_factory=list)
    lost_promises: list[int] = field(default_factory=list)
    wrong_uses: list[int] = field(default_factory=list)
    wrong_vouchers: list[str] = field(default_factory=list)
    wrong_losses: list[str] = field(default_factory=list)
    wrong_limits: list[int] = field(default_factory=list)
    wrong_lots: list[int] = field(default_factory=list)
    wrong_statements: list[str] = field(default_factory=list)
    wrong_budgets: list[str] = field(default_factory=list)
    wrong_campaigns: list[str] = field(default_factory=list)
    broken_batches: list[int] = field(default_factory=list)
    edited_postings: list[int] = field(default_factory=list)
    smuggled_postings: list[int] = field(default_factory=list)
    unsealed_postings: list[int] = field(default_factory=list)
    unsigned_postings: list[int] = field(default_factory=list)
    changed_rules: list[str] = field(default_factory=list)

    @property
    def findings(self) -> dict[str, list[Any]]:
        """What does not fit, by kind."""
        return {name: found for name in KINDS if (found := getattr(self, name))}

    @property
    def is_sound(self) -> bool:
        return not self.findings

    def as_dict(self) -> dict[str, object]:
        counts = {name: getattr(self, name) for name in self.__slots__ if name != "digests"}
        return counts | {"sound": self.is_sound}

    def add(self, name: str, found: list[Any]) -> None:
        known = getattr(self, name)
        known.extend([one for one in found if one not in known][: MOST - len(known)])


KINDS = (
    *_BY_ACCOUNT,
    *_BY_POSTING,
    *_BY_VOUCHER,
    *_BY_SCAN,
    "wrong_statements",
    "wrong_budgets",
    "wrong_campaigns",
    "broken_batches",
    "edited_postings",
    "smuggled_postings",
    "unsealed_postings",
    "unsigned_postings",
    "changed_rules",
)


@contextmanager
def _snapshot() -> Iterator[None]:
    """A transaction that only reads, all of it one state of the books, and nobody waits for it: on SQLite it begins without
    the write lock that every other transaction takes at its start."""
    outermost, database = not connection.in_atomic_block, cast(Any, connection)
    with ExitStack() as stack:
        if outermost and connection.vendor == "sqlite":
            connection.ensure_connection()  # sets the mode anew
            mode, database.transaction_mode = database.transaction_mode, "DEFERRED"
            try:
                stack.enter_context(transaction.atomic())
            finally:
                database.transaction_mode = mode
        else:
            stack.enter_context(transaction.atomic())
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def compare(*, whole: bool = True) -> Proof:
    """Compare all caches with the entries, and the entries with their seal, in one snapshot. Not `whole`: continue from the
    last sound proof, where there was a whole one within a week."""
    with _snapshot():
        return _compare(0 if whole else _trusted())


def _trusted() -> int:
    """The last batch that was found sound, with all before it; 0 when everything is to be read."""
    sound = Replay.objects.filter(sound=True).order_by("-pk")
    lately = sound.filter(whole=True, at__gt=clock.now() - WHOLE_EVERY)
    last = sound.first() if digests.are_kept() and lately.exists() else None
    return last.through if last else 0


def _compare(trusted: int) -> Proof:
    proof = Proof(accounts=Account.objects.count(), postings=Posting.objects.count(), entries=Entry.objects.count())
    by_statement = {"wrong_statements": proving.checks(connection.vendor)}
    for model, checks in (
        (Account, _BY_ACCOUNT),
        (Posting, _BY_POSTING),
        (Voucher, _BY_VOUCHER),
        (OfflineScan, _BY_SCAN),
        (Statement, by_statement),
    ):
        for low, high in _pages(model):
            for name, statements in checks.items():
                for sql in statements:
                    proof.add(name, _ids(sql, low, high))
    proof.add("wrong_lots", _strayed_openings())
    proof.add("wrong_campaigns", _wrong_campaigns())
    proof.add("wrong_budgets", [one.public_id for one in Budget.objects.order_by("pk") if not _adds_up(one)])
    proof.add("changed_rules", altered("rewards."))
    _look_at_seal(proof, trusted)
    return proof


def _pages(model: Any) -> Iterator[tuple[int, int]]:
    """(above, up to) over all ids; the first page begins below everything that a row could be numbered."""
    top, low = model.objects.aggregate(top=Max("pk"))["top"], -(2**62)
    while top is not None and low < top:
        ids = list(model.objects.filter(pk__gt=low).order_by("pk").values_list("pk", flat=True)[PAGE - 1 : PAGE])
        high = ids[0] if ids else top
        yield low, high
        low = high


def _ids(sql: str, low: int, high: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT {MOST}", [low, high] * (sql.count("%s") // 2))
        return [row[0] for row in cursor.fetchall()]


def _strayed_openings() -> list[int]:
    """Accounts whose opening lots were moved: the upgrade put all of them on one day. Not after a rebuild, which opens
    lots as of its own day."""
    if history_of("ledger").filter(action="rewards.rebuilt").exists():
        return []
    lots = Lot.objects.exclude(opening=0)
    days = lots.order_by().values("expires_on").annotate(n=Count("pk")).order_by("-n", "expires_on")[:1]
    strayed = [lots.filter(Q(opening__lt=0) | ~Q(expires_on=one["expires_on"])) for one in days]
    return [account for rows in strayed for account in rows.order_by("pk").values_list("account_id", flat=True)[:MOST]]


def _wrong_campaigns() -> list[str]:
    """Campaigns whose sum is not that of their sealed postings."""
    sealed = Posting.objects.filter(campaign__isnull=False, link__isnull=False).order_by().values_list("campaign")
    given = dict(sealed.annotate(total=Coalesce(Sum("bonus"), 0)))
    sums = dict(CampaignSum.objects.values_list("pk", "given"))
    return sorted(slug for slug, total in sums.items() if given.get(slug, 0) != total)


def _adds_up(budget: Budget) -> bool:
    return budget.cap == _granted_cap(budget) and budgets.used(budget) == budgets.used_by_entries(budget)


def _granted_cap(budget: Budget) -> int:
    """The cap it was opened with, as the audit log has it, and every change of it since; -1 where they do not join."""
    opened = history_of(budget.account_ref).filter(action="rewards.budget_opened").first()
    changes = list(budget.changes.order_by("pk").values_list("before", "after"))
    cap = int(opened.data["cap"]) if opened is not None else changes[0][0] if changes else budget.cap
    for before, after in changes:
        if before != cap:
            return -1
        cap = after
    return cap


def _look_at_seal(proof: Proof, trusted: int = 0) -> None:
    """Batch by batch: its place, its links, its anchor in the audit log, and what its postings say now: of those up to
    `trusted` only where their digest differs."""
    last: Batch | None = None
    differ, told, start = digests.changed(trusted), _acknowledged(), chain.unsigned_through()
    for batch in chain.batches():
        links = list(Link.objects.filter(position__gte=batch.first, position__lte=batch.last).order_by("position"))
        if not _fits(batch, last, links):
            proof.add("broken_batches", [batch.number])
        if batch.number > trusted or batch.number in differ:
            seen = chain.look_at([link.posting_id for link in links])
            edited = [pk for pk, sealed in _said(links) if pk not in seen or seen[pk].hash != sealed]
            proof.add("edited_postings", edited)
            forged = [pk for pk, one in sorted(seen.items()) if pk not in told and not one.is_genuine(start)]
            proof.add("unsigned_postings", [pk for pk in forged if pk not in edited])
        proof.sealed += len(links)
        last = batch
    proof.head, proof.whole, proof.through = last.hash if last else "", not trusted, last.number if last else 0
    if digests.are_kept():
        proof.digests = digests.made(trusted, proof.through)
    proof.unsealed = chain.unsealed().count()
    number, end, through = (last.number, last.last, last.through) if last else (0, 0, chain.WINDOW)
    if history_of(f"ledger:{number + 1}").filter(action=chain.SEALED).exists():
        proof.add("broken_batches", [number + 1])  # the log knows a batch that is gone
    if Link.objects.filter(position__gt=end).exists():
        proof.add("broken_batches", [number + 1])
    proof.add("unsigned_postings", chain.forged(MOST))
    overdue = chain.overdue(through - chain.WINDOW).exclude(pk__in=proof.unsigned_postings)
    proof.add("unsealed_postings", list(overdue.values_list("pk", flat=True)[:MOST]))
    late = chain.unsealed().filter(pk__lte=through - chain.WINDOW).order_by("pk")
    proof.add(
        "smuggled_postings", [pk for pk in late.values_list("pk", flat=True)[: MOST + len(told)] if pk not in told]
    )
    proof.acknowledged = sorted(told)


def _said(links: list[Link]) -> list[tuple[int, str]]:
    return [(one.posting_id, one.hash) for one in links]


def _acknowledged() -> set[int]:
    """Late postings for which an auditor's word is in the audit log too."""
    rows = Acknowledgement.objects.values_list("posting_id", "by")
    return {pk for pk, by in rows if history_of(f"posting:{pk}").filter(action=chain.ACKNOWLEDGED, actor=by).exists()}


def _fits(batch: Batch, before: Batch | None, links: list[Link]) -> bool:
    number, first, previous = (before.number + 1, before.last + 1, before.hash) if before else (1, 1, chain.START)
    made = chain.batch_hash(
        batch.number, batch.previous, batch.through, ((one.position, one.posting_id, one.hash) for one in links)
    )
    anchors = list(history_of(f"ledger:{batch.number}").filter(action=chain.SEALED))
    anchored = [deed.data.get("hash") for deed in anchors]
    # The day is not in the hash; sealing takes less than an hour, which may be over midnight.
    days = {clock.city_date(deed.at - past) for deed in anchors for past in (timedelta(), timedelta(hours=1))}
    return (
        (batch.number, batch.first, batch.previous) == (number, first, previous)
        and len(links) == batch.last - batch.first + 1
        and made == batch.hash
        and anchored == [batch.hash]
        and batch.sealed_on in days
    )


def prove(*, actor: str = SYSTEM.ref, whole: bool = False) -> Replay:
    """Prove all the books and keep the result for the page. What does not fit goes into the log as an error, and to
    administrators and auditors. Once a week, and when `whole` says so, every sealed posting is read out again."""
    started = time.perf_counter()
    found = compare(whole=whole)
    seconds = round(time.perf_counter() - started, 2)
    if not found.is_sound:
        log.error("the books do not fit", extra={"findings": found.findings})
    with transaction.atomic():
        record(
            "rewards.proved", subject="ledger", actor=actor, sound=found.is_sound, head=found.head, whole=found.whole
        )
        if found.is_sound:
            digests.keep(found.digests)
        made = Replay.objects.create(
            at=clock.now(),
            seconds=seconds,
            accounts=found.accounts,
            postings=found.postings,
            entries=found.entries,
            sealed=found.sealed,
            head=found.head,
            sound=found.is_sound,
            whole=found.whole,
            through=found.through,
            findings=found.findings,
        )
        if not made.sound:
            _tell(made)
        return made


def _tell(replay: Replay) -> None:
    """Who keeps and who audits the books hears of it the same night."""
    tell_many(
        Tell(
            person_id=person,
            template="books.unsound",
            params={"count": sum(len(ids) for ids in replay.findings.values())},
            link=PAGE_OF_PROOFS,
            key=f"books-unsound|{replay.pk}|{person}",
        )
        for person in people_with_roles("admin", "auditor")
    )


_NEW_LOTS = """
INSERT INTO rewards_lot (account_id, expires_on, "left", opening, warned)
SELECT e.account_id, e.expires_on, SUM(e.amount) + COALESCE(MAX(l.opening), 0), 0, FALSE FROM rewards_entry e
LEFT JOIN rewards_lot l ON l.account_id = e.account_id AND l.expires_on = e.expires_on
WHERE e.expires_on IS NOT NULL GROUP BY e.account_id, e.expires_on
ON CONFLICT (account_id, expires_on) DO UPDATE SET "left" = excluded."left"
"""
_OPENING_LOTS = """
UPDATE rewards_lot SET "left" = opening WHERE "left" <> opening AND NOT EXISTS (
  SELECT 1 FROM rewards_entry e WHERE e.account_id = rewards_lot.account_id AND e.expires_on = rewards_lot.expires_on
)
"""
# Entries without a day, less what opening lots say of them: what a process from before the upgrade wrote after it.
_UNDATED = """
SELECT a.id, COALESCE(e.total, 0) - COALESCE(l.total, 0) FROM rewards_account a
LEFT JOIN (
  SELECT account_id, SUM(amount) AS total FROM rewards_entry WHERE expires_on IS NULL GROUP BY account_id
) AS e ON e.account_id = a.id
LEFT JOIN (SELECT account_id, SUM(opening) AS total FROM rewards_lot GROUP BY account_id) AS l ON l.account_id = a.id
WHERE a.kind = 'available' AND COALESCE(e.total, 0) <> COALESCE(l.total, 0) ORDER BY a.id
"""


def _open_anew(account: int, amount: int) -> None:
    """Bring entries without a day into the lots: what came in lies in an opening lot as of today, what went out comes out
    of the lots that end first."""
    if amount > 0:
        end = terms.last_day(books_terms().lots, clock.city_date(clock.now()))
        lot, _is_new = Lot.objects.get_or_create(account_id=account, expires_on=end, defaults={"left": 0})
        Lot.objects.filter(pk=lot.pk).update(left=F("left") + amount, opening=F("opening") + amount)
        return
    lots = Lot.objects.filter(account_id=account, left__gt=0)
    for end, part in terms.first_out(-amount, list(lots.values_list("expires_on", "left"))):
        lots.filter(expires_on=end).update(left=F("left") - part, opening=F("opening") - part)


@transaction.atomic
def rebuild(*, actor: str) -> int:
    """Write every cached balance and lot anew from the entries; returns how many balances changed. Entries without a day
    that no opening lot tells of get one.

    Locks all persons' accounts in the order of their ids, as every writer does. Fails (nothing changed) where the
    entries themselves break a floor: those were edited, and no balance can make them right.
    """
    list(Account.objects.select_for_update().filter(balance__isnull=False).order_by("id").values_list("id"))
    sql = """
    UPDATE rewards_account SET balance = s.total FROM (
      SELECT a.id, COALESCE(SUM(e.amount), 0) AS total FROM rewards_account a
      LEFT JOIN rewards_entry e ON e.account_id = a.id WHERE a.balance IS NOT NULL GROUP BY a.id
    ) AS s WHERE rewards_account.id = s.id AND rewards_account.balance <> s.total
    """
    with connection.cursor() as cursor:
        cursor.execute(sql)
        changed = int(cursor.rowcount)
        cursor.execute(_NEW_LOTS)
        cursor.execute(_OPENING_LOTS)
        cursor.execute(_UNDATED)
        undated = list(cursor.fetchall())
    for account, amount in undated:
        _open_anew(account, int(amount))
    record("rewards.rebuilt", subject="ledger", actor=actor, changed=changed)
    return changed
