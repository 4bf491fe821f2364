"""Which units may be named to act: of a kind that acts, with people there who read it.

Errors   UnknownUnit for a code of none, DoesNotAct for one of another kind, NobodyThere for one without staff. All name
         the field `unit`.
"""

from __future__ import annotations

from qixia.people.queries import Org, organisation_by_code, staff_of
from qixia.reports import access, errors
from qixia.reports.queries.ways import UNIT_KINDS


def acting_unit(code: str, *, listed: str = "") -> Org:
    """The unit with this code. The one that the catalogue itself names (`listed`) may be of another kind: a command
    centre takes what no unit is for."""
    unit = organisation_by_code(code)
    if unit is None:
        raise errors.UnknownUnit(field="unit")
    if unit.kind not in UNIT_KINDS and unit.code != listed:
        raise errors.DoesNotAct(field="unit", unit=unit.name)
    return unit


def refuse_empty(unit: Org) -> None:
    """Asked last: what a case's way forbids is said before."""
    if not staff_of(unit.id, *access.UNIT_ROLES):
        raise errors.NobodyThere(field="unit", unit=unit.name)
