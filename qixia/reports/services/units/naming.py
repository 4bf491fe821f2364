"""Which units may be named to act: of a kind that acts, with people there who read it.

Errors   UnknownUnit for a code of none, NobodyThere for one without staff.
"""

from __future__ import annotations

from qixia.people.queries import Org, organisation_by_code, staff_of
from qixia.reports import access, errors
from qixia.reports.queries.ways import UNIT_KINDS


def acting_unit(code: str) -> Org:
    """The unit with this code."""
    unit = organisation_by_code(code)
    if unit is None or unit.kind not in UNIT_KINDS:
        raise errors.UnknownUnit(field="unit")
    return unit


def refuse_empty(unit: Org) -> None:
    """Asked last: what a case's way forbids is said before."""
    if not staff_of(unit.id, *access.UNIT_ROLES):
        raise errors.NobodyThere(field="unit", unit=unit.name)
