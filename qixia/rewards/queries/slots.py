"""Times that can be booked, for the rider who chooses one and for the administrator who keeps them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count

from qixia.kernel import clock
from qixia.policy import queries as policy
from qixia.rewards import booking, rules, states
from qixia.rewards.models import Item, Slot, Voucher, Waiting
from qixia.rewards.queries.terms import booking_terms
from qixia.rewards.queries.words import day_words, time_words, weekday


@dataclass(frozen=True, slots=True)
class Time:
    """One slot as a rider sees it. `waits`: 0 for who does not stand in its line, else the place in it."""

    public_id: str
    starts_at: datetime
    ends_at: datetime
    left: int
    capacity: int
    in_line: int

    @property
    def start(self) -> str:
        return f"{clock.city_time(self.starts_at):%H:%M}"

    @property
    def end(self) -> str:
        return f"{clock.city_time(self.ends_at):%H:%M}"

    @property
    def words(self) -> str:
        return time_words(self.starts_at, self.ends_at)


@dataclass(frozen=True, slots=True)
class Day:
    """A day on which something can be booked."""

    day: date
    word: str
    times: tuple[Time, ...]

    @property
    def left(self) -> int:
        return sum(time.left for time in self.times)


def bookable_days(item: str) -> list[Day]:
    """The days and times that riders may book now, full ones among them. Two queries."""
    terms, now = booking_terms(), clock.now()
    today = clock.city_date(now)
    until = clock.city_day(today + timedelta(days=terms.book_days))[1]
    rows = list(
        Slot.objects.filter(
            item__public_id=item,
            closed_at=None,
            starts_at__gt=now + timedelta(minutes=terms.book_until_minutes),
            starts_at__lt=until,
        ).order_by("starts_at")
    )
    lines = in_line_by_slot(rows)
    found: dict[date, list[Time]] = {}
    for row in rows:
        found.setdefault(clock.city_date(row.starts_at), []).append(_time(row, lines[row.pk]))
    return [Day(day, day_words(day, today), tuple(times)) for day, times in found.items()]


def in_line_by_slot(rows: Iterable[Slot]) -> Counter[int]:
    full = [row.pk for row in rows]
    waiting = Waiting.objects.filter(slot_id__in=full, state=states.IN_LINE).order_by().values_list("slot_id")
    return Counter(dict(waiting.annotate(n=Count("pk"))))


def _time(row: Slot, in_line: int) -> Time:
    return Time(row.public_id, row.starts_at, row.ends_at, row.capacity - row.taken, row.capacity, in_line)


def percent_back(row: Voucher, step: str, now: datetime | None = None) -> int:
    """How much of its points a voucher gives back now, by the rules that held when it was made: that is what the rider
    was told. `step`: cancel or expire. A booked one needs its slot."""
    data: rules.PointsPolicy = policy.current("rewards.points", row.created_at).data
    free = data.cancel_returns if step == "cancel" else data.expiry_returns
    if row.slot is None:
        return free
    terms = booking_terms(row.created_at)
    return booking.percent_back(terms, step=step, starts_at=row.slot.starts_at, now=now or clock.now(), free=free)


@dataclass(frozen=True, slots=True)
class Booked:
    """The time of a voucher, for its owner."""

    slot: str
    item: str
    words: str
    free_until: datetime
    late_returns: int
    no_show_returns: int
    where: str

    @property
    def is_free(self) -> bool:
        """Whether giving back and changing the time cost nothing yet."""
        return clock.now() <= self.free_until


def booked(row: Voucher) -> Booked | None:
    """None for what has no time. Of a voucher read with its slot and item: no query."""
    if row.slot is None:
        return None
    terms = booking_terms(row.created_at)
    return Booked(
        slot=row.slot.public_id,
        item=row.item.public_id,
        words=time_words(row.slot.starts_at, row.slot.ends_at),
        free_until=booking.free_until(terms, row.slot.starts_at),
        late_returns=terms.late_returns,
        no_show_returns=terms.no_show_returns,
        where=row.item.where,
    )


# ── the console ──────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class KeptSlot:
    """One slot as an administrator sees it."""

    public_id: str
    start: str
    end: str
    taken: int
    capacity: int
    in_line: int
    closed_why: str
    is_closed: bool
    is_over: bool

    @property
    def share(self) -> int:
        """How full it is, in percent."""
        return self.taken * 100 // self.capacity if self.capacity else 0


@dataclass(frozen=True, slots=True)
class KeptDay:
    day: date
    word: str
    is_today: bool
    note: str  # the name of a holiday
    slots: tuple[KeptSlot, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """Monday to Sunday of one item."""

    monday: date
    days: Sequence[KeptDay]
    before: date
    after: date
    taken: int
    capacity: int

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)


def week_of_slots(item: Item, day: date) -> Week:
    """The week that `day` lies in. Four queries at most."""
    monday = day - timedelta(days=day.weekday())
    since, until = clock.city_day(monday)[0], clock.city_day(monday + timedelta(days=6))[1]
    rows = list(Slot.objects.filter(item=item, starts_at__gte=since, starts_at__lt=until).order_by("starts_at"))
    lines, now = in_line_by_slot(rows), clock.now()
    by_day: dict[date, list[KeptSlot]] = {}
    for row in rows:
        by_day.setdefault(clock.city_date(row.starts_at), []).append(_kept(row, lines[row.pk], now))
    years = {year: policy.calendar_year(year).days for year in {monday.year, (monday + timedelta(days=6)).year}}
    open_rows = [row for row in rows if row.closed_at is None]
    return Week(
        monday=monday,
        days=[_kept_day(monday + timedelta(days=n), by_day, years, now) for n in range(7)],
        before=monday - timedelta(days=7),
        after=monday + timedelta(days=7),
        taken=sum(row.taken for row in open_rows),
        capacity=sum(row.capacity for row in open_rows),
    )


def _kept_day(
    day: date,
    by_day: dict[date, list[KeptSlot]],
    years: dict[int, dict[date, policy.NamedDay]],
    now: datetime,
) -> KeptDay:
    named = years[day.year].get(day)
    return KeptDay(
        day=day,
        word=weekday(day.weekday()),
        is_today=day == clock.city_date(now),
        note=named.name if named and named.kind == "holiday" else "",
        slots=tuple(by_day.get(day, ())),
    )


def _kept(row: Slot, in_line: int, now: datetime) -> KeptSlot:
    return KeptSlot(
        public_id=row.public_id,
        start=f"{clock.city_time(row.starts_at):%H:%M}",
        end=f"{clock.city_time(row.ends_at):%H:%M}",
        taken=row.taken,
        capacity=row.capacity,
        in_line=in_line,
        closed_why=row.closed_why,
        is_closed=row.closed_at is not None,
        is_over=row.starts_at <= now,
    )


@dataclass(frozen=True, slots=True)
class SlotCase:
    """One slot with what hangs on it, for the page that changes or calls it off."""

    public_id: str
    item: str
    item_name: str
    words: str
    day: date
    taken: int
    capacity: int
    booked: int
    kept: int
    in_line: int
    is_closed: bool
    closed_why: str
    is_over: bool


def slot_case(public_id: str) -> SlotCase | None:
    row = Slot.objects.select_related("item").filter(public_id=public_id).first()
    if row is None:
        return None
    waiting = Counter(
        dict(
            Waiting.objects.filter(slot=row, state__in=states.WAITING_OPEN)
            .order_by()
            .values_list("state")
            .annotate(n=Count("pk"))
        )
    )
    return SlotCase(
        public_id=row.public_id,
        item=row.item.public_id,
        item_name=row.item.name,
        words=time_words(row.starts_at, row.ends_at),
        day=clock.city_date(row.starts_at),
        taken=row.taken,
        capacity=row.capacity,
        booked=Voucher.objects.filter(slot=row, state__in=states.USABLE).count(),
        kept=waiting[states.OFFERED],
        in_line=waiting[states.IN_LINE],
        is_closed=row.closed_at is not None,
        closed_why=row.closed_why,
        is_over=row.starts_at <= clock.now(),
    )
