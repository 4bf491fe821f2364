"""SIGKILL while reports are merged, taken apart and supported, and while supports are paid: what was acknowledged is
there, nothing is half done, and done again it is done once, points too. On both databases."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.people.access import Actor, actor_for
from qixia.places import queries as places
from qixia.reports import services
from qixia.reports.models import MergeRecord, Report, ReportStep, Support
from qixia.reports.queries.similar import similar_reports
from qixia.reports.tests.test_merging import reach_sorting
from qixia.reports.tests.town import AT_ROAD, Town, _rider, build_town, merging, send, the
from qixia.rewards.models import Posting
from qixia.rewards.queries import balance
from qixia.rewards.services import compare
from tests.harness.dying import until_killed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SUPPORTERS = 3


@pytest.fixture
def town(transactional_db, tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    places.forget()
    yield build_town()
    places.forget()


def rows() -> Counter[str]:
    """How many rows every table has."""
    return Counter(
        {model._meta.label: model._base_manager.count() for model in apps.get_models() if model._meta.managed}
    )


def merge(town: Town, one: Report, lead: Report) -> Any:
    return lambda: services.merge(actor=town.clerk, public_id=one.public_id, into=lead.public_id).pk


def test_of_two_merges_the_acknowledged_one_stays_and_the_other_left_no_trace(town):
    third = actor_for(_rider("三川", "13900000009"))
    lead, first, second = the(send(town.rider)), the(send(third)), the(reach_sorting(town))
    before = rows()
    assert until_killed([merge(town, first, lead), merge(town, second, lead)], at="merge.written:2") == [lead.pk]
    after = rows()
    assert standing(first, second) == [("merged", lead.pk, 15), ("sorting", None, None)]
    assert (after - before)["reports.MergeRecord"] == 1
    assert traces(second) == ["raise", "doubt"]

    assert merge(town, second, lead)() == lead.pk
    assert standing(first, second) == [("merged", lead.pk, 15), ("merged", lead.pk, 3)]
    assert MergeRecord.objects.count() == ReportStep.objects.filter(report=lead, step="absorb").count() == 2
    assert (balance(third.ref), balance(town.other_rider.ref)) == (15, 3)
    assert compare().is_sound


def test_an_undoing_that_was_killed_undid_nothing(town):
    lead, report = the(send(town.rider)), the(reach_sorting(town))
    merge(town, report, lead)()
    before = rows()
    undo = lambda: services.unmerge(actor=town.clerk, public_id=report.public_id).pk  # noqa: E731 — an act, like merge()
    assert until_killed([undo], at="unmerge.written:1") == []
    assert rows() == before
    assert standing(report) == [("merged", lead.pk, 3)]
    assert balance(town.other_rider.ref) == 3

    assert undo() == report.pk
    assert standing(report) == [("sorting", None, None)]
    assert MergeRecord.objects.exclude(undoes=None).count() == 1
    assert balance(town.other_rider.ref) == 0
    assert compare().is_sound


def offered(town: Town) -> list[tuple[Actor, str]]:
    """Riders, and what was offered to each: the one report that is open there."""
    send(town.rider)
    riders = [actor_for(_rider(f"骑{n}", f"1390000000{n}")) for n in range(SUPPORTERS)]
    return [(rider, similar_reports(rider, lat=AT_ROAD[0], lng=AT_ROAD[1])[0].offer) for rider in riders]


def support(rider: Actor, offer: str) -> Any:
    return lambda: services.support(actor=rider, offer=offer, client_key="the-same-key").public_id


def test_acknowledged_supports_stay_and_sent_again_each_counts_once(town):
    acts = [support(rider, offer) for rider, offer in offered(town)]
    before = rows()
    acknowledged = until_killed(acts, at=f"support.written:{SUPPORTERS}")
    assert len(acknowledged) == SUPPORTERS - 1
    assert list(Support.objects.order_by("pk").values_list("public_id", flat=True)) == acknowledged
    added = rows() - before
    assert {added[name] for name in ("reports.Support", "jobs.Command", "jobs.Event")} == {SUPPORTERS - 1}

    again = [act() for act in acts]  # phones that got no answer send again, and so do the others
    assert again[: SUPPORTERS - 1] == acknowledged
    assert Support.objects.count() == SUPPORTERS


def test_a_payment_that_was_killed_is_made_again_and_each_is_paid_once(town):
    merging(pay_riders=1)
    riders = offered(town)
    for rider, offer in riders:
        support(rider, offer)()
    run_pending()
    before = rows()
    with clock.at(clock.now() + timedelta(days=2)):
        assert until_killed([services.pay_supports], at="support.paid:1") == []
        assert rows() == before
        assert set(Support.objects.values_list("points", flat=True)) == {None}
        assert [services.pay_supports(), services.pay_supports()] == [SUPPORTERS, 0]
    assert [balance(rider.ref) for rider, _offer in riders] == [3] * SUPPORTERS
    assert (rows() - before)["rewards.Posting"] == SUPPORTERS
    assert Posting.objects.count() == SUPPORTERS + 1
    assert compare().is_sound


def standing(*reports: Report) -> list[tuple[Any, ...]]:
    found = {row[0]: row[1:] for row in Report.objects.values_list("pk", "state", "merged_into_id", "points")}
    return [found[one.pk] for one in reports]


def traces(report: Report) -> list[str]:
    return list(ReportStep.objects.filter(report=report).order_by("pk").values_list("step", flat=True))
