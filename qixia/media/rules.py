"""What a photo must be, and how a refusal reads.

Units    bytes, pixels, degrees WGS-84 (what a phone claims keeps the datum that it named).
Errors   every refusal is a `PhotoRefused` with a stable code, the form field and the ordinal of the photo, counted
         from 1. A refusal means: no file and no row is left.
Claims   what a phone read from a photo before it shrank it, and what we read from the file ourselves, share one shape
         (`clean_claims`). Nonsense in a claim is dropped, never refused: it must not cost a rider the report.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Final

from qixia.kernel.errors import DomainError
from qixia.media.clips import LENGTH_MAX_MS, SLACK_MS, ClipShape, inspect_clip
from qixia.media.sniff import Buffer, Flaw, Format, Shape, Unsound, inspect

SIZES: Final[dict[str, int]] = {"thumb": 240, "phone": 960, "full": 1600}  # longest side in pixels
MIN_SIDE: Final = 16

_CAMERA_MAX = 80
_DATUM = re.compile(r"[A-Za-z0-9 -]{1,16}\Z")
_TAKEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?\Z")
_SOURCES = ("camera", "album")


class PhotoRefused(DomainError):
    """A photo that is not taken. `context["ordinal"]` counts from 1."""

    code = "media.refused"
    status = 422
    message = "第 %(ordinal)s 张照片不能用，请换一张。"


class EmptyPhoto(PhotoRefused):
    code = "media.empty"
    message = "第 %(ordinal)s 张照片是空文件，请重新选择或再拍一张。"


class PhotoTooLarge(PhotoRefused):
    code = "media.too_large"
    status = 413
    message = "第 %(ordinal)s 张照片超过 %(limit_mb)s MB，请用页面里的相机拍，或选一张小一些的。"


class NotAPicture(PhotoRefused):
    code = "media.not_a_picture"
    message = "第 %(ordinal)s 张照片打不开，它不是照片文件。请从相册选择，或直接拍一张。"


class NotAPictureBut(NotAPicture):
    """As above, where we know what it is."""

    message = "第 %(ordinal)s 张照片打不开，它其实是 %(found)s 文件。请从相册选择，或直接拍一张。"


class UnsupportedPicture(PhotoRefused):
    code = "media.unsupported"
    message = "第 %(ordinal)s 张照片是不支持的 %(found)s 格式。请选 JPG、PNG 或 WebP 照片，或直接拍一张。"


class HeicPicture(PhotoRefused):
    code = "media.heic"
    message = "第 %(ordinal)s 张照片是 %(found)s 格式，这里打不开。请直接拍一张，或在手机的相机设置里把格式改成 JPG（兼容性最佳）后再拍。"


class AnimatedPicture(PhotoRefused):
    code = "media.animated"
    message = "第 %(ordinal)s 张照片是动图。请换一张静止的照片，或截取其中一帧。"


class TruncatedPicture(PhotoRefused):
    code = "media.truncated"
    message = "第 %(ordinal)s 张照片没有传完整。请检查网络后重新选择这张照片。"


class DamagedPicture(PhotoRefused):
    code = "media.damaged"
    message = "第 %(ordinal)s 张照片的文件坏了。请换一张，或重新拍一张。"


class TrailingData(PhotoRefused):
    code = "media.trailing_data"
    message = "第 %(ordinal)s 张照片里夹带了别的文件。请换一张，或重新拍一张。"


class TooManyPixels(PhotoRefused):
    code = "media.too_many_pixels"
    message = (
        "第 %(ordinal)s 张照片有 %(width)s × %(height)s 像素，太大了（最多 %(limit_megapixels)s 百万像素，"
        "边长 %(limit_side)s）。请用页面里的相机拍，或缩小后再传。"
    )


class TooFewPixels(PhotoRefused):
    code = "media.too_small"
    message = "第 %(ordinal)s 张照片只有 %(width)s × %(height)s 像素，看不清。请换一张。"


class ClipRefused(PhotoRefused):
    """A clip that is not taken."""

    code = "media.clip_refused"
    message = "这段视频不能用，请换一段。"


class ClipTooLarge(ClipRefused):
    code = "media.clip_too_large"
    status = 413
    message = "视频超过 %(limit_mb)s MB，请拍短一些，或在相机里把清晰度调低。"


class ClipTooLong(ClipRefused):
    code = "media.clip_too_long"
    message = "视频有 %(seconds)s 秒，最多 30 秒。请剪短，或重新拍一段。"


class NotAClip(ClipRefused):
    code = "media.not_a_clip"
    message = "这个文件不是能用的视频。请选 MP4、MOV 或 WebM 视频，或直接拍一段。"


class BrokenClip(ClipRefused):
    code = "media.clip_broken"
    message = "视频没有传完整，或文件坏了。请检查网络后重新选择。"


_FLAWS: dict[Flaw, type[PhotoRefused]] = {
    "empty": EmptyPhoto,
    "not_a_picture": NotAPicture,
    "unsupported": UnsupportedPicture,
    "heic": HeicPicture,
    "animated": AnimatedPicture,
    "truncated": TruncatedPicture,
    "damaged": DamagedPicture,
    "trailing_data": TrailingData,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_mb` a photo, pixels in all, pixels a side.

    `max_megapixels_whole` holds for PNG and WebP, which can only be decoded at full size: no camera writes them, and
    50 megapixels of WebP take 780 MB of a worker's memory, 24 take 380.
    """

    max_mb: int = 12
    max_megapixels: int = 50
    max_megapixels_whole: int = 24
    max_side: int = 12_000
    max_clip_mb: int = 50

    @property
    def max_bytes(self) -> int:
        return self.max_mb * 1_048_576

    @property
    def max_clip_bytes(self) -> int:
        return self.max_clip_mb * 1_048_576

    def megapixels_of(self, format: Format) -> int:
        return self.max_megapixels if format == "jpeg" else min(self.max_megapixels, self.max_megapixels_whole)

    def pixels_of(self, format: Format) -> int:
        return self.megapixels_of(format) * 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the form a photo stands, for the words of a refusal."""

    field: str = "photos"
    ordinal: int = 1

    def refuse(self, error: type[PhotoRefused], **context: Any) -> PhotoRefused:
        return error(field=self.field, ordinal=self.ordinal, **context)


def check_bytes(size: int, limits: Limits, place: Place) -> None:
    if size > limits.max_bytes:
        raise place.refuse(PhotoTooLarge, limit_mb=limits.max_mb)


def check_picture(data: Buffer, limits: Limits, place: Place) -> Shape:
    """The shape of a sound picture within the limits. Raises a PhotoRefused that names the place."""
    check_bytes(len(data), limits, place)
    try:
        shape = inspect(data)
    except Unsound as unsound:
        error = _FLAWS[unsound.flaw]
        if error is NotAPicture and unsound.found:
            error = NotAPictureBut
        raise place.refuse(error, found=unsound.found) from unsound
    _check_pixels(shape, limits, place)
    return shape


def check_clip(file: BinaryIO, size: int, limits: Limits, place: Place) -> ClipShape:
    """The shape of a sound clip within the limits; one that doesn't say its length is measured when it is decoded."""
    if size > limits.max_clip_bytes:
        raise place.refuse(ClipTooLarge, limit_mb=limits.max_clip_mb)
    try:
        shape = inspect_clip(file, size)
    except Unsound as unsound:
        error = BrokenClip if unsound.flaw in ("empty", "truncated", "damaged") else NotAClip
        raise place.refuse(error, found=unsound.found) from unsound
    if (shape.duration_ms or 0) > LENGTH_MAX_MS + SLACK_MS:
        raise place.refuse(ClipTooLong, seconds=round((shape.duration_ms or 0) / 1000))
    if max(shape.width, shape.height) > limits.max_side:
        raise place.refuse(NotAClip)
    return shape


def _check_pixels(shape: Shape, limits: Limits, place: Place) -> None:
    size = {"width": shape.width, "height": shape.height}
    if shape.pixels > limits.pixels_of(shape.format) or max(shape.width, shape.height) > limits.max_side:
        most = {"limit_megapixels": limits.megapixels_of(shape.format), "limit_side": limits.max_side}
        raise place.refuse(TooManyPixels, **size, **most)
    if min(shape.width, shape.height) < MIN_SIDE:
        raise place.refuse(TooFewPixels, **size)


# ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def clean_claims(raw: object, *, now: datetime) -> dict[str, Any]:
    """The sensible part of what was said about a photo; {} if nothing is.

    Keys: taken_at (ISO 8601; a zone only if the camera wrote one), lat and lng (both or none), datum, camera,
    orientation 1–8, source "camera" or "album", software. A time before 1990 or more than two days ahead is dropped.
    """
    if not isinstance(raw, dict):
        return {}
    found = {
        "taken_at": _clean_time(raw.get("taken_at"), now),
        "camera": clean_text(raw.get("camera"), _CAMERA_MAX),
        "software": clean_text(raw.get("software"), _CAMERA_MAX),
        "orientation": _clean_orientation(raw.get("orientation")),
        "source": raw.get("source") if raw.get("source") in _SOURCES else None,
        **_clean_place(raw),
    }
    return {key: value for key, value in found.items() if value is not None}


def clean_text(value: object, limit: int) -> str | None:
    """One line of printable characters, or None."""
    if not isinstance(value, str):
        return None
    printable = (c if c.isprintable() else " " for c in unicodedata.normalize("NFC", value[: limit * 4]))
    return " ".join("".join(printable).split())[:limit] or None


def _clean_time(value: object, now: datetime) -> str | None:
    if not isinstance(value, str) or not _TAKEN.match(value):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.year < 1990 or moment.replace(tzinfo=None) > now.replace(tzinfo=None) + timedelta(days=2):
        return None
    return moment.isoformat(timespec="seconds")


def _clean_orientation(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 8 else None


def _clean_place(raw: dict[str, Any]) -> dict[str, Any]:
    lat, lng = _degrees(raw.get("lat"), 90), _degrees(raw.get("lng"), 180)
    if lat is None or lng is None or (lat == 0 and lng == 0):  # 0,0 is how cameras say "unknown"
        return {}
    datum = raw.get("datum")
    return {"lat": lat, "lng": lng, "datum": datum if isinstance(datum, str) and _DATUM.match(datum) else None}


def _degrees(value: object, limit: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if abs(value) > limit or not math.isfinite(value):  # in this order: an int of 400 digits has no float
        return None
    return round(float(value), 7)


# ── perceptual hash ─────────────────────────────────────────────────────────────────────────────────────────────────


def signed64(bits: int) -> int:
    """64 bits as the signed integer that both databases store."""
    return bits - (1 << 64) if bits >> 63 else bits


HASH_REACH: Final = 16  # bits; further apart nobody looks whether two pictures are one. Chosen on tuning seeds.


def hash_distance(a: int, b: int) -> int:
    """How many of 64 bits differ between two stored hashes. Up to ~10: the same picture, shrunk or re-encoded."""
    return ((a ^ b) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()
