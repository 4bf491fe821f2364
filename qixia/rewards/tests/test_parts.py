"""Vouchers in parts: times and amounts, shares that add up to the whole in any order of uses and ends, and when one opens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, IntegrityError
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qixia.kernel import clock, tokens
from qixia.kernel.errors import Invalid
from qixia.notices.models import Notice
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.rewards import qr, queries, rules
from qixia.rewards.errors import KeyReused, NotSoMuchLeft, VoucherEnded, VoucherOver, VoucherRefused
from qixia.rewards.models import Account, Entry, Item, Posting, Refusal, Use, Voucher
from qixia.rewards.queries.vouchers import Taking
from qixia.rewards.services import (
    Taker,
    cancel,
    check,
    close_merchant,
    compare,
    expire_due,
    expire_lots,
    redeem,
    reserve,
    seal_postings,
    take,
)
from qixia.rewards.services.redemption import taking
from qixia.rewards.takeout import export_of
from qixia.rewards.tests.builders import item, organisation, person, rider_with
from qixia.rewards.tests.conftest import publish_table

pytestmark = pytest.mark.usefixtures("table")
LATER = timedelta(days=30)


@pytest.fixture
def shop() -> Any:
    return organisation("rong-canteen")


@pytest.fixture
def clerk(shop: Any) -> Any:
    return person("merchant", shop)


@pytest.fixture
def rider() -> Any:
    return rider_with(50)


def reserved(rider: Any, shop: Any, key: str = "client-key-1", **fields: Any) -> Voucher:
    return reserve(actor=rider, item=item(shop, **fields).public_id, client_key=key)


def use(clerk: Any, voucher: Voucher, units: int | None, key: str) -> Use:
    return redeem(actor=clerk, text=voucher.number, redeem_key=key, units=units)


def snapshot() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Account, Posting, Entry, Item, Voucher, Use)]


def settled(shop: Any) -> int:
    return queries.collected(f"organisation:{shop.public_id}", "settlement")


# ── shares ──────────────────────────────────────────────────────────────────


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 500), min_size=1, max_size=30))
def test_shares_of_all_parts_are_the_whole(whole: int, parts: list[int]) -> None:
    total, before, shares = sum(parts), 0, []
    for units in parts:
        shares.append(rules.share_of(total, before, units, whole))
        before += units
        assert sum(shares) == rules.share_of(total, 0, before, whole)
        assert abs(shares[-1] - whole * units / total) < 1
    assert sum(shares) == whole


# ── times ───────────────────────────────────────────────────────────────────


def test_a_meal_ticket_is_taken_meal_by_meal(rider: Any, shop: Any, clerk: Any) -> None:
    voucher = reserved(rider, shop, price=16, face_value_fen=7500, parts=5)
    first = use(clerk, voucher, 2, "redeem-key-1")
    assert (first.units, first.points, first.fen, first.voucher.state) == (2, 6, 3000, "part_used")
    assert (settled(shop), queries.summary_for(rider.ref).held) == (6, 10)
    ticket = queries.ticket(rider, voucher.public_id)
    assert (ticket.progress, ticket.left, ticket.is_open, ticket.back_now) == ("已用 2/5 次", "3 次", True, 10)
    assert queries.takings(rider, voucher.public_id) == [Taking("2 次", first.taken_at)]
    assert (compare().findings, queries.summary_for(rider.ref).open_vouchers) == ({}, 1)

    last = use(clerk, voucher, 3, "redeem-key-2")
    assert (last.points, last.fen, last.voucher.state) == (10, 4500, "redeemed")
    assert (settled(shop), queries.summary_for(rider.ref).held) == (16, 0)
    day = queries.till(clerk)
    assert (day.count, day.month_count, day.value_fen) == (2, 2, 7500)
    assert [(line.part, line.value_fen) for line in day.lines] == [("3 次", 4500), ("2 次", 3000)]
    assert {one["units"] for one in export_of(rider)["uses"]} == {2, 3}
    assert compare().is_sound


def test_what_was_used_is_told_each_time(rider: Any, shop: Any, clerk: Any) -> None:
    voucher = reserved(rider, shop, parts=2)
    use(clerk, voucher, 1, "redeem-key-1")
    use(clerk, voucher, 1, "redeem-key-2")
    told = Notice.objects.filter(person_id=rider.person_id, template__startswith="voucher.").order_by("pk")
    assert list(told.values_list("template", flat=True)) == ["voucher.used", "voucher.redeemed"]


def test_an_amount_is_taken_bit_by_bit(rider: Any, shop: Any, clerk: Any) -> None:
    voucher = reserved(rider, shop, price=10, face_value_fen=2000, by_amount=True)
    taken = [use(clerk, voucher, fen, f"redeem-key-{fen}") for fen in (55, 945, 1000)]
    assert [(one.points, one.fen) for one in taken] == [(0, 55), (5, 945), (5, 1000)]
    assert [
        entry.amount for entry in taken[0].posting.entries.all()
    ] == []  # no whole point yet, a posting all the same
    assert taken[-1].voucher.state == "redeemed"
    ticket = queries.ticket(rider, voucher.public_id)
    assert (ticket.progress, ticket.left) == ("已用 20/20 元", "0 元")
    assert [one.amount for one in queries.takings(rider, voucher.public_id)] == ["10 元", "9.45 元", "0.55 元"]
    assert compare().is_sound


@pytest.mark.parametrize(
    ("fields", "units", "error"),
    [
        ({"parts": 3}, None, Invalid),
        ({"by_amount": True}, None, Invalid),
        ({"parts": 3}, 4, NotSoMuchLeft),
        ({"parts": 3}, 0, NotSoMuchLeft),
        ({"parts": 3}, -1, NotSoMuchLeft),
        ({"by_amount": True}, 1501, NotSoMuchLeft),
        ({}, 2, NotSoMuchLeft),
    ],
)
def test_a_wrong_amount_takes_nothing(
    rider: Any, shop: Any, clerk: Any, fields: dict[str, Any], units: int | None, error: type[Exception]
) -> None:
    voucher = reserved(rider, shop, **fields)
    before = snapshot()
    with pytest.raises(error):
        use(clerk, voucher, units, "redeem-key-1")
    assert snapshot() == before


def test_the_same_key_is_one_use_and_another_thing_under_it_is_refused(rider: Any, shop: Any, clerk: Any) -> None:
    voucher, other = reserved(rider, shop, parts=3), reserved(rider, shop, "client-key-2", parts=3)
    first = use(clerk, voucher, 1, "redeem-key-1")
    before = snapshot()
    assert use(clerk, voucher, 1, "redeem-key-1") == first
    assert use(clerk, voucher, None, "redeem-key-1") == first
    for thing, units in ((other, 1), (voucher, 2)):
        with pytest.raises(KeyReused):
            use(clerk, thing, units, "redeem-key-1")
    with pytest.raises(KeyReused):
        use(person("merchant", shop), voucher, 1, "redeem-key-1")
    assert snapshot() == before


def test_another_shop_takes_nothing_of_it(rider: Any, shop: Any) -> None:
    voucher = reserved(rider, shop, parts=3)
    other = organisation("south-canteen")
    taker = Taker("person:x", person("merchant", other).person_id or 0, other.pk)
    before = snapshot()
    with pytest.raises(VoucherRefused):
        take(voucher=voucher, units=1, taker=taker, redeem_key="till-key-1", taken_at=clock.now())
    assert snapshot() == before


def test_what_happened_before_the_end_is_taken_and_after_it_is_not(rider: Any, shop: Any, clerk: Any) -> None:
    voucher = reserved(rider, shop, parts=3)
    taker = Taker(clerk.ref, clerk.person_id, shop.pk)
    with clock.at(voucher.expires_at + timedelta(hours=1)):
        early = voucher.expires_at - timedelta(minutes=1)
        done = take(voucher=voucher, units=1, taker=taker, redeem_key="till-key-1", taken_at=early, offline=True)
        assert (done.taken_at, done.at, done.offline) == (early, clock.now(), True)
        with pytest.raises(VoucherOver):
            take(voucher=voucher, units=1, taker=taker, redeem_key="till-key-2", taken_at=clock.now())


# ── ends ────────────────────────────────────────────────────────────────────


def test_giving_back_a_begun_voucher_returns_what_was_not_used(rider: Any, shop: Any, clerk: Any) -> None:
    publish_table(cancel_returns=50)
    thing = item(shop, price=16, parts=5, stock=5, limit_per_person=1)
    voucher = reserve(actor=rider, item=thing.public_id, client_key="client-key-1")
    use(clerk, voucher, 2, "redeem-key-1")
    assert queries.ticket(rider, voucher.public_id).back_now == 5
    done = cancel(actor=rider, voucher=voucher.public_id)
    assert (done.state, done.returned, queries.balance(rider.ref)) == ("cancelled", 5, 39)
    assert (queries.collected("city", "expired"), settled(shop), queries.summary_for(rider.ref).held) == (5, 6, 0)
    assert Item.objects.get().stock == 4  # a piece that was begun is gone
    assert queries.good(rider, thing.public_id).mine == 1  # and counts as one
    with pytest.raises(VoucherRefused):
        use(clerk, voucher, 1, "redeem-key-2")
    assert compare().is_sound


def test_a_begun_voucher_expires_with_what_is_left(rider: Any, shop: Any, clerk: Any) -> None:
    voucher = reserved(rider, shop, price=10, parts=4)
    use(clerk, voucher, 1, "redeem-key-1")
    with clock.at(clock.now() + LATER):
        assert (expire_due(), expire_due()) == (1, 0)
        with pytest.raises(VoucherEnded):
            cancel(actor=rider, voucher=voucher.public_id)
    voucher.refresh_from_db()
    assert (voucher.state, voucher.used, voucher.returned, queries.balance(rider.ref)) == ("expired", 1, 8, 48)
    assert compare().is_sound


STEP = st.one_of(
    st.tuples(st.just("use"), st.integers(1, 700)), st.just(("cancel", 0)), st.just(("expire", 0)), st.just(("wait", 0))
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    price=st.integers(1, 40),
    parts=st.one_of(st.integers(1, 700), st.none()),
    face=st.integers(1, 3000),
    back=st.integers(0, 100),
    steps=st.lists(STEP, max_size=6),
)
def test_points_and_money_add_up_whatever_happens(
    shop: Any, clerk: Any, price: int, parts: int | None, face: int, back: int, steps: list[tuple[str, int]]
) -> None:
    """Any sequence: what was taken, what came back, what was lost and what is still held are the price; never more."""
    with transaction.atomic():
        start = clock.now()
        publish_table(cancel_returns=back, expiry_returns=100 - back, valid_from=start)
        rider = rider_with(40)
        kind = {"by_amount": True} if parts is None else {"parts": parts}
        voucher = reserved(rider, shop, price=price, face_value_fen=face, **kind)
        total, used, days, is_over = face if parts is None else parts, 0, 0, False
        for n, (step, units) in enumerate(steps):
            days += 8 if step == "wait" else 20 if step == "expire" else 0
            with clock.at(start + timedelta(days=days)):
                if step == "expire":
                    is_over = bool(expire_due()) or is_over
                elif step == "cancel" and not is_over and clock.now() < voucher.expires_at:
                    is_over = bool(cancel(actor=rider, voucher=voucher.public_id))
                elif step == "use":
                    try:
                        use(clerk, voucher, units, f"redeem-key-{n}")
                        used += units
                        is_over = used == total
                    except (NotSoMuchLeft, VoucherRefused):
                        assert is_over or used + units > total or clock.now() >= voucher.expires_at
        voucher.refresh_from_db()
        uses = list(Use.objects.filter(voucher=voucher))
        taken = sum(one.points for one in uses)
        assert (sum(one.units for one in uses), voucher.used) == (used, used)
        assert taken == price * used // total
        assert sum(one.fen for one in uses) == face * used // total
        summary, lost = queries.summary_for(rider.ref), queries.collected("city", "expired")
        assert (settled(shop), summary.balance) == (taken, 40 - price + voucher.returned)
        assert taken + voucher.returned + lost + summary.held == price
        assert (summary.held == 0) == is_over or price == taken
        assert compare().is_sound
        transaction.set_rollback(True)


# ── when ────────────────────────────────────────────────────────────────────


def refused(clerk: Any, voucher: Voucher) -> tuple[str, str]:
    with pytest.raises(VoucherRefused) as error:
        check(actor=clerk, text=voucher.number)
    return error.value.reason, str(error.value.context.get("when"))


def test_a_voucher_waits_until_it_opens(rider: Any, shop: Any, clerk: Any) -> None:
    voucher = reserved(rider, shop)
    opens = clock.now() + timedelta(hours=3)
    Voucher.objects.update(opens_at=opens)
    assert refused(clerk, voucher) == ("early", f"{clock.city_time(opens):%m-%d %H:%M}")
    assert queries.ticket(rider, voucher.public_id).is_early
    with clock.at(opens):
        assert check(actor=clerk, text=voucher.number).voucher == voucher


def test_a_voucher_keeps_the_hours_and_terms_it_was_sold_with(rider: Any, shop: Any, clerk: Any) -> None:
    voucher = reserved(rider, shop, windows="", terms="不含饮料")
    Item.objects.update(windows="Mo-Su 02:00-02:01", terms="全场不可用")
    today, _end = clock.city_day(clock.city_date(clock.now()))
    with clock.at(today + timedelta(days=1, hours=12)):
        assert check(actor=clerk, text=voucher.number).voucher == voucher
    shown = queries.ticket(rider, voucher.public_id)
    assert (shown.windows, shown.terms) == ("", "不含饮料")
    assert queries.seen_at_till(Voucher.objects.get()).terms == "不含饮料"


def test_what_happened_between_the_look_and_the_lock_still_stops_a_taking(
    rider: Any, shop: Any, clerk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop closes after the check and before the voucher is locked."""
    voucher, look = reserved(rider, shop), taking.check

    def look_then_close(**asked: Any) -> Any:
        found = look(**asked)
        close_merchant(merchant_id=shop.pk, actor="system:test")
        monkeypatch.setattr(taking, "check", look)
        return found

    monkeypatch.setattr(taking, "check", look_then_close)
    with pytest.raises(VoucherRefused) as refused_now:
        use(clerk, voucher, None, "redeem-key-1")
    voucher.refresh_from_db()
    assert (refused_now.value.reason, voucher.state, Use.objects.count()) == ("paused", "reserved", 0)
    assert Refusal.objects.get().reason == "paused"


def test_a_charging_priority_is_good_at_night_only(rider: Any, shop: Any, clerk: Any) -> None:
    voucher = reserved(rider, shop, windows="Mo-Su 22:00-06:00")
    today, _end = clock.city_day(clock.city_date(clock.now()))
    noon, night = today + timedelta(days=1, hours=12), today + timedelta(days=1, hours=23)
    with clock.at(noon):
        assert refused(clerk, voucher) == ("outside_window", f"{clock.city_time(noon):%m-%d} 22:00")
        assert queries.till(clerk).lines[0].refused == "不在可用时段"
    with clock.at(night):
        assert check(actor=clerk, text=voucher.number).voucher == voucher
    assert queries.ticket(rider, voucher.public_id).windows == "每天 22:00–次日 06:00"


# ── what the database keeps, and what a proof finds ─────────────────────────


def test_the_database_refuses_an_edit_of_a_use_and_a_voucher_that_says_too_much(
    rider: Any, shop: Any, clerk: Any
) -> None:
    voucher = reserved(rider, shop, parts=3)
    done = use(clerk, voucher, 1, "redeem-key-1")
    for spoil in (
        lambda: Use.objects.filter(pk=done.pk).update(fen=1),
        lambda: Use.objects.filter(pk=done.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            spoil()
    for wrong in ({"used": 4}, {"used": 3}, {"used": 0}, {"state": "redeemed"}, {"state": "reserved"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Voucher.objects.update(**wrong)


@pytest.mark.parametrize("kind", ["parts=0", "by_amount without a value", "by_amount in parts"])
def test_an_item_says_one_thing_about_its_parts(shop: Any, kind: str) -> None:
    fields = {
        "parts=0": {"parts": 0},
        "by_amount without a value": {"by_amount": True, "face_value_fen": None},
        "by_amount in parts": {"by_amount": True, "parts": 2},
    }[kind]
    with pytest.raises(IntegrityError), transaction.atomic():
        item(shop, **fields)


def test_a_proof_finds_what_uses_vouchers_and_books_do_not_say_alike(rider: Any, shop: Any, clerk: Any) -> None:
    first, second = reserved(rider, shop, parts=4), reserved(rider, shop, "client-key-2", parts=4)
    done = use(clerk, first, 1, "redeem-key-1")
    use(clerk, second, 2, "redeem-key-2")
    seal_postings()
    assert compare().is_sound
    with transaction.atomic():
        Voucher.objects.filter(pk=first.pk).update(used=2)
        assert compare().findings == {"wrong_vouchers": [first.number]}
        transaction.set_rollback(True)
    with transaction.atomic():
        Voucher.objects.filter(pk=first.pk).update(face_value_fen=1600)
        assert compare().findings == {"wrong_vouchers": [first.number]}
        transaction.set_rollback(True)
    with transaction.atomic():
        _lift("update")
        Use.objects.filter(pk=done.pk).update(points=1)
        found = compare().findings
        assert (found["wrong_uses"], found["wrong_vouchers"]) == ([done.posting_id], [first.number])
        transaction.set_rollback(True)
    with transaction.atomic():
        _lift("delete")
        Use.objects.filter(pk=done.pk).delete()
        assert compare().findings["wrong_uses"] == [done.posting_id]
        transaction.set_rollback(True)


def _lift(verb: str) -> None:
    on = " ON rewards_use" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER rewards_use_no_{verb}{on}")


def test_points_that_lie_in_parts_live_on_when_they_come_back(rider: Any, shop: Any, clerk: Any) -> None:
    """What comes back goes into the lots it came from; nothing of what was used does."""
    voucher = reserved(rider, shop, price=50, parts=5)
    use(clerk, voucher, 4, "redeem-key-1")
    cancel(actor=rider, voucher=voucher.public_id)
    assert sum(lot.points for lot in queries.lots_of(rider.ref)) == queries.balance(rider.ref) == 10
    assert expire_lots() == 0
    assert compare().is_sound


# ── at the till ──────────────────────────────────────────────────────────────


def test_the_till_asks_how_much_and_says_what_is_left(client: Any, rider: Any, shop: Any, clerk: Any) -> None:
    meals = reserved(rider, shop, parts=5)
    money = reserved(rider, shop, "client-key-2", by_amount=True, face_value_fen=2000)
    client.force_login(Person.objects.get(pk=clerk.person_id), backend=BACKEND)
    page = client.post("/m/check", {"code": meals.number}).content.decode()
    assert 'name="units"' in page
    assert "还剩 5 次" in page
    assert 'name="yuan"' in client.post("/m/check", {"code": money.number}).content.decode()

    sent = {"number": meals.number, "redeem_key": "redeem-key-1", "units": "2"}
    assert "用掉 2 次，还剩 3 次" in client.post("/m/redeem", sent).content.decode()
    assert "用掉 2 次，还剩 3 次" in client.post("/m/redeem", sent).content.decode()
    sent = {"number": money.number, "redeem_key": "redeem-key-2", "yuan": "6.50"}
    assert "用掉 6.50 元，还剩 13.50 元" in client.post("/m/redeem", sent).content.decode()
    assert sorted(Use.objects.values_list("units", flat=True)) == [2, 650]
    for wrong in ("13.51", "0", "-1", "1.005", "NaN", "1e99", "zehn"):
        answer = client.post("/m/redeem", {"number": money.number, "redeem_key": "redeem-key-3", "yuan": wrong})
        assert answer.status_code == 409
        assert "还剩 13.50 元" in answer.content.decode()
    answer = client.post("/m/redeem", {"number": meals.number, "redeem_key": "redeem-key-4"})
    assert answer.status_code == 422
    assert Use.objects.count() == 2


def test_who_takes_minutes_to_confirm_scans_once(client: Any, rider: Any, shop: Any, clerk: Any) -> None:
    voucher = reserved(rider, shop)
    client.force_login(Person.objects.get(pk=clerk.person_id), backend=BACKEND)
    shown = queries.codes_of(rider, voucher.public_id).text(clock.now())
    assert "签名已验" in client.post("/m/check", {"code": shown}).content.decode()
    with clock.at(clock.now() + timedelta(minutes=5)):
        sent = {"code": shown, "number": voucher.number, "redeem_key": "redeem-key-1"}
        assert client.post("/m/redeem", sent).status_code == 200
    assert Use.objects.count() == 1


def test_a_riders_pages_say_what_is_left_and_show_a_code(client: Any, rider: Any, shop: Any, clerk: Any) -> None:
    voucher = reserved(rider, shop, parts=5)
    use(clerk, voucher, 2, "redeem-key-1")
    client.force_login(Person.objects.get(pk=rider.person_id), backend=BACKEND)
    page = client.get(f"/vouchers/{voucher.public_id}").content.decode()
    assert "已用 2/5 次" in page
    assert "还剩 3 次" in page
    assert '<meta http-equiv="refresh" content="20">' in page
    assert "已用 2/5 次" in client.get("/vouchers").content.decode()
    given = client.get(f"/vouchers/{voucher.public_id}/codes")
    assert given["Cache-Control"] == "private, no-store"
    said = given.json()
    chain = qr.Chain(tokens.unb64(said["signed"]), tokens.unb64(said["last"]), said["now"] // 1000, 20, said["steps"])
    code = qr.read_code(chain.text(clock.now()))
    assert (code.number, code.used, code.total, code.is_fresh, said["used"]) == (voucher.number, 2, 5, True, 2)
    picture = client.get(f"/vouchers/{voucher.public_id}/code.svg")
    assert (picture["Content-Type"], picture["Cache-Control"]) == ("image/svg+xml", "private, no-store")
    client.force_login(Person.objects.get(pk=person().person_id), backend=BACKEND)
    for tail in ("", "/codes", "/code.svg"):
        assert client.get(f"/vouchers/{voucher.public_id}{tail}").status_code == 404


# ── costs ───────────────────────────────────────────────────────────────────


def test_pages_cost_the_same_for_one_use_and_for_many(rider: Any, shop: Any, clerk: Any) -> None:
    vouchers = [reserved(rider, shop, f"client-key-{n}", parts=9, price=2) for n in range(4)]
    counts = []
    for n in range(3):
        for voucher in vouchers[: 1 if n == 0 else 4]:
            use(clerk, voucher, 1, f"redeem-key-{n}-{voucher.pk}")
        with CaptureQueriesContext(connection) as asked:
            queries.till(clerk)
            queries.tickets(rider)
            queries.takings(rider, vouchers[0].public_id)
        counts.append(len(asked))
    assert counts[0] == counts[1] == counts[2]
