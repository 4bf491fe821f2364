"""Real processes on one thing: exactly as many succeed as may, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.jobs.models import Command, Job
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.media.models import Evidence
from qixia.people.access import actor_for
from qixia.places import queries as places
from qixia.policy.services import publish_seeds
from qixia.reports import services
from qixia.reports.models import MergeRecord, Report, ReportStep, Support
from qixia.reports.queries.similar import similar_reports
from qixia.reports.tests.town import (
    AT_ROAD,
    _rider,
    accepted,
    at,
    build_town,
    merging,
    photo,
    photo_after,
    reach,
    send,
    the,
)
from qixia.rewards import queries
from qixia.rewards.models import Item, Posting, Voucher
from qixia.rewards.services import award, compare, reserve
from qixia.rewards.tests.builders import item, rider_with
from qixia.rewards.tests.conftest import publish_table
from tests.harness.race import at_once, kinds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def town(transactional_db, tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    places.forget()
    yield build_town()
    places.forget()


@pytest.fixture
def table(transactional_db):
    publish_table()
    publish_seeds()


@pytest.mark.usefixtures("table")
def test_fifty_processes_redeem_five_items_and_five_get_one():
    thing = item(stock=5)
    riders = [rider_with(10) for _ in range(50)]
    found = at_once(
        [lambda r=r: reserve(actor=r, item=thing.public_id, client_key="client-key").number for r in riders]
    )
    assert kinds(found) == {"done": 5, "SoldOut": 45}
    assert (Voucher.objects.count(), Item.objects.get().stock) == (5, 0)
    assert sorted(queries.balance(r.ref) for r in riders) == [0] * 5 + [10] * 45
    assert compare().is_sound


@pytest.mark.usefixtures("table")
def test_twenty_processes_spend_10_of_50_points_and_five_succeed():
    rider, thing = rider_with(50), item(stock=100)
    found = at_once(
        [lambda n=n: reserve(actor=rider, item=thing.public_id, client_key=f"client-{n}").number for n in range(20)]
    )
    assert kinds(found) == {"done": 5, "NotEnoughPoints": 15}
    assert (queries.balance(rider.ref), Item.objects.get().stock) == (0, 95)
    assert compare().is_sound


@pytest.mark.usefixtures("table")
def test_ten_processes_pay_one_award_once():
    rider = rider_with(0)
    same = {"beneficiary": rider.ref, "rule": "manhole", "source": "report:one", "act": "reports.dispatched"}
    found = at_once([lambda: award(**same, actor="system:test").pk] * 10)
    assert kinds(found) == {"done": 10}
    assert {one.value for one in found} == {Posting.objects.get().pk}
    assert queries.balance(rider.ref) == 15


def two_alike(town):
    """Two cases of one manhole, which a clerk may merge."""
    return the(send(town.rider)), the(send(town.other_rider))


def check_whole():
    """Nothing half done: who is merged has an open lead that is merged into none, and a record that says so."""
    for report in Report.objects.exclude(merged_into=None).select_related("merged_into"):
        assert report.merged_into.state != "merged"
        assert MergeRecord.objects.filter(report=report, undoes=None, undone_by=None).count() == 1
    assert compare().is_sound


def test_two_merges_of_two_into_each_other_and_one_wins(town):
    one, two = two_alike(town)
    found = at_once(
        [
            lambda: services.merge(actor=town.clerk, public_id=one.public_id, into=two.public_id).pk,
            lambda: services.merge(actor=town.clerk, public_id=two.public_id, into=one.public_id).pk,
        ]
    )
    assert kinds(found)["done"] == 1, found
    assert set(kinds(found)) <= {"done", "SomebodyWasFaster", "SameReport", "StepNotAllowed"}
    assert Report.objects.filter(state="merged").count() == 1
    check_whole()


def test_a_merge_against_resolving_the_same_report_and_one_wins(town):
    lead, report = the(send(town.other_rider)), the(reach(town, "working"))
    found = at_once(
        [
            lambda: services.merge(actor=town.clerk, public_id=report.public_id, into=lead.public_id).pk,
            lambda: (
                services.resolve(
                    actor=town.worker, public_id=report.public_id, text="修好了", photos=[photo_after(1)]
                ).pk
            ),
        ]
    )
    assert kinds(found)["done"] == 1, found
    assert the_state(report) == ("merged" if found[0].kind == "done" else "resolved")
    assert ReportStep.objects.filter(report=report, step__in=("merge", "resolve")).count() == 1
    check_whole()


def test_supports_against_a_merge_are_all_kept_and_paid_once_a_rider(town):
    one, two = two_alike(town)
    lat, lng = AT_ROAD
    riders = [actor_for(_rider(f"骑{n}", f"1390000000{n}")) for n in range(4)]
    offers = [(rider, similar_reports(rider, lat=lat, lng=lng, words="井盖没了")[0].offer) for rider in riders]
    found = at_once(
        [lambda: services.merge(actor=town.clerk, public_id=two.public_id, into=one.public_id).pk]
        + [lambda r=rider, o=offer: services.support(actor=r, offer=o).public_id for rider, offer in offers]
    )
    assert kinds(found) == {"done": 5}
    with clock.at(clock.now() + timedelta(days=1)):
        services.pay_supports()
    assert [queries.balance(rider.ref) for rider in riders] == [3] * 4
    check_whole()


def test_one_rider_supports_four_at_once_and_two_are_allowed(town):
    merging(supports_a_day=2)
    lat, lng = AT_ROAD
    for _ in range(4):
        send(town.rider)
    offers = [one.offer for one in similar_reports(town.other_rider, lat=lat, lng=lng, words="井盖没了")]
    assert len(offers) >= 3
    found = at_once([lambda o=offer: services.support(actor=town.other_rider, offer=o).public_id for offer in offers])
    assert kinds(found) == {"done": 2, "TooManySupports": len(offers) - 2}
    assert Support.objects.count() == 2


def test_six_undo_one_merge_while_the_unit_accepts_and_one_does(town):
    one, two = two_alike(town)
    services.merge(actor=town.clerk, public_id=two.public_id, into=one.public_id)
    found = at_once(
        [lambda: services.accept(actor=town.worker, public_id=two.public_id).pk]
        + [lambda: services.unmerge(actor=town.clerk, public_id=two.public_id).pk] * 6
    )
    assert kinds(found[1:])["done"] == 1, found
    assert MergeRecord.objects.exclude(undoes=None).count() == 1
    # The unit comes before the undoing, and is refused, or after it.
    assert the_state(two) == ("accepted" if found[0].kind == "done" else "dispatched")
    check_whole()


def the_state(report):
    return Report.objects.values_list("state", flat=True).get(pk=report.pk)


def test_two_staff_resolve_one_case_and_one_wins(town):
    receipt = reach(town, "working")
    before = ReportStep.objects.count()
    found = at_once(
        [
            lambda: services.resolve(
                actor=town.worker, public_id=receipt.public_id, text="我修好了", photos=[photo_after(1)]
            ),
            lambda: services.resolve(
                actor=town.colleague, public_id=receipt.public_id, text="我也修好了", photos=[photo_after(2)]
            ),
        ]
    )
    assert sorted(one.kind == "done" for one in found) == [False, True]
    assert "crash" not in kinds(found)
    assert ReportStep.objects.count() == before + 1
    assert the(receipt).state == "resolved"
    assert the(receipt).photos.filter(role="after").count() == 1


def test_one_client_key_from_ten_processes_makes_one_report(town):
    given = {"client_key": "the-same-key", "place": at(), "photos": [photo(7)], "words": "井盖没了"}
    found = at_once([lambda: services.submit(actor=town.rider, **given).public_id] * 10)
    assert kinds(found) == {"done": 10}
    assert {one.value for one in found} == {Report.objects.get().public_id}
    assert (Command.objects.count(), Evidence.objects.count()) == (1, 1)
    assert Job.objects.filter(name="reports.settle").count() == 1


def test_ten_processes_settle_one_report_and_it_is_paid_once(town):
    receipt = accepted(town.rider)
    pk = the(receipt).pk
    found = at_once([lambda: len(services.settle([pk]))] * 10)
    assert sorted(one.value for one in found) == [0] * 9 + [1]
    assert ReportStep.objects.filter(report_id=pk, step="settle").count() == 1
    assert Posting.objects.count() == 1
    assert compare().is_sound
