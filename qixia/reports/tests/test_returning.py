"""Not ours: the named unit has it at once, may object once, then the supervisor decides. And who helps."""

from __future__ import annotations

import pytest

from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.people.queries import organisation_by_code
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.reports import access, errors, paths, queries, services
from qixia.reports.models import Help
from qixia.reports.tests.test_services import counts
from qixia.reports.tests.town import MAKER, at, photo, photo_after, reach, send, the


def worker_of(code, name):
    person = people.create_person(display_name=name, username=code, actor=MAKER)
    people.grant_role(person_id=person.pk, role="worker", organisation_id=organisation_by_code(code).id, actor=MAKER)
    return actor_for(person)


def returned(town, to="huanwei"):
    receipt = reach(town, "accepted")
    services.return_report(actor=town.worker, public_id=receipt.public_id, reason="垃圾归环卫", to=to)
    return receipt


class TestReturn:
    def test_the_named_unit_has_it_at_once_and_the_clocks_run_on(self, town):
        receipt = reach(town, "dispatched")
        due = the(receipt).resolve_due, the(receipt).answer_due
        services.return_report(actor=town.worker, public_id=receipt.public_id, reason="垃圾归环卫", to="huanwei")
        report = the(receipt)
        assert (report.state, report.unit.code, report.accepted_at) == ("dispatched", "huanwei", None)
        assert (report.resolve_due, report.answer_due) == due
        told = Notice.objects.filter(template="unit.returned").values_list("person_id", flat=True)
        assert set(told) == {town.cleaner.person_id}

    def test_who_was_asked_first_is_in_charge_until_another_accepts(self, town):
        receipt = returned(town)
        assert the(receipt).charge.code == "shizheng"
        services.answer(actor=town.worker, public_id=receipt.public_id, text="已转给环卫，明天前答复你")
        assert the(receipt).answered_at is not None
        assert the(receipt).steps.get(step="answer").by == "shizheng单位"
        with pytest.raises(errors.NotYours):
            services.accept(actor=town.worker, public_id=receipt.public_id)
        services.accept(actor=town.cleaner, public_id=receipt.public_id)
        assert the(receipt).charge is None
        assert not access.cases(town.worker).filter(pk=the(receipt).pk).exists()

    def test_the_named_unit_objects_once_and_the_supervisor_decides_for_good(self, town):
        receipt = returned(town)
        services.object_to(actor=town.cleaner, public_id=receipt.public_id, reason="路面不归环卫")
        assert the(receipt).state == "returned"
        assert Notice.objects.filter(template="supervisor.decide", person_id=town.supervisor.person_id).count() == 1
        with pytest.raises(errors.NotYours):
            services.decide(actor=town.clerk, public_id=receipt.public_id, unit_code="huanwei", reason="垃圾")
        services.decide(actor=town.supervisor, public_id=receipt.public_id, unit_code="huanwei", reason="垃圾归环卫")
        assert (the(receipt).state, the(receipt).unit.code, the(receipt).charge) == ("dispatched", "huanwei", None)
        before = counts()
        with pytest.raises(errors.DecidedAlready):
            services.return_report(actor=town.cleaner, public_id=receipt.public_id, reason="不归我们", to="wuye")
        with pytest.raises(errors.CannotObject):
            services.object_to(actor=town.cleaner, public_id=receipt.public_id, reason="不归我们")
        with pytest.raises(errors.DecidedAlready):
            services.refer(actor=town.cleaner, public_id=receipt.public_id, reason="不归我们")
        assert counts() == before

    def test_nobody_objects_to_what_was_dispatched(self, town):
        receipt = reach(town, "dispatched")
        before = counts()
        with pytest.raises(errors.CannotObject):
            services.object_to(actor=town.worker, public_id=receipt.public_id, reason="不归我们")
        assert counts() == before

    @pytest.mark.parametrize(
        ("reason", "to", "refusal"),
        [
            ("", "wuye", errors.Invalid),
            ("归他们", "", errors.UnknownUnit),
            ("归他们", "no-such", errors.UnknownUnit),
            ("归他们", "huanwei", errors.SameUnit),
            ("归他们", "shizheng", errors.WentThere),
        ],
    )
    def test_a_return_names_another_unit_and_why(self, town, reason, to, refusal):
        receipt = returned(town)
        before = counts()
        with pytest.raises(refusal):
            services.return_report(actor=town.cleaner, public_id=receipt.public_id, reason=reason, to=to)
        assert counts() == before
        assert the(receipt).unit.code == "huanwei"

    def test_after_the_last_return_only_a_decision_is_left(self, town):
        receipt = returned(town)
        warden = worker_of("wuye", "物管")
        services.return_report(actor=town.cleaner, public_id=receipt.public_id, reason="归物业", to="wuye")
        with pytest.raises(errors.ReturnsUsedUp):
            services.return_report(actor=warden, public_id=receipt.public_id, reason="归园林", to="yuanlin")
        assert the(receipt).unit.code == "wuye"
        services.refer(actor=warden, public_id=receipt.public_id, reason="不知道归谁")
        assert (the(receipt).state, the(receipt).charge.code) == ("returned", "shizheng")

    def test_the_city_sets_how_often(self, town):
        data = current("reports.ways").data.model_dump(mode="json")
        publish("reports.ways", data | {"returns": 0}, note="test", actor_ref=MAKER)
        receipt = reach(town, "dispatched")
        with pytest.raises(errors.ReturnsUsedUp):
            services.return_report(actor=town.worker, public_id=receipt.public_id, reason="归环卫", to="huanwei")

    def test_the_rider_reads_the_units_and_not_what_they_say_of_each_other(self, town):
        receipt = returned(town)
        seen = queries.rider_report(town.rider, receipt.public_id)
        assert "转给huanwei单位办" in [event.title for event in seen.events]
        assert "垃圾归环卫" not in str(seen)
        staff = queries.case(town.cleaner, receipt.public_id)
        assert "垃圾归环卫" in [event.text for event in staff.events]

    def test_the_path_tells_every_turn(self, town):
        receipt = returned(town)
        services.object_to(actor=town.cleaner, public_id=receipt.public_id, reason="路面不归环卫")
        moves = paths.moves_of(the(receipt).steps.order_by("id"))
        assert [(move.step, move.origin, move.to) for move in moves] == [
            ("settle", "", "shizheng"),
            ("return", "shizheng", "huanwei"),
            ("object", "huanwei", ""),
        ]
        assert paths.refused(moves) == {"shizheng", "huanwei"}


class TestHelp:
    def asked(self, town, state="accepted"):
        receipt = reach(town, state)
        services.ask_help(actor=town.worker, public_id=receipt.public_id, unit_code="huanwei", words="先把垃圾清开")
        return receipt

    def test_the_helper_sees_the_case_and_adds_its_part(self, town):
        receipt = self.asked(town)
        assert access.cases(town.cleaner).filter(pk=the(receipt).pk).exists()
        services.add_help(
            actor=town.cleaner, public_id=receipt.public_id, text="在清", done=False, photos=[photo_after(31)]
        )
        assert Help.objects.get().state == "asked"
        services.add_help(
            actor=town.cleaner, public_id=receipt.public_id, text="清开了", done=True, photos=[photo_after(32)]
        )
        assert (Help.objects.get().state, Help.objects.get().said) == ("done", "清开了")
        roles = the(receipt).photos.order_by("id").values_list("role", flat=True)
        assert list(roles) == ["before", "onsite", "after"]
        assert Notice.objects.filter(template="unit.help_done", person_id=town.worker.person_id).count() == 1

    def test_the_lead_is_not_done_before_its_helpers(self, town):
        receipt = self.asked(town)
        before = counts()
        with pytest.raises(errors.HelpersOpen):
            services.resolve(actor=town.worker, public_id=receipt.public_id, text="好了", photos=[photo_after()])
        assert counts() == before
        services.waive_help(actor=town.clerk, public_id=receipt.public_id, unit_code="huanwei", reason="物业清了")
        services.resolve(actor=town.worker, public_id=receipt.public_id, text="好了", photos=[photo_after()])
        assert the(receipt).state == "resolved"

    @pytest.mark.parametrize(
        ("unit", "words", "refusal"),
        [
            ("huanwei", "再来", errors.HelperAsked),
            ("shizheng", "自己", errors.SameUnit),
            ("no-such", "谁", errors.UnknownUnit),
            ("wuye", " ", errors.Invalid),
        ],
    )
    def test_whom_a_unit_may_not_ask(self, town, unit, words, refusal):
        receipt = self.asked(town)
        before = counts()
        with pytest.raises(refusal):
            services.ask_help(actor=town.worker, public_id=receipt.public_id, unit_code=unit, words=words)
        assert counts() == before

    def test_a_helper_takes_no_other_step_and_none_twice(self, town):
        receipt = self.asked(town)
        before = counts()
        with pytest.raises(errors.NotYours):
            services.resolve(actor=town.cleaner, public_id=receipt.public_id, text="好了", photos=[photo_after()])
        assert counts() == before
        services.add_help(actor=town.cleaner, public_id=receipt.public_id, text="清开了", done=True)
        with pytest.raises(errors.NotYours):
            services.add_help(actor=town.cleaner, public_id=receipt.public_id, text="又清了", done=True)
        with pytest.raises(errors.NotYours):
            services.waive_help(actor=town.cleaner, public_id=receipt.public_id, unit_code="huanwei", reason="不要")

    def test_who_helped_once_may_be_asked_again(self, town):
        receipt = self.asked(town)
        services.add_help(actor=town.cleaner, public_id=receipt.public_id, text="清开了", done=True)
        services.ask_help(actor=town.clerk, public_id=receipt.public_id, unit_code="huanwei", words="还有一袋")
        assert (Help.objects.get().state, Help.objects.get().said) == ("asked", "")


class TestTwoAtOnce:
    """A unit that acts on what it saw, while the report has gone to another one and waits there in the same state."""

    @pytest.mark.parametrize("gone", ["return", "redirect"])
    def test_what_went_to_another_unit_is_not_accepted(self, town, monkeypatch, gone):
        receipt = reach(town, "dispatched")
        seen = access.case(town.worker, receipt.public_id)
        if gone == "return":
            services.return_report(actor=town.colleague, public_id=receipt.public_id, reason="归环卫", to="huanwei")
        else:
            services.redirect(actor=town.clerk, public_id=receipt.public_id, unit_code="huanwei", reason="归环卫")
        before = counts()
        monkeypatch.setattr(access, "case", lambda *_who: seen)
        with pytest.raises(errors.SomebodyWasFaster):
            services.accept(actor=town.worker, public_id=receipt.public_id)
        assert counts() == before
        report = the(receipt)
        assert (report.state, report.unit.code, report.assignee, report.accepted_at) == (
            "dispatched",
            "huanwei",
            None,
            None,
        )
        assert report.charge.code == "shizheng"

    def test_of_two_clerks_who_redirect_one_is_told(self, town, monkeypatch):
        receipt = reach(town, "dispatched")
        seen = access.case(town.clerk, receipt.public_id)
        services.redirect(actor=town.clerk, public_id=receipt.public_id, unit_code="huanwei", reason="归环卫")
        monkeypatch.setattr(access, "case", lambda *_who: seen)
        with pytest.raises(errors.SomebodyWasFaster):
            services.redirect(actor=town.clerk, public_id=receipt.public_id, unit_code="shizheng", reason="归市政")
        assert the(receipt).unit.code == "huanwei"


def test_the_riders_own_picture_is_no_photo_of_a_visit(town):
    receipt = send(town.rider, photos=[photo(500)])
    services.accept(actor=town.worker, public_id=receipt.public_id)
    given = {"actor": town.worker, "public_id": receipt.public_id, "text": "看过了", "place": at()}
    with pytest.raises(errors.CopiedPhoto):
        services.inspect(photos=[photo(500)], **given)
    assert the(receipt).state == "accepted"
    services.inspect(photos=[photo_after(501)], **given)
    assert the(receipt).state == "working"


def test_what_opened_again_is_not_done_with_the_photo_of_the_first_time(town):
    receipt = reach(town, "accepted")
    done = {"actor": town.worker, "public_id": receipt.public_id, "text": "修好了"}
    services.resolve(photos=[photo_after(600)], **done)
    services.send_back(actor=town.clerk, public_id=receipt.public_id, text="还是松的")
    with pytest.raises(errors.CopiedPhoto):
        services.resolve(photos=[photo_after(600)], **done)
    assert the(receipt).state == "working"
    services.resolve(photos=[photo_after(601)], **done)
    assert the(receipt).state == "resolved"
