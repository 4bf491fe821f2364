"""A stored model judges last month's reports beside the one in use, and nobody notices.

Effect   none on reports: verdicts go into rows of their own, and into a summary that outlives them.
Batches  one job a batch, for the learning worker, so a month of reports holds up nothing. Cursor, rows and the next job
         are one transaction: a killed worker's batch is done again, never twice.
Both     models judge anew with today's words of danger and thresholds; what differs is the model alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from qixia.audit.services import record
from qixia.codes.queries import triage_classes
from qixia.jobs.registry import LEARNING
from qixia.jobs.services import enqueue
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, NotAllowed
from qixia.kernel.faults import kill_point
from qixia.people.access import Actor
from qixia.triage import active, comparing
from qixia.triage.comparing import Line, Said
from qixia.triage.judging import judge
from qixia.triage.learning.model import BadArtefact, Model
from qixia.triage.models import RUN_OPEN, LearningRun, ShadowVerdict
from qixia.triage.queries import thresholds
from qixia.triage.services.training import fail_run, open_run
from qixia.triage.settled import SettledReport, source
from qixia.triage.verdicts import Verdict

DAYS = 30
BATCH = 100
PRIORITY = LEARNING - 10


class BadModel(Conflict):
    code = "triage.bad_model"
    message = "这份模型文件读不出来，什么都没有改动。"


class SameModel(Conflict):
    code = "triage.same_model"
    message = "它就是现在用的这一份。"


class NothingToTry(Conflict):
    code = "triage.nothing_to_try"
    message = "最近一个月没有处理过的上报，没有什么可以试。"


@transaction.atomic
def ask_shadow(*, actor: Actor, artefact: str) -> str:
    """Let a stored model judge the reports of the last DAYS days; returns the id of the run.

    Busy while another one is tried, BadModel if it can't be read, SameModel if it is in use, NothingToTry without reports.
    """
    if not actor.has("admin"):
        raise NotAllowed
    against = active.chosen()[0]
    if artefact == against:
        raise SameModel
    readable(artefact)
    until = clock.now()
    since = until - timedelta(days=DAYS)
    total = source().count(since, until)
    if not total:
        raise NothingToTry
    run = open_run("shadow", actor=actor, artefact=artefact, against=against, since=since, until=until, total=total)
    enqueue("triage.shadow", {"run": run.public_id}, priority=PRIORITY)
    record("triage.shadow_asked", subject=f"run:{run.public_id}", actor=actor.ref, artefact=artefact, against=against)
    return run.public_id


def readable(artefact: str) -> Model:
    """The model of an artefact as its bytes are now, tried on a word; BadModel if it cannot be read or cannot judge."""
    active.forget()
    try:
        found = active.load(artefact)
        found.predict(["井盖没了"])
    except BadArtefact as error:
        raise BadModel from error
    return found


def try_batch(*, run: str) -> bool:
    """Judge the next batch of a shadow run; False when it is over. Again after a kill, it goes on where it was."""
    row = LearningRun.objects.filter(public_id=run, kind="shadow", state__in=RUN_OPEN).first()
    if row is None or row.since is None or row.until is None:
        return False
    try:
        now, new = active.load(row.against), active.load(row.artefact)
    except BadArtefact:
        fail_run(run=run, fault="artefact")
        return False
    batch = source().batch(row.since, row.until, after=row.cursor, limit=BATCH)
    if not batch:
        _finish(row)
        return False
    found = _judged(row, batch, now, new)
    kill_point("shadow.judged")
    return _keep(row, batch, found)


def _judged(row: LearningRun, batch: Sequence[SettledReport], now: Model, new: Model) -> list[ShadowVerdict]:
    items = [(report.text, report.hint or None) for report in batch]
    table, limits = triage_classes(), thresholds()
    old = judge(items, model=now, classes=table, thresholds=limits)
    tried = judge(items, model=new, classes=table, thresholds=limits)
    return [_verdict(row, report, _said(a), _said(b)) for report, a, b in zip(batch, old, tried, strict=True)]


def _said(verdict: Verdict) -> Said:
    return Said("" if verdict.is_blank else verdict.cls, verdict.severity, verdict.is_certain)


def _verdict(row: LearningRun, report: SettledReport, now: Said, new: Said) -> ShadowVerdict:
    return ShadowVerdict(
        run=row,
        ref=report.ref,
        now_cls=now.cls,
        now_severity=now.severity,
        now_certain=now.certain,
        new_cls=new.cls,
        new_severity=new.severity,
        new_certain=new.certain,
        final_cls=report.cls,
        final_severity=report.severity,
        decided=report.decided,
        changed=comparing.differs(now, new),
    )


@transaction.atomic
def _keep(row: LearningRun, batch: Sequence[SettledReport], found: list[ShadowVerdict]) -> bool:
    mine = LearningRun.objects.filter(pk=row.pk, cursor=row.cursor, state__in=RUN_OPEN)
    moved = mine.update(
        cursor=batch[-1].cursor,
        done=F("done") + len(batch),
        state="running",
        begun_at=row.begun_at or clock.now(),
    )
    if not moved:
        return False  # the same batch was done by another worker, which also asked for the next
    ShadowVerdict.objects.bulk_create(found, batch_size=BATCH)
    enqueue("triage.shadow", {"run": row.public_id}, priority=PRIORITY)
    kill_point("shadow.kept")
    return True


@transaction.atomic
def _finish(row: LearningRun) -> None:
    columns = ("now_cls", "now_severity", "now_certain", "new_cls", "new_severity", "new_certain")
    rows = ShadowVerdict.objects.filter(run=row).values_list(*columns, "final_cls", "final_severity", "decided")
    lines = (Line(Said(a, b, c), Said(d, e, f), g, h, i) for a, b, c, d, e, f, g, h, i in rows.iterator(2000))
    figures = comparing.summary(lines)
    if LearningRun.objects.filter(pk=row.pk, state__in=RUN_OPEN).update(
        state="done", ended_at=clock.now(), summary=figures
    ):
        record(
            "triage.shadow_done",
            subject=f"run:{row.public_id}",
            actor="system:learning",
            changed=figures["changed"],
            missed_now=figures["missed_now"],
            missed_new=figures["missed_new"],
        )
