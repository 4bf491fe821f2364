"""Lists that leave the system as a file. Each is in the access log: who, how many, narrowed to what.

Secrecy  a sheet holds what the list shows and less: no words of the rider, no photo, no name of anybody. Where and when
         it was reported are in it, because the work is done by them.
Limits   MOST rows; more is told, not cut in silence.
"""

from __future__ import annotations

from django.db import transaction

from qixia.audit.services import record_access
from qixia.kernel.errors import Invalid
from qixia.people.access import Actor
from qixia.reports.models import Report
from qixia.reports.queries.listing import Filter, cases_for_export

MOST = 5000


@transaction.atomic
def export_cases(*, actor: Actor, wanted: Filter) -> list[Report]:
    """The cases of the filtered list, recorded as taken out."""
    found = cases_for_export(actor, wanted, MOST + 1)
    if len(found) > MOST:
        raise Invalid("一次最多导出 %(limit)d 件，请先加筛选条件。", field="query", limit=MOST)
    record_access(
        kind="cases",
        subject="cases",
        actor=actor.ref,
        basis="work",
        rows=len(found),
        list=wanted.list,
        narrowed=sorted(set(wanted.parts()) - {"q"}),
        searched=bool(wanted.text),
    )
    return found
