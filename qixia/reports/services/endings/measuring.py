"""What was done against who caused it: ordered to mend, warned, fined. Said by the unit that has the case, or a clerk.

Truth    rows of Measure are never changed: a wrong one is corrected by a new one that names it, once. The last of such a
         row stands, and is counted.
Secrecy  the party is sealed and for staff alone. Riders read that a measure was taken and which kind; whoever it was
         taken against has no page here, and learns of no reporter.
Errors   NotFound, NotYours, StepNotAllowed, Invalid by field, SomebodyWasFaster: nothing has changed.
Retries  none: the same measure sent twice stands twice, and is corrected.
"""

from __future__ import annotations

from datetime import date

from django.db import IntegrityError, transaction

from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotFound
from qixia.kernel.keys import keys
from qixia.people.access import Actor
from qixia.people.queries import organisations_by_id
from qixia.policy.queries import current
from qixia.reports import access, errors, rules
from qixia.reports.models import MEASURE_RESULTS, Measure, MeasureResult, Report
from qixia.reports.policy import MeasureKind
from qixia.reports.services.moves import check_step, take_step

MEASURED = declare_event("reports.measured")
FEN_MOST = 10**11


@transaction.atomic
def take_measure(
    *,
    actor: Actor,
    public_id: str,
    kind: str,
    day: date,
    document: str = "",
    fen: int | None = None,
    party: str = "",
    replaces: str = "",
) -> Measure:
    """Record a measure of `day`; `replaces`: the public id of a measure of this report that was recorded wrongly."""
    report = access.case(actor, public_id)
    check_step(report, "measure", actor)
    rule = _kind(kind)
    number = rules.clean_text(document, field="document", limit=60, one_line=True)
    if rule.document and not number:
        raise Invalid("请写文书编号。", field="document")
    wrong = _standing(report, replaces) if replaces else None
    made = Measure(
        report=report,
        kind=kind,
        unit_id=acting_unit(actor, report),
        document=number,
        fen=_amount(rule, fen),
        day=_day(report, day),
        replaces=wrong,
        at=clock.now(),
        actor=actor.ref,
    )
    if named := rules.clean_text(party, field="party", limit=60, one_line=True):
        made.sealed_party = keys().seal(named.encode(), purpose=f"measure-party:{made.public_id}")
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:  # two correct the same one
        raise errors.SomebodyWasFaster from error
    data = {"kind": kind, "measure": made.public_id} | ({"corrects": wrong.kind} if wrong else {})
    take_step(report, "measure", actor=actor, by=_name(made.unit_id), data=data, event=MEASURED)
    return made


@transaction.atomic
def add_measure_result(*, actor: Actor, public_id: str, measure: str, result: str, text: str = "") -> MeasureResult:
    """How the party took it: complied, pending or objected. For staff; the latest stands."""
    report = access.case(actor, public_id)
    check_step(report, "measure_result", actor)
    if result not in MEASURE_RESULTS:
        raise Invalid("请选处理结果。", field="result")
    words = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    of = _standing(report, measure)
    row = MeasureResult.objects.create(measure=of, state=result, at=clock.now(), actor=actor.ref)
    data = {"kind": of.kind, "measure": of.public_id, "result": result}
    take_step(report, "measure_result", actor=actor, by=_name(of.unit_id), text=words, private=True, data=data)
    return row


def acting_unit(actor: Actor, report: Report) -> int:
    """The organisation that speaks: the unit of the case, else that of the clerk."""
    parties = access.parties(actor, report)
    if "unit" in parties and report.unit_id is not None:
        return report.unit_id
    found = actor.organisation_ids(*access.CLERK_ROLES, "admin")
    if not found:
        raise errors.NotYours
    return min(found)


def _name(unit_id: int) -> str:
    return organisations_by_id([unit_id])[unit_id].name


def _kind(key: str) -> MeasureKind:
    found: MeasureKind | None = current("reports.measures").data.kind(key)
    if found is None:
        raise Invalid("没有这种措施，请重新选。", field="kind")
    return found


def _standing(report: Report, public_id: str) -> Measure:
    """A measure of this report that nothing corrects yet. NotFound for any other report's."""
    found = Measure.objects.filter(report=report, public_id=public_id).select_related("replaced_by").first()
    if found is None:
        raise NotFound
    if hasattr(found, "replaced_by"):
        raise errors.SomebodyWasFaster
    return found


def _amount(rule: MeasureKind, fen: int | None) -> int | None:
    if not rule.amount:
        if fen is not None:
            raise Invalid("这种措施没有金额。", field="amount")
        return None
    if fen is None or not 0 < fen <= FEN_MOST:
        raise Invalid("请写金额，要大于 0。", field="amount")
    return fen


def _day(report: Report, day: date) -> date:
    if not clock.city_date(report.received_at) <= day <= clock.city_date(clock.now()):
        raise Invalid("日期要在上报当天到今天之间。", field="day")
    return day
