"""Vouchers: every state against every step, once only, told and listed; refusals change nothing."""

from datetime import timedelta

import pytest
from django.apps import apps

from qixia.jobs.models import Event
from qixia.kernel import clock, ids, tokens
from qixia.kernel.errors import Invalid, NotAllowed, NotFound, Stale
from qixia.people import services as people
from qixia.people.access import ANONYMOUS, actor_for
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.rewards import qr, queries, states
from qixia.rewards.errors import (
    ItemGone,
    KeyReused,
    LimitReached,
    NotAMerchant,
    NotEnoughPoints,
    SoldOut,
    TooManyTries,
    VoucherEnded,
    VoucherRefused,
)
from qixia.rewards.models import Account, Entry, Item, Posting, Refusal, Voucher
from qixia.rewards.services import ItemForm, cancel, check, compare, expire_due, redeem, reserve, reverse, save_item
from qixia.rewards.tests.builders import give, item, organisation, person, rider_with
from qixia.rewards.tests.conftest import publish_table
from qixia.ui.errors import message_of

pytestmark = pytest.mark.usefixtures("table")


def snapshot():
    """All that a refused step must leave alone."""
    return [list(model.objects.order_by("pk").values()) for model in (Account, Posting, Entry, Item, Voucher)] + [
        Event.objects.count()
    ]


@pytest.fixture
def shop():
    return organisation("rong-canteen")


@pytest.fixture
def clerk(shop):
    return person("merchant", shop)


@pytest.fixture
def rider():
    return rider_with(50)


def reserved(rider, shop, key="client-key-1", **fields):
    return reserve(actor=rider, item=item(shop, **fields).public_id, client_key=key)


def code_of(voucher, **changes):
    facts = {
        "public_id": voucher.public_id,
        "number": voucher.number,
        "item": voucher.item_id,
        "merchant": voucher.merchant.code,
        "expires_at": int(voucher.expires_at.timestamp()),
        **changes,
    }
    return qr.issue(qr.Facts(**facts), queries.code_terms()).text(clock.now())


# ── reserving ───────────────────────────────────────────────────────────────


def test_who_agreed_to_another_price_is_asked_again(rider, shop, client):
    thing = item(shop, price=10)
    client.force_login(Person.objects.get(pk=rider.person_id), backend=BACKEND)
    address = f"/redeem/{thing.public_id}"
    assert 'name="seen_price" value="10"' in client.get(address).content.decode()
    Item.objects.update(price=30)
    before = snapshot()
    sent = {"item": thing.public_id, "client_key": "client-key-1", "seen_price": 10}
    page = client.post(address, sent)
    assert (page.status_code, "现在要 30 分" in page.content.decode()) == (409, True)
    answer = client.post("/api/v1/rewards/vouchers", sent, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "rewards.price_changed")
    assert snapshot() == before
    assert 'name="seen_price" value="30"' in page.content.decode()
    assert client.post(address, {**sent, "seen_price": "30"}).status_code == 302
    assert Voucher.objects.get().price == 30


def test_reserving_spends_points_and_stock_and_names_a_price_and_a_last_day(rider, shop):
    voucher = reserved(rider, shop)
    assert (voucher.state, voucher.price, voucher.face_value_fen, voucher.merchant_id) == (
        "reserved",
        10,
        1500,
        shop.pk,
    )
    assert ids.is_number(voucher.number)
    assert Item.objects.get().stock == 4
    summary = queries.summary_for(rider.ref)
    assert (summary.balance, summary.held, summary.open_vouchers) == (40, 10, 1)
    assert clock.city_date(voucher.expires_at - timedelta(seconds=1)) == clock.city_date(clock.now()) + timedelta(
        days=14
    )
    assert Event.objects.filter(name="rewards.voucher_reserved").count() == 1
    assert apps.get_model("audit", "AuditEvent").objects.filter(subject=f"voucher:{voucher.public_id}").count() == 1
    assert compare().is_sound


def test_the_same_client_key_gives_the_same_voucher(rider, shop):
    thing = item(shop)
    first = reserve(actor=rider, item=thing.public_id, client_key="client-key-1")
    before = snapshot()
    assert reserve(actor=rider, item=thing.public_id, client_key="client-key-1") == first
    with pytest.raises(KeyReused):
        reserve(actor=rider, item=item(shop).public_id, client_key="client-key-1")
    assert snapshot()[:3] == before[:3]
    assert Voucher.objects.count() == 1


def test_two_people_may_use_the_same_client_key(shop):
    thing = item(shop)
    made = {reserve(actor=rider_with(10), item=thing.public_id, client_key="client-key-1").number for _ in range(2)}
    assert len(made) == 2


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"price": 51}, NotEnoughPoints),
        ({"stock": 0}, SoldOut),
        ({"active": False}, ItemGone),
        ({"limit_per_person": 0}, LimitReached),
    ],
)
def test_a_refused_reservation_changes_nothing(rider, shop, fields, error):
    thing = item(shop, **fields)
    reserved(rider, shop, key="opens-accounts")
    before = snapshot()
    with pytest.raises(error):
        reserve(actor=rider, item=thing.public_id, client_key="client-key-2")
    assert snapshot() == before


def test_nobody_and_merchants_reserve_nothing(shop, clerk):
    thing = item(shop)
    for actor in (ANONYMOUS, clerk):
        with pytest.raises(NotAllowed):
            reserve(actor=actor, item=thing.public_id, client_key="client-key-1")
    assert not Voucher.objects.exists()


def test_unknown_items_and_missing_keys_are_refused(rider):
    with pytest.raises(NotFound):
        reserve(actor=rider, item=ids.new_public_id(), client_key="client-key-1")
    for key in ("", "short", "schlüssel-键", "x" * 65):
        with pytest.raises(Invalid):
            reserve(actor=rider, item=item().public_id, client_key=key)


def test_the_limit_counts_within_its_days_and_not_what_was_given_back(rider, shop):
    thing = item(shop, limit_per_person=2, limit_days=7)
    with clock.at(clock.now() - timedelta(days=8)):
        reserve(actor=rider, item=thing.public_id, client_key="long-ago-1")
    first = reserve(actor=rider, item=thing.public_id, client_key="this-week-1")
    reserve(actor=rider, item=thing.public_id, client_key="this-week-2")
    assert queries.good(rider, thing.public_id).mine == 2
    with pytest.raises(LimitReached):
        reserve(actor=rider, item=thing.public_id, client_key="this-week-3")
    cancel(actor=rider, voucher=first.public_id)
    assert reserve(actor=rider, item=thing.public_id, client_key="this-week-3").state == "reserved"


def test_the_price_of_the_day_stands(rider, shop):
    voucher = reserved(rider, shop)
    Item.objects.update(price=30, name="新名字")
    cancel(actor=rider, voucher=voucher.public_id)
    assert queries.balance(rider.ref) == 50


# ── every state against every step ──────────────────────────────────────────

STEP = {
    "use": lambda v, rider, clerk: redeem(actor=clerk, text=v.number, redeem_key="another-key", units=1),
    "redeem": lambda v, rider, clerk: redeem(
        actor=clerk, text=v.number, redeem_key="another-key", units=max(v.left, 1)
    ),
    "cancel": lambda v, rider, clerk: cancel(actor=rider, voucher=v.public_id),
    "expire": lambda v, rider, clerk: expire_due(),
}
LATER = timedelta(days=30)


def bring_to(state, voucher, rider, clerk):
    if state in ("redeemed", "part_used"):
        units = 3 if state == "redeemed" else 1
        redeem(actor=clerk, text=voucher.number, redeem_key="redeem-key-1", units=units)
    elif state == "cancelled":
        cancel(actor=rider, voucher=voucher.public_id)
    elif state == "expired":
        with clock.at(clock.now() + LATER):
            assert expire_due() == 1
    voucher.refresh_from_db()
    assert voucher.state == state


@pytest.mark.parametrize("step", list(states.STEPS))
@pytest.mark.parametrize("state", states.STATES)
def test_each_step_from_each_state(state, step, rider, shop, clerk):
    voucher = reserved(rider, shop, parts=3)
    bring_to(state, voucher, rider, clerk)
    before = snapshot()
    shift = LATER if step == "expire" else timedelta()
    with clock.at(clock.now() + shift):
        if states.may(step, state):
            STEP[step](voucher, rider, clerk)
            voucher.refresh_from_db()
            assert voucher.state == states.result(step)
        elif step == "cancel" and state == "cancelled":
            STEP[step](voucher, rider, clerk)  # a retry
        elif step == "expire":
            assert expire_due() == 0
        else:
            with pytest.raises(Stale if step == "cancel" else VoucherRefused):
                STEP[step](voucher, rider, clerk)
    if not states.may(step, state):
        assert snapshot() == before
    assert compare().is_sound


# ── ends ────────────────────────────────────────────────────────────────────


def test_redeeming_moves_the_points_to_the_merchant(rider, shop, clerk):
    voucher = reserved(rider, shop)
    done = redeem(actor=clerk, text=ids.show_number(voucher.number), redeem_key="redeem-key-1")
    assert (done.voucher.state, done.by_id, done.units, done.points, done.fen) == (
        "redeemed",
        clerk.person_id,
        1,
        10,
        1500,
    )
    assert queries.collected(f"organisation:{shop.public_id}", "settlement") == 10
    assert queries.summary_for(rider.ref).held == 0
    assert (queries.till(clerk).count, queries.till(clerk).value_fen) == (1, 1500)
    before = snapshot()
    assert redeem(actor=clerk, text=voucher.number, redeem_key="redeem-key-1") == done
    assert snapshot() == before


def test_cancelling_gives_points_and_stock_back(rider, shop):
    voucher = reserved(rider, shop)
    done = cancel(actor=rider, voucher=voucher.public_id)
    assert (done.state, done.returned, queries.balance(rider.ref), Item.objects.get().stock) == ("cancelled", 10, 50, 5)


def test_somebody_elses_voucher_does_not_exist(rider, shop):
    voucher = reserved(rider, shop)
    with pytest.raises(NotFound):
        cancel(actor=person(), voucher=voucher.public_id)
    with pytest.raises(NotFound):
        cancel(actor=ANONYMOUS, voucher=voucher.public_id)
    voucher.refresh_from_db()
    assert voucher.state == "reserved"


def test_expiry_gives_back_by_the_rule_of_the_day_of_reserving(rider, shop):
    publish_table(expiry_returns=50)
    voucher = reserved(rider, shop, price=15)
    later = clock.now() + LATER
    publish_table(expiry_returns=0, valid_from=clock.now() + timedelta(days=1))
    with clock.at(later):
        assert (expire_due(), expire_due()) == (1, 0)
    voucher.refresh_from_db()
    assert (voucher.returned, queries.balance(rider.ref), queries.collected("city", "expired")) == (7, 42, 8)
    assert compare().is_sound


def test_points_that_come_back_repay_debt_first(shop):
    rider = person()
    give(rider, 15, source="report:a")
    voucher = reserved(rider, shop, price=15)
    reverse(source="report:a", reason="无效", actor="system:x")
    assert queries.summary_for(rider.ref).owed == 15
    cancel(actor=rider, voucher=voucher.public_id)
    summary = queries.summary_for(rider.ref)
    assert (summary.balance, summary.owed, summary.held) == (0, 0, 0)
    assert compare().is_sound


def test_a_voucher_is_over_the_moment_its_time_has_come(rider, shop, clerk):
    voucher = reserved(rider, shop)
    with clock.at(voucher.expires_at):
        with pytest.raises(VoucherRefused) as refused:
            redeem(actor=clerk, text=voucher.number, redeem_key="redeem-key-1")
        assert refused.value.reason == "expired"
        with pytest.raises(VoucherEnded):
            cancel(actor=rider, voucher=voucher.public_id)
        assert queries.ticket(rider, voucher.public_id).state == "expired"


def test_expiry_works_in_batches(shop):
    for n in range(5):
        reserved(rider_with(10), shop, key=f"client-key-{n}")
    with clock.at(clock.now() + LATER):
        assert [expire_due(limit=2), expire_due(limit=2), expire_due(limit=2)] == [2, 2, 1]
    assert Voucher.objects.filter(state="expired").count() == 5
    assert compare().is_sound


# ── what a merchant is shown ────────────────────────────────────────────────


def refused(clerk, text):
    before = snapshot()
    with pytest.raises(VoucherRefused) as error:
        redeem(actor=clerk, text=text, redeem_key="redeem-key-9")
    assert snapshot() == before
    assert Refusal.objects.latest("pk").reason == error.value.reason
    return error.value.reason


def test_a_signed_code_is_taken(rider, shop, clerk):
    voucher = reserved(rider, shop)
    found = check(actor=clerk, text=f" {code_of(voucher)}\n")
    assert (found.voucher, found.is_signed) == (voucher, True)
    assert not Refusal.objects.exists()
    assert redeem(actor=clerk, text=code_of(voucher), redeem_key="redeem-key-1").voucher.state == "redeemed"


def test_nobody_is_paid_for_a_voucher_of_his_own_shop(rider, shop, clerk):
    """Points would become the city's money, and nothing was given: not by himself, nor by who stands beside him."""
    voucher = reserved(rider, shop)
    people.grant_role(person_id=rider.person_id, role="merchant", organisation_id=shop.pk, actor="system:test")
    keeper = actor_for(rider.person_id)
    for taker in (keeper, clerk):
        assert refused(taker, voucher.number) == "own"
        with pytest.raises(VoucherRefused):
            redeem(actor=taker, text=code_of(voucher), redeem_key="redeem-key-own")
    voucher.refresh_from_db()
    assert (voucher.state, voucher.used, {line.refused for line in queries.till(clerk).lines}) == (
        "reserved",
        0,
        {"店里人自己的券"},
    )


def test_every_refusal_says_why_and_is_listed(rider, shop, clerk):
    other = person("merchant", organisation("south-canteen"))
    used, back, late = (reserved(rider, shop, key=f"client-key-{n}") for n in range(3))
    redeem(actor=clerk, text=used.number, redeem_key="redeem-key-1")
    cancel(actor=rider, voucher=back.public_id)
    assert refused(clerk, used.number) == "used"
    assert refused(clerk, back.number) == "returned"
    assert refused(other, late.number) == "elsewhere"
    assert refused(clerk, ids.new_number()) == "unknown"
    assert refused(clerk, "12345") == "unknown"
    assert refused(clerk, "https://example.test/a-code-of-somebody-else") == "forged"
    with clock.at(late.expires_at):
        assert refused(clerk, late.number) == "expired"
    lines = queries.till(clerk).lines
    assert {line.refused for line in lines} == {"", "重复", "已退回", "券号不对", "签名不对", "已过期"}
    assert [line.refused for line in queries.till(other).lines] == ["别家的券"]


def test_forged_codes_are_refused(rider, shop, clerk):
    voucher = reserved(rider, shop)
    good = code_of(voucher)
    raw = bytearray(tokens.unb64(good[4:]))
    raw[17] ^= 1  # another number under the same signature
    assert refused(clerk, "QX2." + tokens.b64(bytes(raw))) == "forged"
    assert refused(clerk, good[:-8]) == "forged"
    assert refused(clerk, "QX2.") == "forged"
    assert refused(clerk, "QX2.二维码") == "forged"
    other_purpose = tokens.sign_offline(tokens.unb64(good[4:])[:-82], purpose="something-else")
    assert refused(clerk, "QX2." + tokens.b64(other_purpose + tokens.unb64(good[4:])[-18:])) == "forged"
    assert refused(clerk, code_of(voucher, public_id=ids.new_public_id())) == "unknown"


def test_a_picture_of_a_code_is_refused_a_minute_later_and_the_number_is_not(rider, shop, clerk):
    voucher = reserved(rider, shop)
    picture = code_of(voucher)
    now = clock.now()
    with clock.at(now + timedelta(seconds=75)):
        assert check(actor=clerk, text=picture).is_signed
    with clock.at(now + timedelta(seconds=85)):
        assert refused(clerk, picture) == "stale"
        with pytest.raises(VoucherRefused) as error:
            check(actor=clerk, text=picture)
        assert "截图" in message_of(error.value)
        assert "刷新二维码" in message_of(error.value)
        assert [line.refused for line in queries.till(clerk).lines] == ["二维码太旧"] * 2
        assert redeem(actor=clerk, text=voucher.number, redeem_key="redeem-key-1").voucher.state == "redeemed"


def test_old_codes_are_not_counted_as_guesses(rider, shop, clerk):
    picture = code_of(reserved(rider, shop))
    with clock.at(clock.now() + timedelta(minutes=5)):
        for _ in range(11):
            assert refused(clerk, picture) == "stale"


def test_a_voucher_that_is_over_shows_no_code_any_more(rider, shop, clerk):
    voucher = reserved(rider, shop)
    assert queries.codes_of(rider, voucher.public_id).steps == 24 * 180
    with pytest.raises(NotFound):
        queries.codes_of(person(), voucher.public_id)
    with clock.at(voucher.expires_at), pytest.raises(NotFound):
        queries.codes_of(rider, voucher.public_id)
    cancel(actor=rider, voucher=voucher.public_id)
    with pytest.raises(NotFound):
        queries.codes_of(rider, voucher.public_id)


def test_ten_wrong_numbers_in_ten_minutes_are_enough(rider, shop, clerk):
    voucher = reserved(rider, shop)
    for _ in range(10):
        refused(clerk, "000000000")
    before = snapshot(), Refusal.objects.count()
    with pytest.raises(TooManyTries) as throttled:
        redeem(actor=clerk, text=voucher.number, redeem_key="redeem-key-1")
    assert 0 < throttled.value.retry_after <= 600
    assert (snapshot(), Refusal.objects.count()) == before
    with clock.at(clock.now() + timedelta(minutes=11)):
        assert redeem(actor=clerk, text=voucher.number, redeem_key="redeem-key-1").voucher.state == "redeemed"


def test_who_is_no_merchant_checks_nothing(rider, shop):
    voucher = reserved(rider, shop)
    for actor in (ANONYMOUS, rider, person("admin")):
        with pytest.raises(NotAMerchant):
            check(actor=actor, text=voucher.number)
    assert not Refusal.objects.exists()


# ── catalogue ───────────────────────────────────────────────────────────────


def form_of(shop, **changes):
    values = {
        "name": "午餐券",
        "summary": "",
        "kind": "meal",
        "need": "food",
        "price": 60,
        "face_value_fen": 1500,
        "limit_per_person": 2,
        "limit_days": 7,
        "merchant_id": shop.pk,
        "valid_days": 14,
        "picture": "meal",
        "terms": "",
        "active": True,
        "order": 1,
    }
    return ItemForm(**{**values, **changes})


def test_an_administrator_keeps_the_catalogue(shop):
    admin = person("admin")
    made = save_item(actor=admin, form=form_of(shop), stock_change=10)
    changed = save_item(actor=admin, form=form_of(shop, price=50), stock_change=-3, item=made.public_id, revision=1)
    assert (changed.pk, changed.price, changed.stock, changed.revision) == (made.pk, 50, 7, 2)


def test_offers_name_what_can_be_reserved(shop):
    item(shop, name="下架的", active=False)
    shown = item(shop)
    assert queries.offers() == [queries.Offer(shown.public_id, shown.name, 10, 5, "rong-canteen")]


@pytest.mark.parametrize(
    ("changes", "stock_change", "revision", "error"),
    [
        ({"price": 0}, 0, 1, Invalid),
        ({"name": ""}, 0, 1, Invalid),
        ({"picture": "cat"}, 0, 1, Invalid),
        ({"merchant_id": 0}, 0, 1, Invalid),
        ({}, -11, 1, Invalid),
        ({}, 0, 7, Stale),
    ],
)
def test_a_refused_edit_changes_nothing(shop, changes, stock_change, revision, error):
    admin = person("admin")
    made = save_item(actor=admin, form=form_of(shop), stock_change=10)
    before = snapshot()
    with pytest.raises(error):
        save_item(
            actor=admin,
            form=form_of(shop, **changes),
            stock_change=stock_change,
            item=made.public_id,
            revision=revision,
        )
    assert snapshot() == before


def test_only_administrators_keep_the_catalogue(shop, rider, clerk):
    for actor in (ANONYMOUS, rider, clerk):
        with pytest.raises(NotAllowed):
            save_item(actor=actor, form=form_of(shop), stock_change=10)
    assert not Item.objects.exists()
