"""Who is told what. The words are templates of notices; the reporter is never named to anybody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from qixia.notices.services import Tell, tell_many
from qixia.people.queries import levels_in_charge, people_in_charge, person_ids_for, staff_of
from qixia.reports.models import Report, Support
from qixia.reports.queries.shared import is_sensitive
from qixia.reports.sealing import SEALED, open_link, open_support


def reporter_told(report: Report, template: str, key: str, **params: Any) -> list[Tell]:
    """A notice for the reporter; nothing for an anonymous report."""
    return reporters_told([(report, template, key, params)])


def reporters_told(wanted: Iterable[tuple[Report, str, str, dict[str, Any]]]) -> list[Tell]:
    """The same for many reports, each with its template, key and params. One query."""
    listed = [
        (report, reporter_of(report), template, key, params)
        for report, template, key, params in wanted
        if report.secrecy == SEALED
    ]
    known = person_ids_for(one[1] for one in listed) if listed else {}
    return [
        Tell(
            known[person],
            template,
            {"number": report.number, "place": report.place, **params},
            f"/r/{report.public_id}/",
            f"{report.ref}:{key}",
        )
        for report, person, template, key, params in listed
        if person in known
    ]


def news_told(report: Report, template: str, key: str, *, others: str = "", **params: Any) -> list[Tell]:
    """A notice for the reporter and for everybody who follows the report; `others`: their template, if it is another.

    Of a matter that could name a person, those who follow learn how it stands and nothing else."""
    told = reporter_told(report, template, key, **params)
    known = {one.person_id for one in told}
    return told + [
        one for one in followers_told(report, others or template, key, **params) if one.person_id not in known
    ]


def followers_told(report: Report, template: str, key: str, **params: Any) -> list[Tell]:
    """A notice for those whose reports are merged into this one and those who support it; each person once."""
    following = _followers(report)
    known = person_ids_for(one.person for one in following) if following else {}
    facts = {} if is_sensitive(report) else params
    found = {}
    for one in following:
        if one.person in known and one.person not in found:
            link_key = f"{report.ref}:{key}:{one.link}"
            shown = {"number": one.number, "place": one.place, **facts}
            found[one.person] = Tell(known[one.person], template, shown, one.link, link_key)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Follower:
    person: str
    number: str
    place: str
    link: str


def _followers(report: Report) -> list[_Follower]:
    """Those with a report of their own first: the notice then speaks of that. Two queries."""
    merged = Report.objects.filter(merged_into=report, secrecy=SEALED).order_by("pk")
    rows = merged.values_list("public_id", "number", "place", "reporter_link")
    found = [
        _Follower(open_link(link, report=public_id), number, place, f"/r/{public_id}/")
        for public_id, number, place, link in rows
    ]
    # A supporter knows the number of what he supports, not of what it was merged into; see queries/supports.py.
    place = "" if is_sensitive(report) else report.place
    supports = Support.objects.filter(Q(report=report) | Q(report__merged_into=report), link__isnull=False)
    return found + [
        _Follower(open_support(link, support=public_id), number, place, f"/supported/{public_id}/")
        for public_id, link, number in supports.order_by("pk").values_list("public_id", "link", "report__number")
    ]


def reporter_of(report: Report) -> str:
    """Public id of the reporter, "" of an anonymous report. For telling and paying; staff learn it by a reveal only."""
    return open_link(report.reporter_link, report=report.public_id)


def unit_told(report: Report, template: str, key: str, **params: Any) -> list[Tell]:
    """A notice for everybody who works for the unit in charge."""
    if report.unit_id is None:
        return []
    return members_told(report, report.unit_id, template, key, **params)


def members_told(report: Report, unit_id: int, template: str, key: str, **params: Any) -> list[Tell]:
    """A notice about the report for everybody who works for a unit."""
    return _told(report, [m.person_id for m in staff_of(unit_id, "worker", "unit_lead")], template, key, params)


def people_told(report: Report, people: Iterable[int], template: str, key: str, **params: Any) -> list[Tell]:
    """A notice about the report for these members of staff."""
    return _told(report, people, template, key, params)


def clerks_told(report: Report, template: str, key: str, **params: Any) -> list[Tell]:
    """A notice for the clerks of the place."""
    path = report.community.path if report.community else ""
    return _told(report, [m.person_id for m in people_in_charge(path, "clerk")], template, key, params)


def supervisors_told(report: Report, template: str, key: str, **params: Any) -> list[Tell]:
    """A notice for the nearest supervisors of the place."""
    return level_told(report, 1, template, key, **params)


def level_told(report: Report, level: int, template: str, key: str, **params: Any) -> list[Tell]:
    """A notice for the supervisors of the `level`-th division upwards that has any, at most the highest; where there are
    none, for the clerks."""
    path = report.community.path if report.community else ""
    levels = levels_in_charge(path, "supervisor")
    if not levels:
        return clerks_told(report, template, key, **params)
    people = [member.person_id for member in levels[min(level, len(levels)) - 1].members]
    return _told(report, people, template, key, params)


def _told(report: Report, people: Iterable[int], template: str, key: str, params: dict[str, Any]) -> list[Tell]:
    filled = {"number": report.number, "place": report.place, **params}
    link = f"/desk/case/{report.public_id}/"
    return [Tell(person, template, filled, link, f"{report.ref}:{key}:{person}") for person in dict.fromkeys(people)]


__all__ = [
    "Tell",
    "clerks_told",
    "followers_told",
    "level_told",
    "members_told",
    "news_told",
    "people_told",
    "reporter_of",
    "reporter_told",
    "reporters_told",
    "supervisors_told",
    "tell_many",
    "unit_told",
]
