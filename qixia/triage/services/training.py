"""Learning anew from what people corrected.

Truth    a run says how far a training is; the model that comes out is a TrainedModel, in use only once a person switches.
Learning four fifths of the corrections go beside the shipped texts; the last fifth, always the same one, is never learnt
         from. The figures are those of that fifth and of the shipped voices that are held out.
Races    one training at a time (Busy). A worker that died leaves the run open; the job comes again and starts it over,
         and whichever finishes first closes the run.
Where    the work runs in a process of its own (tasks.py): what trains takes seconds to load and much memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from django.db import IntegrityError, transaction

from qixia.audit.services import record
from qixia.jobs.registry import LEARNING
from qixia.jobs.services import enqueue
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, NotAllowed
from qixia.kernel.ids import new_public_id
from qixia.kernel.keys import keys
from qixia.people.access import Actor
from qixia.triage import active
from qixia.triage.comparing import is_held_out
from qixia.triage.learning.examples import Example
from qixia.triage.learning.model import Model
from qixia.triage.models import RUN_OPEN, Correction, LearningRun, TrainedModel

SOURCE = "corrections"
PRIORITY = LEARNING  # a worker of its own: no picture waits for it
STEPS = 100  # a run's `total`: its progress in percent
_TELL_S = 1.0

Progress = Callable[[float], None]


class Busy(Conflict):
    code = "triage.busy"
    message = "已经有一次在跑，等它跑完再来。"


class NothingToLearn(Conflict):
    code = "triage.nothing_to_learn"
    message = "还没有可学的更正：先在分拣队列里定几件。"


@dataclass(frozen=True, slots=True)
class Lessons:
    """Corrections with words, apart: what is learnt from, what is only measured on."""

    learn: list[Example]
    held_out: list[Example]


class Teacher(Protocol):
    """Who trains and measures; qixia.triage.teacher.Shipped does, tests bring a smaller one."""

    def teach(self, corrections: Sequence[Example], *, progress: Progress) -> Model:
        """A model of the shipped voices that are not held out, and of the corrections."""
        ...

    def prove(self, model: Model, corrections: Sequence[Example]) -> dict[str, Any]:
        """{"voices": figures on the voices held out, "corrections": figures on these, None if there are none}."""
        ...


def collect() -> Lessons:
    """Every correction that has words."""
    found = Lessons([], [])
    for row in Correction.objects.filter(sealed_words__isnull=False).order_by("at", "id").iterator():
        words = keys().open(bytes(row.sealed_words or b""), purpose=f"correction:{row.ref}").decode()
        target = found.held_out if is_held_out(row.ref) else found.learn
        target.append(Example(words, row.cls, row.severity, SOURCE))
    return found


@transaction.atomic
def ask_training(*, actor: Actor, at_once: bool = False) -> str:
    """Ask for a training; returns the id of the run. `at_once`: the caller trains, no job is made.

    Busy while one is open, NothingToLearn without a correction that has words.
    """
    if not (actor.has("admin") or actor.is_system):
        raise NotAllowed
    if not Correction.objects.filter(sealed_words__isnull=False).exists():
        raise NothingToLearn
    run = open_run("train", actor=actor, total=STEPS)
    if not at_once:
        enqueue("triage.train", {"run": run.public_id}, priority=PRIORITY)
    record("triage.training_asked", subject=f"run:{run.public_id}", actor=actor.ref)
    return run.public_id


def open_run(kind: str, *, actor: Actor, **columns: Any) -> LearningRun:
    """A new run, in the caller's transaction; Busy if one of its kind is open."""
    try:
        with transaction.atomic():
            return LearningRun.objects.create(
                public_id=new_public_id(), kind=kind, asked_at=clock.now(), asked_by=actor.ref, **columns
            )
    except IntegrityError as error:
        raise Busy from error


def train(*, run: str, teacher: Teacher) -> str:
    """Do the training of an open run; returns the artefact, "" if the run was closed meanwhile.

    Not in one transaction: it takes a minute. What fails closes the run and is raised.
    """
    mine = LearningRun.objects.filter(public_id=run, kind="train", state__in=RUN_OPEN)
    if not mine.update(state="running", begun_at=clock.now(), done=0):
        return ""
    try:
        lessons = collect()
        model = teacher.teach(lessons.learn, progress=_telling(run))
        return _finish(run, model, _figures(teacher, model, lessons))
    except Exception:
        fail_run(run=run, fault="training")
        raise


def store(*, model: Model, figures: dict[str, Any], actor: str) -> str:
    """Keep a model as a draft; returns its artefact, the SHA-256 of its bytes. The same bytes are the same row."""
    data = model.to_bytes()
    Model.from_bytes(data)  # what cannot be read back is not kept
    artefact = sha256(data).hexdigest()
    with transaction.atomic():
        row, is_new = TrainedModel.objects.get_or_create(
            sha256=artefact,
            defaults={
                "name": str(model.card.get("name", ""))[:80] or artefact[:12],
                "data": data,
                "card": model.card,
                "figures": figures,
                "made_at": clock.now(),
                "made_by": actor,
            },
        )
        if is_new:
            record("triage.model_stored", subject=f"model:{artefact}", actor=actor, bytes=len(data))
    return row.sha256


@transaction.atomic
def fail_run(*, run: str, fault: str) -> bool:
    """Close an open run without a result, so that another can begin. False if it was closed already."""
    closed = LearningRun.objects.filter(public_id=run, state__in=RUN_OPEN).update(
        state="failed", fault=fault, ended_at=clock.now()
    )
    if closed:
        record("triage.run_failed", subject=f"run:{run}", actor="system:learning", fault=fault)
    return bool(closed)


def _figures(teacher: Teacher, model: Model, lessons: Lessons) -> dict[str, Any]:
    """The new model and the one in use, measured on the same texts on the same day."""
    used = active.state()
    return {
        "learnt": len(lessons.learn),
        "new": teacher.prove(model, lessons.held_out),
        "now": {"artefact": used.serving, **teacher.prove(used.model, lessons.held_out)} if used.model else None,
    }


@transaction.atomic
def _finish(run: str, model: Model, figures: dict[str, Any]) -> str:
    asked_by = LearningRun.objects.values_list("asked_by", flat=True).get(public_id=run)
    artefact = store(model=model, figures=figures, actor=asked_by)
    closed = LearningRun.objects.filter(public_id=run, state__in=RUN_OPEN).update(
        state="done", done=STEPS, ended_at=clock.now(), artefact=artefact
    )
    return artefact if closed else ""


def _telling(run: str) -> Progress:
    """Writes the progress of a run, once a second at most."""
    last = 0.0

    def tell(share: float) -> None:
        nonlocal last
        if time.monotonic() - last < _TELL_S:
            return
        last = time.monotonic()
        percent = min(STEPS - 1, max(0, int(share * STEPS)))
        LearningRun.objects.filter(public_id=run, state="running").update(done=percent)

    return tell
