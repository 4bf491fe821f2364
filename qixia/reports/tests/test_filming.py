"""A report with a clip: taken in with or without photos, shown by its key frames."""

import pytest
from django.core.files.base import ContentFile

from qixia.jobs.commands import KeyReused
from qixia.jobs.worker import run_pending
from qixia.media.models import Evidence
from qixia.media.rules import ClipTooLong
from qixia.media.tests.filming import clip
from qixia.reports import errors, services
from qixia.reports.models import Report
from qixia.reports.tests.town import at, build_town, photo, the

pytestmark = pytest.mark.django_db


def submit(town, **more):
    values = {"photos": [], "clips": [ContentFile(clip("webm"))], "client_key": "phone-key-0001"} | more
    return services.submit(actor=town.rider, place=at(), words="井盖一压就响", **values)


@pytest.mark.parametrize("photos", [0, 1])
def test_frames_stand_behind_the_photos(photos):
    town = build_town()
    report = the(submit(town, photos=[photo() for _ in range(photos)]))
    assert report.photos.count() == photos
    run_pending()
    shown = list(report.photos.select_related("evidence").order_by("position"))
    assert [one.evidence.kind for one in shown[:photos]] == ["photo"] * photos
    frames = shown[photos:]
    assert len(frames) >= 2
    assert {(one.evidence.kind, one.role, one.evidence.state) for one in frames} == {("frame", "before", "ready")}
    run_pending()
    assert report.photos.count() == photos + len(frames)


def test_sent_again_is_the_same_report_another_clip_is_refused():
    town = build_town()
    first = submit(town)
    assert submit(town).public_id == first.public_id
    with pytest.raises(KeyReused) as refusal:
        submit(town, clips=[ContentFile(clip("mp4"))])
    assert refusal.value.field == "client_key"
    assert Evidence.objects.filter(kind="clip").count() == 1


@pytest.mark.parametrize(
    ("clips", "error", "field"),
    [
        ([], errors.NoPhoto, "photos"),
        ([clip("mp4"), clip("webm")], errors.TooManyClips, "clip"),
        ([clip("mp4", 32.0, fps=2, width=64, height=48)], ClipTooLong, "clip"),
    ],
)
def test_refusals_leave_no_trace(clips, error, field):
    town = build_town()
    with pytest.raises(error) as refusal:
        submit(town, clips=[ContentFile(data) for data in clips])
    assert refusal.value.field == field
    assert (Report.objects.count(), Evidence.objects.count()) == (0, 0)
