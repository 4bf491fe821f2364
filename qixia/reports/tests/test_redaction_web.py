"""The page where boxes are settled: who may, what it changes, and that a refusal leaves nothing behind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from qixia.audit.models import AccessRecord, AuditEvent
from qixia.jobs.models import Job
from qixia.jobs.worker import run_pending
from qixia.media.models import Evidence
from qixia.media.queries import served
from qixia.media.tests.made import jpeg
from qixia.notices.models import Notice
from qixia.people.sessions import BACKEND
from qixia.reports.models import ReportPhoto
from qixia.reports.tests.test_revealing import staff
from qixia.reports.tests.town import Town, reach, send, the

WHY = "骑手说招牌被误遮了"
FACE = {"kind": "face", "x": 8, "y": 8, "w": 40, "h": 40, "score": 0.61, "by": "machine"}


@dataclass
class Desk:
    town: Town
    report: str
    picture: str

    @property
    def page(self) -> str:
        return reverse("reports:redaction", args=[self.report, self.picture])

    @property
    def row(self) -> Evidence:
        return Evidence.objects.get(public_id=self.picture)

    def client(self, who: str = "clerk") -> Client:
        client = Client()
        client.force_login(self.town.people[who], backend=BACKEND)
        return client

    def save(self, *boxes: tuple, who: str = "clerk", revision: int | None = None, reason: str = "", **more):
        columns = dict(zip(("kind", "x", "y", "w", "h"), zip(*boxes, strict=True), strict=True)) if boxes else {}
        revision = self.row.revision if revision is None else revision
        return self.client(who).post(self.page, {**columns, "revision": revision, "reason": reason, **more})

    def traces(self) -> tuple:
        row = self.row
        stands = (row.state, row.revision, row.boxes, row.boxes_by)
        events = AuditEvent.objects.filter(action__in=["media.boxes_set", "access.boxes", "access.original"])
        return *stands, AccessRecord.objects.count(), events.count(), Notice.objects.count(), Job.objects.count()


@pytest.fixture
def desk(town: Town) -> Desk:
    """A dispatched report with a photo of 400 × 300 that has one machine's box."""
    report = the(reach(town, "dispatched"))
    photo = ReportPhoto.objects.select_related("evidence").get(report=report, role="before").evidence
    run_pending()
    Evidence.objects.filter(pk=photo.pk).update(boxes=[FACE])
    photo.refresh_from_db()
    assert photo.state == "ready"
    return Desk(town, report.public_id, photo.public_id)


KEPT = ("face", 8, 8, 40, 40)


class TestWho:
    @pytest.mark.parametrize(
        ("who", "status"), [("clerk", 200), ("admin", 200), ("worker", 403), ("rider", 403), ("other_rider", 403)]
    )
    def test_roles(self, desk: Desk, who: str, status: int):
        assert desk.client(who).get(desk.page).status_code == status
        before = desk.traces()
        if status == 403:
            assert desk.save(KEPT, ("plate", 1, 1, 9, 9), who=who).status_code == 403
            assert desk.client(who).post(f"{desk.page}uncovered", {"reason": WHY}).status_code == 403
        assert desk.traces() == before

    def test_the_data_officer_may(self, desk: Desk):
        staff(desk.town, "data_officer", "数安")
        assert desk.client("data_officer").get(desk.page).status_code == 200
        assert desk.save(KEPT, ("plate", 1, 1, 9, 9), who="data_officer").status_code == 303

    def test_the_auditor_may_not(self, desk: Desk):
        staff(desk.town, "auditor", "审计")
        assert desk.client("auditor").get(desk.page).status_code == 403

    def test_a_picture_of_another_report_is_not_found(self, desk: Desk):
        other = the(send(desk.town.other_rider))
        address = reverse("reports:redaction", args=[other.public_id, desk.picture])
        assert desk.client().get(address).status_code == 404
        assert desk.client().post(address, {"revision": 1}).status_code == 404
        assert desk.client().post(f"{address}uncovered", {"reason": WHY}).status_code == 404
        assert desk.client().get(reverse("reports:redaction", args=["0" * 26, "0" * 26])).status_code == 404


class TestSaving:
    def test_a_box_more_needs_no_reason(self, desk: Desk):
        before = desk.row
        assert desk.save(KEPT, ("plate", 60, 20, 20, 10)).status_code == 303
        row = desk.row
        assert (row.state, row.revision, row.boxes_by) == ("pending", before.revision + 1, "person")
        assert row.boxes == [
            FACE,
            {"kind": "plate", "x": 60, "y": 20, "w": 20, "h": 10, "score": 1.0, "by": desk.town.clerk.ref},
        ]
        assert not AccessRecord.objects.exists()
        event = AuditEvent.objects.get(action="media.boxes_set")
        assert (event.actor, event.data) == (desk.town.clerk.ref, {"boxes": 2, "shown": 0})

    def test_the_old_copy_goes_at_once_and_a_new_one_comes(self, desk: Desk):
        assert desk.save(KEPT, ("plate", 60, 20, 20, 10)).status_code == 303
        assert served(desk.picture).state == "pending"
        run_pending()
        row = desk.row
        assert (row.state, row.boxes_by, len(row.boxes)) == ("ready", "person", 2)
        url = re.search(r'id="cover-image" src="([^"]+)"', desk.client().get(desk.page).content.decode()).group(1)
        shown = Image.open(BytesIO(desk.client().get(url).content)).convert("RGB")
        inside = shown.crop((12, 12, 44, 44)).getextrema()
        assert all(high - low < 24 for low, high in inside)

    @pytest.mark.parametrize("boxes", [(), (("face", 8, 8, 39, 40),), (("face", 9, 8, 40, 40),)])
    def test_showing_something_needs_a_reason(self, desk: Desk, boxes: tuple):
        before = desk.traces()
        answer = desk.save(*boxes, reason="短")
        assert answer.status_code == 422
        assert 'id="reason-error"' in answer.content.decode()
        assert desk.traces() == before
        assert desk.save(*boxes, reason=WHY).status_code == 303
        access = AccessRecord.objects.get()
        assert (access.kind, access.basis, access.actor) == ("boxes", "quality", desk.town.clerk.ref)
        assert access.data == {"evidence": desk.picture}
        assert WHY.encode() not in bytes(access.sealed_reason)

    def test_the_reporter_hears_of_what_was_uncovered(self, desk: Desk):
        mine = Notice.objects.filter(person=desk.town.people["rider"], template="privacy.original_opened")
        desk.save(KEPT, ("plate", 60, 20, 20, 10))
        run_pending()
        assert mine.count() == 0  # a box more shows nothing
        desk.save(KEPT, reason=WHY)
        run_pending()
        assert mine.count() == 1

    def test_a_tick_drops_a_row_without_script(self, desk: Desk):
        assert desk.save(KEPT, ("plate", 60, 20, 20, 10), drop=["0"], reason=WHY).status_code == 303
        assert [box["kind"] for box in desk.row.boxes] == ["plate"]

    def test_empty_rows_are_no_boxes(self, desk: Desk):
        assert desk.save(KEPT, ("face", "", "", "", ""), ("plate", " ", "", "", "")).status_code == 303
        assert desk.row.boxes == [FACE]

    @pytest.mark.parametrize(
        "bad", [("car", 1, 1, 9, 9), ("face", "x", 1, 9, 9), ("face", 1, 1, "", 9), ("face", "²", 1, 9, 9)]
    )
    def test_a_bad_row_changes_nothing_and_stays_in_the_form(self, desk: Desk, bad: tuple):
        before = desk.traces()
        answer = desk.save(KEPT, bad, reason=WHY)
        assert answer.status_code == 422
        assert 'id="boxes-error"' in answer.content.decode()
        assert answer.content.decode().count("data-box") >= 4  # both rows and the spare ones
        assert desk.traces() == before

    def test_the_second_editor_is_told(self, desk: Desk):
        seen = desk.row.revision
        assert desk.save(KEPT, ("plate", 60, 20, 20, 10), revision=seen).status_code == 303
        run_pending()
        before = desk.traces()
        answer = desk.save(KEPT, who="admin", revision=seen, reason=WHY)
        assert answer.status_code == 409
        assert desk.traces() == before

    def test_nothing_is_settled_while_copies_are_made(self, desk: Desk):
        desk.save(KEPT, ("plate", 60, 20, 20, 10))
        before = desk.traces()
        assert desk.save(KEPT).status_code in (409, 422)
        assert desk.save(KEPT, reason=WHY).status_code == 409
        assert desk.traces() == before
        page = desk.client().get(desk.page).content.decode()
        assert "save-boxes" not in page
        assert "稍后刷新" in page


class TestHeld:
    @pytest.fixture
    def held(self, desk: Desk) -> Desk:
        Evidence.objects.filter(public_id=desk.picture).update(state="held", boxes=[], boxes_by="", sizes={})
        return desk

    def test_it_is_shown_by_nobody_until_a_person_did_it(self, held: Desk):
        page = held.client().get(held.page).content.decode()
        assert "系统没能查找人脸和车牌" in page
        before = held.traces()
        assert held.save(("face", 8, 8, 40, 40)).status_code == 422
        assert held.traces() == before
        assert held.save(("face", 8, 8, 40, 40), reason=WHY).status_code == 303
        run_pending()
        assert (held.row.state, held.row.boxes_by) == ("ready", "person")

    def test_the_unredacted_picture_needs_a_reason_and_is_told_of(self, held: Desk):
        address = f"{held.page}uncovered"
        before = held.traces()
        assert held.client().get(address).status_code == 405
        assert held.client().post(address, {"reason": "看看"}).status_code == 422
        assert held.traces() == before
        answer = held.client().post(address, {"reason": WHY})
        assert answer.status_code == 200
        assert answer.content == jpeg() or answer.content[:3] == b"\xff\xd8\xff"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert "no-store" in answer["Cache-Control"]
        access = AccessRecord.objects.get()
        assert (access.kind, access.basis) == ("original", "quality")
        notices = Notice.objects.count()
        run_pending()
        assert Notice.objects.count() > notices

    def test_a_destroyed_original_can_not_be_settled(self, held: Desk):
        Evidence.objects.filter(public_id=held.picture).update(key_id="gone", wrapped_key=None)
        before = held.traces()
        assert "save-boxes" not in held.client().get(held.page).content.decode()
        assert held.save(("face", 8, 8, 40, 40), reason=WHY).status_code == 404
        assert held.traces() == before


def test_the_case_page_leads_there(desk: Desk):
    assert desk.page in desk.client().get(reverse("reports:case", args=[desk.report])).content.decode()
    assert desk.page not in desk.client("worker").get(reverse("reports:case", args=[desk.report])).content.decode()


def test_the_page_costs_the_same_for_many_boxes(desk: Desk, django_assert_max_num_queries):
    client = desk.client()
    client.get(desk.page)
    Evidence.objects.filter(public_id=desk.picture).update(boxes=[FACE] * 60)
    with django_assert_max_num_queries(16):
        assert client.get(desk.page).content.decode().count("data-box") == 62


def test_nothing_unredacted_stands_in_the_page(desk: Desk):
    page = desk.client().get(desk.page).content.decode()
    assert "data:image" not in page
    assert "style=" not in page
    assert 'name="revision"' in page


def test_a_new_photo_of_the_same_bytes_takes_the_boxes_over(desk: Desk):
    desk.save(KEPT, ("plate", 60, 20, 20, 10))
    run_pending()
    other = the(send(desk.town.other_rider, photos=[SimpleUploadedFile("a.jpg", desk_bytes(desk), "image/jpeg")]))
    run_pending()
    twin = ReportPhoto.objects.get(report=other, role="before").evidence
    assert (twin.boxes, twin.boxes_by) == (desk.row.boxes, "machine")


def desk_bytes(desk: Desk) -> bytes:
    return desk.client().post(f"{desk.page}uncovered", {"reason": WHY}).content
