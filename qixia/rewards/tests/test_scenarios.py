"""Figures that riders' organisations have published, reproduced with the table that ships, through the services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from qixia.kernel import clock
from qixia.policy.services import publish_seeds
from qixia.rewards import queries, services
from qixia.rewards.errors import VoucherRefused
from qixia.rewards.models import Posting, Use, Voucher
from qixia.rewards.services import Award
from qixia.rewards.tests.builders import item, organisation, person, phone_of, rider_by_phone

pytestmark = pytest.mark.django_db

MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # a Monday, 9 in the city


@pytest.fixture
def shipped(db):
    publish_seeds()


def act(rider, rule, source, name="reports.dispatched"):
    return Award(rider.ref, rule, source, name, "system:test")


def test_a_manhole_is_worth_fifteen_at_once(shipped):
    rider = person()
    services.award_many([act(rider, "manhole", "report:1")])
    assert queries.balance(rider.ref) == 15
    (month,) = queries.entries_page(rider.ref).months
    assert month.rows[0].why.sum == "15 = 井盖缺失破损移位 15 × 1.0"


def test_the_described_acts_make_235(shipped):
    """22 reports earn 255, 15 answers 30, joining 10; one meal ticket costs 60."""
    rider = person()
    reports = {"manhole": 5, "cable": 4, "road-damage": 5, "fire-lane": 3, "streetlight": 3, "shared-bike": 2}
    acts = [act(rider, "joining", rider.ref, "people.joined")]
    acts += [act(rider, cls, f"report:{cls}{n}") for cls, count in reports.items() for n in range(count)]
    acts += [act(rider, "confirm", f"report:answer{n}", "reports.confirmed") for n in range(15)]
    for day, one in enumerate(acts):
        with clock.at(MORNING + timedelta(days=day)):
            services.award_many([one])
    with clock.at(MORNING + timedelta(days=50)):
        services.reserve(actor=rider, item=item(price=60).public_id, client_key="client-key-1")
    assert queries.balance(rider.ref) == 255 + 30 + 10 - 60 == 235


def test_three_hundred_meals_carried_to_old_people(shipped):
    """Twenty riders carry fifteen meals each in a week; a worker certifies each day's list, and sends it twice."""
    worker, riders = person("clerk", organisation("jintang", "community")), [rider_by_phone(n) for n in range(20)]
    text = "\n".join(f"{phone_of(n)} 3" for n in range(20))
    for day in range(5):
        with clock.at(MORNING + timedelta(days=day)):
            today = clock.city_date(clock.now())
            first, again = (services.certify(actor=worker, rule="care.meal", day=today, text=text) for _ in range(2))
        assert (first.riders, first.acts, first.points, first.repeated) == (20, 60, 600, 0)
        assert (again.acts, again.repeated) == (0, 60)
    assert Posting.objects.filter(rule="care.meal").count() == 300
    assert {queries.balance(rider.ref) for rider in riders} == {150}
    assert -queries.collected("city", "budget") == 3000


def test_a_rider_who_carries_more_in_a_day_is_thanked_up_to_the_cap(shipped):
    rider = person()
    with clock.at(MORNING):
        made = services.award_many([act(rider, "care.meal", f"care:{n}") for n in range(8)])
    assert [one.points for one in made] == [10] * 6 + [0, 0]
    assert made[-1].params["why"]["cap"] == "rule-day"


def test_meal_tickets_of_a_riders_canteen_are_eaten_meal_by_meal(shipped):
    """A card for five lunches and a card of 20 元: eaten by four riders in a week, one gives the rest back."""
    shop, riders = organisation("rong-canteen"), [person() for _ in range(4)]
    keeper = person("merchant", shop)
    lunches = item(shop, name="午餐 5 次卡", price=60, parts=5, face_value_fen=7500, stock=10)
    with clock.at(MORNING):
        for number, rider in enumerate(riders):
            services.award_many([act(rider, "manhole", f"report:{number}-{n}") for n in range(4)])
        cards = [services.reserve(actor=one, item=lunches.public_id, client_key="client-key-1") for one in riders]
    eaten = [5, 5, 3, 1]
    for day in range(5):
        with clock.at(MORNING + timedelta(days=day, hours=4)):
            for number, card in enumerate(cards):
                if day < eaten[number]:
                    key = f"till-key-{card.pk}-{day}"
                    services.redeem(actor=keeper, text=card.number, redeem_key=key, units=1)
    with clock.at(MORNING + timedelta(days=5)):
        services.cancel(actor=riders[3], voucher=cards[3].public_id)
        assert [queries.ticket(one, card.public_id).state for one, card in zip(riders, cards, strict=True)] == [
            "redeemed",
            "redeemed",
            "part_used",
            "cancelled",
        ]
        assert queries.balance(riders[3].ref) == 48
        assert queries.collected(f"organisation:{shop.public_id}", "settlement") == sum(eaten) * 12
        assert sum(one.fen for one in Use.objects.all()) == sum(eaten) * 1500
        assert services.compare().findings == {}


def test_goods_are_taken_at_once_and_a_supermarket_card_by_the_sum(shipped):
    """A raincoat is one piece; 20 元 at the supermarket are spent in three goes; charging first is for the night."""
    shop, rider = organisation("market"), person()
    keeper = person("merchant", shop)
    goods = {
        "coat": item(shop, name="雨衣", kind="goods", price=20, face_value_fen=3500),
        "card": item(shop, name="超市 20 元", kind="discount", price=15, face_value_fen=2000, by_amount=True),
        "charge": item(
            shop, name="充电优先", kind="privilege", price=5, face_value_fen=None, windows="Mo-Su 22:00-06:00"
        ),
    }
    with clock.at(MORNING):
        services.award_many([act(rider, "manhole", f"report:{n}") for n in range(4)])
        made = {
            name: services.reserve(actor=rider, item=one.public_id, client_key=f"key-{name:>8}")
            for name, one in goods.items()
        }
        services.redeem(actor=keeper, text=made["coat"].number, redeem_key="till-coat-1")
        for fen in (680, 55, 1265):
            services.redeem(actor=keeper, text=made["card"].number, redeem_key=f"till-card-{fen}", units=fen)
        with pytest.raises(VoucherRefused):
            services.redeem(actor=keeper, text=made["charge"].number, redeem_key="till-charge-1")
    with clock.at(MORNING + timedelta(hours=14)):  # 23 in the city
        services.redeem(actor=keeper, text=made["charge"].number, redeem_key="till-charge-1")
        assert {queries.ticket(rider, one.public_id).state for one in made.values()} == {"redeemed"}
        assert queries.collected(f"organisation:{shop.public_id}", "settlement") == 40
        assert services.compare().findings == {}


def test_a_district_with_65_members_130_activities_and_174_redemptions(shipped):
    members, shop = [person() for _ in range(65)], organisation()
    keeper = person("merchant", shop)
    for number in range(132):  # two a week-day, each with six members
        there = [members[(number * 6 + seat) % 65] for seat in range(6)]
        with clock.at(MORNING + timedelta(days=number // 2, hours=4 * (number % 2))):
            services.award_many(
                [act(one, "activity", f"activity:{number}-{one.public_id}", "rewards.attended") for one in there]
            )
    gift = item(shop, price=60, stock=200, limit_per_person=None)
    with clock.at(MORNING + timedelta(days=70)):
        earned = {one.ref: queries.balance(one.ref) for one in members}
        assert sum(earned.values()) == 132 * 6 * 20
        orders = [members[number % 65] for number in range(174)]
        for number, one in enumerate(orders):
            voucher = services.reserve(actor=one, item=gift.public_id, client_key=f"client-key-{number}")
            services.redeem(actor=keeper, text=voucher.number, redeem_key=f"till-key-{number}")
        assert Voucher.objects.filter(state="redeemed").count() == 174
        assert queries.collected(f"organisation:{shop.public_id}", "settlement") == 174 * 60
        assert sum(queries.balance(one.ref) for one in members) == 132 * 6 * 20 - 174 * 60
        assert services.compare().findings == {}
