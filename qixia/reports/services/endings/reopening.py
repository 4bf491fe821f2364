"""What follows when somebody saw that it is not fixed: it reopens, and it always reaches those who answer for the unit.

Told     all of the unit (its lead too), the clerks of the place, its supervisors. The second time the supervisors one level
         up the division tree as well, the third time the next, up to the whole city.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F

from qixia.people.queries import levels_in_charge
from qixia.reports.models import Report
from qixia.reports.services.telling import Tell, clerks_told, followers_told, unit_told

SUPERVISORS = "supervisor"


def reopening() -> dict[str, Any]:
    """The columns that change."""
    return {
        "reopened": F("reopened") + 1,
        "resolved_at": None,
        "verified_at": None,
        "verify_due": None,
        "ended_at": None,
    }


def reopened_told(report: Report, key: str) -> list[Tell]:
    """Who hears of it. Reads how often the report was reopened, this time included."""
    report.refresh_from_db(fields=["reopened"])
    return [
        *unit_told(report, "report.reopened", key),
        *clerks_told(report, "report.reopened", key),
        *supervisors_told(report, "supervisor.reopened", key, up=report.reopened),
        *followers_told(report, "report.reopened", key),
    ]


def supervisors_told(report: Report, template: str, key: str, *, up: int, **params: Any) -> list[Tell]:
    """A notice for the supervisors of the nearest `up` levels that have any; once a person."""
    path = report.community.path if report.community else ""
    told: dict[int, Tell] = {}
    for level in levels_in_charge(path, SUPERVISORS)[: max(up, 1)]:
        for member in level.members:
            filled = {"number": report.number, "place": report.place, "text": str(report.reopened), **params}
            link_key = f"{report.ref}:{key}:s{member.person_id}"
            told.setdefault(
                member.person_id,
                Tell(member.person_id, template, filled, f"/desk/case/{report.public_id}/", link_key),
            )
    return list(told.values())
