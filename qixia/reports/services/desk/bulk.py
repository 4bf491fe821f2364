"""One act on many cases: looked at first, then done case by case through the services that do it for one.

Each row is a transaction of its own: what is refused for one case changes nothing of it and nothing of the others.
Retries  the page's key makes the run; the same key again goes on where it stopped and repeats nothing: a row leaves
         `waiting` in the transaction of its step. The same key with another body is KeyReused.
Words    {number}, {unit} and the like in the text are filled for each case (queries/wording.py). The run keeps no text.
Cost     looking is two queries however many cases; doing is what the steps cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from qixia.audit.services import record
from qixia.jobs.commands import KEY_MAX, KEY_MIN, KeyReused, body_hash
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid, NotAllowed, NotFound
from qixia.people.access import Actor
from qixia.people.queries import staff_of
from qixia.reports import access, acts, errors, rules
from qixia.reports.models import BulkRow, BulkRun, Report
from qixia.reports.queries.listing import chosen_cases
from qixia.reports.queries.wording import fill
from qixia.reports.services.clocks import pausing
from qixia.reports.services.desk import checking
from qixia.reports.services.moves import check_step
from qixia.reports.services.units import handling
from qixia.reports.services.units.naming import acting_unit, refuse_empty


@dataclass(frozen=True, slots=True)
class Params:
    """What the act is done with; "" where it needs nothing."""

    text: str = ""
    unit: str = ""  # code
    person: str = ""  # public id
    reason: str = ""  # key of the policy's list of pauses
    until: str = ""  # day, ISO


@dataclass(frozen=True, slots=True)
class Look:
    """One case of a preview: `why` it will not work, or "" if it will as things stand."""

    report: Report
    why: str


_DO: dict[str, Callable[[Actor, Report, Params], object]] = {
    "accept": lambda actor, report, _given: handling.accept(actor=actor, public_id=report.public_id),
    "assign": lambda actor, report, given: handling.assign(
        actor=actor, public_id=report.public_id, person_public_id=given.person
    ),
    "answer": lambda actor, report, given: handling.answer(
        actor=actor, public_id=report.public_id, text=fill(given.text, report)
    ),
    "validate": lambda actor, report, given: checking.validate(
        actor=actor, public_id=report.public_id, text=fill(given.text, report)
    ),
    "redirect": lambda actor, report, given: checking.redirect(
        actor=actor, public_id=report.public_id, unit_code=given.unit, reason=fill(given.text, report)
    ),
    "pause": lambda actor, report, given: pausing.pause(
        actor=actor,
        public_id=report.public_id,
        reason=given.reason,
        text=fill(given.text, report),
        until=rules.day(given.until, field="until"),
    ),
    "resume": lambda actor, report, given: pausing.resume(
        actor=actor, public_id=report.public_id, text=fill(given.text, report)
    ),
}


def look_ahead(*, actor: Actor, act: str, public_ids: list[str], given: Params) -> list[Look]:
    """What the act would do to each of the cases, in their order; cases that the actor may not see are left out."""
    found = _act(actor, act)
    reports = _chosen(actor, public_ids)
    units = {report.unit_id for report in reports} if given.person else set()
    members = {unit: _members(unit) for unit in units}
    wrong = _wrong_unit(given.unit) if given.unit and "unit" in found.wants else ""
    return [Look(report, _why_not(actor, found, report, given, members) or wrong) for report in reports]


def run_bulk(*, actor: Actor, act: str, public_ids: list[str], given: Params, key: str) -> BulkRun:
    """Do it. Returns the run; its rows say what became of each case."""
    found = _act(actor, act)
    _check(found, given)
    run = _run(actor, found, public_ids, given, key)
    waiting = BulkRow.objects.filter(run=run, state="waiting").select_related("report__unit").order_by("position")
    for row in waiting:
        _do_one(actor, found, row, given)
    return run


@transaction.atomic
def _run(actor: Actor, act: acts.BulkAct, public_ids: list[str], given: Params, key: str) -> BulkRun:
    if not (KEY_MIN <= len(key) <= KEY_MAX and key.isascii() and key.isprintable()):
        raise Invalid("提交编号的格式不对。", field="client_key")
    body = body_hash(act.key, list(dict.fromkeys(public_ids)), asdict(given))
    defaults = {"body": body, "act": act.key, "at": clock.now()}
    run, is_new = BulkRun.objects.get_or_create(person_id=actor.person_id or 0, key=key, defaults=defaults)
    if run.body != body:
        raise KeyReused(field="client_key")
    if not is_new:
        return run
    reports = _chosen(actor, public_ids)
    if not reports:
        raise NotFound
    BulkRow.objects.bulk_create(
        BulkRow(run=run, report=report, position=place) for place, report in enumerate(reports, 1)
    )
    record("reports.bulk_started", subject=f"bulk:{run.public_id}", actor=actor.ref, act=act.key, count=len(reports))
    return run


def _do_one(actor: Actor, act: acts.BulkAct, row: BulkRow, given: Params) -> None:
    mine = BulkRow.objects.filter(pk=row.pk, state="waiting")
    try:
        with transaction.atomic():
            # Whoever presses at the same moment waits here, then finds nothing left to do.
            if mine.update(state="done"):
                _DO[act.key](actor, row.report, given)
    except DomainError as refusal:
        mine.update(state="refused", why=_words(refusal)[:200])


def _why_not(
    actor: Actor, act: acts.BulkAct, report: Report, given: Params, members: dict[int | None, frozenset[str]]
) -> str:
    try:
        check_step(report, act.step, actor)
    except DomainError as refusal:
        return _words(refusal)
    if given.person and given.person not in members[report.unit_id]:
        return _("选的人不在这件的承办单位。")
    if act.key == "validate" and report.validity == "valid":
        return _("已经认定属实。")
    if act.key == "pause" and report.paused_at is not None:
        return _(errors.AlreadyPaused.message)
    if act.key == "resume" and report.paused_at is None:
        return _(errors.NotPaused.message)
    return ""


def _wrong_unit(code: str) -> str:
    """Why the unit can't be named, for every case alike; "" if it can."""
    try:
        refuse_empty(acting_unit(code))
    except DomainError as refusal:
        return _words(refusal)
    return ""


def _check(act: acts.BulkAct, given: Params) -> None:
    """What would be refused for every case alike."""
    if "text" in act.wants:
        rules.required_text(given.text, field="text")
    if "unit" in act.wants:
        refuse_empty(acting_unit(given.unit))
    if "person" in act.wants and not given.person:
        raise Invalid("请选一个人。", field="person")
    if "reason" in act.wants:
        pausing.pause_given(given.reason, rules.day(given.until, field="until"), clock.now())


def _act(actor: Actor, key: str) -> acts.BulkAct:
    found = acts.ACTS.get(key)
    if found is None:
        raise NotFound
    if not actor.has(*found.roles):
        raise NotAllowed
    return found


def _chosen(actor: Actor, public_ids: list[str]) -> list[Report]:
    wanted = [one for one in dict.fromkeys(public_ids) if len(one) <= 26 and one.isascii() and one.isalnum()]
    if not wanted:
        raise Invalid("先在列表里选好要办的。", field="case")
    if len(wanted) > acts.MOST:
        raise Invalid("一次最多办 %(limit)d 件。", field="case", limit=acts.MOST)
    return chosen_cases(actor, wanted)


def _members(unit_id: int | None) -> frozenset[str]:
    return frozenset(member.public_id for member in staff_of(unit_id or 0, *access.UNIT_ROLES))


def _words(refusal: DomainError) -> str:
    """In the language of who pressed: they read it at once."""
    return _(refusal.message) % refusal.context if refusal.context else _(refusal.message)
