"""Lists from paper: what each row would do if it were noted now, and why some would not. Nobody's name is read.

Verdicts  "good" will be noted; "known" was noted before (the same slip, a kit that was handed over); "wrong" says why, by
          field. Looked at anew each time: a kit that went over the counter in between is known from then on.
Cost      six queries, however many rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from hashlib import sha256

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from qixia.gifts import access, errors, states
from qixia.gifts.models import Allotment, Campaign, Donation, HandOver, Move, PaperList, Place, Stock
from qixia.gifts.rules import papers as rules
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, DomainError, Invalid
from qixia.kernel.ids import is_row_key
from qixia.kernel.keys import keys
from qixia.people.access import Actor
from qixia.people.queries import person_ids_by_phone
from qixia.people.rules import masked_phone
from qixia.ui.paging import Page

GOOD, KNOWN, WRONG = "good", "known", "wrong"
PAGE = 100
BEFORE = 10


@dataclass(slots=True)
class Judged:
    """A row with its verdict. What it stands for in the database is set where the verdict is good."""

    read: rules.Read
    verdict: str = GOOD
    why: list[DomainError] = field(default_factory=list)
    place: Place | None = None
    donation: Donation | None = None
    gift: Allotment | None = None
    is_deputy: bool = False
    key: str = ""

    def refuse(self, why: DomainError, verdict: str = WRONG) -> None:
        self.verdict = verdict
        self.why.append(why)

    @property
    def at(self) -> datetime:
        """Noon of the day that the paper names; now, if that is later."""
        return moment_of(self.read.day or clock.city_date(clock.now()))


def moment_of(day: date) -> datetime:
    noon = datetime.combine(day, time(12), tzinfo=clock.CITY_TZ)
    return min(noon, clock.now())


@dataclass(frozen=True, slots=True)
class Cell:
    title: str
    said: str
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class RowView:
    line: int
    verdict: str
    cells: list[Cell]
    why: list[tuple[str, DomainError]]  # the column's title, and what is the matter with it


@dataclass(frozen=True, slots=True)
class PaperView:
    public_id: str
    kind: str
    label: str
    state: str
    at: datetime
    count: int
    noted: int
    titles: list[str]
    rows: Page[RowView]
    tally: dict[str, int]
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Before:
    """A list that was brought in."""

    public_id: str
    kind: str
    label: str
    state: str
    at: datetime
    count: int
    noted: int


def papers_of(actor: Actor, campaign: str) -> tuple[Campaign, list[Before]]:
    """The latest ones of a campaign. Two queries."""
    row = access.led(actor, campaign)
    found = PaperList.objects.filter(campaign=row).exclude(state=states.DROPPED).order_by("-pk")[:BEFORE]
    return row, [
        Before(one.public_id, one.kind, _(states.PAPER_LABELS[one.kind]), one.state, one.at, one.count, one.noted)
        for one in found
    ]


def paper_of(actor: Actor, campaign: str, paper: str, only: str = "", after: str = "") -> tuple[Campaign, PaperView]:
    """One list, each row as it stands now; `only` a verdict, `after` a line."""
    row = access.led(actor, campaign)
    found = PaperList.objects.filter(campaign=row, public_id=paper).exclude(state=states.DROPPED).first()
    if found is None:
        raise errors.NoSuchThing
    judged = judge(actor, row, found.kind, rows_in(found)) if found.sealed is not None else []
    tally = {name: sum(one.verdict == name for one in judged) for name in (GOOD, KNOWN, WRONG)}
    columns = rules.COLUMNS[found.kind]
    start = int(after) if is_row_key(after) else 0
    rest = [one for one in judged if only in ("", one.verdict) and one.read.row.line > start]
    shown = [_row(one, columns) for one in rest[:PAGE]]
    return row, PaperView(
        public_id=found.public_id,
        kind=found.kind,
        label=_(states.PAPER_LABELS[found.kind]),
        state=found.state,
        at=found.at,
        count=found.count,
        noted=found.noted,
        titles=[_(column.title) for column in columns],
        rows=Page(shown, after=str(shown[-1].line) if len(rest) > PAGE else None),
        tally=tally,
        is_kept=found.sealed is not None,
    )


def faults_of(actor: Actor, campaign: str, paper: str) -> list[tuple[int, str, str, DomainError]]:
    """(line, column, what it says, what is the matter) of every row that can't be noted."""
    row = access.led(actor, campaign)
    found = PaperList.objects.filter(campaign=row, public_id=paper).exclude(state=states.DROPPED).first()
    if found is None or found.sealed is None:
        raise errors.NoSuchThing
    titles = {column.name: _(column.title) for column in rules.COLUMNS[found.kind]}
    return [
        (one.read.row.line, titles.get(why.field or "", ""), _shown(one, why.field or ""), why)
        for one in judge(actor, row, found.kind, rows_in(found))
        if one.verdict == WRONG
        for why in one.why
    ]


def rows_in(paper: PaperList) -> list[rules.Row]:
    assert paper.sealed is not None
    return rules.unpack(keys().open(bytes(paper.sealed), purpose=f"gifts.paper:{paper.public_id}"))


def _row(one: Judged, columns: Sequence[rules.Column]) -> RowView:
    wrong = {fault.field for fault in one.why}
    titles = {column.name: _(column.title) for column in columns}
    return RowView(
        line=one.read.row.line,
        verdict=one.verdict,
        cells=[
            Cell(titles[column.name], _shown(one, column.name), one.verdict == WRONG and column.name in wrong)
            for column in columns
        ],
        why=[(titles.get(fault.field or "", ""), fault) for fault in one.why],
    )


def _shown(one: Judged, name: str) -> str:
    """As it was typed; of a phone number that is one, the ends."""
    said = one.read.row.said.get(name, "").removesuffix(" 00:00:00")  # Excel's dates carry a midnight
    return masked_phone(one.read.phone) if name == "phone" and one.read.phone else said


def choices_of(campaign: Campaign) -> tuple[list[str], list[tuple[str, str]]]:
    """What the template offers: names of places as a row may write them, donors with what they gave. Two queries."""
    names = _place_names(_places(campaign))
    given = Donation.objects.filter(campaign=campaign).order_by("pk").values_list("donor__name", "what")
    return sorted(name for name, found in names.items() if len(found) == 1 and _is_first(name, names)), list(given)


def _is_first(name: str, names: dict[str, list[Place]]) -> bool:
    """The shorter of two ways to name one place."""
    place = names[name][0]
    return name == place.name or len(names[place.name]) > 1


def judge(actor: Actor, campaign: Campaign, kind: str, rows: Iterable[rules.Row]) -> list[Judged]:
    """What each row would do now. Nothing is written."""
    first, today = clock.city_date(campaign.starts_at), clock.city_date(clock.now())
    judged = [Judged(rules.read(kind, row, first=first, today=today)) for row in rows]
    for one in judged:
        for fault in one.read.faults:
            one.refuse(fault)
    _find_places(campaign, judged)
    if kind == states.PAPER_RECEIVED:
        _judge_received(campaign, judged)
    else:
        _judge_handed(actor, campaign, judged)
    return judged


def _good(judged: Iterable[Judged]) -> list[Judged]:
    return [one for one in judged if one.verdict == GOOD]


# ── places ──────────────────────────────────────────────────────────────────


def _places(campaign: Campaign) -> list[Place]:
    rows = Place.objects.filter(is_active=True, division__path__startswith=campaign.division.path)
    return list(rows.select_related("division").order_by("pk"))


def _place_names(places: Iterable[Place]) -> dict[str, list[Place]]:
    """By name, and by community and name: two communities may have a place of the same name."""
    found: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        found[place.name].append(place)
        found[f"{place.division.name} {place.name}"].append(place)
    return found


def _find_places(campaign: Campaign, judged: Iterable[Judged]) -> None:
    names = _place_names(_places(campaign))
    for one in judged:
        if not one.read.place:
            continue
        found = names.get(" ".join(one.read.place.split()), [])
        if not found:
            one.refuse(Invalid("这个活动没有叫“%(name)s”的发放点。", field="place", name=one.read.place))
        elif len(found) > 1:
            one.refuse(Invalid("有几个同名的发放点，请写成“社区 名称”。", field="place"))
        else:
            one.place = found[0]


# ── what came ───────────────────────────────────────────────────────────────


def slip_key(donation: Donation, place: Place, slip: str) -> str:
    """The key of the move that a slip stands for: the same slip is one move, whichever file says so."""
    said = "\n".join((donation.public_id, place.public_id, slip))
    return f"slip:{sha256(said.encode()).hexdigest()[:40]}"


def _judge_received(campaign: Campaign, judged: Sequence[Judged]) -> None:
    donations: dict[str, list[Donation]] = defaultdict(list)
    for row in Donation.objects.filter(campaign=campaign).select_related("donor").order_by("pk"):
        donations[row.donor.name].append(row)
    for one in _with_donor(judged):
        _find_donation(one, donations.get(one.read.donor, []))
    ready = _good(judged)
    for one in ready:
        assert one.donation is not None
        assert one.place is not None
        one.key = slip_key(one.donation, one.place, one.read.slip)
    noted = dict(Move.objects.filter(key__in={one.key for one in ready}).values_list("key", "delta"))
    come = dict(
        Move.objects.filter(campaign=campaign, kind=states.RECEIVED)
        .order_by()
        .values_list("donation")
        .annotate(n=Sum("delta"))
        .values_list("donation", "n")
    )
    seen: dict[str, int] = {}
    for one in ready:
        _judge_slip(one, noted, seen, come)


def _with_donor(judged: Iterable[Judged]) -> list[Judged]:
    return [one for one in judged if one.read.donor]


def _find_donation(one: Judged, found: Sequence[Donation]) -> None:
    if one.read.what:
        found = [row for row in found if row.what == one.read.what] if found else found
    if not found:
        one.refuse(Invalid("这个活动没有记过这笔捐赠。先在活动里记一笔，再导入。", field="donor"))
    elif len(found) > 1:
        one.refuse(Invalid("这个捐赠方有几笔捐赠，要写明是哪一笔。", field="what"))
    else:
        one.donation = found[0]


def _judge_slip(one: Judged, noted: dict[str, int], seen: dict[str, int], come: dict[int, int]) -> None:
    assert one.donation is not None
    before, again = noted.get(one.key), seen.get(one.key)
    if before == one.read.count:
        return one.refuse(Conflict("这张单子记过了。", field="slip"), KNOWN)
    if before is not None:
        return one.refuse(Conflict("这张单子记过，是 %(count)s 份，和这里写的不一样。", field="slip", count=before))
    if again is not None:
        return one.refuse(Invalid("和第 %(line)s 行是同一个单号。", field="slip", line=again))
    got = come.get(one.donation.pk, 0)
    if got + one.read.count > one.donation.count:
        return one.refuse(
            Conflict(
                "这笔捐赠一共 %(all)s 份，算上前面的已经收到 %(come)s 份。",
                field="count",
                all=one.donation.count,
                come=got,
            )
        )
    seen[one.key] = one.read.row.line
    come[one.donation.pk] = got + one.read.count
    return None


# ── what was handed over ────────────────────────────────────────────────────


def _judge_handed(actor: Actor, campaign: Campaign, judged: Sequence[Judged]) -> None:
    people = person_ids_by_phone(one.read.phone for one in judged if one.read.phone)
    by_number, by_person = _gifts(campaign, judged, people)
    for one in judged:
        if not one.read.faults:
            _find_gift(one, by_number, by_person, people)
    handed = _handed_where(one.gift for one in judged if one.gift is not None)
    for one in judged:
        if one.gift is not None and one.verdict == GOOD:
            _judge_gift(actor, campaign, one, handed)
    _one_row_a_gift(judged)
    _judge_stock(campaign, judged)


def _gifts(
    campaign: Campaign, judged: Sequence[Judged], people: dict[str, int]
) -> tuple[dict[str, Allotment], dict[int, Allotment]]:
    numbers = {one.read.number for one in judged if one.read.number}
    wanted = Q(number__in=numbers) | Q(deputy_number__in=numbers) | Q(person_id__in=people.values())
    by_number: dict[str, Allotment] = {}
    by_person: dict[int, Allotment] = {}
    for gift in Allotment.objects.filter(wanted, campaign=campaign):
        by_number[gift.number] = gift
        if gift.deputy_number:
            by_number[gift.deputy_number] = gift
        if gift.person_id:
            by_person[gift.person_id] = gift
    return by_number, by_person


def _find_gift(
    one: Judged, by_number: dict[str, Allotment], by_person: dict[int, Allotment], people: dict[str, int]
) -> None:
    """By number, by phone, or by both if they say the same. A phone that nobody has and one whose owner gets none are
    refused in the same words: a list is no way to find out who rides."""
    read = one.read
    gift = by_number.get(read.number) if read.number else by_person.get(people.get(read.phone, 0))
    if gift is None and read.number:
        return one.refuse(Invalid("这个活动没有这个领取号。", field="number"))
    if gift is None:
        return one.refuse(Invalid("这个手机号在这个活动里没有份。", field="phone"))
    if read.number and read.phone and gift.person_id != people.get(read.phone, -1):
        return one.refuse(Invalid("领取号和手机号不是同一个人的。", field="phone"))
    one.gift, one.is_deputy = gift, read.number == gift.deputy_number
    return None


def _handed_where(gifts: Iterable[Allotment]) -> dict[int, tuple[datetime, str]]:
    rows = HandOver.objects.filter(allotment__in=[gift.pk for gift in gifts], undone_at=None)
    return {gift: (at, place) for gift, at, place in rows.values_list("allotment_id", "at", "place__name")}


def _judge_gift(actor: Actor, campaign: Campaign, one: Judged, handed: dict[int, tuple[datetime, str]]) -> None:
    gift, day = one.gift, one.read.day
    assert gift is not None
    assert day is not None
    name = "number" if one.read.number else "phone"
    if gift.state == states.HANDED:
        at, where = handed.get(gift.pk, (gift.made_at, ""))
        when = f"{clock.city_time(at):%Y-%m-%d}"
        return one.refuse(Conflict("这一份 %(when)s 已在%(where)s领走。", field=name, when=when, where=where), KNOWN)
    if gift.state == states.LAPSED:
        return one.refuse(Conflict("领取时间过了，这一份已经收回。", field=name))
    if day > clock.city_date(gift.until):
        return one.refuse(Conflict("领取截止是 %(day)s。", field="day", day=clock.city_date(gift.until).isoformat()))
    if gift.person_id is not None and gift.person_id == actor.person_id:
        return one.refuse(Conflict("自己领的要由别人来记。", field=name))
    if one.is_deputy and (gift.deputy_until is None or gift.deputy_until < moment_of(day) - timedelta(hours=12)):
        return one.refuse(Conflict("骑手没有同意代领，或同意已经过时。", field=name))
    if not states.may("hand_over", campaign.state):
        return one.refuse(Conflict("“%(name)s”现在不发放。", field=name, name=campaign.title))
    return None


def _one_row_a_gift(judged: Sequence[Judged]) -> None:
    seen: dict[int, int] = {}
    for one in _good(judged):
        assert one.gift is not None
        before = seen.setdefault(one.gift.pk, one.read.row.line)
        if before != one.read.row.line:
            name = "number" if one.read.number else "phone"
            one.refuse(Invalid("和第 %(line)s 行是同一份。", field=name, line=before))


def _judge_stock(campaign: Campaign, judged: Sequence[Judged]) -> None:
    """Kits leave a place in the order of its donations, as at the counter."""
    lying: dict[int, list[list[int]]] = defaultdict(list)
    stocks = Stock.objects.filter(campaign=campaign, count__gte=1).select_related("donation")
    rows = list(stocks.order_by("donation_id"))
    donations = {row.donation_id: row.donation for row in rows}
    for row in rows:
        lying[row.place_id].append([row.donation_id, row.count])
    had = {place: sum(count for _donation, count in shelf) for place, shelf in lying.items()}
    for one in _good(judged):
        assert one.place is not None
        shelf = next((kept for kept in lying[one.place.pk] if kept[1]), None)
        if shelf is None:
            count = had.get(one.place.pk, 0)
            one.refuse(Conflict("这个点账上只有 %(count)s 份，先记收到的。", field="place", count=count))
            continue
        shelf[1] -= 1
        one.donation = donations[shelf[0]]
