"""A donor's balance sheet: what was given, where it went, when, what is left, what broke. Sums of moves, nobody's name.

Secrecy  numbers of kits handed over below `smallest` are hidden, with one more where a single one could be told from the
         sum (rules.suppressed). What lies at a place or came to it says nothing about people and is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Sum
from django.db.models.functions import TruncMonth

from qixia.gifts import errors, states
from qixia.gifts.models import Donation, Donor, Move, Stock
from qixia.gifts.rules import SharingPolicy, suppressed
from qixia.kernel import clock
from qixia.policy.queries import current


@dataclass(frozen=True, slots=True)
class Line:
    """`count` None: fewer than the smallest number that is shown. `share` of the largest, for a bar."""

    name: str
    count: int | None
    share: float


@dataclass(frozen=True, slots=True)
class Given:
    """One donation. `waiting` has not arrived yet, `lost` is what counts found less (below nought: more) than the books said;
    handed + left + broken + returned + lost + waiting = count."""

    public_id: str
    campaign: str
    what: str
    count: int
    value_fen: int
    for_whom: str
    paper: str
    given_on: date
    is_over: bool
    handed: int | None
    left: int | None  # hidden with `handed`, which would follow from it
    broken: int
    returned: int
    lost: int
    waiting: int
    percent: int
    by_place: list[Line]
    by_month: list[Line]


@dataclass(frozen=True, slots=True)
class Sheet:
    public_id: str
    name: str
    thanks: str
    count: int
    value_fen: int
    smallest: int
    donations: list[Given]


def sheet_of(public_id: str) -> Sheet:
    """Six queries, however many donations."""
    donor = Donor.objects.filter(public_id=public_id).first()
    if donor is None:
        raise errors.NoSuchThing
    policy: SharingPolicy = current("gifts.sharing").data
    rows = list(
        Donation.objects.filter(donor=donor)
        .exclude(campaign__state=states.DRAFT)
        .select_related("campaign")
        .order_by("-given_on", "-pk")[:100]
    )
    totals = _totals(rows)
    places, months = _by_place(rows), _by_month(rows)
    left = dict(Stock.objects.filter(donation__in=rows).order_by().values_list("donation").annotate(n=Sum("count")))
    given = [
        _given(row, totals.get(row.pk, {}), left.get(row.pk, 0), places.get(row.pk, []), months.get(row.pk, []), policy)
        for row in rows
    ]
    return Sheet(
        public_id=donor.public_id,
        name=donor.name,
        thanks=donor.thanks,
        count=sum(row.count for row in rows),
        value_fen=sum(row.value_fen for row in rows),
        smallest=policy.smallest,
        donations=given,
    )


def _given(
    row: Donation,
    sums: dict[str, int],
    left: int,
    places: list[tuple[str, int]],
    months: list[tuple[str, int]],
    policy: SharingPolicy,
) -> Given:
    handed = -(sums.get(states.GIVEN, 0) + sums.get(states.UNDONE, 0))
    shown = suppressed([handed], policy.smallest)[0]
    return Given(
        public_id=row.public_id,
        campaign=row.campaign.title,
        what=row.what,
        count=row.count,
        value_fen=row.value_fen,
        for_whom=row.for_whom,
        paper=row.paper,
        given_on=row.given_on,
        is_over=row.campaign.state == states.ENDED,
        handed=shown,
        left=None if shown is None else left,
        broken=-sums.get(states.BROKEN, 0),
        returned=-sums.get(states.RETURNED, 0),
        lost=-(sums.get(states.FOUND, 0) + sums.get(states.MISSING, 0)),
        waiting=row.count - sums.get(states.RECEIVED, 0),
        percent=round(100 * (shown or 0) / row.count),
        by_place=_lines(places, policy.smallest),
        by_month=_lines(months, policy.smallest),
    )


def _lines(found: list[tuple[str, int]], smallest: int) -> list[Line]:
    kept = [(name, count) for name, count in found if count]
    counts = suppressed([count for _name, count in kept], smallest)
    most = max((count for count in counts if count), default=1)
    return [Line(name, count, (count or 0) / most) for (name, _all), count in zip(kept, counts, strict=True)]


def _totals(rows: list[Donation]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    sums = Move.objects.filter(donation__in=rows).order_by().values_list("donation", "kind").annotate(n=Sum("delta"))
    for donation, kind, total in sums:
        found.setdefault(donation, {})[kind] = total
    return found


def _by_place(rows: list[Donation]) -> dict[int, list[tuple[str, int]]]:
    """Kits handed over by place, most first."""
    found: dict[int, list[tuple[str, int]]] = {}
    moves = Move.objects.filter(donation__in=rows, kind__in=(states.GIVEN, states.UNDONE))
    for donation, name, total in moves.order_by().values_list("donation", "place__name").annotate(n=Sum("delta")):
        found.setdefault(donation, []).append((name, -total))
    return {key: sorted(lines, key=lambda line: (-line[1], line[0])) for key, lines in found.items()}


def _by_month(rows: list[Donation]) -> dict[int, list[tuple[str, int]]]:
    """The same by the city's month, the earliest first."""
    found: dict[int, list[tuple[str, int]]] = {}
    moves = Move.objects.filter(donation__in=rows, kind__in=(states.GIVEN, states.UNDONE))
    grouped = (
        moves.annotate(month=TruncMonth("at", tzinfo=clock.CITY_TZ))
        .order_by()
        .values_list("donation", "month")
        .annotate(n=Sum("delta"))
    )
    for donation, month, total in grouped:
        found.setdefault(donation, []).append((f"{month:%Y-%m}", -total))
    return {key: sorted(lines) for key, lines in found.items()}
