"""Clips from the upload to covered key frames: real files, real rows, the real worker."""

import pytest
from django.core.files.base import ContentFile

from qixia.jobs import worker
from qixia.kernel.config import get_config
from qixia.media import files, services
from qixia.media.models import Evidence
from qixia.media.rules import BrokenClip, ClipTooLarge, ClipTooLong, NotAClip
from qixia.media.tests.filming import clip

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path)


def take_in(data: bytes) -> Evidence:
    with services.receive([ContentFile(data)], field="clip", clips=True) as clips:
        return services.keep(clips, owner_ref="report:x")[0]


def stored() -> list[str]:
    return sorted(path.name for path in (get_config().media / "originals").rglob("*") if path.is_file())


class TestTakingIn:
    def test_a_clip_is_sealed_and_known_for_what_it_is(self):
        data = clip("mp4")
        row = take_in(data)
        assert (row.kind, row.format, row.state, row.width, row.height) == ("clip", "mp4", "pending", 320, 240)
        assert row.duration_ms == pytest.approx(3000, abs=120)
        on_disk = files.original_path(row.storage_name).read_bytes()
        assert data[1000:1040] not in on_disk
        assert files.read_original(row.storage_name, row.file_key) == data

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (b"", BrokenClip),
            (clip("mp4")[:-100], BrokenClip),
            (b"\xff\xd8\xff\xe0" + b"x" * 100, NotAClip),
            (clip("mp4", 32.0, fps=2, width=64, height=48), ClipTooLong),
        ],
    )
    def test_refused_without_a_trace(self, data, error):
        with pytest.raises(error) as refusal:
            take_in(data)
        assert refusal.value.field == "clip"
        assert Evidence.objects.count() == 0
        assert stored() == []
        assert list((get_config().media / "incoming").iterdir()) == []

    def test_too_large(self, monkeypatch):
        monkeypatch.setattr(get_config(), "max_clip_mb", 0)
        with pytest.raises(ClipTooLarge):
            take_in(clip("webm"))
        assert stored() == []


class TestFrames:
    def test_become_covered_pictures_of_their_own(self):
        row = take_in(clip("webm"))
        worker.run_pending()
        row.refresh_from_db()
        frames = list(Evidence.objects.filter(parent=row).order_by("pk"))
        assert row.state == "ready"
        assert row.sizes == {}  # the clip itself has no copy that anybody could see
        assert len(frames) >= 2
        assert {(one.kind, one.state, one.boxes_by, one.owner_ref) for one in frames} == {
            ("frame", "ready", "machine", "report:x")
        }
        assert all(files.copy_path(one.storage_name, "phone").is_file() for one in frames)

    def test_once_however_often_the_job_runs(self):
        row = take_in(clip("mp4"))
        for _ in range(3):
            services.develop_evidence(row.pk)
        frames = Evidence.objects.filter(parent=row).count()
        assert 2 <= frames <= 4

    def test_nonsense_inside_is_broken_and_said(self):
        data = bytearray(clip("mp4"))
        start = data.index(b"mdat") + 4
        end = data.index(b"moov") - 4
        data[start:end] = bytes(end - start)
        row = take_in(bytes(data))
        services.develop_evidence(row.pk)
        row.refresh_from_db()
        assert (row.state, row.broken_reason) == ("broken", "unreadable")
        assert Evidence.objects.filter(parent=row).count() == 0

    def test_opened_as_it_came_with_a_reason_only(self):
        data = clip("mov")
        row = take_in(data)
        opened = services.open_original(
            public_id=row.public_id, actor="person:x", basis="check", reason="核对现场有没有漏电"
        )
        content = opened.content if isinstance(opened.content, bytes) else b"".join(opened.content)
        assert content == data
        assert opened.content_type == "video/quicktime"
