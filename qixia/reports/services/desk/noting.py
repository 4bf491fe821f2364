"""Private notes and papers of a case: by staff, for staff.

Who      whoever may see the case may write, for one of three audiences (models/desk.py). No rider, no public page and no
         notice ever shows one.
Papers   looked through before they are kept (papers.py), sealed on disk like originals, under media/documents. Each
         download is in the access log. Removing destroys the key: the file is noise from then on.
Retries  a second press writes a second note; forms are sent once by the page.
Errors   PaperRefused and TooManyPapers leave neither file nor row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from django.db import transaction

from qixia.audit.services import record, record_access
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound, TooLarge
from qixia.kernel.keys import keys
from qixia.media import files
from qixia.media.sealed import unwrap_key, wrap_key
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, papers, rules
from qixia.reports.models import AUDIENCES, CaseDocument, CaseNote, Report
from qixia.reports.queries.papers import may_read
from qixia.reports.texts import Documents

NAME_MAX = 80
_FOLDER = "documents"
_ORPHAN_AFTER_S = 3600


class TooManyPapers(Conflict):
    code = "reports.too_many_papers"
    message = "一件最多 %(limit)d 个附件，请先删掉不用的。"


class PaperTooLarge(TooLarge):
    code = "reports.paper_too_large"
    message = "附件最大 %(limit)d MB。"


class Upload(Protocol):
    """What a form hands over."""

    @property
    def name(self) -> str | None: ...

    def chunks(self) -> Iterable[bytes]: ...


@dataclass(frozen=True, slots=True)
class OpenPaper:
    """A paper that may be handed out now. Close `content`."""

    name: str
    content_type: str
    content: BinaryIO


@transaction.atomic
def write_note(*, actor: Actor, public_id: str, text: str, audience: str) -> CaseNote:
    """Leave a note for colleagues."""
    report = access.case(actor, public_id)
    words = rules.required_text(text, field="text")
    row = CaseNote(
        report=report,
        author_id=actor.person_id or 0,  # a service of staff: somebody is signed in
        organisation_id=_organisation(actor, report),
        audience=_audience(audience),
        at=clock.now(),
    )
    row.sealed_text = keys().seal(words.encode(), purpose=f"case-note:{row.public_id}")
    row.save()
    record("reports.note_written", subject=report.ref, actor=actor.ref, audience=audience)
    return row


def attach_document(*, actor: Actor, public_id: str, upload: Upload | None, audience: str) -> CaseDocument:
    """Put a paper to a case."""
    report = access.case(actor, public_id)
    limits, organisation, audience = _limits(), _organisation(actor, report), _audience(audience)
    if upload is None:
        raise Invalid("请选一个文件。", field="document")
    content = _content(upload, limits)
    kind = papers.examine(content)
    if kind not in limits.kinds:
        raise papers.PaperRefused(field="document")
    written = files.write_temp([content], max_bytes=len(content))
    assert written is not None
    name = files.new_name()
    files.settle([(written.path, document_path(name))])
    try:
        with transaction.atomic():
            if CaseDocument.objects.filter(report=report, removed_at=None).count() >= limits.a_case:
                raise TooManyPapers(limit=limits.a_case)
            row = CaseDocument(
                report=report,
                author_id=actor.person_id or 0,
                organisation_id=organisation,
                audience=audience,
                kind=kind,
                bytes=len(content),
                storage_name=name,
                wrapped_key=wrap_key(written.key, name),
                key_id=keys().key_id,
                at=clock.now(),
            )
            title = _title(upload.name or "", kind)
            row.sealed_name = keys().seal(title.encode(), purpose=f"case-document-name:{row.public_id}")
            row.save()
            record("reports.document_attached", subject=report.ref, actor=actor.ref, kind=kind, bytes=len(content))
    except DomainError:
        files.remove([document_path(name)])
        raise
    return row


def open_document(*, actor: Actor, public_id: str, document: str) -> OpenPaper:
    """Hand a paper out: who took it is in the access log before the first byte leaves."""
    report = access.case(actor, public_id)
    row = _document(actor, report, document)
    with transaction.atomic():
        record_access(
            kind="document",
            subject=f"document:{row.public_id}",
            actor=actor.ref,
            basis="work",
            report=report.ref,
        )
    name = keys().open(bytes(row.sealed_name), purpose=f"case-document-name:{row.public_id}").decode()
    key = unwrap_key(bytes(row.wrapped_key or b""), row.storage_name)
    return OpenPaper(name, papers.KINDS[row.kind], _stream(row.storage_name, key))


def remove_document(*, actor: Actor, public_id: str, document: str) -> None:
    """Take a paper away for good: who put it there, a clerk of the place, or an administrator."""
    report = access.case(actor, public_id)
    row = _document(actor, report, document)
    if row.author_id != actor.person_id and "clerk" not in access.parties(actor, report):
        raise NotAllowed
    with transaction.atomic():
        gone = CaseDocument.objects.filter(pk=row.pk, removed_at=None)
        if gone.update(removed_at=clock.now(), wrapped_key=None, key_id=""):
            record("reports.document_removed", subject=report.ref, actor=actor.ref, document=row.public_id)
    files.remove([document_path(row.storage_name)])


def sweep_documents() -> int:
    """Remove files that no row names: their writer was killed, or the paper was taken away. Returns how many."""
    older, gone = clock.now().timestamp() - _ORPHAN_AFTER_S, 0
    for shard in range(files.SHARDS):
        found = files.stored_files(_FOLDER, shard, older)
        if not found:
            continue
        rows = CaseDocument.objects.filter(storage_name__in=found.values(), removed_at=None)
        known = set(rows.values_list("storage_name", flat=True))
        lost = [path for path, name in found.items() if name not in known]
        files.remove(lost)
        gone += len(lost)
    if gone:
        record("reports.documents_swept", subject="documents", actor="system:worker", count=gone)
    return gone


def document_path(name: str) -> Path:
    return get_config().media / _FOLDER / name[:3] / name


def _stream(name: str, key: bytes) -> BinaryIO:
    # A file that is gone is told like one that never was; the sweep and backups are looked at in operations.
    try:
        return files.sealed_stream(document_path(name), key)
    except FileNotFoundError as error:
        raise NotFound from error


def _document(actor: Actor, report: Report, public_id: str) -> CaseDocument:
    known = len(public_id) <= 26 and public_id.isalnum()
    rows = CaseDocument.objects.filter(may_read(actor, report), report=report, removed_at=None)
    row = rows.filter(public_id=public_id).first() if known else None
    if row is None:
        raise NotFound
    return row


def _content(upload: Upload, limits: Documents) -> bytes:
    most, parts, size = limits.max_mb << 20, [], 0
    for chunk in upload.chunks():
        size += len(chunk)
        if size > most:
            raise PaperTooLarge(field="document", limit=limits.max_mb)
        parts.append(chunk)
    return b"".join(parts)


def _title(name: str, kind: str) -> str:
    """The file's name as people see it: without a path, with the ending that its content has."""
    stem = rules.clean_text(
        name.replace("\\", "/").rpartition("/")[2][:200], field="document", limit=200, one_line=True
    )
    stem = stem.rpartition(".")[0] or stem or "document"
    return f"{stem[:NAME_MAX]}.{kind}"


def _limits() -> Documents:
    found: Documents = current("reports.documents").data
    return found


def _audience(audience: str) -> str:
    if audience not in AUDIENCES:
        raise Invalid("请选给谁看。", field="audience")
    return audience


def _organisation(actor: Actor, report: Report) -> int:
    """For whom the actor speaks: the unit that has the case, if the actor is of it."""
    own = actor.organisation_ids(*access.STAFF_ROLES)
    if not own:
        raise NotAllowed
    return report.unit_id if report.unit_id in own else min(own)
