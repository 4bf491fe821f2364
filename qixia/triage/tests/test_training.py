"""Training from corrections: what is learnt, what is only measured on, what is kept, and what a failure leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.jobs.models import Job
from qixia.kernel import clock
from qixia.kernel.errors import NotAllowed
from qixia.people.access import system_actor
from qixia.policy.services import publish
from qixia.triage import active, services, tasks
from qixia.triage.comparing import is_held_out
from qixia.triage.learning.model import Model
from qixia.triage.models import LearningRun, TrainedModel
from qixia.triage.retention import oldest_draft, purge_drafts
from qixia.triage.services.training import Busy, NothingToLearn
from qixia.triage.tests.made import Parrot, correct_one, model, staff_actor

pytestmark = pytest.mark.usefixtures("learning")
REFS = [f"report:{n}" for n in range(30)]


def corrected() -> None:
    for ref in REFS:
        correct_one(ref, f"盖子{ref}")


def ask() -> str:
    return services.ask_training(actor=system_actor("test"))


def test_what_is_held_out_is_measured_on_and_never_learnt():
    corrected()
    teacher = Parrot()
    artefact = services.train(run=ask(), teacher=teacher)
    held = [ref for ref in REFS if is_held_out(ref)]
    assert 0 < len(held) < len(REFS)
    assert {example.text for example in teacher.proved} == {f"盖子{ref}" for ref in held}
    assert {example.text for example in teacher.taught} == {f"盖子{ref}" for ref in REFS} - {f"盖子{r}" for r in held}
    row = TrainedModel.objects.get()
    assert (row.sha256, row.name, row.made_by) == (artefact, "parrot", "system:test")
    assert row.figures["learnt"] == len(REFS) - len(held)
    assert row.figures["new"]["voices"]["macro_f1"] == 0.5


def test_the_run_is_closed_with_its_artefact_and_nothing_is_switched():
    corrected()
    run = ask()
    artefact = services.train(run=run, teacher=Parrot())
    row = LearningRun.objects.get(public_id=run)
    assert (row.state, row.done, row.total, row.artefact) == ("done", 100, 100, artefact)
    assert active.chosen()[0] == "shipped"


def test_the_stored_bytes_are_the_model():
    made = model({"铁盖": "manhole"})
    artefact = services.store(model=made, figures={}, actor="person:a")
    assert services.store(model=made, figures={}, actor="person:b") == artefact  # the same bytes are the same row
    row = TrainedModel.objects.get()
    assert row.made_by == "person:a"
    assert Model.from_bytes(bytes(row.data)).predict(["铁盖翘了"])[0].cls == "manhole"


def test_one_training_at_a_time():
    corrected()
    ask()
    with pytest.raises(Busy):
        ask()
    assert LearningRun.objects.count() == 1
    assert Job.objects.filter(name="triage.train").count() == 1


def test_without_corrections_there_is_nothing_to_learn():
    with pytest.raises(NothingToLearn):
        ask()
    assert not LearningRun.objects.exists()


def test_a_clerk_trains_nothing():
    corrected()
    with pytest.raises(NotAllowed):
        services.ask_training(actor=staff_actor("clerk"))
    assert not LearningRun.objects.exists()
    assert not Job.objects.exists()


class Broken(Parrot):
    def teach(self, corrections, *, progress):
        raise ValueError("too few texts")


def test_a_failure_closes_the_run_keeps_nothing_and_another_may_begin():
    corrected()
    run = ask()
    with pytest.raises(ValueError, match="too few"):
        services.train(run=run, teacher=Broken())
    row = LearningRun.objects.get()
    assert (row.state, row.fault) == ("failed", "training")
    assert not TrainedModel.objects.exists()
    ask()


class ClosedMeanwhile(Parrot):
    """Another worker, or the task that gave up, was faster."""

    def teach(self, corrections, *, progress):
        services.fail_run(run=LearningRun.objects.get().public_id, fault="killed")
        return super().teach(corrections, progress=progress)


def test_a_run_that_was_closed_meanwhile_stays_closed():
    corrected()
    assert services.train(run=ask(), teacher=ClosedMeanwhile()) == ""
    assert LearningRun.objects.get().state == "failed"
    assert services.train(run=LearningRun.objects.get().public_id, teacher=Parrot()) == ""


class Call:
    def __init__(self, run: str, attempt: int) -> None:
        self.args, self.attempt = {"run": run}, attempt


@pytest.mark.parametrize(
    ("code", "state", "fault"), [(0, "waiting", ""), (1, "failed", "training"), (-9, "failed", "training")]
)
def test_the_job_runs_a_process_of_its_own_and_notes_its_failure(monkeypatch, code, state, fault):
    corrected()
    run, asked = ask(), []

    def fake(command, **_more):
        asked.append(command)
        return type("Done", (), {"returncode": code})

    monkeypatch.setattr(tasks.subprocess, "run", fake)
    tasks.train([Call(run, 1)])
    assert asked[0][2:] == ["qixia.site.cli", "triage", "train", "--from-corrections", "--run", run]
    row = LearningRun.objects.get()
    assert (row.state, row.fault) == (state, fault)


def test_a_training_that_took_its_worker_down_twice_is_given_up(monkeypatch):
    corrected()
    run = ask()
    monkeypatch.setattr(tasks.subprocess, "run", lambda *_a, **_k: pytest.fail("must not run"))
    tasks.train([Call(run, 3)])
    assert (LearningRun.objects.get().state, LearningRun.objects.get().fault) == ("failed", "killed")


def test_old_drafts_end_and_what_judged_here_stays():
    with clock.at(clock.now() - timedelta(days=400)):
        used, past, draft = (
            services.store(model=model({w: "manhole"}), figures={}, actor="person:a") for w in "甲乙丙"
        )
        for artefact in (past, used):
            publish("triage.model", {"artefact": artefact}, note="x", actor_ref="person:a")
    fresh = services.store(model=model({"丁": "manhole"}), figures={}, actor="person:a")
    assert oldest_draft() == TrainedModel.objects.get(sha256=draft).made_at
    assert purge_drafts(clock.now() - timedelta(days=365), 100) == 1
    assert set(TrainedModel.objects.values_list("sha256", flat=True)) == {used, past, fresh}
