"""Hours and perks in the words that stand on pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from qixia.kernel import clock, hours
from qixia.merchants import rules
from qixia.merchants.models import Perk

_DAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


@dataclass(frozen=True, slots=True)
class Now:
    """Open or not, and what comes next: 营业到 20:00, 明天 08:00 开门."""

    is_open: bool
    words: str


def now_of(expression: str, now: datetime) -> Now:
    is_open, change = hours.is_open(expression, now), hours.next_change(expression, now)
    if change is None or change - now > timedelta(days=7):
        return Now(is_open, _("全天营业") if is_open else _("暂不营业"))
    at = {"t": _moment(change, now)}
    return Now(is_open, _("营业到 %(t)s") % at if is_open else _("%(t)s 开门") % at)


def _moment(change: datetime, now: datetime) -> str:
    there, here = clock.city_time(change), clock.city_time(now)
    days, time = (there.date() - here.date()).days, f"{there:%H:%M}"
    if days == 0 or (days == 1 and there.hour < 6):
        return time if days == 0 else _("次日 %(t)s") % {"t": time}
    return f"{_('明天')} {time}" if days == 1 else f"{_(_DAYS[there.weekday()])} {time}"


def week_of(expression: str) -> list[tuple[str, str]]:
    """(days, hours) of an ordinary week: 周一至周五, 08:00–20:00."""
    return [(_days(one), _hours(one)) for one in hours.week(expression)] if expression else []


def _days(one: hours.Stretch) -> str:
    if (one.first, one.last) == (0, 6):
        return _("每天")
    first, last = _(_DAYS[one.first]), _(_DAYS[one.last])
    return first if one.first == one.last else _("%(a)s至%(b)s") % {"a": first, "b": last}


def _hours(one: hours.Stretch) -> str:
    if one.is_all_day:
        return _("全天")
    return "，".join(f"{a:%H:%M}–{b:%H:%M}" for a, b in one.hours) or _("休息")


@dataclass(frozen=True, slots=True)
class PerkView:
    """`big` is what a rider sees from a metre away: 8 折, ¥12, 免费."""

    public_id: str
    kind: str
    big: str
    title: str
    usual: str
    conditions: str
    show: str
    starts_on: date
    ends_on: date | None
    is_planned: bool


def perk_view(perk: Perk) -> PerkView:
    return PerkView(
        public_id=perk.public_id,
        kind=perk.kind,
        big=_big(perk),
        title=perk.title,
        usual=yuan(perk.usual_fen) if perk.usual_fen else "",
        conditions=perk.conditions,
        show=perk.show,
        starts_on=perk.starts_on,
        ends_on=perk.ends_on,
        is_planned=perk.starts_on > clock.city_date(clock.now()),
    )


def _big(perk: Perk) -> str:
    if perk.kind == rules.PERCENT:
        tenths = (100 - (perk.percent_off or 0)) / 10  # 20 % off is 8 折
        return _("%(n)s 折") % {"n": f"{tenths:g}"}
    return yuan(perk.price_fen or 0) if perk.kind == rules.PRICE else _("免费")


def yuan(fen: int) -> str:
    return f"¥{fen / 100:g}" if fen % 100 == 0 else f"¥{fen / 100:.2f}"


def perks_on(day: date) -> QuerySet[Perk]:
    """Perks that hold on a day."""
    rows = Perk.objects.filter(ended_at=None, starts_on__lte=day)
    return rows.filter(Q(ends_on=None) | Q(ends_on__gte=day)).order_by("pk")


def perks_of(merchant_ids: Iterable[int]) -> dict[int, list[PerkView]]:
    """Today's perks by merchant. One query."""
    found: dict[int, list[PerkView]] = {}
    for perk in perks_on(clock.city_date(clock.now())).filter(merchant_id__in=list(merchant_ids)):
        found.setdefault(perk.merchant_id, []).append(perk_view(perk))
    return found
