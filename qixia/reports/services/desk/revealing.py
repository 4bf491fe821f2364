"""Opening what is sealed: who reported, and a picture as it came.

Who      the reporter: the data officer alone. An original: the data officer, an administrator, a clerk of the place.
Why      a ground from a short list and a reason in words; both go into the access log before anything is shown.
Told     the reporter, always: of an opened identity in the same transaction, of an opened original by an event.
Refused  a refusal here stands in the history as such (by whom, what, why not), in a transaction of its own, and nothing
         else has changed. Whoever has no role that may ask is turned away before, and stands in the access log of the web.
Errors   NotAllowed, NotFound, Invalid with field number, basis or reason, NothingStored for an anonymous report.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from qixia.audit.rules import BASES
from qixia.audit.services import record, record_access
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid, NotAllowed, NotFound
from qixia.kernel.ids import parse_number
from qixia.media.services import Original, open_original
from qixia.people.access import Actor
from qixia.people.queries import display_name_of, person_id_for, phone_for_message
from qixia.people.rules import ROLE_LABELS
from qixia.reports import access, errors, rules
from qixia.reports.models import Report, ReportPhoto
from qixia.reports.sealing import NONE, SEALED, open_link
from qixia.reports.services.telling import reporter_told, tell_many

NOWHERE = "reports"  # subject of a refusal about a report that there is not
_ENGLISH = {
    "law": "a request under the law",
    "emergency": "an emergency",
    "safety": "somebody's safety",
    "complaint": "a complaint",
    "check": "a check",
    "quality": "correcting what is covered",
}


@dataclass(frozen=True, slots=True)
class Revealed:
    """Shown once and kept nowhere."""

    number: str
    nickname: str
    phone: str
    at: datetime


def reveal_reporter(*, actor: Actor, number: str, basis: str, reason: str) -> Revealed:
    """Open who reported the report with this number. Records the access and tells the reporter in one transaction."""
    found = Report.objects.filter(number=parse_number(number) or "").first()
    with _refusals_noted("reports.reveal_refused", actor, found.ref if found else NOWHERE, basis):
        if not actor.has(access.REVEAL_ROLE):
            raise NotAllowed
        if found is None:
            raise NotFound("没有这个编号的上报。", field="number")
        if found.secrecy == NONE:
            raise errors.NoReporter(field="number")
        if found.secrecy != SEALED:
            raise errors.NothingStored(field="number")
        return _reveal(actor, found, basis, reason)


@transaction.atomic
def _reveal(actor: Actor, report: Report, basis: str, reason: str) -> Revealed:
    _check_basis(basis, rules.REVEAL_BASES)
    opened = record_access(kind="reporter", subject=report.ref, actor=actor.ref, basis=basis, reason=reason)
    now = clock.now()
    facts = {
        "basis": _basis(basis),
        "role": {"zh": ROLE_LABELS[access.REVEAL_ROLE], "en": "the data protection officer"},
        "at": f"{clock.city_time(now):%m-%d %H:%M}",
    }
    tell_many(reporter_told(report, "privacy.revealed", f"revealed:{opened}", **facts))
    person_id = person_id_for(open_link(report.reporter_link, report=report.public_id))
    if person_id is None:
        return Revealed(report.number, "", "", now)
    return Revealed(report.number, display_name_of(person_id), phone_for_message(person_id), now)


def open_picture(*, actor: Actor, public_id: str, picture: str, basis: str, reason: str) -> Original:
    """Open a picture of a report as it came, with its faces and number plates. Recorded; the reporter is told."""
    report = Report.objects.select_related("community").filter(public_id=public_id[:26]).first()
    with _refusals_noted("reports.original_refused", actor, report.ref if report else NOWHERE, basis):
        if report is None or not _may_open_originals(actor, report):
            raise NotFound
        if not ReportPhoto.objects.filter(report=report, evidence__public_id=picture[:26]).exists():
            raise NotFound
        _check_basis(basis, rules.ORIGINAL_BASES)
        return open_original(public_id=picture, actor=actor.ref, basis=basis, reason=reason)


def _may_open_originals(actor: Actor, report: Report) -> bool:
    return actor.has(access.REVEAL_ROLE) or "clerk" in access.parties(actor, report)


def tell_of_original(*, owner_ref: str, evidence: str, basis: str, key: str) -> None:
    """Tell the reporter that a picture of the own report was opened; by `key` once. Nobody, if it was not the
    reporter's picture, or the report is anonymous, or the reporter opened it."""
    kind, _colon, public_id = owner_ref.partition(":")
    photo = ReportPhoto.objects.filter(
        report__public_id=public_id, evidence__public_id=evidence, by_reporter=True
    ).select_related("report")
    found = photo.first() if kind == "report" and basis != "self" else None
    if found is None or found.report.secrecy != SEALED:
        return
    with transaction.atomic():
        told = reporter_told(found.report, "privacy.original_opened", f"original:{key}", basis=_basis(basis))
        tell_many(told)
        record("reports.original_told", subject=found.report.ref, actor="system:worker")


@contextmanager
def _refusals_noted(action: str, actor: Actor, subject: str, basis: str) -> Iterator[None]:
    try:
        yield
    except DomainError as refusal:
        record(action, subject=subject, actor=actor.ref, why=refusal.code, basis=basis if basis in BASES else "")
        raise


def _check_basis(basis: str, offered: tuple[str, ...]) -> None:
    if basis not in offered:
        raise Invalid("请选择一项依据。", field="basis")


def _basis(basis: str) -> dict[str, str]:
    return {"zh": BASES.get(basis, basis), "en": _ENGLISH.get(basis, basis)}


__all__ = ["Revealed", "open_picture", "reveal_reporter", "tell_of_original"]
