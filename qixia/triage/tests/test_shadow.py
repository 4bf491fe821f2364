"""A stored model judges last month's reports beside the one in use: what comes out, what a kill leaves, who may ask."""

from __future__ import annotations

import pytest

from qixia.jobs.models import Job
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.errors import NotAllowed
from qixia.triage import active, overview, services
from qixia.triage.models import LearningRun, ShadowVerdict, TrainedModel
from qixia.triage.retention import oldest_verdict, purge_verdicts
from qixia.triage.services import trying
from qixia.triage.services.training import Busy
from qixia.triage.services.trying import BadModel, NothingToTry, SameModel
from qixia.triage.tests.made import Reports, model, settled, staff_actor

pytestmark = pytest.mark.usefixtures("learning")
NOW = {"铁疙瘩": "road-damage", "纸箱": "litter"}
NEW = {"铁疙瘩": "manhole", "纸箱": "litter"}


@pytest.fixture
def admin(db):
    return staff_actor("admin")


@pytest.fixture
def two(monkeypatch):
    """The model in use and a stored one that knows better."""
    monkeypatch.setattr(active, "shipped", lambda: model(NOW))
    active.forget()
    return services.store(model=model(NEW), figures={}, actor="person:a")


def month(reports: Reports, n: int = 250) -> None:
    for i in range(n):
        is_metal = i % 5 == 0
        text, cls = ("铁疙瘩响", "manhole") if is_metal else ("纸箱乱扔", "litter")
        reports.rows.append(settled(str(i), text, cls, decided="person" if i < 100 else "verified" if i < 200 else ""))


def test_a_month_is_judged_in_batches_and_the_comparison_is_right(learning, admin, two):
    month(learning)
    run = services.ask_shadow(actor=admin, artefact=two)
    run_pending()
    row = LearningRun.objects.get(public_id=run)
    assert (row.state, row.done, row.total, row.against) == ("done", 250, 250, "shipped")
    assert ShadowVerdict.objects.filter(run=row).count() == 250
    s = row.summary
    assert (s["n"], s["changed"], s["changed_cls"]) == (250, 50, 50)
    assert (s["person"], s["person_now"], s["person_new"]) == (100, 80, 100)
    assert (s["verified"], s["verified_now"], s["verified_new"]) == (100, 80, 100)
    assert s["moves"] == [{"before": "road-damage", "after": "manhole", "n": 50}]
    assert next(one for one in s["classes"] if one["cls"] == "manhole") == {
        "cls": "manhole",
        "n": 40,
        "now": 0,
        "new": 40,
        "better": 40,
        "worse": 0,
    }
    assert learning.asked == 4  # three batches and the empty one that ends it
    assert not Job.objects.exists()


def test_each_batch_is_a_job_of_its_own_below_the_pictures(learning, admin, two):
    month(learning)
    services.ask_shadow(actor=admin, artefact=two)
    assert Job.objects.get().priority < -20
    services.try_batch(run=LearningRun.objects.get().public_id)
    assert LearningRun.objects.get().done == 100
    assert Job.objects.count() == 2  # the one asked for at first, and the next


def test_a_killed_batch_is_done_again_and_never_twice(learning, admin, two, monkeypatch):
    month(learning)
    run = services.ask_shadow(actor=admin, artefact=two)
    services.try_batch(run=run)

    def die(name: str) -> None:
        if name == "shadow.kept":
            raise KeyboardInterrupt

    monkeypatch.setattr(trying, "kill_point", die)
    with pytest.raises(KeyboardInterrupt):
        services.try_batch(run=run)
    assert (LearningRun.objects.get().done, ShadowVerdict.objects.count()) == (100, 100)
    monkeypatch.undo()
    monkeypatch.setattr("qixia.triage.learning.vectors.available", lambda: False)
    monkeypatch.setattr(active, "shipped", lambda: model(NOW))
    monkeypatch.setattr("qixia.triage.settled._source", learning)
    run_pending()
    assert (LearningRun.objects.get().done, ShadowVerdict.objects.count()) == (250, 250)


def test_a_batch_that_another_worker_did_meanwhile_is_dropped(learning, admin, two, monkeypatch):
    month(learning)
    run = services.ask_shadow(actor=admin, artefact=two)
    real = trying._judged

    def slowly(row, *rest):
        if not row.cursor:
            monkeypatch.setattr(trying, "_judged", real)
            services.try_batch(run=run)  # the other worker
        return real(row, *rest)

    monkeypatch.setattr(trying, "_judged", slowly)
    assert services.try_batch(run=run) is False
    assert (LearningRun.objects.get().done, ShadowVerdict.objects.count()) == (100, 100)


def test_one_trial_at_a_time(learning, admin, two):
    month(learning, 3)
    services.ask_shadow(actor=admin, artefact=two)
    with pytest.raises(Busy):
        services.ask_shadow(actor=admin, artefact=two)
    assert LearningRun.objects.count() == 1


def test_refusals_change_nothing(learning, admin, two):
    cases = [
        (staff_actor("clerk", "甲"), two, NotAllowed),
        (admin, "shipped", SameModel),
        (admin, "0" * 64, BadModel),
        (admin, two, NothingToTry),
    ]
    for actor, artefact, refusal in cases:
        with pytest.raises(refusal):
            services.ask_shadow(actor=actor, artefact=artefact)
    assert not LearningRun.objects.exists()
    assert not Job.objects.exists()


def test_a_trial_whose_model_is_gone_fails_and_says_so(learning, admin, two):
    month(learning, 3)
    services.ask_shadow(actor=admin, artefact=two)
    TrainedModel.objects.all().delete()
    active.forget()
    run_pending()
    assert (LearningRun.objects.get().state, LearningRun.objects.get().fault) == ("failed", "artefact")
    assert not ShadowVerdict.objects.exists()


def test_the_list_of_changes_shows_what_the_reader_may_see(learning, admin, two, django_assert_num_queries):
    month(learning, 250)
    learning.visible = {"report:0", "report:5"}
    services.ask_shadow(actor=admin, artefact=two)
    run_pending()
    row = LearningRun.objects.get()
    with django_assert_num_queries(1):
        page = overview.changed_reports(admin, row)
    assert [one.verdict.ref for one in page.rows] == ["report:0", "report:5"]
    assert (page.hidden, page.after is not None) == (28, True)
    rest = overview.changed_reports(admin, row, page.after)
    assert (len(rest.rows), rest.hidden, rest.after) == (0, 20, None)


def test_verdicts_end_and_the_summary_stays(learning, admin, two):
    month(learning, 30)
    services.ask_shadow(actor=admin, artefact=two)
    run_pending()
    row = LearningRun.objects.get()
    assert oldest_verdict() == row.asked_at
    assert purge_verdicts(row.asked_at, 100) == 0
    assert [purge_verdicts(clock.now(), 20), purge_verdicts(clock.now(), 20)] == [20, 10]
    assert oldest_verdict() is None
    assert LearningRun.objects.get().summary["n"] == 30
