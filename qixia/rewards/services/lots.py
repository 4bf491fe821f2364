"""Points that end: the rider is told once, and on the day after their last one they go.

Found    by their day alone (index), page by page; a page is one transaction, so a kill repeats nothing and loses nothing.
Job late the balance is what the books say: until the job has come by, points of yesterday can still be spent. That is
         in the rider's favour, and spending takes them first.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import date, timedelta

from django.db import transaction

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.kernel.requests import without_request_id
from qixia.notices.services import Tell, tell_many
from qixia.people.access import SYSTEM
from qixia.people.queries import person_ids_for
from qixia.rewards import rules, sealing
from qixia.rewards.models import Lot
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books, telling

log = logging.getLogger("qixia.rewards")
PAGE = 200
RULE = "lot.expire"
TITLE = "积分到期"


def expire_lots(*, limit: int = PAGE) -> int:
    """Let points go whose last day is over: up to `limit` lots. Returns how many lots; 0 when nothing is due."""
    today = clock.city_date(clock.now())
    due = Lot.objects.filter(left__gt=0, expires_on__lt=today).order_by("expires_on", "id")
    passed: set[str] = set()
    while True:
        found = due.exclude(account__owner_ref__in=passed).values_list("account__owner_ref", flat=True)
        owners = sorted(set(found[:limit]))
        if not owners:
            return 0
        if count := _expire_page(owners, today, passed):
            return count


def _expire_page(owners: list[str], today: date, passed: set[str]) -> int:
    """A page in one transaction. When it does not go, one after the other: an owner whose lots and balance do not agree
    is named in the log, joins `passed`, and holds up nobody else."""
    count = 0
    try:
        with transaction.atomic(), without_request_id():
            count = _expire(owners, today)
    except books.DriftedAccount:
        if len(owners) > 1:
            return sum(_expire_page([owner], today, passed) for owner in owners)
        log.exception("lots and balance do not agree", extra={"owner": owners[0]})
    if not count:
        passed |= set(owners)
    return count


def _expire(owners: list[str], today: date) -> int:
    purses = books.lock_purses(owners, lots=True)
    away = books.collecting(rules.CITY, rules.FORFEITED)
    drafts, count = [], 0
    for owner in owners:
        parts = [(end, left) for end, left in purses[owner].lots.items() if left > 0 and end < today]
        if parts:
            count += len(parts)
            drafts.append(_draft(purses[owner], parts, away[rules.slot_of(owner)]))
    telling.recorded(books.write(drafts))
    return count


def _draft(purse: books.Purse, parts: list[tuple[date, int]], away: books.Pot) -> books.Draft:
    points = sum(part for _end, part in parts)
    lines = [books.out(purse, end, part) for end, part in parts]
    return books.Draft(
        key=sealing.stored_key(f"{RULE}|{purse.owner_ref}|{new_public_id()}"),
        kind=rules.EXPIRE,
        rule=RULE,
        rule_version=0,
        act="rewards.expired",
        source=sealing.stored_source(purse.owner_ref),
        beneficiary=purse.owner_ref,
        actor=SYSTEM.ref,
        at=clock.now(),
        points=-points,
        nominal=-points,
        lines=[*lines, books.move(away, points)],
        available_after=purse.balance(rules.AVAILABLE),
        params={"title": TITLE, "of_day": parts[-1][0].isoformat()},
    )


def warn_expiring(*, limit: int = PAGE) -> int:
    """Tell riders, once a lot and in one notice a person and day, what ends soon. Returns how many were told."""
    today = clock.city_date(clock.now())
    last = today + timedelta(days=books_terms().lots.warn_days)
    soon = Lot.objects.filter(left__gt=0, warned=False, expires_on__gte=today, expires_on__lte=last)
    with transaction.atomic():
        owners = set(soon.order_by("expires_on", "id").values_list("account__owner_ref", flat=True)[:limit])
        books.lock_purses(owners)  # who moves points holds the purse before the lots: so does who marks them
        rows = list(
            soon.filter(account__owner_ref__in=owners)
            .order_by("id")
            .values_list("id", "account__owner_ref", "expires_on", "left")
        )
        Lot.objects.filter(pk__in=[row[0] for row in rows]).update(warned=True)
        ends: dict[str, list[tuple[date, int]]] = defaultdict(list)
        lots: dict[str, list[str]] = defaultdict(list)
        for pk, owner, end, left in rows:
            ends[owner].append((end, left))
            lots[owner].append(f"{pk}.{left}")
        people = person_ids_for(telling.public_id_of(owner) for owner in ends)
        tell_many(
            Tell(
                person_id=people[telling.public_id_of(owner)],
                template="points.expiring",
                params={"points": sum(left for _end, left in parts), "until": f"{min(parts)[0]:%Y-%m-%d}"},
                link=telling.LEDGER,
                # Another lot, or one that grew, on the same day is another piece of news.
                key=sealing.stored_key(f"expiring|{owner}|{today}|{','.join(lots[owner])}"),
            )
            for owner, parts in ends.items()
            if telling.public_id_of(owner) in people
        )
    return len(ends)
