"""Which earlier photos are the same picture: an index over hashes brings them up, the pixels decide.

Index    the 64-bit hash in four bands of 16 bits, each with an index of its own on both databases. All bands are asked for
         their value and for the 16 values one bit away: whatever is up to 7 bits apart shares a band that close, and most
         of what is up to `HASH_REACH` bits apart does. A featureless picture (hash 0) resembles nothing.
Pixels   opened from the sealed originals, in the worker's memory only; copies are redacted and may differ there.
Cost     one statement for the digest, one for the bands; at most `_LOOKED_AT` pictures are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import cv2
import numpy as np
from django.db import connection
from PIL import Image, ImageOps

from qixia.media import files
from qixia.media.likeness import Features, Likeness, Pixels, compare_features, features
from qixia.media.models import Evidence
from qixia.media.provenance import Sign, screen, screenshot
from qixia.media.rules import HASH_REACH, hash_distance
from qixia.media.sealed import Damaged

SHIFTS: Final = (48, 32, 16, 0)
_MASK: Final = 0xFFFF
_MOST: Final = 2000  # rows of one band: a hash that so many share (fog, night) says nothing
_LOOKED_AT: Final = 5
_PLUGINS: Final = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}


@dataclass(frozen=True, slots=True)
class Match:
    """An earlier photo with the same picture. `exact`: the same file; else `copied` says how much of it agrees."""

    public_id: str
    exact: bool
    copied: float


@dataclass(frozen=True)
class Shot:
    """One photo's pixels, wherever they are needed: equal files are equal, so that what was found out is kept for all."""

    digest: str
    row: Evidence = field(compare=False, repr=False)


class NoPixels(Exception):
    """The original is not there any more, or no decoder takes it."""


def shot(row: Evidence) -> Shot:
    return Shot(row.digest, row)


def pixels(row: Evidence, side: int = 1600) -> Pixels:
    """The upright picture of an original, its long side at most `side`."""
    try:
        content = files.read_original(row.storage_name, row.file_key)
        with Image.open(BytesIO(content), formats=[_PLUGINS[row.format]]) as source:
            source.draft("RGB", (side, side))  # a JPEG is decoded no larger than needed
            picture = ImageOps.exif_transpose(source).convert("RGB")
    except (MemoryError, Damaged):
        raise
    except Exception as error:  # gone on purpose, or hostile: Pillow's plugins raise nearly anything
        raise NoPixels(row.public_id) from error
    picture.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.ascontiguousarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR))


@lru_cache(maxsize=256)
def pixel_signs(photo: Shot, camera: bool) -> tuple[Sign, Sign]:
    """How much it is like a screenshot and like a photo of a screen. `camera`: whether file or phone names one."""
    row = photo.row
    picture = pixels(row)
    size = (picture.shape[1], picture.shape[0])
    if row.format == "png":  # no draft: what a screen's very size says is in the file's own
        size = (row.width, row.height)
    return screenshot(picture, size=size, format=row.format, camera=camera), screen(picture)


def _found(photo: Shot) -> Features:
    return features(pixels(photo.row, 960))


_few = lru_cache(maxsize=12)(_found)  # about 1.4 MB each; one report's photos are compared with each other
_more: ContextVar[Callable[[Shot], Features]] = ContextVar("qixia_features", default=_few)


def features_of(photo: Shot) -> Features:
    return _more.get()(photo)


@contextmanager
def keeping(most: int) -> Iterator[None]:
    """Keep the features of so many pictures inside the block: for work on few pictures that come again and again."""
    token = _more.set(lru_cache(maxsize=most)(_found))
    try:
        yield
    finally:
        _more.reset(token)


@lru_cache(maxsize=512)
def pair(before: Shot, after: Shot) -> Likeness:
    return compare_features(features_of(before), features_of(after))


def earlier_same(row: Evidence) -> list[Match]:
    """Earlier photos of other owners that are this one or a copy of it."""
    exact = [Match(name, True, 1.0) for name in _same_file(row)]
    if exact:
        return exact[:_LOOKED_AT]
    return [match for other in _near(row) if (match := _confirmed(row, other))]


def _same_file(row: Evidence) -> Iterable[str]:
    earlier = Evidence.objects.filter(digest=row.digest, pk__lt=row.pk).exclude(owner_ref=row.owner_ref)
    return earlier.order_by("pk").values_list("public_id", flat=True)[:_LOOKED_AT]


def _near(row: Evidence) -> list[Evidence]:
    """The nearest earlier photos by hash, those of the same owner left out."""
    near = sorted((hash_distance(row.phash or 0, phash), pk) for pk, phash in by_bands(row.phash or 0) if pk < row.pk)
    numbers = [pk for distance, pk in near if distance <= HASH_REACH][: 4 * _LOOKED_AT]
    found = Evidence.objects.in_bulk(numbers)
    others = [found[pk] for pk in numbers if pk in found and found[pk].owner_ref != row.owner_ref]
    return others[:_LOOKED_AT]


def _confirmed(row: Evidence, other: Evidence) -> Match | None:
    try:
        found = pair(shot(other), shot(row))
    except NoPixels:
        return None
    return Match(other.public_id, False, found.copied) if found.is_copy else None


def compare_places(before: Sequence[str], after: str) -> Likeness | None:
    """How much a photo is like the likest of those before, by public ids. None while none of them can be opened.

    A copy of any of them counts most: it is what the clerk has to know.
    """
    rows = {row.public_id: shot(row) for row in Evidence.objects.filter(public_id__in=[*before, after])}
    found = []
    for name in before:
        with suppress(KeyError, NoPixels):
            found.append(pair(rows[name], rows[after]))
    return max(found, key=lambda one: (one.is_copy, one.score), default=None)


def by_bands(phash: int) -> list[tuple[int, int]]:
    """Id and hash of the photos that share a band of `phash` but for one bit. None for a hash of 0."""
    if not phash:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ".join(_band_sql(phash, shift) for shift in SHIFTS))
        return cursor.fetchall()


def _band_sql(phash: int, shift: int) -> str:
    """Numbers of ours only, written out: with parameters neither database sees that its index fits."""
    band = (phash >> shift) & _MASK
    values = ", ".join(str(value) for value in (band, *(band ^ 1 << bit for bit in range(16))))
    # The condition is word for word that of the index.
    return (
        f"SELECT id, phash FROM (SELECT id, phash FROM media_evidence WHERE {band_expression(shift)} IN ({values})"
        f" AND (phash < 0 OR phash > 0) LIMIT {_MOST}) AS band{shift}"
    )


def band_expression(shift: int) -> str:
    return f"((phash >> {shift}) & {_MASK})"


def explain(phash: int) -> list[Any]:
    """How the database is going to find the bands; for the test that it uses the indexes."""
    word = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        cursor.execute(word + " UNION ".join(_band_sql(phash, shift) for shift in SHIFTS))
        return cursor.fetchall()
