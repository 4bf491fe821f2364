"""What a clip really is: recognises MP4, MOV and WebM and reads length and size without decoding a frame.

`inspect_clip` walks the container in a seekable file and returns its `ClipShape`, or raises `Unsound`. Names and declared
types play no part. Only headers are read, however long the clip: a few kilobytes of it, `_MOOV_MAX` at most.

Units    milliseconds; pixels as stored. A length of None: the container doesn't say (phones that record piece by piece);
         whoever decodes it counts.
Cut off  a file that ends before its container says is refused; so is one without a picture track.
Sources  ISO/IEC 14496-12 (boxes), RFC 8794 and RFC 9559 (EBML, Matroska).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

from qixia.media.sniff import Unsound

ClipFormat = Literal["mp4", "mov", "webm"]
LENGTH_MAX_MS: Final = 30_000
SLACK_MS: Final = 1_000  # what a phone that stops after thirty seconds may add
_MOOV_MAX: Final = 8 * 1024 * 1024
_BOXES_MAX: Final = 5_000
_PICTURES = {b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"jpx ", b"jp2 ", b"crx "}
_TOP = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"moof", b"mfra", b"sidx", b"styp", b"meta", b"pnot", b"udta", b"emsg", b"prft"}  # fmt: skip
_EBML, _DOC_TYPE, _SEGMENT = 0x1A45DFA3, 0x4282, 0x18538067
_INFO, _TRACKS, _CLUSTER = 0x1549A966, 0x1654AE6B, 0x1F43B675
_SCALE, _DURATION = 0x2AD7B1, 0x4489
_TRACK, _VIDEO, _WIDTH, _HEIGHT = 0xAE, 0xE0, 0xB0, 0xBA
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class ClipShape:
    """What the container says."""

    format: ClipFormat
    duration_ms: int | None
    width: int
    height: int


def inspect_clip(file: BinaryIO, size: int) -> ClipShape:
    """The shape of a clip of `size` bytes, or Unsound."""
    if not size:
        raise Unsound("empty")
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _webm(file, size)
    if head[4:8] in _TOP:
        return _movie(file, size)
    raise Unsound("not_a_picture")


# ── MP4 and MOV ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _movie(file: BinaryIO, size: int) -> ClipShape:
    brand, moov = b"qt  ", None  # films from before brands were QuickTime
    for kind, start, end in _top_boxes(file, size):
        if kind == b"ftyp":
            file.seek(start)
            brand = file.read(4)
        elif kind == b"moov" and moov is None:
            if end - start > _MOOV_MAX:
                raise Unsound("damaged", detail="the table of contents is too large")
            file.seek(start)
            moov = file.read(end - start)
    if brand in _PICTURES:
        raise Unsound("not_a_picture", found="HEIC")
    if moov is None:
        raise Unsound("truncated", detail="no moov")
    return _contents("mov" if brand == b"qt  " else "mp4", moov)


def _top_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start and end of content) of each box; together they fill the file exactly."""
    at = 0
    for _ in range(_BOXES_MAX):
        if at == size:
            return
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            raise Unsound("truncated")
        length, kind, skip = int.from_bytes(head[:4], "big"), head[4:8], 8
        if kind not in _TOP:
            raise Unsound("damaged" if at else "not_a_picture", detail=f"box {kind!r}")
        if length == 1:
            length, skip = int.from_bytes(head[8:16], "big"), 16
        elif length == 0:
            length = size - at
        if length < skip:
            raise Unsound("damaged")
        if at + length > size:
            raise Unsound("truncated")
        yield kind, at + skip, at + length
        at += length
    raise Unsound("damaged", detail="too many boxes")


def _contents(format: ClipFormat, moov: bytes) -> ClipShape:
    duration: int | None = None
    width = height = 0
    for kind, body in _boxes(moov):
        if kind == b"mvhd":
            duration = _length(body)
        elif kind == b"trak":
            found = _picture_track(body)
            width, height = found or (width, height)
    if not width or not height:
        raise Unsound("not_a_picture", detail="no picture track")
    return ClipShape(format, duration or None, width, height)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_BOXES_MAX):
        if at + 8 > len(data):
            return
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if length < 8 or at + length > len(data):
            return
        yield kind, data[at + 8 : at + length]
        at += length


def _length(mvhd: bytes) -> int:
    """Milliseconds; 0 where it is written piece by piece."""
    form = ">IQ" if mvhd[:1] == b"\x01" else ">II"
    start = 20 if mvhd[:1] == b"\x01" else 12
    try:
        scale, length = struct.unpack_from(form, mvhd, start)
    except struct.error as error:
        raise Unsound("damaged", detail="mvhd") from error
    if not scale:
        raise Unsound("damaged", detail="no time scale")
    return int(length * 1000 // scale)


def _picture_track(trak: bytes) -> tuple[int, int] | None:
    """Width and height, if this track holds pictures."""
    boxes = dict(_boxes(trak))
    handler = dict(_boxes(boxes.get(b"mdia", b""))).get(b"hdlr", b"")
    tkhd = boxes.get(b"tkhd", b"")
    if handler[8:12] != b"vide" or len(tkhd) < 84:
        return None
    width, height = struct.unpack(">II", tkhd[-8:])
    return width >> 16, height >> 16


# ── WebM ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _webm(file: BinaryIO, size: int) -> ClipShape:
    ident, length, at = _element(file, 0, size)
    file.seek(at)
    kinds = dict(_elements(file.read(min(length, 4096))))
    if kinds.get(_DOC_TYPE, b"").rstrip(b"\0") != b"webm":
        raise Unsound("unsupported", found="Matroska")
    ident, length, at = _element(file, at + length, size)
    if ident != _SEGMENT:
        raise Unsound("damaged", detail="no segment")
    if length != _UNKNOWN and at + length > size:
        raise Unsound("truncated")
    duration: int | None = None
    picture: tuple[int, int] | None = None
    for ident, start, content in _segment(file, at, size):
        if ident == _INFO:
            duration = _webm_length(content)
        elif ident == _TRACKS:
            picture = _webm_picture(content)
        elif ident == _CLUSTER and start:
            break
    if picture is None:
        raise Unsound("not_a_picture", detail="no picture track")
    return ClipShape("webm", duration, *picture)


def _segment(file: BinaryIO, at: int, size: int) -> Iterator[tuple[int, int, bytes]]:
    """Elements up to the first cluster, with content where it is about the whole."""
    for _ in range(200):
        if at >= size:
            raise Unsound("truncated", detail="no cluster")
        ident, length, start = _element(file, at, size)
        if ident == _CLUSTER:
            yield ident, start, b""
            return
        if length == _UNKNOWN or start + length > size:
            raise Unsound("truncated")
        file.seek(start)
        yield ident, start, file.read(length) if ident in (_INFO, _TRACKS) and length < _MOOV_MAX else b""
        at = start + length
    raise Unsound("damaged", detail="too many elements")


def _element(file: BinaryIO, at: int, size: int) -> tuple[int, int, int]:
    """(id, length or _UNKNOWN, where its content starts)."""
    file.seek(at)
    head = file.read(12)
    try:
        ident, first = _number(head, 0, keep=True)
        length, second = _number(head, first, keep=False)
    except IndexError as error:
        raise Unsound("truncated") from error
    return ident, length, at + second


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        try:
            ident, at = _number(data, at, keep=True)
            length, at = _number(data, at, keep=False)
        except IndexError:
            return
        yield ident, data[at : at + length]
        if length < 0:
            return
        at += length


def _number(data: bytes, at: int, *, keep: bool) -> tuple[int, int]:
    """A number of variable length and where it ends; `keep` leaves its length marker in, as ids have it."""
    first = data[at]
    if not first:
        raise Unsound("damaged", detail="EBML number")
    count = 9 - first.bit_length()
    if at + count > len(data):
        raise IndexError
    value = int.from_bytes(data[at : at + count], "big")
    if keep:
        return value, at + count
    value &= (1 << (7 * count)) - 1
    return (_UNKNOWN if value == (1 << (7 * count)) - 1 else value), at + count


def _webm_length(info: bytes) -> int | None:
    parts = dict(_elements(info))
    raw = parts.get(_DURATION, b"")
    if len(raw) not in (4, 8):
        return None
    scale = int.from_bytes(parts.get(_SCALE, b""), "big") or 1_000_000
    ticks = struct.unpack(">f" if len(raw) == 4 else ">d", raw)[0]
    milliseconds = ticks * scale / 1_000_000
    return int(milliseconds) if 0 < milliseconds < 86_400_000 else None


def _webm_picture(tracks: bytes) -> tuple[int, int] | None:
    for ident, track in _elements(tracks):
        video = dict(_elements(track)).get(_VIDEO) if ident == _TRACK else None
        if video is not None:
            parts = dict(_elements(video))
            width, height = (int.from_bytes(parts.get(key, b""), "big") for key in (_WIDTH, _HEIGHT))
            return (width, height) if width and height else None
    return None
