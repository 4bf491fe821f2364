"""A second rider looks: who is asked, who never is, what counts, what it changes, and that nothing names anybody."""

from __future__ import annotations

import hashlib
import hmac
import math
from datetime import timedelta

import pytest
from django.db import connection

from qixia.audit.models import AuditEvent
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.notices.models import Notice
from qixia.offers import queries as offers_made
from qixia.offers import services as offers
from qixia.offers.errors import NotHeld
from qixia.offers.models import Offer
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.people.models import Device
from qixia.people.queries import organisation_by_code
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.reports import errors, services
from qixia.reports.models import Report, ReportPhoto, ReportStep, Support, Witness
from qixia.reports.queries.similar import similar_reports
from qixia.reports.sealing import seal_support
from qixia.reports.services.endings import circle, witnessing
from qixia.reports.tests.town import AT_ROAD, MAKER, _rider, at, photo_after, reach, send, the
from qixia.rewards.queries import balance

NEAR = (AT_ROAD[0] + 0.0002, AT_ROAD[1])  # some 20 m
FAR = (AT_ROAD[0] + 0.0015, AT_ROAD[1])  # some 160 m


def looks(**changes):
    data = current("reports.looks").data.model_dump(mode="json")
    publish("reports.looks", data | changes, note="试", actor_ref="system:test")


@pytest.fixture
def offered(town):
    """A report that its unit calls done, and an offer to look at it."""
    receipt = reach(town, "resolved")
    run_pending()
    return the(receipt)


@pytest.fixture
def passer(town):
    return town.other_rider


def the_offer(report) -> Offer:
    return Offer.objects.get(subject=report.ref, state__in=("open", "taken"))


def look(actor, offer, *, fixed=True, where=NEAR, seed=171, **more):
    given = {"place": at(where), "photos": [photo_after(seed)], "text": "看过了"} | more
    services.look_again(actor=actor, offer=offer.public_id, fixed=fixed, **given)


def taken(actor, report) -> Offer:
    offer = the_offer(report)
    offers.take(actor=actor, public_id=offer.public_id)
    return offer


class _FixedKey:
    """Draws with a key that is the same in every run: what is counted here never changes."""

    def blind_index(self, text: str, *, purpose: str) -> str:
        return hmac.new(b"drawn", f"{purpose}|{text}".encode(), hashlib.sha256).hexdigest()[:40]


@pytest.mark.parametrize(("share", "of"), [(0.001, 100_000), (0.05, 20_000), (1 / 3, 20_000), (1, 100), (0, 100)])
def test_as_many_are_drawn_as_the_share_says(monkeypatch, share, of):
    """Within five sigma. A share of one in a thousand tells whether all values of the draw are equally likely."""
    monkeypatch.setattr(witnessing, "keys", _FixedKey)
    drawn = sum(witnessing._is_drawn(f"report-{number}", share) for number in range(of))
    assert abs(drawn - of * share) <= 5 * math.sqrt(of * share * (1 - share))


class TestWhoIsAsked:
    def test_a_class_of_the_policy_is_offered_when_the_unit_calls_it_done(self, offered, passer):
        (card,) = offers_made.offers_near(passer)
        assert (card.title, card.points, card.radius_m) == ("井盖缺失破损移位", 5, 80)

    @pytest.mark.parametrize(("role", "code"), [("worker", "shizheng"), ("clerk", "zhihui")])
    def test_nobody_looks_at_what_the_own_people_did(self, town, passer, role, code):
        """Staff may ride as well: neither of the unit nor of the place."""
        unit = organisation_by_code(code).id
        people.grant_role(person_id=passer.person_id, role=role, organisation_id=unit, actor=MAKER)
        report = the(reach(town, "resolved"))
        run_pending()
        assert the_offer(report)
        assert not offers_made.offers_near(town.fresh("other_rider"))

    def test_who_joined_them_since_is_refused(self, offered, passer, town):
        offer, unit = taken(passer, offered), organisation_by_code("shizheng").id
        people.grant_role(person_id=passer.person_id, role="worker", organisation_id=unit, actor=MAKER)
        with pytest.raises(errors.NotForYou):
            look(town.fresh("other_rider"), offer)
        assert (Report.objects.get(pk=offered.pk).state, Witness.objects.count()) == ("resolved", 0)

    @pytest.mark.parametrize(("share", "count"), [(0, 0), (1, 1)])
    def test_of_other_classes_the_share(self, town, share, count):
        looks(classes=[], share=share, unsure=False)
        reach(town, "resolved")
        run_pending()
        assert Offer.objects.count() == count

    def test_where_the_reporter_said_nothing(self, town):
        looks(classes=[], share=0, unsure=False)
        reach(town, "closed")
        with clock.at(clock.now() + timedelta(days=9)):
            run_pending()
        assert Offer.objects.count() == 1

    def test_where_the_photos_do_not_agree(self, town):
        looks(classes=[], share=0)
        receipt = reach(town, "resolved")
        assert services.offer_look(public_id=receipt.public_id, why="unsure") == Offer.objects.get().public_id

    def test_never_of_a_matter_that_could_name_a_person(self, town):
        data = current("reports.secrecy").data.model_dump(mode="json")
        publish("reports.secrecy", data | {"sensitive": ["manhole"]}, note="试", actor_ref="system:test")
        reach(town, "resolved")
        run_pending()
        assert Offer.objects.count() == 0

    @pytest.mark.parametrize("step", ["confirm", "dispute", "send_back", "reject"])
    def test_withdrawn_when_there_is_nothing_left_to_see(self, town, offered, step):
        {
            "confirm": lambda: services.confirm_solved(actor=town.rider, public_id=offered.public_id),
            "dispute": lambda: services.say_unsolved(actor=town.rider, public_id=offered.public_id, text=""),
            "send_back": lambda: services.send_back(actor=town.clerk, public_id=offered.public_id, text="还松"),
            "reject": lambda: services.reject(actor=town.clerk, public_id=offered.public_id, reason="没有"),
        }[step]()
        run_pending()
        assert Offer.objects.get().state == "withdrawn"


class TestCircle:
    def test_the_reporter_and_who_supports_it_are_never_asked(self, town):
        receipt = send(town.rider)
        (seen,) = similar_reports(town.other_rider, lat=AT_ROAD[0], lng=AT_ROAD[1], words="井盖没了")
        services.support(actor=town.other_rider, offer=seen.offer)
        services.accept(actor=town.worker, public_id=receipt.public_id)
        services.resolve(actor=town.worker, public_id=receipt.public_id, text="好了", photos=[photo_after(3)])
        run_pending()
        third = actor_for(_rider("三川", "13800000003"))
        assert [len(offers_made.offers_near(one)) for one in (town.rider, town.other_rider, third)] == [0, 0, 1]
        with pytest.raises(NotFound):
            offers.take(actor=town.rider, public_id=the_offer(the(receipt)).public_id)

    def test_nor_who_uses_the_same_phone(self, town):
        for person in (town.people["rider"], town.people["other_rider"]):
            Device.objects.create(person=person, index="one-phone")
        reach(town, "resolved")
        run_pending()
        assert offers_made.offers_near(town.other_rider) == []

    @pytest.mark.parametrize(("times", "is_near"), [(1, False), (2, True)])
    @pytest.mark.parametrize("turned", [False, True])
    def test_nor_who_often_supports_the_other(self, town, times, is_near, turned):
        reporter, friend = (town.rider, town.other_rider) if not turned else (town.other_rider, town.rider)
        for _ in range(times):
            report = the(send(reporter))
            row = Support(
                report=report, index=circle.supporter_index(friend.public_id), day=clock.city_date(clock.now())
            )
            row.link = seal_support(friend.public_id, support=row.public_id)
            row.save()
        of = the(send(town.rider))
        assert (town.other_rider.public_id in circle.circle_of(of, least=2)) is is_near

    def test_nor_who_often_looks_for_the_other(self, town, passer):
        for number in range(2):
            report = the(reach(town, "resolved"))
            run_pending()
            look(passer, taken(passer, report), seed=40 + number)
        assert passer.public_id in circle.circle_of(the(send(town.rider)), least=2)

    def test_supporting_it_later_takes_it_away(self, town, offered, passer):
        offer = taken(passer, offered)
        row = Support(report=offered, index=circle.supporter_index(passer.public_id), day=clock.city_date(clock.now()))
        row.link = seal_support(passer.public_id, support=row.public_id)
        row.save()
        with pytest.raises(errors.NotForYou):
            look(passer, offer)
        assert Witness.objects.count() == 0

    def test_it_costs_a_fixed_number_of_statements(self, town, django_assert_max_num_queries):
        report = the(send(town.rider))
        with django_assert_max_num_queries(14):
            circle.circle_of(report, least=2)


class TestLooking:
    def test_fixed_ends_it_and_the_reporter_is_asked_to_rate(self, town, offered, passer):
        look(passer, taken(passer, offered))
        offered.refresh_from_db()
        assert (offered.state, offered.validity) == ("fixed", "valid")
        assert offered.ended_at is not None
        row = Witness.objects.get()
        assert (row.fixed, row.day) == (True, clock.city_date(clock.now()))
        assert 15 <= row.distance_m <= 30
        later = ReportPhoto.objects.get(role="later")
        assert not later.by_reporter
        told = set(Notice.objects.filter(person_id=town.rider.person_id).values_list("template", flat=True))
        assert {"report.fixed", "report.please_rate"} <= told

    def test_not_fixed_reopens_and_the_reporter_is_told(self, town, offered, passer):
        look(passer, taken(passer, offered), fixed=False)
        offered.refresh_from_db()
        assert (offered.state, offered.reopened, offered.resolved_at) == ("reopened", 1, None)
        assert Notice.objects.filter(person_id=town.rider.person_id, template="report.reopened").exists()
        assert Notice.objects.filter(person_id=town.worker.person_id, template="report.reopened").exists()

    @pytest.mark.parametrize("fixed", [True, False])
    def test_also_after_it_was_filed(self, town, passer, fixed):
        report = the(reach(town, "closed"))
        run_pending()
        look(passer, taken(passer, report), fixed=fixed)
        report.refresh_from_db()
        assert report.state == ("fixed" if fixed else "reopened")

    BAD = [
        ("place", {"where": FAR}, errors.TooFar),
        ("place", {"place": None}, errors.NoPlace),
        ("place", {"place": at(NEAR, source="map")}, errors.NoPlace),
        ("photos", {"photos": []}, errors.NoPhoto),
        ("photos", {"claimed": [{"taken_at": "2020-01-01T10:00:00+08:00"}]}, errors.NotNow),
    ]

    @pytest.mark.parametrize(("field", "change", "refusal"), BAD)
    def test_what_does_not_count_changes_nothing(self, offered, passer, tmp_path, field, change, refusal):
        offer = taken(passer, offered)
        steps, files = ReportStep.objects.count(), sorted(tmp_path.rglob("*.*"))
        with pytest.raises(refusal) as refused:
            look(passer, offer, **change)
        assert refused.value.field == field
        offered.refresh_from_db()
        assert (offered.state, ReportStep.objects.count(), Witness.objects.count()) == ("resolved", steps, 0)
        assert the_offer(offered).state == "taken"
        assert sorted(tmp_path.rglob("*.*")) == files

    def test_the_unit_s_own_photo_is_no_look(self, town, passer):
        receipt = reach(town, "accepted")
        services.resolve(actor=town.worker, public_id=receipt.public_id, text="好了", photos=[photo_after(61)])
        run_pending()
        with pytest.raises(errors.CopiedPhoto):
            look(passer, taken(passer, the(receipt)), seed=61)

    def test_a_phone_that_is_unsure_where_it_is_gets_so_much_more_room(self, offered, passer):
        with pytest.raises(errors.TooFar):
            look(passer, taken(passer, offered), where=(AT_ROAD[0] + 0.001, AT_ROAD[1]))
        look(passer, the_offer(offered), place=at((AT_ROAD[0] + 0.001, AT_ROAD[1]), accuracy_m=45))

    def test_without_the_offer_in_hand_nobody_looks(self, town, offered, passer):
        offer = the_offer(offered)
        with pytest.raises(NotFound):
            look(passer, offer)
        taken(passer, offered)
        with clock.at(clock.now() + timedelta(hours=3)), pytest.raises((NotFound, NotHeld)):
            look(passer, offer)
        offered.refresh_from_db()
        assert offered.state == "resolved"

    @pytest.mark.parametrize("kind", ["photo", "place"])
    def test_only_with_consent(self, town, offered, kind):
        offer = taken(town.other_rider, offered)
        people.withdraw_consent(person_id=town.other_rider.person_id, kind=kind, actor=town.other_rider.ref)
        with pytest.raises(errors.NeedsConsent):
            look(town.fresh("other_rider"), offer)

    def test_what_the_reporter_said_meanwhile_stands(self, town, offered, passer):
        offer = taken(passer, offered)
        services.say_unsolved(actor=town.rider, public_id=offered.public_id, text="没好")
        with pytest.raises(errors.StepNotAllowed):
            look(passer, offer)
        assert Witness.objects.count() == 0


class TestPay:
    def test_many_at_one_time_and_nothing_at_once(self, town, offered, passer):
        look(passer, taken(passer, offered))
        run_pending()
        assert (services.pay_witnesses(), balance(passer.ref)) == (0, 0)
        with clock.at(clock.now() + timedelta(days=1)):
            assert services.pay_witnesses() == 0, "one alone would tell which it was"
        with clock.at(clock.now() + timedelta(days=8)):
            assert (services.pay_witnesses(), services.pay_witnesses()) == (1, 0)
        assert (balance(passer.ref), Witness.objects.get().points) == (5, 5)

    def test_three_riders_make_a_batch_of_one_time(self, town):
        riders = [actor_for(_rider(f"骑{n}", f"1390000000{n}")) for n in range(3)]
        for number, rider in enumerate(riders):
            report = the(reach(town, "resolved"))
            run_pending()
            look(rider, taken(rider, report), seed=70 + number)
        with clock.at(clock.now() + timedelta(days=1)):
            assert services.pay_witnesses() == 3
        assert [balance(rider.ref) for rider in riders] == [5, 5, 5]

    def test_what_becomes_of_the_report_takes_nothing_back(self, town, offered, passer):
        look(passer, taken(passer, offered), fixed=False)
        with clock.at(clock.now() + timedelta(days=8)):
            services.pay_witnesses()
            services.reject(actor=town.clerk, public_id=offered.public_id, reason="没有这回事")
        assert balance(passer.ref) == 5


class TestNothingNamesWhoLooked:
    def test_neither_rows_nor_history(self, offered, passer):
        look(passer, taken(passer, offered))
        run_pending()
        with connection.cursor() as cursor:
            shown = ""
            for table in ("reports_witness", "offers_offer", "reports_reportstep", "reports_reportphoto"):
                cursor.execute(f"SELECT * FROM {table}")
                shown += str(cursor.fetchall())
        assert passer.public_id not in shown
        acts = AuditEvent.objects.filter(actor=passer.ref).exclude(action__startswith="people.")
        assert not acts.exists()
        assert ReportStep.objects.get(step="witness_fixed").actor == "witness"

    def test_an_erased_rider_is_forgotten_and_the_look_stands(self, offered, passer):
        look(passer, taken(passer, offered))
        assert services.forget_witness(person=passer.public_id) == 1
        assert services.forget_witness(person=passer.public_id) == 0
        row = Witness.objects.get()
        assert (row.index, row.link, row.fixed) == (None, None, True)
        with clock.at(clock.now() + timedelta(days=8)):
            assert services.pay_witnesses() == 0


class TestNotSolvedReachesWhoAnswersForIt:
    def supervisors(self, town):
        """Of the community, of the street, and of the whole district."""
        from qixia.codes.models import Division  # noqa: PLC0415

        organisation = next(grant.organisation_id for grant in town.clerk.grants)
        found = {}
        for name, code in (("甲", "990102001001"), ("乙", "990102001"), ("丙", "990102")):
            person = people.create_person(display_name=f"督办{name}", username=f"duban{len(code)}", actor=MAKER)
            people.grant_role(
                person_id=person.pk,
                role="supervisor",
                organisation_id=organisation,
                division_id=Division.objects.get(code=code).pk,
                actor=MAKER,
            )
            found[code] = person
        return list(found.values())

    def told(self, people_):
        rows = Notice.objects.filter(template="supervisor.reopened")
        return [rows.filter(person=one).count() for one in people_]

    def test_each_time_one_level_further_up(self, town):
        above = self.supervisors(town)
        lead = people.create_person(display_name="组长", username="zuzhang", actor=MAKER)
        unit = next(grant.organisation_id for grant in town.worker.grants)
        people.grant_role(person_id=lead.pk, role="unit_lead", organisation_id=unit, actor=MAKER)
        receipt = reach(town, "reopened")
        assert self.told(above) == [1, 0, 0]
        assert Notice.objects.filter(person=lead, template="report.reopened").count() == 1
        for number, expected in ((1, [2, 1, 0]), (2, [3, 2, 1]), (3, [4, 3, 2])):
            services.accept(actor=town.worker, public_id=receipt.public_id)
            services.resolve(
                actor=town.worker, public_id=receipt.public_id, text="再修", photos=[photo_after(20 + number)]
            )
            services.say_unsolved(actor=town.rider, public_id=receipt.public_id, text="还是没好")
            assert self.told(above) == expected
        assert Report.objects.get(public_id=receipt.public_id).reopened == 4
        assert Notice.objects.filter(person=lead, template="report.reopened").count() == 4

    def test_a_look_that_says_not_fixed_goes_the_same_way(self, town, passer):
        above = self.supervisors(town)
        report = the(reach(town, "resolved"))
        run_pending()
        look(passer, taken(passer, report), fixed=False, photos=[photo_after(172)])
        assert self.told(above) == [1, 0, 0]
