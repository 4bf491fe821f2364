"""Points for reports that nobody can join to a rider.

Way      `promise` puts points behind the hash of a secret that only a phone has. From the next city day on, whoever
         shows the secret while signed in gets them (`claim`): the claim goes, a payout to that person comes, and nothing
         that stays names both. Once a day `pay_claims` writes all payouts into the books, in drawn order, at one time.
Worth    one line of the table, "anonymous", for every report: other numbers would tell which class it was.
Once     a secret is promised to once and claimed once; both are deletions or unique rows, so of two who come at once
         one gets nothing. A kill leaves a claim or a payout, never neither: each step is one transaction.
Caps     don't hold here: the day of the batch is not the rider's choice.
Cover    for all of a batch or for none: what cover is left must not pick out one rider. Only when one has waited too long
         those are paid that there is cover for.
Limits   who can watch the database at all times sees a claim go and a payout come. What is at rest does not tell, nor
         do ids, times or the order of rows. Deleted rows stay readable in the database's files until it uses the room
         again (PostgreSQL: VACUUM) and in logs of changes and backups of that time.
Errors   Invalid for more than 50 secrets. Unknown secrets count nothing, without a word: they tell nobody anything.
"""

from __future__ import annotations

import secrets as chance
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.claims import claim_hash as hash_of
from qixia.kernel.errors import Invalid
from qixia.kernel.faults import kill_point
from qixia.kernel.ids import new_public_id
from qixia.kernel.requests import without_request_id
from qixia.people.access import SYSTEM
from qixia.policy import queries as policy
from qixia.rewards import rules, sealing, terms
from qixia.rewards.models import Claim, Payout, Posting
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books, budgets, telling

POINTS_KIND = "rewards.points"
CLAIMS_KIND = "rewards.claims"
MOST = 50
PIECE = 500
CLAIMED = "rewards.claimed"


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What came of showing secrets: points that will be paid, for how many reports, and how many are too young."""

    credited: int
    count: int
    waiting: int


@transaction.atomic
def promise(*, claim_hash: str, rule: str = rules.ANONYMOUS) -> None:
    """Put what `rule` is worth now behind a secret. Promising to the same secret again changes nothing."""
    if not _insert_promise(claim_hash):
        return
    data: rules.PointsPolicy = policy.current(POINTS_KIND).data
    points = data.line(rule, rules.NO_CLASSES).points
    if points:
        ready_on = clock.city_date(clock.now()) + timedelta(days=1)
        Claim.objects.create(claim_hash=claim_hash, points=points, ready_on=ready_on)
    record("rewards.promised", subject="claims", actor=SYSTEM.ref)


def _insert_promise(claim_hash: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO rewards_promise (claim_hash) VALUES (%s) ON CONFLICT (claim_hash) DO NOTHING", [claim_hash]
        )
        return bool(cursor.rowcount == 1)


@transaction.atomic
def claim(*, secrets: Sequence[object], beneficiary: str) -> ClaimAnswer:
    """Turn secrets into a payout to `beneficiary` ("person:…"). Shown again, or unknown, a secret counts nothing."""
    if len(secrets) > MOST:
        raise Invalid("一次最多领 %(limit)d 件。", field="secrets", limit=MOST)
    hashes = sorted({found for found in map(hash_of, secrets) if found})
    if not hashes:
        return ClaimAnswer(0, 0, 0)
    today = clock.city_date(clock.now())
    with without_request_id():
        waiting = Claim.objects.filter(claim_hash__in=hashes, ready_on__gt=today).count()
        points = _take(hashes, today)
        kill_point("claims.taken")
        if points:
            Payout.objects.create(owner_ref=beneficiary, points=sum(points), since=today)
            record(CLAIMED, subject=beneficiary, actor=beneficiary)
    kill_point("claims.written")
    return ClaimAnswer(sum(points), len(points), waiting)


def _take(hashes: Sequence[str], today: date) -> list[int]:
    """Remove the claims that are ready and return what each was worth. A second taker waits and finds none."""
    places = ",".join(["%s"] * len(hashes))
    sql = f"DELETE FROM rewards_claim WHERE claim_hash IN ({places}) AND ready_on <= %s RETURNING points"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*hashes, connection.ops.adapt_datefield_value(today)])
        return [int(row[0]) for row in cursor.fetchall()]


def pay_claims() -> int:
    """Write waiting payouts into the books, if enough riders wait or one waits long enough. Returns how many riders."""
    rules_now: rules.ClaimsPolicy = policy.current(CLAIMS_KIND).data
    now = clock.now()
    waiting = dict.fromkeys(Payout.objects.order_by("owner_ref").values_list("owner_ref", flat=True))
    overdue = Payout.objects.filter(since__lte=clock.city_date(now) - timedelta(days=rules_now.longest_wait_days))
    if not waiting or (len(waiting) < rules_now.min_batch and not overdue.exists()):
        return 0
    owners = list(waiting)
    chance.SystemRandom().shuffle(owners)
    paid = 0
    with clock.at(now), without_request_id():  # one time for all, however long it takes
        for start in range(0, len(owners), PIECE):
            piece = _pay(owners[start : start + PIECE], now, in_part=overdue.exists())
            kill_point("claims.paid")
            if not piece:
                break  # a smaller piece that would fit is no crowd
            paid += piece
    return paid


@transaction.atomic
def _pay(owners: Sequence[str], now: datetime, *, in_part: bool) -> int:
    """One posting for each owner, in this order; the payouts go in the same transaction. Without cover for all of them
    none is paid, unless `in_part`."""
    purses = books.lock_purses(owners)
    rows = list(
        Payout.objects.filter(owner_ref__in=owners).select_for_update().values_list("pk", "owner_ref", "points")
    )
    totals: dict[str, int] = defaultdict(int)
    for _pk, owner, points in rows:
        totals[owner] += points
    due = [owner for owner in owners if totals[owner]]
    cover = budgets.cover_of(rules.CITY)
    amounts = [totals[owner] for owner in due]
    if in_part:
        due = due[: budgets.take(cover, amounts)]  # the rest waits for the next batch
    elif not budgets.take(cover, [sum(amounts)]):
        return 0
    drafts = [_payment(purses[owner], totals[owner], cover.pot(owner), now) for owner in due]
    posted: list[Posting] = books.write(drafts)
    kill_point("claims.posted")
    Payout.objects.filter(pk__in=[pk for pk, owner, _points in rows if owner in due]).delete()
    telling.posted(posted)
    return len(posted)


def _payment(purse: books.Purse, points: int, budget: books.Pot, now: datetime) -> books.Draft:
    in_force = policy.current(POINTS_KIND)
    data: rules.PointsPolicy = in_force.data
    source = f"anonymous:{new_public_id()}"
    repaid = min(-purse.balance(rules.DEBT), points)
    end = terms.last_day(books_terms().lots, clock.city_date(now))
    income = books.income(purse, points, budget, end)
    return books.Draft(
        key=sealing.stored_key(rules.posting_key(rules.ANONYMOUS, source, purse.owner_ref)),
        kind=rules.AWARD,
        rule=rules.ANONYMOUS,
        rule_version=in_force.version,
        act=CLAIMED,
        source=source,
        beneficiary=purse.owner_ref,
        actor=SYSTEM.ref,
        at=now,
        points=points,
        nominal=points,
        lines=income,
        available_after=purse.balance(rules.AVAILABLE),
        params={"title": data.line(rules.ANONYMOUS, rules.NO_CLASSES).title, "repaid": repaid},
    )
