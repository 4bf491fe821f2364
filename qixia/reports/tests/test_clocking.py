"""Clocks with a database: what steps do to them, pauses, extensions, reminders, escalation, a changed calendar."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qixia.audit.models import AuditEvent
from qixia.codes.models import Division
from qixia.jobs.models import Event
from qixia.kernel import clock
from qixia.kernel.clock import CITY_TZ
from qixia.kernel.errors import Invalid
from qixia.kernel.worktime import span
from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.models import Organisation, RoleGrant
from qixia.policy.queries import current, working_calendar
from qixia.policy.services import publish, set_day
from qixia.reports import errors, services
from qixia.reports.models import ClockNote, ClockPause, ClockRun, Extension, Report, ReportStep
from qixia.reports.queries.clocks import supervision
from qixia.reports.services.clocks import reminding
from qixia.reports.tests.town import MAKER, Town, build_town, photo_after, reach, send, the
from tests.standing import stands

TABLES = (Report, ReportStep, ClockPause, Extension, ClockNote, AuditEvent, Event, Notice)
HOUR = timedelta(hours=1)


def city(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CITY_TZ)


MORNING = city("2026-11-24 09:00")  # a Tuesday without holidays around it


@stands(after="seeds")
def tuesday_town() -> Town:
    """People whose roles hold on that Tuesday, whatever today is."""
    with clock.at(MORNING - timedelta(days=1)):
        return build_town()


@pytest.fixture
def town(tuesday_town: Town) -> Town:
    return tuesday_town


def rows() -> list[list[dict[str, object]]]:
    return [list(model.objects.order_by("pk").values()) for model in TABLES]


def limits(*more: dict[str, str], **changes: object) -> None:
    data = current("reports.limits").data.model_dump(mode="json")
    own = [{"class": "manhole", "severity": "critical", **row} for row in more]
    publish("reports.limits", {**data, "rows": [*own, *data["rows"]], **changes}, note="试", actor_ref=MAKER)


def supervisor(town: Town, code: str, username: str) -> Actor:
    """Somebody who supervises the division `code`; "" is the whole city."""
    desk = Organisation.objects.get(code="zhihui")
    person = people.create_person(display_name=username, username=username, actor=MAKER)
    place = Division.objects.get(code=code).pk if code else None
    people.grant_role(person_id=person.pk, role="supervisor", organisation_id=desk.pk, actor=MAKER, division_id=place)
    town.people[username] = person
    return actor_for(person)


@pytest.fixture
def tuesday():
    with clock.at(MORNING):
        yield


@pytest.fixture
def levels(town: Town, tuesday: None) -> dict[str, Actor]:
    codes = {"community": "990102001001", "street": "990102001", "district": "990102"}
    return {name: supervisor(town, code, f"sup-{name}") for name, code in codes.items()}


def told(actor: Actor, template: str = "clock.escalated") -> int:
    return Notice.objects.filter(person_id=actor.person_id, template=template).count()


class TestLimits:
    def test_the_rows_give_what_the_report_keeps(self, town, tuesday):
        limits({"resolve": "4 工作时", "verify": "1 工作日"})
        report = the(reach(town, "dispatched"))
        assert (report.resolve_limit, report.verify_limit) == ("4 工作时", "1 工作日")
        assert report.resolve_due == city("2026-11-24 15:00")
        assert report.answer_due - report.received_at == 24 * HOUR
        assert report.receive_due - report.received_at == timedelta(minutes=30)

    def test_verifying_is_counted_from_when_it_is_called_done(self, town, tuesday):
        limits({"resolve": "4 工作时", "verify": "1 工作日"})
        assert the(reach(town, "resolved")).verify_due == city("2026-11-25 18:00")

    def test_another_unit_gets_no_new_time(self, town, tuesday):
        report = the(reach(town, "dispatched"))
        with clock.at(MORNING + HOUR):
            services.redirect(actor=town.clerk, public_id=report.public_id, unit_code="huanwei", reason="归环卫")
        assert the(report).resolve_due == report.resolve_due

    @pytest.mark.parametrize("how", ["redirect", "return", "decide"])
    def test_another_unit_has_its_own_time_to_receive_it(self, town, tuesday, how):
        report = the(reach(town, "dispatched"))
        with clock.at(MORNING + HOUR):  # the first unit let its half hour pass
            if how == "redirect":
                services.redirect(actor=town.clerk, public_id=report.public_id, unit_code="huanwei", reason="归环卫")
            elif how == "return":
                services.return_report(actor=town.worker, public_id=report.public_id, reason="归环卫", to="huanwei")
            else:
                services.refer(actor=town.worker, public_id=report.public_id, reason="不知归谁")
                services.decide(actor=town.supervisor, public_id=report.public_id, unit_code="huanwei", reason="归环卫")
        moved = the(report)
        assert moved.receive_due == MORNING + HOUR + timedelta(minutes=30)
        assert (moved.resolve_due, moved.answer_due) == (report.resolve_due, report.answer_due)

    def test_what_was_extended_stays_and_is_received_anew(self, town, tuesday, levels):
        report = the(reach(town, "accepted"))
        services.pause(actor=town.clerk, public_id=report.public_id, reason="parts", text="井盖要定做")
        with clock.at(MORNING + HOUR):
            services.resume(actor=town.clerk, public_id=report.public_id)
            due = the(report).resolve_due
            services.return_report(actor=town.worker, public_id=report.public_id, reason="归环卫", to="huanwei")
        assert (the(report).resolve_due, the(report).receive_due) == (due, MORNING + HOUR + timedelta(minutes=30))
        assert due > report.resolve_due

    def test_what_waited_to_be_sorted_is_not_late_with_the_unit(self, town, tuesday):
        receipt = reach(town, "sorting")
        with clock.at(MORNING + 2 * HOUR):
            services.sort(
                actor=town.clerk, public_id=receipt.public_id, cls="manhole", severity="high", unit_code="shizheng"
            )
        assert the(receipt).receive_due > MORNING + 2 * HOUR

    def test_a_report_that_is_opened_again_gets_its_limit_again(self, town, tuesday):
        receipt = reach(town, "confirming")
        with clock.at(MORNING + 50 * HOUR):
            services.say_unsolved(actor=town.rider, public_id=receipt.public_id, text="还是松的")
            report = the(receipt)
        assert report.resolve_due == MORNING + 54 * HOUR
        assert (report.overdue, report.resolve_from) == (0, MORNING + 50 * HOUR)

    def test_a_reason_to_end_it_is_an_answer(self, town, tuesday):
        assert the(reach(town, "invalid")).answered_at == MORNING

    def test_a_clerk_answers_where_the_unit_is_silent(self, town, tuesday):
        receipt = reach(town, "sorting")
        services.answer_for(actor=town.clerk, public_id=receipt.public_id, text="收到，正在找该办的单位")
        assert the(receipt).answered_at == MORNING
        assert Notice.objects.filter(person_id=town.rider.person_id, template="report.answered").count() == 1


class TestPause:
    def test_the_limit_moves_by_exactly_the_working_time(self, town, tuesday):
        limits({"resolve": "4 工作时"})
        report = the(reach(town, "accepted"))
        with clock.at(city("2026-11-24 10:00")):
            services.pause(actor=town.clerk, public_id=report.public_id, reason="parts", text="井盖要定做")
        assert the(report).paused_at == city("2026-11-24 10:00")
        with clock.at(city("2026-11-25 09:30")):  # seven working hours later
            services.resume(actor=town.clerk, public_id=report.public_id)
        assert the(report).resolve_due == city("2026-11-25 14:30")
        steps = list(ReportStep.objects.filter(report=the(report), step__in=["pause", "resume"]).order_by("pk"))
        assert [(one.step, one.actor) for one in steps] == [("pause", town.clerk.ref), ("resume", town.clerk.ref)]
        assert steps[0].data == {"reason": "parts"}

    def test_the_first_answer_never_pauses(self, town, tuesday, levels):
        report = the(reach(town, "dispatched"))
        services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")
        assert the(report).answer_due == report.answer_due
        with clock.at(MORNING + 25 * HOUR):
            services.remind()
        assert told(levels["community"]) == told(levels["street"]) == told(levels["district"]) == 1
        assert set(ClockNote.objects.values_list("clock", flat=True)) == {"answer", "receive"}

    def test_what_is_done_ends_its_pause(self, town, tuesday):
        report = the(reach(town, "accepted"))
        services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")
        with clock.at(MORNING + HOUR):
            services.resolve(actor=town.worker, public_id=report.public_id, text="换好", photos=[photo_after()])
        assert the(report).paused_at is None
        assert the(report).resolve_due == report.resolve_due + HOUR
        assert ClockPause.objects.get().ended_at == MORNING + HOUR

    def test_what_was_late_stays_late_while_it_stands_still(self, town, tuesday, levels):
        report = the(reach(town, "accepted"))
        services.answer(actor=town.worker, public_id=report.public_id, text="马上到")
        with clock.at(MORNING + 13 * HOUR):
            services.remind()
            assert the(report).overdue == 3
            services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")
            assert the(report).overdue == 3
        with clock.at(MORNING + 20 * HOUR):
            services.remind()
            assert the(report).overdue == 3
            services.resume(actor=town.clerk, public_id=report.public_id)
            assert the(report).overdue == 3

    def test_supervisors_hear_of_it_and_see_what_stands_still(self, town, tuesday, levels):
        report, other = (the(reach(town, "accepted")) for _ in range(2))
        services.pause(actor=levels["community"], public_id=other.public_id, reason="parts")
        assert told(levels["community"], "clock.paused") == 0, "nobody is told of what he did"
        with clock.at(MORNING + HOUR):
            services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")
        assert told(levels["community"], "clock.paused") == 1
        found = {matter.key: matter for matter in supervision(levels["community"])}["paused"]
        assert [line.public_id for line in found.lines] == [other.public_id, report.public_id]
        assert "恶劣天气不能施工" in found.lines[1].note

    def test_it_ends_after_the_day_that_was_named(self, town, tuesday):
        report = the(reach(town, "accepted"))
        services.answer(actor=town.worker, public_id=report.public_id, text="马上到")
        day = clock.city_date(MORNING) + timedelta(days=1)
        with clock.at(MORNING + HOUR):
            services.pause(actor=town.clerk, public_id=report.public_id, reason="weather", until=day)
            for bad in (day - timedelta(days=2), day + timedelta(days=90)):
                with pytest.raises(Invalid) as refused:
                    services.pause(actor=town.clerk, public_id=report.public_id, reason="weather", until=bad)
                assert refused.value.field == "until"
        end = clock.city_day(day)[1]
        with clock.at(end - timedelta(minutes=1)):
            services.remind()
            assert the(report).paused_at is not None
        with clock.at(end + HOUR):
            services.remind()
        after = the(report)
        assert (after.paused_at, after.pause_until) == (None, None)
        assert ClockPause.objects.get().ended_at == end

    def test_it_ends_by_itself_and_history_says_so(self, town, tuesday, levels):
        limits(pause_max="1 工作日")
        report = the(reach(town, "accepted"))
        services.answer(actor=town.worker, public_id=report.public_id, text="马上到")
        with clock.at(MORNING + HOUR):
            services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")
        end = working_calendar().work.add(MORNING + HOUR, span("1 工作日"))
        with clock.at(end - HOUR):
            services.remind()
            assert the(report).paused_at is not None
        with clock.at(end + 2 * HOUR):  # nobody looked in time: the pause is no longer for that
            services.remind()
        assert the(report).paused_at is None
        assert the(report).resolve_due == report.resolve_due + (end - MORNING - HOUR)
        step = ReportStep.objects.get(report=the(report), step="resume")
        assert (step.actor, step.data) == ("system:clock", {"ended": "limit"})
        assert (told(town.worker, "clock.resumed"), told(levels["community"], "clock.resumed")) == (1, 1)

    def test_many_pauses_of_a_round_last_no_longer_than_one(self, town, tuesday, levels):
        limits(pause_max="3h")
        report = the(reach(town, "accepted"))
        services.answer(actor=town.worker, public_id=report.public_id, text="马上到")

        def pause_at(hours: float) -> None:
            with clock.at(MORNING + hours * HOUR):
                services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")

        def resume_at(hours: float) -> None:
            with clock.at(MORNING + hours * HOUR):
                services.resume(actor=town.clerk, public_id=report.public_id)

        pause_at(0)
        resume_at(1)
        pause_at(1.5)
        resume_at(2.5)
        pause_at(3)
        note = {matter.key: matter for matter in supervision(levels["community"])}["paused"].lines[0].note
        assert "最迟 11-24 13:00 恢复" in note
        with clock.at(MORNING + 5 * HOUR):
            services.remind()
        assert ClockPause.objects.get(ended_at=MORNING + 4 * HOUR).started_at == MORNING + 3 * HOUR
        before = rows()
        with pytest.raises(errors.NoMorePauses, match="3h"):
            pause_at(6)
        assert rows() == before
        with clock.at(MORNING + 7 * HOUR):  # a clerk who sends it on begins nothing anew; a unit that returns it does
            Report.objects.filter(pk=report.pk).update(state="dispatched")
            services.redirect(actor=town.clerk, public_id=report.public_id, unit_code="huanwei", reason="归环卫")
        with pytest.raises(errors.NoMorePauses):
            pause_at(7.5)
        with clock.at(MORNING + 8 * HOUR):
            services.return_report(actor=town.cleaner, public_id=report.public_id, reason="归市政", to="shizheng")
        pause_at(9)
        with clock.at(MORNING + 13 * HOUR):
            services.remind()
        assert ClockPause.objects.get(started_at=MORNING + 9 * HOUR).ended_at == MORNING + 12 * HOUR

    def test_what_is_looked_at_again_has_a_round_of_its_own(self, town, tuesday):
        limits(pause_max="3h")
        report = the(reach(town, "accepted"))
        services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")
        with clock.at(MORNING + 3 * HOUR):
            services.resolve(actor=town.worker, public_id=report.public_id, text="换好", photos=[photo_after()])
            services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")
        with clock.at(MORNING + 6 * HOUR):
            services.remind()
            assert the(report).paused_at is None
            services.send_back(actor=town.clerk, public_id=report.public_id, text="还差井圈")
        with clock.at(MORNING + 7 * HOUR):
            services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")
        with clock.at(MORNING + 9 * HOUR):
            services.remind()
        assert the(report).paused_at is not None

    def test_it_can_be_ended_wherever_it_goes_on(self, town, tuesday):
        report = the(reach(town, "dispatched"))
        services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")
        Report.objects.filter(pk=report.pk).update(state="returned")
        services.resume(actor=town.clerk, public_id=report.public_id)
        assert the(report).paused_at is None

    def test_refusals_change_nothing(self, town, tuesday):
        paused, running, done = (the(reach(town, state)) for state in ("accepted", "accepted", "fixed"))
        services.pause(actor=town.clerk, public_id=paused.public_id, reason="weather")
        before = rows()
        tries = [
            (services.pause, paused, town.clerk, {"reason": "weather"}, errors.AlreadyPaused),
            (services.pause, running, town.clerk, {"reason": "lunch"}, Invalid),
            (services.pause, running, town.worker, {"reason": "weather"}, errors.NotYours),
            (services.pause, done, town.clerk, {"reason": "weather"}, errors.StepNotAllowed),
            (services.resume, running, town.clerk, {}, errors.NotPaused),
            (services.resume, paused, town.worker, {}, errors.NotYours),
        ]
        for act, report, actor, more, refusal in tries:
            with pytest.raises(refusal):
                act(actor=actor, public_id=report.public_id, **more)
        assert rows() == before


class TestExtension:
    def test_the_supervisor_grants_what_the_unit_asks(self, town, tuesday, levels):
        report = the(reach(town, "accepted"))
        services.ask_extension(actor=town.worker, public_id=report.public_id, length="2 工作日", reason="要开挖")
        assert told(levels["community"], "extension.asked") == 1
        services.decide_extension(actor=levels["street"], public_id=report.public_id, grant=True, text="同意")
        assert the(report).resolve_due == city("2026-11-26 18:00")
        assert the(report).answer_due == report.answer_due
        steps = ReportStep.objects.filter(report=the(report)).order_by("pk").values_list("step", flat=True)
        assert list(steps)[-2:] == ["ask_extension", "grant_extension"]
        assert told(town.worker, "extension.granted") == 1

    def test_a_refused_one_moves_nothing(self, town, tuesday, levels):
        report = the(reach(town, "accepted"))
        services.ask_extension(actor=town.worker, public_id=report.public_id, length="24h", reason="要开挖")
        services.decide_extension(actor=levels["street"], public_id=report.public_id, grant=False, text="今天能办")
        assert the(report).resolve_due == report.resolve_due

    def test_refusals_change_nothing(self, town, tuesday, levels):
        limits(extensions=1)
        report, other = the(reach(town, "accepted")), the(reach(town, "accepted"))
        services.ask_extension(actor=town.worker, public_id=report.public_id, length="2h", reason="要开挖")
        ask, decide, top = services.ask_extension, services.decide_extension, levels["street"]
        asked = {"length": "2h", "reason": "要开挖"}
        tries = [
            (ask, report, town.worker, asked, errors.ExtensionWaits),
            (ask, other, town.worker, asked | {"length": "99 工作日"}, Invalid),
            (ask, other, town.worker, asked | {"length": "soon"}, Invalid),
            (ask, other, town.worker, asked | {"reason": " "}, Invalid),
            (ask, other, town.clerk, asked, errors.NotYours),
            (decide, report, town.clerk, {"grant": True, "text": "好"}, errors.NotYours),
            (decide, report, town.worker, {"grant": True, "text": "好"}, errors.NotYours),
            (decide, report, top, {"grant": False, "text": ""}, Invalid),
            (decide, other, top, {"grant": True, "text": "好"}, errors.NothingAsked),
        ]
        before = rows()
        for act, one, actor, more, refusal in tries:
            with pytest.raises(refusal):
                act(actor=actor, public_id=one.public_id, **more)
        assert rows() == before
        decide(actor=top, public_id=report.public_id, grant=True, text="同意")
        before = rows()
        with pytest.raises(errors.NoMoreExtensions):
            ask(actor=town.worker, public_id=report.public_id, **asked)
        assert rows() == before


class TestReminders:
    def test_before_and_after_the_limit_and_up_the_tree_exactly_once(self, town, tuesday, levels):
        report = the(reach(town, "accepted"))  # four hours to resolve
        services.answer(actor=town.worker, public_id=report.public_id, text="马上到")
        seen = []
        for minutes in range(0, 15 * 60, 30):
            with clock.at(MORNING + timedelta(minutes=minutes)):
                services.remind()
                services.remind()
                mark = the(report).overdue
            if not seen or seen[-1][1:] != (
                mark,
                told(levels["community"]),
                told(levels["street"]),
                told(levels["district"]),
            ):
                seen.append((minutes // 60, mark, *(told(levels[one]) for one in ("community", "street", "district"))))
        assert seen == [(0, 0, 0, 0, 0), (4, 1, 1, 0, 0), (8, 1, 1, 1, 0), (12, 3, 1, 1, 1)]
        assert told(town.worker, "clock.resolve_soon") == 1
        assert told(town.worker, "clock.resolve_over") == 3
        assert ReportStep.objects.filter(report=the(report), step="escalate").count() == 3
        assert the(report).clock_at is None, "nothing is left to be looked at"

    def test_another_unit_is_reminded_to_receive_it_anew(self, town, tuesday, levels):
        report = the(reach(town, "dispatched"))
        with clock.at(MORNING + HOUR):
            services.remind()
            services.redirect(actor=town.clerk, public_id=report.public_id, unit_code="huanwei", reason="归环卫")
            services.remind()
        assert told(town.cleaner, "clock.receive_over") == 0
        with clock.at(MORNING + 2 * HOUR):
            services.remind()
            services.remind()
        assert (told(town.worker, "clock.receive_over"), told(town.cleaner, "clock.receive_over")) == (1, 1)
        assert ClockNote.objects.filter(report=report, clock="receive", at=100).count() == 2

    def test_a_worker_that_stood_still_tells_what_is_over_and_not_what_was_to_come(self, town, tuesday, levels):
        report = the(reach(town, "accepted"))
        with clock.at(MORNING + 5 * HOUR):
            services.remind()
        assert told(town.worker, "clock.resolve_soon") == 0
        assert told(town.worker, "clock.resolve_over") == 1
        assert the(report).overdue == 1

    def test_above_the_highest_level_there_is_only_that_one(self, town, tuesday):
        top = supervisor(town, "", "sup-city")
        reach(town, "accepted")
        with clock.at(MORNING + 9 * HOUR):
            services.remind()
        assert told(top) == 1, "two levels of one clock, one notice"

    def test_where_nobody_supervises_the_clerks_are_told(self, town, tuesday):
        RoleGrant.objects.filter(role="supervisor").update(revoked_at=MORNING)
        reach(town, "accepted")
        with clock.at(MORNING + 5 * HOUR):
            services.remind()
        assert told(town.clerk) == 1

    def test_a_paused_clock_is_silent_and_goes_on_where_it_was(self, town, tuesday, levels):
        report = the(reach(town, "accepted"))
        services.answer(actor=town.worker, public_id=report.public_id, text="马上到")
        services.pause(actor=town.clerk, public_id=report.public_id, reason="weather")
        with clock.at(MORNING + 30 * HOUR):
            services.remind()
            assert the(report).overdue == 0
            services.resume(actor=town.clerk, public_id=report.public_id)
        with clock.at(MORNING + 33 * HOUR + timedelta(minutes=30)):
            services.remind()
        assert told(town.worker, "clock.resolve_soon") == 1
        assert told(levels["community"]) == 0

    def test_what_has_ended_is_left_alone(self, town, tuesday, levels):
        reach(town, "fixed")
        with clock.at(MORNING + 100 * HOUR):
            assert services.remind() == 0

    def test_looking_at_what_is_in_time_costs_one_query(self, town, tuesday, django_assert_num_queries):
        reach(town, "dispatched")
        with django_assert_num_queries(1):
            assert services.remind() == 0

    def test_one_that_cannot_be_looked_at_stops_no_other(self, town, tuesday, levels, monkeypatch):
        broken, other = the(reach(town, "accepted")), the(reach(town, "accepted"))
        look = reminding._look

        def breaks(report: Report, now: datetime, *, tell: bool) -> None:
            look(report, now, tell=tell)
            if report.pk == broken.pk:
                raise ValueError("a row that nobody expected")

        monkeypatch.setattr(reminding, "_look", breaks)
        with clock.at(MORNING + 5 * HOUR):
            assert services.remind(limit=1) == 1
            assert services.remind(limit=1) == 1
            assert services.remind(limit=1) == 0, "the broken one waits, so it is not in front for ever"
            assert (the(broken).overdue, the(other).overdue) == (0, 1)
            assert not ClockNote.objects.filter(report=broken).exists(), "nothing of its look stays"
            assert the(broken).clock_at > clock.now()
        monkeypatch.undo()
        with clock.at(MORNING + 6 * HOUR):
            services.remind()
        assert the(broken).overdue == 1

    def test_the_whole_is_locked_before_its_part(self, town, tuesday, levels):
        parts = services.split(
            actor=town.clerk,
            public_id=reach(town, "dispatched").public_id,
            parts=[services.PartAsked("shizheng", "换井盖"), services.PartAsked("huanwei", "清淤泥")],
        )
        with clock.at(MORNING + 5 * HOUR), CaptureQueriesContext(connection) as seen:
            services.remind()
        assert the(parts[0]).overdue == 1
        asked = [str(one["sql"]) for one in seen.captured_queries]
        whole, part = (
            min(n for n, sql in enumerate(asked) if re.search(rf'"reports_report"."id" = {pk}\b', sql))
            for pk in (parts[0].part_of_id, parts[0].pk)
        )
        assert whole < part

    def test_a_batch_is_bounded(self, town, tuesday):
        for _ in range(3):
            reach(town, "dispatched")
        with clock.at(MORNING + 5 * HOUR):
            assert [services.remind(limit=2) for _ in range(3)] == [2, 1, 0]


class TestChangedCalendar:
    def storm(self) -> None:
        set_day(day=city("2026-11-25 00:00").date(), kind="holiday", name="台风", note="停工", actor_ref=MAKER)

    def test_open_reports_follow_and_history_says_so(self, town, tuesday):
        limits({"resolve": "1 工作日"})
        moved, wall = the(reach(town, "accepted")), the(send(town.rider, "路灯不亮了"))
        services.recalculate()
        self.storm()
        with clock.at(MORNING + HOUR):
            assert services.recalculate() == 2
            assert services.recalculate() == 0
        assert moved.resolve_due == city("2026-11-25 18:00")
        assert the(moved).resolve_due == city("2026-11-26 18:00")
        assert the(moved).answer_due == moved.answer_due
        assert the(wall).resolve_due == wall.resolve_due
        step = ReportStep.objects.get(step="recalculate")
        assert step.report_id == moved.pk
        assert "resolve_due" in step.data

    def test_a_day_that_was_promised_stays_that_day(self, town, tuesday):
        limits({"resolve": "1 工作日"})
        receipt = reach(town, "accepted")
        day = city("2026-11-30 00:00").date()
        Report.objects.update(severity="low")
        ways = current("reports.ways").data.model_dump(mode="json")
        publish("reports.ways", ways | {"studied": ["manhole"]}, note="试", actor_ref=MAKER)
        services.promise(actor=town.worker, public_id=receipt.public_id, day=day, text="要研究")
        services.recalculate()
        self.storm()
        services.recalculate()
        assert the(receipt).resolve_due == city("2026-12-01 00:00")
        assert not ReportStep.objects.filter(step="recalculate").exists()

    def test_a_run_goes_on_in_batches_by_the_calendar_it_began_with(self, town, tuesday):
        limits({"resolve": "1 工作日"})
        found = [the(reach(town, "accepted")) for _ in range(3)]
        services.recalculate()
        self.storm()
        assert services.recalculate(limit=2) == 2
        set_day(day=city("2026-11-25 00:00").date(), kind="", note="台风没来", actor_ref=MAKER)
        while services.recalculate(limit=2):
            pass
        assert {the(one).resolve_due for one in found} == {city("2026-11-25 18:00")}

    def test_reports_of_before_are_taken_over_as_they_are(self, town, tuesday, levels):
        report = the(reach(town, "accepted"))
        old = {"resolve_limit": "", "verify_limit": "", "clock_at": None}
        Report.objects.update(**old)
        ClockRun.objects.all().delete()
        with clock.at(MORNING + 5 * HOUR):
            services.recalculate()
            assert services.remind() == 0
            assert the(report).overdue == 1
        assert the(report).resolve_due == report.resolve_due
        assert told(levels["community"]) == 0, "nobody is told of what had passed"
        with clock.at(MORNING + 8 * HOUR):
            services.remind()
        assert told(levels["street"]) == 1


def test_every_report_is_answered_within_24_hours(town, tuesday, levels):
    """★ Row 19. Every unit is silent, whatever becomes of the report; the tree of divisions sees to an answer."""
    texts = ["井盖没了，人能掉下去", "路灯不亮了", "这个你们看看", "楼道堆满纸箱", "垃圾成堆没人管"]
    sent = [send(town.rider if n % 2 else town.other_rider, texts[n % 5]) for n in range(10)]
    sent.append(reach(town, "returned"))
    up = dict(enumerate((levels["community"], levels["street"], levels["district"]), start=1))
    for half in range(48):
        now = MORNING + timedelta(minutes=30 * half)
        with clock.at(now):
            services.remind()
            # A clerk sleeps, the first level is on leave: whoever is told at the second answers, half an hour later.
            for step in ReportStep.objects.filter(step="escalate", at__lt=now, data__level=2).select_related("report"):
                if the(step.report).answered_at is None:
                    words = "收到，正在协调单位去处理"
                    services.answer_for(actor=up[2], public_id=step.report.public_id, text=words)
    assert told(up[1]) >= len(sent)
    assert told(up[2]) >= len(sent)
    took = [the(one).answered_at - the(one).received_at for one in sent]
    assert max(took) < 24 * HOUR
    assert len(took) == 11


def test_a_missing_year_is_told_to_administrators_once_a_month(town):
    for day in ("2026-11-24", "2026-11-26", "2026-12-01"):
        with clock.at(city(f"{day} 09:00")):
            assert services.watch_calendar() == [2027]
    assert told(town.admin, "calendar.missing") == 2
    assert told(town.clerk, "calendar.missing") == 0
