"""What points buy in the demo district, and who has bought it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from qixia.demo.cast import Cast
from qixia.demo.history import History
from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.people.access import Actor
from qixia.people.queries import organisation_by_code
from qixia.rewards.booking import SlotPlan, read_spans
from qixia.rewards.models import Item, Slot, Voucher
from qixia.rewards.queries import bookable_days
from qixia.rewards.services import (
    Award,
    ItemForm,
    award_many,
    cancel,
    make_slots,
    redeem,
    reserve,
    save_item,
    wait,
)

ELDERS = "anlan-elders"  # joins with the alliance

# name, summary, kind, need, price, face value in 分, limit, days, shop, picture, stock, more of the form
Row = tuple[str, str, str, str, int, int | None, int | None, int | None, str, str, int, dict[str, Any]]
GOODS: tuple[Row, ...] = (
    ("小哥食堂午餐券", "两荤一素，热汤管够", "meal", "food", 60, 1500, 2, 7, "rongyin-canteen", "meal", 120, {}),
    ("小哥食堂晚餐券", "面、饭任选", "meal", "food", 60, 1500, 2, 7, "nantang-canteen", "meal", 80, {}),
    ("充电优先 2 小时", "不用排队，先充先走", "privilege", "vehicle", 25, None, 4, 7, "yunxi-charge", "charge", 60, {"windows": "24/7", "where": "1 号、2 号优先桩"}),
    ("刹车片更换", "含工时，半小时好", "service", "vehicle", 90, 4000, 1, 30, "yunfan-repair", "repair", 24, {}),
    ("车辆检修", "刹车、灯、电池全查", "service", "vehicle", 40, 2000, 1, 30, "yunfan-repair", "repair", 40, {"has_slots": True}),
    ("超市 20 元券", "满 20 元可用", "discount", "daily", 80, 2000, 2, 30, "shigu-market", "market", 50, {"least_fen": 2000}),
    ("肩颈理疗 30 分钟", "老师傅手法，约好就来", "service", "health", 80, 6000, 1, 30, "qingmu-therapy", "therapy", 40, {"has_slots": True, "where": "二楼理疗室"}),
    ("骑行药包", "创可贴、碘伏、藿香", "goods", "health", 35, 1800, 1, 90, "shigu-market", "kit", 3, {"where": "收银台"}),
    ("雨衣一件", "加长款，反光条", "goods", "daily", 100, 4500, 1, 90, "shigu-market", "coat", 0, {"where": "收银台"}),
    ("夜里充电优先", "夜里不用排，充满再走", "privilege", "vehicle", 15, None, 4, 7, "yunxi-charge", "charge", 80, {"windows": "每天 22:00-6:00", "where": "3 号优先桩"}),
    ("腰腿康复训练", "康复师带着练，40 分钟", "service", "health", 60, 8000, 2, 30, "qingmu-therapy", "rehab", 30, {"has_slots": True, "where": "二楼训练室"}),
    ("头盔一顶", "新国标，S 到 XL", "goods", "daily", 120, 9900, 1, 365, "shigu-market", "helmet", 20, {"where": "服务台", "eligibility": {"earned_points": 300, "earned_days": 90, "joined_days": 30}}),
    ("防割手套", "分拣、搬货都合手", "goods", "daily", 20, 1200, 2, 90, "shigu-market", "kit", 60, {"where": "服务台", "eligibility": {"employers": ["courier"]}}),
    ("超市八折 3 次", "一次用一回，满 30 元可用", "discount", "daily", 30, None, 1, 30, "shigu-market", "market", 100, {"percent_off": 20, "least_fen": 3000, "parts": 3}),
    ("替你看看父母", "社工上门一小时，看完给你打电话", "service", "family", 70, None, 1, 30, ELDERS, "care", 16, {"has_slots": True, "where": "上门，先打电话"}),
)  # fmt: skip
_USE = "到店出示二维码，或报九位券号。过期积分退回。"
_BOOKED = "提前十分钟到，出示二维码。来不了请早点改时间。"


def stock_shelves(cast: Cast) -> None:
    for order, row in enumerate(GOODS):
        if row[8] in cast.shops:
            _stock(cast, order, row, cast.shops[row[8]].pk)


def _stock(cast: Cast, order: int, row: Row, merchant_id: int) -> None:
    assert cast.admin is not None
    name, summary, kind, need, price, face, limit, days, _shop, picture, stock, more = row
    form = ItemForm(
        name=name,
        summary=summary,
        kind=kind,
        need=need,
        price=price,
        face_value_fen=face,
        limit_per_person=limit,
        limit_days=days,
        merchant_id=merchant_id,
        valid_days=14,
        picture=picture,
        terms=_BOOKED if more.get("has_slots") else _USE,
        active=True,
        order=order,
        **more,
    )
    save_item(actor=cast.admin, form=form, stock_change=stock)


def _stock_later(cast: Cast) -> None:
    """What shops offer that joined later."""
    for order, row in enumerate(GOODS):
        shop = organisation_by_code(row[8])
        if row[8] not in cast.shops and shop is not None:
            _stock(cast, order, row, shop.id)


# item → weekdays, times, minutes, places
TIMES: dict[str, tuple[tuple[int, ...], str, int, int]] = {
    "车辆检修": ((0, 1, 2, 3, 4, 5, 6), "9:00-12:00，14:00-18:00", 60, 2),
    "肩颈理疗 30 分钟": ((0, 1, 2, 3, 4, 5, 6), "15:00-17:00", 30, 1),
    "腰腿康复训练": ((1, 3, 5, 6), "19:00-21:00", 40, 3),
    "替你看看父母": ((5, 6), "9:00-11:00", 60, 1),
}
BOOKED = {"车辆检修": 9, "肩颈理疗 30 分钟": 6, "腰腿康复训练": 5, "替你看看父母": 2}
AHEAD = timedelta(hours=2)
# The first of the riders who book, and of those to whom everything else happens that a voucher can come to.
BOOKERS, ENDS = 128, 120
BROUGHT_DAYS = (31, 30, 29)  # before the demo stands still: a day's cap allows five times twenty
IN_LINE = 3  # before the rider whom the demo follows


def _open_times(history: History) -> None:
    """Four weeks of times by rule, as an administrator makes them."""
    admin = history.cast.admin
    assert admin is not None
    today = clock.city_date(clock.now())
    for name, (weekdays, spans, minutes, places) in TIMES.items():
        item = Item.objects.filter(name=name, has_slots=True).first()
        if item is None:
            continue
        plan = SlotPlan(
            weekdays=frozenset(weekdays),
            spans=read_spans(spans),
            minutes=minutes,
            places=places,
            first=today + timedelta(days=1),
            last=today + timedelta(days=28),
        )
        make_slots(actor=admin, item=item.public_id, plan=plan)


def _book(history: History) -> None:
    """Those who brought points book the next times; who comes too late for the first one waits for it."""
    riders = history.cast.riders[BOOKERS:]
    for name, count in BOOKED.items():
        item = Item.objects.filter(name=name, has_slots=True).first()
        times = _times(item, history.until) if item else []
        if item is None or not times:
            continue
        for number, rider in enumerate(riders[:count]):
            key = f"demo-book-{item.order:02d}-{number:02d}"
            with suppress(DomainError):
                reserve(actor=rider, item=item.public_id, client_key=key, slot=times[number // 2].public_id)
            with suppress(DomainError):  # the second of each pair finds a single place taken
                wait(actor=rider, item=item.public_id, slot=times[number // 2].public_id)


def _times(item: Item, until: datetime) -> list[Slot]:
    """The next ones that are not over, and not about to begin, when the demo stands still."""
    ids = [time.public_id for day in bookable_days(item.public_id) for time in day.times if time.left]
    return list(Slot.objects.filter(public_id__in=ids, starts_at__gt=until + AHEAD).order_by("starts_at"))


def _wait(history: History) -> None:
    """The raincoats are gone; some wait, the rider whom the demo follows among them."""
    coat, hero = Item.objects.filter(name="雨衣一件").first(), history.cast.hero
    if coat is None or hero is None:
        return
    for rider in [*history.cast.riders[1 : 1 + IN_LINE], hero]:
        with suppress(DomainError):
            wait(actor=rider, item=coat.public_id)


def plan(history: History, rng: Random, days: int) -> None:
    """Now and then somebody redeems something; some vouchers are still unused, some ran out."""
    keepers = {shop.pk: history.cast.merchants[code] for code, shop in history.cast.shops.items()}
    for number in range(days + 10):
        rider = rng.choice(history.cast.riders[1:])
        at = history.until - timedelta(days=rng.uniform(0.05, days * 0.6))
        history.plan(at, partial(_buy, history, rng, rider, number, keepers))
    history.plan(history.until - timedelta(days=57), partial(_stock_later, history.cast))
    history.plan(history.until - timedelta(days=1, hours=3), partial(_open_times, history))
    history.plan(history.until - timedelta(hours=3), partial(_book, history))
    history.plan(history.until - timedelta(hours=2), partial(_wait, history))
    _plan_ends(history)


def _buy(history: History, rng: Random, rider: Actor, number: int, keepers: dict[int, Actor]) -> None:
    item = rng.choice(list(Item.objects.filter(stock__gt=3, order__lt=9)))
    if item.has_slots:
        return  # those who book are planned by themselves
    try:
        voucher = reserve(actor=rider, item=item.public_id, client_key=f"demo-buy-{number:04d}")
    except DomainError:
        return  # too few points, or the limit is reached: nothing happened
    if rng.random() < 0.75:
        keeper = keepers[item.merchant_id]
        history.later(30, 3000, partial(_take, keeper, voucher.number, f"demo-redeem-{number:04d}"))


def _take(keeper: Actor, number: str, key: str) -> None:
    redeem(actor=keeper, text=number, redeem_key=key)


# ── every end that a voucher has ──────────────────────────────────────────────
LUNCH, MARKET = "小哥食堂午餐券", "超市八折 3 次"
LUNCHES_MIN = (
    205,
    140,
    72,
    26,
    0,
)  # before the demo stands still: the last one is of today even a second after midnight


def _plan_ends(history: History) -> None:
    """Given back, out of date, used in part; and what the canteen takes today. By riders who brought some points along."""
    until, riders = history.until, history.cast.riders[ENDS:]
    for day in BROUGHT_DAYS:
        brought = history.cast.riders[ENDS : BOOKERS + max(BOOKED.values())]
        history.plan(until - timedelta(days=day), partial(_bring, brought, day))
    history.plan(until - timedelta(days=24), partial(_reserve, riders[0], LUNCH, "demo-end-expired"))
    history.plan(until - timedelta(days=3), partial(_give_back, riders[1]))
    history.plan(until - timedelta(days=2, hours=5), partial(_use_part, history, riders[2]))
    for number, minutes in enumerate(LUNCHES_MIN):
        rider = riders[3 + number]
        history.plan(until - timedelta(minutes=minutes), partial(_eat, history, rider, f"demo-lunch-today-{number}"))


def _bring(riders: Sequence[Actor], day: int) -> None:
    award_many(
        [
            Award(rider.ref, "road-collapse", f"{rider.ref}:brought:{day}:{n}", "demo.opening", "system:demo")
            for rider in riders
            for n in range(5)
        ]
    )


def _reserve(rider: Actor, name: str, key: str) -> Voucher:
    return reserve(actor=rider, item=Item.objects.get(name=name).public_id, client_key=key)


def _give_back(rider: Actor) -> None:
    cancel(actor=rider, voucher=_reserve(rider, LUNCH, "demo-end-returned").public_id)


def _use_part(history: History, rider: Actor) -> None:
    voucher = _reserve(rider, MARKET, "demo-end-part")
    redeem(actor=history.cast.merchants["shigu-market"], text=voucher.number, redeem_key="demo-end-part", units=1)


def _eat(history: History, rider: Actor, key: str) -> None:
    voucher = _reserve(rider, LUNCH, key)
    redeem(actor=history.cast.merchants["rongyin-canteen"], text=voucher.number, redeem_key=key)
