"""What happens to a report: accepted, settled, handled, checked, answered; and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.audit.models import AuditEvent
from qixia.jobs.commands import KeyReused
from qixia.jobs.models import Command, Event, Job
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid, NotAllowed, NotFound
from qixia.media.models import Evidence
from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.people.access import SYSTEM
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.reports import errors, services, states
from qixia.reports.models import Alarm, ClockPause, Extension, Report, ReportPhoto, ReportStep
from qixia.reports.services.arriving import intake
from qixia.reports.services.moves import take_step
from qixia.reports.tests.town import (
    AT_ESTATE,
    AT_ROAD,
    OUTSIDE,
    Town,
    accepted,
    at,
    photo,
    photo_after,
    reach,
    send,
    the,
)
from qixia.rewards.queries import balance
from tests.standing import stands

TABLES = (Report, ReportPhoto, ReportStep, Evidence, Command, Job, Event, AuditEvent, Notice)


def counts() -> list[int]:
    return [model.objects.count() for model in TABLES]


class TestSubmit:
    def test_it_is_accepted_at_once_and_settled_a_moment_later(self, town):
        receipt = accepted(town.rider)
        assert the(receipt).state == "received"
        run_pending()
        report = the(receipt)
        assert (report.state, report.cls, report.severity) == ("dispatched", "manhole", "critical")
        assert report.unit.code == "shizheng"
        assert report.grid_code == "990102001001001"
        assert report.community.name == "试社区"
        assert "云帆路" in report.place
        assert report.points == 15
        assert balance(town.rider.ref) == 15
        assert [step.step for step in report.steps.order_by("id")] == ["raise", "settle"]

    def test_the_floor_and_the_spot_are_part_of_the_place(self, town):
        receipt = send(town.rider, "楼道堆满纸箱", place=at(AT_ESTATE, building="3栋", floor="12层", spot="货梯口"))
        assert "锦澜花园" in the(receipt).place
        assert the(receipt).place.endswith("3栋 12层 货梯口")
        assert the(receipt).unit.code == "wuye"

    def test_gcj02_positions_are_stored_as_wgs84_with_their_datum(self, town):
        place = services.Whereabouts(lat=AT_ROAD[0] - 0.003, lng=AT_ROAD[1] + 0.00447, datum="gcj02")
        report = the(accepted(town.rider, place=place))
        assert report.datum == "gcj02"
        assert abs(report.lat - AT_ROAD[0]) < 0.0005
        assert abs(report.lng - AT_ROAD[1]) < 0.0005

    def test_the_same_key_again_is_the_same_report(self, town):
        first = accepted(town.rider, client_key="key-of-a-phone-1", photos=[photo(5)])
        before = counts()
        again = accepted(town.rider, client_key="key-of-a-phone-1", photos=[photo(5)])
        assert again.repeated
        assert (again.public_id, again.number) == (first.public_id, first.number)
        assert counts() == before

    def test_the_same_key_with_another_body_is_refused(self, town):
        accepted(town.rider, client_key="key-of-a-phone-1", photos=[photo(5)])
        before = counts()
        with pytest.raises(KeyReused):
            accepted(town.rider, "别的话", client_key="key-of-a-phone-1", photos=[photo(5)])
        assert counts() == before

    def test_a_number_that_is_taken_is_drawn_again(self, town, monkeypatch):
        first = accepted(town.rider)
        drawn = iter([first.number, first.number, "123456785"])
        monkeypatch.setattr(intake, "new_number", lambda: next(drawn))
        assert accepted(town.rider).number == "123456785"
        assert Evidence.objects.count() == 2

    def test_what_the_machine_is_unsure_of_goes_to_a_clerk_without_points(self, town):
        report = the(send(town.rider, "这个你们看看"))
        assert report.state == "sorting"
        assert report.points is None
        assert balance(town.rider.ref) == 0

    def test_a_chosen_class_makes_it_sure(self, town):
        assert the(send(town.rider, "", hint="manhole")).state == "dispatched"

    def test_what_the_rider_put_right_waits_for_the_clerk(self, town):
        receipt = send(town.rider, "井盖歪了我扶正了", self_handled=True, after_photos=[photo_after(77)])
        assert the(receipt).state == "resolved"
        services.verify(actor=town.clerk, public_id=receipt.public_id)
        assert the(receipt).state == "fixed"
        assert balance(town.rider.ref) == 15 + 5

    def test_a_critical_report_rings_unit_and_clerk(self, town):
        send(town.rider, "井盖没了，人能掉下去")
        rung = set(Notice.objects.filter(template="critical.ring").values_list("person_id", flat=True))
        assert {town.worker.person_id, town.colleague.person_id, town.clerk.person_id} <= rung

    def test_a_request_costs_no_more_statements_than_promised(self, town, django_assert_max_num_queries):
        accepted(town.rider)  # warm caches
        with django_assert_max_num_queries(11):  # session and actor come before; BEGIN and COMMIT are counted by bench
            accepted(town.rider)

    def test_settling_fifty_costs_as_many_statements_as_settling_five(self, town, django_assert_max_num_queries):
        send(town.rider)  # warm caches: a town that stands has none
        for _ in range(5):
            accepted(town.rider)
        ids = list(Report.objects.filter(state="received").values_list("id", flat=True))
        with django_assert_max_num_queries(70):
            services.settle(ids)
        assert services.settle(ids) == []


BAD = [
    ("photos", {"photos": []}, errors.NoPhoto),
    ("photos", {"photos": [photo(i) for i in range(10)]}, errors.TooManyPhotos),
    ("place", {"place": None}, errors.NoPlace),
    ("place", {"place": at(OUTSIDE)}, DomainError),
    ("place", {"place": services.Whereabouts(lat=AT_ROAD[1], lng=AT_ROAD[0])}, DomainError),
    ("place", {"place": services.Whereabouts(lat=0, lng=0)}, DomainError),
    ("place", {"place": services.Whereabouts(lat=float("nan"), lng=118.6)}, DomainError),
    ("place", {"place": at(AT_ROAD, datum="mars")}, Invalid),
    ("words", {"words": "字" * 10_000}, Invalid),
    ("building", {"place": at(AT_ROAD, building="栋" * 50)}, Invalid),
    ("hint", {"hint": "no-such-class"}, errors.UnknownClass),
    ("after_photos", {"self_handled": True}, errors.NeedsAfterPhoto),
    ("client_key", {"client_key": "x"}, Invalid),
]


@pytest.mark.parametrize(("field", "change", "refusal"), BAD)
def test_bad_input_names_its_field_and_leaves_no_trace(town, tmp_path, field, change, refusal):
    before = counts()
    with pytest.raises(refusal) as refused:
        accepted(town.rider, **({"words": "井盖没了"} | change))
    assert refused.value.field == field
    assert refused.value.status == 422
    assert counts() == before
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("who", ["worker", "clerk", "admin"])
def test_only_riders_report(town, who):
    before = counts()
    with pytest.raises(NotAllowed):
        accepted(getattr(town, who))
    assert counts() == before


class TestConsent:
    def withdraw(self, town, kind):
        people.withdraw_consent(person_id=town.rider.person_id, kind=kind, actor=town.rider.ref)
        return town.fresh("rider")

    def test_without_consent_to_photos_nothing_is_taken(self, town, tmp_path):
        rider, before = self.withdraw(town, "photo"), counts()
        with pytest.raises(errors.NeedsConsent) as refused:
            accepted(rider)
        assert refused.value.field == "photos"
        assert counts() == before
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_without_consent_to_place_the_map_still_serves(self, town):
        rider = self.withdraw(town, "place")
        with pytest.raises(errors.NeedsPlaceConsent):
            accepted(rider)
        assert the(accepted(rider, place=at(source="map"))).place_source == "map"


def test_a_flood_is_stopped_and_told_when_to_come_back(town):
    limits = current("reports.limits").data.model_dump(mode="json")
    publish("reports.limits", limits | {"per_hour": 2}, note="test", actor_ref="system:test")
    accepted(town.rider)
    accepted(town.rider)
    with pytest.raises(errors.TooManyReports) as refused:
        accepted(town.rider)
    assert refused.value.status == 429
    with clock.at(clock.now() + timedelta(hours=2)):
        accepted(town.rider)


# ── every state × step cell ───────────────────────────────────────────────────────────────────────────────────────

_ACTS = {
    "accept": lambda t, i: services.accept(actor=t.worker, public_id=i),
    "assign": lambda t, i: services.assign(actor=t.worker, public_id=i, person_public_id=t.colleague.public_id),
    "answer": lambda t, i: services.answer(actor=t.worker, public_id=i, text="马上到"),
    "arrive": lambda t, i: services.arrive(actor=t.worker, public_id=i, text="到了"),
    "resolve": lambda t, i: services.resolve(actor=t.worker, public_id=i, text="换好了", photos=[photo_after()]),
    "return": lambda t, i: services.return_report(actor=t.worker, public_id=i, reason="归环卫", to="huanwei"),
    "refer": lambda t, i: services.refer(actor=t.worker, public_id=i, reason="不知道该谁办"),
    "decide": lambda t, i: services.decide(actor=t.supervisor, public_id=i, unit_code="huanwei", reason="垃圾归环卫"),
    "ask_help": lambda t, i: services.ask_help(actor=t.worker, public_id=i, unit_code="huanwei", words="来清一下"),
    "sort": lambda t, i: services.sort(
        actor=t.clerk, public_id=i, cls="manhole", severity="high", unit_code="shizheng"
    ),
    "redirect": lambda t, i: services.redirect(actor=t.clerk, public_id=i, unit_code="huanwei", reason="归环卫"),
    "verify": lambda t, i: services.verify(actor=t.clerk, public_id=i),
    "send_back": lambda t, i: services.send_back(actor=t.clerk, public_id=i, text="还松"),
    "validate": lambda t, i: services.validate(actor=t.clerk, public_id=i),
    "inspect": lambda t, i: services.inspect(
        actor=t.worker, public_id=i, text="看过了", place=at(), photos=[photo_after(31)]
    ),
    "set_aside": lambda t, i: services.set_aside(actor=t.clerk, public_id=i, kind="dispute", reason="民事纠纷"),
    "appeal": lambda t, i: services.appeal(actor=t.rider, public_id=i, text="明明有"),
    "rate": lambda t, i: services.rate(actor=t.rider, public_id=i, answered=True, solved=True, content=3),
    "measure": lambda t, i: services.take_measure(
        actor=t.worker, public_id=i, kind="warning", day=clock.city_date(clock.now())
    ),
    "praise": lambda t, i: (_is_valid(i), services.praise(actor=t.worker, public_id=i, text="谢谢")),
    "reject": lambda t, i: services.reject(actor=t.clerk, public_id=i, reason="没有这回事"),
    "confirm": lambda t, i: services.confirm_solved(actor=t.rider, public_id=i),
    "split": lambda t, i: services.split(
        actor=t.clerk, public_id=i, parts=[services.PartAsked("shizheng", "一"), services.PartAsked("huanwei", "二")]
    ),
    "dispute": lambda t, i: services.say_unsolved(actor=t.rider, public_id=i, text="没好"),
    "answer_for": lambda t, i: services.answer_for(actor=t.clerk, public_id=i, text="正在协调"),
    "pause": lambda t, i: services.pause(actor=t.clerk, public_id=i, reason="weather"),
    "resume": lambda t, i: (_stands_still(i), services.resume(actor=t.clerk, public_id=i)),
    "ask_extension": lambda t, i: services.ask_extension(actor=t.worker, public_id=i, length="2h", reason="要开挖"),
    "grant_extension": lambda t, i: (_is_asked(i), _decide(t, i, True)),
    "deny_extension": lambda t, i: (_is_asked(i), _decide(t, i, False)),
    "acknowledge": lambda t, i: (_rings(i), services.acknowledge_alarm(actor=t.clerk, public_id=i)),
    "transfer": lambda t, i: (_rings(i), services.transfer_alarm(actor=t.clerk, public_id=i, phone="119")),
}


def _is_valid(public_id):
    Report.objects.filter(public_id=public_id).update(validity="valid")


def _stands_still(public_id):
    report, now = Report.objects.get(public_id=public_id), clock.now()
    Report.objects.filter(pk=report.pk).update(paused_at=now)
    ClockPause.objects.get_or_create(report=report, ended_at=None, defaults={"clock": "resolve", "started_at": now})


def _is_asked(public_id):
    report = Report.objects.get(public_id=public_id)
    asked = {"asked_at": clock.now(), "span": "2h", "reason": "要开挖"}
    Extension.objects.get_or_create(report=report, granted=None, defaults=asked)


def _decide(town, public_id, grant):
    services.decide_extension(actor=town.supervisor, public_id=public_id, grant=grant, text="看过了")


def _rings(public_id):
    """Whatever state it is in, it rings again."""
    now = clock.now()
    ringing = {"rang_at": now, "changed_at": now, "ended_at": None, "acknowledged_by": None}
    Alarm.objects.update_or_create(report=Report.objects.get(public_id=public_id), defaults=ringing)


# Said twice is said once: these repeat without a word.
_REPEATED = {("fixed", "confirm"), ("reopened", "dispute")}


@stands(after="standing_town", by=("state",))
def reached(town: Town, state: str) -> services.Receipt:
    return reach(town, state)


@pytest.mark.parametrize("state", states.STATES)
@pytest.mark.parametrize("step", _ACTS)
def test_every_cell_of_the_table(town, reached, state, step):
    receipt = reached
    before = counts()
    if states.allowed(step, state):
        _ACTS[step](town, receipt.public_id)
        assert the(receipt).state == states.target(step, state)
        assert AuditEvent.objects.filter(subject=the(receipt).ref, action=f"reports.{step}").exists()
    elif (state, step) in _REPEATED:
        _ACTS[step](town, receipt.public_id)
        assert counts() == before
    else:
        # A unit does not even see what was never sent to it.
        with pytest.raises((errors.StepNotAllowed, errors.NotYours, NotFound)):
            _ACTS[step](town, receipt.public_id)
        assert the(receipt).state == state
        assert counts() == before


@pytest.mark.parametrize("step", _ACTS)
@pytest.mark.parametrize("stranger", ["other_rider", "cleaner"])
def test_strangers_take_no_step_and_learn_nothing(town, step, stranger):
    state = next(iter(sorted(states.STEPS[step].sources - {"received"})))
    receipt = reach(town, state)
    before = counts()
    actor = getattr(town, stranger)
    for name in ("rider", "worker", "clerk", "supervisor"):
        setattr(town, name, actor)
    with pytest.raises((NotFound, errors.NotYours)):
        _ACTS[step](town, receipt.public_id)
    assert counts() == before


@pytest.mark.parametrize(
    ("step", "wrong"), [("verify", "worker"), ("accept", "clerk"), ("resolve", "rider"), ("reject", "worker")]
)
def test_the_right_report_in_the_wrong_hands(town, step, wrong):
    receipt = reach(town, next(iter(sorted(states.STEPS[step].sources - {"received", "sorting"}))))
    before = counts()
    town.worker = town.clerk = getattr(town, wrong)
    with pytest.raises((NotFound, errors.NotYours)):
        _ACTS[step](town, receipt.public_id)
    assert counts() == before


def test_of_two_who_act_on_the_same_sight_one_is_told(town):
    receipt = reach(town, "dispatched")
    seen = the(receipt)
    services.accept(actor=town.worker, public_id=receipt.public_id)
    with pytest.raises(errors.SomebodyWasFaster):
        take_step(seen, "accept", actor=town.colleague)
    assert the(receipt).assignee_id == town.worker.person_id


class TestLoop:
    def test_an_invalid_report_gives_its_points_back(self, town):
        receipt = reach(town, "dispatched")
        assert balance(town.rider.ref) == 15
        services.reject(actor=town.clerk, public_id=receipt.public_id, reason="现场没有")
        assert balance(town.rider.ref) == 0
        assert the(receipt).validity == "invalid"

    def test_the_reporter_is_told_at_each_turn(self, town):
        reach(town, "fixed")
        told = list(Notice.objects.filter(person_id=town.rider.person_id).values_list("template", flat=True))
        assert {"report.dispatched", "report.resolved", "report.please_confirm", "points.awarded"} <= set(told)

    def test_the_last_word_earns_points_once(self, town):
        receipt = reach(town, "confirming")
        services.say_unsolved(actor=town.rider, public_id=receipt.public_id, text="没好")
        services.accept(actor=town.worker, public_id=receipt.public_id)
        services.resolve(actor=town.worker, public_id=receipt.public_id, text="再修", photos=[photo_after(8)])
        services.confirm_solved(actor=town.rider, public_id=receipt.public_id)
        assert balance(town.rider.ref) == 15 + 2
        assert the(receipt).reopened == 1

    def test_silence_closes_after_the_days_of_the_policy_but_fixes_nothing(self, town):
        receipt = reach(town, "confirming")
        with clock.at(clock.now() + timedelta(days=6)):
            assert services.close_silent() == 0
        with clock.at(clock.now() + timedelta(days=8)):
            assert services.close_silent() == 1
        assert the(receipt).state == "closed"

    def test_the_first_answer_stops_the_day_clock_once(self, town):
        receipt = reach(town, "dispatched")
        services.answer(actor=town.worker, public_id=receipt.public_id, text="收到，马上到")
        first = the(receipt).answered_at
        with clock.at(clock.now() + timedelta(hours=1)):
            services.answer(actor=town.worker, public_id=receipt.public_id, text="在路上")
        assert the(receipt).answered_at == first

    def test_a_sorted_report_earns_when_the_clerk_sends_it(self, town):
        receipt = reach(town, "sorting")
        services.sort(
            actor=town.clerk, public_id=receipt.public_id, cls="manhole", severity="high", unit_code="shizheng"
        )
        assert balance(town.rider.ref) == 15
        assert the(receipt).points == 15

    def test_nobody_of_the_unit_is_assigned_from_outside(self, town):
        receipt = reach(town, "accepted")
        with pytest.raises(Invalid) as refused:
            services.assign(actor=town.worker, public_id=receipt.public_id, person_public_id=town.cleaner.public_id)
        assert refused.value.field == "person"

    def test_resolving_needs_a_photo(self, town):
        receipt = reach(town, "working")
        with pytest.raises(errors.NeedsAfterPhoto):
            services.resolve(actor=town.worker, public_id=receipt.public_id, text="好了", photos=[])
        assert the(receipt).state == "working"

    def test_the_system_takes_only_its_own_steps(self, town):
        report = the(reach(town, "dispatched"))
        with pytest.raises(errors.NotYours):
            take_step(report, "accept", actor=SYSTEM)
