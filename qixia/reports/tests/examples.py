"""How the services of reports are called: each step on a report that got where it is through the real steps."""

from datetime import timedelta

from qixia.kernel import clock
from qixia.places import queries as places
from qixia.reports import services
from qixia.reports.tests.town import Town, accepted, at, build_town, photo, reach, the
from tests.examples import example


def a_town() -> Town:
    places.forget()
    return build_town()


@example("reports.services.submit")
def report_a_missing_manhole_cover() -> None:
    town = a_town()
    receipt = services.submit(
        actor=town.rider, client_key="phone-key-0001", place=at(), photos=[photo()], words="井盖没了"
    )
    assert the(receipt).state == "received"


@example("reports.services.settle")
def give_class_place_and_unit() -> None:
    receipt = accepted(a_town().rider)
    (settlement,) = services.settle([the(receipt).pk])
    assert the(receipt).state == "dispatched", settlement


@example("reports.services.sort")
def sort_by_hand() -> None:
    town = a_town()
    report = the(reach(town, "sorting"))
    services.sort(actor=town.clerk, public_id=report.public_id, cls="manhole", severity="high", unit_code="shizheng")


@example("reports.services.validate")
def call_it_valid() -> None:
    town = a_town()
    services.validate(actor=town.clerk, public_id=reach(town, "dispatched").public_id)


@example("reports.services.redirect")
def send_it_to_another_unit() -> None:
    town = a_town()
    report = reach(town, "dispatched")
    services.redirect(actor=town.clerk, public_id=report.public_id, unit_code="huanwei", reason="归环卫")


@example("reports.services.reject")
def call_it_invalid() -> None:
    town = a_town()
    services.reject(actor=town.clerk, public_id=reach(town, "dispatched").public_id, reason="现场没有这回事")


@example("reports.services.accept")
def take_it_on() -> None:
    town = a_town()
    services.accept(actor=town.worker, public_id=reach(town, "dispatched").public_id)


@example("reports.services.assign")
def hand_it_to_a_colleague() -> None:
    town = a_town()
    report = reach(town, "accepted")
    services.assign(actor=town.worker, public_id=report.public_id, person_public_id=town.people["colleague"].public_id)


@example("reports.services.return_report")
def return_it_with_a_reason() -> None:
    town = a_town()
    report = reach(town, "dispatched")
    services.return_report(actor=town.worker, public_id=report.public_id, reason="不归我们", should_act="供电")


@example("reports.services.arrive")
def note_the_arrival() -> None:
    town = a_town()
    services.arrive(actor=town.worker, public_id=reach(town, "accepted").public_id, text="到场，已围挡")


@example("reports.services.answer")
def answer_the_rider() -> None:
    town = a_town()
    services.answer(actor=town.worker, public_id=reach(town, "accepted").public_id, text="明天来换")


@example("reports.services.resolve")
def say_that_it_is_mended() -> None:
    town = a_town()
    report = reach(town, "accepted")
    services.resolve(actor=town.worker, public_id=report.public_id, text="已换新井盖", photos=[photo(7)])


@example("reports.services.verify")
def find_it_mended() -> None:
    town = a_town()
    services.verify(actor=town.clerk, public_id=reach(town, "resolved").public_id)


@example("reports.services.send_back")
def find_it_not_mended() -> None:
    town = a_town()
    services.send_back(actor=town.clerk, public_id=reach(town, "resolved").public_id, text="还是松的")


@example("reports.services.confirm_solved")
def say_solved() -> None:
    town = a_town()
    services.confirm_solved(actor=town.rider, public_id=reach(town, "confirming").public_id)


@example("reports.services.say_unsolved")
def say_not_solved() -> None:
    town = a_town()
    services.say_unsolved(actor=town.rider, public_id=reach(town, "confirming").public_id, text="还是松的")


@example("reports.services.close_silent")
def file_what_nobody_answered() -> None:
    reach(a_town(), "confirming")
    with clock.at(clock.now() + timedelta(days=8)):
        assert services.close_silent() == 1
