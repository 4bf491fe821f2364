"""What the database itself makes of the rows of a sealed batch, so that each night asks all of them without reading one out.

Content  all columns of the postings that the seal covers, and their entries with whose accounts they are, as PostgreSQL writes
         them, in the order of the chain: MD5 of each posting, MD5 over these. No secret and no seal: who rewrites a digest
         with a posting is found by the next whole proof, which reads everything out and compares with the seal.
SQLite   has no such function that is worth it: there every proof is whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection

from qixia.rewards.models import Digest
from qixia.rewards.services import chain

PAGE = 200  # batches a statement

_POSTING = ", ".join(f"p.{name}" for name in chain.FIELDS)
_DIGESTS = f"""
SELECT number, md5(string_agg(made, '' ORDER BY position)) FROM (
  SELECT b.number, l.position, md5(ROW({_POSTING})::text || COALESCE((
    SELECT string_agg(
      ROW(e.id, e.account_id, a.owner_ref, a.kind, a.unit, a.slot, e.amount, e.balance_after, e.expires_on)::text, '' ORDER BY e.id
    ) FROM rewards_entry e JOIN rewards_account a ON a.id = e.account_id WHERE e.posting_id = p.id
  ), '')) AS made
  FROM rewards_batch b
  JOIN rewards_link l ON l.position BETWEEN b.first AND b.last
  JOIN rewards_posting p ON p.id = l.posting_id
  WHERE b.number > %s AND b.number <= %s
) AS rows GROUP BY number
"""


def are_kept() -> bool:
    return bool(connection.vendor == "postgresql")


def changed(through: int) -> set[int]:
    """Of the batches up to `through`, those whose rows say something else than when they were found sound, or that have no
    digest."""
    kept = dict(Digest.objects.filter(number__lte=through).values_list("number", "value"))
    found = made(0, through)
    return {number for number in range(1, through + 1) if number not in kept or found.get(number) != kept[number]}


def made(after: int, through: int) -> dict[int, str]:
    """Batch → digest of what its rows say now."""
    found: dict[int, str] = {}
    for low in range(after, through, PAGE):
        with connection.cursor() as cursor:
            cursor.execute(_DIGESTS, [low, min(low + PAGE, through)])
            found |= dict(cursor.fetchall())
    return found


def keep(found: Mapping[int, str]) -> None:
    """Note the digests of batches that were just found sound."""
    rows = [Digest(number=number, value=value) for number, value in found.items()]
    Digest.objects.bulk_create(
        rows, batch_size=1000, update_conflicts=True, unique_fields=["number"], update_fields=["value"]
    )
