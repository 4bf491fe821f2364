"""Valid or not, set aside, appealed, rated, inspected: what each changes, who may, and what is refused."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotFound
from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.people.passes import rider_pass
from qixia.people.sessions import BACKEND
from qixia.reports import errors, services
from qixia.reports.models import Appeal, Decision, Rating, Report, ReportPhoto, ReportStep, Support
from qixia.reports.queries.aftermath import case_aftermath, open_appeals, rider_aftermath
from qixia.reports.sealing import seal_support, supporter_index
from qixia.reports.tests.town import AT_ROAD, MAKER, at, merging, photo, photo_after, reach, send, the
from qixia.rewards.queries import balance
from qixia.rewards.services import compare

SECRET = "B" * 43


def anonymous(town) -> services.Receipt:
    receipt = services.submit_anonymous(
        rider_pass=rider_pass(),
        claim_hash=hashlib.sha256(SECRET.encode()).hexdigest(),
        client_key="phone-key-0007",
        place=at(),
        photos=[photo(55)],
        words="井盖没了",
    )
    run_pending()
    return receipt


def standing(receipt) -> tuple[str, str]:
    row = Decision.objects.get(report__public_id=receipt.public_id, standing=True)
    return row.verdict, row.reason


class TestDecisions:
    def test_a_reason_of_the_policy_is_kept_with_the_words(self, town):
        receipt = reach(town, "dispatched")
        services.validate(actor=town.clerk, public_id=receipt.public_id, text="看见了", ground="seen")
        assert standing(receipt) == ("valid", "seen")
        services.reject(actor=town.clerk, public_id=receipt.public_id, reason="又看了，没有", ground="not-there")
        assert standing(receipt) == ("invalid", "not-there")
        assert Decision.objects.count() == 2

    @pytest.mark.parametrize("ground", ["no-such", "", "dispute"])
    def test_another_reason_is_refused_and_changes_nothing(self, town, ground):
        receipt = reach(town, "dispatched")
        with pytest.raises(errors.UnknownReason):
            services.reject(actor=town.clerk, public_id=receipt.public_id, reason="没有", ground=ground)
        assert (the(receipt).state, balance(town.rider.ref), Decision.objects.count()) == ("dispatched", 15, 0)

    def test_set_aside_is_neither_invalid_nor_done_and_takes_no_points(self, town):
        receipt = reach(town, "dispatched")
        services.set_aside(actor=town.clerk, public_id=receipt.public_id, kind="dispute", reason="两家人的事")
        report = the(receipt)
        assert (report.state, report.validity, balance(town.rider.ref)) == ("aside", "undecided", 15)
        step = report.steps.get(step="set_aside")
        assert step.text == "民事纠纷，建议走调解或诉讼：两家人的事"
        assert Notice.objects.filter(person_id=town.rider.person_id, template="report.set_aside").exists()

    def test_set_aside_needs_a_kind_and_words(self, town):
        receipt = reach(town, "dispatched")
        for kind, reason, refusal in (("dispute", " ", Invalid), ("mine", "不归我", errors.UnknownReason)):
            with pytest.raises(refusal):
                services.set_aside(actor=town.clerk, public_id=receipt.public_id, kind=kind, reason=reason)
        assert the(receipt).state == "dispatched"


class TestAppeal:
    def appealed(self, town, state="invalid"):
        receipt = reach(town, state)
        services.appeal(actor=town.rider, public_id=receipt.public_id, text="明明有")
        return receipt

    @pytest.mark.parametrize("state", ["invalid", "aside"])
    def test_granted_it_goes_back_to_sorting_with_its_points(self, town, state):
        receipt = self.appealed(town, state)
        services.grant_appeal(actor=town.admin, public_id=receipt.public_id, text="照片看得清")
        report = the(receipt)
        assert (report.state, report.validity, report.ended_at) == ("sorting", "undecided", None)
        assert balance(town.rider.ref) == 15
        assert not Decision.objects.filter(standing=True).exists()
        services.sort(
            actor=town.clerk, public_id=receipt.public_id, cls="manhole", severity="high", unit_code="shizheng"
        )
        assert (balance(town.rider.ref), the(receipt).state) == (15, "dispatched"), "paid once, not twice"
        assert compare().is_sound

    def test_denied_the_decision_stands_and_the_reporter_is_told_why(self, town):
        receipt = self.appealed(town)
        services.deny_appeal(actor=town.admin, public_id=receipt.public_id, reason="又去看过")
        assert (the(receipt).state, balance(town.rider.ref)) == ("invalid", 0)
        assert Appeal.objects.get().state == "denied"
        assert Notice.objects.filter(person_id=town.rider.person_id, template="report.appeal_denied").exists()

    def test_once(self, town):
        receipt = self.appealed(town)
        steps = ReportStep.objects.count()
        with pytest.raises(errors.AppealedBefore):
            services.appeal(actor=town.rider, public_id=receipt.public_id, text="再说一次")
        assert ReportStep.objects.count() == steps

    def test_within_the_days_of_the_policy(self, town):
        receipt = reach(town, "invalid")
        with clock.at(clock.now() + timedelta(days=16)), pytest.raises(errors.TooLateToAppeal):
            services.appeal(actor=town.rider, public_id=receipt.public_id, text="明明有")
        assert Appeal.objects.count() == 0
        with clock.at(clock.now() + timedelta(days=14)):
            services.appeal(actor=town.rider, public_id=receipt.public_id, text="明明有")

    def test_only_by_the_reporter(self, town):
        receipt = reach(town, "invalid")
        with pytest.raises(NotFound):
            services.appeal(actor=town.other_rider, public_id=receipt.public_id, text="明明有")
        assert Appeal.objects.count() == 0

    @pytest.mark.parametrize("decide", [services.grant_appeal, services.deny_appeal])
    def test_never_decided_by_a_clerk_nor_by_who_decided_before_nor_twice(self, town, decide):
        words = {"text": "对"} if decide is services.grant_appeal else {"reason": "不对"}
        receipt = reach(town, "dispatched")
        services.reject(actor=town.admin, public_id=receipt.public_id, reason="没有")
        with pytest.raises(errors.NoAppeal):
            decide(actor=town.admin, public_id=receipt.public_id, **words) if False else services.deny_appeal(
                actor=self.supervisor(town), public_id=receipt.public_id, reason="没有申诉"
            )
        services.appeal(actor=town.rider, public_id=receipt.public_id, text="明明有")
        for actor in (town.clerk, town.admin):
            with pytest.raises(errors.NotYours):
                decide(actor=actor, public_id=receipt.public_id, **words)
        assert (the(receipt).state, Appeal.objects.get().state) == ("invalid", "open")

    @pytest.mark.parametrize("first", ["the_deputy", "the_absent"])
    def test_nobody_judges_by_a_deputy_nor_as_one(self, town, first):
        absent, deputy = self.supervisor(town), people.create_person(display_name="代", username="dai", actor=MAKER)
        place, now = absent.grants[0].organisation_id, clock.now()
        people.grant_role(person_id=deputy.pk, role="worker", organisation_id=place, actor=MAKER)
        receipt = reach(town, "dispatched")
        people.set_deputy(
            actor=absent,
            person=absent.public_id,
            deputy=deputy.public_id,
            starts_at=now,
            ends_at=now + timedelta(days=2),
        )
        decider, judge = (actor_for(deputy), absent) if first == "the_deputy" else (absent, actor_for(deputy))
        services.reject(actor=decider, public_id=receipt.public_id, reason="没有")
        services.appeal(actor=town.rider, public_id=receipt.public_id, text="明明有")
        with pytest.raises(errors.NotYours):
            services.deny_appeal(actor=judge, public_id=receipt.public_id, reason="不对")
        assert Appeal.objects.get().state == "open"
        services.deny_appeal(actor=town.supervisor, public_id=receipt.public_id, reason="又去看过")
        assert Appeal.objects.get().state == "denied"

    def test_an_undone_merge_is_not_paid_by_an_appeal(self, town):
        """What the merge had earned was rightly taken back before; only what the decision took comes back."""
        merging(automatic=True)
        send(town.other_rider)
        receipt = send(town.rider, "这里井盖不见了，太危险了", place=at((AT_ROAD[0] + 0.00005, AT_ROAD[1])))
        assert (the(receipt).state, balance(town.rider.ref)) == ("merged", 3)
        now = clock.now()
        with clock.at(now + timedelta(hours=1)):
            services.unmerge(actor=town.clerk, public_id=receipt.public_id)
        alone = balance(town.rider.ref)
        assert alone == the(receipt).points
        with clock.at(now + timedelta(hours=2)):
            services.reject(actor=town.clerk, public_id=receipt.public_id, reason="没有")
            services.appeal(actor=town.rider, public_id=receipt.public_id, text="明明有")
        assert balance(town.rider.ref) == 0
        with clock.at(now + timedelta(hours=3)):
            services.grant_appeal(actor=town.supervisor, public_id=receipt.public_id, text="照片看得清")
        assert balance(town.rider.ref) == alone
        assert compare().is_sound

    def test_what_supporters_got_back_goes_again_when_it_is_found_not_true_again(self, town):
        lead = send(town.rider)
        row = Support(
            report=the(lead), index=supporter_index(town.other_rider.public_id), day=clock.city_date(clock.now())
        )
        row.link = seal_support(town.other_rider.public_id, support=row.public_id)
        row.save()
        now, public_id = clock.now(), lead.public_id
        with clock.at(now + timedelta(days=9)):
            services.pay_supports()
            earned = balance(town.other_rider.ref)
            services.reject(actor=town.clerk, public_id=public_id, reason="没有")
            services.pay_supports()
            services.appeal(actor=town.rider, public_id=public_id, text="明明有")
            services.grant_appeal(actor=town.supervisor, public_id=public_id, text="照片看得清")
            services.restore_supports()
            row.refresh_from_db()
            assert (balance(town.other_rider.ref), row.points) == (earned, earned)
            services.reject(actor=town.clerk, public_id=public_id, reason="又去看过，没有")
            services.pay_supports()
            row.refresh_from_db()
            assert (balance(town.other_rider.ref), row.points, services.restore_supports()) == (0, 0, 0)
        assert earned > 0
        assert compare().is_sound

    def supervisor(self, town):
        person = people.create_person(display_name="督办", username="duban", actor=MAKER)
        organisation = next(grant.organisation_id for grant in town.clerk.grants)
        people.grant_role(person_id=person.pk, role="supervisor", organisation_id=organisation, actor=MAKER)
        return actor_for(person)

    def test_the_supervisor_is_told_and_finds_it_in_a_list(self, town, django_assert_num_queries):
        supervisor = self.supervisor(town)
        receipt = self.appealed(town)
        assert Notice.objects.filter(person_id=supervisor.person_id, template="supervisor.appeal").count() == 1
        with django_assert_num_queries(3):
            (row,) = open_appeals(supervisor)
        assert (row.public_id, row.decision) == (receipt.public_id, "不属实 · 其他")
        assert open_appeals(town.worker) == []
        assert case_aftermath(supervisor, receipt.public_id).steps == ["grant_appeal", "deny_appeal"]
        assert case_aftermath(town.cleaner, receipt.public_id) is None

    def test_whoever_has_the_secret_of_an_anonymous_report_appeals(self, town):
        receipt = anonymous(town)
        services.reject(actor=town.clerk, public_id=receipt.public_id, reason="没有")
        services.appeal_anonymously(secret=SECRET, text="明明有")
        assert ReportStep.objects.get(step="appeal").actor == "anonymous"
        with pytest.raises(NotFound):
            services.appeal_anonymously(secret="C" * 43, text="明明有")


class TestRating:
    def test_it_is_kept_without_anybody_s_name_and_once(self, town):
        receipt = reach(town, "fixed")
        for content in (3, 1):
            services.rate(
                actor=town.rider, public_id=receipt.public_id, answered=True, solved=True, content=content, text="快"
            )
        row = Rating.objects.get()
        assert (row.answered, row.solved, row.content) == (True, True, 3)
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM reports_rating")
            shown = str(cursor.fetchall())
            cursor.execute("SELECT * FROM reports_reportstep WHERE step = 'rate'")
            shown += str(cursor.fetchall())
        assert town.rider.public_id not in shown

    def test_not_solved_reopens_and_it_may_be_rated_again_when_it_ended_again(self, town):
        receipt = reach(town, "closed")
        services.rate(actor=town.rider, public_id=receipt.public_id, answered=True, solved=False, content=1)
        assert (the(receipt).state, the(receipt).reopened) == ("reopened", 1)
        services.accept(actor=town.worker, public_id=receipt.public_id)
        services.resolve(actor=town.worker, public_id=receipt.public_id, text="再修", photos=[photo_after(8)])
        services.confirm_solved(actor=town.rider, public_id=receipt.public_id)
        services.rate(actor=town.rider, public_id=receipt.public_id, answered=True, solved=True, content=2)
        assert sorted(Rating.objects.values_list("ended", "content")) == [(0, 1), (1, 2)]

    @pytest.mark.parametrize("content", [0, 4, -1])
    def test_another_number_is_refused(self, town, content):
        receipt = reach(town, "fixed")
        with pytest.raises(Invalid):
            services.rate(actor=town.rider, public_id=receipt.public_id, answered=True, solved=True, content=content)
        assert (Rating.objects.count(), the(receipt).state) == (0, "fixed")

    def test_only_by_the_reporter_and_only_what_ended(self, town):
        fixed, working = reach(town, "fixed"), reach(town, "working")
        given = {"answered": True, "solved": True, "content": 3}
        with pytest.raises(NotFound):
            services.rate(actor=town.other_rider, public_id=fixed.public_id, **given)
        with pytest.raises(errors.StepNotAllowed):
            services.rate(actor=town.rider, public_id=working.public_id, **given)
        assert Rating.objects.count() == 0

    def test_anonymously(self, town):
        receipt = anonymous(town)
        services.accept(actor=town.worker, public_id=receipt.public_id)
        services.resolve(actor=town.worker, public_id=receipt.public_id, text="换了", photos=[photo_after(7)])
        services.verify(actor=town.clerk, public_id=receipt.public_id)
        services.answer_anonymously(secret=SECRET, solved=True)
        services.rate_anonymously(secret=SECRET, answered=False, solved=True, content=1)
        assert Rating.objects.get().content == 1


class TestInspecting:
    def test_photo_place_and_distance_stand_before_the_fix(self, town):
        receipt = reach(town, "accepted")
        where = (AT_ROAD[0] + 0.0003, AT_ROAD[1])
        services.inspect(
            actor=town.worker, public_id=receipt.public_id, text="碎了", place=at(where), photos=[photo_after(12)]
        )
        report = the(receipt)
        assert (report.state, report.answered_at is not None) == ("working", True)
        assert report.steps.get(step="inspect").data["distance_m"] == 33
        assert ReportPhoto.objects.get(report=report, role="onsite").by_reporter is False
        from qixia.reports.queries import case  # noqa: PLC0415

        assert "约 33 米" in case(town.worker, receipt.public_id).events[0].title

    @pytest.mark.parametrize(
        ("field", "change"), [("photos", {"photos": []}), ("place", {"place": None}), ("text", {"text": " "})]
    )
    def test_what_is_missing_is_named_and_nothing_changes(self, town, field, change):
        receipt = reach(town, "accepted")
        given = {"text": "碎了", "place": at(), "photos": [photo_after(12)]} | change
        with pytest.raises(Invalid) as refused:
            services.inspect(actor=town.worker, public_id=receipt.public_id, **given)
        assert refused.value.field == field
        assert (the(receipt).state, ReportPhoto.objects.filter(role="onsite").count()) == ("accepted", 0)


class TestPages:
    def phone(self, town, name) -> Client:
        client = Client()
        client.force_login(town.people[name], backend=BACKEND)
        return client

    def test_one_tap_rates(self, town):
        receipt = reach(town, "fixed")
        phone, url = self.phone(town, "rider"), reverse("reports:rate", args=[receipt.public_id])
        assert 'data-testid="rate"' in phone.get(reverse("reports:timeline", args=[receipt.public_id])).content.decode()
        assert 'data-testid="content-3"' in phone.get(url).content.decode()
        assert phone.post(url, {"answered": "yes", "solved": "yes", "content": "3"}).status_code == 303
        assert Rating.objects.get().content == 3
        assert "现在不用评价" in phone.get(url).content.decode()
        assert self.phone(town, "other_rider").get(url).status_code == 404

    def test_appeal_and_decision(self, town):
        receipt = reach(town, "invalid")
        phone = self.phone(town, "rider")
        page = phone.get(reverse("reports:timeline", args=[receipt.public_id])).content.decode()
        assert 'data-testid="appeal-form"' in page
        phone.post(reverse("reports:appeal", args=[receipt.public_id]), {"text": "明明有"})
        desk = self.phone(town, "admin")
        assert "不属实 · 其他" in desk.get(reverse("reports:appeals")).content.decode()
        case = desk.get(reverse("reports:case", args=[receipt.public_id])).content.decode()
        assert 'data-testid="grant_appeal"' in case
        desk.post(reverse("reports:step", args=[receipt.public_id, "grant_appeal"]), {"text": "有道理"})
        assert the(receipt).state == "sorting"
        assert rider_aftermath(town.rider, receipt.public_id).appealed == "申诉成立"

    def test_inspect_and_set_aside_from_the_case_page(self, town):
        receipt = reach(town, "accepted")
        worker = self.phone(town, "worker")
        assert 'data-testid="inspect"' in worker.get(reverse("reports:case", args=[receipt.public_id])).content.decode()
        sent = {"text": "碎了", "lat": AT_ROAD[0], "lng": AT_ROAD[1], "photos": photo_after(14)}
        worker.post(reverse("reports:step", args=[receipt.public_id, "inspect"]), sent)
        assert the(receipt).state == "working"
        clerk = self.phone(town, "clerk")
        assert 'name="kind"' in clerk.get(reverse("reports:case", args=[receipt.public_id])).content.decode()
        clerk.post(
            reverse("reports:step", args=[receipt.public_id, "set_aside"]), {"kind": "dispute", "text": "走调解"}
        )
        assert the(receipt).state == "aside"

    def test_a_look_from_its_page(self, town):
        from qixia.offers.queries import offers_near  # noqa: PLC0415

        receipt = reach(town, "resolved")
        run_pending()
        (card,) = offers_near(town.other_rider)
        phone = self.phone(town, "other_rider")
        assert phone.get(card.do_url).status_code == 404, "not in hand yet"
        assert phone.post(reverse("offers:take", args=[card.public_id])).headers["Location"] == card.do_url
        page = phone.get(card.do_url).content.decode()
        assert receipt.public_id not in page
        assert receipt.number not in page
        sent = {"fixed": "yes", "lat": AT_ROAD[0], "lng": AT_ROAD[1], "place_source": "gps"}
        refused = phone.post(card.do_url, sent)
        assert (refused.status_code, "请至少拍一张照片" in refused.content.decode()) == (422, True)
        assert phone.post(card.do_url, sent | {"photos": photo_after(15)}).status_code == 303
        assert the(receipt).state == "fixed"

    @pytest.mark.parametrize("body", [{}, {"secret": 5}, {"secret": "x", "answered": 1}, {"secret": "x" * 9000}])
    def test_bad_bodies_of_anonymous_doors(self, town, body):
        for door in ("reports:anonymous_rate", "reports:anonymous_appeal"):
            answer = Client().post(reverse(door), body, "application/json")
            assert answer.status_code in (404, 413, 422)
        assert Report.objects.count() == 0
