"""Clips: what the container says, what is refused, and key frames from real files."""

import contextlib
import io
import os
import time

import cv2
import numpy as np
import pytest

from qixia.media import frames
from qixia.media.clips import inspect_clip
from qixia.media.pictures import Undecodable
from qixia.media.sniff import Unsound
from qixia.media.tests.filming import CODECS, clip


def inspect(data: bytes):
    return inspect_clip(io.BytesIO(data), len(data))


class TestContainer:
    @pytest.mark.parametrize("form", CODECS)
    def test_format_length_and_size(self, form):
        shape = inspect(clip(form))
        assert (shape.format, shape.width, shape.height) == (form, 320, 240)
        assert shape.duration_ms == pytest.approx(3000, abs=120)

    @pytest.mark.parametrize("form", CODECS)
    def test_what_breaks_off_is_refused(self, form):
        data = clip(form)
        for part in range(1, 40):
            with pytest.raises(Unsound):
                inspect(data[: len(data) * part // 40])

    @pytest.mark.parametrize("form", ["mp4", "mov"])
    def test_what_hangs_on_is_refused(self, form):
        for tail in (b"PK\x03\x04" + b"x" * 40, b"<script>alert(1)</script>", b"\x00" * 7):
            with pytest.raises(Unsound):
                inspect(clip(form) + tail)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x00" * 4096,
            b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
            b"ffconcat version 1.0\nfile /etc/passwd\n",
            b"\xff\xd8\xff\xe0" + b"x" * 100,
            b"<html></html>" * 10,
            b"\x00\x00\x00\x18ftypheic" + b"\x00" * 12,
            b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00",
            b"\x00\x00\x00\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x00\x00\x00\x04ftyp",
            b"\x1a\x45\xdf\xa3",
            b"\x1a\x45\xdf\xa3\x00\x00\x00\x00\x00\x00\x00",
            b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska\x18\x53\x80\x67\x80",
            b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\xff",
        ],
    )
    def test_no_clip(self, data):
        with pytest.raises(Unsound):
            inspect(data)

    def test_bytes_at_random_are_refused_and_never_crash(self):
        chance = np.random.default_rng(3)
        for form in CODECS:
            sound = clip(form)
            for _ in range(150):
                data = bytearray(sound)
                for at in chance.integers(0, min(len(data), 600), 4):
                    data[at] = chance.integers(256)
                try:
                    shape = inspect(bytes(data))
                except Unsound:
                    continue
                assert shape.width > 0

    def test_only_headers_are_read(self):
        """A clip of fifty megabytes costs no more than a small one."""
        body = 50 * 1024 * 1024
        ftyp, rest = clip("mp4")[:8], clip("mp4")
        moov = rest.index(b"moov") - 4
        length = int.from_bytes(rest[moov : moov + 4], "big")
        head = rest[: int.from_bytes(ftyp[:4], "big")]
        read = 0

        class Counting(io.BytesIO):
            def read(self, size=-1):
                nonlocal read
                found = super().read(size)
                read += len(found)
                return found

        data = head + (body + 8).to_bytes(4, "big") + b"mdat" + bytes(body) + rest[moov : moov + length]
        assert inspect_clip(Counting(data), len(data)).duration_ms == pytest.approx(3000, abs=120)
        assert read < 100_000


class TestFrames:
    @pytest.mark.parametrize("form", CODECS)
    def test_frames_of_what_differs(self, form):
        taken = frames.take_frames(io.BytesIO(clip(form)))
        assert taken.duration_ms == pytest.approx(3000, abs=150)
        assert (taken.width, taken.height) == (320, 240)
        assert 2 <= len(taken.frames) <= frames.FRAMES
        pictures = [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in taken.frames]
        walls = {tuple(int(v) // 20 for v in picture[200, 300]) for picture in pictures}
        assert len(walls) == 3  # each second is seen

    def test_too_long(self):
        with pytest.raises(Undecodable) as refusal:
            frames.take_frames(io.BytesIO(clip("mp4", 32.0, fps=2, width=64, height=48)))
        assert refusal.value.reason == "too_long"

    def test_thirty_seconds_are_taken(self):
        taken = frames.take_frames(io.BytesIO(clip("mp4", 30.0, fps=2, width=64, height=48)))
        assert taken.duration_ms == pytest.approx(30_000, abs=600)

    @pytest.mark.parametrize("form", CODECS)
    def test_a_sound_container_with_nonsense_inside(self, form):
        data = bytearray(clip(form))
        middle = slice(len(data) // 10, len(data) * 8 // 10)
        data[middle] = os.urandom(len(data[middle]))
        with contextlib.suppress(Undecodable):  # or some frames can still be read; nothing else may happen
            assert frames.take_frames(io.BytesIO(bytes(data))).frames

    @pytest.mark.parametrize(
        "text", [b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", b"ffconcat version 1.0\nfile /etc/hostname\n"]
    )
    def test_playlists_open_nothing(self, text):
        with pytest.raises(Undecodable) as refusal:
            frames.take_frames(io.BytesIO(text))
        assert refusal.value.reason == "unreadable"

    def test_a_decoder_that_hangs_is_ended(self, monkeypatch):
        monkeypatch.setattr(frames, "_SECONDS", 0.05)
        began = time.monotonic()
        with pytest.raises(Undecodable) as refusal:
            frames.take_frames(io.BytesIO(clip("mp4")))
        assert refusal.value.reason == "too_slow"
        assert time.monotonic() - began < 10

    def test_nothing_is_written_to_disk(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        frames.take_frames(io.BytesIO(clip("webm")))
        assert list(tmp_path.iterdir()) == []
