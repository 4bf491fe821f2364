"""Opening what came, with a reason that is recorded; destroying it; sealing files from before."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from qixia.audit.queries import history_of
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotFound
from qixia.kernel.keys import keys
from qixia.media import files, services
from qixia.media.models import DESTROYED, Evidence
from qixia.media.sealed import FRAME, digest_of, wrap_key
from qixia.media.services import OriginalGone, destroy_originals, open_original, seal_plain_originals, store_upload
from qixia.media.tests import made

FilesIn = Callable[[str], list[Path]]
AccessRecord, Event = apps.get_model("audit", "AccessRecord"), apps.get_model("jobs", "Event")
OWNER = "report:00000000000000000000000001"
ACTOR = "person:0000000000000000000000000a"
PHOTO = made.jpeg(640, 480, exif=made.exif(make="PHONE-9", gps=made.gps((24, 54, 0), (118, 36, 0))))
CLAIM = {"camera": "PHONE-9"}

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_dir")]


@pytest.fixture
def row() -> Evidence:
    return store_upload(ContentFile(PHOTO), owner_ref=OWNER, claimed=CLAIM)


def opened(row: Evidence, basis: str = "law", reason: str = "法院调取令第五号") -> services.Original:
    return open_original(public_id=row.public_id, actor=ACTOR, basis=basis, reason=reason)


def nothing_recorded() -> bool:
    return not AccessRecord.objects.exists() and not Event.objects.filter(name="media.original_opened").exists()


def test_who_may_gets_the_file_as_it_came_and_it_is_recorded(row: Evidence):
    original = opened(row)
    assert (original.content, original.content_type, original.size) == (PHOTO, "image/jpeg", len(PHOTO))
    access = AccessRecord.objects.get()
    assert (access.kind, access.subject, access.actor, access.basis) == ("original", OWNER, ACTOR, "law")
    assert access.data == {"evidence": row.public_id}
    event = Event.objects.get(name="media.original_opened")
    assert event.ref == f"evidence:{row.public_id}"
    assert event.payload == {"evidence": row.public_id, "owner_ref": OWNER, "basis": "law"}


@pytest.mark.parametrize(("basis", "reason"), [("law", ""), ("law", "看看"), ("whim", "法院调取令第五号"), ("", "")])
def test_without_a_reason_nothing_opens(row: Evidence, basis: str, reason: str):
    with pytest.raises(Invalid):
        opened(row, basis, reason)
    assert nothing_recorded()


def test_an_unknown_photo_is_not_found():
    with pytest.raises(NotFound):
        open_original(public_id="0" * 26, actor=ACTOR, basis="law", reason="法院调取令第五号")
    assert nothing_recorded()


def lose_file(row: Evidence) -> None:
    files.original_path(row.storage_name).unlink()


def lose_key(row: Evidence) -> None:
    Evidence.objects.filter(pk=row.pk).update(wrapped_key=None, key_id=DESTROYED)


def other_key(row: Evidence) -> None:
    other = store_upload(ContentFile(made.jpeg(seed=2)), owner_ref=OWNER)
    Evidence.objects.filter(pk=row.pk).update(wrapped_key=other.wrapped_key)


def spoil_last(row: Evidence) -> None:
    path = files.original_path(row.storage_name)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")


def spoil_first(row: Evidence) -> None:
    path = files.original_path(row.storage_name)
    path.write_bytes(path.read_bytes()[:20] + b"\0" * 4 + path.read_bytes()[24:])


def swap_file(row: Evidence) -> None:
    other = store_upload(ContentFile(made.jpeg(seed=2)), owner_ref=OWNER)
    os.replace(files.original_path(other.storage_name), files.original_path(row.storage_name))


@pytest.mark.parametrize("harm", [lose_file, lose_key, other_key, spoil_last, spoil_first, swap_file])
def test_what_is_gone_or_changed_is_said_and_not_recorded(row: Evidence, harm: Callable[[Evidence], None]):
    harm(row)
    with pytest.raises(OriginalGone) as refusal:
        opened(row)
    assert (refusal.value.status, refusal.value.code) == (404, "media.original_gone")
    assert nothing_recorded()


def test_a_clip_comes_piece_by_piece(row: Evidence):
    content = os.urandom(5 * FRAME + 7)
    written = files.write_temp([content], max_bytes=1 << 30)
    assert written is not None
    os.replace(written.path, files.original_path(row.storage_name))
    wrapped = wrap_key(written.key, row.storage_name)
    Evidence.objects.filter(pk=row.pk).update(kind="clip", format="mp4", wrapped_key=wrapped)
    original = opened(row)
    assert (original.content_type, original.size) == ("video/mp4", len(content))
    assert isinstance(original.content, Iterator)
    parts = list(original.content)
    assert len(parts) == 2
    assert b"".join(parts) == content


# ── destroying ──────────────────────────────────────────────────────────────────────────────────────────────────────


def destroyed(*rows: Evidence, copies: bool = False) -> int:
    return destroy_originals([row.public_id for row in rows], actor=ACTOR, reason="erasure", copies=copies)


@pytest.mark.django_db(transaction=True)
def test_without_its_key_the_original_is_noise_and_the_copies_stay(files_in: FilesIn):
    row, other = (store_upload(ContentFile(made.jpeg(seed=n)), owner_ref=OWNER) for n in (1, 2))
    run_pending()
    old_key = row.file_key
    assert destroyed(row) == 1
    row.refresh_from_db()
    assert (row.wrapped_key, row.key_id, row.state) == (None, DESTROYED, "ready")
    assert len(files_in("originals")) == 1
    assert len(files_in("copies")) == 6
    assert [act.action for act in history_of(f"evidence:{row.public_id}")] == ["media.destroyed"]
    act = history_of(f"evidence:{row.public_id}").get()
    assert (act.actor, act.data) == (ACTOR, {"reason": "erasure", "copies": False, "owner": OWNER})
    assert old_key is not None
    with pytest.raises(OriginalGone):
        opened(row)
    assert opened(other).content == made.jpeg(seed=2)
    assert destroyed(row) == 0
    assert history_of(f"evidence:{row.public_id}").count() == 1


@pytest.mark.django_db(transaction=True)
def test_with_its_copies_nothing_is_left_of_a_photo(files_in: FilesIn):
    row, other = (store_upload(ContentFile(PHOTO), owner_ref=OWNER, claimed=CLAIM) for _ in range(2))
    run_pending()
    row.refresh_from_db()
    assert row.measured["camera"] == "PHONE-9"
    assert destroyed(row) == 1  # first without, then with
    assert destroyed(row, copies=True) == 1
    row.refresh_from_db()
    assert (row.state, row.broken_reason, row.digest, row.phash) == ("broken", "destroyed", "", None)
    assert (row.claimed, row.measured, row.boxes, row.sizes) == ({}, {}, [], {})
    assert {path.name.partition(".")[0] for path in files_in("")} == {other.storage_name}
    assert destroyed(row, copies=True) == 0
    other.refresh_from_db()
    assert (other.state, other.claimed) == ("ready", CLAIM)


@pytest.mark.django_db(transaction=True)
def test_a_photo_that_waits_for_its_copies_gets_none(files_in: FilesIn, row: Evidence):
    assert destroyed(row) == 1
    run_pending()
    row.refresh_from_db()
    assert (row.state, row.broken_reason) == ("broken", "destroyed")
    assert not files_in("")


@pytest.mark.django_db(transaction=True)
def test_frames_go_with_their_clip(row: Evidence):
    clip = store_upload(ContentFile(made.jpeg(seed=5)), owner_ref=OWNER)
    Evidence.objects.filter(pk=clip.pk).update(kind="clip")
    Evidence.objects.filter(pk=row.pk).update(kind="frame", parent=clip)
    assert destroyed(clip) == 2
    assert set(Evidence.objects.values_list("key_id", flat=True)) == {DESTROYED}


def test_a_file_that_a_crash_left_behind_is_swept(row: Evidence, files_in: FilesIn):
    """The transaction of the test never commits, so the files stay: as after a crash between commit and removal."""
    kept = store_upload(ContentFile(made.jpeg(seed=3)), owner_ref=OWNER)
    destroyed(row)
    assert len(files_in("originals")) == 2
    with clock.at(clock.now() + timedelta(hours=2)):
        assert services.sweep() == 1
    assert [path.name for path in files_in("originals")] == [kept.storage_name]


# ── facts in the database ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_database_says_neither_camera_nor_place_nor_which_photo_it_is(row: Evidence):
    run_pending()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM media_evidence")
        names = [column[0] for column in cursor.description]
        stored = dict(zip(names, cursor.fetchone(), strict=True))
    assert not {"claimed", "measured", "sha256"} & set(stored)
    text = " ".join(bytes(v).hex() if isinstance(v, bytes | memoryview) else str(v) for v in stored.values())
    assert "PHONE" not in text
    assert b"PHONE".hex() not in text
    assert "24.9" not in text
    assert stored["digest"] == row.digest
    assert stored["bytes"] != len(PHOTO)
    row.refresh_from_db()
    assert row.measured == {"camera": "PHONE-9", "lat": 24.9, "lng": 118.6}
    assert row.claimed == CLAIM


# ── from before ─────────────────────────────────────────────────────────────────────────────────────────────────────


def make_plain(row: Evidence) -> None:
    """As a photo lay there before files were sealed."""
    files.original_path(row.storage_name).write_bytes(files.read_original(row.storage_name, row.file_key))
    Evidence.objects.filter(pk=row.pk).update(wrapped_key=None, key_id="")


def test_a_plain_file_opens_and_is_developed(row: Evidence):
    make_plain(row)
    assert opened(row).content == PHOTO
    run_pending()
    row.refresh_from_db()
    assert row.state == "ready"


def test_plain_files_are_sealed_in_the_background(row: Evidence, files_in: FilesIn):
    run_pending()
    make_plain(row)
    old = row.storage_name
    assert seal_plain_originals() == 1
    assert seal_plain_originals() == 0
    row.refresh_from_db()
    assert row.storage_name != old
    assert (row.state, row.key_id) == ("ready", keys().key_id)
    assert opened(row).content == PHOTO
    assert not [path for path in files_in("") if PHOTO[200:300] in path.read_bytes()]
    assert {path.name.partition(".")[0] for path in files_in("")} == {row.storage_name}
    assert len(files_in("copies")) == 3


def test_a_plain_file_that_is_lost_stops_nothing(row: Evidence):
    other = store_upload(ContentFile(made.jpeg(seed=3)), owner_ref=OWNER)
    run_pending()
    for one in (row, other):
        make_plain(one)
    lose_file(row)
    assert seal_plain_originals() == 1
    other.refresh_from_db()
    assert other.key_id


@pytest.mark.django_db(transaction=True)
def test_the_migration_seals_what_stood_in_the_open():
    before, after = [("media", "0003_seal_files_and_facts")], [("media", "0005_let_go_of_open_facts")]
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()  # others that build on media went back with it
    MigrationExecutor(connection).migrate(before)
    try:
        old = MigrationExecutor(connection).loader.project_state(before).apps.get_model("media", "Evidence")
        facts = {"camera": "华为 P60", "lat": 24.9}
        names = {
            "owner_ref": OWNER, "bytes": 5, "width": 1, "height": 1, "format": "jpeg", "digest": "a" * 64,
        }  # fmt: skip
        full = old.objects.create(public_id="a" * 26, storage_name="a", claimed=facts, measured=CLAIM, **names)
        old.objects.create(public_id="b" * 26, storage_name="b", **names)
        MigrationExecutor(connection).migrate(after)
    finally:
        MigrationExecutor(connection).migrate(newest)
    row = Evidence.objects.get(pk=full.pk)
    assert (row.claimed, row.measured, row.digest) == (facts, CLAIM, digest_of("a" * 64))
    assert Evidence.objects.get(public_id="b" * 26).claimed == {}
