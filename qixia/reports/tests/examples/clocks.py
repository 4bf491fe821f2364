"""Limits: paused, extended, reminded of."""

from datetime import timedelta

from qixia.kernel import clock
from qixia.policy.queries import current
from qixia.policy.services import publish, set_day
from qixia.reports import services
from qixia.reports.tests.examples.grounds import a_town
from qixia.reports.tests.town import (
    MAKER,
    Town,
    reach,
    the,
)
from tests.examples import example, exempt

exempt("reports.services.watch_calendar", "the calendar keeps its own history (policy.services.fill_calendar)")


@example("reports.services.pause")
def let_a_clock_stand_still() -> None:
    town = a_town()
    services.pause(actor=town.clerk, public_id=reach(town, "accepted").public_id, reason="parts", text="井盖要定做")


@example("reports.services.resume")
def let_a_clock_go_on() -> None:
    town = a_town()
    report = reach(town, "accepted")
    services.pause(actor=town.clerk, public_id=report.public_id, reason="parts")
    services.resume(actor=town.clerk, public_id=report.public_id)
    assert the(report).paused_at is None


def asked_for_more_time(town: Town) -> services.Receipt:
    report = reach(town, "accepted")
    services.ask_extension(actor=town.worker, public_id=report.public_id, length="2 工作日", reason="要开挖")
    return report


@example("reports.services.ask_extension")
def ask_for_more_time() -> None:
    asked_for_more_time(a_town())


@example("reports.services.decide_extension")
def grant_more_time() -> None:
    town = a_town()
    report = asked_for_more_time(town)
    services.decide_extension(actor=town.supervisor, public_id=report.public_id, grant=True, text="同意")


@example("reports.services.answer_for")
def answer_in_the_place_of_a_silent_unit() -> None:
    town = a_town()
    services.answer_for(actor=town.clerk, public_id=reach(town, "sorting").public_id, text="收到，正在找该办的单位")


@example("reports.services.remind")
def remind_and_escalate() -> None:
    reach(a_town(), "accepted")
    with clock.at(clock.now() + timedelta(hours=5)):
        assert services.remind() == 1


@example("reports.services.recalculate")
def follow_a_changed_calendar() -> None:
    town = a_town()
    services.recalculate()
    data = current("reports.limits").data.model_dump(mode="json")
    own = {"class": "manhole", "severity": "critical", "resolve": "1 工作日"}
    publish("reports.limits", {**data, "rows": [own, *data["rows"]]}, note="试", actor_ref=MAKER)
    report = the(reach(town, "accepted"))
    day = clock.city_date(report.resolve_due)
    set_day(day=day, kind="holiday", name="台风", note="停工", actor_ref=MAKER)
    assert services.recalculate() == 1
    assert the(report).resolve_due > report.resolve_due
