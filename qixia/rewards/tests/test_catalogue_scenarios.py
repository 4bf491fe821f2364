"""What points buy, as riders' organisations describe it: charging priority, a discount, vehicle repair; meals, 中医理疗, 康复
and care for the family; goods. Each from the shelf to the shop, through the services."""

from datetime import datetime, timedelta

import pytest

from qixia.kernel import clock
from qixia.rewards import queries, services
from qixia.rewards.errors import VoucherRefused
from qixia.rewards.models import Item
from qixia.rewards.services import ItemForm
from qixia.rewards.tests.builders import organisation, person, rider_with, slot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table")]

NIGHT = datetime(2026, 3, 2, 23, 0, tzinfo=clock.CITY_TZ)
SHELF = {
    "夜里充电优先": {"kind": "privilege", "need": "vehicle", "windows": "每天 22:00-6:00"},
    "超市八折": {"kind": "discount", "need": "daily", "percent_off": 20, "least_fen": 3000},
    "车辆检修": {"kind": "service", "need": "vehicle", "has_slots": True},
    "小哥食堂午餐券": {"kind": "meal", "need": "food", "face_value_fen": 1500},
    "肩颈理疗": {"kind": "service", "need": "health", "has_slots": True},
    "腰腿康复训练": {"kind": "service", "need": "health", "has_slots": True},
    "替你看看父母": {"kind": "service", "need": "family", "has_slots": True},
    "雨衣一件": {"kind": "goods", "need": "daily", "where": "收银台"},
}


@pytest.mark.parametrize("name", SHELF)
def test_from_the_shelf_to_the_shop(name):
    shop = organisation("scenario-shop")
    form = {
        "name": name, "summary": "", "price": 20, "face_value_fen": None, "limit_per_person": None, "limit_days": None,
        "merchant_id": shop.pk, "valid_days": 14, "picture": "kit", "terms": "", "active": True, "order": 0,
    }  # fmt: skip
    with clock.at(NIGHT):
        thing = services.save_item(actor=person("admin"), form=ItemForm(**form | SHELF[name]), stock_change=3)
        rider, keeper = rider_with(30), person("merchant", at=shop)
        place = slot(thing, hours=30) if thing.has_slots else None
        shown = queries.good(rider, thing.public_id)
        assert shown.is_available
        voucher = services.reserve(
            actor=rider,
            item=thing.public_id,
            client_key="client-key-1",
            slot=place.public_id if place else None,
        )
    at = place.starts_at if place else NIGHT + timedelta(hours=1)
    with clock.at(at):
        services.redeem(actor=keeper, text=voucher.number, redeem_key="redeem-key-1")
    voucher.refresh_from_db()
    assert (voucher.state, queries.balance(rider.ref)) == ("redeemed", 10)
    assert Item.objects.get(pk=thing.pk).stock == 2


def test_priority_at_night_is_none_at_noon():
    shop = organisation("scenario-shop")
    form = {
        "name": "夜里充电优先", "summary": "", "price": 20, "face_value_fen": None, "limit_per_person": None,
        "limit_days": None, "merchant_id": shop.pk, "valid_days": 14, "picture": "charge", "terms": "", "active": True,
        "order": 0,
    }  # fmt: skip
    with clock.at(NIGHT):
        thing = services.save_item(actor=person("admin"), form=ItemForm(**form | SHELF["夜里充电优先"]), stock_change=3)
        rider, keeper = rider_with(30), person("merchant", at=shop)
        voucher = services.reserve(actor=rider, item=thing.public_id, client_key="client-key-1")
    with clock.at(NIGHT + timedelta(hours=13)), pytest.raises(VoucherRefused):
        services.redeem(actor=keeper, text=voucher.number, redeem_key="redeem-key-1")
    voucher.refresh_from_db()
    assert voucher.state == "reserved"
