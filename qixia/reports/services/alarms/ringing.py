"""Letting something critical ring: the alarm, and the people of one level after the other.

Truth    one Alarm a report, one AlarmCall a person and level: ringing again, calling again change nothing. What goes to
         another unit, or up to the supervisor, rings anew, whoever had it.
Order    the unit that has it and the lowest division that anybody is in charge of at once; then, by the minutes of the
         policy "reports.alarm", the divisions above. When nobody is left above, the alarm goes on ringing on every page.
Cost     nothing for what does not ring; three statements for an alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import F

from qixia.audit.services import record
from qixia.codes.queries import class_names
from qixia.people.queries import Level, levels_in_charge, staff_of
from qixia.policy.queries import current
from qixia.reports.access import CLERK_ROLES, UNIT_ROLES
from qixia.reports.models import Alarm, AlarmCall, Report
from qixia.reports.services.telling import Tell
from qixia.reports.states import WITH_UNIT

CALLER = "system:alarm"


def ring(reports: Iterable[Report], now: datetime) -> list[Tell]:
    """Let these reports ring, in the caller's transaction, and call the first level. Returns what is to be told."""
    ringing = [report for report in reports if report.rings]
    if not ringing:
        return []
    Alarm.objects.bulk_create(
        [Alarm(report=report, rang_at=now, changed_at=now) for report in ringing], ignore_conflicts=True
    )
    # What was stood down without an answer and is critical again goes on where it stopped.
    again = Alarm.objects.filter(report__in=ringing, ended_at__isnull=False, acknowledged_by=None)
    again.update(ended_at=None, next_at=now, changed_at=now)
    told: list[Tell] = []
    for alarm in Alarm.objects.filter(report__in=ringing, level=0).select_related("report__community", "report__unit"):
        told += call_level(alarm, now)
    return told


def ring_again(report: Report, now: datetime) -> list[Tell]:
    """The report goes to somebody else: whoever had it has it no longer, so that it rings again, from the first level on.
    Rings it still, the unit that has it now is called as well."""
    if not report.rings:
        return []
    rows = Alarm.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "report__community", "report__unit"
    )
    alarm = rows.filter(report=report).first()
    if alarm is None:
        return ring([report], now)
    if alarm.ended_at is None:
        Alarm.objects.filter(pk=alarm.pk).update(changed_at=now)
        called = _unit_calls(alarm.report, set()) if alarm.report.state in WITH_UNIT else []
        return _told(alarm.report, _call(alarm, called, 1, now), 1, now)
    afresh = {"ended_at": None, "acknowledged_by_id": None, "level": 0, "next_at": now, "changed_at": now}
    Alarm.objects.filter(pk=alarm.pk).update(**afresh)
    alarm.level = 0
    return call_level(alarm, now)


def stand_down(report: Report, now: datetime) -> bool:
    """It is critical no longer, or ended: nobody need come. Whether it rang."""
    rang = Alarm.objects.filter(report=report, ended_at=None).update(ended_at=now, next_at=None, changed_at=now)
    if rang:
        record("reports.alarm_stood_down", subject=report.ref, actor=CALLER)
    return bool(rang)


def taken(report: Report, person_id: int | None, now: datetime) -> bool:
    """Somebody has it. Whether it rang until now: of two at once one is told that it did not."""
    answered = {"acknowledged_by_id": person_id, "ended_at": now, "next_at": None, "changed_at": now}
    return bool(Alarm.objects.filter(report=report, ended_at=None).update(**answered))


def call_level(alarm: Alarm, now: datetime) -> list[Tell]:
    """Call the next level of people; the alarm is locked or new. Everybody is called once a level."""
    report, rank = alarm.report, alarm.level + 1
    levels = levels_in_charge(report.community.path if report.community else "", *CLERK_ROLES)
    level = levels[rank - 1] if rank <= len(levels) else None
    called = (
        [AlarmCall(person_id=one.person_id, role=one.role, place=level.place) for one in level.members] if level else []
    )
    if rank == 1 and report.unit_id and report.state in WITH_UNIT:
        called += _unit_calls(report, {one.person_id for one in called})
    _call(alarm, called, rank, now)
    alarm.level, alarm.next_at = rank, _next(levels, rank, now)
    Alarm.objects.filter(pk=alarm.pk).update(level=F("level") + 1, next_at=alarm.next_at, changed_at=now)
    record("reports.alarm_called", subject=report.ref, actor=CALLER, rank=rank, people=len(called))
    return _told(report, called, rank, now)


def _call(alarm: Alarm, called: list[AlarmCall], rank: int, now: datetime) -> list[AlarmCall]:
    for call in called:
        call.alarm, call.rank, call.at = alarm, rank, now
    AlarmCall.objects.bulk_create(called, ignore_conflicts=True)
    return called


def _unit_calls(report: Report, known: set[int]) -> list[AlarmCall]:
    place = report.unit.name if report.unit else ""
    staff = staff_of(report.unit_id or 0, *UNIT_ROLES)
    found = {one.person_id: one for one in staff if one.person_id not in known}
    return [AlarmCall(person_id=one.person_id, role=one.role, place=place) for one in found.values()]


def _next(levels: Sequence[Level], rank: int, now: datetime) -> datetime | None:
    """When the level after `rank` is called; None if there is none."""
    if rank >= len(levels):
        return None
    kind = levels[rank - 1].kind if rank <= len(levels) else ""
    return now + timedelta(minutes=current("reports.alarm").data.wait(kind))


def _told(report: Report, called: Sequence[AlarmCall], rank: int, now: datetime) -> list[Tell]:
    """The first hear that it rings, those above that nobody has answered yet; anew each time that it rings."""
    template = "critical.ring" if rank == 1 else "critical.unanswered"
    facts = {"number": report.number, "place": report.place, "matter": class_names(report.cls)}
    key = f"{report.ref}:alarm:{rank}:{now.isoformat()}"
    return [Tell(call.person_id, template, facts, "/desk/alarm/", f"{key}:{call.person_id}") for call in called]


__all__ = ["CALLER", "call_level", "ring", "ring_again", "stand_down", "taken"]
