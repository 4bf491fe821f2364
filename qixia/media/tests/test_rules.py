"""What is taken and what is refused, decided on bytes alone: no database, no file, no decoder."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qixia.media import rules
from qixia.media.rules import Limits, PhotoRefused, Place, check_picture, clean_claims
from qixia.media.tests import made

LIMITS = Limits()
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def check(data: bytes, limits: Limits = LIMITS) -> tuple[str, int, int, tuple[str, ...]]:
    shape = check_picture(data, limits, Place("photos", 2))
    return shape.format, shape.width, shape.height, shape.notes


SOUND = {
    "baseline JPEG": (made.jpeg(), ("jpeg", 96, 64)),
    "progressive JPEG": (made.jpeg(progressive=True), ("jpeg", 96, 64)),
    "JPEG with restarts": (made.jpeg(restart_marker_blocks=1), ("jpeg", 96, 64)),
    "grey JPEG": (made.saved(made.scene(mode="L"), "JPEG"), ("jpeg", 96, 64)),
    "CMYK JPEG": (made.saved(made.scene(mode="CMYK"), "JPEG"), ("jpeg", 96, 64)),
    "JPEG with a thumbnail in its EXIF": (
        made.with_segment(made.jpeg(), 0xE1, b"Exif\0\0" + made.jpeg(32, 32)),
        ("jpeg", 96, 64),
    ),
    "JPEG with fill bytes": (made.jpeg().replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1), ("jpeg", 96, 64)),
    "PNG": (made.png(), ("png", 96, 64)),
    "16-bit PNG": (made.png(mode="I;16"), ("png", 96, 64)),
    "PNG with palette": (made.png(mode="P"), ("png", 96, 64)),
    "PNG with EXIF": (made.png(exif=made.exif(orientation=6)), ("png", 96, 64)),
    "lossy WebP": (made.webp(), ("webp", 96, 64)),
    "lossless WebP": (made.webp(lossless=True), ("webp", 96, 64)),
    "WebP with alpha": (made.saved(made.scene(mode="RGBA"), "WEBP"), ("webp", 96, 64)),
    "WebP with EXIF": (made.webp(exif=made.exif(orientation=6)), ("webp", 96, 64)),
    "smallest": (made.jpeg(16, 16), ("jpeg", 16, 16)),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_pictures_are_taken_with_their_size(name: str):
    data, expected = SOUND[name]
    assert check(data) == (*expected, ())


@pytest.mark.parametrize("name", SOUND)
def test_every_proper_prefix_of_a_sound_picture_is_refused(name: str):
    data, _ = SOUND[name]
    for length in range(len(data)):
        with pytest.raises(PhotoRefused):
            check(data[:length])


def _jpeg_sof(marker: int) -> bytes:
    return made.jpeg().replace(b"\xff\xc0\x00\x11", bytes((0xFF, marker, 0x00, 0x11)), 1)


def _riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body)) + body


HOSTILE = {
    "nothing": (b"", "media.empty"),
    "one byte": (b"\xff", "media.not_a_picture"),
    "zeros": (bytes(5000), "media.not_a_picture"),
    "text": ("井盖坏了".encode(), "media.not_a_picture"),
    "PDF renamed": (b"%PDF-1.7\n" + bytes(400), "media.not_a_picture"),
    "ZIP renamed": (made.archive(), "media.not_a_picture"),
    "HTML renamed": (b"\xef\xbb\xbf\n <!DOCTYPE html><script>alert(1)</script>", "media.not_a_picture"),
    "SVG renamed": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "media.not_a_picture"),
    "bare SVG": (b"<svg><script>x()</script></svg>", "media.not_a_picture"),
    "Windows program": (b"MZ" + bytes(600), "media.not_a_picture"),
    "Linux program": (b"\x7fELF" + bytes(600), "media.not_a_picture"),
    "shell script": (b"#!/bin/sh\nrm -rf /\n", "media.not_a_picture"),
    "PHP": (b"<?php system('id');", "media.not_a_picture"),
    "MP4": (made.heif(b"isom", b"mp41"), "media.not_a_picture"),
    "AVI": (_riff(b"AVI LIST" + bytes(100)), "media.not_a_picture"),
    "HEIC": (made.heif(b"heic", b"mif1"), "media.heic"),
    "HEIC under a general brand": (made.heif(b"mif1", b"heic"), "media.heic"),
    "AVIF": (made.heif(b"avif", b"mif1"), "media.heic"),
    "GIF": (made.saved(made.scene(mode="P"), "GIF"), "media.animated"),
    "moving GIF": (made.frames("GIF"), "media.animated"),
    "moving PNG": (made.frames("PNG"), "media.animated"),
    "moving WebP": (made.frames("WEBP"), "media.animated"),
    "BMP": (made.saved(made.scene(), "BMP"), "media.unsupported"),
    "TIFF": (made.saved(made.scene(), "TIFF"), "media.unsupported"),
    "lossless JPEG": (_jpeg_sof(0xC3), "media.unsupported"),
    "arithmetic JPEG": (_jpeg_sof(0xC9), "media.unsupported"),
    "12-bit JPEG": (made.patched(made.jpeg(), b"\xff\xc0", 4, b"\x0c"), "media.unsupported"),
    "JPEG without height": (made.patched(made.jpeg(), b"\xff\xc0", 5, b"\0\0"), "media.damaged"),
    "JPEG of 65,535 pixels a side": (made.patched(made.jpeg(), b"\xff\xc0", 5, b"\xff\xff\xff\xff"), "media.too_many_pixels"),
    "JPEG of headers only": (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xd9", "media.damaged"),
    "JPEG that starts twice": (b"\xff\xd8" + made.jpeg(), "media.damaged"),
    "JPEG with a segment past the end": (b"\xff\xd8\xff\xe0\xff\xff" + bytes(50), "media.truncated"),
    "JPEG with a segment of length 1": (b"\xff\xd8\xff\xe0\x00\x01" + bytes(50), "media.damaged"),
    "JPEG with an empty scan": (made.jpeg()[: made.jpeg().index(b"\xff\xda") + 14] + b"\xff\xd9", "media.damaged"),
    "JPEG without EOI": (made.jpeg()[:-2], "media.truncated"),
    "JPEG of a thousand scans": (made.jpeg()[:-2] + made.jpeg()[made.jpeg().index(b"\xff\xda") : -2] * 70 + b"\xff\xd9", "media.damaged"),
    "PNG with a wrong checksum": (made.patched(made.png(), b"IDAT", 8, b"\x00\x01\x02"), "media.damaged"),
    "PNG of 100 megapixels in few bytes": (made.png_bomb(10_000, 10_000), "media.too_many_pixels"),
    "PNG longer than 12,000 a side": (made.png_bomb(12_001, 16), "media.too_many_pixels"),
    "PNG of 4 milliard a side": (made.png_of(made.ihdr(2**32 - 1, 2**32 - 1), made.chunk(b"IEND")), "media.damaged"),
    "PNG with no width": (made.png_of(made.ihdr(0, 5), made.chunk(b"IDAT", b"x"), made.chunk(b"IEND")), "media.damaged"),
    "PNG without a picture": (made.png_of(made.ihdr(50, 50), made.chunk(b"IEND")), "media.damaged"),
    "PNG without a header": (made.png_of(made.chunk(b"IDAT", b"x"), made.chunk(b"IEND")), "media.damaged"),
    "PNG of an impossible depth": (made.png_of(made.ihdr(50, 50, 3, 2), made.chunk(b"IEND")), "media.damaged"),
    "WebP shorter than it says": (b"RIFF" + struct.pack("<I", 10**6) + made.webp()[8:], "media.truncated"),
    "WebP without a picture": (_riff(b"WEBP"), "media.damaged"),
    "WebP whose canvas is another": (made.patched(made.webp(exif=made.exif(orientation=1)), b"VP8X", 12, b"\xff\x1f\x00"), "media.damaged"),
    "WebP without a key frame": (made.patched(made.webp(), b"VP8 ", 8, b"\x01"), "media.damaged"),
    "1 pixel": (made.saved(made.scene(1, 1), "PNG"), "media.too_small"),
    "a line": (made.png(900, 2), "media.too_small"),
    "JPEG and ZIP": (made.jpeg() + made.archive(), "media.trailing_data"),
    "PNG and ZIP": (made.png() + made.archive(), "media.trailing_data"),
    "WebP and ZIP": (made.webp() + made.archive(), "media.trailing_data"),
    "ZIP inside a JPEG comment": (made.zip_in_comment(), "media.trailing_data"),
    "PDF inside a JPEG comment": (made.with_segment(made.jpeg(), 0xFE, b"%PDF-1.4 1 0 obj"), "media.trailing_data"),
    "JPEG and script": (made.jpeg() + b"<script>x()</script>", "media.trailing_data"),
    "JPEG and program": (made.jpeg() + b"\0" * 64 + b"MZ" + bytes(500), "media.trailing_data"),
    "JPEG and 70 kB of zeros": (made.jpeg() + bytes(70_000), "media.trailing_data"),
    "JPEG and half a JPEG": (made.jpeg() + made.jpeg()[:-40], "media.truncated"),
    "PNG and JPEG": (made.png() + made.jpeg(), "media.trailing_data"),
    "too many bytes": (made.jpeg() + bytes(12 * 1024 * 1024), "media.too_large"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_each_hostile_file_has_its_own_refusal(name: str):
    data, code = HOSTILE[name]
    with pytest.raises(PhotoRefused) as refusal:
        check(data)
    assert refusal.value.code == code
    assert refusal.value.field == "photos"
    assert str(refusal.value).startswith("第 2 张照片")
    assert "%(" not in str(refusal.value)


def test_a_refusal_says_what_the_file_is():
    with pytest.raises(rules.NotAPicture, match="它其实是 PDF 文件"):
        check(b"%PDF-1.7")
    with pytest.raises(rules.HeicPicture, match="HEIC 格式"):
        check(made.heif(b"heic"))
    with pytest.raises(rules.TooManyPixels, match=r"10000 × 10000 像素.*最多 24 百万像素"):
        check(made.png_bomb(10_000, 10_000))


CLIP = made.box(b"ftyp", b"mp42" + bytes(8)) + made.box(b"mdat", bytes(900))


@pytest.mark.parametrize(
    ("data", "notes"),
    [
        (made.jpeg() + bytes(12), ("padding:12",)),
        (made.png() + b"\r\n", ("padding:2",)),
        (made.webp() + b"\xff" * 3, ("padding:3",)),
        (made.jpeg() + made.jpeg(48, 32), ("more_pictures",)),
        (made.jpeg() + bytes(7) + made.jpeg(48, 32), ("padding:7", "more_pictures")),
        (made.jpeg() + b"\xff" * 5 + made.jpeg(48, 32), ("padding:5", "more_pictures")),
        (made.jpeg() + CLIP, (f"clip:{len(CLIP)}",)),
        (made.jpeg() + bytes(9) + CLIP, (f"clip:{len(CLIP)}",)),
        (made.jpeg() + made.jpeg(48, 32) + CLIP, ("more_pictures", f"clip:{len(CLIP)}")),
        (made.jpeg() + b"\x00\x00\x01\x0aDepth_MapSEFH" + bytes(20) + b"SEFT", None),
    ],
    ids=[
        "zeros",
        "newline",
        "ff",
        "gain map",
        "padded gain map",
        "ff-padded gain map",
        "motion",
        "padded motion",
        "both",
        "Samsung",
    ],
)
def test_what_phones_append_is_taken_and_noted(data: bytes, notes: tuple[str, ...] | None):
    found = check(data)[3]
    assert found == notes if notes else found[-1].startswith("phone_trailer:")


def test_limits_are_settings():
    assert check(made.jpeg(96, 64), Limits(max_side=96))[1] == 96
    with pytest.raises(rules.TooManyPixels):
        check(made.jpeg(97, 64), Limits(max_side=96))
    with pytest.raises(rules.TooManyPixels):  # a JPEG may be larger: it's decoded at a fraction
        check(made.png(1100, 1000), Limits(max_megapixels_whole=1))
    assert check(made.jpeg(1100, 1000), Limits(max_megapixels_whole=1))[1] == 1100
    with pytest.raises(rules.PhotoTooLarge, match="超过 0 MB"):
        check(made.jpeg(), Limits(max_mb=0))


@pytest.mark.parametrize(
    "data",
    [
        made.jpeg()[:-2] + b"\xff\x00" * 3_000_000,
        made.jpeg()[:-2] + b"\xff" * 6_000_000 + b"\x00",
        made.jpeg()[:-2] + b"\xff\xff\x00" * 2_000_000,
        b"\xff\xd8" + b"\xff\xfe\x00\x02" * 1_500_000,
        made.png_of(made.ihdr(50, 50)) + made.chunk(b"tEXt") * 400_000,
        _riff(b"WEBP" + b"JUNK\0\0\0\0" * 700_000),
        made.jpeg() + b"PK\x05\x06" * 16_000,
    ],
    ids=["stuffing", "fill", "fill in the scan", "comments", "chunks", "RIFF chunks", "ZIP ends"],
)
@pytest.mark.timeout(5)
def test_no_legal_size_keeps_the_check_busy(data: bytes):
    with pytest.raises(PhotoRefused):
        check(data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SOUND)), st.data())
def test_flipped_bytes_end_in_a_shape_or_a_refusal(name: str, data: st.DataObject):
    picture = bytearray(SOUND[name][0])
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(picture) - 1), st.integers(0, 255)), max_size=12)):
        picture[at] = value
    try:
        _, width, height, _ = check(bytes(picture))
    except PhotoRefused:
        return
    assert 16 <= width <= 12_000
    assert 16 <= height <= 12_000


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBP", b"\0\0\0\x18ftyp", b""]),
    st.binary(max_size=200),
)
def test_noise_behind_a_magic_is_refused(magic: bytes, noise: bytes):
    with pytest.raises(PhotoRefused):
        check(magic + noise)


# ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sensible_claim_is_kept_whole():
    claim = {
        "taken_at": "2026-11-22T07:42:00+08:00", "lat": 24.9012345678, "lng": 118.6, "datum": "WGS-84",
        "camera": "HUAWEI  P60 ", "orientation": 6, "source": "camera", "software": "1.0",
    }  # fmt: skip
    assert clean_claims(claim, now=NOW) == {
        "taken_at": "2026-11-22T07:42:00+08:00", "lat": 24.9012346, "lng": 118.6, "datum": "WGS-84",
        "camera": "HUAWEI P60", "orientation": 6, "source": "camera", "software": "1.0",
    }  # fmt: skip


@pytest.mark.parametrize(
    "claim",
    [
        None, [], "text", 7, {},
        {"taken_at": "yesterday"}, {"taken_at": "2026-13-40T00:00:00"}, {"taken_at": "1970-01-01T00:00:00"},
        {"taken_at": "2026-11-25T00:00:00"}, {"taken_at": ["2026-11-22T07:42:00"]}, {"taken_at": "2026-11-22T07:42:00" * 9},
        {"lat": 24.9}, {"lat": 91, "lng": 0.1}, {"lat": 24.9, "lng": 181}, {"lat": float("nan"), "lng": 1},
        {"lat": 10**400, "lng": 1}, {"lat": "24.9", "lng": "118.6"}, {"lat": True, "lng": False}, {"lat": 0, "lng": 0},
        {"camera": "\x00\x1b\u202e"}, {"camera": 5}, {"orientation": 9}, {"orientation": True}, {"source": "moon"},
        {"source": []}, {"owner": "person:1"},
    ],
)  # fmt: skip
def test_nonsense_in_a_claim_is_dropped(claim: object):
    assert clean_claims(claim, now=NOW) == {}


def test_long_names_are_cut():
    assert len(clean_claims({"camera": "相" * 5000}, now=NOW)["camera"]) == 80


def test_hash_distance_counts_bits_over_the_sign():
    assert rules.hash_distance(rules.signed64(2**64 - 1), 0) == 64
    assert rules.hash_distance(rules.signed64(0b1011), 0b0001) == 2
    assert -(2**63) <= rules.signed64(2**63) < 0
