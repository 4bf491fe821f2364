"""What units do with a case."""

from datetime import date, timedelta

from qixia.kernel import clock
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.queries import organisation_by_code
from qixia.reports import services
from qixia.reports.models import (
    Undertaking,
)
from qixia.reports.tests.examples.grounds import a_town
from qixia.reports.tests.town import (
    AT_ROAD,
    MAKER,
    Town,
    at,
    photo_after,
    reach,
    send,
    the,
)
from tests.examples import example


@example("reports.services.split")
def let_two_units_do_a_part_each() -> None:
    town = a_town()
    parts = [services.PartAsked("shizheng", "换井盖"), services.PartAsked("huanwei", "清掉周围的垃圾")]
    made = services.split(actor=town.clerk, public_id=reach(town, "dispatched").public_id, parts=parts)
    assert [part.state for part in made] == ["dispatched", "dispatched"]


def in_days(days: int) -> date:
    return clock.city_date(clock.now()) + timedelta(days=days)


@example("reports.services.promise")
def promise_an_answer() -> None:
    town = a_town()
    report = send(town.rider, "希望商圈多设几个骑手停车位", hint="parking-need")
    worker = staff_of(the(report).unit.code)
    services.promise(actor=worker, public_id=report.public_id, day=in_days(14), text="两周内踏勘后答复")


def staff_of(code: str) -> Actor:
    person = people.create_person(display_name="办事", username=f"of-{code}", actor=MAKER)
    people.grant_role(person_id=person.pk, role="worker", organisation_id=organisation_by_code(code).id, actor=MAKER)
    return actor_for(person)


def together(town: Town) -> tuple[services.Receipt, Undertaking]:
    receipt = send(town.rider, "希望商圈多设几个骑手停车位", hint="parking-need")
    made = services.start_undertaking(
        actor=town.clerk,
        title="商圈骑手停车位",
        aim="划出停车位",
        lead_code="chengguan",
        due=in_days(30),
        tasks=[services.TaskAsked("jiaojing", "划线", in_days(20))],
        numbers=[receipt.number],
    )
    return receipt, made


@example("reports.services.start_undertaking")
def act_together() -> None:
    together(a_town())


@example("reports.services.link_reports")
def answer_one_more_report() -> None:
    town = a_town()
    _receipt, made = together(town)
    more = send(town.other_rider, "停车位不够", hint="parking-need")
    assert services.link_reports(actor=town.clerk, public_id=made.public_id, numbers=[more.number]) == 1


def all_tasks_done(town: Town, made: Undertaking) -> None:
    services.finish_task(actor=town.clerk, public_id=made.public_id, task=made.tasks.get().pk, text="划好了")


@example("reports.services.finish_task")
def end_a_task() -> None:
    town = a_town()
    _receipt, made = together(town)
    all_tasks_done(town, made)


@example("reports.services.finish_undertaking")
def tell_everybody_what_there_is_now() -> None:
    town = a_town()
    receipt, made = together(town)
    all_tasks_done(town, made)
    there = services.Facility(200, "个停车位", lat=AT_ROAD[0], lng=AT_ROAD[1])
    services.finish_undertaking(
        actor=town.clerk, public_id=made.public_id, result="已开放", facility=there, photos=[photo_after(9)]
    )
    assert the(receipt).state == "resolved"


@example("reports.services.drop_undertaking")
def say_why_it_will_not_be_done() -> None:
    town = a_town()
    _receipt, made = together(town)
    services.drop_undertaking(actor=town.clerk, public_id=made.public_id, reason="地块另有规划")


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
    services.return_report(actor=town.worker, public_id=report.public_id, reason="归环卫", to="huanwei")


@example("reports.services.object_to")
def object_once() -> None:
    town = a_town()
    report = reach(town, "dispatched")
    services.return_report(actor=town.worker, public_id=report.public_id, reason="归环卫", to="huanwei")
    services.object_to(actor=town.cleaner, public_id=report.public_id, reason="路面不归环卫")
    assert the(report).state == "returned"


@example("reports.services.refer")
def let_the_supervisor_decide() -> None:
    town = a_town()
    services.refer(actor=town.worker, public_id=reach(town, "dispatched").public_id, reason="不知道该谁办")


@example("reports.services.decide")
def decide_who_acts() -> None:
    town = a_town()
    report = reach(town, "returned")
    services.decide(actor=town.supervisor, public_id=report.public_id, unit_code="huanwei", reason="垃圾归环卫")


def asked_for_help(town: Town) -> services.Receipt:
    report = reach(town, "accepted")
    services.ask_help(actor=town.worker, public_id=report.public_id, unit_code="huanwei", words="先把垃圾清开")
    return report


@example("reports.services.ask_help")
def ask_another_unit_to_help() -> None:
    asked_for_help(a_town())


@example("reports.services.add_help")
def help_and_be_done() -> None:
    town = a_town()
    asked = asked_for_help(town)
    services.add_help(actor=town.cleaner, public_id=asked.public_id, text="清开了", done=True)


@example("reports.services.waive_help")
def let_a_helper_off() -> None:
    town = a_town()
    asked = asked_for_help(town)
    services.waive_help(actor=town.worker, public_id=asked.public_id, unit_code="huanwei", reason="物业清了")


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
    services.resolve(actor=town.worker, public_id=report.public_id, text="已换新井盖", photos=[photo_after(7)])


@example("reports.services.inspect")
def look_before_mending() -> None:
    town = a_town()
    receipt = reach(town, "accepted")
    services.inspect(
        actor=town.worker, public_id=receipt.public_id, text="井盖碎了", place=at(), photos=[photo_after(92)]
    )
    assert the(receipt).state == "working"
