"""From the door to the case page: what the worker sees in the photos of a report, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from qixia.audit.queries import history_of
from qixia.jobs.models import Job
from qixia.jobs.services import publish
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.lab import photos
from qixia.media.models import Evidence
from qixia.reports import queries, services
from qixia.reports.errors import CopiedPhoto, LooksCopied
from qixia.reports.models import Report, ReportPhoto
from qixia.reports.tests.town import AT_ROAD, Town, send, the

SIZE = (640, 480)


@pytest.fixture
def town(standing_town, tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    return standing_town


def taken(name: str, seed: int, size: tuple[int, int] = SIZE) -> photos.Pixels:
    place = name.rpartition("-")[0]
    ground = photos.weathered(photos.drawing(name), sum(map(ord, place)))
    return photos.photograph(ground, photos.any_shot(Random(seed)), size)


def upload(picture: photos.Pixels, quality: int = 88) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.jpg", photos.as_jpeg(picture, quality), "image/jpeg")


def noted(town: Town, receipt: services.Receipt, actor=None) -> list:
    return queries.case(actor or town.clerk, receipt.public_id).notes


def resolved(town: Town, before: photos.Pixels, after: photos.Pixels) -> services.Receipt:
    receipt = send(town.rider, photos=[upload(before)])
    services.accept(actor=town.worker, public_id=receipt.public_id)
    services.resolve(actor=town.worker, public_id=receipt.public_id, text="已换新井盖", photos=[upload(after)])
    run_pending()
    return receipt


# ── before and after ────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_at_the_same_place_is_said_to_clerk_and_unit(town):
    receipt = resolved(town, taken("manhole-before", 1), taken("manhole-after", 2))
    photo = ReportPhoto.objects.get(role="after")
    assert (photo.likeness, photo.copied) == ("same", False)
    assert photo.likeness_score > 0.5
    for actor in (town.clerk, town.worker):
        (note,) = [note for note in noted(town, receipt, actor) if note.place]
        assert (note.place.label, note.place.tone) == ("同一地点", "good")
    services.verify(actor=town.clerk, public_id=receipt.public_id)
    assert the(receipt).state == "confirming"


def test_after_at_another_place_is_said_and_refuses_nothing(town):
    receipt = resolved(town, taken("manhole-before", 1), taken("bins-after", 2))
    (note,) = [note for note in noted(town, receipt) if note.place]
    assert note.place.label == "不像同一地点"
    services.verify(actor=town.clerk, public_id=receipt.public_id)
    assert the(receipt).state == "confirming"


def test_a_copy_of_the_photo_before_waits_for_a_persons_words(town):
    before = taken("manhole-before", 1)
    receipt = resolved(town, before, photos.copy_of(before, "cropped", Random(4)))
    assert ReportPhoto.objects.get(role="after").copied
    assert [act.action for act in history_of(the(receipt).ref)].count("reports.copied_photo") == 1
    (note,) = [note for note in noted(town, receipt) if note.place]
    assert (note.place.label, note.place.tone) == ("疑似复制", "warn")
    with pytest.raises(LooksCopied) as refusal:
        services.verify(actor=town.clerk, public_id=receipt.public_id)
    assert refusal.value.field == "text"
    assert the(receipt).state == "resolved"
    services.verify(actor=town.clerk, public_id=receipt.public_id, text="去现场看过，已经盖好")
    assert the(receipt).state == "confirming"


def test_only_the_latest_photos_hold_a_verification(town):
    before = taken("manhole-before", 1)
    receipt = resolved(town, before, photos.copy_of(before, "resized", Random(4)))
    services.send_back(actor=town.clerk, public_id=receipt.public_id, text="还是那张照片")
    later = clock.now() + timedelta(hours=1)
    with clock.at(later):
        services.resolve(
            actor=town.worker, public_id=receipt.public_id, text="这次拍了", photos=[upload(taken("manhole-after", 3))]
        )
        run_pending()
        services.verify(actor=town.clerk, public_id=receipt.public_id)
    assert the(receipt).state == "confirming"


def test_the_very_file_is_refused_at_once_by_the_field_and_leaves_nothing(town):
    before = taken("manhole-before", 1)
    receipt = send(town.rider, photos=[upload(before)])
    services.accept(actor=town.worker, public_id=receipt.public_id)
    new = upload(taken("manhole-after", 2))
    rows = Evidence.objects.count()
    with pytest.raises(CopiedPhoto, match="第 2 张") as refusal:
        services.resolve(actor=town.worker, public_id=receipt.public_id, text="好了", photos=[new, upload(before)])
    assert (refusal.value.code, refusal.value.field) == ("reports.copied_photo", "photos")
    assert the(receipt).state == "accepted"
    assert Evidence.objects.count() == rows
    assert not ReportPhoto.objects.filter(role="after").exists()


def test_a_rider_who_handled_it_shows_another_photo_too(town):
    picture = taken("manhole-before", 1)
    with pytest.raises(CopiedPhoto) as refusal:
        send(town.rider, photos=[upload(picture)], after_photos=[upload(picture)], self_handled=True)
    assert refusal.value.field == "after_photos"
    assert not Report.objects.exists()
    assert not Evidence.objects.exists()


# ── where it comes from ─────────────────────────────────────────────────────────────────────────────────────────────


def source_of(receipt: services.Receipt) -> str:
    return Evidence.objects.get(owner_ref=f"report:{receipt.public_id}").provenance


def test_a_photo_from_the_apps_camera_a_moment_ago(town):
    receipt = send(
        town.rider, photos=[upload(taken("lift-before", 1))], claimed=[{"source": "camera"}], captured_at=clock.now()
    )
    assert source_of(receipt) == "in_app"
    assert noted(town, receipt)[0].source.label == "现场拍摄"
    assert noted(town, receipt, town.worker) == [], "a unit reads only whether places agree"


def test_a_photo_taken_somewhere_else_last_week(town):
    said = {
        "source": "album", "lat": AT_ROAD[0] + 0.03, "lng": AT_ROAD[1],
        "taken_at": (clock.now() - timedelta(days=7)).isoformat(timespec="seconds"),
    }  # fmt: skip
    receipt = send(town.rider, photos=[upload(taken("lift-before", 1))], claimed=[said])
    assert source_of(receipt) == "at_odds"
    (note,) = noted(town, receipt)
    assert "约 3350 米" in note.source.sentence or "约 3300 米" in note.source.sentence
    assert "约 168 小时" in note.source.sentence


def test_a_screenshot(town):
    picture = photos.screenshot("chat", photos.drawing("lift-before"), Random(2))
    receipt = send(town.rider, photos=[SimpleUploadedFile("s.png", photos.as_png(picture), "image/png")])
    assert source_of(receipt) == "screenshot"


def test_a_photo_of_a_screen(town):
    picture = photos.screen_photo(photos.drawing("lift-before"), Random(8), side=1280)
    assert source_of(send(town.rider, photos=[upload(picture)])) == "screen"


# ── used before ─────────────────────────────────────────────────────────────────────────────────────────────────────


def reused(town: Town, first_by, second_by, kind: str = "recompressed") -> tuple[services.Receipt, services.Receipt]:
    picture = taken("drain-before", 5)
    first = send(first_by, photos=[upload(picture)])
    again = picture if kind == "same file" else photos.copy_of(picture, kind, Random(1))
    second = send(second_by, photos=[upload(again)])
    return first, second


@pytest.mark.parametrize("kind", ["same file", "recompressed", "cropped"])
def test_a_photo_used_before_by_another_rider_names_the_report_and_nobody(town, kind):
    first, second = reused(town, town.other_rider, town.rider, kind)
    assert (source_of(first), source_of(second)) == ("unknown", "reused")
    (note,) = noted(town, second)
    assert "别的骑手" in note.source.sentence
    assert [one.number for one in note.earlier] == [first.number]


def test_a_photo_used_before_by_the_same_rider_does_not_join_the_two_reports(town):
    first, second = reused(town, town.rider, town.rider)
    (note,) = noted(town, second)
    assert "这位骑手" in note.source.sentence
    assert note.earlier == []
    assert first.number not in str(note)


def test_with_an_anonymous_report_no_other_is_joined(town):
    first, second = reused(town, town.other_rider, town.rider)
    Report.objects.filter(public_id=first.public_id).update(
        secrecy="anonymous", reporter_link=None, reporter_index=None, claim_hash="0" * 64
    )
    row = Evidence.objects.get(owner_ref=f"report:{second.public_id}")
    services.look_at_photo(evidence=row.public_id)
    row.refresh_from_db()
    assert row.provenance == "reused"
    assert row.provenance_signs["reused"]["earlier"] == []
    (note,) = noted(town, second)
    assert (note.source.sentence, note.earlier) == ("和更早的一件上报用了同一张照片。", [])


def test_the_same_scene_photographed_again_is_not_reuse(town):
    first = send(town.other_rider, photos=[upload(taken("drain-before", 5))])
    second = send(town.rider, photos=[upload(taken("drain-before", 6))])
    assert (source_of(first), source_of(second)) == ("unknown", "unknown")


# ── how it runs ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_looking_is_left_to_the_slow_worker_and_may_be_repeated(town):
    receipt = send(town.rider, photos=[upload(taken("lift-before", 1))])
    row = Evidence.objects.get(owner_ref=f"report:{receipt.public_id}")
    before = (row.provenance, row.provenance_signs)
    services.look_at_photo(evidence=row.public_id)
    row.refresh_from_db()
    assert (row.provenance, row.provenance_signs) == before
    services.look_at_photo(evidence="0" * 26)  # belongs to no report
    publish("media.ready", f"evidence:{row.public_id}", {"evidence": row.public_id})
    assert [job.priority for job in Job.objects.filter(name__startswith="on:media.ready")] == [-20]


def test_a_case_asks_once_for_its_notes_however_many_photos(town, django_assert_num_queries):
    receipt = send(town.rider, photos=[upload(taken("lift-before", n)) for n in range(3)])
    report = the(receipt)
    with django_assert_num_queries(1):
        notes = queries.evidence.photo_notes(town.clerk, report, {"clerk"})
    assert len(notes) == 3
