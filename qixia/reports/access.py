"""Who may see a report and who may take which step. The only ways to get at a Report from outside.

A reporter sees own reports; staff of a unit those sent to it, in its charge or with its help; a clerk those of the
place that the role is for; an administrator all. Everybody else: nothing, and a report that must not be seen is not
found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from django.db.models import Q, QuerySet

from qixia.kernel.claims import claim_hash
from qixia.kernel.errors import NotFound
from qixia.kernel.requests import request_id
from qixia.people.access import Actor
from qixia.reports.models import Help, Report, ReportStep, Support, Undertaking, UndertakingTask, Witness
from qixia.reports.sealing import ANONYMOUS, WITNESS, index_of, supporter_index, witness_index
from qixia.reports.states import Who

UNIT_ROLES = ("worker", "unit_lead")
SUPERVISOR_ROLES = ("supervisor",)
# A supervisor may do what a clerk may, in the place that the role is for.
CLERK_ROLES = ("clerk", *SUPERVISOR_ROLES)
STAFF_ROLES = (*UNIT_ROLES, *CLERK_ROLES, "admin")
# Who may open who reported; sees no cases otherwise.
REVEAL_ROLE = "data_officer"
# Whoever shows the secret of an anonymous report. Made by `of_secret` alone, so it is never somebody who is signed in.
HOLDER = Actor(ref=ANONYMOUS)
# Whoever looked at the place of an offer that services/witnessing.py has checked: no person in any row.
PASSER_BY = Actor(ref=WITNESS)


def own_reports(actor: Actor) -> QuerySet[Report]:
    """What the actor reported."""
    if actor.person_id is None:
        return Report.objects.none()
    return Report.objects.filter(reporter_index=index_of(actor.public_id))


def own_report(actor: Actor, public_id: str) -> Report:
    """One of the actor's own reports; NotFound for every other."""
    return _one(own_reports(actor), public_id)


def own_supports(actor: Actor) -> QuerySet[Support]:
    """The supports of the actor."""
    if actor.person_id is None:
        return Support.objects.none()
    return Support.objects.filter(index=supporter_index(actor.public_id))


def own_support(actor: Actor, public_id: str) -> Support:
    """One of the actor's own supports; NotFound for every other."""
    rows = own_supports(actor).select_related("report__unit", "report__merged_into__unit")
    found = rows.filter(public_id=public_id).first() if _is_public_id(public_id) else None
    if found is None:
        raise NotFound
    return found


def own_witnesses(actor: Actor) -> QuerySet[Witness]:
    """What the actor went to look at."""
    if actor.person_id is None:
        return Witness.objects.none()
    return Witness.objects.filter(index=witness_index(actor.public_id))


def of_secrets(secrets: Iterable[object]) -> QuerySet[Report]:
    """The anonymous reports whose secrets were shown."""
    hashes = {claim_hash(secret) for secret in secrets} - {None}
    return Report.objects.filter(claim_hash__in=hashes) if hashes else Report.objects.none()


def of_secret(secret: object) -> tuple[Actor, Report]:
    """The report of one secret, and as whom its holder acts. NotFound if there is none."""
    report = of_secrets([secret]).select_related("unit", "community", "assignee", "site").first()
    if report is None:
        raise NotFound
    return HOLDER, report


def cases(actor: Actor) -> QuerySet[Report]:
    """What the actor may see as staff."""
    reach = _reach_of_clerk(actor)
    if reach is None:
        return Report.objects.all()
    units = actor.organisation_ids(*UNIT_ROLES)
    return Report.objects.filter(reach | _reach_of_unit(units) if units else reach)


HELPED_MAX = 500


def _reach_of_unit(units: Collection[int]) -> Q:
    """What was sent to one of these units, what one is still in charge of, and what one helps or has helped with; who was
    let off sees it no more. The keys of the last are fetched: they are few, and a list of keys leaves the database its
    indexes."""
    request = request_id()
    helped = _helped_in(request, frozenset(units)) if request else _helped(units)
    return Q(unit_id__in=units) | Q(charge_id__in=units) | Q(pk__in=helped)


def _helped(units: Collection[int]) -> tuple[int, ...]:
    helps = Help.objects.filter(unit_id__in=units, state__in=("asked", "done"))
    return tuple(helps.order_by("-id").values_list("report_id", flat=True)[:HELPED_MAX])


@lru_cache(maxsize=32)
def _helped_in(_request: str, units: frozenset[int]) -> tuple[int, ...]:
    """The same for all lists and counts of one request."""
    return _helped(units)


def _reach_of_clerk(actor: Actor) -> Q | None:
    """What lies in the places that the actor is a clerk of; None for all that there is."""
    paths = actor.paths(*CLERK_ROLES)
    # Not yet settled reports have no community; the clerks of the whole see them first.
    if actor.is_system or actor.has("admin") or "" in paths:
        return None
    reach = Q(pk__in=[])
    for path in paths:
        reach |= Q(community__path__startswith=path)
    return reach


def case(actor: Actor, public_id: str) -> Report:
    """One report as staff sees it; NotFound for others."""
    return _one(cases(actor), public_id)


def sortable(actor: Actor) -> QuerySet[Report]:
    """What the actor may sort: a clerk what lies in his or her place, an administrator all. A unit: nothing."""
    reach = _reach_of_clerk(actor)
    return Report.objects.all() if reach is None else Report.objects.filter(reach)


def sorts(actor: Actor, path: str) -> bool:
    """Whether `sortable` holds what lies in the community with this path; "": what lies in none."""
    return actor.is_system or actor.has("admin") or actor.covers(path, *CLERK_ROLES)


def to_sort(actor: Actor, public_id: str) -> Report:
    """One of them; NotFound for others."""
    return _one(sortable(actor), public_id)


def undertakings(actor: Actor) -> QuerySet[Undertaking]:
    """Those that the actor's unit leads or has a task in, and those in the place that the actor oversees."""
    rows = Undertaking.objects.all()
    if actor.has("admin") or "" in actor.paths(*CLERK_ROLES):
        return rows
    units = actor.organisation_ids(*UNIT_ROLES)
    reach = Q(lead_id__in=units) | Q(pk__in=UndertakingTask.objects.filter(unit_id__in=units).values("undertaking_id"))
    for path in actor.paths(*CLERK_ROLES):
        reach |= Q(community__path__startswith=path)
    return rows.filter(reach)


def undertaking(actor: Actor, public_id: str) -> Undertaking:
    """One of them; NotFound for others."""
    rows = undertakings(actor).select_related("lead", "community", "site")
    found = rows.filter(public_id=public_id).first() if _is_public_id(public_id) else None
    if found is None:
        raise NotFound
    return found


def oversees(actor: Actor, found: Undertaking) -> bool:
    """Whether the actor starts and ends it as a clerk, supervisor or administrator."""
    return actor.has("admin") or actor.covers(found.community.path if found.community else "", *CLERK_ROLES)


def undertakes_for(actor: Actor, found: Undertaking) -> str:
    """Ref of the colleague for whom the actor leads or oversees it; "" if it is by an own role."""
    path = found.community.path if found.community else ""
    theirs = [
        grant
        for grant in actor.grants
        if (grant.role in CLERK_ROLES and grant.covers(path))
        or (grant.role in UNIT_ROLES and grant.organisation_id == found.lead_id)
    ]
    return "" if actor.has("admin") else actor.acts_for(theirs)


def parties(actor: Actor, report: Report) -> frozenset[Who]:
    """As whom the actor may act on a report."""
    found: set[Who] = set()
    if actor.is_system:
        found.add("system")
    if report.unit_id in actor.organisation_ids(*UNIT_ROLES):
        found.add("unit")
    elif units := actor.organisation_ids(*UNIT_ROLES):
        found |= {"charge"} if report.charge_id in units else set()
        found |= {"helper"} if _helps(report, units) else set()
    if actor.has("admin") or (actor.has(*CLERK_ROLES) and _covers(actor, report, *CLERK_ROLES)):
        found.add("clerk")
    if found & {"unit", "clerk"}:
        found.add("staff")
    if actor.has("admin") or (actor.has(*SUPERVISOR_ROLES) and _covers(actor, report, *SUPERVISOR_ROLES)):
        found.add("supervisor")
    if actor is PASSER_BY:
        found.add("witness")
    if is_own(actor, report):
        found.add("rider")
    if actor is HOLDER and report.secrecy == ANONYMOUS:
        found.add("rider")
    return frozenset(found)


def acting_for(actor: Actor, report: Report, party: Who) -> str:
    """Ref of the colleague for whom the actor is this party; "" if it is for an own role."""
    if party in ("unit", "staff", "charge", "helper"):
        of_unit = [grant for grant in actor.grants if grant.role in UNIT_ROLES]
        theirs = [
            one for one in of_unit if party == "helper" or one.organisation_id in (report.unit_id, report.charge_id)
        ]
    else:
        theirs = []
    roles = SUPERVISOR_ROLES if party == "supervisor" else CLERK_ROLES if party in ("clerk", "staff") else ()
    path = report.community.path if report.community else ""
    theirs += [grant for grant in actor.grants if grant.role in roles and grant.covers(path)]
    return "" if actor.has("admin") else actor.acts_for(theirs)


def took(actor: Actor, report: Report, party: Who, *steps: str, with_parts: bool = False) -> bool:
    """Whether the last of these steps, of the report (or of any of its parts), was taken by the actor, by whom the actor
    would now act for as this party, or for one of them. A step of the system was taken by who finished what led to it."""
    whose = Q(report=report) | Q(report__part_of=report) if with_parts else Q(report=report)
    rows = ReportStep.objects.filter(whose, step__in=steps).order_by("id")
    last = {row.report_id: row for row in rows.only("report_id", "actor", "data")}
    ours = {actor.ref, acting_for(actor, report, party)} - {""}
    return any(ours & {row.actor, *(row.data.get(name, "") for name in _DOERS)} for row in last.values())


_DOERS = ("for", "finished_by")
_DOING = ("resolve", "deliver")  # who says that it is done is not who looks whether it is


def did_it(actor: Actor, report: Report) -> bool:
    """Whether it was the actor who called it done (or a part of it), or it was done for the actor."""
    return took(actor, report, "clerk", *_DOING, with_parts=True)


def _helps(report: Report, units: Collection[int]) -> bool:
    return Help.objects.filter(report=report, unit_id__in=units, state="asked").exists()


def is_own(actor: Actor, report: Report) -> bool:
    """Whether the actor reported it, by the index alone: nothing is opened."""
    return actor.person_id is not None and report.reporter_index == index_of(actor.public_id)


def _covers(actor: Actor, report: Report, *roles: str) -> bool:
    path = report.community.path if report.community else ""
    return actor.covers(path, *roles)


def _one(reports: QuerySet[Report], public_id: str) -> Report:
    found = (
        reports.select_related("unit", "charge", "community", "assignee", "site", "merged_into__unit")
        .filter(public_id=public_id)
        .first()
        if _is_public_id(public_id)
        else None
    )
    if found is None:
        raise NotFound
    return found


def _is_public_id(text: str) -> bool:
    return len(text) <= 26 and text.isascii() and text.isalnum()
