"""What a file really is: recognises and walks JPEG, PNG and WebP without decoding a pixel.

`inspect` takes the whole file as bytes or mmap and returns its `Shape`, or raises `Unsound` with one of the flaws in
`Flaw`. Names and declared types play no part. Sizes are pixels as stored (before EXIF orientation) and bytes.

Cost     linear in the file, ~1 ms for 600 kB; loops are capped, so no file of a legal size costs more than ~0.2 s.
Cut off  every proper prefix of a sound picture is refused: a JPEG must reach its EOI marker outside of any segment, a
         PNG its IEND with every CRC right, a WebP the length that RIFF promises.
Tails    padding after the end is taken and noted, and so is what phones append (a gain map or second view as another
         JPEG, a motion clip, Samsung's trailer). Anything else behind a picture is refused: two files in one.
"""

from __future__ import annotations

import mmap
import re
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

Buffer = bytes | mmap.mmap
Format = Literal["jpeg", "png", "webp"]
Flaw = Literal["empty", "not_a_picture", "unsupported", "heic", "animated", "truncated", "damaged", "trailing_data"]

_MAX_PARTS = 20_000  # markers of a JPEG, chunks of a PNG or WebP; a 12 MB PNG in 4 kB chunks has 3,000
_MAX_SCANS = 64  # cameras write 1, progressive encoders ~10; each costs a pass over the whole picture
_MAX_PADDING = 64 * 1024
_MAX_MORE_PICTURES = 8
_PADDING = b"\x00\xff\r\n\t "

_JPEG_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # not stuffing, not a restart; may be fill
_JPEG_FILL = re.compile(rb"\xff*")
_SOF_DECODABLE = {0xC0, 0xC1, 0xC2}
_SOF_OTHER = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}  # lossless, hierarchical, arithmetic

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2", b"miaf"}
_AVIF_BRANDS = {b"avif", b"avis", b"avio"}
_OTHER_MAGIC = (
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7Z"),
    (b"\x1f\x8b", "GZIP"),
    (b"MZ", "EXE"),
    (b"\x7fELF", "ELF"),
    (b"\xcf\xfa\xed\xfe", "EXE"),
    (b"\xca\xfe\xba\xbe", "EXE"),
    (b"#!", "SCRIPT"),
    (b"\x1a\x45\xdf\xa3", "WEBM"),
    (b"\xd0\xcf\x11\xe0", "DOC"),
)
_UNSUPPORTED_MAGIC = (
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"8BPS", "PSD"),
    (b"\x00\x00\x01\x00", "ICO"),
)
_TEXT_STARTS = (
    (b"<svg", "SVG"),
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<script", "HTML"),
    (b"<?php", "PHP"),
)


class Unsound(Exception):
    """The file is not a picture that we take. `found` names what it is instead, where that is known."""

    def __init__(self, flaw: Flaw, *, found: str = "", detail: str = "") -> None:
        self.flaw: Flaw = flaw
        self.found = found
        self.detail = detail
        super().__init__(flaw, found, detail)


@dataclass(frozen=True, slots=True)
class Shape:
    """A picture whose structure is complete. `notes` tell what stands behind its end, such as "padding:12"."""

    format: Format
    width: int
    height: int
    notes: tuple[str, ...] = ()

    @property
    def pixels(self) -> int:
        return self.width * self.height


def inspect(data: Buffer) -> Shape:
    """The shape of the still picture in `data`. Raises Unsound."""
    if not len(data):
        raise Unsound("empty")
    head = data[:64]
    if head[:3] == b"\xff\xd8\xff":
        width, height, end = _walk_jpeg(data, 0)
        shape = Shape("jpeg", width, height, _judge_tail(data, end, phone_tails=True))
    elif head[:8] == _PNG_MAGIC:
        width, height, end = _walk_png(data)
        shape = Shape("png", width, height, _judge_tail(data, end))
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        width, height, end = _walk_webp(data)
        shape = Shape("webp", width, height, _judge_tail(data, end))
    else:
        raise _name_stranger(data)
    _refuse_two_in_one(data)
    return shape


# ── JPEG ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _walk_jpeg(data: Buffer, start: int) -> tuple[int, int, int]:
    """(width, height, position after EOI) of the JPEG that begins at `start`."""
    pos, size, scans, end = start + 2, None, 0, len(data)
    for _ in range(_MAX_PARTS):
        if pos >= end:
            raise Unsound("truncated")
        if data[pos] != 0xFF:
            raise Unsound("damaged", detail="no marker where one must be")
        pos = _skip_fill(data, pos)
        if pos >= end:
            raise Unsound("truncated")
        marker = data[pos]
        pos += 1
        if marker == 0xD9:
            if size is None or not scans:
                raise Unsound("damaged", detail="ends before any picture")
            return size[0], size[1], pos
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            raise Unsound("damaged", detail=f"marker {marker:02x} out of place")
        pos, body = _jpeg_segment(data, pos)
        if marker in _SOF_OTHER:
            raise Unsound("unsupported", found="JPEG")
        if marker in _SOF_DECODABLE:
            size = _jpeg_frame(body, again=size is not None)
        elif marker == 0xDA:
            scans += 1
            if size is None or scans > _MAX_SCANS:
                raise Unsound("damaged", detail="scan without frame, or too many")
            pos = _skip_scan(data, pos)
    raise Unsound("damaged", detail="too many markers")


def _skip_fill(data: Buffer, pos: int) -> int:
    """The position after a run of 0xFF. Linear: a run is never looked at twice."""
    match = _JPEG_FILL.match(data, pos)
    return match.end() if match else pos


def _jpeg_segment(data: Buffer, pos: int) -> tuple[int, bytes]:
    """(position after the segment, its first 32 bytes)."""
    if pos + 2 > len(data):
        raise Unsound("truncated")
    length = int.from_bytes(data[pos : pos + 2], "big")
    if length < 2:
        raise Unsound("damaged", detail="segment shorter than its length field")
    if pos + length > len(data):
        raise Unsound("truncated")
    return pos + length, data[pos + 2 : pos + min(length, 34)]


def _jpeg_frame(body: bytes, *, again: bool) -> tuple[int, int]:
    if again or len(body) < 6:
        raise Unsound("damaged", detail="second or short frame header")
    precision, height, width, components = struct.unpack(">BHHB", body[:6])
    if precision != 8 or components not in (1, 3, 4):
        raise Unsound("unsupported", found="JPEG")
    if not width or not height:  # height 0 means "told later by DNL": no camera does it
        raise Unsound("damaged", detail="no size")
    return width, height


def _skip_scan(data: Buffer, pos: int) -> int:
    """The position of the marker that ends a scan."""
    start = pos
    for _ in range(_MAX_PARTS):
        match = _JPEG_MARKER_IN_SCAN.search(data, pos)
        if match is None:
            raise Unsound("truncated")
        after = _skip_fill(data, match.start())
        if after >= len(data):
            raise Unsound("truncated")
        if data[after] == 0x00 or 0xD0 <= data[after] <= 0xD7:  # fill before a restart marker
            pos = after + 1
            continue
        if match.start() == start:
            raise Unsound("damaged", detail="empty scan")
        return match.start()
    raise Unsound("damaged", detail="too much fill")


# ── PNG ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _walk_png(data: Buffer) -> tuple[int, int, int]:
    pos, size, has_data, end = len(_PNG_MAGIC), None, False, len(data)
    for _ in range(_MAX_PARTS):
        if pos + 12 > end:
            raise Unsound("truncated")
        length = int.from_bytes(data[pos : pos + 4], "big")
        kind = data[pos + 4 : pos + 8]
        if not kind.isalpha() or length > 0x7FFFFFFF:
            raise Unsound("damaged", detail="not a chunk")
        if pos + 12 + length > end:
            raise Unsound("truncated")
        body = data[pos + 8 : pos + 8 + length]
        if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(data[pos + 8 + length : pos + 12 + length], "big"):
            raise Unsound("damaged", detail="checksum")
        pos += 12 + length
        if size is None:
            size = _png_header(kind, body)
        elif kind == b"acTL":
            raise Unsound("animated", found="APNG")
        elif kind == b"IDAT":
            has_data = has_data or length > 0
        elif kind == b"IEND":
            if not has_data:
                raise Unsound("damaged", detail="ends before any picture")
            return size[0], size[1], pos
    raise Unsound("damaged", detail="too many chunks")


def _png_header(kind: bytes, body: bytes) -> tuple[int, int]:
    if kind != b"IHDR" or len(body) != 13:
        raise Unsound("damaged", detail="no header")
    width, height, depth, colour, compression, filters, interlace = struct.unpack(">IIBBBBB", body)
    if depth not in _PNG_DEPTHS.get(colour, ()) or compression or filters or interlace > 1:
        raise Unsound("damaged", detail="impossible header")
    if not 0 < width <= 0x7FFFFFFF or not 0 < height <= 0x7FFFFFFF:
        raise Unsound("damaged", detail="no size")
    return width, height


# ── WebP ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _walk_webp(data: Buffer) -> tuple[int, int, int]:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise Unsound("truncated")
    pos, canvas, size = 12, None, None
    for _ in range(_MAX_PARTS):
        if pos == end:
            break
        if pos + 8 > end:
            raise Unsound("damaged", detail="half a chunk")
        kind, length = data[pos : pos + 4], int.from_bytes(data[pos + 4 : pos + 8], "little")
        if pos + 8 + length > end:
            raise Unsound("damaged", detail="chunk longer than the file says")
        head = data[pos + 8 : pos + 8 + min(length, 16)]
        if kind == b"VP8X":
            canvas = _webp_canvas(head)
        elif kind in (b"ANIM", b"ANMF"):
            raise Unsound("animated", found="WebP")
        elif kind in (b"VP8 ", b"VP8L"):
            if size is not None:
                raise Unsound("damaged", detail="two pictures")
            size = _webp_lossy(head, length) if kind == b"VP8 " else _webp_lossless(head)
        pos = min(pos + 8 + length + (length & 1), end)
    else:
        raise Unsound("damaged", detail="too many chunks")
    if size is None or (canvas is not None and canvas != size):
        raise Unsound("damaged", detail="no picture, or not the size that the header says")
    return size[0], size[1], end


def _webp_canvas(head: bytes) -> tuple[int, int]:
    if len(head) < 10:
        raise Unsound("damaged", detail="short header")
    if head[0] & 0x02:
        raise Unsound("animated", found="WebP")
    return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1


def _webp_lossy(head: bytes, length: int) -> tuple[int, int]:
    if len(head) < 10 or head[0] & 1 or head[3:6] != b"\x9d\x01\x2a":
        raise Unsound("damaged", detail="no key frame")
    if 10 + (int.from_bytes(head[:3], "little") >> 5) > length:
        raise Unsound("damaged", detail="first partition longer than its chunk")
    width, height = int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    if not width or not height:
        raise Unsound("damaged", detail="no size")
    return width, height


def _webp_lossless(head: bytes) -> tuple[int, int]:
    bits = int.from_bytes(head[1:5], "little")
    if len(head) < 6 or head[0] != 0x2F or bits >> 29:
        raise Unsound("damaged", detail="no lossless header")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


# ── what stands behind the end, and what is no picture at all ───────────────────────────────────────────────────────


def _judge_tail(data: Buffer, end: int, *, phone_tails: bool = False) -> tuple[str, ...]:
    """Notes on the bytes from `end` on. Raises Unsound("trailing_data") for what no camera writes."""
    notes: list[str] = []
    for _ in range(_MAX_MORE_PICTURES + 1):
        if phone_tails and (clip := _clip_start(data, end)) is not None:
            return (*notes, f"clip:{len(data) - clip}")
        end, padding = _skip_padding(data, end)
        if padding:
            notes.append(f"padding:{padding}")
        if end == len(data):
            return tuple(notes)
        if phone_tails and data[end : end + 3] == b"\xff\xd8\xff":
            end = _walk_jpeg(data, end)[2]
            notes.append("more_pictures")
        elif phone_tails and data[len(data) - 4 :] == b"SEFT":
            return (*notes, f"phone_trailer:{len(data) - end}")
        else:
            break
    raise Unsound("trailing_data", detail=f"{len(data) - end} bytes")


def _skip_padding(data: Buffer, end: int) -> tuple[int, int]:
    """(position after padding, how much). 0xFF begins a JPEG too, so a start of one is not padding."""
    window = data[end : end + _MAX_PADDING]
    padding = len(window) - len(window.lstrip(_PADDING))
    if padding and data[end + padding - 1 : end + padding + 1] == b"\xff\xd8":
        padding -= 1
    return end + padding, padding


def _clip_start(data: Buffer, end: int) -> int | None:
    """Where behind `end` and padding an MP4 begins whose boxes run exactly to the end of the file.

    Looked for by its mark, because a box begins with its length, whose zeros look like padding.
    """
    after, _ = _skip_padding(data, end)
    start = data.find(b"ftyp", end, after + 8) - 4
    return start if start >= end and _is_clip(data, start) else None


def _is_clip(data: Buffer, pos: int) -> bool:
    for _ in range(200):
        length = int.from_bytes(data[pos : pos + 4], "big")
        if length == 1:
            length = int.from_bytes(data[pos + 8 : pos + 16], "big")
        if length < 8 or not data[pos + 4 : pos + 8].isalnum():
            return False
        pos += length
        if pos >= len(data):
            return pos == len(data)
    return False


def _refuse_two_in_one(data: Buffer) -> None:
    """A picture that is at the same time a PDF (readers look in the first 1,024 bytes) or a ZIP (readers look for its
    directory at the very end, whose comment may hide the picture's last bytes)."""
    if b"%PDF-" in data[:1024]:
        raise Unsound("trailing_data", found="PDF")
    tail = data[-(65535 + 22) :]
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        if len(tail) >= at + 22 and at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail):
            raise Unsound("trailing_data", found="ZIP")
        at = tail.rfind(b"PK\x05\x06", 0, at)


def _name_stranger(data: Buffer) -> Unsound:
    """The refusal of something that begins like none of the three formats."""
    head = data[:512]
    if head[:4] == b"GIF8":
        return Unsound("animated", found="GIF")
    if head[4:8] == b"ftyp":
        return _name_box_file(head)
    for magic, name in _UNSUPPORTED_MAGIC:
        if head.startswith(magic):
            return Unsound("unsupported", found=name)
    for magic, name in _OTHER_MAGIC:
        if head.startswith(magic):
            return Unsound("not_a_picture", found=name)
    if head[:4] == b"RIFF":
        return Unsound("not_a_picture", found="AVI" if head[8:11] == b"AVI" else "RIFF")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, name in _TEXT_STARTS:
        if text.startswith(start):
            return Unsound("not_a_picture", found=name)
    if text.startswith((b"<?xml", b"<!--", b"<!doctype")):
        return Unsound("not_a_picture", found="SVG" if b"<svg" in text or b"doctype svg" in text else "XML")
    return Unsound("not_a_picture")


def _name_box_file(head: bytes) -> Unsound:
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12]} | {head[at : at + 4] for at in range(16, length - 3, 4)}
    if brands & _AVIF_BRANDS:
        return Unsound("heic", found="AVIF")
    if brands & _HEIF_BRANDS:
        return Unsound("heic", found="HEIC")
    return Unsound("not_a_picture", found="MP4")
