"""Lines of a draft: the uses that reached us before the end of its month and that no statement has, and losses.

Late     what happened in an earlier month and reached us in this one is marked.
Price    the share of the item's settle price as it was when the voucher was made, else of its face value (settling.worth_of).
Retries  lines are written page by page, each page in its own transaction; a kill in the middle loses nothing, the next run
         goes on with what no statement has. A use is in one statement at most (unique).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import Max, Q, QuerySet

from qixia.kernel import clock
from qixia.rewards import offline, rules, sealing, settling
from qixia.rewards.models import Correction, OfflineScan, Posting, Statement, StatementLine, Use
from qixia.rewards.services.settling.moves import terms

PAGE = 500


def end_of(month: date) -> datetime:
    """First moment after the month."""
    return clock.city_day(settling.next_month(month))[0]


def open_uses(month: date, merchants: Collection[int]) -> QuerySet[Use]:
    """Uses at these shops up to the end of the month that no statement has. Read is what came since the month of each shop's
    latest statement, which took all before its end: the month itself is for what was under way then."""
    issued = Statement.objects.filter(merchant_id__in=merchants).exclude(state=settling.DRAFT)
    latest = dict(issued.order_by().values_list("merchant_id").annotate(latest=Max("month")))
    since: dict[date | None, list[int]] = {}
    for merchant in merchants:
        since.setdefault(latest.get(merchant), []).append(merchant)
    wanted = Q(pk__in=())
    for first, shops in since.items():
        bound = {"at__gte": clock.city_day(first)[0]} if first else {}
        wanted |= Q(merchant_id__in=shops, at__lt=end_of(month), **bound)
    return Use.objects.filter(wanted, line__isnull=True)


# The shops that ever took a voucher: one look into the index for each of them, however many uses they have.
_SHOPS = """
WITH RECURSIVE shop(id) AS (
  SELECT MIN(merchant_id) FROM rewards_use
  UNION ALL SELECT (SELECT MIN(u.merchant_id) FROM rewards_use u WHERE u.merchant_id > shop.id) FROM shop WHERE shop.id IS NOT NULL
) SELECT id FROM shop WHERE id IS NOT NULL
"""


def _shops_with_uses() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_SHOPS)
        return [row[0] for row in cursor.fetchall()]


def open_losses(month: date) -> QuerySet[OfflineScan]:
    """Losses up to the end of the month that no statement has; one that waits for a budget is not yet borne."""
    lost = OfflineScan.objects.filter(state=offline.LOST, received_at__lt=end_of(month), line__isnull=True)
    return lost.exclude(borne_by="").exclude(borne_by=offline.CITY, settled_at__isnull=True)


def open_corrections() -> QuerySet[Correction]:
    return Correction.objects.filter(line__isnull=True)


def carried() -> QuerySet[Statement]:
    """Sums that wait for a later month."""
    return Statement.objects.filter(state=settling.AGREED, carried_into=None).exclude(carried_fen=0)


def merchants_with_matter(month: date) -> list[int]:
    """Merchants that get a statement for the month: those with uses, losses or corrections, and in the month in which every
    sum is paid those with a sum that was carried over."""
    found = set(open_uses(month, _shops_with_uses()).values_list("merchant_id", flat=True).distinct())
    found |= set(open_losses(month).values_list("device__merchant_id", flat=True).distinct())
    found |= set(open_corrections().values_list("statement__merchant_id", flat=True).distinct())
    if settling.settles_all(terms(), month):
        found |= set(carried().filter(carried_fen__gt=0, month__lt=month).values_list("merchant_id", flat=True))
    return sorted(found)


def gather(statement: int) -> bool:
    """Write one page of lines into a draft. Returns whether there may be more."""
    with transaction.atomic():
        row = Statement.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=statement)
        if row.state != settling.DRAFT:
            return False
        mine = open_uses(row.month, [row.merchant_id])
        uses = list(mine.select_related("voucher").order_by("pk")[:PAGE])
        lines = [_use_line(row, one, worth) for one, worth in priced(uses)]
        if len(uses) < PAGE:
            lines += _loss_lines(row)
        StatementLine.objects.bulk_create(lines)
    return len(uses) == PAGE


def priced(uses: Sequence[Use]) -> Iterator[tuple[Use, int]]:
    """(use, what the city pays for it). One statement, and only where vouchers have parts and a settle price."""
    pays, before = terms().pays, _taken_before(uses)
    for one in uses:
        voucher = one.voucher
        worth = settling.worth_of(
            fen=one.fen,
            settle_fen=voucher.settle_fen,
            total=voucher.total,
            before=before.get(one.pk, 0),
            units=one.units,
            pays=pays,
        )
        yield one, worth


def _taken_before(uses: Sequence[Use]) -> dict[int, int]:
    """Use → units that were taken of its voucher earlier; only for vouchers with parts."""
    parted = {one.voucher_id for one in uses if one.voucher.settle_fen is not None and one.voucher.total > one.units}
    if not parted:
        return {}
    found: dict[int, int] = {}
    taken: dict[int, int] = {}
    for pk, voucher, units in (
        Use.objects.filter(voucher_id__in=parted).order_by("pk").values_list("pk", "voucher_id", "units")
    ):
        found[pk] = taken.get(voucher, 0)
        taken[voucher] = found[pk] + units
    return found


def _use_line(row: Statement, use: Use, worth: int) -> StatementLine:
    voucher, day = use.voucher, clock.city_date(use.taken_at)
    return StatementLine(
        statement=row,
        kind=settling.USE,
        use=use,
        posting_id=use.posting_id,
        day=day,
        taken_at=use.taken_at,
        late=settling.first_of(day) < row.month,
        offline=use.offline,
        title=voucher.name,
        tail=voucher.number[-4:],
        units=use.units,
        by_amount=voucher.by_amount,
        points=use.points,
        face_fen=use.fen,
        fen=worth,
    )


def _loss_lines(row: Statement) -> list[StatementLine]:
    scans = open_losses(row.month).filter(device__merchant_id=row.merchant_id)
    found = list(scans.select_related("voucher__person").order_by("pk"))
    payee = f"organisation:{row.merchant.public_id}"
    keys = {one.pk: key for one in found if (key := _key_of(one, payee))}
    postings = dict(Posting.objects.filter(key__in=keys.values()).values_list("key", "pk"))
    return [_loss_line(row, one, postings.get(keys.get(one.pk, ""))) for one in found]


def _key_of(scan: OfflineScan, payee: str) -> str:
    """Key of the posting that moved something for a loss; "" where nothing moved."""
    source = f"till-scan:{scan.public_id}"
    if scan.borne_by == offline.CITY and scan.borne_fen:
        return sealing.stored_key(rules.posting_key("money", source, payee))
    if scan.borne_by == offline.RIDER and scan.borne_points and scan.voucher is not None:
        owner = f"person:{scan.voucher.person.public_id}"
        return sealing.stored_key(rules.posting_key(offline.RULE, source, owner))
    return ""


def _loss_line(row: Statement, scan: OfflineScan, posting: int | None) -> StatementLine:
    day = clock.city_date(scan.taken_at)
    return StatementLine(
        statement=row,
        kind=settling.LOSS,
        scan=scan,
        posting_id=posting,
        day=day,
        taken_at=scan.taken_at,
        late=settling.first_of(day) < row.month,
        offline=True,
        title=scan.voucher.name if scan.voucher else "",
        tail=scan.tail,
        units=scan.units - scan.booked_units,
        by_amount=scan.voucher.by_amount if scan.voucher else False,
        points=scan.borne_points,
        face_fen=scan.fen - scan.booked_fen,
        fen=scan.borne_fen,
        borne_by=scan.borne_by,
        note=scan.reason,
    )
