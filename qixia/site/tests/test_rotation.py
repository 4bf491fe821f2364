"""A new master key, everything moved to it, the old one gone. The kill test is tests/harness/test_rotation.py."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import models

from qixia.audit.queries import history_of
from qixia.audit.services import record_access
from qixia.kernel import keys as key_module
from qixia.kernel import sealed, tokens
from qixia.kernel.config import get_config
from qixia.kernel.keys import index_path, keys, make_key_file, next_path, old_path
from qixia.kernel.sealed import declare, sealed_columns
from qixia.media import files
from qixia.media.access import open_token, picture_url
from qixia.media.models import Evidence
from qixia.media.services import store_upload
from qixia.media.tests.made import jpeg
from qixia.people import vault
from qixia.people.services.accounts import create_person
from qixia.site import rotation

# Sealed with something else than the master key, or not sealed.
OTHERWISE = {
    "people.Person.sealed_phone": "with the person's own key, people.PersonKey",
    "people.Person.sealed_real_name": "with the person's own key, people.PersonKey",
    "triage.Fingerprint.marks": "not sealed: hashes that the database compares by, no words and no person",
    "triage.TrainedModel.data": "not sealed: weights; their hash is in the policy, and a backup must be able to restore them",
}
PHOTO = jpeg(seed=7)
CLAIM = {"camera": "PHONE-9", "lat": 24.9, "lng": 118.6}


class Viewer:
    is_signed_in, ref = True, "person:a"


@pytest.fixture(autouse=True)
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation of its own: keys and media."""
    path = tmp_path / "keys" / "master.key"
    make_key_file(path)
    monkeypatch.setattr(get_config(), "master_key_file", path)
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    key_module.renew()
    yield path
    key_module.renew()


def rotate(*words: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("rotate_keys", *words, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def things() -> tuple[Evidence, Any, str]:
    """One of several sealed things: a photo, a person, the id of an access."""
    row = store_upload(ContentFile(PHOTO), owner_ref="report:a", claimed=CLAIM)
    person = create_person(display_name="一川", phone="13800000001", real_name="陈一川", actor="system:test")
    access = record_access(kind="phone", subject="person:a", actor="person:b", basis="law", reason="法院调取令第五号")
    return row, person, access


def all_opens(row: Evidence, person: Any, access: str) -> None:
    row = Evidence.objects.get(pk=row.pk)
    assert files.read_original(row.storage_name, row.file_key) == PHOTO
    assert row.claimed == CLAIM
    person = apps.get_model("people", "Person").objects.get(pk=person.pk)
    opened = vault.unseal(person.sealed_phone, wrapped=person.key.wrapped, owner=person.public_id, field="phone")
    assert opened == "13800000001"
    assert person.phone_index == vault.phone_index("13800000001")
    record = apps.get_model("audit", "AccessRecord").objects.get(public_id=access)
    assert keys().open(record.sealed_reason, purpose=f"access-reason:{access}").decode() == "法院调取令第五号"


def test_every_sealed_column_is_declared():
    """Else a rotation would leave it behind, and it would be lost with the old key."""
    found = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model.__module__.startswith("qixia.")
        for field in model._meta.local_fields
        if isinstance(field, models.BinaryField)
    }
    assert found - set(OTHERWISE) == {column.name for column in sealed_columns()}


def test_declared_columns_exist_with_what_their_purpose_reads():
    for column in sealed_columns():
        names = {
            field.attname for field in apps.get_model(column.model)._meta.get_fields() if hasattr(field, "attname")
        }
        assert {column.column, *column.fields} <= names | {"pk"}, column
        assert not column.key_id or column.key_id in names


def test_a_column_is_declared_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sealed, "_declared", {})
    declare("a.B", "c", "x")
    declare("a.B", "c", "x")
    with pytest.raises(ValueError, match=r"a\.B\.c"):
        declare("a.B", "c", "y")


@pytest.mark.django_db
def test_everything_moves_to_the_new_key_and_opens(key_file: Path):
    made = things()
    old = keys().key_id
    lines = rotate("--new", "--batch", "1")
    new = keys().key_id
    assert lines[0] == {"new": new}
    assert new != old
    by_name = {line["column"]: line for line in lines if "column" in line}
    assert set(by_name) == {column.name for column in sealed_columns()}
    assert by_name["media.Evidence.wrapped_key"] == {
        "column": "media.Evidence.wrapped_key", "moved": 1, "unreadable": 0, "keys": {new: 1},
    }  # fmt: skip
    assert by_name["people.PersonKey.wrapped"]["keys"] == {new: 1}
    assert by_name["audit.AccessRecord.sealed_reason"]["keys"] == {old: 1}  # the database refuses changes
    assert lines[-1] == {"current": new, "left": {old: 1}, "may_be_forgotten": []}
    assert Evidence.objects.get().key_id == new
    all_opens(*made)
    actions = [act.action for act in history_of(rotation.SUBJECT)]
    assert actions[0] == "keys.replaced"
    assert set(actions[1:]) == {"keys.moved"}


@pytest.mark.django_db
def test_a_second_run_changes_nothing(key_file: Path):
    things()
    rotate("--new")
    before = list(Evidence.objects.values_list("wrapped_key", "sealed_claimed"))
    again = rotate()
    assert {line["moved"] for line in again if "moved" in line} == {0}
    assert [tuple(map(bytes, row)) for row in before] == [
        tuple(map(bytes, row)) for row in Evidence.objects.values_list("wrapped_key", "sealed_claimed")
    ]
    assert len(keys().key_ids) == 2


@pytest.mark.django_db
def test_a_killed_rotation_of_the_files_is_taken_up_without_asking(key_file: Path, monkeypatch: pytest.MonkeyPatch):
    made = things()
    real = os.replace

    def dies(source: Any, target: Any) -> None:
        if target == key_file:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        rotate("--new")
    monkeypatch.undo()
    monkeypatch.setattr(get_config(), "master_key_file", key_file)
    monkeypatch.setattr(get_config(), "media_dir", key_file.parents[1] / "media")
    key_module.renew()
    assert next_path(key_file).exists()
    lines = rotate()
    assert lines[0] == {"new": keys().key_id}
    assert len(keys().key_ids) == 2
    all_opens(*made)


@pytest.mark.django_db
def test_an_old_key_stays_while_anything_needs_it_or_is_young(key_file: Path):
    row, person, access = things()
    old = keys().key_id
    rotate("--new")
    with pytest.raises(CommandError, match=r"audit\.AccessRecord\.sealed_reason"):
        rotate("--forget", old, "--at-once")
    with pytest.raises(CommandError, match="there is no old key"):
        rotate("--forget", keys().key_id)
    assert old_path(key_file, old).exists()
    all_opens(row, person, access)


@pytest.mark.django_db
def test_an_old_key_that_nothing_needs_is_removed_and_all_opens(key_file: Path):
    row = store_upload(ContentFile(PHOTO), owner_ref="report:a", claimed=CLAIM)
    old = keys().key_id
    token = tokens.sign({"a": 1}, purpose="x")
    url = picture_url(row.public_id, "thumb", Viewer.ref).rpartition("/")[2]
    assert rotate("--new")[-1]["may_be_forgotten"] == [old]
    assert tokens.verify(token, purpose="x") == {"a": 1}
    assert open_token(url, Viewer()).public_id == row.public_id  # type: ignore[arg-type]
    with pytest.raises(CommandError, match="signatures may be under way"):
        rotate("--forget", old)
    assert old_path(key_file, old).exists()
    long_ago = time.time() - 10 * 86400
    os.utime(old_path(key_file, old), (long_ago, long_ago))
    assert rotate("--forget", old) == [{"forgotten": old, "current": keys().key_id}]
    assert not old_path(key_file, old).exists()
    assert keys().key_ids == (keys().key_id,)
    row = Evidence.objects.get()
    assert files.read_original(row.storage_name, row.file_key) == PHOTO
    assert row.claimed == CLAIM
    with pytest.raises(tokens.BadToken):
        tokens.verify(token, purpose="x")


@pytest.mark.django_db
def test_a_value_that_does_not_open_stops_nothing_and_is_said(key_file: Path):
    good, _person, _access = things()
    bad = store_upload(ContentFile(jpeg()), owner_ref="report:b")
    Evidence.objects.filter(pk=bad.pk).update(wrapped_key=b"Q" + b"x" * 60)
    out = StringIO()
    with pytest.raises(CommandError, match="do not open"):
        call_command("rotate_keys", "--new", stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    [line] = [line for line in lines if line.get("column") == "media.Evidence.wrapped_key"]
    assert (line["moved"], line["unreadable"]) == (1, 1)
    good.refresh_from_db()
    assert files.read_original(good.storage_name, good.file_key) == PHOTO


@pytest.mark.django_db
def test_values_from_before_they_named_their_key_move_too(key_file: Path):
    row = store_upload(ContentFile(PHOTO), owner_ref="report:a", claimed=CLAIM)
    ring = keys()
    plain = ring.open(row.sealed_claimed, purpose=f"media.claimed:{row.public_id}")
    nameless = key_module.seal_with(ring.derive("seal"), plain, purpose=f"media.claimed:{row.public_id}")
    Evidence.objects.filter(pk=row.pk).update(sealed_claimed=nameless)
    lines = rotate()
    [line] = [line for line in lines if line.get("column") == "media.Evidence.sealed_claimed"]
    assert (line["moved"], line["keys"]) == (1, {ring.key_id: 1})
    assert Evidence.objects.get().claimed == CLAIM


@pytest.mark.django_db
def test_a_row_that_changes_meanwhile_keeps_the_newer_value(key_file: Path, monkeypatch: pytest.MonkeyPatch):
    row = store_upload(ContentFile(PHOTO), owner_ref="report:a", claimed=CLAIM)
    real = sealed.SealedColumn.move

    def meanwhile(self: Any, ring: Any, value: bytes, fields: Any) -> bytes:
        if self.column == "sealed_claimed":
            other = Evidence.objects.get()
            other.claimed = {"camera": "newer"}
            other.save(update_fields=["sealed_claimed"])
        return real(self, ring, value, fields)

    monkeypatch.setattr(sealed.SealedColumn, "move", meanwhile)
    rotate("--new")
    row.refresh_from_db()
    assert row.claimed == {"camera": "newer"}


def test_a_folder_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rotation, "rotate_key_files", lambda path: (_ for _ in ()).throw(PermissionError("read-only")))
    with pytest.raises(CommandError, match="cannot be written"):
        rotate("--new")


def test_the_first_key_needs_no_index_key(key_file: Path):
    assert not index_path(key_file).exists()
