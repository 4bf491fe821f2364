"""The states around redaction: held when nobody could look, out of sight until somebody has, boxes kept and passed on."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError, transaction

from qixia.audit.models import AuditEvent
from qixia.jobs.models import Event
from qixia.kernel.errors import Invalid, NotFound, Stale
from qixia.media import pictures, redaction, services
from qixia.media.models import Evidence
from qixia.media.tests.made import exif, jpeg, png

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_dir")]
OWNER = "report:00000000000000000000000001"
BOX = {"kind": "face", "x": 4, "y": 4, "w": 20, "h": 20}
WHY = "骑手说招牌被误遮了"


def stored(content: bytes | None = None) -> Evidence:
    return services.store_upload(SimpleUploadedFile("a.jpg", content or jpeg(), "image/jpeg"), owner_ref=OWNER)


def developed(row: Evidence) -> Evidence:
    services.develop_evidence(row.pk)
    row.refresh_from_db()
    return row


@pytest.fixture
def blind(monkeypatch):
    def raises(*_):
        raise MemoryError

    monkeypatch.setattr(redaction, "find_faces", raises)


class TestHeld:
    def test_no_copy_an_event_and_a_line_of_history(self, blind, files_in):
        row = developed(stored())
        assert (row.state, row.boxes_by, row.sizes) == ("held", "", {})
        assert files_in("copies") == []
        event = AuditEvent.objects.get(action="media.held")
        assert (event.subject, event.data) == (f"evidence:{row.public_id}", {"reason": "memory", "owner": OWNER})
        assert Event.objects.filter(name="media.held").count() == 1

    def test_trying_again_changes_nothing(self, blind):
        row = developed(stored())
        assert developed(row).state == "held"
        assert AuditEvent.objects.filter(action="media.held").count() == 1

    def test_it_serves_no_twin(self, blind):
        developed(stored())
        assert developed(stored()).state == "held"

    def test_a_person_puts_it_right(self, blind, files_in):
        row = developed(stored())
        services.set_boxes(public_id=row.public_id, boxes=[BOX], actor="person:a", revision=row.revision, reason=WHY)
        row.refresh_from_db()
        assert row.state == "pending"
        row = developed(row)
        assert (row.state, row.boxes_by) == ("ready", "person")
        assert row.boxes == [BOX | {"score": 1.0, "by": "person:a"}]
        assert len(files_in("copies")) == 3
        assert Event.objects.filter(name="media.ready").count() == 1

    def test_boxes_are_placed_in_the_upright_picture(self, blind):
        row = developed(stored(jpeg(120, 60, exif=exif(orientation=6))))
        assert (row.state, row.width, row.height) == ("held", 60, 120)
        low = {"kind": "face", "x": 4, "y": 50, "w": 40, "h": 60}  # below the edge of the picture as it is stored
        services.set_boxes(public_id=row.public_id, boxes=[low], actor="person:a", revision=row.revision, reason=WHY)
        assert developed(Evidence.objects.get(pk=row.pk)).boxes == [low | {"score": 1.0, "by": "person:a"}]


class TestReady:
    def test_the_database_shows_nothing_that_nobody_searched(self):
        row = stored()
        with pytest.raises(IntegrityError), transaction.atomic():
            Evidence.objects.filter(pk=row.pk).update(state="ready")

    def test_a_twin_takes_over_what_a_person_covered(self):
        first = developed(stored())
        services.set_boxes(public_id=first.public_id, boxes=[BOX], actor="person:a", revision=first.revision)
        first = developed(first)
        second = developed(stored())
        assert (second.boxes, second.boxes_by) == (first.boxes, "machine")

    def test_a_twin_does_not_take_over_what_a_person_uncovered(self, monkeypatch):
        """The reason stands with the first report; the second one's reporter and clerk gave none."""
        monkeypatch.setattr(redaction, "find", lambda _picture: [redaction.Box("face", 4, 4, 20, 20, 0.9)])
        first = developed(stored())
        services.set_boxes(public_id=first.public_id, boxes=[], actor="person:a", revision=first.revision, reason=WHY)
        assert developed(Evidence.objects.get(pk=first.pk)).boxes == []
        second = developed(stored())
        assert [box["x"] for box in second.boxes] == [4]
        assert second.boxes_by == "machine"

    def test_copies_made_anew_are_no_news_and_have_another_etag(self):
        row = developed(stored())
        services.set_boxes(public_id=row.public_id, boxes=[BOX], actor="person:a", revision=row.revision)
        assert developed(Evidence.objects.get(pk=row.pk)).revision == row.revision + 2
        assert Event.objects.filter(name="media.ready").count() == 1

    def test_a_slow_worker_writes_over_no_newer_copies(self, monkeypatch, files_in):
        row = stored()
        develop = pictures.develop

        def slow(*args, **kwargs):
            result = develop(*args, **kwargs)
            Evidence.objects.filter(pk=row.pk).update(revision=5)
            return result

        monkeypatch.setattr(pictures, "develop", slow)
        row = developed(row)
        assert (row.state, row.revision) == ("pending", 5)
        assert files_in("copies") == []


class TestRefusals:
    def test_each_leaves_everything(self):
        row = developed(stored())
        services.set_boxes(public_id=row.public_id, boxes=[BOX], actor="person:a", revision=row.revision)
        row = developed(Evidence.objects.get(pk=row.pk))
        good = {"public_id": row.public_id, "boxes": [BOX], "actor": "person:a", "revision": row.revision}
        before, events = Evidence.objects.values().get(pk=row.pk), AuditEvent.objects.count()
        for change, error in (
            ({"public_id": "0" * 26}, NotFound),
            ({"revision": row.revision - 1}, Stale),
            ({"boxes": "x"}, Invalid),
            ({"boxes": []}, Invalid),
            ({"boxes": [], "reason": "。。。。。。。"}, Invalid),
        ):
            with pytest.raises(error):
                services.set_boxes(**good | change)
        assert Evidence.objects.values().get(pk=row.pk) == before
        assert AuditEvent.objects.count() == events


class TestAgain:
    def test_old_copies_are_made_anew_in_steps(self, files_in):
        rows = [stored(png(64 + n, 64)) for n in range(3)]
        Evidence.objects.update(sizes={"full": [64, 64, 99]})  # as migration 0007 leaves them
        services.redact_again(1)
        assert Evidence.objects.filter(state="ready").count() == 1
        out = StringIO()
        call_command("media", "redact-again", stdout=out)
        line = json.loads(out.getvalue())
        assert (line["photos"], line["left"]) == (2, 0)
        assert set(Evidence.objects.values_list("state", "boxes_by")) == {("ready", "machine")}
        assert len(files_in("copies")) == 3 * len(rows)
        assert services.redact_again() == 0

    def test_new_photos_are_left_to_their_job(self):
        stored()
        assert services.redact_again() == 0
