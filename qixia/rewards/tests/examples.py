"""How the services of rewards are called."""

from datetime import timedelta
from typing import Any

from qixia.kernel import clock
from qixia.kernel.claims import claim_hash
from qixia.people.access import Actor
from qixia.policy.services import publish_seeds
from qixia.rewards import queries, services
from qixia.rewards.booking import SlotPlan
from qixia.rewards.models import Hold, Posting, Voucher
from qixia.rewards.rules import Signal
from qixia.rewards.services import Award, ItemForm, Taker
from qixia.rewards.tests import settled
from qixia.rewards.tests.builders import (
    a_photo,
    item,
    organisation,
    person,
    phone_of,
    rider_by_phone,
    rider_with,
    slot,
    therapy,
)
from qixia.rewards.tests.conftest import publish_table
from qixia.rewards.tests.phones import Phone, enrolled
from tests.examples import example, exempt


def a_phone() -> Phone:
    table()
    return enrolled(person("merchant", organisation()))


@example("rewards.services.certify")
def confirm_meals_that_riders_carried() -> None:
    publish_seeds()
    worker, rider = person("clerk", organisation("jintang", "community")), rider_by_phone(1)
    today = clock.city_date(clock.now())
    done = services.certify(actor=worker, rule="care.meal", day=today, text=f"{phone_of(1)} 2")
    assert done.points == queries.balance(rider.ref) == 20


@example("rewards.services.enrol_device")
def let_a_phone_take_vouchers_without_network() -> None:
    assert a_phone().row.certificate


@example("rewards.services.renew_device")
def bring_a_phone_online_again() -> None:
    phone = a_phone()
    assert services.renew_device(actor=phone.staff, device=phone.row.public_id).valid_until > clock.now()


@example("rewards.services.revoke_device")
def stop_a_lost_phone() -> None:
    phone = a_phone()
    assert services.revoke_device(actor=phone.staff, device=phone.row.public_id).revoked_at


@example("rewards.services.book_offline")
def book_what_a_phone_took() -> None:
    phone = a_phone()
    phone.take(a_voucher(rider_with(50), phone.row.merchant))
    assert [answer.state for answer in phone.send()] == ["accepted"]


exempt("rewards.services.settle_losses", "what settle_money writes leaves the event; see test_offline")
REPORT = "report:00000000000000000000000001"

exempt("rewards.services.check", "only looks; a refusal is kept as a row of its own")
exempt("rewards.services.compare", "only compares; rebuild is what changes and leaves history")


def table() -> None:
    publish_table()
    publish_seeds()


def an_award(beneficiary: str, **changes: Any) -> dict[str, Any]:
    act = {"rule": "manhole", "source": REPORT, "act": "reports.dispatched", "actor": "system:worker"}
    return {"beneficiary": beneficiary, **act, **changes}


def a_voucher(rider: Actor, shop: Any) -> Voucher:
    return services.reserve(actor=rider, item=item(shop).public_id, client_key="client-key-1")


@example("rewards.services.award")
def give_points_for_a_manhole() -> None:
    table()
    posting = services.award(**an_award(person().ref))
    assert (posting.points, posting.params["title"]) == (15, "井盖缺失破损移位")


@example("rewards.services.award_many")
def give_points_to_many_at_once() -> None:
    table()
    postings = services.award_many([Award(**an_award(person().ref, source=f"report:{number}")) for number in range(3)])
    assert len(postings) == 3


@example("rewards.services.reverse")
def take_points_back() -> None:
    table()
    services.award(**an_award(person().ref))
    assert len(services.reverse(source=REPORT, reason="不属实", actor="system:worker")) == 1


@example("rewards.services.restore")
def give_back_what_was_taken() -> None:
    take_points_back()
    assert len(services.restore(source=REPORT, reason="申诉成立", actor="system:worker")) == 1


SECRETS = [f"{number:043d}" for number in range(3)]


def _promised() -> None:
    table()
    for secret in SECRETS:
        services.promise(claim_hash=claim_hash(secret) or "")


@example("rewards.services.promise")
def promise_points_to_a_secret() -> None:
    _promised()


@example("rewards.services.claim")
def claim_what_was_promised() -> None:
    _promised()
    with clock.at(clock.now() + timedelta(days=1)):
        assert services.claim(secrets=SECRETS[:1], beneficiary=person().ref).count == 1


@example("rewards.services.pay_claims")
def pay_what_was_claimed() -> None:
    _promised()
    with clock.at(clock.now() + timedelta(days=1)):
        for secret in SECRETS:
            services.claim(secrets=[secret], beneficiary=person().ref)
        assert services.pay_claims() == 3


@example("rewards.services.reserve")
def exchange_points_for_a_voucher() -> None:
    table()
    assert a_voucher(rider_with(50), organisation()).state == "reserved"


@example("rewards.services.cancel")
def give_a_voucher_back() -> None:
    table()
    rider = rider_with(50)
    voucher = a_voucher(rider, organisation())
    assert services.cancel(actor=rider, voucher=voucher.public_id).state == "cancelled"


@example("rewards.services.redeem")
def take_a_voucher_at_the_till() -> None:
    table()
    shop = organisation()
    voucher = a_voucher(rider_with(50), shop)
    clerk = person("merchant", shop)
    assert services.redeem(actor=clerk, text=voucher.number, redeem_key="till-key-1").voucher.state == "redeemed"


@example("rewards.services.take")
def book_what_was_taken_of_a_voucher() -> None:
    table()
    shop = organisation()
    voucher = a_voucher(rider_with(50), shop)
    taker = Taker("person:clerk", person("merchant", shop).person_id or 0, shop.pk)
    use = services.take(voucher=voucher, units=1, taker=taker, redeem_key="till-key-2", taken_at=clock.now())
    assert use.voucher.state == "redeemed"


@example("rewards.services.expire_due")
def let_a_voucher_expire() -> None:
    table()
    a_voucher(rider_with(50), organisation())
    with clock.at(clock.now() + timedelta(days=30)):
        assert services.expire_due() == 1


@example("rewards.services.save_item")
def add_an_item_to_the_catalogue() -> None:
    form = ItemForm(
        name="午餐券",
        summary="",
        kind="meal",
        need="food",
        price=60,
        face_value_fen=1500,
        limit_per_person=2,
        limit_days=7,
        merchant_id=organisation().pk,
        valid_days=14,
        picture="meal",
        terms="",
        active=True,
        order=1,
    )
    assert services.save_item(actor=person("admin"), form=form, stock_change=10).stock == 10


def _sold_out() -> tuple[Actor, Voucher, Actor, Any]:
    """The last piece is in a voucher, and somebody waits for it."""
    table()
    holder, waiter = rider_with(20), person()
    thing = item(stock=1)
    voucher = services.reserve(actor=holder, item=thing.public_id, client_key="client-key-1")
    return holder, voucher, waiter, services.wait(actor=waiter, item=thing.public_id)


@example("rewards.services.wait")
def wait_for_what_is_gone() -> None:
    holder, voucher, waiter, line = _sold_out()
    services.cancel(actor=holder, voucher=voucher.public_id)
    line.refresh_from_db()
    assert (line.state, queries.lines_of(waiter)[0].is_offered) == ("offered", True)


@example("rewards.services.leave")
def leave_the_line() -> None:
    _holder, _voucher, waiter, line = _sold_out()
    assert services.leave(actor=waiter, waiting=line.public_id).state == "left"


@example("rewards.services.settle_lines")
def give_what_was_not_fetched_to_the_next() -> None:
    holder, voucher, _waiter, line = _sold_out()
    services.cancel(actor=holder, voucher=voucher.public_id)
    with clock.at(clock.now() + timedelta(days=2)):
        assert services.settle_lines() == 1
    line.refresh_from_db()
    assert line.state == "lapsed"


@example("rewards.services.forget_waiting")
def forget_who_waited() -> None:
    _holder, _voucher, waiter, _line = _sold_out()
    assert services.forget_waiting(person=waiter.public_id) == 1


@example("rewards.services.make_slots")
def open_times_by_rule() -> None:
    table()
    first = clock.city_date(clock.now()) + timedelta(days=1)
    plan = SlotPlan(
        weekdays=frozenset(range(7)),
        spans=((540, 720),),
        minutes=30,
        places=2,
        first=first,
        last=first,
        skip_holidays=False,
    )
    assert services.make_slots(actor=person("admin"), item=therapy().public_id, plan=plan) == 6


@example("rewards.services.add_slot")
def open_one_time() -> None:
    table()
    starts_at = clock.now() + timedelta(days=2)
    made = services.add_slot(actor=person("admin"), item=therapy().public_id, starts_at=starts_at, minutes=30, places=1)
    assert (made.starts_at, made.taken) == (starts_at, 0)


@example("rewards.services.change_places")
def give_a_time_more_places() -> None:
    table()
    place = slot(therapy())
    assert services.change_places(actor=person("admin"), slot=place.public_id, places=3).capacity == 3


def _booked(hours: float = 48) -> tuple[Actor, Voucher, Any]:
    table()
    rider, place = rider_with(20), slot(therapy(), hours=hours)
    thing = place.item.public_id
    return (
        rider,
        services.reserve(actor=rider, item=thing, client_key="client-key-1", slot=place.public_id),
        place,
    )


@example("rewards.services.close_slot")
def call_a_time_off() -> None:
    rider, _voucher, place = _booked()
    services.close_slot(actor=person("admin"), slot=place.public_id, reason="师傅生病")
    assert queries.balance(rider.ref) == 20


@example("rewards.services.end_called_off")
def give_back_what_was_booked_and_called_off() -> None:
    rider, _voucher, place = _booked()
    type(place).objects.update(closed_at=clock.now(), closed_why="停电")  # the process died right after this
    assert services.end_called_off() == 1
    assert queries.balance(rider.ref) == 20


@example("rewards.services.rebook")
def come_at_another_time() -> None:
    rider, voucher, place = _booked()
    later = slot(place.item, hours=60)
    assert services.rebook(actor=rider, voucher=voucher.public_id, slot=later.public_id).slot == later


@example("rewards.services.remind_booked")
def remind_of_tomorrow() -> None:
    _booked(hours=30)
    with clock.at(clock.now() + timedelta(hours=8)):
        assert services.remind_booked() == 1


@example("rewards.services.show_items")
def take_items_down() -> None:
    table()
    things = [item().public_id, item().public_id]
    assert services.show_items(actor=person("admin"), items=things, active=False) == 2


@example("rewards.services.set_photo")
def show_a_photo_of_an_item() -> None:
    table()
    thing = services.set_photo(actor=person("admin"), item=item().public_id, photo=a_photo(), alt="一碗热汤面")
    assert thing.photo_alt == "一碗热汤面"


@example("rewards.services.drop_photo")
def go_back_to_the_drawing() -> None:
    table()
    admin, thing = person("admin"), item()
    services.set_photo(actor=admin, item=thing.public_id, photo=a_photo(), alt="一碗热汤面")
    assert services.drop_photo(actor=admin, item=thing.public_id).photo is None


def _appealed() -> tuple[Actor, Any]:
    table()
    rider = person()
    posting = services.award(**an_award(rider.ref))
    return rider, services.appeal_points(actor=rider, entry=posting.pk, text="我觉得少了几分")


@example("rewards.services.appeal_points")
def say_that_an_entry_is_wrong() -> None:
    _rider, appeal = _appealed()
    assert appeal.state == "open"


@example("rewards.services.answer_appeal")
def answer_an_appeal_about_points() -> None:
    rider, appeal = _appealed()
    services.answer_appeal(actor=person("admin"), public_id=appeal.public_id, points=5, answer="少算了")
    assert queries.balance(rider.ref) == 20


@example("rewards.services.forget_appeals")
def forget_what_a_rider_said() -> None:
    rider, _appeal = _appealed()
    assert services.forget_appeals(person=rider.public_id) == 1
    assert services.forget_appeals(person=rider.public_id) == 0


@example("rewards.services.publish_table")
def publish_the_next_table() -> None:
    table()
    latest = queries.latest_table()
    data = latest.data.model_dump(mode="json") | {"day_cap": 90}
    made = services.publish_table(actor=person("admin"), data=data, note="冬天少一点", after=latest.version)
    assert queries.latest_table().version == made == latest.version + 1


@example("rewards.services.rebuild")
def rebuild_the_balances() -> None:
    table()
    rider_with(15)
    assert services.rebuild(actor="person:admin") == 0


@example("rewards.services.expire_lots")
def let_old_points_go() -> None:
    table()
    rider_with(15)
    with clock.at(clock.now() + timedelta(days=800)):
        assert services.expire_lots() == 1


exempt("rewards.services.warn_expiring", "tells riders what ends soon; no point moves, the notice itself is the trace")
exempt("rewards.services.pay_owed", "the award that it writes leaves the event (rewards.award); see test_budgets")
exempt(
    "rewards.services.watch_budgets",
    "nothing to tell of in an empty town; leaves rewards.budget_warned, see test_budgets",
)


@example("rewards.services.open_budget")
def open_a_period_by_hand() -> Any:
    today = clock.city_date(clock.now())
    return services.open_budget(
        actor=person("admin"), owner_ref="city", unit="fen", starts_on=today, ends_on=today, cap=100_000
    )


@example("rewards.services.change_cap")
def raise_a_cap() -> None:
    made = open_a_period_by_hand()
    admin = person("admin")
    assert services.change_cap(actor=admin, budget=made.public_id, cap=200_000, reason="追加").rest == 200_000


@example("rewards.services.settle_money")
def put_money_down_for_a_shop() -> None:
    open_a_period_by_hand()
    payee = f"organisation:{organisation().public_id}"
    act = {"source": "settlement:1", "act": "rewards.settled", "actor": "person:admin"}
    assert services.settle_money(payee=payee, fen=1250, **act).nominal == 1250


def a_hold() -> str:
    table()
    services.award_many([Award(**an_award(person().ref), signals=(Signal("reused-photo"),))])
    return Hold.objects.latest("pk").public_id


@example("rewards.services.post_hold")
def give_what_was_held() -> None:
    assert services.post_hold(actor=person("admin"), public_id=a_hold()).points == 15


@example("rewards.services.void_hold")
def give_nothing_of_what_was_held() -> None:
    assert services.void_hold(actor=person("admin"), public_id=a_hold(), reason="照片是旧的").points == 0


@example("rewards.services.forget_holds")
def forget_what_spoke_against_points() -> None:
    a_hold()
    person = Hold.objects.latest("pk").owner_ref.removeprefix("person:")
    assert services.forget_holds(person=person) == 1
    assert services.forget_holds(person=person) == 0


@example("rewards.services.time_out_holds")
def let_time_decide() -> None:
    a_hold()
    with clock.at(clock.now() + timedelta(days=30)):
        assert services.time_out_holds() == 1


def a_late_posting() -> int:
    """One that came in past the books, far below the last sealed one."""
    late = Posting.objects.order_by("pk")[0]
    late.pk, late.key, late.points, late.nominal = late.pk - 30_000, "late", 0, 0
    late.save(force_insert=True)
    return int(late.pk)


@example("rewards.services.seal_postings")
def seal_what_is_new() -> None:
    table()
    rider_with(15)
    assert services.seal_postings() == 1


@example("rewards.services.acknowledge")
def say_why_a_late_posting_may_stand() -> None:
    table()
    rider_with(15)
    services.seal_postings()
    late = a_late_posting()
    auditor = person("auditor")
    services.acknowledge(actor=auditor, posting=late, reason="停电时的一笔，核对过")
    assert services.acknowledge(actor=auditor, posting=late, reason="同一笔").reason == "停电时的一笔，核对过"


@example("rewards.services.prove")
def prove_the_books() -> None:
    assert services.prove().sound


@example("rewards.services.close_merchant")
def close_a_shop_to_vouchers() -> None:
    table()
    services.close_merchant(merchant_id=organisation().pk, actor="system:test")


@example("rewards.services.open_merchant")
def open_it_again() -> None:
    table()
    shop = organisation()
    services.close_merchant(merchant_id=shop.pk, actor="system:test")
    services.open_merchant(merchant_id=shop.pk, actor="system:test")


@example("rewards.services.end_of_closed")
def give_back_what_riders_hold_of_a_shop_that_left() -> None:
    table()
    shop = organisation()
    a_voucher(rider_with(100), shop)
    services.close_merchant(merchant_id=shop.pk, actor="system:test", final=True)
    assert services.end_of_closed() == 1


# ── settlement ────────────────────────────────────────────────────────────────
def _statement(state: str) -> settled.Town:
    table()
    settled.budget()
    return settled.settled(state)


@example("rewards.services.issue_month")
def issue_a_month_by_hand() -> None:
    table()
    settled.budget()
    settled.one_use(organisation())
    with clock.at(settled.AFTER):
        assert len(services.issue_month(actor=settled.somebody("admin"), month=settled.MONTH).issued) == 1


@example("rewards.services.issue_due")
def issue_last_month() -> None:
    table()
    settled.budget()
    settled.one_use(organisation())
    with clock.at(settled.AFTER):
        assert len(services.issue_due().issued) == 1


@example("rewards.services.dispute")
def object_to_a_statement() -> None:
    town = _statement("issued")
    with clock.at(town.now):
        made = services.dispute(actor=town.clerk, statement=town.row.public_id, reason="合计少了")
    assert made.state == "open"


@example("rewards.services.answer_dispute")
def accept_an_objection() -> None:
    town = _statement("disputed")
    dispute = town.row.disputes.get().public_id
    with clock.at(town.now):
        made = services.answer_dispute(actor=town.boss, dispute=dispute, answer="补上", fen=300)
    assert made.state == "accepted"


@example("rewards.services.correct")
def correct_a_statement() -> None:
    town = _statement("issued")
    with clock.at(town.now):
        made = services.correct(
            actor=town.boss, statement=town.row.public_id, fen=-100, reason="多算了", client_key="correction-1"
        )
    assert made.fen == -100


@example("rewards.services.agree")
def agree_to_a_statement() -> None:
    town = _statement("issued")
    with clock.at(town.now):
        assert services.agree(actor=town.keeper, statement=town.row.public_id).state == "agreed"


@example("rewards.services.agree_silent")
def let_silence_agree() -> None:
    town = _statement("issued")
    with clock.at(town.now + timedelta(days=30)):
        assert services.agree_silent() == 1


@example("rewards.services.remind_silent")
def remind_before_silence_agrees() -> None:
    town = _statement("issued")
    with clock.at(town.now + timedelta(days=5)):
        assert services.remind_silent() == 1


@example("rewards.services.record_payment")
def record_a_payment() -> None:
    town = _statement("agreed")
    with clock.at(town.now):
        assert settled.paid(town).fen == 3000


@example("rewards.services.reverse_payment")
def take_a_payment_back() -> None:
    town = _statement("paid")
    payment = town.row.payments.get().public_id
    with clock.at(town.now):
        made = services.reverse_payment(actor=town.boss, payment=payment, reason="登记错了")
    assert made.reversed_at is not None
