"""Proving the books: every cached figure against the entries that it comes from.

`compare` only reads; `rebuild` writes balances anew from the entries. Entries and postings themselves cannot be
mended here: a row that was edited past the triggers is reported, and an auditor decides.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection, transaction

from qixia.audit.services import record
from qixia.rewards.models import Account, Entry, Posting

# Balance of an account against the sum of its entries.
_DRIFTED = """
SELECT a.id FROM rewards_account a LEFT JOIN rewards_entry e ON e.account_id = a.id
WHERE a.balance IS NOT NULL GROUP BY a.id, a.balance HAVING a.balance <> COALESCE(SUM(e.amount), 0) ORDER BY a.id
"""
# Entries of a posting, unit by unit, against zero.
_UNBALANCED = """
SELECT e.posting_id FROM rewards_entry e JOIN rewards_account a ON a.id = e.account_id
GROUP BY e.posting_id, a.unit HAVING SUM(e.amount) <> 0 ORDER BY e.posting_id
"""
# The balance noted at each entry against the running sum: finds a removed, added or changed row in the middle.
_BROKEN = """
SELECT DISTINCT account_id FROM (
  SELECT e.account_id, e.balance_after, SUM(e.amount) OVER (PARTITION BY e.account_id ORDER BY e.id) AS running
  FROM rewards_entry e JOIN rewards_account a ON a.id = e.account_id WHERE a.balance IS NOT NULL
) AS s WHERE balance_after IS NULL OR balance_after <> running ORDER BY account_id
"""
# What a posting says it gave its beneficiary against what it did to the purse.
_MISTOLD = """
SELECT p.id FROM rewards_posting p
LEFT JOIN rewards_entry e ON e.posting_id = p.id
LEFT JOIN rewards_account a ON a.id = e.account_id
GROUP BY p.id, p.points
HAVING p.points <> COALESCE(SUM(CASE WHEN a.kind IN ('available', 'debt') THEN e.amount ELSE 0 END), 0) ORDER BY p.id
"""
# Points held for vouchers against the vouchers that wait to be used.
_HELD = """
SELECT a.owner_ref FROM rewards_account a
LEFT JOIN people_person p ON a.owner_ref = 'person:' || p.public_id
LEFT JOIN rewards_voucher v ON v.person_id = p.id AND v.state = 'reserved'
WHERE a.kind = 'held' GROUP BY a.owner_ref, a.balance HAVING a.balance <> COALESCE(SUM(v.price), 0) ORDER BY a.owner_ref
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found; the lists hold ids (of `held`, owner refs), at most 100 each."""

    accounts: int
    postings: int
    entries: int
    drifted: list[int]
    unbalanced_postings: list[int]
    broken_chains: list[int]
    mistold_postings: list[int]
    held_without_voucher: list[str]

    @property
    def is_sound(self) -> bool:
        return not (
            self.drifted
            or self.unbalanced_postings
            or self.broken_chains
            or self.mistold_postings
            or self.held_without_voucher
        )

    def as_dict(self) -> dict[str, object]:
        return asdict(self) | {"sound": self.is_sound}


@transaction.atomic
def compare() -> Proof:
    """Compare all caches with the entries. One transaction; on PostgreSQL all of it reads one snapshot."""
    if connection.vendor == "postgresql" and not connection.needs_rollback and len(connection.savepoint_ids) == 0:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return Proof(
        accounts=Account.objects.count(),
        postings=Posting.objects.count(),
        entries=Entry.objects.count(),
        drifted=_ids(_DRIFTED),
        unbalanced_postings=_ids(_UNBALANCED),
        broken_chains=_ids(_BROKEN),
        mistold_postings=_ids(_MISTOLD),
        held_without_voucher=_ids(_HELD),
    )


def _ids(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT 100")
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def rebuild(*, actor: str) -> int:
    """Write every cached balance anew from its entries; returns how many changed.

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
    record("rewards.rebuilt", subject="ledger", actor=actor, changed=changed)
    return changed
