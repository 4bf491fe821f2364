"""Who is told what. The words are templates of notices; the reporter is never named to anybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qixia.notices.services import Tell, tell_many
from qixia.people.queries import people_in_charge, staff_of
from qixia.reports.models import Report


def reporter_told(report: Report, template: str, key: str, **params: Any) -> list[Tell]:
    """A notice for the reporter; nothing if nobody is known."""
    if report.reporter_id is None:
        return []
    filled = {"number": report.number, "place": report.place, **params}
    return [Tell(report.reporter_id, template, filled, f"/r/{report.public_id}/", f"{report.ref}:{key}")]


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


__all__ = ["Tell", "clerks_told", "reporter_told", "tell_many", "unit_told"]
