"""Who bears what of a loss: never more than one voucher, never more than came back, whatever arrives."""

from datetime import timedelta

import pytest

from qixia.kernel import clock
from qixia.rewards import offline, queries, services
from qixia.rewards.errors import GaveBackUsed, LimitReached
from qixia.rewards.models import Item, OfflineScan, Posting, Voucher
from qixia.rewards.services.proof import compare
from qixia.rewards.tests.builders import item, organisation, person, rider_with, slot
from qixia.rewards.tests.phones import code_of, enrolled
from qixia.rewards.tests.test_offline import bearing, in_settlement, money, terms

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table")]
ACCEPTED, LOST, REFUSED = offline.ACCEPTED, offline.LOST, offline.REFUSED


@pytest.fixture
def shop():
    return organisation()


@pytest.fixture
def phone(shop):
    return enrolled(person("merchant", shop))


def reserve(rider, goods, number=1, **more):
    return services.reserve(actor=rider, item=goods.public_id, client_key=f"client-key-{number}", **more)


def borne():
    rows = OfflineScan.objects.filter(state=LOST).order_by("pk")
    return [(row.borne_by, row.borne_units, row.borne_fen, row.borne_points) for row in rows]


NOTHING = ("merchant", 0, 0, 0)


def test_one_voucher_that_was_given_back_is_paid_once(shop, phone):
    rider, twin = rider_with(10), enrolled(phone.staff, "二号")
    voucher = reserve(rider, item(shop))
    for one in (phone, phone, twin):
        one.take(voucher)
    services.cancel(actor=rider, voucher=voucher.public_id)
    assert [*phone.told(), *twin.told()] == [(LOST, "returned")] * 3
    assert borne() == [("rider", 1, 1500, 10), NOTHING, NOTHING]
    assert queries.summary_for(rider.ref).owed == 0


def test_a_second_scan_of_one_phone_is_the_shops_even_where_the_city_bears(shop, phone):
    bearing("city")
    money()
    voucher = reserve(rider_with(10), item(shop))
    phone.take(voucher)
    phone.take(voucher)
    assert phone.told() == [(ACCEPTED, ""), (LOST, "used")]
    assert borne() == [NOTHING]
    assert in_settlement(shop, "fen") == 0


def test_a_clock_that_is_ahead_makes_no_room_below_the_cap(shop):
    terms(unsent_fen=3000)
    phone, goods, rider = enrolled(person("merchant", shop)), item(shop), rider_with(30)
    for number in range(3):
        voucher = reserve(rider, goods, number)
        phone.take(voucher, taken_at=int((clock.now() + timedelta(minutes=3)).timestamp() * 1000))
    assert [phone.told([one])[0] for one in phone.taken] == [(ACCEPTED, "")] * 2 + [(REFUSED, "unsent_cap")]


def test_new_phones_leave_no_more_to_others_in_a_day(shop, phone):
    terms(borne_fen=1500)
    goods, rider = item(shop), rider_with(20)
    for number in range(2):
        phone = enrolled(person("merchant", shop))
        voucher = reserve(rider, goods, number)
        phone.take(voucher)
        services.cancel(actor=rider, voucher=voucher.public_id)
        assert phone.told() == [(LOST, "returned")]
        services.revoke_device(actor=phone.staff, device=phone.row.public_id)
    assert borne() == [("rider", 1, 1500, 10), NOTHING]


def test_who_came_to_a_booked_service_pays_it_once_and_the_shop_is_paid(shop, phone):
    rider, goods = rider_with(100), item(shop, has_slots=True, kind="service", price=20)
    place = slot(goods, hours=2)
    voucher = reserve(rider, goods, slot=place.public_id)
    with clock.at(place.starts_at + timedelta(minutes=1)):
        phone.take(voucher)
    with clock.at(place.ends_at + timedelta(hours=1)):
        services.expire_due()
        assert phone.told() == [(LOST, "expired")]
        assert queries.balance(rider.ref) == 80
    assert borne() == [("rider", 1, 1500, 0)]


def test_of_a_voucher_used_in_part_only_what_came_back_is_recovered(shop, phone):
    rider = rider_with(10)
    voucher = reserve(rider, item(shop, parts=2, price=10, face_value_fen=1000))
    services.redeem(actor=phone.staff, text=voucher.number, redeem_key="till-key-1", units=1)
    phone.take(voucher, 2)
    services.cancel(actor=rider, voucher=voucher.public_id)
    assert queries.balance(rider.ref) == 5
    assert phone.told() == [(LOST, "returned")]
    assert borne() == [("rider", 1, 500, 5)]
    assert (queries.balance(rider.ref), queries.summary_for(rider.ref).owed) == (0, 0)


def test_what_was_taken_and_given_back_counts_against_the_limit_and_the_stock(shop, phone):
    rider, goods = rider_with(20), item(shop, stock=2, limit_per_person=1)
    voucher = reserve(rider, goods)
    phone.take(voucher)
    services.cancel(actor=rider, voucher=voucher.public_id)
    phone.send()
    goods.refresh_from_db()
    assert goods.stock == 1
    with pytest.raises(LimitReached):
        reserve(rider, goods, 2)


def taken_and_given_back(rider, phone, goods, *, sent=True):
    voucher = reserve(rider, goods, Voucher.objects.count())
    phone.take(voucher)
    services.cancel(actor=rider, voucher=voucher.public_id)
    if sent:
        phone.send()
    return voucher


def test_who_gave_back_a_second_time_what_was_taken_reserves_nothing_for_a_while(shop, phone):
    rider, goods = rider_with(50), item(shop)
    taken_and_given_back(rider, phone, goods)
    taken_and_given_back(rider, phone, goods, sent=False)
    kept = reserve(rider, goods, 8)
    phone.send()
    before = (queries.balance(rider.ref), Item.objects.get().stock)
    for refused in (lambda: reserve(rider, goods, 9), lambda: services.wait(actor=rider, item=goods.public_id)):
        with pytest.raises(GaveBackUsed) as caught:
            refused()
        assert "2 张券" in str(caught.value)
    assert (queries.balance(rider.ref), Item.objects.get().stock) == before
    services.redeem(actor=phone.staff, text=kept.number, redeem_key="till-key-1")
    reserve(rider_with(10), goods, 1)
    with clock.at(clock.now() + timedelta(days=30, minutes=1)):
        reserve(rider, goods, 9)


@pytest.mark.parametrize("way", ["one", "expired", "off", "appealed"])
def test_who_is_not_held_back(shop, phone, way):
    rider, goods = rider_with(50), item(shop)
    if way == "off":
        terms(back_limit=0)
    first = taken_and_given_back(rider, phone, goods)
    if way == "expired":  # nobody gave it back: the phone came too late
        second = reserve(rider, goods, 7)
        with clock.at(second.expires_at - timedelta(minutes=30)):
            services.renew_device(actor=phone.staff, device=phone.row.public_id)
            phone.row.refresh_from_db()
            phone.take(second)
        with clock.at(second.expires_at):
            services.expire_due()
            assert phone.told() == [(LOST, "expired")]
            reserve(rider, goods, 9)
        return
    if way != "one":
        taken_and_given_back(rider, phone, goods)
    if way == "appealed":
        with pytest.raises(GaveBackUsed):
            reserve(rider, goods, 9)
        entry = Posting.objects.get(rule=offline.RULE, source__in=sources_of(first))
        appeal = services.appeal_points(actor=rider, entry=entry.pk, text="店员说没收成，叫我退了")
        services.answer_appeal(actor=person("admin"), public_id=appeal.public_id, points=10, answer="店里记错了")
    assert reserve(rider, goods, 9).state == "reserved"


def sources_of(voucher):
    return [f"till-scan:{one.public_id}" for one in OfflineScan.objects.filter(voucher=voucher)]


def test_losses_and_caps_are_worth_what_the_city_pays(shop, phone):
    rider = rider_with(10)
    voucher = reserve(rider, item(shop, settle_fen=600))
    phone.take(voucher)
    services.cancel(actor=rider, voucher=voucher.public_id)
    phone.send()
    assert borne() == [("rider", 1, 600, 10)]
    dear = reserve(rider_with(10), item(shop, face_value_fen=None, settle_fen=5001))
    none = reserve(rider_with(10), item(shop, face_value_fen=None))
    phone.take(dear)
    phone.take(none)
    assert phone.told() == [(REFUSED, "scan_cap"), (REFUSED, "no_value")]


def test_a_number_that_goes_back_in_time_is_refused(shop):
    start, goods, rider = clock.now(), item(shop), rider_with(20)
    first, second = reserve(rider, goods), reserve(rider, goods, 2)
    phone = enrolled(person("merchant", shop))
    with clock.at(start + timedelta(hours=3)):
        phone.take(first)
        phone.take(second, at=start + timedelta(hours=1))
        assert phone.told() == [(ACCEPTED, ""), (REFUSED, "order")]


def test_one_scan_that_cannot_be_taken_does_not_stop_the_others(shop, phone):
    rider = rider_with(20)
    moved, good = reserve(rider, item(shop)), reserve(rider, item(shop), 2)
    phone.take(moved, code=code_of(moved))
    phone.take(good)
    Voucher.objects.filter(pk=moved.pk).update(expires_at=clock.now() - timedelta(minutes=1))  # booked anew, earlier
    assert phone.told() == [(REFUSED, "over"), (ACCEPTED, "")]


def test_a_loss_without_its_posting_is_found(shop, phone):
    rider = rider_with(10)
    voucher = reserve(rider, item(shop))
    phone.take(voucher)
    services.cancel(actor=rider, voucher=voucher.public_id)
    phone.send()
    row = OfflineScan.objects.get()
    assert compare().findings == {}
    OfflineScan.objects.update(borne_points=9)
    assert compare().findings == {"wrong_losses": [row.public_id]}


def test_the_till_says_who_pays_as_it_stands(shop):
    bearing("city")
    rider, first, second = (
        rider_with(10),
        enrolled(person("merchant", shop)),
        enrolled(person("merchant", shop), "二号"),
    )
    voucher = reserve(rider, item(shop))
    first.take(voucher)
    second.take(voucher)
    first.send()
    second.send()
    lost = lambda: next(line.lost for line in queries.till(first.staff).lines if line.lost)  # noqa: E731
    assert "有预算以后" in lost()
    money()
    services.settle_losses()
    assert "差的钱市里补给店里" in lost()
