"""Several units act together for many reports: riders ask for parking, departments make 200 places.

Members  the lead and the units with tasks. Clerks, supervisors and administrators start one, and so does the unit that
         is to lead it; whoever leads or oversees it links reports and ends it. A member ends its own tasks. Who oversees
         it links what he or she sorts; the lead alone only what is in its own unit, and that is delivered only while it is.
Result   told to the reporters and all followers of all linked reports; each linked report that is open goes on to be
         checked (`deliver`), with the result as its text and the photos of the new facility as its photos of after. What
         is urgent, waits for the supervisor or for a helper is told the result and stays where it is.
Ends     once, when every task is done. A report belongs to one undertaking that was not dropped.
Order    the undertaking is locked before its reports, and those by their ids.
Errors   NotFound, NotAllowed, Invalid, UnknownUnit, TasksOpen, LinkedElsewhere, UndertakingOver: nothing has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from qixia.audit.services import record
from qixia.codes.queries import division
from qixia.codes.rules import ancestor_codes
from qixia.jobs.registry import declare_event
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed, NotFound
from qixia.kernel.geo import Point
from qixia.kernel.ids import parse_number
from qixia.media.services import Upload, keep, receive
from qixia.people.access import Actor, system_actor
from qixia.people.queries import Org, organisation_by_code, staff_of
from qixia.places.queries import in_city, site
from qixia.reports import access, errors, rules, states
from qixia.reports.models import Help, Report, ReportPhoto, Undertaking, UndertakingReport, UndertakingTask
from qixia.reports.services.arriving.looking import refuse_copies
from qixia.reports.services.arriving.settling import RESOLVED
from qixia.reports.services.clocks.clocking import verify_due
from qixia.reports.services.moves import take_step
from qixia.reports.services.telling import Tell, clerks_told, news_told, tell_many
from qixia.reports.services.units.handling import refuse_open_helpers

STARTED = declare_event("reports.undertaking_started")
ENDED = declare_event("reports.undertaking_ended")

TASKS_MAX = 20
LINKS_MAX = 300
DAYS_MAX = 730
_DELIVERER = system_actor("undertaking")


@dataclass(frozen=True, slots=True)
class TaskAsked:
    """Who does what by when."""

    unit_code: str
    what: str
    due: date


@dataclass(frozen=True, slots=True)
class Facility:
    """What there is now: so many of something, at a place that is known (a site's public id) or at a point."""

    quantity: int | None = None
    measure: str = ""
    site: str = ""
    lat: float | None = None
    lng: float | None = None


@transaction.atomic
def start_undertaking(
    *,
    actor: Actor,
    title: str,
    aim: str,
    lead_code: str,
    due: date,
    tasks: Sequence[TaskAsked],
    numbers: Sequence[str] = (),
    community: str = "",
) -> Undertaking:
    """Begin; `numbers` are those of the reports that it is to answer. Without a `community` it is for the place that the
    actor is a clerk of, so whoever starts it sees it; what a unit starts is for the smallest place that holds its
    reports, else for the unit's own: the clerks and supervisors of that place see it, and those above."""
    lead = _unit(lead_code, "lead")
    if not (actor.has(*access.CLERK_ROLES, "admin") or lead.id in actor.organisation_ids(*access.UNIT_ROLES)):
        raise NotAllowed
    name = rules.clean_text(title, field="title", limit=60, one_line=True)
    if not name:
        raise Invalid("请写一个名称。", field="title")
    code = community or _own_place(actor, lead)
    place = division(code) if code else None
    if code and place is None:
        raise Invalid("没有这个区划代码。", field="community")
    made = Undertaking.objects.create(
        title=name,
        aim=rules.required_text(aim, field="aim"),
        lead_id=lead.id,
        community=place,
        due=_day(due, "due"),
        started_at=clock.now(),
        started_by=actor.ref,
    )
    units = _write_tasks(made, tasks)
    record("reports.undertaking_started", subject=made.ref, actor=actor.ref, lead=lead.code, units=sorted(units))
    publish(STARTED, made.ref, {"lead": lead.code})
    _link(made, numbers, actor)
    if not community and not actor.has(*access.CLERK_ROLES, "admin"):
        _stand_where_its_reports_are(made)
    tell_many(_members_told(made, "unit.undertaking", "started"))
    return made


def _own_place(actor: Actor, lead: Org) -> str:
    """The code of the widest division that the actor is a clerk of, else of the one that the leading unit works in; "" is
    the whole city."""
    if actor.has("admin"):
        return ""
    clerk = [grant.path for grant in actor.grants if grant.role in access.CLERK_ROLES]
    unit = [g.path for g in actor.grants if g.role in access.UNIT_ROLES and g.organisation_id == lead.id]
    return _code_at(min(clerk or unit, key=len, default=""))


def _code_at(path: str) -> str:
    return ancestor_codes(path)[-1] if path else ""


def _stand_where_its_reports_are(made: Undertaking) -> None:
    """Move it to the smallest place that holds all its reports: a unit's own place is often the whole city, and whoever
    looks after the whole city knows none of them. Without reports it stays."""
    rows = Report.objects.filter(undertaken__undertaking=made)
    paths = list(rows.order_by().values_list("community__path", flat=True).distinct())
    if not paths:
        return
    parts = [ancestor_codes(path or "") for path in paths]
    common = [same[0] for same in zip(*parts, strict=False) if len(set(same)) == 1]
    made.community = division(common[-1]) if common else None
    made.save(update_fields=["community"])


def _write_tasks(made: Undertaking, tasks: Sequence[TaskAsked]) -> set[str]:
    if not 1 <= len(tasks) <= TASKS_MAX:
        raise Invalid("请写 1 到 %(most)d 项任务。", field="tasks", most=TASKS_MAX)
    for asked in tasks:
        unit = _unit(asked.unit_code, "tasks")
        what = rules.clean_text(asked.what, field="tasks", limit=200, one_line=True)
        if not what:
            raise Invalid("请写明这家单位做什么。", field="tasks")
        UndertakingTask.objects.create(undertaking=made, unit_id=unit.id, what=what, due=_day(asked.due, "tasks"))
    return {asked.unit_code for asked in tasks}


@transaction.atomic
def link_reports(*, actor: Actor, public_id: str, numbers: Sequence[str]) -> int:
    """Let the undertaking answer these reports too. Returns how many are new."""
    found = _led(actor, public_id)
    # Ending it waits for this link, or this link for the end: none is left behind untold.
    if Undertaking.objects.select_for_update(no_key=True).get(pk=found.pk).state != "open":
        raise errors.UndertakingOver
    return _link(found, numbers, actor)


def _link(found: Undertaking, numbers: Sequence[str], actor: Actor) -> int:
    typed = [parse_number(one) or "" for one in numbers]
    UndertakingReport.objects.filter(report__number__in=typed, undertaking__state="dropped").delete()
    rows = {row.number: row for row in access.cases(actor).filter(number__in=typed, part_of=None)}
    if missing := [shown for shown, one in zip(numbers, typed, strict=True) if one not in rows]:
        raise Invalid("没有编号 %(number)s 的上报，或者你看不到它。", field="numbers", number=missing[0][:20])
    overseen = _overseen(actor, found, rows)
    own = actor.organisation_ids(*access.UNIT_ROLES)
    for number, row in rows.items():
        if row.pk not in overseen and not (row.unit_id == found.lead_id and row.unit_id in own):
            raise Invalid("编号 %(number)s 不在你们单位，请社区来关联。", field="numbers", number=number)
    taken = UndertakingReport.objects.filter(report__in=rows.values()).select_related("report")
    if elsewhere := [link.report.number for link in taken if link.undertaking_id != found.pk]:
        raise errors.LinkedElsewhere(field="numbers", number=elsewhere[0])
    have = {link.report_id for link in taken}
    taken.filter(report_id__in=overseen).update(overseen=True)
    new = [row for row in rows.values() if row.pk not in have]
    if UndertakingReport.objects.filter(undertaking=found).count() + len(new) > LINKS_MAX:
        raise Invalid("最多关联 %(most)d 件。", field="numbers", most=LINKS_MAX)
    # By number, not as they came: the order of the links must tell nothing.
    UndertakingReport.objects.bulk_create(
        UndertakingReport(undertaking=found, report=row, overseen=row.pk in overseen)
        for row in sorted(new, key=lambda one: one.number)
    )
    if new:
        record("reports.undertaking_linked", subject=found.ref, actor=actor.ref, reports=len(new))
    return len(new)


def _overseen(actor: Actor, found: Undertaking, rows: Mapping[str, Report]) -> set[int]:
    """Those of `rows` that the actor links as who sorts them. What a unit links alone stays its own affair."""
    if not access.oversees(actor, found):
        return set()
    return set(access.sortable(actor).filter(number__in=rows).values_list("pk", flat=True))


@transaction.atomic
def finish_task(*, actor: Actor, public_id: str, task: int, text: str) -> UndertakingTask:
    """The part of one unit is done. Said by that unit, the lead, or whoever oversees it."""
    found = _open(actor, public_id)
    row = UndertakingTask.objects.select_related("unit").filter(undertaking=found, pk=task).first()
    if row is None:
        raise NotFound
    if not (_leads(actor, found) or row.unit_id in actor.organisation_ids(*access.UNIT_ROLES)):
        raise NotAllowed
    words = rules.required_text(text, field="text")
    if not UndertakingTask.objects.filter(pk=row.pk, done_at=None).update(done_at=clock.now(), said=words):
        raise errors.SomebodyWasFaster
    record("reports.undertaking_task", subject=found.ref, actor=actor.ref, unit=row.unit.code)
    return row


def finish_undertaking(
    *, actor: Actor, public_id: str, result: str, facility: Facility, photos: Sequence[Upload] = ()
) -> Undertaking:
    """All is done: say what there is now, and tell everybody who asked for it."""
    found = _led(actor, public_id)
    words = rules.required_text(result, field="result")
    if not photos:
        raise errors.NeedsAfterPhoto(field="photos")
    measure = rules.clean_text(facility.measure, field="measure", limit=20, one_line=True)
    where = _where(facility)
    finisher = _finisher(actor, found)
    with receive(photos, field="photos") as taken, transaction.atomic():
        if UndertakingTask.objects.filter(undertaking=found, done_at=None).exists():
            raise errors.TasksOpen
        changes = {
            "state": "done",
            "ended_at": clock.now(),
            "result": words,
            "quantity": facility.quantity,
            "measure": measure,
            **where,
        }
        if not Undertaking.objects.filter(pk=found.pk, state="open").update(**changes):
            raise errors.SomebodyWasFaster
        found.refresh_from_db()
        refuse_copies(_digests_before(found), taken, field="photos")
        pictures = keep(taken, owner_ref=found.ref)
        record("reports.undertaking_ended", subject=found.ref, actor=actor.ref, quantity=facility.quantity or 0)
        publish(ENDED, found.ref, {"quantity": facility.quantity or 0})
        told: list[Tell] = []
        for link in _locked_links(found):
            told += _deliver(found, link, pictures, finisher)
        tell_many(told)
    return found


def _locked_links(found: Undertaking) -> list[UndertakingReport]:
    """The links with their reports as they stand now, all locked first in the order of all groups: by id, so that two
    who change many never wait for each other. The undertaking itself is locked already; no part is ever linked."""
    links = UndertakingReport.objects.filter(undertaking=found).order_by("report_id")
    rows = Report.objects.select_for_update(no_key=True, of=("self",)).select_related("unit", "community", "site")
    reports = {row.pk: row for row in rows.filter(undertaken__undertaking=found).order_by("pk")}
    found_links = [link for link in links if link.report_id in reports]
    for link in found_links:
        link.report = reports[link.report_id]
    return found_links


@transaction.atomic
def drop_undertaking(*, actor: Actor, public_id: str, reason: str) -> Undertaking:
    """It will not be done. The linked reports stay with their units; everybody who asked for it reads why."""
    found = _led(actor, public_id)
    words = rules.required_text(reason, field="result")
    changes = {"state": "dropped", "ended_at": clock.now(), "result": words}
    if not Undertaking.objects.filter(pk=found.pk, state="open").update(**changes):
        raise errors.SomebodyWasFaster
    found.refresh_from_db()
    record("reports.undertaking_dropped", subject=found.ref, actor=actor.ref)
    publish(ENDED, found.ref, {"quantity": 0})
    key, told = f"undertaking:{found.public_id}", []
    for link in UndertakingReport.objects.filter(undertaking=found).select_related("report").order_by("pk"):
        told += news_told(link.report, "report.answered", key, unit=found.lead.name, text=words[:60])
    tell_many(told)
    return found


def _where(facility: Facility) -> dict[str, object]:
    """The place of the facility as columns. Invalid if there is no such site, or the point lies elsewhere."""
    if facility.quantity is not None and not 0 < facility.quantity < 1_000_000:
        raise Invalid("数量要大于 0。", field="quantity")
    if facility.site:
        known = site(facility.site)
        if known is None:
            raise Invalid("没有这个场所。", field="site")
        return {"site_id": known.pk, "lat": known.lat, "lng": known.lng}
    if facility.lat is None or facility.lng is None:
        return {}
    if not in_city(Point(facility.lat, facility.lng)):
        raise Invalid("这个位置不在本城范围内。", field="lat")
    return {"lat": facility.lat, "lng": facility.lng}


def _digests_before(found: Undertaking) -> set[str]:
    rows = ReportPhoto.objects.filter(report__undertaken__undertaking=found, role="before")
    return set(rows.values_list("evidence__digest", flat=True))


def _delivers(found: Undertaking, link: UndertakingReport) -> bool:
    """Whether the result may send this report on to be checked. Not what waits for the supervisor, not what is urgent, not
    while somebody helps; and what the unit linked without a clerk only while it is the unit's."""
    report = link.report
    if not states.allowed("deliver", report.state) or report.state == "returned":
        return False
    if report.severity in ("high", "critical") or not (link.overseen or report.unit_id == found.lead_id):
        return False
    return not Help.objects.filter(report=report, state="asked").exists()


def _finisher(actor: Actor, found: Undertaking) -> dict[str, str]:
    """Who says that it is done, and for whom: neither looks whether it is (access.took)."""
    away = access.undertakes_for(actor, found)
    return {"finished_by": actor.ref} | ({"for": away} if away else {})


def _deliver(
    found: Undertaking, link: UndertakingReport, pictures: Sequence[Any], finisher: Mapping[str, str]
) -> list[Tell]:
    """The result reaches one report: its reporter and followers read it, and it goes on to be checked if it may."""
    report = link.report
    amount = f"{found.quantity} {found.measure}".strip() if found.quantity else ""
    text = f"{found.title}：{amount}。{found.result}" if amount else f"{found.title}：{found.result}"
    key = f"undertaking:{found.public_id}"
    told: list[Tell] = []
    if _delivers(found, link):
        now = clock.now()
        due = verify_due(report, now)
        ReportPhoto.objects.bulk_create(
            ReportPhoto(report=report, evidence=row, role="after", position=index, by_reporter=False, at=now)
            for index, row in enumerate(pictures)
        )
        changes = {"resolved_at": now, "verify_due": due} | ({} if report.answered_at else {"answered_at": now})
        data = {"undertaking": found.public_id, **finisher}
        row = take_step(
            report,
            "deliver",
            actor=_DELIVERER,
            by=found.lead.name,
            text=text,
            changes=changes,
            data=data,
            event=RESOLVED,
            seen={"unit_id": report.unit_id},
        )
        refuse_open_helpers(report)
        told += clerks_told(report, "report.resolved", f"resolved:{row.pk}", unit=found.lead.name)
    return told + news_told(report, "report.delivered", key, unit=found.lead.name, text=text[:60])


def _members_told(found: Undertaking, template: str, key: str) -> list[Tell]:
    units = {found.lead_id, *found.tasks.values_list("unit_id", flat=True)}
    people = {one.person_id for unit in sorted(units) for one in staff_of(unit, *access.UNIT_ROLES)}
    params = {"name": found.title, "unit": found.lead.name}
    link = f"/desk/undertakings/{found.public_id}/"
    return [Tell(person, template, params, link, f"{found.ref}:{key}:{person}") for person in sorted(people)]


def _leads(actor: Actor, found: Undertaking) -> bool:
    return access.oversees(actor, found) or found.lead_id in actor.organisation_ids(*access.UNIT_ROLES)


def _open(actor: Actor, public_id: str) -> Undertaking:
    found = access.undertaking(actor, public_id)
    if found.state != "open":
        raise errors.UndertakingOver
    return found


def _led(actor: Actor, public_id: str) -> Undertaking:
    found = _open(actor, public_id)
    if not _leads(actor, found):
        raise NotAllowed
    return found


def _unit(code: str, field: str) -> Org:
    unit = organisation_by_code(code)
    if unit is None:
        raise errors.UnknownUnit(field=field)
    return unit


def _day(day: date, field: str) -> date:
    today = clock.city_date(clock.now())
    if not today <= day <= today + timedelta(days=DAYS_MAX):
        raise Invalid("期限要从今天起，最多两年。", field=field)
    return day
