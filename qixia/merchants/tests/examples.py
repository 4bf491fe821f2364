"""How the services of merchants are called."""

from datetime import timedelta

from qixia.kernel import clock
from qixia.merchants import services
from qixia.merchants.models import Merchant
from qixia.merchants.rules import PerkForm
from qixia.merchants.tests import builders as made
from qixia.policy.queries import current
from qixia.rewards.tests.conftest import publish_table
from tests.examples import example


def _member():
    made.prepared()
    judge = made.clerk()
    seller, row = made.admitted(judge)
    return judge, seller, row


def _perk(row, seller) -> str:
    form = PerkForm(kind="percent", title="全场八折", percent_off=20, starts_on=clock.city_date(clock.now()))
    return services.set_perk(actor=seller, merchant=row.public_id, form=form).public_id


@example("merchants.services.apply")
def ask_to_be_in() -> None:
    made.prepared()
    place = made.shop()
    row = services.apply(
        actor=made.keeper(place),
        organisation_id=place.pk,
        kind="canteen",
        address="东西路 8 号",
        lat=24.901,
        lng=118.6002,
    )
    assert row.state == "applied"


@example("merchants.services.hand_in_paper")
def show_a_licence() -> None:
    made.prepared()
    seller, row = made.applied()
    services.hand_in_paper(actor=seller, merchant=row.public_id, kind="licence", photo=made.photo())


@example("merchants.services.check_paper")
def look_at_a_licence() -> None:
    made.prepared()
    seller, row = made.applied("repair")
    (paper,) = made.handed_in(seller, row)
    row = services.check_paper(actor=made.clerk(), paper=paper.public_id, accept=True)
    assert row.state == "checked"


@example("merchants.services.agree")
def agree_to_the_terms() -> None:
    made.prepared()
    seller, row = made.applied()
    services.agree(actor=seller, merchant=row.public_id, version=current("merchants.agreement").version)


@example("merchants.services.admit")
def let_a_shop_in() -> None:
    made.prepared()
    judge = made.clerk()
    _seller, row = made.checked(judge)
    services.admit(actor=judge, merchant=row.public_id)


@example("merchants.services.refuse")
def refuse_a_shop() -> None:
    made.prepared()
    _seller, row = made.applied()
    services.refuse(actor=made.clerk(), merchant=row.public_id, reason="执照不是这家店的")


@example("merchants.services.suspend")
def suspend_a_shop() -> None:
    judge, _seller, row = _member()
    services.suspend(actor=judge, merchant=row.public_id, reason="优惠没有兑现")


@example("merchants.services.resume")
def let_it_go_on() -> None:
    judge, _seller, row = _member()
    services.suspend(actor=judge, merchant=row.public_id, reason="优惠没有兑现")
    services.resume(actor=judge, merchant=row.public_id)


@example("merchants.services.resume_due")
def let_go_on_whose_time_is_over() -> None:
    judge, _seller, row = _member()
    services.suspend(actor=judge, merchant=row.public_id, reason="停业整改", until=clock.city_date(clock.now()))
    with clock.at(clock.now() + timedelta(days=2)):
        assert services.resume_due() == 1


@example("merchants.services.leave")
def leave_the_alliance() -> None:
    _judge, seller, row = _member()
    services.leave(actor=seller, merchant=row.public_id)
    assert Merchant.objects.get().state == "left"


@example("merchants.services.set_hours")
def say_when_it_is_open() -> None:
    _judge, seller, row = _member()
    services.set_hours(actor=seller, merchant=row.public_id, opening="周一至周五 8:00-20:00")


@example("merchants.services.set_phone")
def say_which_number_riders_call() -> None:
    _judge, seller, row = _member()
    assert services.set_phone(actor=seller, merchant=row.public_id, phone="0595 2212 3456") == "0595-22123456"


@example("merchants.services.warn_of_ending")
def warn_of_a_paper_that_ends() -> None:
    _judge, _seller, row = _member()
    soon = clock.city_date(clock.now()) + timedelta(days=20)
    row.papers.filter(kind="food").update(valid_until=soon)
    assert services.warn_of_ending() == 1


@example("merchants.services.suspend_over")
def suspend_who_shows_no_new_paper() -> None:
    _judge, _seller, row = _member()
    row.papers.filter(kind="food").update(valid_until=clock.city_date(clock.now()) - timedelta(days=15))
    assert services.suspend_over() == 1


def _new_shop() -> services.NewShop:
    return services.NewShop(
        name="东西面馆",
        keeper="陈店主",
        keeper_phone="13700000099",
        kind="restaurant",
        address="东西路 8 号",
        lat=24.901,
        lng=118.6002,
    )


@example("merchants.services.open_shop")
def open_the_way_in_for_a_shop() -> None:
    made.prepared()
    row = services.open_shop(actor=made.clerk(), said=_new_shop())
    assert (row.state, row.organisation.name) == ("applied", "东西面馆")


@example("merchants.services.add_keeper")
def let_one_more_keep_it() -> None:
    judge, _seller, row = _member()
    services.add_keeper(actor=judge, merchant=row.public_id, keeper="小王", keeper_phone="13700000098")


@example("merchants.services.remove_keeper")
def let_one_less_keep_it() -> None:
    judge, _seller, row = _member()
    gone = made.keeper(row.organisation)
    services.remove_keeper(actor=judge, merchant=row.public_id, keeper=gone.public_id)


@example("merchants.services.set_perk")
def offer_twenty_percent_off() -> None:
    _judge, seller, row = _member()
    form = PerkForm(kind="percent", title="全场八折", percent_off=20, starts_on=clock.city_date(clock.now()))
    services.set_perk(actor=seller, merchant=row.public_id, form=form)


@example("merchants.services.end_perk")
def offer_it_no_more() -> None:
    _judge, seller, row = _member()
    services.end_perk(actor=seller, perk=_perk(row, seller))


@example("merchants.services.rate")
def rate_after_use() -> None:
    publish_table()
    _judge, seller, row = _member()
    rider = made.rider()
    voucher = made.used_voucher(rider, seller, row)
    services.rate(actor=rider, merchant=row.public_id, voucher=voucher.public_id, stars=5, words="饭热")


@example("merchants.services.count_ratings")
def publish_the_stars() -> None:
    made.prepared()
    (row,) = made.members(1, "canteen")
    for number in range(5):
        row.ratings.create(use=f"use-{number}", stars=4, month=clock.city_date(clock.now()))
    assert services.count_ratings() == 1


@example("merchants.services.found_alliance")
def found_an_alliance() -> None:
    made.prepared()
    services.found_alliance(actor=made.clerk(), division=made.COMMUNITY, name="小社区友好商家联盟")


@example("merchants.services.join_alliance")
def join_an_alliance() -> None:
    judge, _seller, row = _member()
    alliance = services.found_alliance(actor=judge, division=made.COMMUNITY, name="小社区友好商家联盟")
    services.join_alliance(actor=judge, alliance=alliance.public_id, merchant=row.public_id)
