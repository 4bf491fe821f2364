"""Master keys: one, several, files that a killed rotation left half-way, values from before they named their key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from qixia.kernel import keys as module
from qixia.kernel.keys import (
    BadSeal,
    Keys,
    MissingKey,
    forget_key_file,
    index_path,
    make_key_file,
    next_path,
    old_path,
    rotate_key_files,
    seal_with,
)

SECRET = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_key_file(tmp_path / "keys" / "master.key")
    return tmp_path / "keys" / "master.key"


def derived_before(secret: bytes, purpose: str) -> bytes:
    """As all versions did before there were several keys."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=b"qixia", info=purpose.encode()).derive(secret)


def test_a_single_key_goes_on_to_mean_what_it_meant():
    keys = Keys(SECRET)
    assert keys.derive("picture-address") == keys.lasting("picture-address")
    assert keys.derive("picture-address") == derived_before(SECRET, "picture-address")
    expected = hmac.new(derived_before(SECRET, "index:people.phone"), b"138", hashlib.sha256).hexdigest()[:40]
    assert keys.blind_index("138", purpose="people.phone") == expected


def test_values_from_before_they_named_their_key_still_open():
    sealed = seal_with(derived_before(SECRET, "seal"), b"138", purpose="phone")
    wrapped = seal_with(derived_before(SECRET, "wrap"), b"k" * 32, purpose="data-key")
    for keys in (Keys(SECRET), Keys(bytes(32), old=[SECRET])):
        assert keys.open(sealed, purpose="phone") == b"138"
        assert keys.unwrap(wrapped) == b"k" * 32
        with pytest.raises(BadSeal):
            keys.open(sealed, purpose="name")
    with pytest.raises(BadSeal):
        Keys(bytes(32)).open(sealed, purpose="phone")


def test_an_old_value_that_looks_like_a_marked_one_opens_all_the_same(monkeypatch: pytest.MonkeyPatch):
    keys = Keys(SECRET)
    nonce = b"\x51" + bytes.fromhex(keys.key_id) + bytes(7)
    monkeypatch.setattr(module.os, "urandom", lambda n: nonce[:n])
    sealed = seal_with(derived_before(SECRET, "seal"), b"138", purpose="phone")
    assert keys.id_of(sealed) == keys.key_id
    assert keys.open(sealed, purpose="phone") == b"138"


def test_a_value_names_its_key_and_opens_under_any_at_hand():
    old, new = Keys(SECRET), Keys(bytes(32), old=[SECRET], lasting=None)
    sealed, wrapped = old.seal(b"138", purpose="phone"), old.wrap(b"k" * 32)
    assert old.id_of(sealed) == old.id_of(wrapped) == old.key_id == new.key_ids[1]
    assert new.open(memoryview(sealed), purpose="phone") == b"138"
    assert new.unwrap(wrapped) == b"k" * 32
    again = new.seal(new.open(sealed, purpose="phone"), purpose="phone")
    assert new.id_of(again) == new.key_id != old.key_id
    assert Keys(bytes(32)).open(again, purpose="phone") == b"138"
    with pytest.raises(BadSeal):
        old.open(again, purpose="phone")
    assert new.id_of(b"") == new.id_of(b"\x51abc") == ""


def test_a_seal_is_for_one_purpose_and_breaks_with_any_byte():
    keys = Keys(SECRET)
    sealed = keys.seal(b"138", purpose="phone")
    for at in range(len(sealed)):
        with pytest.raises(BadSeal):
            keys.open(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], purpose="phone")
    for wrong in (b"", sealed[:-1], sealed[:5], sealed[:20]):
        with pytest.raises(BadSeal):
            keys.open(wrong, purpose="phone")
    with pytest.raises(BadSeal):
        keys.unwrap(sealed)


def test_what_lasts_lasts_and_what_is_signed_changes(path: Path):
    before = Keys.load(path)
    sealed = before.seal(b"138", purpose="phone")
    new_id = rotate_key_files(path)
    after = Keys.load(path)
    assert after.key_ids == (new_id, before.key_id)
    assert after.blind_index("138", purpose="p") == before.blind_index("138", purpose="p")
    assert after.keyed_digest(b"x", purpose="p") == before.keyed_digest(b"x", purpose="p")
    assert after.derive("token:x") != before.derive("token:x")
    assert after.derive_all("token:x") == [after.derive("token:x"), before.derive("token:x")]
    assert after.open(sealed, purpose="phone") == b"138"


def test_a_third_key_and_the_first_one_forgotten(path: Path):
    first = Keys.load(path)
    rotate_key_files(path)
    second = Keys.load(path)
    sealed = second.seal(b"138", purpose="phone")
    rotate_key_files(path)
    assert len(Keys.load(path).key_ids) == 3
    forget_key_file(path, first.key_id)
    third = Keys.load(path)
    assert third.key_ids == (third.key_id, second.key_id)
    assert third.open(sealed, purpose="phone") == b"138"
    assert third.blind_index("138", purpose="p") == first.blind_index("138", purpose="p")
    forget_key_file(path, second.key_id)
    assert Keys.load(path).blind_index("138", purpose="p") == first.blind_index("138", purpose="p")
    with pytest.raises(BadSeal):
        Keys.load(path).open(sealed, purpose="phone")


def test_what_is_sealed_now_does_not_open_with_what_index_key_holds(path: Path):
    """Who has the new key and index.key learns the first key's root, but nothing that was sealed under it."""
    first = Keys.load(path)
    sealed = first.seal(b"138", purpose="phone")
    rotate_key_files(path)
    root = Keys.load(path)._lasting
    for purpose in ("seal", "wrap"):
        with pytest.raises(BadSeal):
            module.open_with(module._expand(root, purpose), sealed[5:], purpose="phone")


def test_files_are_private(path: Path):
    rotate_key_files(path)
    found = [file for file in path.parent.rglob("*") if file.is_file()]
    assert len(found) == 3
    assert all(file.stat().st_mode & 0o077 == 0 for file in found)


@pytest.mark.parametrize("step", range(1, 19))
def test_a_rotation_of_the_files_stops_anywhere_and_ends_as_one(path: Path, monkeypatch, step: int):
    """Each file operation fails once: what is there loads, opens everything, and the next try ends with one new key."""
    first = Keys.load(path)
    sealed, known = first.seal(b"138", purpose="phone"), first.blind_index("138", purpose="p")
    done = stop_at(monkeypatch, step)
    try:
        rotate_key_files(path)
    except PowerCut:
        pass
    monkeypatch.undo()
    between = Keys.load(path)
    assert between.open(sealed, purpose="phone") == b"138"
    assert between.blind_index("138", purpose="p") == known
    if len(between.key_ids) == 1:
        rotate_key_files(path)
    after = Keys.load(path)
    assert after.key_ids[1:] == (first.key_id,)
    assert after.open(sealed, purpose="phone") == b"138"
    assert after.blind_index("138", purpose="p") == known
    assert not next_path(path).exists()
    assert done[0] <= step


def test_the_steps_above_are_all_that_there_are(path: Path, monkeypatch):
    done = stop_at(monkeypatch, 99)
    rotate_key_files(path)
    assert done[0] == 18


class PowerCut(Exception):
    pass


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int) -> list[int]:
    """Writing, renaming and syncing fail from the `step`th call on. Returns a list with the number of calls."""
    done = [0]

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            done[0] += 1
            if done[0] >= step:
                raise PowerCut
            return real(*args, **kwargs)

        return call

    for name in ("open", "replace", "fsync"):
        monkeypatch.setattr(module.os, name, counted(getattr(os, name)))
    return done


def test_a_missing_or_foreign_index_key_is_said_at_the_start(path: Path, tmp_path: Path):
    rotate_key_files(path)
    index = index_path(path)
    text = index.read_text()
    index.unlink()
    with pytest.raises(MissingKey, match=r"index\.key is missing"):
        Keys.load(path)
    other = tmp_path / "other" / "master.key"
    make_key_file(other)
    rotate_key_files(other)
    index.write_text(index_path(other).read_text())
    with pytest.raises(MissingKey, match="does not open"):
        Keys.load(path)
    index.write_text(base64.b64encode(_without_index(path).wrap(os.urandom(32))).decode())
    with pytest.raises(MissingKey, match="does not belong"):
        Keys.load(path)
    index.write_text(text)
    Keys.load(path)


def _without_index(path: Path) -> Keys:
    return Keys(base64.b64decode(path.read_text().split()[0]))


def test_old_keys_put_there_by_hand_without_an_index_key_are_refused(path: Path):
    """Else everybody's phone number would be looked up under the new key, and nobody found."""
    old = old_path(path, "by-hand")
    old.parent.mkdir()
    old.write_text(path.read_text())
    with pytest.raises(MissingKey, match=r"index\.key"):
        Keys.load(path)


@pytest.mark.parametrize("text", ["", "x", "AAAA", base64.b64encode(bytes(31)).decode(), "\x00"])
def test_a_spoilt_key_file_is_said(path: Path, text: str):
    path.write_text(text)
    with pytest.raises(MissingKey):
        Keys.load(path)


@pytest.fixture
def installation(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module's own keys come from `path` for this test."""
    monkeypatch.setattr(module.get_config(), "master_key_file", path)
    monkeypatch.setattr(module._Kept, "keys", None)
    return path


def test_a_running_process_takes_up_a_new_key_within_seconds(installation: Path, monkeypatch):
    before = module.keys()
    rotate_key_files(installation)
    assert module.keys() is before  # no look at the files at each call
    monkeypatch.setattr(module._Kept, "at", module._Kept.at - module._LOOK_EVERY_S)
    assert module.keys().key_ids[1:] == (before.key_id,)


def test_a_running_process_opens_what_another_sealed_under_a_new_key(installation: Path):
    before = module.keys()
    rotate_key_files(installation)
    sealed = Keys.load(installation).seal(b"138", purpose="phone")
    assert before.open(sealed, purpose="phone") == b"138"


def test_key_files_that_cannot_be_read_just_now_change_nothing(installation: Path, monkeypatch):
    before = module.keys()
    installation.write_text("half a")
    monkeypatch.setattr(module._Kept, "at", module._Kept.at - module._LOOK_EVERY_S)
    assert module.keys() is before
