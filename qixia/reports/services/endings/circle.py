"""Who is too near to a reporter to look for others whether something is fixed.

Circle   the reporters of the report and of what is merged into it; who supports or has looked at it; who signed in on a
         phone of theirs; who supported or looked at so many of their reports as the policy says, and whose reports they
         so supported; who works for the unit that has it or looks after the place. An anonymous reporter is known to nobody, and can't be kept away (docs/loop.md).
Secrecy  links are opened here, in memory, for the time of one call; what is kept are marks of one offer.
Cost     a fixed number of statements a reporter; only the latest reports are looked through.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.db.models import Count, Min, Q

from qixia.people.queries import people_in_charge, staff_of, who_share_a_phone
from qixia.reports.access import CLERK_ROLES, UNIT_ROLES
from qixia.reports.models import Report, Support, Witness
from qixia.reports.sealing import (
    SEALED,
    index_of,
    open_link,
    open_support,
    open_witness,
    supporter_index,
    witness_index,
)

_LATEST = 300  # reports of one rider


def circle_of(report: Report, *, least: int) -> frozenset[str]:
    """Public ids of everybody who must not be offered a look at `report`."""
    reporters = frozenset(_reporters(report))
    near = {*reporters, *_involved(report), *who_share_a_phone(reporters), *_staff(report)}
    for person in reporters:
        near |= {*_often_with(person, least), *_often_for(person, least)}
    return frozenset(near - {""})


def _staff(report: Report) -> Iterator[str]:
    """Who may ride as well, and would look at what his or her own people did."""
    path = report.community.path if report.community else ""
    members = people_in_charge(path, *CLERK_ROLES)
    for member in members + (staff_of(report.unit_id, *UNIT_ROLES) if report.unit_id else []):
        yield member.public_id


def _reporters(report: Report) -> Iterator[str]:
    group = Report.objects.filter(Q(pk=report.pk) | Q(merged_into=report), secrecy=SEALED)
    for public_id, link in group.values_list("public_id", "reporter_link"):
        yield open_link(link, report=public_id)


def _involved(report: Report) -> Iterator[str]:
    group = Q(report=report) | Q(report__merged_into=report)
    for public_id, link in Support.objects.filter(group).values_list("public_id", "link"):
        yield open_support(link, support=public_id)
    for public_id, link in Witness.objects.filter(group).values_list("public_id", "link"):
        yield open_witness(link, witness=public_id)


def _often_with(person: str, least: int) -> Iterator[str]:
    """Who often supported or looked at what this person reported."""
    own = list(
        Report.objects.filter(reporter_index=index_of(person)).order_by("-pk").values_list("pk", flat=True)[:_LATEST]
    )
    for model, opened in ((Support, _supporter), (Witness, _looker)):
        rows = model.objects.filter(report__in=own, index__isnull=False).values("index")
        often = rows.annotate(times=Count("pk"), one=Min("pk")).filter(times__gte=least).values_list("one", flat=True)
        yield from opened(list(often))


def _often_for(person: str, least: int) -> Iterator[str]:
    """Whose reports this person often supported or looked at."""
    for model, index in ((Support, supporter_index(person)), (Witness, witness_index(person))):
        rows = model.objects.filter(index=index, report__reporter_index__isnull=False).values("report__reporter_index")
        often = rows.annotate(times=Count("pk"), one=Min("report_id")).filter(times__gte=least)
        reports = Report.objects.filter(pk__in=[row["one"] for row in often])
        for public_id, link in reports.values_list("public_id", "reporter_link"):
            yield open_link(link, report=public_id)


def _supporter(ids: Collection[int]) -> Iterator[str]:
    for public_id, link in Support.objects.filter(pk__in=ids).values_list("public_id", "link"):
        yield open_support(link, support=public_id)


def _looker(ids: Collection[int]) -> Iterator[str]:
    for public_id, link in Witness.objects.filter(pk__in=ids).values_list("public_id", "link"):
        yield open_witness(link, witness=public_id)
