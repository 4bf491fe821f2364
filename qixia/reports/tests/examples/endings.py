"""How a report ends, and opens again."""

from datetime import timedelta

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.offers import services as offers
from qixia.offers.queries import offers_near
from qixia.reports import services
from qixia.reports.models import (
    Support,
)
from qixia.reports.tests.examples.grounds import SECRET, a_town, anonymously, support_what_is_there
from qixia.reports.tests.town import (
    Town,
    at,
    photo_after,
    reach,
    the,
)
from tests.examples import example


@example("reports.services.confirm_solved")
def say_solved() -> None:
    town = a_town()
    services.confirm_solved(actor=town.rider, public_id=reach(town, "confirming").public_id)


@example("reports.services.say_unsolved")
def say_not_solved() -> None:
    town = a_town()
    services.say_unsolved(actor=town.rider, public_id=reach(town, "confirming").public_id, text="还是松的")


def looked_at(town: Town, *, fixed: bool = True) -> None:
    receipt = reach(town, "resolved")
    run_pending()
    (card,) = offers_near(town.other_rider)
    offers.take(actor=town.other_rider, public_id=card.public_id)
    services.look_again(
        actor=town.other_rider, offer=card.public_id, fixed=fixed, place=at(), photos=[photo_after(91)], text="看过了"
    )
    assert the(receipt).state == ("fixed" if fixed else "reopened")


@example("reports.services.offer_look")
def ask_riders_nearby_to_look() -> None:
    receipt = reach(a_town(), "resolved")
    assert services.offer_look(public_id=receipt.public_id, why="unsure")


@example("reports.services.withdraw_look")
def ask_nobody_any_more() -> None:
    receipt = reach(a_town(), "resolved")
    services.offer_look(public_id=receipt.public_id, why="unsure")
    assert services.withdraw_look(public_id=receipt.public_id) == 1


@example("reports.services.look_again")
def see_for_others_that_it_is_fixed() -> None:
    looked_at(a_town())


@example("reports.services.pay_witnesses")
def pay_who_looked() -> None:
    looked_at(a_town())
    with clock.at(clock.now() + timedelta(days=8)):
        assert services.pay_witnesses() == 1


@example("reports.services.forget_witness")
def forget_who_looked() -> None:
    town = a_town()
    looked_at(town)
    assert services.forget_witness(person=town.other_rider.public_id) == 1


@example("reports.services.take_measure")
def fine_who_caused_it() -> None:
    town = a_town()
    report = reach(town, "dispatched")
    day, number = clock.city_date(clock.now()), "演综罚〔2026〕18 号"
    services.take_measure(
        actor=town.worker, public_id=report.public_id, kind="fine", day=day, document=number, fen=50_000, party="小店"
    )


@example("reports.services.add_measure_result")
def say_how_it_was_taken() -> None:
    town = a_town()
    report = reach(town, "dispatched")
    day = clock.city_date(clock.now())
    made = services.take_measure(actor=town.worker, public_id=report.public_id, kind="warning", day=day)
    services.add_measure_result(
        actor=town.worker, public_id=report.public_id, measure=made.public_id, result="complied"
    )


@example("reports.services.praise")
def thank_whoever_reported_it() -> None:
    town = a_town()
    report = reach(town, "fixed")
    services.praise(actor=town.worker, public_id=report.public_id, text="多亏你看得细")


@example("reports.services.set_aside")
def say_that_it_is_none_of_the_city_s_business() -> None:
    assert the(reach(a_town(), "aside")).validity == "undecided"


@example("reports.services.appeal")
def say_that_a_decision_is_wrong() -> None:
    town = a_town()
    services.appeal(actor=town.rider, public_id=reach(town, "invalid").public_id, text="明明有")


@example("reports.services.appeal_anonymously")
def say_so_with_the_secret() -> None:
    town = a_town()
    receipt = anonymously()
    run_pending()
    services.reject(actor=town.clerk, public_id=receipt.public_id, reason="现场没有")
    services.appeal_anonymously(secret=SECRET, text="明明有")


def appealed(town: Town) -> services.Receipt:
    receipt = reach(town, "invalid")
    services.appeal(actor=town.rider, public_id=receipt.public_id, text="明明有")
    return receipt


@example("reports.services.grant_appeal")
def find_the_reporter_right() -> None:
    town = a_town()
    receipt = appealed(town)
    services.grant_appeal(actor=town.admin, public_id=receipt.public_id, text="照片看得清")
    assert the(receipt).state == "sorting"


@example("reports.services.restore_supports")
def give_supporters_back_what_they_lost() -> None:
    town = a_town()
    support_what_is_there(town)
    report = Support.objects.get().report
    with clock.at(clock.now() + timedelta(days=4)):
        services.pay_supports()
        services.reject(actor=town.clerk, public_id=report.public_id, reason="没有")
        services.pay_supports()
        services.appeal(actor=town.rider, public_id=report.public_id, text="明明有")
        services.grant_appeal(actor=town.admin, public_id=report.public_id, text="有道理")
        assert (services.restore_supports(), services.restore_supports()) == (1, 0)


@example("reports.services.deny_appeal")
def stand_by_a_decision() -> None:
    town = a_town()
    services.deny_appeal(actor=town.admin, public_id=appealed(town).public_id, reason="又去看过，没有")


@example("reports.services.rate")
def say_how_it_went() -> None:
    town = a_town()
    receipt = reach(town, "fixed")
    services.rate(actor=town.rider, public_id=receipt.public_id, answered=True, solved=True, content=3)


@example("reports.services.rate_anonymously")
def say_so_without_a_name() -> None:
    town = a_town()
    receipt = anonymously()
    run_pending()
    services.accept(actor=town.worker, public_id=receipt.public_id)
    services.resolve(actor=town.worker, public_id=receipt.public_id, text="换了", photos=[photo_after(7)])
    services.verify(actor=town.clerk, public_id=receipt.public_id)
    services.answer_anonymously(secret=SECRET, solved=True)
    services.rate_anonymously(secret=SECRET, answered=True, solved=True, content=2)
