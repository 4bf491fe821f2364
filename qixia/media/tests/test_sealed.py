"""The file format: whole or not at all, whatever is done to the bytes; seekable; a frame in memory at a time."""

from __future__ import annotations

import io
import os
import random
from itertools import pairwise
from pathlib import Path

import pytest

from qixia.kernel.keys import BadSeal
from qixia.media import files, sealed
from qixia.media.sealed import BLOCK, FRAME, Damaged, Sealer, Unsealer, digest_of, unwrap_key, wrap_key

HEADER = 16
WHOLE_FRAME = FRAME + 16
SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME, 3 * FRAME + 5, 10 * FRAME - BLOCK]

pytestmark = pytest.mark.usefixtures("media_dir")


def sealed_file(path: Path, content: bytes, step: int = 0) -> bytes:
    """Seal `content` into `path`, in chunks of `step` bytes; returns the key."""
    with path.open("wb", buffering=0) as out:
        sealer = Sealer(out)
        for start in range(0, len(content), step or len(content) or 1):
            sealer.write(content[start : start + (step or len(content))])
        sealer.finish()
        assert sealer.size == len(content)
    assert sealer.stored == path.stat().st_size
    return sealer.key


def content_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [0, 1000, FRAME, FRAME + 7])
def test_what_goes_in_comes_out(tmp_path: Path, size: int, step: int):
    content = content_of(size)
    key = sealed_file(tmp_path / "a", content, step)
    with Unsealer(tmp_path / "a", key) as file:
        assert file.size == size
        assert b"".join(file.parts()) == content
        assert io.BufferedReader(file).read() == content


@pytest.mark.parametrize("tail", [b"\x80", b"\x80\x00", b"\x00", b"\x00" * BLOCK, b"\x80" * 3, b"\x80" + bytes(BLOCK)])
def test_content_that_ends_like_padding_keeps_its_end(tmp_path: Path, tail: bytes):
    for head in (b"", b"x" * (FRAME - len(tail))):
        key = sealed_file(tmp_path / "a", head + tail)
        with Unsealer(tmp_path / "a", key) as file:
            assert file.readall() == head + tail


def test_a_size_on_disk_stands_for_many_contents(tmp_path: Path):
    def stored(size: int) -> int:
        sealed_file(tmp_path / "a", bytes(size))
        return (tmp_path / "a").stat().st_size

    assert len({stored(size) for size in (300_000, 301_000, 305_000, 311_000)}) == 1
    assert stored(0) == HEADER + BLOCK + 16


def test_reading_from_anywhere_is_like_reading_a_file(tmp_path: Path):
    content = content_of(5 * FRAME + 1234)
    key = sealed_file(tmp_path / "a", content)
    plain, chance = io.BytesIO(content), random.Random(1)
    with files._stream(tmp_path / "a", key) as file:
        for _ in range(300):
            whence = chance.choice([os.SEEK_SET, os.SEEK_CUR, os.SEEK_END])
            offset = chance.randrange(len(content) + 50) - {0: 0, 1: plain.tell(), 2: len(content)}[whence]
            assert file.seek(offset, whence) == plain.seek(offset, whence)
            length = chance.choice([0, 1, 100, FRAME, 3 * FRAME])
            assert file.read(length) == plain.read(length)
            assert file.tell() == plain.tell()


def refused(path: Path, key: bytes) -> bool:
    try:
        with Unsealer(path, key) as file:
            b"".join(file.parts())
    except Damaged:
        return True
    return False


def test_every_changed_byte_is_found(tmp_path: Path):
    path = tmp_path / "a"
    key = sealed_file(path, content_of(2 * FRAME + 9))
    good = path.read_bytes()
    places = [*range(HEADER), HEADER, HEADER + FRAME, HEADER + WHOLE_FRAME, len(good) - 1]
    places += random.Random(2).sample(range(len(good)), 60)
    for at in places:
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert refused(path, key), at
    path.write_bytes(good)
    assert not refused(path, key)
    assert refused(path, os.urandom(32))


def test_frames_cannot_be_cut_off_dropped_added_swapped_or_doubled(tmp_path: Path):
    path, other = tmp_path / "a", tmp_path / "b"
    key = sealed_file(path, content_of(4 * FRAME + 100))
    sealed_file(other, content_of(4 * FRAME + 100))
    good, foreign = path.read_bytes(), other.read_bytes()
    cuts = [HEADER + n * WHOLE_FRAME for n in range(5)] + [len(good)]
    head, frames = good[:HEADER], [good[a:b] for a, b in pairwise(cuts)]
    alien = foreign[HEADER : HEADER + WHOLE_FRAME]
    tries = {
        "last one cut off": head + b"".join(frames[:4]),
        "cut at the first": head + frames[0],
        "header only": head,
        "empty": b"",
        "half a header": head[:7],
        "half a frame": good[: HEADER + 1000],
        "one byte less": good[:-1],
        "a block less": good[:-BLOCK],
        "first dropped": head + b"".join(frames[1:]),
        "middle dropped": head + b"".join([*frames[:2], *frames[3:]]),
        "swapped": head + b"".join([frames[1], frames[0], *frames[2:]]),
        "doubled": head + b"".join([frames[0], *frames]),
        "last one twice": good + frames[-1],
        "something behind": good + b"x",
        "from another file": head + b"".join([alien, *frames[1:]]),
        "without header": good[HEADER:],
        "only the last": head + frames[-1],
    }
    for name, content in tries.items():
        path.write_bytes(content)
        assert refused(path, key), name


def test_a_file_that_was_never_finished_opens_for_nobody(tmp_path: Path):
    with (tmp_path / "a").open("wb", buffering=0) as out:
        sealer = Sealer(out)
        sealer.write(content_of(3 * FRAME))
    assert refused(tmp_path / "a", sealer.key)


def test_two_writings_of_one_content_have_nothing_in_common(tmp_path: Path):
    one, two = sealed_file(tmp_path / "a", bytes(FRAME)), sealed_file(tmp_path / "b", bytes(FRAME))
    assert one != two
    first, second = ((tmp_path / name).read_bytes()[HEADER:] for name in "ab")
    assert not [at for at in range(0, len(first) - 16, 16) if first[at : at + 16] == second[at : at + 16]]


def test_a_wrapped_key_is_for_one_file(tmp_path: Path):
    wrapped = wrap_key(b"k" * 32, "name")
    assert unwrap_key(memoryview(wrapped), "name") == b"k" * 32
    assert b"k" * 32 not in wrapped
    with pytest.raises(BadSeal):
        unwrap_key(wrapped, "other")


def test_a_digest_says_nothing_without_the_key():
    one = digest_of("a" * 64)
    assert one == digest_of("a" * 64) != digest_of("b" * 64)
    assert len(one) == 64


class Miserly:
    """Takes a few bytes at a time, as a nearly full disk may."""

    def __init__(self) -> None:
        self.taken = b""

    def write(self, data: bytes, /) -> int:
        self.taken += bytes(data[:1000])
        return len(data[:1000])


def test_a_sink_that_takes_little_gets_everything(tmp_path: Path):
    sink, content = Miserly(), content_of(FRAME + 5)
    sealer = Sealer(sink)
    sealer.write(content)
    sealer.finish()
    (tmp_path / "a").write_bytes(sink.taken)
    with Unsealer(tmp_path / "a", sealer.key) as file:
        assert file.readall() == content


def test_a_large_clip_is_read_with_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written = files.write_temp((content_of(FRAME) for _ in range(200)), max_bytes=1 << 30)  # 13 MB
    assert written is not None
    most = 0
    real = sealed._read_all

    def watched(file: io.FileIO, size: int) -> bytes:
        nonlocal most
        most = max(most, size)
        return real(file, size)

    monkeypatch.setattr(sealed, "_read_all", watched)
    with files.open_temp(written) as stream:
        stream.seek(150 * FRAME + 3)
        assert stream.read(5) == content_of(FRAME)[3:8]
    assert most == WHOLE_FRAME


def test_too_much_leaves_no_file(media_dir: Path):
    assert files.write_temp([b"x" * 50, b"x" * 51], max_bytes=100) is None
    assert files.write_temp([b"x" * 50, b"x" * 50], max_bytes=100) is not None
    assert len(list((media_dir / "incoming").iterdir())) == 1


def test_a_forgotten_draft_leaves_no_file(media_dir: Path):
    draft = files.Draft()
    draft.write(b"x" * 200_000)
    assert len(list((media_dir / "incoming").iterdir())) == 1
    del draft
    assert not list((media_dir / "incoming").iterdir())
