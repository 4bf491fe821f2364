"""The seal over the books: postings in hash-chained batches, so that an edit, a deletion, a late insertion or a gap shows.

Content  of a posting is all that it says and all its entries with whose accounts they are, but for the sealed words: those
         may be sealed anew under another key, or emptied for somebody who leaves.
Link     a posting's position and the SHA-256 of its content. Batch: SHA-256 over the batch before, its own figures and
         its links. Each batch's hash goes into the audit log too: who rewrites the whole chain has to rewrite that as well.
Genuine  is a posting whose keyed hash fits (sealing.py): no other is sealed, but for those that were there before postings had
         one (`Signing`), and those of which an auditor says why they may stand.
Late     postings become visible in the order of their commits, not of their numbers, so up to WINDOW numbers below the
         last one sealed are looked at again. What is further down and not sealed came in past the books: the audit names it,
         and it is not sealed unless an auditor says why it may stand (`acknowledge`).
Cost     a batch is one transaction; a kill loses nothing. One runs at a time (the number of a batch is unique).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Max, Q, Sum
from django.db.models.functions import Coalesce

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.requests import without_request_id
from qixia.people.access import SYSTEM, Actor
from qixia.rewards import sealing, terms
from qixia.rewards.access import must_acknowledge
from qixia.rewards.errors import NoLatePosting
from qixia.rewards.models import Acknowledgement, Batch, CampaignSum, Entry, Link, Posting, Replay, Signing

BATCH = 500
WINDOW = terms.SEAL_WINDOW
LAG = timedelta(hours=1)  # so long after it the newest posting may be booked, and a posting not be sealed yet
START = "0" * 64
SEALED, ACKNOWLEDGED = "rewards.sealed", "rewards.acknowledged"
FIELDS = ("id", *sealing.CONTENT)


def seal_postings(*, limit: int = BATCH) -> int:
    """Seal up to `limit` postings that are not sealed yet, as one batch. Returns how many; 0 when all are."""
    with transaction.atomic(), without_request_id():
        last = Batch.objects.select_for_update().order_by("-number").first()
        floor = last.through - WINDOW if last else 0
        may_be = unsealed().filter(Q(pk__gt=floor) | Q(acknowledged__isnull=False))
        hashes = _genuine(may_be, limit)
        postings = list(hashes)
        if not postings:
            return 0
        first = last.last + 1 if last else 1
        links = [(first + n, pk, hashes[pk]) for n, pk in enumerate(postings)]
        number, previous = (last.number + 1, last.hash) if last else (1, START)
        through = max(postings[-1], last.through if last else 0)
        made = batch_hash(number, previous, through, links)
        Batch.objects.create(
            number=number,
            first=first,
            last=links[-1][0],
            through=through,
            previous=previous,
            hash=made,
            sealed_on=clock.city_date(clock.now()),
        )
        Link.objects.bulk_create(Link(position=at, posting_id=pk, hash=one) for at, pk, one in links)
        _count_campaigns(postings)
        record(SEALED, subject=f"ledger:{number}", actor=SYSTEM.ref, batch=number, last=links[-1][0], hash=made)
    return len(links)


def _genuine(may_be: Any, limit: int) -> dict[int, str]:
    """Posting → hash of the first `limit` that may be sealed, in the order of their numbers."""
    found: dict[int, str] = {}
    rows, last, start = may_be.order_by("pk").values_list("pk", "acknowledged"), -(2**62), unsigned_through()
    while len(found) < limit and (page := list(rows.filter(pk__gt=last)[:limit])):
        seen, last = look_at([pk for pk, _word in page]), page[-1][0]
        found |= {pk: seen[pk].hash for pk, word in page if word or seen[pk].is_genuine(start)}
        if len(page) < limit:
            break
    return dict(list(found.items())[:limit])


def unsigned_through() -> int:
    """The highest number that may have no keyed hash: of what was there before postings had one."""
    rows = Signing.objects.values_list("through", "mac")
    return max((through for through, mac in rows if mac == sealing.mac_of_start(through)), default=0)


def forged(most: int) -> list[int]:
    """Postings that are not sealed and will not be: their keyed hash does not fit, and nobody says why they may stand."""
    rows, last, start = unsealed().filter(acknowledged__isnull=True).order_by("pk"), -(2**62), unsigned_through()
    found: list[int] = []
    while len(found) < most and (page := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH])):
        found += [pk for pk, seen in sorted(look_at(page).items()) if not seen.is_genuine(start)]
        last = page[-1]
    return found[:most]


def _count_campaigns(postings: Sequence[int]) -> None:
    """Add what was just sealed to the sums of its campaigns; a campaign that has none yet is summed up once."""
    given = Posting.objects.filter(campaign__isnull=False).order_by().values_list("campaign")
    for campaign, bonus in given.filter(pk__in=postings).annotate(total=Coalesce(Sum("bonus"), 0)):
        if not CampaignSum.objects.filter(pk=campaign).update(given=F("given") + bonus):
            sealed = given.filter(campaign=campaign, link__isnull=False).annotate(total=Coalesce(Sum("bonus"), 0))
            CampaignSum.objects.create(campaign=campaign, given=sum(total for _campaign, total in sealed))


@transaction.atomic
def acknowledge(*, actor: Actor, posting: int, reason: str) -> Acknowledgement:
    """An auditor looked at one posting that no batch took in time, or whose keyed hash does not fit: it may stand for `reason`,
    and the next batch takes it. Twice is once. NoLatePosting for any other posting, Invalid ("reason")."""
    must_acknowledge(actor)
    if not reason.strip():
        raise Invalid("请写明理由。", field="reason")
    last = Batch.objects.select_for_update().order_by("-number").first()
    if found := Acknowledgement.objects.filter(posting_id=posting).first():
        return found
    if not unsealed().filter(pk=posting).exists():
        raise NoLatePosting
    is_late = last is not None and posting <= last.through - WINDOW
    if not is_late and look_at([posting])[posting].is_genuine(unsigned_through()):
        raise NoLatePosting
    made = Acknowledgement.objects.create(posting_id=posting, reason=reason.strip()[:200], by=actor.ref, at=clock.now())
    record(ACKNOWLEDGED, subject=f"posting:{posting}", actor=actor.ref)
    return made


def unsealed() -> Any:
    return Posting.objects.filter(link__isnull=True)


def overdue(floor: int) -> Any:
    """Postings above `floor` that others have followed for longer than LAG and that no batch took: sealing stands still
    while the books go on. By the books' own time, so a pause of the whole house is no fault. None before the first batch
    or proof: a house that begins with days of postings has not had its job yet."""
    if not (Batch.objects.exists() or Replay.objects.exists()):
        return Posting.objects.none()
    newest = Posting.objects.aggregate(at=Max("created_at"))["at"] or clock.now()
    return unsealed().filter(pk__gt=floor, created_at__lt=newest - LAG).order_by("pk")


def batch_hash(number: int, previous: str, through: int, links: Iterable[tuple[int, int, str]]) -> str:
    lines = [f"{number} {previous} {through}", *(f"{at} {posting} {made}" for at, posting, made in links)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Seen(NamedTuple):
    """What a posting says now: its hash, and whether its keyed hash fits."""

    id: int
    hash: str
    is_signed: bool

    def is_genuine(self, start: int) -> bool:
        return self.is_signed or 0 < self.id <= start


def hashes_of(postings: Sequence[int]) -> dict[int, str]:
    """Posting → hash of what it says now; those that are gone are missing. Two statements."""
    return {pk: seen.hash for pk, seen in look_at(postings).items()}


def look_at(postings: Sequence[int]) -> dict[int, Seen]:
    """What each posting says now; those that are gone are missing. Two statements."""
    entries: dict[int, list[list[Any]]] = defaultdict(list)
    rows = Entry.objects.filter(posting_id__in=postings).order_by("id")
    account = ("account__owner_ref", "account__kind", "account__unit", "account__slot")
    for posting, *rest in rows.values_list(
        "posting_id", "id", "account_id", *account, "amount", "balance_after", "expires_on"
    ):
        entries[posting].append([sealing.plain(value) for value in rest])
    found = Posting.objects.filter(pk__in=postings).values_list("mac", *FIELDS)
    return {pk: _seen(mac, [pk, *map(sealing.plain, row)], entries[pk]) for mac, pk, *row in found}


def _seen(mac: str | None, fields: list[Any], entries: list[list[Any]]) -> Seen:
    lines = [(account, *rest) for _id, account, _owner, _kind, _unit, _slot, *rest in entries]
    is_signed = mac is not None and hmac.compare_digest(mac, sealing.mac_of(fields[1:], lines))
    return Seen(fields[0], _hash(fields, entries), is_signed)


def _hash(fields: list[Any], entries: list[list[Any]]) -> str:
    content = json.dumps([fields, entries], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def batches() -> Iterator[Batch]:
    """All batches in order, some at a time."""
    number = 0
    while page := list(Batch.objects.filter(number__gt=number).order_by("number")[:BATCH]):
        yield from page
        number = page[-1].number
