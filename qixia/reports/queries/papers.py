"""Private notes and papers of a case, as one member of staff may read them. The only reader of both tables.

Audience "case": whoever may see the case; "clerks": clerks and supervisors of the place and administrators; "own": the
organisation of the writer. A writer reads what he or she wrote. Handlers are named to their own organisation and to
clerks; others read the name of the organisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from qixia.kernel.keys import keys
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access
from qixia.reports.models import CaseDocument, CaseNote, Report


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    by: str
    audience: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Paper:
    public_id: str
    name: str
    kind: str
    bytes: int
    by: str
    audience: str
    at: datetime
    may_remove: bool


@dataclass(frozen=True, slots=True)
class Papers:
    """What stands beside a case. `max_mb` is for the form."""

    notes: list[Note]
    documents: list[Paper]
    max_mb: int
    is_unit: bool  # the reader works for a unit: "clerks" means the community to it

    @property
    def count(self) -> int:
        return len(self.notes) + len(self.documents)


def papers_of(actor: Actor, report: Report) -> Papers:
    """Two queries."""
    mine = may_read(actor, report)
    notes = CaseNote.objects.filter(mine, report=report).select_related("author", "organisation").order_by("id")
    documents = CaseDocument.objects.filter(mine, report=report, removed_at=None).order_by("id")
    is_clerk = "clerk" in access.parties(actor, report)
    own = actor.organisation_ids(*access.STAFF_ROLES)
    return Papers(
        notes=[Note(_text(row), _by(row, own, is_clerk), row.audience, row.at) for row in notes],
        documents=[
            Paper(
                public_id=row.public_id,
                name=_name(row),
                kind=row.kind,
                bytes=row.bytes,
                by=_by(row, own, is_clerk),
                audience=row.audience,
                at=row.at,
                may_remove=is_clerk or row.author_id == actor.person_id,
            )
            for row in documents.select_related("author", "organisation")
        ],
        max_mb=current("reports.documents").data.max_mb,
        is_unit=not is_clerk,
    )


def may_read(actor: Actor, report: Report) -> Q:
    """Which notes and papers of a report that the actor may see."""
    found = Q(audience="case") | Q(author_id=actor.person_id)
    found |= Q(audience="own", organisation_id__in=actor.organisation_ids(*access.STAFF_ROLES))
    return found | Q(audience="clerks") if "clerk" in access.parties(actor, report) else found


def _by(row: CaseNote | CaseDocument, own: frozenset[int], is_clerk: bool) -> str:
    if is_clerk or row.organisation_id in own:
        return f"{row.organisation.name} {row.author.display_name}"
    return row.organisation.name


def _text(row: CaseNote) -> str:
    return keys().open(bytes(row.sealed_text), purpose=f"case-note:{row.public_id}").decode()


def _name(row: CaseDocument) -> str:
    return keys().open(bytes(row.sealed_name), purpose=f"case-document-name:{row.public_id}").decode()
