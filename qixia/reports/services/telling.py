"""Who is told what. The words are templates of notices; the reporter is never named to anybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qixia.notices.services import Tell, tell_many
from qixia.people.queries import people_in_charge, person_ids_for, staff_of
from qixia.reports.models import Report
from qixia.reports.sealing import SEALED, open_link


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


def reporter_of(report: Report) -> str:
    """Public id of the reporter, "" of an anonymous report. For telling and paying; staff learn it by a reveal only."""
    return open_link(report.reporter_link, report=report.public_id)


def unit_told(report: Report, template: str, key: str, **params: Any) -> list[Tell]:
    """A notice for everybody who works for the unit in charge."""
    if report.unit_id is None:
        return []
    return _told(report, [m.person_id for m in staff_of(report.unit_id, "worker", "unit_lead")], template, key, params)


def clerks_told(report: Report, template: str, key: str, **params: Any) -> list[Tell]:
    """A notice for the clerks of the place."""
    path = report.community.path if report.community else ""
    return _told(report, [m.person_id for m in people_in_charge(path, "clerk")], template, key, params)


def _told(report: Report, people: Iterable[int], template: str, key: str, params: dict[str, Any]) -> list[Tell]:
    filled = {"number": report.number, "place": report.place, **params}
    link = f"/desk/case/{report.public_id}/"
    return [Tell(person, template, filled, link, f"{report.ref}:{key}:{person}") for person in dict.fromkeys(people)]


__all__ = ["Tell", "clerks_told", "reporter_of", "reporter_told", "reporters_told", "tell_many", "unit_told"]
