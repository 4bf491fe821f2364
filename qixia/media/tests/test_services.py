"""Photos on disk and in the database: both or neither, whatever goes wrong."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from PIL import Image

from qixia.audit.queries import history_of
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import Conflict
from qixia.kernel.keys import keys
from qixia.media import files, pictures, queries, rules, services, tasks
from qixia.media.models import Evidence
from qixia.media.sealed import digest_of, unwrap_key
from qixia.media.services import keep, receive, store_upload, store_uploads
from qixia.media.tests import made

FilesIn = Callable[[str], list[Path]]
Job, Event = apps.get_model("jobs", "Job"), apps.get_model("jobs", "Event")  # by name: only jobs imports its tables
OWNER = "report:00000000000000000000000001"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_dir")]


def upload(data: bytes, name: str = "IMG_1.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "image/jpeg")


def nothing_is_left(files_in: FilesIn) -> bool:
    return not files_in("") and not Evidence.objects.exists() and not Job.objects.exists()


def test_a_photo_is_stored_byte_for_byte_with_its_facts(files_in: FilesIn):
    data = made.jpeg(640, 480)
    claim = {"taken_at": "2026-11-20T08:00:00+08:00", "lat": 24.9, "lng": 118.6, "source": "camera", "evil": "x" * 9999}
    row = store_upload(upload(data, "../../etc/身份证.jpg"), owner_ref=OWNER, claimed=claim)
    row.refresh_from_db()
    [path] = files_in("")
    assert data[100:200] not in path.read_bytes()
    assert files.read_original(row.storage_name, unwrap_key(row.wrapped_key, row.storage_name)) == data
    assert (row.bytes, row.width, row.height, row.format) == (path.stat().st_size, 640, 480, "jpeg")
    assert (row.digest, row.key_id) == (digest_of(hashlib.sha256(data).hexdigest()), keys().key_id)
    assert (row.state, row.sizes, row.phash, row.measured) == ("pending", {}, None, {})
    assert row.claimed == {"taken_at": "2026-11-20T08:00:00+08:00", "lat": 24.9, "lng": 118.6, "source": "camera"}
    assert row.owner_ref == OWNER


def test_file_names_are_random_and_tell_nothing(files_in: FilesIn):
    rows = store_uploads([upload(made.jpeg(), "IMG_2026.jpg")] * 2, owner_ref=OWNER)
    for row in rows:
        assert re.fullmatch(r"[0-9a-f]{32}", row.storage_name)
        assert row.storage_name not in (row.public_id, row.digest[:32])
        path = files.original_path(row.storage_name)
        assert path.parent.name == row.storage_name[:3]
        assert path.stat().st_mode & 0o077 == 0
    assert len(files_in("originals")) == 2


def test_nine_photos_are_one_insert_and_one_job():
    store_uploads([upload(made.jpeg())], owner_ref=OWNER)  # warm
    with (
        CaptureQueriesContext(
            connection,
        ) as seen,
        transaction.atomic(),
    ):
        rows = store_uploads([upload(made.jpeg(seed=n)) for n in range(9)], owner_ref=OWNER)
    statements = [
        q["sql"].split()[0] + " " + q["sql"].split()[2].strip('"') for q in seen if q["sql"].startswith("INSERT")
    ]
    assert statements == ["INSERT media_evidence", "INSERT jobs_job"]
    assert not [q for q in seen if q["sql"].split()[0] in ("SELECT", "UPDATE")]
    job = Job.objects.order_by("-id")[0]
    assert job.args == {"ids": [row.pk for row in rows]}
    assert job.priority < 0  # reports are settled first
    assert len({row.pk for row in rows} - {None}) == 9


def test_receiving_asks_the_database_nothing(django_assert_num_queries, files_in: FilesIn):
    with django_assert_num_queries(0), receive([upload(made.jpeg())] * 3) as photos:
        assert len(files_in("originals")) == 3
        assert [photo.shape.width for photo in photos] == [96, 96, 96]
    assert not files_in("")


def test_no_photos_are_no_work(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert store_uploads([], owner_ref=OWNER) == []


# ── refusals leave no trace ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "media.empty"),
        (b"%PDF-1.7", "media.not_a_picture"),
        (made.jpeg()[:-500], "media.truncated"),
        (made.heif(b"heic"), "media.heic"),
        (made.frames("GIF"), "media.animated"),
        (made.png_bomb(10_000, 10_000), "media.too_many_pixels"),
        (made.jpeg() + made.archive(), "media.trailing_data"),
        (made.jpeg() + bytes(13 * 1024 * 1024), "media.too_large"),
    ],
)
def test_one_bad_photo_of_three_leaves_nothing(data: bytes, code: str, files_in: FilesIn):
    with pytest.raises(rules.PhotoRefused) as refusal:
        store_uploads([upload(made.jpeg()), upload(data), upload(made.png())], owner_ref=OWNER, field="after_photos")
    assert (refusal.value.code, refusal.value.field, refusal.value.context["ordinal"]) == (code, "after_photos", 2)
    assert nothing_is_left(files_in)


def test_a_single_photo_says_which_one_it_is(files_in: FilesIn):
    with pytest.raises(rules.EmptyPhoto, match="第 4 张"):
        store_upload(upload(b""), owner_ref=OWNER, ordinal=4)
    assert nothing_is_left(files_in)


def test_the_limit_in_megabytes_is_a_setting(monkeypatch: pytest.MonkeyPatch, files_in: FilesIn):
    monkeypatch.setattr(get_config(), "max_photo_mb", 1)
    with pytest.raises(rules.PhotoTooLarge, match="超过 1 MB"):
        store_upload(upload(bytes(1024 * 1024 + 1)), owner_ref=OWNER)
    assert nothing_is_left(files_in)


class Breaking:
    """An upload whose sender goes away."""

    def chunks(self) -> Iterator[bytes]:
        yield made.jpeg()[:700]
        raise OSError("connection reset")


def test_an_upload_that_breaks_off_leaves_nothing(files_in: FilesIn):
    with pytest.raises(OSError, match="reset"):
        store_uploads([upload(made.jpeg()), Breaking()], owner_ref=OWNER)
    assert nothing_is_left(files_in)


def test_a_full_disk_leaves_nothing(monkeypatch: pytest.MonkeyPatch, files_in: FilesIn):
    calls = []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store_uploads([upload(made.jpeg()) for _ in range(3)], owner_ref=OWNER)
    assert nothing_is_left(files_in)


def keep_and_fail(error: Exception) -> None:
    """As a caller does whose own work goes wrong before the commit."""
    with receive([upload(made.jpeg())]) as photos, transaction.atomic():
        keep(photos, owner_ref=OWNER)
        raise error


def test_a_refusal_after_keeping_removes_files_and_rows(files_in: FilesIn):
    with pytest.raises(Conflict):
        keep_and_fail(Conflict())
    assert nothing_is_left(files_in)


def commit_and_fail() -> None:
    with receive([upload(made.jpeg())]) as photos:
        with transaction.atomic():
            keep(photos, owner_ref=OWNER)
        raise Conflict


@pytest.mark.django_db(transaction=True)
def test_an_error_after_the_commit_keeps_everything(files_in: FilesIn):
    with pytest.raises(Conflict):
        commit_and_fail()
    assert Evidence.objects.count() == len(files_in("originals")) == 1


def test_an_unclear_commit_leaves_files_to_the_sweep(files_in: FilesIn):
    with pytest.raises(ConnectionError):
        keep_and_fail(ConnectionError("while committing"))
    assert not Evidence.objects.exists()
    assert len(files_in("originals")) == 1
    with clock.at(clock.now() + timedelta(hours=2)):
        assert services.sweep() == 1
    assert not files_in("")


def test_the_table_refuses_impossible_rows():
    row = store_upload(upload(made.jpeg()), owner_ref=OWNER)
    for change in ({"state": "lost"}, {"state": "broken"}, {"broken_reason": "x"}, {"width": 0}, {"bytes": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Evidence.objects.filter(pk=row.pk).update(**change)


# ── copies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pending_becomes_ready_with_copies_and_an_event(files_in: FilesIn):
    exif = made.exif(orientation=6, make="PHONE-9", gps=made.gps((24, 54, 0), (118, 36, 0)))
    rows = store_uploads([upload(made.jpeg(2000, 1500, exif=exif)), upload(made.png(300, 200))], owner_ref=OWNER)
    run_pending()
    first, second = Evidence.objects.order_by("pk")
    assert (first.state, first.width, first.height, first.revision) == ("ready", 1500, 2000, 1)
    assert first.measured == {"camera": "PHONE-9", "orientation": 6, "lat": 24.9, "lng": 118.6}
    assert first.phash is not None
    assert re.fullmatch(r"#[0-9a-f]{6}", first.colour)
    assert {name: size[:2] for name, size in first.sizes.items()} == {
        "full": [1200, 1600], "phone": [720, 960], "thumb": [180, 240],
    }  # fmt: skip
    for name, (width, height, size) in first.sizes.items():
        content = files.copy_path(first.storage_name, name).read_bytes()
        assert len(content) == size
        assert Image.open(BytesIO(content)).size == (width, height)
    assert second.sizes["full"][:2] == [300, 200]
    assert len(files_in("copies")) == 6
    assert len(files_in("originals")) == 2
    assert not files_in("incoming")
    events = Event.objects.filter(name="media.ready").order_by("pk")
    assert [event.ref for event in events] == [f"evidence:{row.public_id}" for row in rows]
    assert events[0].payload == {"evidence": first.public_id, "owner_ref": OWNER}


def test_making_copies_twice_changes_nothing(files_in: FilesIn):
    row = store_upload(upload(made.jpeg()), owner_ref=OWNER)
    tasks.derive([row.pk, row.pk])
    before = {path: path.stat().st_mtime_ns for path in files_in("")}
    tasks.derive([row.pk, 10**9])
    assert {path: path.stat().st_mtime_ns for path in files_in("")} == before
    assert Event.objects.filter(name="media.ready").count() == 1


def test_two_workers_on_one_photo_publish_once(monkeypatch: pytest.MonkeyPatch):
    row = store_upload(upload(made.jpeg()), owner_ref=OWNER)
    real = pictures.develop

    def slower(*args, **kwargs):
        monkeypatch.setattr(pictures, "develop", real)
        services.develop_evidence(row.pk)  # the other one, meanwhile
        return real(*args, **kwargs)

    monkeypatch.setattr(pictures, "develop", slower)
    services.develop_evidence(row.pk)
    row.refresh_from_db()
    assert (row.state, row.revision) == ("ready", 1)
    assert Event.objects.filter(name="media.ready").count() == 1


def broken_png() -> bytes:
    return made.png_of(made.ihdr(600, 400), made.chunk(b"IDAT", b"no deflate stream"), made.chunk(b"IEND"))


def test_a_photo_that_no_decoder_takes_is_broken_and_said_so(files_in: FilesIn):
    row = store_uploads([upload(broken_png()), upload(made.jpeg())], owner_ref=OWNER)[0]
    run_pending()
    row.refresh_from_db()
    assert (row.state, row.broken_reason, row.sizes, row.revision) == ("broken", "decoder", {}, 0)
    assert len(files_in("originals")) == 2  # kept: it is still evidence of what came
    assert len(files_in("copies")) == 3  # the other one's
    event = Event.objects.get(name="media.broken")
    assert event.payload == {"evidence": row.public_id, "owner_ref": OWNER, "reason": "decoder"}
    assert [act.action for act in history_of(f"evidence:{row.public_id}")] == ["media.broken"]
    services.develop_evidence(row.pk)
    assert Event.objects.filter(name="media.broken").count() == 1


def test_a_disk_error_is_tried_again_and_breaks_nothing(monkeypatch: pytest.MonkeyPatch):
    row = store_upload(upload(made.jpeg()), owner_ref=OWNER)
    original = files.original_path(row.storage_name)
    away = original.with_suffix(".away")
    original.rename(away)
    run_pending()
    row.refresh_from_db()
    assert row.state == "pending"
    assert Job.objects.get().attempts == 1
    away.rename(original)
    with clock.at(clock.now() + timedelta(minutes=5)):
        run_pending()
    row.refresh_from_db()
    assert row.state == "ready"


def test_pages_get_pictures_in_one_statement(django_assert_num_queries):
    rows = store_uploads([upload(made.jpeg()), upload(broken_png())], owner_ref=OWNER)
    run_pending()
    with django_assert_num_queries(1):
        found = queries.pictures([row.pk for row in rows])
    assert [found[row.pk].state for row in rows] == ["ready", "broken"]
    assert found[rows[0].pk].public_id == rows[0].public_id
    assert not {"claimed", "measured", "owner_ref", "storage_name"} & set(queries.Picture.__slots__)


def test_the_same_bytes_are_decoded_once(files_in: FilesIn, monkeypatch: pytest.MonkeyPatch):
    content = made.jpeg()
    first = store_upload(upload(content), owner_ref="report:a")
    run_pending()
    monkeypatch.setattr(pictures, "develop", None)  # would fail if it were called again
    second = store_upload(upload(content), owner_ref="report:b")
    run_pending()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (second.state, second.sizes, second.phash) == ("ready", first.sizes, first.phash)
    copies = [path for path in files_in("") if path.suffix == ".webp"]
    assert len(copies) == 6
    assert len({path.stat().st_ino for path in copies}) == 3


# ── sweep ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_sweep_takes_old_orphans_only(files_in: FilesIn):
    kept, lost = store_uploads([upload(made.jpeg()), upload(made.png())], owner_ref=OWNER)
    run_pending()
    Evidence.objects.filter(pk=lost.pk).delete()
    written = files.write_temp([b"half"], max_bytes=10)
    assert written is not None
    assert services.sweep() == 0  # all younger than an hour
    assert len(files_in("")) == 9
    with clock.at(clock.now() + timedelta(minutes=61)):
        assert services.sweep() == 5  # original, three copies, temp file
        assert services.sweep() == 0
    assert {path.name.partition(".")[0] for path in files_in("")} == {kept.storage_name}
    assert [act.data for act in history_of("media")] == [{"files": 5}]


def test_a_day_of_hourly_sweeps_sees_every_folder(monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []
    monkeypatch.setattr(services, "sweep", lambda shards: seen.extend(shards))
    midnight = clock.now().replace(hour=0, minute=30)
    for hour in range(24):
        with clock.at(midnight + timedelta(hours=hour)):
            tasks.sweep()
    assert sorted(seen) == list(range(files.SHARDS))


_ENDLESS = """
import sys, time
from qixia.kernel.config import get_config
from pathlib import Path
get_config().media_dir = Path(sys.argv[1])
from qixia.media import files
def chunks():
    yield b"x" * 70_000
    print("writing", flush=True)
    time.sleep(60)
files.write_temp(chunks(), max_bytes=10**6)
"""


def test_a_killed_writer_leaves_only_a_temp_file_that_is_swept(media_dir: Path, files_in: FilesIn):
    with subprocess.Popen([sys.executable, "-c", _ENDLESS, str(media_dir)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        os.kill(writer.pid, signal.SIGKILL)
    left = files_in("")
    assert [path.parent.name for path in left] == ["incoming"]
    old = time.time() - 2 * 3600
    os.utime(left[0], (old, old))
    assert services.sweep() == 1
    assert not files_in("")
