"""A picture with its pixels and nothing else: what a camera, a phone or a program wrote around them is left out.

`strip_metadata` copies the parts that a decoder needs, as they are, and none besides: a list of what is kept, so a kind
of part that nobody has thought of is dropped. No pixel is decoded or changed.

Gone       EXIF, XMP, IPTC, comments, colour profiles, thumbnails, maker notes, and all that stands behind the picture
           (second views, motion clips with sound, trailers of phones).
Stays      how the picture is to be turned (one number from 2 to 8), or it would lie on its side; JFIF's mark and Adobe's
           colour transform, written anew; PNG's gamma and transparency.
Not hidden the tables by which a program compresses, pixels themselves: a camera's grain, a reflection in a window.
Errors     sniff.Unsound for what is no sound picture. Never the picture as it came.
Cost       linear; one picture at a time in memory, about twice its size.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from qixia.media.rules import Limits, PhotoTooLarge, Place, check_picture
from qixia.media.sniff import Format, Unsound, inspect

_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_JPEG_KEPT = {0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDC, 0xDD}  # frames, tables, restart interval
_APP0, _APP1, _APP14 = 0xE0, 0xE1, 0xEE
_PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"IDAT", b"IEND"}
_WEBP_KEPT = {b"VP8X", b"ALPH", b"VP8 ", b"VP8L"}
_WEBP_EXIF, _WEBP_ALPHA = 0x08, 0x10
_ORIENTATION = 0x0112


def strip_metadata(data: bytes, format: Format) -> bytes:
    """`data` without metadata. Raises Unsound if it is not a sound picture of this format."""
    shape = inspect(data)
    if shape.format != format:
        raise Unsound("not_a_picture", found=shape.format)
    stripped = {"jpeg": _jpeg, "png": _png, "webp": _webp}[format](data)
    again = inspect(stripped)
    if (again.width, again.height, again.notes) != (shape.width, shape.height, ()):
        raise Unsound("damaged", detail="not the same picture without its metadata")
    return stripped


# ── uploads ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Upload(Protocol):
    def chunks(self) -> Iterable[bytes]: ...


@dataclass(frozen=True, slots=True)
class Bare:
    """An upload that gives its picture without metadata, or a PhotoRefused that says what is wrong with it."""

    upload: Upload
    place: Place
    limits: Limits

    def chunks(self) -> Iterator[bytes]:
        data = self._read()
        shape = check_picture(data, self.limits, self.place)
        yield strip_metadata(data, shape.format)

    def _read(self) -> bytes:
        parts, size = [], 0
        for chunk in self.upload.chunks():
            size += len(chunk)
            if size > self.limits.max_bytes:
                raise self.place.refuse(PhotoTooLarge, limit_mb=self.limits.max_mb)
            parts.append(chunk)
        return b"".join(parts)


def bare(uploads: Sequence[Upload], *, field: str, limits: Limits) -> list[Bare]:
    """The uploads of a form field, each without metadata once it is read."""
    return [Bare(upload, Place(field, index + 1), limits) for index, upload in enumerate(uploads)]


# ── JPEG ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _jpeg(data: bytes) -> bytes:
    kept, turned, mark = [], 0, b""
    for marker, start, end in _jpeg_parts(data):
        if marker == _APP1 and not turned:
            turned = _turned(data[start + 4 : end].removeprefix(b"Exif\0\0"))
        elif marker == _APP14 and data[start + 4 : start + 9] == b"Adobe" and end - start >= 16:
            mark += b"\xff\xee\x00\x0eAdobe" + struct.pack(">HHHB", 100, 0, 0, data[start + 15])
        elif marker == _APP0 and data[start + 4 : start + 9] == b"JFIF\0" and not mark:
            mark = _JFIF
        elif marker in _JPEG_KEPT or marker == _SOS:
            kept.append(b"\xff" + bytes((marker,)) + data[start + 2 : end])
    exif = b"Exif\0\0" + _exif(turned) if turned else b""
    head = struct.pack(">BBH", 0xFF, _APP1, len(exif) + 2) + exif if exif else b""
    return b"\xff\xd8" + mark + head + b"".join(kept) + b"\xff\xd9"


def _jpeg_parts(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, position two before its length, end) of each segment up to EOI; a scan ends where its data does."""
    pos = 2
    while True:
        while data[pos + 1] == 0xFF:
            pos += 1
        marker = data[pos + 1]
        if marker == _EOI:
            return
        end = pos + 2 + int.from_bytes(data[pos + 2 : pos + 4], "big")
        if marker == _SOS:
            end = _scan_end(data, end)
        yield marker, pos, end
        pos = end


def _scan_end(data: bytes, pos: int) -> int:
    while True:
        pos = data.index(b"\xff", pos)
        after = pos
        while data[after] == 0xFF:
            after += 1
        if data[after] != 0x00 and not 0xD0 <= data[after] <= 0xD7:
            return pos
        pos = after + 1


# ── PNG ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _png(data: bytes) -> bytes:
    parts, turned, pos = [data[:8]], 0, 8
    while pos + 12 <= len(data):
        length, kind = int.from_bytes(data[pos : pos + 4], "big"), data[pos + 4 : pos + 8]
        end = pos + 12 + length
        if kind == b"eXIf":
            turned = turned or _turned(data[pos + 8 : end - 4])
        elif kind in _PNG_KEPT:
            parts.append(data[pos:end])
        pos = end
        if kind == b"IEND":
            break
    if turned:
        body = _exif(turned)
        crc = zlib.crc32(body, zlib.crc32(b"eXIf"))
        parts.insert(2, struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", crc))
    return b"".join(parts)


# ── WebP ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _webp(data: bytes) -> bytes:
    parts: list[tuple[bytes, bytes]] = []
    turned, canvas = 0, -1
    pos, last = 12, 8 + int.from_bytes(data[4:8], "little")
    while pos + 8 <= last:
        kind, length = data[pos : pos + 4], int.from_bytes(data[pos + 4 : pos + 8], "little")
        body = data[pos + 8 : pos + 8 + length]
        if kind == b"EXIF":
            turned = turned or _turned(body.removeprefix(b"Exif\0\0"))
        elif kind in _WEBP_KEPT:
            canvas = len(parts) if kind == b"VP8X" else canvas
            parts.append((kind, body))
        pos += 8 + length + (length & 1)
    if canvas >= 0:  # without the header of extensions there is no place for EXIF, and none was there
        kind, body = parts[canvas]
        flags = body[0] & _WEBP_ALPHA | (_WEBP_EXIF if turned else 0)
        parts[canvas] = (kind, bytes((flags, 0, 0, 0)) + body[4:10])
        if turned:
            parts.append((b"EXIF", _exif(turned)))
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(part)) + part + b"\0" * (len(part) & 1) for kind, part in parts
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


# ── orientation ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _turned(tiff: bytes) -> int:
    """The orientation in a block of EXIF if the picture is turned (2 to 8), else 0; 0 for whatever can't be read."""
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"
    if tiff[:4] not in (b"II*\0", b"MM\0*"):
        return 0
    start = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[start : start + 2], order)
    for at in range(start + 2, start + 2 + 12 * min(count, 200), 12):
        entry = tiff[at : at + 12]
        if len(entry) < 12:
            break
        if int.from_bytes(entry[:2], order) == _ORIENTATION:
            value = int.from_bytes(entry[8:10], order)
            return value if 2 <= value <= 8 else 0
    return 0


def _exif(orientation: int) -> bytes:
    """A block of EXIF that says how the picture is to be turned, and nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)
