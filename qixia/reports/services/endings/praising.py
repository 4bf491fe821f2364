"""A unit, a clerk or a supervisor praises whoever reported something that was true.

Secrecy  whoever praises never learns whom: the notice goes through the report's own sealed link. An anonymous reporter reads
         it with the secret. Nothing that is stored names the rider, or a moment beside the history's.
Once     a report and organisation; Conflict for a second time.
Errors   NotFound, NotYours, StepNotAllowed, OwnReport, Invalid, Conflict: nothing has changed.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction

from qixia.jobs.registry import declare_event
from qixia.kernel.errors import Conflict
from qixia.people.access import Actor
from qixia.people.queries import organisations_by_id
from qixia.reports import access, rules
from qixia.reports.models import Praise
from qixia.reports.sealing import NONE
from qixia.reports.services.endings.measuring import acting_unit
from qixia.reports.services.moves import check_step, take_step
from qixia.reports.services.telling import reporter_told, tell_many

PRAISED = declare_event("reports.praised")
TEXT_MAX = 200


@transaction.atomic
def praise(*, actor: Actor, public_id: str, text: str) -> Praise:
    """A few words for the reporter of a valid report. He or she is told, and reads them on the report's page."""
    report = access.case(actor, public_id)
    check_step(report, "praise", actor)
    words = rules.required_text(text, field="text", limit=TEXT_MAX)
    if report.validity != "valid":
        raise Conflict("认定属实以后，才能表扬上报的人。")
    if report.secrecy == NONE:
        raise Conflict("这一件没有存上报的人，没法表扬。")
    unit = acting_unit(actor, report)
    try:
        with transaction.atomic():
            made = Praise.objects.create(report=report, unit_id=unit, text=words)
    except IntegrityError as error:
        raise Conflict("你们单位已经表扬过这一件了。") from error
    name = organisations_by_id([unit])[unit].name
    row = take_step(report, "praise", actor=actor, by=name, text=words, event=PRAISED)
    tell_many(reporter_told(report, "report.praised", f"praised:{row.pk}", unit=name, text=words[:60]))
    return made
