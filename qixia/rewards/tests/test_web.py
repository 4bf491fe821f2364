"""Pages and API as a browser and an app see them."""

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qixia.kernel import clock, ids
from qixia.rewards import queries
from qixia.rewards.models import Item, Refusal, Voucher
from qixia.rewards.services import cancel, redeem, reserve, reverse
from qixia.rewards.tests.builders import give, item, organisation, person, rider_with

pytestmark = pytest.mark.usefixtures("table")
HX = {"HTTP_HX_REQUEST": "true"}


def browser(actor=None) -> Client:
    client = Client()
    if actor is not None:
        row = apps.get_model("people", "Person").objects.get(pk=actor.person_id)
        session = SessionStore()
        session[SESSION_KEY] = str(row.pk)
        session[BACKEND_SESSION_KEY] = "qixia.people.sessions.SessionBackend"
        session[HASH_SESSION_KEY] = row.get_session_auth_hash()
        session.save()
        client.cookies["sessionid"] = session.session_key
    return client


@pytest.fixture
def shop():
    return organisation("rong-canteen")


@pytest.fixture
def clerk(shop):
    return person("merchant", shop)


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def hidden(response, name):
    return re.search(rf'name="{name}" value="([^"]*)"', response.content.decode()).group(1)


@pytest.mark.parametrize("page", ["points", "redeem", "vouchers"])
def test_what_a_rider_has_stays_out_of_every_cache(page):
    answer = browser(rider_with(15)).get(f"/{page}")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


# ── ledger ──────────────────────────────────────────────────────────────────


def test_the_ledger_shows_each_reason_with_rule_version_and_running_balance(shop):
    rider = rider_with(15)
    reverse(source="report:none", reason="x", actor="system:x")
    give(rider, 10, source="report:bad")
    reverse(source="report:bad", reason="与他人同一处", actor="system:x")
    reserve(actor=rider, item=item(shop).public_id, client_key="client-key-1")
    words = text_of(browser(rider).get("/points"))
    for expected in (
        "井盖缺失破损移位，派单即得",
        "+15",
        "余 15",
        "规则第 1 版",
        "冲正：与他人同一处",
        "−10",
        "兑换：午餐券 15 元",
        "余 5",
        "得 25 用 10 冲正 10",
    ):
        assert expected in words, expected


@pytest.mark.parametrize(("only", "shown"), [("all", 4), ("earned", 2), ("used", 1), ("reversed", 1), ("nonsense", 4)])
def test_filters_of_the_ledger(shop, only, shown):
    rider = rider_with(15)
    give(rider, 10, source="report:bad")
    reverse(source="report:bad", reason="重复", actor="system:x")
    reserve(actor=rider, item=item(shop).public_id, client_key="client-key-1")
    page = browser(rider).get("/points", {"only": only})
    assert page.content.decode().count('data-testid="entry"') == shown


def test_pages_of_the_ledger_follow_each_other_without_a_gap():
    rider = person()
    give(rider, 70, source="")
    for n in range(66):
        give(rider, 1, source=f"report:more{n}")
    seen, key = [], None
    while True:
        page = queries.entries_page(rider.ref, before=key, size=30)
        seen += [row.id for month in page.months for row in month.rows]
        key = page.next
        if key is None:
            break
    assert len(seen) == len(set(seen)) == 71
    assert seen == sorted(seen, reverse=True)
    response = browser(rider).get("/points", {"before": seen[29]})
    assert response.content.decode().count('data-testid="entry"') == 30


def test_the_ledger_asks_as_much_for_100_entries_as_for_10():
    few, many = person(), person()
    for actor, count in ((few, 10), (many, 100)):
        for n in range(count):
            give(actor, 1, source=f"report:{actor.public_id}{n}")

    def cost(actor):
        client = browser(actor)
        client.get("/points")
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/points").status_code == 200
        return len(caught)

    assert cost(few) == cost(many) <= 8  # one is for the days on which points end


def test_the_summary_for_the_home_page_takes_two_queries(shop, django_assert_num_queries):
    rider = rider_with(40)
    reserve(actor=rider, item=item(shop).public_id, client_key="client-key-1")
    with django_assert_num_queries(2):
        summary = queries.summary_for(rider.ref)
    assert (summary.balance, summary.held, summary.earned_this_month, summary.open_vouchers) == (30, 10, 40, 1)
    with django_assert_num_queries(2):
        assert queries.summary_for("person:nobody").balance == 0


def test_somebody_without_points_is_told_what_to_do():
    assert "还没有积分" in text_of(browser(person()).get("/points"))


def test_debt_is_shown_with_its_reason(shop):
    rider = person()
    give(rider, 15, source="report:1")
    reserve(actor=rider, item=item(shop, price=15).public_id, client_key="client-key-1")
    reverse(source="report:1", reason="无效", actor="system:x")
    assert "还欠 15 分" in text_of(browser(rider).get("/points"))


def test_rules_are_readable_by_anyone_in_the_version_in_force():
    words = text_of(browser().get("/points/rules"))
    assert "第 1 版规则" in words
    assert "井盖缺失破损移位" in words


# ── catalogue and vouchers ──────────────────────────────────────────────────


def test_the_catalogue_says_what_is_missing_and_asks_as_much_for_twenty_items(shop):
    rider = rider_with(30)
    client = browser(rider)

    def cost():
        with CaptureQueriesContext(connection) as caught:
            client.get("/redeem")
        return len(caught)

    item(shop, limit_per_person=2, limit_days=7)
    client.get("/redeem")
    one = cost()
    for n in range(19):
        item(shop, name=f"券 {n}", price=10 + 5 * n, limit_per_person=n + 1, stock=n % 3)
    assert cost() == one
    words = text_of(client.get("/redeem"))
    assert "差 5 分" in words
    assert "换完了" in words
    assert (
        client.get("/redeem?need=reach").content.decode().count('data-testid="good"')
        == Item.objects.filter(price__lte=30, stock__gte=1).count()
    )


def test_from_the_item_to_the_voucher_and_a_second_tap_is_the_same(shop):
    rider = rider_with(30)
    client, thing = browser(rider), item(shop)
    page = client.get(f"/redeem/{thing.public_id}")
    form = {"client_key": hidden(page, "client_key")}
    first = client.post(f"/redeem/{thing.public_id}", form)
    second = client.post(f"/redeem/{thing.public_id}", form)
    assert (first.status_code, first["Location"]) == (302, second["Location"])
    assert Voucher.objects.count() == 1
    words = text_of(client.get(first["Location"]))
    assert ids.show_number(Voucher.objects.get().number) in words
    assert queries.balance(rider.ref) == 20


def test_a_refused_reservation_keeps_the_page_and_says_why(shop):
    rider = rider_with(30)
    thing = item(shop)
    client = browser(rider)
    page = client.get(f"/redeem/{thing.public_id}")
    Item.objects.update(stock=0)
    answer = client.post(f"/redeem/{thing.public_id}", {"client_key": hidden(page, "client_key")})
    assert answer.status_code == 409
    assert "刚刚被换完了" in text_of(answer)
    assert (queries.balance(rider.ref), Voucher.objects.count()) == (30, 0)


def test_the_code_is_a_picture_for_its_owner_alone(shop):
    rider, other = rider_with(30), person()
    voucher = reserve(actor=rider, item=item(shop).public_id, client_key="client-key-1")
    address = f"/vouchers/{voucher.public_id}/code.svg"
    picture = browser(rider).get(address)
    assert picture["Content-Type"] == "image/svg+xml"
    assert picture.content.startswith(b"<svg")
    assert b"style=" not in picture.content
    for page in (address, f"/vouchers/{voucher.public_id}"):
        assert browser(other).get(page).status_code == 404
    assert browser(other).post(f"/vouchers/{voucher.public_id}/cancel").status_code == 404
    assert Voucher.objects.get().state == "reserved"


def test_giving_a_voucher_back(shop):
    rider = rider_with(30)
    client = browser(rider)
    voucher = reserve(actor=rider, item=item(shop).public_id, client_key="client-key-1")
    answer = client.post(f"/vouchers/{voucher.public_id}/cancel", follow=True)
    assert "已退回" in text_of(answer)
    assert queries.balance(rider.ref) == 30
    assert client.post(f"/vouchers/{voucher.public_id}/cancel").status_code == 302  # a retry
    with clock.at(clock.now() + timedelta(days=30)):
        assert "退回 10 分" in text_of(client.get(f"/vouchers/{voucher.public_id}"))


def test_the_list_of_vouchers_puts_usable_ones_first_and_asks_once(shop):
    rider = rider_with(60)
    client = browser(rider)
    made = [reserve(actor=rider, item=item(shop).public_id, client_key=f"client-key-{n}") for n in range(3)]
    cancel(actor=rider, voucher=made[2].public_id)
    assert [t.state for t in queries.tickets(rider)] == ["reserved", "reserved", "cancelled"]
    with CaptureQueriesContext(connection) as caught:
        assert client.get("/vouchers").content.decode().count('data-testid="voucher"') == 3
    assert len([q for q in caught if "rewards_voucher" in q["sql"]]) == 1


# ── till ────────────────────────────────────────────────────────────────────


def test_the_till_checks_then_takes_as_plain_forms(shop, clerk):
    voucher = reserve(actor=rider_with(30), item=item(shop).public_id, client_key="client-key-1")
    client = browser(clerk)
    assert "今天还没有收券" in text_of(client.get("/m"))
    checked = client.post("/m/check", {"code": ids.show_number(voucher.number)})
    assert "有效，可以收" in text_of(checked)
    assert Voucher.objects.get().state == "reserved"
    form = {"code": hidden(checked, "code"), "redeem_key": hidden(checked, "redeem_key")}
    taken = client.post("/m/redeem", form)
    assert "已收下" in text_of(taken)
    assert "15.00" in text_of(taken)
    assert "已收下" in text_of(client.post("/m/redeem", form))  # a retry is told the same
    assert Voucher.objects.filter(state="redeemed").count() == 1


def test_with_htmx_the_answer_is_a_sheet_and_the_day(shop, clerk):
    voucher = reserve(actor=rider_with(30), item=item(shop).public_id, client_key="client-key-1")
    answer = browser(clerk).post("/m/check", {"code": voucher.number}, **HX).content.decode()
    assert "<html" not in answer
    assert 'id="sheet"' in answer
    assert 'hx-swap-oob="true"' in answer


@pytest.mark.parametrize("headers", [{}, HX])
def test_refusals_at_the_till_are_said_and_listed(shop, clerk, headers):
    other = person("merchant", organisation("south-canteen"))
    voucher = reserve(actor=rider_with(30), item=item(shop).public_id, client_key="client-key-1")
    client = browser(clerk)
    for code, said in (("QX2.forged", "签名不对"), ("", "券号不对"), ("123", "券号不对")):
        answer = client.post("/m/check", {"code": code}, **headers)
        assert answer.status_code == 409
        assert f"不能收 ： {said}" in text_of(answer) or f"不能收：{said}" in text_of(answer).replace(" ", "")
    answer = browser(other).post("/m/redeem", {"code": voucher.number, "redeem_key": "redeem-key-1"}, **headers)
    assert "别家的券" in text_of(answer)
    assert Voucher.objects.get().state == "reserved"
    assert Refusal.objects.count() == 4


def test_the_till_asks_as_much_for_thirty_lines_as_for_one(shop, clerk):
    client = browser(clerk)

    def take(n):
        voucher = reserve(actor=rider_with(10), item=item(shop).public_id, client_key="client-key-1")
        redeem(actor=clerk, text=voucher.number, redeem_key=f"redeem-key-{n}")

    def cost():
        client.get("/m")
        with CaptureQueriesContext(connection) as caught:
            client.get("/m")
        return len(caught)

    take(0)
    one = cost()
    for n in range(1, 30):
        take(n)
    assert cost() == one <= 10


# ── console ─────────────────────────────────────────────────────────────────


def fields_of(shop, **changes):
    values = {"name": "新券", "kind": "meal", "need": "food", "merchant_id": shop.pk, "price": 60, "value": "15.5"}
    values |= {"stock_change": 10, "valid_days": 14, "picture": "meal", "order": 0, "active": "on"}
    return {**values, **changes}


def test_an_administrator_adds_and_edits_an_item(shop):
    client = browser(person("admin"))
    assert client.post("/desk/catalogue/new", fields_of(shop)).status_code == 302
    made = Item.objects.get()
    assert (made.face_value_fen, made.stock, made.limit_per_person) == (1550, 10, None)
    address = f"/desk/catalogue/{made.public_id}"
    revision = hidden(client.get(address), "revision")
    changed = fields_of(shop, price=50, stock_change=-4, revision=revision)
    assert client.post(address, changed).status_code == 302
    stale = client.post(address, changed)
    assert stale.status_code == 409
    assert "刚刚改过" in text_of(stale)
    made.refresh_from_db()
    assert (made.price, made.stock) == (50, 6)
    assert "新券" in text_of(client.get("/desk/catalogue"))


def test_a_wrong_field_is_named_and_nothing_is_saved(shop):
    answer = browser(person("admin")).post("/desk/catalogue/new", fields_of(shop, price=0))
    assert answer.status_code == 422
    assert "积分价" in text_of(answer)
    assert not Item.objects.exists()


# ── who may ─────────────────────────────────────────────────────────────────

PAGES = {
    "/points": {"rider"},
    "/redeem": {"rider"},
    "/vouchers": {"rider"},
    "/m": {"merchant"},
    "/desk/catalogue": {"admin"},
    "/desk/catalogue/new": {"admin"},
}


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("role", ["rider", "merchant", "admin", "clerk", "worker"])
def test_each_page_is_for_its_roles(address, role, shop):
    answer = browser(person(role, shop)).get(address)
    assert answer.status_code == (200 if role in PAGES[address] else 403)


@pytest.mark.parametrize("address", PAGES)
def test_nobody_is_asked_to_sign_in(address):
    answer = browser().get(address)
    assert answer.status_code == 302
    assert "next=" in answer["Location"]


# ── API ─────────────────────────────────────────────────────────────────────


def post(client, address, **body):
    return client.post(f"/api/v1/rewards{address}", body, content_type="application/json")


def test_the_whole_way_over_the_api(shop, clerk):
    rider = rider_with(30)
    phone, till = browser(rider), browser(clerk)
    thing = item(shop)
    assert phone.get("/api/v1/rewards/balance").json()["balance"] == 30
    assert [found["public_id"] for found in phone.get("/api/v1/rewards/catalogue").json()] == [thing.public_id]
    made = post(phone, "/vouchers", item=thing.public_id, client_key="client-key-1")
    assert (made.status_code, made.json()["state"]) == (201, "reserved")
    again = post(phone, "/vouchers", item=thing.public_id, client_key="client-key-1")
    assert again.json() == made.json()
    taken = post(till, "/vouchers/redeem", code=made.json()["number"], redeem_key="redeem-key-1")
    assert (taken.status_code, taken.json()["state"]) == (200, "redeemed")
    entries = phone.get("/api/v1/rewards/entries", {"only": "used"}).json()
    assert [(e["kind"], e["points"], e["balance"]) for e in entries["entries"]] == [("spend", -10, 20)]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"item": "0" * 26, "client_key": "client-key-1"}, 404, "rewards.no_such_item"),
        ({"client_key": "client-key-1"}, 422, "invalid"),
        ({"item": "THING", "client_key": "short"}, 422, "invalid"),
        ({"item": "THING", "client_key": "client-key-1"}, 409, "rewards.not_enough_points"),
    ],
)
def test_refusals_of_the_api_are_problems_with_a_code(body, status, code, shop):
    rider, thing = rider_with(1), item(shop)
    body = {key: thing.public_id if value == "THING" else value for key, value in body.items()}
    answer = post(browser(rider), "/vouchers", **body)
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (
        status,
        "application/problem+json",
        code,
    )
    assert not Voucher.objects.exists()


def test_the_api_asks_for_the_right_role(shop):
    assert browser().get("/api/v1/rewards/balance").status_code == 401
    assert browser(person("merchant", shop)).get("/api/v1/rewards/balance").status_code == 403
    assert post(browser(person()), "/vouchers/redeem", code="1", redeem_key="redeem-key-1").status_code == 403
