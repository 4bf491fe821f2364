"""Signs of cheating on real reports: points wait, a person sees why, and nothing leads to who it was."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.media.queries import same_files
from qixia.people.passes import rider_pass
from qixia.policy.queries import current
from qixia.reports import cheats, services
from qixia.reports.models import Report, Support
from qixia.reports.queries.rider import rider_report
from qixia.reports.sealing import seal_support, supporter_index
from qixia.reports.services.arriving import suspecting
from qixia.reports.services.arriving.suspecting import Supporters, signs_on
from qixia.reports.services.duplicates.joining import Joined, merge_awards, standing_of
from qixia.reports.tests import town as towns
from qixia.rewards.models import Hold
from qixia.rewards.queries import balance, entries_page, open_holds
from qixia.rewards.services import post_hold, void_hold

FAR = (24.9122, 118.6002)  # 1.4 km north of the road


@pytest.fixture
def town(db):
    return towns.build_town()


def test_a_manhole_pays_fifteen_at_once_and_says_why(town):
    report = towns.the(towns.send(town.rider))
    assert (report.state, report.points, balance(town.rider.ref)) == ("dispatched", 15, 15)
    row = entries_page(town.rider.ref).months[0].rows[0]
    assert row.why is not None
    assert row.why.sum == "15 = 井盖缺失破损移位 15 × 1.0"


def test_a_picture_from_elsewhere_waits_for_a_person(town):
    towns.send(town.rider, photos=[towns.photo(1)])
    with clock.at(clock.now() + timedelta(hours=25)):
        second = towns.the(towns.send(town.rider, photos=[towns.photo(1)]))
        (case,), _more = open_holds(town.admin)
        assert (second.state, balance(town.rider.ref)) == ("dispatched", 15)
        assert [sign.title for sign in case.signs] == ["照片用过"]
        assert [one.number for one in case.signs[0].reports][-1] == second.number
        shown = json.dumps([str(case)], ensure_ascii=False)
        assert not [text for text in (town.rider.public_id, town.rider.display_name) if text in shown]
        post_hold(actor=town.admin, public_id=case.public_id)
        assert balance(town.rider.ref) == 30


def test_what_waits_goes_with_an_untrue_lead_and_waits_again_without_it(town):
    towns.send(town.other_rider, photos=[towns.photo(1)])
    with clock.at(clock.now() + timedelta(hours=25)):
        held, lead = towns.the(towns.send(town.rider, photos=[towns.photo(1)])), towns.the(towns.send(town.other_rider))
        assert held.points == lead.points == 15, "staff do not read that one of them waits"
        assert rider_report(town.rider, held.public_id).points == 0
        services.merge(actor=town.clerk, public_id=held.public_id, into=lead.public_id)
        services.reject(actor=town.clerk, public_id=lead.public_id, reason="现场没有这回事")
        assert Hold.objects.get().state == "voided"
        services.unmerge(actor=town.clerk, public_id=held.public_id)
        again = Hold.objects.get(state="open")
        post_hold(actor=town.admin, public_id=again.public_id)
        assert balance(town.rider.ref) == rider_report(town.rider, held.public_id).points == 15


@pytest.mark.parametrize(("act", "waits"), [(None, 2), ("void", 1), ("post", 0)])
def test_who_put_it_right_waits_too_unless_somebody_has_looked(town, act, waits):
    """A second payment for the same report is no way around the first one's hold."""
    towns.send(town.other_rider, photos=[towns.photo(1)])
    with clock.at(clock.now() + timedelta(hours=25)):
        report = towns.send(
            town.rider,
            "井盖歪了我扶正了",
            self_handled=True,
            photos=[towns.photo(1)],
            after_photos=[towns.photo_after(77)],
        )
        hold = Hold.objects.get()
        if act == "post":
            post_hold(actor=town.admin, public_id=hold.public_id)
        if act == "void":
            void_hold(actor=town.admin, public_id=hold.public_id, reason="照片用过")
        before = balance(town.rider.ref)
        services.verify(actor=town.clerk, public_id=report.public_id)
        assert Hold.objects.filter(state="open").count() == waits
        assert (balance(town.rider.ref) > before) == (not waits)


def test_one_picture_of_one_place_is_paid(town):
    towns.send(town.rider, photos=[towns.photo(1)])
    towns.send(town.other_rider, photos=[towns.photo(1)])
    assert (balance(town.rider.ref), balance(town.other_rider.ref), Hold.objects.count()) == (15, 15, 0)


def test_evidence_points_at_no_anonymous_report(town):
    """The same picture, sent without a name and then with one: a hold beside the rider would say whose both are."""
    services.submit_anonymous(
        rider_pass=rider_pass(),
        client_key="anonymous-01",
        claim_hash="ab" * 32,
        photos=[towns.photo(1)],
        words="井盖没了",
        place=towns.at(),
        address="10.0.0.1",
    )
    run_pending()
    with clock.at(clock.now() + timedelta(hours=25)):
        second = towns.the(towns.send(town.rider, photos=[towns.photo(1)]))
    assert same_files([second.ref])[second.ref], "else there is nothing to point at"
    assert (second.points, Hold.objects.count()) == (15, 0)


def test_signs_cost_few_statements_and_name_nobody(town, django_assert_num_queries):
    first = towns.the(towns.send(town.rider))
    at = first.received_at
    Report.objects.update(accuracy_m=20.0)
    Report.objects.filter(pk=first.pk).update(captured_at=at - timedelta(minutes=1), lat=FAR[0] + 0.05)
    second = towns.the(towns.send(town.rider))
    Report.objects.filter(pk=second.pk).update(captured_at=at, accuracy_m=20.0)
    second.refresh_from_db()
    with django_assert_num_queries(5):  # a savepoint and its end
        found = signs_on([second])
    (signal,) = found[second.pk]
    assert signal.kind == cheats.SPEED
    assert town.rider.public_id not in json.dumps(dict(signal.evidence))
    assert signs_on([towns.the(towns.send(town.other_rider))]) == {}


def test_no_sign_stands_in_the_way_of_a_dispatch(town, monkeypatch):
    def asks_for_nonsense(_refs):
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    monkeypatch.setattr(suspecting, "same_files", asks_for_nonsense)
    report = towns.the(towns.send(town.rider))
    assert (report.state, report.points, balance(town.rider.ref)) == ("dispatched", 15, 15)


def test_an_earlier_report_of_a_class_that_is_gone_is_compared_as_any(town):
    past, report = towns.the(towns.send(town.rider)), towns.the(towns.send(town.rider))
    Report.objects.filter(pk=past.pk).update(cls="gone-class")
    worths = {}
    suspecting._past([report], current("reports.cheats").data, worths)
    assert worths == {"gone-class": 5, "manhole": 15}


@pytest.mark.parametrize(("accuracy", "is_exact"), [(None, False), (60.0, True), (201.0, False)])
def test_a_place_of_unknown_accuracy_is_not_the_spot(accuracy, is_exact):
    report = Report(place_source="gps", accuracy_m=accuracy, lat=24.9, lng=118.6, received_at=clock.now())
    assert suspecting._seen(report, {}).on_spot == is_exact


def _supports(giver, report):
    row = Support(report=report, index=supporter_index(giver.public_id), day=clock.city_date(clock.now()))
    row.link = seal_support(giver.public_id, support=row.public_id)
    row.save()


def test_two_who_send_what_the_other_sent_are_a_ring_too(town):
    for giver, getter in [(town.rider, town.other_rider), (town.other_rider, town.rider)] * 4:
        lead, report = towns.the(towns.send(getter)), towns.the(towns.send(giver))
        Report.objects.filter(pk=report.pk).update(state="merged", merged_into=lead)
    (signal,) = Supporters().signs_on(town.rider.public_id)
    assert (signal.kind, signal.evidence["times"]) == ("mutual-support", 8)
    lead, report = towns.the(towns.send(town.other_rider)), towns.the(towns.send(town.rider))
    joined = Joined(report, lead, "received", standing_of(lead), standing_of(lead), points=None)
    ((_report, award),) = merge_awards([joined])
    assert [one.kind for one in award.signals] == ["mutual-support"]


def test_a_used_picture_waits_for_a_person_in_what_is_merged_too(town, django_assert_num_queries):
    towns.send(town.rider, photos=[towns.photo(1)])
    with clock.at(clock.now() + timedelta(hours=25)):
        lead, report = (
            towns.the(towns.send(town.rider)),
            towns.the(towns.send(town.other_rider, photos=[towns.photo(1)])),
        )
        joined = Joined(report, lead, "received", standing_of(lead), standing_of(lead), points=None)
        ((_report, award),) = merge_awards([joined])
        assert [one.kind for one in award.signals] == ["reused-photo"]
        with django_assert_num_queries(10):
            suspecting.signs_on_joined([(report, lead)])


def test_two_who_support_each_other_are_seen_by_the_worker_alone(town):
    ours = [(town.rider, town.other_rider), (town.other_rider, town.rider)]
    for _round in range(4):
        for giver, getter in ours:
            _supports(giver, towns.the(towns.send(getter)))
    signs = Supporters()
    (signal,) = signs.signs_on(town.rider.public_id)
    assert signal.evidence == {"reports": [], "accounts": 2, "times": 8, "percent": 100}
    with clock.at(clock.now() + timedelta(days=40)):
        assert Supporters().signs_on(town.rider.public_id) == ()
    with clock.at(clock.now() + timedelta(days=8)):
        services.pay_supports()
        run_pending()
    assert set(Hold.objects.values_list("signals", flat=True)) == {"mutual-support"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed_evidence FROM rewards_hold")
        assert all(town.rider.public_id.encode() not in bytes(row[0]) for row in cursor.fetchall())
