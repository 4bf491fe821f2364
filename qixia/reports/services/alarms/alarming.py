"""What people do about an alarm: say that they have it, note that an emergency service was called; and who is called next.

Two at once   of two who acknowledge one wins; the other is told who has it. The same person again: nothing.
Transfer      the number, the time and the reference that the emergency service gave. It answers the alarm as well. The
              same number, time and reference again: nothing.
Retries       `call_next` may run any number of times, a transaction an alarm.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, errors, rules
from qixia.reports.models import Alarm, Report, ReportStep
from qixia.reports.services.alarms.ringing import call_level, stand_down, taken
from qixia.reports.services.moves import check_step, take_step
from qixia.reports.services.telling import tell_many
from qixia.reports.states import OPEN

ACKNOWLEDGED = declare_event("reports.acknowledged")
TRANSFERRED = declare_event("reports.transferred")
AT_ONCE = 50
REFERENCE_MAX = 40
_BACK = timedelta(hours=24)


@transaction.atomic
def acknowledge_alarm(*, actor: Actor, public_id: str) -> Report:
    """I have it: nobody else is called. AlarmTaken if somebody else has it already."""
    report = access.case(actor, public_id)
    alarm = _locked(report)
    check_step(report, "acknowledge", actor)
    now = clock.now()
    if not taken(report, actor.person_id, now):
        if alarm.acknowledged_by_id == actor.person_id:
            return report
        raise _taken_by(alarm)
    take_step(report, "acknowledge", actor=actor, event=ACKNOWLEDGED)
    return report


@transaction.atomic
def transfer_alarm(
    *, actor: Actor, public_id: str, phone: str, at: datetime | None = None, reference: str = ""
) -> Report:
    """Note that an emergency service was called. Refusals name the field: phone, at, reference."""
    report = access.case(actor, public_id)
    _locked(report)
    check_step(report, "transfer", actor)
    now = clock.now()
    known = {one.number for one in current("reports.alarm").data.phones}
    if phone not in known:
        raise Invalid("请选一个紧急电话。", field="phone")
    moment = (at or now).replace(second=0, microsecond=0)
    if not now - _BACK <= moment <= now + timedelta(minutes=1):
        raise Invalid("通话时间不对：只能是过去 24 小时内。", field="at")
    noted = rules.clean_text(reference, field="reference", limit=REFERENCE_MAX, one_line=True)
    data = {"phone": phone, "at": moment.isoformat(), "reference": noted}
    if ReportStep.objects.filter(report=report, step="transfer", data=data).exists():
        return report
    if not taken(report, actor.person_id, now):
        Alarm.objects.filter(report=report).update(changed_at=now)
    take_step(report, "transfer", actor=actor, data=data, event=TRANSFERRED)
    return report


def call_next() -> int:
    """Call the next level for every alarm that nobody answered in time; how many. Those of ended reports stand down."""
    now = clock.now()
    over = Alarm.objects.filter(ended_at=None).exclude(report__state__in=OPEN, report__rings=True)
    for alarm in over.select_related("report")[:AT_ONCE]:
        with transaction.atomic():
            stand_down(alarm.report, now)
    due = Alarm.objects.filter(ended_at=None, next_at__lte=now).order_by("next_at", "id")
    return sum(_call_one(pk, now) for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]))


@transaction.atomic
def _call_one(pk: int, now: datetime) -> int:
    rows = Alarm.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
    alarm = (
        rows.select_related("report__community", "report__unit").filter(pk=pk, ended_at=None, next_at__lte=now).first()
    )
    if alarm is None:
        return 0
    tell_many(call_level(alarm, now))
    return 1


def _locked(report: Report) -> Alarm:
    """The alarm of a report, and the report as it stands now, locked in the order of all groups: report first."""
    fresh = Report.objects.select_for_update(no_key=True).filter(pk=report.pk).values_list("state", flat=True).get()
    report.state = fresh
    alarm = Alarm.objects.select_for_update(no_key=True, of=("self",)).filter(report=report).first()
    if alarm is None:
        raise errors.NoAlarm
    return alarm


def _taken_by(alarm: Alarm) -> errors.AlarmTaken:
    name = alarm.acknowledged_by.display_name if alarm.acknowledged_by else "—"
    at = clock.city_time(alarm.ended_at).strftime("%H:%M") if alarm.ended_at else "—"
    return errors.AlarmTaken(name=name, at=at)


__all__ = ["acknowledge_alarm", "call_next", "transfer_alarm"]
