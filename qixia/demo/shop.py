"""What points buy in the demo district, and who has bought it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from random import Random

from qixia.demo.cast import Cast
from qixia.demo.history import History
from qixia.kernel.errors import DomainError
from qixia.people.access import Actor
from qixia.rewards.models import Item
from qixia.rewards.services import ItemForm, redeem, reserve, save_item

# name, summary, kind, need, price, face value in 分, limit, days, shop, picture, stock
GOODS: tuple[tuple[str, str, str, str, int, int | None, int | None, int | None, str, str, int], ...] = (
    ("小哥食堂午餐券", "两荤一素，热汤管够", "meal", "food", 60, 1500, 2, 7, "rongyin-canteen", "meal", 120),
    ("小哥食堂晚餐券", "面、饭任选", "meal", "food", 60, 1500, 2, 7, "nantang-canteen", "meal", 80),
    ("充电优先 2 小时", "不用排队，先充先走", "privilege", "vehicle", 25, None, 4, 7, "yunxi-charge", "charge", 60),
    ("刹车片更换", "含工时，半小时好", "service", "vehicle", 90, 4000, 1, 30, "yunfan-repair", "repair", 24),
    ("车辆检修", "刹车、灯、电池全查", "service", "vehicle", 40, 2000, 1, 30, "yunfan-repair", "repair", 40),
    ("超市 20 元券", "满 20 可用", "discount", "daily", 80, 2000, 2, 30, "shigu-market", "market", 50),
    ("肩颈理疗 30 分钟", "先约时间再来", "service", "health", 120, 6000, 1, 30, "qingmu-therapy", "therapy", 12),
    ("骑行药包", "创可贴、碘伏、藿香", "goods", "health", 35, 1800, 1, 90, "shigu-market", "kit", 3),
    ("雨衣一件", "加长款，反光条", "goods", "daily", 100, 4500, 1, 90, "shigu-market", "market", 0),
)


def stock_shelves(cast: Cast) -> None:
    assert cast.admin is not None
    for order, row in enumerate(GOODS):
        name, summary, kind, need, price, face, limit, days, shop, picture, stock = row
        form = ItemForm(
            name=name,
            summary=summary,
            kind=kind,
            need=need,
            price=price,
            face_value_fen=face,
            limit_per_person=limit,
            limit_days=days,
            merchant_id=cast.shops[shop].pk,
            valid_days=14,
            picture=picture,
            terms="到店出示二维码，或报九位券号。过期积分退回。",
            active=True,
            order=order,
        )
        save_item(actor=cast.admin, form=form, stock_change=stock)


def plan(history: History, rng: Random, days: int) -> None:
    """Now and then somebody redeems something; some vouchers are still unused, some ran out."""
    keepers = {shop.pk: history.cast.merchants[code] for code, shop in history.cast.shops.items()}
    for number in range(days + 10):
        rider = rng.choice(history.cast.riders[1:])
        at = history.until - timedelta(days=rng.uniform(0.05, days * 0.6))
        history.plan(at, partial(_buy, history, rng, rider, number, keepers))


def _buy(history: History, rng: Random, rider: Actor, number: int, keepers: dict[int, Actor]) -> None:
    item = rng.choice(list(Item.objects.filter(stock__gt=3)))
    try:
        voucher = reserve(actor=rider, item=item.public_id, client_key=f"demo-buy-{number:04d}")
    except DomainError:
        return  # too few points, or the limit is reached: nothing happened
    if rng.random() < 0.75:
        keeper = keepers[item.merchant_id]
        history.later(30, 3000, partial(_take, keeper, voucher.number, f"demo-redeem-{number:04d}"))


def _take(keeper: Actor, number: str, key: str) -> None:
    redeem(actor=keeper, text=number, redeem_key=key)
