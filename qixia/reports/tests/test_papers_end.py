"""Notes and papers of a case go when their time is over, with proof; never while somebody may still need them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from qixia.audit.models import RetentionRun
from qixia.kernel import clock
from qixia.people import services as people
from qixia.reports import services
from qixia.reports.models import Appeal, CaseDocument, CaseNote, Report
from qixia.reports.services.desk.noting import document_path, sweep_documents
from qixia.reports.tests.test_desk_work import PDF
from qixia.reports.tests.town import Town, reach

DAYS = 730


@pytest.fixture
def case(town: Town) -> str:
    """A report with a note, a paper, and a paper that was taken away."""
    public_id = reach(town, "dispatched").public_id
    services.write_note(actor=town.worker, public_id=public_id, text="业主张三", audience="case")
    for name in ("a.pdf", "b.pdf"):
        upload = SimpleUploadedFile(name, PDF)
        row = services.attach_document(actor=town.worker, public_id=public_id, upload=upload, audience="case")
    services.remove_document(actor=town.worker, public_id=public_id, document=row.public_id)
    return public_id


def end(public_id: str, days: float) -> None:
    """As if the report had been closed so many days ago."""
    Report.objects.filter(public_id=public_id).update(ended_at=clock.now() - timedelta(days=days))


def left() -> tuple[int, int]:
    return CaseNote.objects.count(), CaseDocument.objects.count()


def test_they_go_with_keys_and_files_and_leave_proof(case: str, django_capture_on_commit_callbacks) -> None:
    path = document_path(CaseDocument.objects.get(removed_at=None).storage_name)
    assert path.exists()
    end(case, DAYS + 1)
    with django_capture_on_commit_callbacks(execute=True):
        people.run_retention()
    assert left() == (0, 0)
    assert not path.exists()
    proof = RetentionRun.objects.filter(kind__startswith="case-").order_by("kind")
    assert [(run.kind, run.days, run.removed, run.finished) for run in proof] == [
        ("case-documents", DAYS, 2, True),
        ("case-notes", DAYS, 1, True),
    ]
    people.run_retention()  # the same day again
    assert RetentionRun.objects.filter(kind="case-notes").count() == 1
    assert Report.objects.filter(public_id=case).exists()


def test_a_death_before_the_file_went_leaves_noise_that_the_sweep_finds(case: str) -> None:
    path = document_path(CaseDocument.objects.get(removed_at=None).storage_name)
    end(case, DAYS + 1)
    people.run_retention()  # nobody gets to what follows the commit
    assert path.exists()
    with clock.at(clock.now() + timedelta(hours=2)):
        assert sweep_documents() == 1
    assert not path.exists()


def _open(case: str, _other: str) -> None:
    pass


def _not_yet(case: str, _other: str) -> None:
    end(case, DAYS - 1)


def _opened_again(case: str, _other: str) -> None:
    end(case, DAYS + 1)
    Report.objects.filter(public_id=case).update(ended_at=None)


def _lead_at_work(case: str, other: str) -> None:
    end(case, DAYS + 1)
    Report.objects.filter(public_id=case).update(state="merged", merged_into=Report.objects.get(public_id=other))


def _lead_ended_lately(case: str, other: str) -> None:
    _lead_at_work(case, other)
    end(other, 1)


def _under_appeal(case: str, _other: str) -> None:
    end(case, DAYS + 1)
    Appeal.objects.create(report=Report.objects.get(public_id=case), at=clock.now())


def _lead_under_appeal(case: str, other: str) -> None:
    _lead_at_work(case, other)
    end(other, DAYS + 1)
    Appeal.objects.create(report=Report.objects.get(public_id=other), at=clock.now())


@pytest.mark.parametrize(
    "state",
    [_open, _not_yet, _opened_again, _lead_at_work, _lead_ended_lately, _under_appeal, _lead_under_appeal],
    ids=lambda one: one.__name__,
)
def test_what_somebody_may_still_need_stays(town: Town, case: str, state) -> None:
    other = reach(town, "dispatched").public_id
    state(case, other)
    people.run_retention()
    assert left() == (1, 2)


def test_after_the_appeal_they_go(town: Town, case: str) -> None:
    _under_appeal(case, "")
    Appeal.objects.update(state="denied")
    people.run_retention()
    assert left() == (0, 0)
