"""From the bytes of a photo to the copies that people see: decoded within limits, upright, redacted, stripped, small.

`develop` is pure: bytes in, `Developed` out. Faces and number plates are covered in the decoded pixels before the first
copy is made. Copies hold pixels only: no EXIF, XMP, ICC profile or thumbnail passes, as they are encoded anew from
pixels. Colours are taken as sRGB; transparency is laid on white.

Memory   a JPEG is decoded at ½, ¼ or ⅛ where it's larger than what is searched; PNG and WebP can't be, so
         the rules allow them fewer pixels. Peaks stand in the README.
Errors   Undecodable for whatever the decoder does not take, redaction.CannotLook when faces and plates could not be looked
         for. MemoryError while decoding passes: it says nothing about the picture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

from PIL import ExifTags, Image, ImageFile

from qixia.media import redaction
from qixia.media.redaction import Box
from qixia.media.rules import SIZES, Limits, clean_claims, clean_text, signed64
from qixia.media.sniff import Format

_PLUGIN: Final[dict[Format, str]] = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}
_QUALITY: Final = {"thumb": 70, "phone": 75, "full": 78}
_METHOD: Final = 1  # of 0…6: a third of the time of the default 4 for 3 % more bytes; 2 is slower and no smaller
_HASH_SIDE: Final = 32
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)\Z")
_EXIF_ZONE = re.compile(r"[+-]\d\d:\d\d\Z")


class Undecodable(Exception):
    """The decoder refuses the picture. `reason` is short and for staff: "bomb", "decoder", "other_size"."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Copy:
    width: int
    height: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Developed:
    """`width` and `height` are those of the original, upright; `boxes`, what was covered, in its pixels.

    `colour` is the average as #rrggbb. `phash` is of what came, so that covering changes no likeness.
    """

    width: int
    height: int
    colour: str
    phash: int
    measured: dict[str, Any]
    copies: dict[str, Copy]
    boxes: tuple[Box, ...]


def develop(
    content: bytes,
    format: Format,
    *,
    limits: Limits,
    now: datetime,
    boxes: Sequence[Box] | None = None,
    also: Sequence[Box] = (),
) -> Developed:
    """Decode `content`, which `sniff` has found to be a `format`, and make all sizes.

    With `boxes`, which a person has settled, just these are covered; without, what the detectors find and `also`.
    """
    with _opened(content, format) as source:
        return _develop(source, format, limits, now, boxes, also)


def redacted(content: bytes, format: Format, *, limits: Limits) -> tuple[Image.Image, tuple[Box, ...]]:
    """The picture in its full size, upright and covered, and what was found. Errors as `develop`."""
    with _opened(content, format) as source:
        _check(source, format, limits)
        pixels = _flat(source)
        picture = _upright(pixels, read_exif(source, datetime.now(UTC)).get("orientation", 1))
        del pixels
        found = redaction.find(picture)
        redaction.cover(picture, found)
        return _bare(picture), tuple(found)


@contextmanager
def _opened(content: bytes, format: Format) -> Iterator[Image.Image]:
    if ImageFile.LOAD_TRUNCATED_IMAGES:  # somebody's global switch would turn half pictures into evidence
        raise RuntimeError("LOAD_TRUNCATED_IMAGES must stay off")
    try:
        with Image.open(BytesIO(content), formats=[_PLUGIN[format]]) as source:
            yield source
    except Image.DecompressionBombError as error:
        raise Undecodable("bomb") from error
    except (Undecodable, redaction.CannotLook, MemoryError):
        raise
    except Exception as error:  # Pillow's plugins raise nearly anything on hostile bytes; all of it means the same
        raise Undecodable("decoder") from error


def _develop(
    source: Image.Image,
    format: Format,
    limits: Limits,
    now: datetime,
    boxes: Sequence[Box] | None,
    also: Sequence[Box],
) -> Developed:
    _check(source, format, limits)
    width, height = source.size
    pixels = _pixels(source)  # before the EXIF: reading that decodes a PNG, and would swallow the decoder's error
    measured = read_exif(source, now)
    turn = measured.get("orientation", 1)
    size = (height, width) if turn >= 5 else (width, height)
    picture = _upright(pixels, turn)
    phash = perceptual_hash(picture)
    covered = _covered(picture, size, boxes, also)
    copies = {}
    for name, side in sorted(SIZES.items(), key=lambda item: -item[1]):
        picture = _fit(picture, side)  # each from the one before: the big one is read once
        copies[name] = Copy(*picture.size, _encode(picture, _QUALITY[name]))
    return Developed(*size, _average(picture), phash, measured, copies, covered)


def _covered(
    picture: Image.Image, size: tuple[int, int], boxes: Sequence[Box] | None, also: Sequence[Box]
) -> tuple[Box, ...]:
    """Cover what is found or given, in place, and say what, in pixels of the original of `size`."""
    if boxes is not None:
        redaction.cover(picture, redaction.resized(boxes, size, picture.size))
        return tuple(boxes)
    try:
        found = redaction.find(picture)
    except redaction.CannotLook as error:
        error.size = size
        raise
    redaction.cover(picture, [*found, *redaction.resized(also, size, picture.size)])
    return tuple(dict.fromkeys([*also, *redaction.resized(found, picture.size, size)]))


def _check(source: Image.Image, format: Format, limits: Limits) -> None:
    if source.width * source.height > limits.pixels_of(format) or max(source.size) > limits.max_side:
        raise Undecodable("bomb")


def _pixels(source: Image.Image) -> Image.Image:
    """RGB pixels, no larger than needed for the search where the format allows it."""
    largest, longest = redaction.FINE, max(source.size)
    if source.format == "JPEG" and longest > largest:
        source.draft("RGB", (source.width * largest // longest, source.height * largest // longest))
    return _flat(source, longest // largest if longest > 2 * largest and source.format != "JPEG" else 1)


def _flat(source: Image.Image, reduce: int = 1) -> Image.Image:
    """RGB, transparency laid on white; shrunk by a whole number first, which spares full-size copies further on."""
    source.load()
    picture = _simple_mode(source)
    if reduce > 1:
        picture = picture.reduce(reduce)
    if picture.mode == "RGBA":
        ground = Image.new("RGBA", picture.size, "white")
        ground.alpha_composite(picture)
        picture = ground
    return picture.convert("RGB")


def _simple_mode(picture: Image.Image) -> Image.Image:
    """As L, RGB, RGBA or CMYK, which every filter takes."""
    if picture.mode.startswith("I;16") or picture.mode == "I":  # 16-bit grey: Pillow's own conversion clips it to white
        return picture.point(lambda value: value / 256).convert("L")
    if picture.mode in ("LA", "PA") or "transparency" in picture.info:
        return picture.convert("RGBA")
    if picture.mode in ("L", "RGB", "RGBA", "CMYK"):
        return picture
    return picture.convert("RGB")


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    method = _UPRIGHT.get(orientation)
    return picture.transpose(method) if method is not None else picture


def _fit(picture: Image.Image, side: int) -> Image.Image:
    """Shrunk so that the longest side is at most `side`; never enlarged, never below one pixel."""
    longest = max(picture.size)
    if longest <= side:
        return picture
    size = (max(1, round(picture.width * side / longest)), max(1, round(picture.height * side / longest)))
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _encode(picture: Image.Image, quality: int) -> bytes:
    out = BytesIO()
    _bare(picture).save(out, "WEBP", quality=quality, method=_METHOD, exif=b"", icc_profile=None, xmp=b"")
    return out.getvalue()


def _bare(picture: Image.Image) -> Image.Image:
    """Without what Pillow remembers of the file, and would write into the next one."""
    return Image.frombytes("RGB", picture.size, picture.tobytes()) if picture.info else picture


def _average(picture: Image.Image) -> str:
    red, green, blue = picture.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))  # type: ignore[misc]
    return f"#{red:02x}{green:02x}{blue:02x}"


# ── perceptual hash ─────────────────────────────────────────────────────────────────────────────────────────────────


def perceptual_hash(picture: Image.Image) -> int:
    """DCT hash: one bit for each of the 8×8 lowest frequencies, set where it is above their median.

    Signed 64 bits. 0 for a picture without features (one colour): it resembles nothing. Shrinking and re-encoding move
    a few bits; another scene about 32. Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions".
    """
    grey = picture.convert("L").resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.BOX).tobytes()
    basis = _cosines()
    rows = [grey[start : start + _HASH_SIDE] for start in range(0, len(grey), _HASH_SIDE)]
    across = [[sum(map(float.__mul__, wave, map(float, row))) for wave in basis] for row in rows]
    columns = list(zip(*across, strict=True))
    waves = [sum(map(float.__mul__, wave, column)) for wave in basis for column in columns]
    steady = sorted(waves[1:])
    if max(abs(steady[0]), abs(steady[-1])) < 1:
        return 0
    median = steady[len(steady) // 2]
    bits = 0
    for wave in (0.0, *waves[1:]):  # the first is the brightness: no feature
        bits = bits << 1 | (wave > median)
    return signed64(bits & (1 << 63) - 1)


@lru_cache(maxsize=1)
def _cosines() -> tuple[tuple[float, ...], ...]:
    return tuple(
        tuple(math.cos(math.pi * k * (2 * n + 1) / (2 * _HASH_SIDE)) / _HASH_SIDE for n in range(_HASH_SIDE))
        for k in range(8)
    )


# ── what the camera wrote ───────────────────────────────────────────────────────────────────────────────────────────


def read_exif(source: Image.Image, now: datetime) -> dict[str, Any]:
    """Time, place, camera, software and orientation from the file, in the shape of `clean_claims`; {} if unreadable."""
    try:
        exif = source.getexif()
        detail, gps = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
        raw = {
            "taken_at": _exif_time(
                detail.get(ExifTags.Base.DateTimeOriginal), detail.get(ExifTags.Base.OffsetTimeOriginal)
            ),
            "camera": _camera(exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model)),
            "software": _text(exif.get(ExifTags.Base.Software)),
            "orientation": exif.get(ExifTags.Base.Orientation),
            "lat": _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "S"),
            "lng": _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "W"),
            "datum": _text(gps.get(ExifTags.GPS.GPSMapDatum)),
        }
    except Exception:  # a hostile directory must not cost the picture: without EXIF it is still evidence
        return {}
    return clean_claims(raw, now=now)


def _text(value: object) -> str | None:
    return clean_text(value.replace("\x00", " "), 80) if isinstance(value, str) else None


def _camera(make: object, model: object) -> str | None:
    brand, kind = _text(make) or "", _text(model) or ""
    return (kind if kind.lower().startswith(brand.lower()) else f"{brand} {kind}").strip() or None


def _exif_time(value: object, offset: object) -> str | None:
    match = _EXIF_TIME.match(_text(value) or "")
    if not match:
        return None
    year, month, day, clock = match.groups()
    zone = _EXIF_ZONE.match(_text(offset) or "")
    return f"{year}-{month}-{day}T{clock}{zone.group() if zone else ''}"


def _degrees(gps: dict[int, Any], tag: int, ref: int, negative: str) -> float | None:
    parts = gps.get(tag)
    if not isinstance(parts, tuple) or len(parts) != 3:
        return None
    value = sum(float(part) / 60**power for power, part in enumerate(parts))
    return -value if _text(gps.get(ref)) == negative else value
