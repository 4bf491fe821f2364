"""Two reports of one matter: what the machine does by itself, what a clerk does, what is paid, and what is put back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from qixia.audit.models import AuditEvent
from qixia.audit.retention import kinds
from qixia.jobs.models import Job
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.policy.services import publish
from qixia.reports import errors, queries, rules, services
from qixia.reports.models import MergeProposal, MergeRecord, Report, ReportStep
from qixia.reports.queries import duplicates
from qixia.reports.queries.shared import is_sensitive, timeline_item
from qixia.reports.services.arriving import catching
from qixia.reports.services.duplicates.joining import standing_of
from qixia.reports.tests.town import AT_ROAD, MAKER, Town, accepted, at, merging, photo_after, reach, send, the
from qixia.rewards.queries import balance
from qixia.rewards.services import compare
from qixia.triage.models import Fingerprint

BESIDE = (AT_ROAD[0] + 0.00005, AT_ROAD[1])  # 5.6 m
MILD, GRAVE = "路边的井盖有点松，压上去会响", "这个井盖没了，人能掉下去"


@pytest.fixture
def pair(town: Town) -> tuple[Report, Report]:
    """The first rider's case, and the second rider's which the machine merged into it."""
    merging(automatic=True)
    first = the(send(town.rider))
    second = the(send(town.other_rider, "这里井盖不见了，太危险了", place=at(BESIDE)))
    return first, second


def told(town: Town, name: str) -> list[str]:
    rows = Notice.objects.filter(person_id=town.people[name].pk).order_by("id")
    return [row.template for row in rows if not row.template.startswith("points.")]


def everything() -> list[int]:
    return [table.objects.count() for table in (Report, ReportStep, MergeProposal, MergeRecord, AuditEvent, Notice)]


class TestBySettling:
    def test_what_is_the_same_goes_on_in_the_first(self, town, pair):
        first, second = the_again(*pair)
        assert (first.state, second.state, second.merged_into_id) == ("dispatched", "merged", first.pk)
        assert (first.points, second.points, second.dispatched_at) == (15, 3, None)
        assert (balance(town.rider.ref), balance(town.other_rider.ref)) == (15, 3)
        steps = ReportStep.objects.order_by("id").values_list("report_id", "step")
        assert list(steps) == [
            (first.pk, "raise"),
            (first.pk, "settle"),
            (second.pk, "raise"),
            (second.pk, "settle_merged"),
            (first.pk, "absorb"),
        ]
        assert told(town, "other_rider") == ["report.merged"]
        kept, proposal = MergeRecord.objects.get(), MergeProposal.objects.get()
        assert kept.before["report"] == {"state": "dispatched", "points": None}
        assert (proposal.state, proposal.decided_by, proposal.distance_m) == ("merged", "system:settle", 5.6)
        assert compare().is_sound

    def test_a_clerk_decides_where_the_city_wants_that(self, town):
        first, second = the(send(town.rider)), the(send(town.other_rider, place=at(BESIDE)))
        assert (first.state, second.state) == ("dispatched", "dispatched")
        assert MergeProposal.objects.get().state == "open"

    def test_another_unit_asks_a_clerk(self, town):
        merging(automatic=True)
        first = the(send(town.rider))
        Report.objects.filter(pk=first.pk).update(unit_id=town.cleaner.grants[0].organisation_id)
        second = the(send(town.other_rider, place=at(BESIDE)))
        assert (second.state, MergeProposal.objects.get().state) == ("dispatched", "open")

    @pytest.mark.parametrize("state", ["sorting", "returned"])
    def test_what_goes_out_at_once_never_waits_in_a_lead_that_no_unit_has(self, town, state):
        merging(automatic=True)
        first = the(send(town.rider))
        Report.objects.filter(pk=first.pk).update(state=state)
        second = the(send(town.other_rider, place=at(BESIDE)))
        assert (second.state, second.points, MergeProposal.objects.get().state) == ("dispatched", 15, "open")

    def test_sixty_metres_away_is_another_manhole(self, town):
        merging(automatic=True)
        send(town.rider, "井盖没了", place=at(accuracy_m=5))
        there = at((AT_ROAD[0] + 0.00054, AT_ROAD[1]), accuracy_m=5)
        other = the(send(town.other_rider, "前面还有一个井盖没了", place=there))
        assert (other.state, other.merged_into) == ("dispatched", None)

    def test_what_is_done_is_no_lead_but_a_recurrence(self, town):
        merging(automatic=True)
        fixed = reach(town, "fixed")
        again = the(send(town.other_rider, "井盖没了，人能掉下去", place=at(BESIDE)))
        assert (again.state, again.recurs_id, again.points) == ("dispatched", the(fixed).pk, 15)
        assert MergeProposal.objects.count() == 0

    def test_what_is_reopened_takes_others_in_again(self, town):
        merging(automatic=True)
        lead = the(reach(town, "reopened"))
        assert the(send(town.other_rider, place=at(BESIDE))).merged_into_id == lead.pk

    def test_what_was_not_true_is_like_nothing(self, town):
        merging(automatic=True)
        gone = the(reach(town, "invalid"))
        assert not Fingerprint.objects.filter(ref=gone.ref).exists()
        assert the(send(town.other_rider, place=at(BESIDE))).state == "dispatched"

    def test_a_chain_leads_to_the_first(self, town, pair):
        third = the(send(town.other_rider, "井盖不见了，太危险了", place=at(BESIDE)))
        assert third.merged_into_id == pair[0].pk
        assert third.points is None  # the same rider, the same matter: once
        assert balance(town.other_rider.ref) == 3

    def test_the_own_report_again_earns_nothing(self, town):
        merging(automatic=True)
        send(town.rider)
        again = the(send(town.rider, place=at(BESIDE)))
        assert (again.state, again.points, balance(town.rider.ref)) == ("merged", None, 15)

    def test_within_one_batch_as_well(self, town):
        merging(automatic=True)
        made = [accepted(rider, place=at(BESIDE)) for rider in (town.rider, town.other_rider)]
        services.settle([the(one).pk for one in made])
        first, second = map(the, made)
        assert (first.state, second.state, second.merged_into_id) == ("dispatched", "merged", first.pk)

    @pytest.mark.parametrize(
        "broken", ["qixia.triage.judging.see", "qixia.reports.services.duplicates.seeking.similar_many"]
    )
    def test_a_machine_that_fails_keeps_no_report_from_its_unit(self, town, monkeypatch, broken):
        def fail(*_args: object, **_more: object) -> None:
            raise RuntimeError("engine")

        monkeypatch.setattr(broken, fail)
        made = [accepted(rider, place=at(BESIDE)) for rider in (town.rider, town.other_rider)]
        run_pending()
        assert [the(one).state for one in made] == ["dispatched", "dispatched"]

    def test_a_batch_costs_the_same_however_many_are_alike(self, town):
        merging(automatic=True)
        send(town.rider)

        def cost(n: int) -> int:
            made = [the(accepted(town.other_rider, place=at(BESIDE))).pk for _ in range(n)]
            with CaptureQueriesContext(connection) as seen:
                services.settle(made)
            assert Report.objects.filter(pk__in=made, state="merged").count() == n
            return len(seen.captured_queries)

        cost(1)
        assert cost(2) == cost(7)

    def test_an_anonymous_one_answers_with_its_lead_and_names_nobody(self, town, pair):
        first, _second = pair
        secret, receipt = anonymously()
        report = the(receipt)
        assert (report.merged_into_id, report.points, report.reporter_index) == (first.pk, None, None)
        services.accept(actor=town.worker, public_id=first.public_id)
        services.answer(actor=town.worker, public_id=first.public_id, text="马上到")
        (status,) = queries.anonymous_status([secret])
        assert (status.state, status.answer, status.can_answer) == ("sent", "马上到", False)
        assert status.points == "none"


class TestRaised:
    def test_a_graver_one_raises_its_lead_and_rings(self, town):
        first = the(send(town.rider, MILD))
        second = the(send(town.other_rider, GRAVE, place=at(BESIDE)))
        assert (first.severity, second.severity) == ("high", "critical")
        Notice.objects.all().delete()
        services.merge(actor=town.clerk, public_id=second.public_id, into=first.public_id)
        lead = Report.objects.get(pk=first.pk)
        assert (lead.severity, lead.rings, lead.receive_due) == ("critical", True, second.receive_due)
        assert (lead.resolve_due, lead.answer_due) == (second.resolve_due, first.answer_due)
        assert (told(town, "clerk"), told(town, "worker")) == (["critical.ring"], ["critical.ring"])
        step = ReportStep.objects.filter(report=lead).latest("id")
        assert (step.text, step.data) == ("", {"report": second.public_id, "raised": "critical"})
        assert timeline_item(step, for_reporter=False).text == "级别升为特急"
        with override("en"):
            assert timeline_item(step, for_reporter=False).text == "Raised to: Critical"

    def test_a_milder_one_lowers_nothing(self, town):
        first = the(send(town.rider, GRAVE))
        second = the(send(town.other_rider, MILD, place=at(BESIDE)))
        before = standing_of(first)
        services.merge(actor=town.clerk, public_id=second.public_id, into=first.public_id)
        assert standing_of(Report.objects.get(pk=first.pk)) == before

    def test_undone_the_lead_stands_as_before(self, town):
        first, second = the(send(town.rider, MILD)), the(send(town.other_rider, GRAVE, place=at(BESIDE)))
        before = standing_of(first)
        services.merge(actor=town.clerk, public_id=second.public_id, into=first.public_id)
        services.unmerge(actor=town.clerk, public_id=second.public_id)
        assert standing_of(Report.objects.get(pk=first.pk)) == before

    def test_not_undone_while_another_one_is_as_grave(self, town):
        first = the(send(town.rider, MILD))
        graver = [the(send(town.other_rider, GRAVE, place=at(BESIDE))) for _ in range(2)]
        for one in graver:
            services.merge(actor=town.clerk, public_id=one.public_id, into=first.public_id)
        before = everything()
        with pytest.raises(errors.CannotUndo, match="先撤销那一件"):
            services.unmerge(actor=town.clerk, public_id=graver[0].public_id)
        assert everything() == before
        services.unmerge(actor=town.clerk, public_id=graver[1].public_id)
        services.unmerge(actor=town.clerk, public_id=graver[0].public_id)
        assert Report.objects.get(pk=first.pk).severity == "high"


class TestSortedLead:
    def test_naming_the_class_keeps_the_earliest_clock_of_the_group(self, town):
        early = the(send(town.other_rider, GRAVE, place=at(BESIDE)))
        with clock.at(clock.now() + timedelta(hours=3)):
            lead = the(reach_sorting(town))
            services.merge(actor=town.clerk, public_id=early.public_id, into=lead.public_id)
            lead.refresh_from_db()
            assert (lead.receive_due, lead.resolve_due) == (early.receive_due, early.resolve_due)
            services.sort(
                actor=town.clerk, public_id=lead.public_id, cls="manhole", severity="low", unit_code="shizheng"
            )
        lead.refresh_from_db()
        assert (lead.receive_due, lead.resolve_due) == (early.receive_due, early.resolve_due)


class TestByClerk:
    def test_posted_points_stay(self, town):
        first, second = the(send(town.rider)), the(send(town.other_rider, place=at(BESIDE)))
        services.merge(actor=town.clerk, public_id=second.public_id, into=first.public_id)
        assert (balance(town.rider.ref), balance(town.other_rider.ref)) == (15, 15)
        assert MergeProposal.objects.get().state == "merged"

    def test_what_was_never_paid_gets_what_support_earns(self, town):
        lead, vague = the(send(town.rider)), the(reach_sorting(town))
        services.merge(actor=town.clerk, public_id=vague.public_id, into=lead.public_id)
        assert balance(town.other_rider.ref) == 3
        services.unmerge(actor=town.clerk, public_id=vague.public_id)
        vague.refresh_from_db()
        assert (vague.state, vague.points, balance(town.other_rider.ref)) == ("sorting", None, 0)
        for _ in range(2):
            services.merge(actor=town.clerk, public_id=vague.public_id, into=lead.public_id)
            assert balance(town.other_rider.ref) == 3
            services.unmerge(actor=town.clerk, public_id=vague.public_id)
            assert balance(town.other_rider.ref) == 0
        assert compare().is_sound

    def test_what_was_merged_into_it_moves_along(self, town):
        one, two, three = (the(send(town.rider, place=at(BESIDE))) for _ in range(3))
        services.merge(actor=town.clerk, public_id=three.public_id, into=two.public_id)
        services.merge(actor=town.clerk, public_id=two.public_id, into=one.public_id)
        assert leads() == {two.pk: one.pk, three.pk: one.pk}
        with pytest.raises(errors.CannotUndo, match="随另一件"):
            services.unmerge(actor=town.clerk, public_id=three.public_id)
        services.unmerge(actor=town.clerk, public_id=two.public_id)
        assert leads() == {three.pk: two.pk}

    def test_into_a_merged_one_is_into_its_lead_and_no_circle_closes(self, town):
        one, two, three = (the(send(town.rider, place=at(BESIDE))) for _ in range(3))
        services.merge(actor=town.clerk, public_id=two.public_id, into=one.public_id)
        services.merge(actor=town.clerk, public_id=three.public_id, into=two.public_id)
        assert leads() == {two.pk: one.pk, three.pk: one.pk}
        before = everything()
        for report, into in ((one, two), (one, one), (three, two)):
            with pytest.raises(errors.SameReport):
                services.merge(actor=town.clerk, public_id=report.public_id, into=into.public_id)
        assert everything() == before

    def test_not_by_way_of_a_merged_one_into_a_case_of_another_place(self, town):
        one, two, three = (the(send(town.rider, place=at(BESIDE))) for _ in range(3))
        services.merge(actor=town.clerk, public_id=two.public_id, into=one.public_id)
        Report.objects.filter(pk=one.pk).update(community=None)  # of no place, as far as this clerk goes
        here = people.create_person(display_name="近处", username="jinchu", actor=MAKER)
        organisation = town.clerk.grants[0].organisation_id
        people.grant_role(
            person_id=here.pk, role="clerk", organisation_id=organisation, division_id=three.community_id, actor=MAKER
        )
        before = everything()
        with pytest.raises(NotFound):
            services.merge(actor=actor_for(here), public_id=three.public_id, into=two.public_id)
        assert everything() == before

    def test_the_database_knows_no_merged_one_without_a_lead_nor_its_own(self, town):
        report = the(send(town.rider))
        for change in ({"state": "merged"}, {"merged_into": report}, {"state": "merged", "merged_into": report}):
            with pytest.raises(IntegrityError), transaction.atomic():
                Report.objects.filter(pk=report.pk).update(**change)

    @pytest.mark.parametrize("state", ["resolved", "confirming", "fixed", "closed", "invalid"])
    def test_what_is_done_takes_nothing_in(self, town, state):
        lead, report = reach(town, state), send(town.other_rider)
        before = everything()
        with pytest.raises(errors.LeadNotOpen):
            services.merge(actor=town.clerk, public_id=report.public_id, into=lead.public_id)
        assert everything() == before

    @pytest.mark.parametrize("who", ["rider", "other_rider", "worker", "cleaner"])
    def test_only_a_clerk_of_the_place(self, town, who):
        first, second = the(send(town.rider)), the(send(town.other_rider, place=at(BESIDE)))
        proposal, before = MergeProposal.objects.get(), everything()
        actor = getattr(town, who)
        for act in (
            lambda: services.merge(actor=actor, public_id=second.public_id, into=first.public_id),
            lambda: services.keep_apart(actor=actor, proposal=proposal.public_id),
            lambda: services.unmerge(actor=actor, public_id=second.public_id),
        ):
            with pytest.raises((NotFound, errors.NotYours)):
                act()
        assert everything() == before
        assert duplicates.proposals(actor).items == []
        assert duplicates.proposal_for(actor, second.public_id) is None

    def test_not_the_same_is_said_once(self, town):
        for rider in (town.rider, town.other_rider):
            send(rider, place=at(BESIDE))
        proposal = MergeProposal.objects.get()
        services.keep_apart(actor=town.clerk, proposal=proposal.public_id)
        before = everything()
        services.keep_apart(actor=town.clerk, proposal=proposal.public_id)
        assert everything() == before
        assert duplicates.proposals(town.clerk).items == []


class TestUndo:
    def test_the_machines_merge_becomes_a_case_of_its_own_and_is_paid_as_one(self, town, pair):
        _first, second = pair
        services.unmerge(actor=town.clerk, public_id=second.public_id)
        second.refresh_from_db()
        assert (second.state, second.merged_into, second.points) == ("dispatched", None, 15)
        assert second.dispatched_at is not None
        assert balance(town.other_rider.ref) == 15
        assert told(town, "other_rider")[-1] == "report.unmerged"
        assert {"unit.new_case", "critical.ring"} <= set(told(town, "worker")[-2:])
        assert MergeProposal.objects.get().state == "apart"
        assert compare().is_sound
        services.accept(actor=town.worker, public_id=second.public_id)

    def test_a_clerks_merge_is_put_back_as_it_was(self, town):
        lead, report = the(send(town.rider)), the(reach(town, "accepted"))
        # All but when its clocks are looked at next: they are looked at again at once.
        fields = [field.attname for field in Report._meta.concrete_fields if field.name != "clock_at"]
        before = Report.objects.filter(pk__in=[lead.pk, report.pk]).order_by("pk").values(*fields)
        was = list(before)
        services.merge(actor=town.clerk, public_id=report.public_id, into=lead.public_id)
        assert list(before.all()) != was
        services.unmerge(actor=town.clerk, public_id=report.public_id)
        pairs = zip(was, before.all(), strict=True)
        assert [(name, then[name], now[name]) for then, now in pairs for name in then if then[name] != now[name]] == []

    def test_refused_when_the_lead_is_done(self, town, pair):
        first, second = pair
        services.accept(actor=town.worker, public_id=first.public_id)
        services.resolve(actor=town.worker, public_id=first.public_id, text="换好了", photos=[photo_after(3)])
        before = everything()
        with pytest.raises(errors.CannotUndo, match="待核实"):
            services.unmerge(actor=town.clerk, public_id=second.public_id)
        assert everything() == before

    def test_what_went_down_with_a_lead_that_was_not_true_stands_again(self, town):
        lead, paid, vague = the(send(town.rider)), the(send(town.other_rider, place=at(BESIDE))), reach_sorting(town)
        for one in (paid, vague):
            services.merge(actor=town.clerk, public_id=one.public_id, into=lead.public_id)
        services.reject(actor=town.clerk, public_id=lead.public_id, reason="现场没有")
        assert (balance(town.other_rider.ref), Fingerprint.objects.count()) == (0, 0)
        standing = standing_of(Report.objects.get(pk=lead.pk))
        assert all(duplicates.proposal(town.clerk, row.public_id).may_undo for row in merged_pairs())
        for one in (paid, vague):
            services.unmerge(actor=town.clerk, public_id=one.public_id)
        assert balance(town.other_rider.ref) == 15  # a report is paid once it is dispatched
        states_now = {row.pk: row.state for row in Report.objects.all()}
        assert states_now == {lead.pk: "invalid", paid.pk: "dispatched", the(vague).pk: "sorting"}
        assert standing_of(Report.objects.get(pk=lead.pk)) == standing
        assert set(Fingerprint.objects.values_list("ref", flat=True)) == {paid.ref, the(vague).ref}
        assert compare().is_sound

    def test_undone_once(self, town, pair):
        services.unmerge(actor=town.clerk, public_id=pair[1].public_id)
        with pytest.raises(errors.StepNotAllowed):
            services.unmerge(actor=town.clerk, public_id=pair[1].public_id)
        assert MergeRecord.objects.exclude(undoes=None).count() == 1

    def test_the_record_can_not_be_changed(self, town, pair):
        with pytest.raises(IntegrityError), transaction.atomic():
            MergeRecord.objects.update(actor="nobody")


class TestNews:
    def test_everybody_hears_how_the_lead_goes(self, town, pair):
        first, _second = pair
        services.accept(actor=town.worker, public_id=first.public_id)
        services.answer(actor=town.worker, public_id=first.public_id, text="马上到")
        services.resolve(actor=town.worker, public_id=first.public_id, text="换好了", photos=[photo_after(3)])
        services.verify(actor=town.clerk, public_id=first.public_id)
        services.confirm_solved(actor=town.rider, public_id=first.public_id)
        assert told(town, "other_rider") == [
            "report.merged",
            "report.answered",
            "report.resolved",
            "report.checked",
            "report.fixed",
        ]

    def test_the_merged_ones_page_stands_where_the_lead_stands(self, town, pair):
        first, second = pair
        services.accept(actor=town.worker, public_id=first.public_id)
        services.answer(actor=town.worker, public_id=first.public_id, text="马上到")
        view = queries.rider_report(town.other_rider, second.public_id)
        assert (view.state_key, view.is_merged, view.can_answer) == ("sent", True, False)
        assert [item.text for item in view.events][:1] == ["马上到"]
        assert view.words == "这里井盖不见了，太危险了"
        with pytest.raises(NotFound):
            queries.rider_report(town.other_rider, first.public_id)
        (card,) = queries.my_reports(town.other_rider, "doing", "", 20).items
        assert card.public_id == second.public_id

    def test_of_a_sensitive_matter_only_how_it_stands(self, town, pair):
        first, second = pair
        data = {"sensitive": ["manhole"], "cell_m": 500, "anonymous_per_hour": 5}
        publish("reports.secrecy", data, note="试", actor_ref="system:test")
        first.refresh_from_db()
        assert is_sensitive(first)
        services.accept(actor=town.worker, public_id=first.public_id)
        services.answer(actor=town.worker, public_id=first.public_id, text="联系了张某")
        view = queries.rider_report(town.other_rider, second.public_id)
        assert "联系了张某" not in str(view)

    def test_found_not_true_takes_back_what_all_of_them_got(self, town, pair):
        first, _second = pair
        services.reject(actor=town.clerk, public_id=first.public_id, reason="现场没有")
        assert (balance(town.rider.ref), balance(town.other_rider.ref)) == (0, 0)
        assert told(town, "other_rider")[-1] == "report.invalid"
        assert not Fingerprint.objects.exists()


def test_words_that_both_have_are_marked():
    assert rules.same_words("井盖没了", "这里井盖没有了") == [(0, 3)]
    assert rules.same_words("路灯不亮", "井盖没了") == []
    assert rules.same_words("", "井盖") == []
    long = "井" * 10_000
    assert rules.same_words(long, long) == [(0, 400)]


class TestMoot:
    """What nobody can merge any more waits for nobody."""

    @pytest.fixture
    def three(self, town: Town) -> list[Report]:
        """Cases of one place; each two of neighbours are proposed."""
        return [the(send(rider, place=at(BESIDE))) for rider in (town.rider, town.other_rider, town.rider)]

    def counts(self) -> dict[str, int]:
        return dict(MergeProposal.objects.order_by("state").values_list("state").annotate(n=Count("pk")))

    @pytest.mark.parametrize("end", ["reject", "resolve", "merge"])
    def test_the_end_of_a_side_closes_what_was_proposed_of_it(self, town, three, end):
        one = three[0]
        waiting = self.counts()["open"]
        assert duplicates.proposals_count(town.clerk) == waiting
        of_one = MergeProposal.objects.filter(Q(report=one) | Q(lead=one), state="open").count()
        if end == "reject":
            services.reject(actor=town.clerk, public_id=one.public_id, reason="没有")
        elif end == "resolve":
            services.accept(actor=town.worker, public_id=one.public_id)
            services.resolve(actor=town.worker, public_id=one.public_id, text="好了", photos=[photo_after(3)])
        else:
            lamp = the(send(town.rider, "路灯不亮，整条路都黑"))
            services.merge(actor=town.clerk, public_id=one.public_id, into=lamp.public_id)
        assert self.counts()["moot"] == of_one >= 1
        assert duplicates.proposals_count(town.clerk) == waiting - of_one
        assert MergeProposal.objects.filter(state="moot", decided_at=None).count() == 0

    def test_it_waits_again_when_both_can_be_merged_again(self, town, three):
        one, two, _last = three
        before = self.counts()
        services.accept(actor=town.worker, public_id=one.public_id)
        services.resolve(actor=town.worker, public_id=one.public_id, text="好了", photos=[photo_after(3)])
        assert self.counts() != before
        services.send_back(actor=town.clerk, public_id=one.public_id, text="还松")
        assert self.counts() == before
        lamp = the(send(town.rider, "路灯不亮，整条路都黑"))
        services.merge(actor=town.clerk, public_id=two.public_id, into=lamp.public_id)
        services.unmerge(actor=town.clerk, public_id=two.public_id)
        assert self.counts() == before | {"apart": 1}  # of the two that were taken apart

    def test_what_the_rider_put_right_waits_for_nobody(self, town):
        send(town.rider)
        send(town.other_rider, place=at(BESIDE), self_handled=True, after_photos=[photo_after(77)])
        assert self.counts() == {"moot": 1}

    def test_counting_stops_and_is_one_query(self, town, three, monkeypatch, django_assert_num_queries):
        monkeypatch.setattr(duplicates, "MOST", 1)
        assert self.counts()["open"] > 1
        for actor in (town.clerk, town.admin):
            with django_assert_num_queries(1):
                assert duplicates.proposals_count(actor) == 1

    def test_decided_ones_end(self, town, three):
        (kind,) = [kind for kind in kinds() if kind.name == "merge-proposals"]
        services.reject(actor=town.clerk, public_id=three[2].public_id, reason="没有")
        left = self.counts()["open"]
        assert kind.oldest() is not None
        assert kind.purge(clock.now() + timedelta(days=1), 100) >= 1
        assert (self.counts(), kind.oldest()) == ({"open": left}, None)


class TestCatchingUp:
    """After an upgrade: what was open before is found too."""

    def test_what_is_open_is_remembered_once_and_in_batches(self, town, monkeypatch):
        monkeypatch.setattr(catching, "BATCH", 2)
        cases = [the(send(town.rider, place=at(BESIDE))) for _ in range(3)]
        done, over = the(reach(town, "resolved")), the(reach(town, "fixed"))
        kept = {row.ref: (row.cell, bytes(row.marks), row.cls) for row in Fingerprint.objects.all()}
        Fingerprint.objects.exclude(ref=cases[0].ref).delete()
        services.ask_to_catch_up()
        services.ask_to_catch_up()
        assert Job.objects.filter(name="reports.catch_up").count() == 1
        run_pending()
        found = {row.ref: (row.cell, bytes(row.marks), row.cls) for row in Fingerprint.objects.all()}
        assert found == {ref: row for ref, row in kept.items() if ref != over.ref}
        assert set(Fingerprint.objects.filter(closed_at__isnull=False).values_list("ref", flat=True)) == {done.ref}
        assert not Job.objects.filter(name="reports.catch_up").exists()
        assert [services.catch_up(after=pk) for pk in (0, cases[0].pk)] == [0, 0]

    def test_a_new_report_finds_what_was_open_before(self, town):
        old = the(send(town.rider))
        Fingerprint.objects.all().delete()
        services.ask_to_catch_up()
        run_pending()
        send(town.other_rider, place=at(BESIDE))
        assert MergeProposal.objects.get().lead_id == old.pk

    def test_proposals_of_before_are_closed(self, town):
        for _ in range(2):
            send(town.rider, place=at(BESIDE))
        Report.objects.filter(pk=MergeProposal.objects.get().lead_id).update(
            state="closed"
        )  # as the release before did
        assert duplicates.proposals_count(town.clerk) == 0
        services.catch_up()
        assert MergeProposal.objects.get().state == "moot"


def merged_pairs() -> list[MergeProposal]:
    return list(MergeProposal.objects.filter(state="merged"))


def the_again(*reports: Report) -> list[Report]:
    return [Report.objects.get(pk=one.pk) for one in reports]


def leads() -> dict[int, int]:
    rows = Report.objects.exclude(merged_into=None).values_list("pk", "merged_into_id")
    return {pk: lead for pk, lead in rows if lead}


def reach_sorting(town: Town) -> services.Receipt:
    """A report of the second rider that waits for a clerk."""
    receipt = send(town.other_rider, "这个")
    report = the(receipt)
    if report.state != "sorting":  # the model may be sure of it
        pytest.fail("nothing is doubtful any more")
    return receipt


def anonymously() -> tuple[str, services.Receipt]:
    from qixia.reports.tests.examples.grounds import SECRET, anonymously  # noqa: PLC0415 — only here

    with clock.at(clock.now() + timedelta(minutes=1)):
        receipt = anonymously()
        run_pending()
    return SECRET, receipt
