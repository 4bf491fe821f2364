"""Promises, what units do together, and three of the city's stories at service level (INVENTORY 2, 3, 71)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from qixia.codes.models import Division
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed, NotFound
from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.people.models import Organisation
from qixia.people.queries import organisation_by_code
from qixia.reports import access, errors, queries, services
from qixia.reports.models import Report, ReportStep, Undertaking, UndertakingReport
from qixia.reports.queries import undertakings
from qixia.reports.queries.undertakings import together
from qixia.reports.services.units import undertaking
from qixia.reports.tests.test_desk_web import desk
from qixia.reports.tests.test_services import counts
from qixia.reports.tests.town import AT_ROAD, MAKER, photo_after, send, the


def staff_of(code: str, name: str = "办事"):
    person = people.create_person(display_name=name, username=f"of-{code}", actor=MAKER)
    people.grant_role(person_id=person.pk, role="worker", organisation_id=organisation_by_code(code).id, actor=MAKER)
    return actor_for(person)


def clerk_of(code: str):
    """A clerk of one division."""
    person = people.create_person(display_name="片区", username=f"clerk-{code}", actor=MAKER)
    unit, place = organisation_by_code("zhihui").id, Division.objects.get(code=code)
    people.grant_role(person_id=person.pk, role="clerk", organisation_id=unit, actor=MAKER, division_id=place.pk)
    return actor_for(person)


def wish(rider, **more):
    return send(rider, "希望商圈多设几个骑手停车位", hint="parking-need", **more)


def day(days):
    return clock.city_date(clock.now()) + timedelta(days=days)


class TestPromise:
    def test_the_promised_day_is_the_limit_and_runs_over_like_any_other(self, town):
        receipt = wish(town.rider)
        unit = staff_of(the(receipt).unit.code)
        services.promise(actor=unit, public_id=receipt.public_id, day=day(14), text="两周内踏勘后答复")
        report = the(receipt)
        assert report.resolve_due == report.promised_due
        assert clock.city_time(report.promised_due).strftime("%H:%M") == "00:00"
        assert clock.city_date(report.promised_due) == day(15)
        assert report.answered_at is not None
        assert Notice.objects.filter(template="report.promised", person_id=town.rider.person_id).count() == 1
        with clock.at(report.promised_due + timedelta(minutes=1)):
            services.remind()
            assert queries.list_counts(unit)["over"] == 1

    @pytest.mark.parametrize("days", [-1, 0, 61])
    def test_a_day_that_is_no_promise(self, town, days):
        receipt = wish(town.rider)
        unit, before = staff_of(the(receipt).unit.code), the(receipt).resolve_due
        tables = counts()
        with pytest.raises(Invalid):
            services.promise(actor=unit, public_id=receipt.public_id, day=day(days), text="再说")
        assert (counts(), the(receipt).resolve_due) == (tables, before)

    def test_once_and_not_for_what_is_urgent(self, town):
        receipt = wish(town.rider)
        unit = staff_of(the(receipt).unit.code)
        services.promise(actor=unit, public_id=receipt.public_id, day=day(14), text="两周内答复")
        with pytest.raises(errors.PromisedAlready):
            services.promise(actor=unit, public_id=receipt.public_id, day=day(30), text="再等等")
        with pytest.raises(errors.NotToBeStudied):
            services.promise(actor=town.worker, public_id=send(town.rider).public_id, day=day(14), text="研究研究")

    def test_only_what_has_to_be_studied(self, town):
        receipt = wish(town.rider)
        unit, before = staff_of(the(receipt).unit.code), the(receipt).resolve_due
        Report.objects.filter(pk=the(receipt).pk).update(cls="street-light")
        with pytest.raises(errors.NotStudied):
            services.promise(actor=unit, public_id=receipt.public_id, day=day(14), text="研究研究")
        assert (the(receipt).promised_due, the(receipt).resolve_due) == (None, before)

    def test_not_once_the_limit_is_over(self, town):
        receipt = wish(town.rider)
        unit, before = staff_of(the(receipt).unit.code), the(receipt).resolve_due
        with clock.at(before + timedelta(minutes=1)):
            with pytest.raises(errors.PromiseTooLate):
                services.promise(actor=unit, public_id=receipt.public_id, day=day(60), text="再研究研究")
            services.remind()
            assert queries.list_counts(unit)["over"] == 1
        assert (the(receipt).promised_due, the(receipt).resolve_due) == (None, before)


TASKS = [("chengguan", "划停车位"), ("jiaojing", "调整标线")]


def begun(town, *receipts, lead="chengguan", actor=None):
    return services.start_undertaking(
        actor=actor or town.clerk,
        title="商圈骑手停车位",
        aim="让骑手送餐有地方停车",
        lead_code=lead,
        due=day(30),
        tasks=[services.TaskAsked(unit, what, day(20)) for unit, what in TASKS],
        numbers=[receipt.number for receipt in receipts],
    )


def end_tasks(town, made):
    for task in made.tasks.all():
        services.finish_task(actor=town.clerk, public_id=made.public_id, task=task.pk, text="做好了")


PLACES_200 = services.Facility(200, "个停车位", lat=AT_ROAD[0], lng=AT_ROAD[1])


def finish(town, made, **more):
    given = {
        "result": "两条路都划好了",
        "facility": PLACES_200,
        "photos": [photo_after(41)],
        "actor": town.clerk,
    } | more
    return services.finish_undertaking(public_id=made.public_id, **given)


def deputy_of(clerk):
    """A colleague who stands in for two days."""
    person = people.create_person(display_name="小秋", username="xiaoqiu", actor=MAKER)
    place = next(grant.organisation_id for grant in clerk.grants)
    people.grant_role(person_id=person.pk, role="worker", organisation_id=place, actor=MAKER)
    now = clock.now()
    people.set_deputy(
        actor=clerk, person=clerk.public_id, deputy=person.public_id, starts_at=now, ends_at=now + timedelta(days=2)
    )
    return actor_for(person)


class TestUndertaking:
    def test_row_71_riders_ask_for_parking_and_get_two_hundred_places(self, town):
        first, second = wish(town.rider), wish(town.other_rider)
        made = begun(town, first, second)
        lead, police = staff_of("chengguan", "城"), staff_of("jiaojing", "交")
        for actor, unit in ((lead, "chengguan"), (police, "jiaojing")):
            task = made.tasks.get(unit__code=unit)
            services.finish_task(actor=actor, public_id=made.public_id, task=task.pk, text="做好了")
        services.finish_undertaking(
            actor=lead,
            public_id=made.public_id,
            result="两条路都划好了",
            facility=PLACES_200,
            photos=[photo_after(42)],
        )
        for receipt, rider in ((first, town.rider), (second, town.other_rider)):
            assert the(receipt).state == "resolved"
            told = Notice.objects.filter(template="report.delivered", person_id=rider.person_id)
            assert told.count() == 1
            shown = queries.rider_report(rider, receipt.public_id)
            assert (shown.together.amount, shown.together.lead) == ("200 个停车位", "chengguan单位")
            assert (shown.together.lat, shown.together.lng) == AT_ROAD
            assert len(shown.after) == 1
        services.verify(actor=town.clerk, public_id=first.public_id)
        services.confirm_solved(actor=town.rider, public_id=first.public_id)
        assert the(first).state == "fixed"

    def test_it_ends_only_when_every_task_is_done(self, town):
        receipt = wish(town.rider)
        made = begun(town, receipt)
        before = counts()
        with pytest.raises(errors.TasksOpen):
            finish(town, made)
        assert counts() == before
        assert the(receipt).state == "dispatched"

    def test_whoever_starts_it_for_a_place_sees_it(self, town):
        """Also while it answers no report yet, so that nothing else says where it is."""
        clerk = clerk_of("990102")
        made = begun(town, actor=clerk)
        assert made.community.code == "990102"
        assert access.undertaking(clerk, made.public_id) == made
        assert begun(town).community is None
        # Also where it is the organisation that says for which place.
        Organisation.objects.filter(code="zhihui").update(division=Division.objects.get(code="990102001"))
        assert begun(town, actor=actor_for(town.clerk.person_id)).community.code == "990102001"

    def test_what_a_unit_starts_is_seen_by_those_of_the_place(self, town):
        """Of the smallest place that holds its reports; without any, of where the unit works."""
        own = wish(town.rider)
        lead = staff_of("chengguan", "城")
        services.redirect(actor=town.clerk, public_id=own.public_id, unit_code="chengguan", reason="归城管")
        near = clerk_of("990102001001")
        made = begun(town, own, actor=lead)
        assert made.community.code == "990102001001"
        assert access.undertaking(near, made.public_id) == made
        assert access.oversees(town.clerk, made)
        empty = begun(town, actor=lead)
        assert empty.community is None
        assert not access.undertakings(near).filter(pk=empty.pk).exists()
        Organisation.objects.filter(code="chengguan").update(division=Division.objects.get(code="990102"))
        assert begun(town, actor=actor_for(lead.person_id)).community.code == "990102"

    def test_reports_of_two_places_lie_in_what_holds_both(self, town):
        street = Division.objects.get(code="990102001")
        other = Division.objects.create(
            code="990102001002", name="邻社区", level="community", parent=street, path=f"{street.path}990102001002/"
        )
        first, second = wish(town.rider), wish(town.other_rider)
        Report.objects.filter(pk=the(second).pk).update(community=other)
        lead = staff_of("chengguan", "城")
        Report.objects.filter(pk__in=[the(first).pk, the(second).pk]).update(unit=organisation_by_code("chengguan").id)
        assert begun(town, first, second, actor=lead).community == street

    def test_it_ends_once_and_needs_a_photo(self, town):
        made = begun(town, wish(town.rider))
        end_tasks(town, made)
        with pytest.raises(errors.NeedsAfterPhoto):
            finish(town, made, photos=[])
        finish(town, made)
        with pytest.raises(errors.UndertakingOver):
            finish(town, made)
        assert Notice.objects.filter(template="report.delivered").count() == 1

    def test_a_report_belongs_to_one(self, town):
        receipt = wish(town.rider)
        begun(town, receipt)
        before = counts()
        with pytest.raises(errors.LinkedElsewhere):
            begun(town, receipt)
        assert counts() == before
        assert (Undertaking.objects.count(), UndertakingReport.objects.count()) == (1, 1)

    def test_who_may_do_what(self, town):
        made = begun(town, wish(town.rider))
        with pytest.raises(NotFound):
            services.finish_task(actor=town.worker, public_id=made.public_id, task=made.tasks.first().pk, text="我来")
        police = staff_of("jiaojing")
        with pytest.raises(NotAllowed):
            services.link_reports(actor=police, public_id=made.public_id, numbers=[])
        with pytest.raises(NotAllowed):
            services.finish_task(
                actor=police, public_id=made.public_id, task=made.tasks.get(unit__code="chengguan").pk, text="我来"
            )
        with pytest.raises(NotAllowed):
            begun(town, lead="chengguan", actor=police)
        assert not made.tasks.filter(done_at__isnull=False).exists()

    def test_what_is_dropped_leaves_the_reports_where_they_are(self, town):
        receipt = wish(town.rider)
        made = begun(town, receipt)
        services.drop_undertaking(actor=town.clerk, public_id=made.public_id, reason="地块另有规划")
        assert the(receipt).state == "dispatched"
        assert together(the(receipt)).result == "地块另有规划"

    def test_a_link_says_nothing_about_when_or_who(self, town):
        begun(town, wish(town.rider))
        columns = {field.name for field in UndertakingReport._meta.get_fields()}
        assert columns == {"id", "undertaking", "report", "overseen"}

    def test_a_unit_links_its_own_cases_and_no_others(self, town):
        """Not those that it helps with: it would close what another unit has."""
        helped = wish(town.rider)
        holder, lead = staff_of(the(helped).unit.code, "社"), staff_of("chengguan", "城")
        services.accept(actor=holder, public_id=helped.public_id)
        services.ask_help(actor=holder, public_id=helped.public_id, unit_code="chengguan", words="看一下")
        made = begun(town, actor=lead)
        before = counts()
        with pytest.raises(Invalid):
            services.link_reports(actor=lead, public_id=made.public_id, numbers=[helped.number])
        with pytest.raises(Invalid):
            begun(town, helped, actor=lead)
        assert counts() == before
        own = wish(town.other_rider)
        services.redirect(actor=town.clerk, public_id=own.public_id, unit_code="chengguan", reason="归城管")
        assert services.link_reports(actor=lead, public_id=made.public_id, numbers=[own.number]) == 1
        end_tasks(town, made)
        finish(town, made)
        assert (the(own).state, the(helped).state) == ("resolved", "accepted")

    def test_what_left_the_leading_unit_is_not_closed_by_it(self, town):
        own, lead = wish(town.rider), staff_of("chengguan", "城")
        services.redirect(actor=town.clerk, public_id=own.public_id, unit_code="chengguan", reason="归城管")
        made = begun(town, own, actor=lead)
        services.redirect(actor=town.clerk, public_id=own.public_id, unit_code="shizheng", reason="归市政")
        end_tasks(town, made)
        finish(town, made)
        assert the(own).state == "dispatched"
        assert the(own).resolved_at is None

    @pytest.mark.parametrize("change", [{"state": "returned"}, {"severity": "high"}, {"severity": "critical"}])
    def test_what_needs_a_decision_or_haste_is_told_and_not_closed(self, town, change):
        receipt = wish(town.rider)
        made = begun(town, receipt)
        end_tasks(town, made)
        Report.objects.filter(pk=the(receipt).pk).update(**change)
        state = the(receipt).state
        finish(town, made)
        assert (the(receipt).state, the(receipt).resolved_at) == (state, None)

    def test_what_somebody_still_helps_with_is_not_closed(self, town):
        receipt = wish(town.rider)
        made = begun(town, receipt)
        staff_of("jiaojing", "交")
        services.ask_help(actor=town.clerk, public_id=receipt.public_id, unit_code="jiaojing", words="看一下标线")
        end_tasks(town, made)
        finish(town, made)
        assert the(receipt).state == "dispatched"

    def test_no_photo_of_before_passes_for_one_of_after(self, town):
        receipt = wish(town.rider, photos=[photo_after(77)])
        made = begun(town, receipt)
        end_tasks(town, made)
        with pytest.raises(errors.CopiedPhoto):
            finish(town, made, photos=[photo_after(77)])
        assert (the(receipt).state, Undertaking.objects.get().state) == ("dispatched", "open")

    def test_clerks_are_told_what_waits_to_be_checked(self, town):
        receipt = wish(town.rider)
        made = begun(town, receipt)
        end_tasks(town, made)
        finish(town, made)
        told = Notice.objects.filter(template="report.resolved", person_id=town.clerk.person_id)
        assert told.count() == 1

    def test_whoever_finishes_it_does_not_look_whether_it_is_done(self, town):
        """Nor a deputy of theirs, nor for whom a deputy finished it."""
        receipt = wish(town.rider)
        made = begun(town, receipt)
        end_tasks(town, made)
        finish(town, made)
        with pytest.raises(errors.OwnWork):
            services.verify(actor=town.clerk, public_id=receipt.public_id)
        assert the(receipt).state == "resolved"
        deputy = deputy_of(town.clerk)
        with pytest.raises(errors.OwnWork):
            services.verify(actor=deputy, public_id=receipt.public_id)
        services.verify(actor=town.supervisor, public_id=receipt.public_id)
        assert the(receipt).state == "confirming"
        second = wish(town.other_rider)
        made = begun(town, second)
        end_tasks(town, made)
        finish(town, made, actor=deputy)
        step = the(second).steps.get(step="deliver")
        assert (step.data["finished_by"], step.data["for"]) == (deputy.ref, town.clerk.ref)
        for one in (deputy, town.clerk):
            with pytest.raises(errors.OwnWork):
                services.verify(actor=one, public_id=second.public_id)

    def test_what_was_dropped_can_be_linked_again(self, town):
        receipt = wish(town.rider)
        first = begun(town, receipt)
        services.drop_undertaking(actor=town.clerk, public_id=first.public_id, reason="地块另有规划")
        second = begun(town, receipt)
        assert UndertakingReport.objects.get().undertaking == second

    def test_a_link_that_comes_too_late_is_refused(self, town, monkeypatch):
        """It read the undertaking while it was open, and writes when it has ended."""
        made, late = begun(town, wish(town.rider)), wish(town.other_rider)
        end_tasks(town, made)
        real, ended = undertaking._led, []

        def led(actor, public_id):
            found = real(actor, public_id)
            if not ended:
                ended.append(True)
                finish(town, made)
            return found

        monkeypatch.setattr(undertaking, "_led", led)
        with pytest.raises(errors.UndertakingOver):
            services.link_reports(actor=town.clerk, public_id=made.public_id, numbers=[late.number])

    def test_its_reports_are_locked_by_their_ids_before_any_is_changed(self, town):
        """Linked in another order than they came: two who change many must not wait for each other."""
        first, second = wish(town.rider), wish(town.other_rider)
        made = begun(town, second)
        services.link_reports(actor=town.clerk, public_id=made.public_id, numbers=[first.number])
        end_tasks(town, made)
        with CaptureQueriesContext(connection) as seen, transaction.atomic():
            finish(town, made)
        said = [row["sql"] for row in seen.captured_queries]
        changed = [at for at, sql in enumerate(said) if sql.startswith('UPDATE "reports_report"')]
        read = [
            at for at, sql in enumerate(said) if "reports_undertakingreport" in sql and 'FROM "reports_report"' in sql
        ]
        locked = [at for at in read if 'ORDER BY "reports_report"."id" ASC' in said[at]]
        assert locked
        assert locked[0] < changed[0]
        if connection.features.has_select_for_update:
            assert "FOR NO KEY UPDATE" in said[locked[0]]
        order = [step.report_id for step in ReportStep.objects.filter(step="deliver").order_by("pk")]
        assert order == [the(first).pk, the(second).pk]

    def test_the_pages(self, town, django_assert_max_num_queries):
        made = begun(town, wish(town.rider), wish(town.other_rider))
        client = desk(town, "clerk")
        assert "商圈骑手停车位" in client.get("/desk/undertakings/").content.decode()
        page = client.get(f"/desk/undertakings/{made.public_id}/").content.decode()
        assert "调整标线" in page
        assert client.post(f"/desk/undertakings/{made.public_id}/task", {"task": "x", "text": "y"}).status_code == 404
        assert desk(town, "worker").get(f"/desk/undertakings/{made.public_id}/").status_code == 404
        view = undertakings.undertaking(town.clerk, made.public_id)
        assert (view.line.reports, view.unseen, view.line.tasks) == (2, 0, 2)


def test_row_2_a_manhole_is_mended_on_the_day_it_is_reported(town):
    receipt = send(town.rider)
    start = the(receipt).received_at
    with clock.at(start + timedelta(hours=1)):
        services.accept(actor=town.worker, public_id=receipt.public_id)
    with clock.at(start + timedelta(hours=3)):
        services.resolve(actor=town.worker, public_id=receipt.public_id, text="已换新井盖", photos=[photo_after(43)])
    with clock.at(start + timedelta(hours=4)):
        services.verify(actor=town.clerk, public_id=receipt.public_id)
    with clock.at(start + timedelta(hours=5)):
        services.confirm_solved(actor=town.rider, public_id=receipt.public_id)
    report = the(receipt)
    assert report.state == "fixed"
    assert report.resolved_at - report.received_at == timedelta(hours=3)
    assert report.resolved_at < report.resolve_due


def test_row_3_about_a_hundred_suggestions_and_dozens_solved(town):
    """Most of the hundred are the same few wishes, so one undertaking answers dozens."""
    first = wish(town.rider)
    model = the(first)
    rows = []
    for _number in range(99):
        row = Report.objects.get(pk=model.pk)
        row.pk, row.public_id, row.number = None, Report().public_id, Report().number
        row.secrecy, row.reporter_link, row.reporter_index = "none", None, None
        rows.append(row)
    Report.objects.bulk_create(rows)
    linked = [row.number for row in rows[:39]]
    made = begun(town, first)
    assert services.link_reports(actor=town.clerk, public_id=made.public_id, numbers=linked) == 39
    end_tasks(town, made)
    finish(town, made)
    states = dict.fromkeys(("resolved", "dispatched"), 0)
    for state in Report.objects.values_list("state", flat=True):
        states[state] += 1
    assert states == {"resolved": 40, "dispatched": 60}
    assert undertakings.undertaking(town.clerk, made.public_id).line.reports == 40
