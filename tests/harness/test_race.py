"""Real processes on one thing: exactly as many succeed as may, on both databases."""

from __future__ import annotations

import pytest

from qixia.jobs.models import Command, Job
from qixia.kernel.config import get_config
from qixia.media.models import Evidence
from qixia.places import queries as places
from qixia.policy.services import publish_seeds
from qixia.reports import services
from qixia.reports.models import Report, ReportStep
from qixia.reports.tests.town import accepted, at, build_town, photo, photo_after, reach, the
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
