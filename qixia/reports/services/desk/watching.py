"""Watching a case: whoever may see it as staff may ask to be told what becomes of it.

Told     by one notice for each step, in words of the history; never the text of a step, never who reported. Nobody is
         told of an own step.
Who      a watch stays when the case goes to another unit, but whoever may not see the case any more is told nothing.
         Who stands in for somebody who watches is told as well, as long as he or she does.
Cost     one query for a case that nobody watches; five and one for each unit that has to do with it for one that is
         watched, however many watch.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from qixia.audit.services import record
from qixia.notices.services import Tell, tell_many
from qixia.people.access import Actor
from qixia.people.queries import deputies_of, people_in_charge, staff_of
from qixia.reports import access, states
from qixia.reports.models import Help, Report, ReportStep, Watch


@transaction.atomic
def watch(*, actor: Actor, public_id: str) -> None:
    """From now on the actor is told. Asking twice is asking once."""
    report = access.case(actor, public_id)
    _row, is_new = Watch.objects.get_or_create(report=report, person_id=actor.person_id or 0)
    if is_new:
        record("reports.watched", subject=report.ref, actor=actor.ref)


@transaction.atomic
def unwatch(*, actor: Actor, public_id: str) -> None:
    """No longer; also for somebody who may not see the case any more."""
    gone, _rows = Watch.objects.filter(report__public_id=public_id[:26], person_id=actor.person_id or 0).delete()
    if gone:
        record("reports.unwatched", subject=f"report:{public_id}", actor=actor.ref)


def tell_watchers(report: Report, step: ReportStep) -> None:
    """Called where history is written, in that transaction."""
    tells = watchers_told(report, step)
    if tells:
        tell_many(tells)


def watchers_told(report: Report, step: ReportStep) -> list[Tell]:
    """A notice for everybody who watches the report, may see it, and did not take the step."""
    watching = set(Watch.objects.filter(report=report).values_list("person_id", flat=True))
    if not watching:
        return []
    watching |= {one for stand_ins in deputies_of(watching).values() for one in stand_ins}
    found = {person: ref for person, ref in _readers(report).items() if person in watching and ref != step.actor}
    params = {"number": report.number, "place": report.place, "step": _words(step)}
    link = f"/desk/case/{report.public_id}/"
    return [
        Tell(person, "case.watched", params, link, f"{report.ref}:watched:{step.pk}:{person}")
        for person in sorted(found)
    ]


def _readers(report: Report) -> dict[int, str]:
    """Who may see it as staff now: person → ref. As access.cases says it, turned round."""
    path = report.community.path if report.community else ""
    members = people_in_charge(path, *access.CLERK_ROLES, "admin")
    helpers = Help.objects.filter(report=report, state__in=("asked", "done")).values_list("unit_id", flat=True)
    for unit in {report.unit_id, report.charge_id, *helpers}:
        members += staff_of(unit, *access.UNIT_ROLES) if unit else []
    return {member.person_id: f"person:{member.public_id}" for member in members}


def _words(step: ReportStep) -> dict[str, str]:
    """What the history says, for staff, in both languages."""
    said = {}
    for key, language in (("zh", "zh-hans"), ("en", "en")):
        with translation.override(language):
            done = _(states.STEPS[step.step].done.replace("你", "骑手"))
            said[key] = f"{step.by}：{done}" if step.by else done
    return said
