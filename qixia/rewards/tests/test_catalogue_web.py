"""The catalogue in the browser: riders choose a time, wait, move; administrators keep times, photos, who may have what."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qixia.kernel import clock
from qixia.rewards import queries, services
from qixia.rewards.models import Item, Slot, Voucher, Waiting
from qixia.rewards.tests.builders import a_photo, item, organisation, person, rider_with, slot, therapy
from qixia.rewards.tests.test_web import browser, hidden, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table")]


def cost(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as caught:
        assert client.get(address).status_code == 200
    return len(caught)


# ── riders ───────────────────────────────────────────────────────────────────


def test_from_the_page_of_a_service_to_a_booked_voucher_and_another_time():
    thing, rider = therapy(), rider_with(30)
    first, later = slot(thing), slot(thing, hours=50)
    client = browser(rider)
    page = client.get(f"/redeem/{thing.public_id}?day={clock.city_date(first.starts_at):%Y-%m-%d}")
    assert f"{clock.city_time(first.starts_at):%H:%M}" in text_of(page)
    form = {"client_key": hidden(page, "client_key"), "slot": first.public_id}
    done = client.post(f"/redeem/{thing.public_id}", form)
    voucher = Voucher.objects.get()
    assert done["Location"] == f"/vouchers/{voucher.public_id}"
    assert "改时间" in text_of(client.get(done["Location"]))
    moved = client.post(f"/vouchers/{voucher.public_id}/rebook", {"slot": later.public_id})
    assert (moved.status_code, Voucher.objects.get().slot) == (303, later)
    again = client.post(f"/vouchers/{voucher.public_id}/rebook", {"slot": "nonsense"})
    assert (again.status_code, Voucher.objects.get().slot) == (404, later)


def test_without_a_time_the_page_says_so_and_nothing_is_spent():
    thing, rider = therapy(), rider_with(30)
    slot(thing)
    page = browser(rider).post(f"/redeem/{thing.public_id}", {"client_key": "client-key-1"})
    assert (page.status_code, queries.balance(rider.ref)) == (422, 30)
    assert "请先选一个时间" in text_of(page)


def test_waiting_from_the_page_and_leaving_again():
    thing, rider = item(stock=0), person()
    client = browser(rider)
    assert "排队等" in text_of(client.get(f"/redeem/{thing.public_id}"))
    assert client.post(f"/redeem/{thing.public_id}/wait").status_code == 303
    assert "第 1 位" in text_of(client.get("/redeem"))
    row = Waiting.objects.get()
    assert browser(person()).post(f"/waiting/{row.public_id}/leave").status_code == 404
    assert client.post(f"/waiting/{row.public_id}/leave").status_code == 303
    row.refresh_from_db()
    assert row.state == "left"


def test_the_page_says_what_is_missing():
    rider = rider_with(30)
    thing = item(eligibility={"earned_points": 50, "earned_days": 30})
    words = text_of(browser(rider).get(f"/redeem/{thing.public_id}"))
    assert "近 30 天得满 50 分可换，还差 20 分" in words
    assert "用 10 分兑换" not in words


def test_pages_ask_as_much_for_many_times_as_for_one():
    thing, client = therapy(), browser(rider_with(30))
    slot(thing)
    page, one = f"/redeem/{thing.public_id}", 0
    one = cost(client, page)
    for number in range(20):
        slot(thing, hours=20 + number)
    assert cost(client, page) == one <= 20


# ── administrators ───────────────────────────────────────────────────────────


def test_the_list_is_found_by_filters_cut_by_key_and_asks_as_much_for_forty_as_for_one():
    shop, admin = organisation("list-shop"), browser(person("admin"))
    item(shop, name="一号")
    one = cost(admin, "/desk/catalogue")
    for number in range(40):
        item(shop, name=f"券 {number}", order=number, stock=number % 2, active=number % 3 > 0)
    assert cost(admin, "/desk/catalogue") == one
    seen, address = [], "/desk/catalogue"
    while address:
        page = admin.get(address).context["page"]
        seen += [line.public_id for line in page.items]
        address = f"/desk/catalogue?after={page.after}" if page.after else ""
    assert sorted(seen) == sorted(Item.objects.values_list("public_id", flat=True))
    off = admin.get("/desk/catalogue?shown=off&q=券").context["page"]
    assert {line.active for line in off.items} == {False}


def test_many_are_put_on_offer_at_once_and_the_way_back_stays_here():
    things, admin = [item(active=False), item(active=False)], browser(person("admin"))
    form = {"item": [thing.public_id for thing in things], "act": "show", "back": "/desk/catalogue?shown=off"}
    done = admin.post("/desk/catalogue/show", form)
    assert (done["Location"], Item.objects.filter(active=True).count()) == ("/desk/catalogue?shown=off", 2)
    form |= {"act": "hide", "back": "//elsewhere.example/"}
    assert admin.post("/desk/catalogue/show", form)["Location"] == "/desk/catalogue"
    assert browser(person("clerk")).post("/desk/catalogue/show", form | {"act": "show"}).status_code == 403
    assert not Item.objects.filter(active=True).exists()


def test_times_are_made_changed_and_called_off_from_the_week():
    thing, admin = therapy(), browser(person("admin"))
    day = clock.city_date(clock.now()) + timedelta(days=1)
    plan = {"act": "plan", "weekdays": list("0123456"), "spans": "9:00-10:00", "minutes": 30, "places": 2}
    address = f"/desk/catalogue/{thing.public_id}/slots"
    assert admin.post(address, plan | {"first": day, "last": day}).status_code == 303
    assert admin.post(address, plan | {"first": day, "last": day, "spans": "上午"}).status_code == 422
    one = {"act": "one", "day": day, "start": "15:00", "length": 20, "spots": 1}
    assert admin.post(address, one).status_code == 303
    assert admin.post(address, one).status_code == 422
    assert Slot.objects.count() == 3
    place = Slot.objects.order_by("starts_at").first()
    page = f"/desk/catalogue/slots/{place.public_id}"
    assert admin.post(page, {"act": "places", "places": "5"}).status_code == 303
    assert admin.post(page, {"act": "close", "reason": ""}).status_code == 422
    assert admin.post(page, {"act": "close", "reason": "师傅生病"}).status_code == 303
    place.refresh_from_db()
    assert (place.capacity, place.closed_why) == (5, "师傅生病")
    assert "取消了" in text_of(admin.get(f"{address}?day={day}"))


def test_the_week_asks_as_much_for_fifty_times_as_for_one():
    thing, admin = therapy(), browser(person("admin"))
    slot(thing, hours=1)
    address = f"/desk/catalogue/{thing.public_id}/slots"
    one = cost(admin, address)
    for number in range(50):
        slot(thing, hours=1 + number / 60)
    assert cost(admin, address) == one


def test_a_photo_needs_words_and_stands_in_for_the_drawing_once_it_is_ready():
    thing, admin = item(), browser(person("admin"))
    address = f"/desk/catalogue/{thing.public_id}/photo"
    assert admin.post(address, {"photo": a_photo(), "photo_alt": ""}).status_code == 422
    assert admin.post(address, {"photo": a_photo(), "photo_alt": "一碗热汤面"}).status_code == 303
    thing.refresh_from_db()
    rider = person()
    assert queries.good(rider, thing.public_id).photo == ""  # not looked at yet
    type(thing.photo).objects.update(state="ready", boxes_by="machine")
    assert queries.good(rider, thing.public_id).photo.startswith("/pic/")
    assert 'alt="一碗热汤面"' in browser(rider).get("/redeem").content.decode()
    assert admin.post(address, {"act": "drop"}).status_code == 303
    thing.refresh_from_db()
    assert (thing.photo, thing.photo_alt) == (None, "")


def test_the_form_says_who_may_have_it_in_plain_fields():
    shop, admin = organisation("rule-shop"), browser(person("admin"))
    form = {
        "name": "夜里充电优先", "kind": "privilege", "need": "vehicle", "merchant_id": shop.pk, "price": 15,
        "stock_change": 5, "valid_days": 14, "picture": "charge", "order": 0, "active": "on",
        "windows": "每天 22:00-6:00", "employers": ["courier"], "earned_points": 50, "earned_days": 30,
        "unknown_place": "on",
    }  # fmt: skip
    for wrong in ({"windows": ""}, {"windows": "晚上"}, {"earned_days": ""}):
        assert admin.post("/desk/catalogue/new", form | wrong).status_code == 422
    assert not Item.objects.exists()
    assert admin.post("/desk/catalogue/new", form).status_code == 302
    made = Item.objects.get()
    assert made.eligibility == {"employers": ["courier"], "earned_points": 50, "earned_days": 30}
    assert queries.good(person(), made.public_id).windows == "每天 22:00–次日 06:00"
    page = admin.get(f"/desk/catalogue/{made.public_id}").context["form"]
    assert (page["earned_points"].value(), page["windows"].value()) == (50, made.windows)


@pytest.mark.parametrize("kind", ["privilege", "discount", "goods"])
def test_each_kind_needs_what_it_cannot_do_without(kind):
    form = services.ItemForm(
        name="一样", summary="", kind=kind, need="daily", price=10, face_value_fen=None, limit_per_person=None,
        limit_days=None, merchant_id=organisation().pk, valid_days=14, picture="kit", terms="", active=True, order=0,
    )  # fmt: skip
    with pytest.raises(Exception, match="要写"):
        services.save_item(actor=person("admin"), form=form, stock_change=1)
    assert not Item.objects.exists()
