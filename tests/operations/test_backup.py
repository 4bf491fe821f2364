"""Backup and restore with the real programs: what comes back is what was there, and nothing is put in place of data by
mistake. One installation lives through it all, since starting programs is what costs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qixia.lab.clients import CREATED, OK, Phone, form, photos, request, somewhere, unlike
from qixia.lab.stage import Stage
from tests.operations.conftest import MakeStage

QIXIA = ("-m", "qixia.site.cli")
PHOTO = photos(7, 1)[0]
BUSY, QUIET = 15, 4
STRAY = "originals/abc/abc" + "0" * 29  # a file that no row names
pytestmark = [pytest.mark.slow, pytest.mark.both, pytest.mark.timeout(600), pytest.mark.xdist_group("backup")]

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass
class Life:
    """What was done in an installation, and its two backups."""

    place: Stage
    folder: Path
    sessions: list[str]
    acknowledged: list[str] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)  # SHA-256 of photos
    before_busy: set[str] = field(default_factory=set)
    written_meanwhile: int = 0
    busy: Path = Path()
    quiet: Path = Path()
    rows: Rows = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    refusal_while_running: str = ""

    def report(self, phone: Phone, session: str, chance: random.Random) -> bool:
        photo = unlike(PHOTO, secrets.token_bytes(12))
        try:
            status, answer = phone.post(request(session, form(secrets.token_urlsafe(16), photo, somewhere(chance))))
        except OSError:
            return False
        if status not in (OK, CREATED):
            return False
        self.sent.add(hashlib.sha256(photo).hexdigest())
        self.acknowledged.append(str(answer["public_id"]))
        return True


@pytest.fixture(scope="module")
def life(make_stage: MakeStage, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Phones report without pause while the first backup is made; then all is still for the second."""
    place = make_stage("first")
    found = Life(place, tmp_path_factory.mktemp("backups"), [one["session"] for one in place.prepare(riders=3)])
    server = place.serve()
    back_up_while_writing(found)
    found.refusal_while_running = qixia(place, "restore", "--replace", str(found.busy)).stderr
    chance, phone = random.Random(1), Phone(place.port)
    assert all(found.report(phone, found.sessions[0], chance) for _ in range(QUIET))
    wait_until_settled(place)
    server.stop()
    stray = place.folder / "var" / "media" / STRAY
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"no row names this")
    found.quiet = backed_up(place, found.folder / "quiet.tar")
    found.rows, found.files = rows(place), files(place)
    return found


def back_up_while_writing(life: Life) -> None:
    stop = threading.Event()

    def write(number: int) -> None:
        phone, chance = Phone(life.place.port), random.Random(number)
        while not stop.is_set():
            life.report(phone, life.sessions[number], chance)
            stop.wait(0.2)  # each picture is looked through by the models afterwards

    writers = [threading.Thread(target=write, args=(number,)) for number in range(len(life.sessions))]
    for writer in writers:
        writer.start()
    until = time.monotonic() + 60
    while len(life.acknowledged) < BUSY and time.monotonic() < until:
        time.sleep(0.05)
    life.before_busy = set(life.acknowledged)
    life.busy = backed_up(life.place, life.folder / "busy.tar")
    life.written_meanwhile = len(life.acknowledged) - len(life.before_busy)
    stop.set()
    for writer in writers:
        writer.join()


def qixia(place: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *QIXIA, *words]
    return subprocess.run(command, env=place.environment, capture_output=True, text=True, check=False, timeout=120)


def backed_up(place: Stage, target: Path) -> Path:
    done = qixia(place, "backup", str(target))
    assert done.returncode == 0, done.stderr
    return target


def ask(place: Stage, sql: str) -> list[tuple[Any, ...]]:
    if place.url.startswith("sqlite"):
        with sqlite3.connect(place.url.removeprefix("sqlite:///"), timeout=20) as db:
            return db.execute(sql).fetchall()
    with psycopg.connect(place.url) as server:
        found = server.execute(sql.encode())
        return found.fetchall() if found.description else []


def rows(place: Stage) -> Rows:
    """Every row of every table, in an order that does not depend on the database."""
    names = {
        True: "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'sqlite_sequence'",
        False: "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    }[place.url.startswith("sqlite")]
    return {name: sorted(ask(place, f'SELECT * FROM "{name}"'), key=repr) for (name,) in ask(place, names)}


def without_operations(found: Rows) -> Rows:
    """Without what backup and restore themselves leave in the history."""
    own = {"system:backup", "system:restore"}
    return found | {"audit_auditevent": [row for row in found["audit_auditevent"] if not own & set(map(str, row))]}


def files(place: Stage) -> dict[str, str]:
    media = place.folder / "var" / "media"
    paths = (path for path in media.rglob("*") if path.is_file() and "incoming" not in path.parts)
    return {path.relative_to(media).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def share_keys(source: Stage, target: Stage) -> None:
    """The keys travel apart from the backup, as they do in life."""
    theirs = target.folder / "var" / "keys"
    shutil.rmtree(theirs)
    shutil.copytree(source.folder / "var" / "keys", theirs)


def wait_until_settled(place: Stage, seconds: float = 200) -> None:
    """Until every report is settled and one picture at least has left the queue; the others may go on waiting."""
    until = time.monotonic() + seconds
    waiting = "SELECT count(*) FROM jobs_job WHERE priority >= 0"
    done = "SELECT count(*) FROM media_evidence WHERE state != 'pending'"
    while ask(place, waiting)[0][0] or not ask(place, done)[0][0]:
        assert time.monotonic() < until, ask(place, "SELECT name, attempts, last_error FROM jobs_job")
        time.sleep(0.3)


# In the restored installation: a rider's sealed phone number, and an original as it was before it was encrypted.
OPEN_ONE = """
import django, hashlib, json
django.setup()
from django.apps import apps
from qixia.people import queries
from qixia.media import services
row = apps.get_model("media.Evidence").objects.filter(kind="photo").first()
got = services.open_original(public_id=row.public_id, actor="system:test", basis="check", reason="恢复演练核对原图")
content = got.content if isinstance(got.content, bytes) else b"".join(got.content)
rider = apps.get_model("people.Person").objects.get(display_name="试骑0")
print(json.dumps({"phone": queries.phone_for_message(rider.pk), "sha256": hashlib.sha256(content).hexdigest()}))
"""


def test_a_quiet_installation_comes_back_row_by_row_and_byte_by_byte(life: Life, make_stage: MakeStage) -> None:
    other = make_stage("second")
    share_keys(life.place, other)
    done = qixia(other, "restore", str(life.quiet))
    assert done.returncode == 0, done.stderr

    assert without_operations(rows(other)) == without_operations(life.rows)
    expected = dict(life.files)
    del expected[STRAY]
    assert files(other) == expected
    originals = [name for name in expected if name.startswith("originals/")]
    assert len(originals) == len(life.rows["media_evidence"]) == len(life.rows["reports_report"]) >= BUSY + QUIET
    opened = json.loads(other.run("-c", OPEN_ONE))
    assert opened["phone"] == f"138{0:08d}"
    assert opened["sha256"] in life.sent
    assert json.loads(other.run(*QIXIA, "rewards", "audit"))["sound"] is True
    server = other.serve()  # and it works: ready, and a new report goes through with a session of before
    assert life.report(Phone(other.port), life.sessions[1], random.Random(2))
    server.stop()


def test_a_backup_while_phones_report_holds_all_that_was_acknowledged_before(life: Life, make_stage: MakeStage) -> None:
    assert len(life.before_busy) >= BUSY
    assert life.written_meanwhile > 0
    other = make_stage("third")
    share_keys(life.place, other)
    done = qixia(other, "restore", str(life.busy))
    assert done.returncode == 0, done.stderr
    held = {row[0] for row in ask(other, "SELECT public_id FROM reports_report")}
    assert life.before_busy <= held
    assert held <= {row[0] for row in ask(life.place, "SELECT public_id FROM reports_report")}
    names = {row[0] for row in ask(other, "SELECT storage_name FROM media_evidence")}
    originals = {name: digest for name, digest in files(other).items() if name.startswith("originals/")}
    assert {name.rpartition("/")[2] for name in originals} == names
    assert len(names) == len(held)
    assert originals.items() <= life.files.items()
    if other.url.startswith("sqlite"):
        assert ask(other, "PRAGMA foreign_key_check") == []
    assert json.loads(other.run(*QIXIA, "rewards", "audit"))["sound"] is True


# Archives that must not be restored: name → how it is made, what is said.
Spoil = Callable[[Path, Path], None]


def with_manifest(edit: Callable[[dict[str, Any]], None]) -> Spoil:
    """The same archive with an edited manifest."""

    def make(archive: Path, target: Path) -> None:
        with tarfile.open(archive) as old, tarfile.open(target, "w") as new:
            for member in old:
                content = old.extractfile(member).read()  # type: ignore[union-attr]
                if member.name == "manifest.json":
                    manifest = json.loads(content)
                    edit(manifest)
                    content = json.dumps(manifest).encode()
                    member.size = len(content)
                new.addfile(member, io.BytesIO(content))

    return make


def with_member(name: str, kind: bytes = tarfile.REGTYPE) -> Spoil:
    """The same archive with one more member, which its manifest doesn't name."""

    def make(archive: Path, target: Path) -> None:
        odd = tarfile.TarInfo(name)
        odd.type, odd.linkname = kind, "/etc/passwd"
        shutil.copy(archive, target)
        with tarfile.open(target, "a") as tar:
            tar.addfile(odd, io.BytesIO())

    return make


def with_byte(where: float, part: int) -> Spoil:
    """One bit differs."""

    def make(archive: Path, target: Path) -> None:
        content = bytearray(archive.read_bytes())
        with tarfile.open(archive) as tar:
            member = tar.getmembers()[part]
        content[member.offset_data + int(member.size * where)] ^= 1
        target.write_bytes(content)

    return make


def cut(share: float) -> Spoil:
    def make(archive: Path, target: Path) -> None:
        content = archive.read_bytes()
        target.write_bytes(content[: int(len(content.rstrip(b"\0")) * share)])

    return make


def newer(manifest: dict[str, Any]) -> None:
    manifest["migrations"].append(["reports", "9999_from_tomorrow"])


def foreign(manifest: dict[str, Any]) -> None:
    manifest["engine"] = {"sqlite": "postgresql", "postgresql": "sqlite"}[manifest["engine"]]


def future(manifest: dict[str, Any]) -> None:
    manifest["format"] = 2


def without_a_picture(manifest: dict[str, Any]) -> None:
    del manifest["parts"][next(name for name in manifest["parts"] if name.startswith("media/"))]


def leading_out(manifest: dict[str, Any]) -> None:
    manifest["parts"]["media/../../outside"] = [0, "0" * 64]


SPOILT: dict[str, tuple[Spoil, str]] = {
    "the database's first half differs": (with_byte(0.3, 0), "SHA-256 differ"),
    "the database's end differs": (with_byte(0.99, 0), "SHA-256 differ"),
    "a picture differs": (with_byte(0.5, 1), "SHA-256 differ"),
    "nothing": (cut(0), "is no sound backup"),
    "cut in the database": (cut(0.01), "is no sound backup"),
    "cut in the middle": (cut(0.5), "is no sound backup"),
    "cut in the manifest": (cut(0.999), "is no sound backup"),
    "a newer release": (with_manifest(newer), "newer release"),
    "another kind of database": (with_manifest(foreign), "QIXIA_DATABASE_URL names"),
    "another format": (with_manifest(future), "format 2"),
    "a picture that the manifest doesn't know": (with_manifest(without_a_picture), "SHA-256 differ"),
    "a manifest that leads out": (with_manifest(leading_out), "its manifest names"),
    "up and out": (with_member("../outside"), "which no backup does"),
    "an absolute path": (with_member("/etc/outside"), "which no backup does"),
    "down, up and out": (with_member("media/../../outside"), "which no backup does"),
    "a hidden name": (with_member("media/.hidden"), "which no backup does"),
    "a key": (with_member("keys/master.key"), "which no backup does"),
    "a symbolic link": (with_member("media/originals/a", tarfile.SYMTYPE), "which no backup does"),
    "a hard link": (with_member("media/originals/a", tarfile.LNKTYPE), "which no backup does"),
    "a device": (with_member("media/originals/a", tarfile.CHRTYPE), "which no backup does"),
    "a pipe": (with_member("media/originals/a", tarfile.FIFOTYPE), "which no backup does"),
    "a folder": (with_member("media/originals/a", tarfile.DIRTYPE), "which no backup does"),
    "a part twice": (with_member("database"), "which no backup does"),
}

# Tries all archives in one program: prints what was said to each.
TRY_ALL = """
import django, json, sys
django.setup()
from django.core.management import CommandError, call_command
said = {}
for path in sys.argv[1:]:
    try:
        call_command("restore", path)
        said[path] = ""
    except CommandError as error:
        said[path] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def refusals(life: Life, make_stage: MakeStage) -> dict[str, str]:
    """What is said to each spoilt archive on an empty target, which is as empty afterwards."""
    other = make_stage("empty")
    share_keys(life.place, other)
    before = listing(other)
    paths = {name: life.folder / f"spoilt-{number}.tar" for number, name in enumerate(SPOILT)}
    for name, path in paths.items():
        SPOILT[name][0](life.quiet, path)
    said = json.loads(other.run("-c", TRY_ALL, *map(str, paths.values())))
    assert listing(other) == before
    assert not list(life.folder.parent.rglob("outside"))
    return {name: said[str(path)] for name, path in paths.items()}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_archive_is_refused_and_nothing_changes(refusals: dict[str, str], name: str) -> None:
    assert SPOILT[name][1] in refusals[name]


def listing(place: Stage) -> dict[str, int]:
    """All files of a stage with their sizes, and the rows of each table on PostgreSQL."""
    paths = (path for path in place.folder.rglob("*") if path.is_file() and "keys" not in path.parts)
    found = {path.relative_to(place.folder).as_posix(): path.stat().st_size for path in paths}
    if not place.url.startswith("sqlite"):
        found |= {name: len(content) for name, content in rows(place).items()}
    return found


class TestKeys:
    @pytest.fixture(scope="class")
    def other(self, make_stage: MakeStage) -> Stage:
        return make_stage("keyless")

    def test_another_master_key(self, life: Life, other: Stage) -> None:
        before = listing(other)
        said = qixia(other, "restore", str(life.quiet))  # with the key that its own preparation made
        assert said.returncode == 1
        assert "needs the master key with the fingerprint" in said.stderr
        assert listing(other) == before

    def test_no_master_key(self, life: Life, other: Stage) -> None:
        before = listing(other)
        shutil.rmtree(other.folder / "var" / "keys")
        said = qixia(other, "restore", str(life.quiet))
        assert said.returncode == 1
        assert "no usable master key" in said.stderr
        assert listing(other) == before

    def test_no_backup_into_the_folder_of_the_key(self, life: Life) -> None:
        keys = life.place.folder / "var" / "keys"
        before = sorted(path.name for path in keys.iterdir())
        assert "lock and key would travel together" in qixia(life.place, "backup", str(keys)).stderr
        assert sorted(path.name for path in keys.iterdir()) == before

    def test_no_backup_of_pictures_with_a_key_among_them(self, life: Life, tmp_path: Path) -> None:
        place = life.place
        key = place.folder / "var" / "media" / "master.key"
        shutil.copy(place.folder / "var" / "keys" / "master.key", key)
        environment = place.environment | {"QIXIA_MASTER_KEY_FILE": str(key)}
        command = [sys.executable, *QIXIA, "backup", str(tmp_path / "b.tar")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        key.unlink()
        assert "lies among the pictures" in done.stderr
        assert list(tmp_path.iterdir()) == []


def test_a_running_installation_is_not_replaced(life: Life) -> None:
    assert "Qixia is running" in life.refusal_while_running


def test_a_backup_overwrites_nothing(life: Life) -> None:
    before = life.quiet.read_bytes()
    assert "is there already" in qixia(life.place, "backup", str(life.quiet)).stderr
    assert life.quiet.read_bytes() == before


def test_verify_says_what_is_in_it(life: Life) -> None:
    said = qixia(life.place, "backup", "--verify", str(life.quiet))
    assert said.returncode == 0
    assert said.stdout.startswith(f"sound: {life.quiet} of 20")
    with tarfile.open(life.quiet) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert f"{sum(manifest['counts'].values())} rows, {len(manifest['parts']) - 1} files" in said.stdout
    assert manifest["missing"] == []
    assert manifest["counts"] == {name: len(content) for name, content in life.rows.items()} | {
        # what the second backup itself added afterwards
        "audit_auditevent": len(life.rows["audit_auditevent"]) - 1
    }


def test_only_the_youngest_are_kept(life: Life, tmp_path: Path) -> None:
    for day in (1, 2, 3):
        (tmp_path / f"qixia-2026010{day}T000000Z.qixia-backup.tar").write_bytes(b"old")
    (tmp_path / "somebody-else.tar").write_bytes(b"stays")
    assert qixia(life.place, "backup", "--keep", "2", str(tmp_path)).returncode == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[0] == "qixia-20260103T000000Z.qixia-backup.tar"
    assert names[2:] == ["somebody-else.tar"]


# From here on the first installation is changed.


def test_replacing_keeps_what_was_there(life: Life) -> None:
    place, media = life.place, life.place.folder / "var" / "media"
    ask(place, "UPDATE people_person SET display_name = '改过' WHERE id = (SELECT min(id) FROM people_person)")
    assert "data here already" in qixia(place, "restore", str(life.quiet)).stderr
    assert ask(place, "SELECT count(*) FROM people_person WHERE display_name = '改过'") == [(1,)]

    done = qixia(place, "restore", "--replace", str(life.quiet))
    assert done.returncode == 0, done.stderr
    assert without_operations(rows(place)) == without_operations(life.rows)
    assert not (media / STRAY).exists()
    assert [path.read_bytes() for path in media.glob(f"replaced-*/{STRAY}")] == [b"no row names this"]
    assert list(media.glob("restoring-*")) == []
    if place.url.startswith("sqlite"):
        (old,) = (path for path in place.folder.glob("qixia.sqlite3.replaced-*") if path.name.endswith("Z"))
        with sqlite3.connect(old) as db:
            assert db.execute("SELECT count(*) FROM people_person WHERE display_name = '改过'").fetchone() == (1,)


def test_counts_that_differ_from_the_manifest_are_told(life: Life, make_stage: MakeStage, tmp_path: Path) -> None:
    """SQLite sees it before anything is in place; PostgreSQL at the end."""

    def one_more(manifest: dict[str, Any]) -> None:
        manifest["counts"]["people_person"] += 1

    other = make_stage("counted")
    share_keys(life.place, other)
    with_manifest(one_more)(life.quiet, tmp_path / "wrong.tar")
    said = qixia(other, "restore", str(tmp_path / "wrong.tar"))
    assert said.returncode == 1
    assert "another number of rows than before: people_person" in said.stderr
    assert files(other) == {}
    if other.url.startswith("sqlite"):
        assert not (other.folder / "qixia.sqlite3").exists()


def test_a_killed_backup_leaves_nothing_that_looks_like_one(life: Life, tmp_path: Path) -> None:
    """The next one tidies up, a day later."""
    place = life.place
    mark = place.folder / "var" / "backup" / "last-success"
    mark.unlink(missing_ok=True)
    name = ask(place, "SELECT storage_name FROM media_evidence")[0][0]
    large = place.folder / "var" / "media" / "originals" / name[:3] / name
    with large.open("wb") as file:
        file.truncate(3 << 30)  # sparse: the copy takes long enough to be killed
    program = place.start(*QIXIA, "backup", str(tmp_path))
    until = time.monotonic() + 60
    while not any(path.stat().st_size > 8 << 20 for path in tmp_path.glob(".*.tar.part")):
        assert time.monotonic() < until
        time.sleep(0.01)
    program.process.send_signal(signal.SIGKILL)
    program.process.wait()
    left = list(tmp_path.iterdir())
    assert left
    assert all(path.name.endswith(".part") for path in left)
    assert not mark.exists()

    for path in left:
        os.utime(path, (time.time() - 90_000,) * 2)
    large.write_bytes(b"small now")
    assert qixia(place, "backup", str(tmp_path)).returncode == 0
    assert [path.name.endswith(".qixia-backup.tar") for path in tmp_path.iterdir()] == [True]
    assert mark.exists()
