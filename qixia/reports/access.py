"""Who may see a report and who may take which step. The only ways to get at a Report from outside.

A reporter sees own reports; staff of a unit those sent to it; a clerk those of the place that the role is for; an
administrator all. Everybody else: nothing, and a report that must not be seen is not found.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from qixia.kernel.claims import claim_hash
from qixia.kernel.errors import NotFound
from qixia.people.access import Actor
from qixia.reports.models import Report
from qixia.reports.sealing import ANONYMOUS, index_of
from qixia.reports.states import Who

UNIT_ROLES = ("worker", "unit_lead")
CLERK_ROLES = ("clerk",)
STAFF_ROLES = (*UNIT_ROLES, *CLERK_ROLES, "admin")
# Who may open who reported; sees no cases otherwise.
REVEAL_ROLE = "data_officer"
# Whoever shows the secret of an anonymous report. Made by `of_secret` alone, so it is never somebody who is signed in.
HOLDER = Actor(ref=ANONYMOUS)


def own_reports(actor: Actor) -> QuerySet[Report]:
    """What the actor reported."""
    if actor.person_id is None:
        return Report.objects.none()
    return Report.objects.filter(reporter_index=index_of(actor.public_id))


def own_report(actor: Actor, public_id: str) -> Report:
    """One of the actor's own reports; NotFound for every other."""
    return _one(own_reports(actor), public_id)


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
    if actor.is_system or actor.has("admin"):
        return Report.objects.all()
    reach = Q(pk__in=[])
    units = actor.organisation_ids(*UNIT_ROLES)
    if units:
        reach |= Q(unit_id__in=units)
    for path in actor.paths(*CLERK_ROLES):
        if path == "":
            return Report.objects.all()
        # Not yet settled reports have no community; the clerks of the whole see them first.
        reach |= Q(community__path__startswith=path)
    return Report.objects.filter(reach)


def case(actor: Actor, public_id: str) -> Report:
    """One report as staff sees it; NotFound for others."""
    return _one(cases(actor), public_id)


def parties(actor: Actor, report: Report) -> frozenset[Who]:
    """As whom the actor may act on a report."""
    found: set[Who] = set()
    if actor.is_system:
        found.add("system")
    if report.unit_id in actor.organisation_ids(*UNIT_ROLES):
        found.add("unit")
    if actor.has("admin") or (actor.has(*CLERK_ROLES) and _covers(actor, report)):
        found.add("clerk")
    if is_own(actor, report):
        found.add("rider")
    if actor is HOLDER and report.secrecy == ANONYMOUS:
        found.add("rider")
    return frozenset(found)


def is_own(actor: Actor, report: Report) -> bool:
    """Whether the actor reported it, by the index alone: nothing is opened."""
    return actor.person_id is not None and report.reporter_index == index_of(actor.public_id)


def _covers(actor: Actor, report: Report) -> bool:
    path = report.community.path if report.community else ""
    return actor.covers(path, *CLERK_ROLES)


def _one(reports: QuerySet[Report], public_id: str) -> Report:
    found = (
        reports.select_related("unit", "community", "assignee", "site").filter(public_id=public_id).first()
        if len(public_id) <= 26 and public_id.isascii() and public_id.isalnum()
        else None
    )
    if found is None:
        raise NotFound
    return found
