"""What a report's words leave behind: class chances, hashed details and what they mean as small numbers. Pure.

Units    class chances 0-1; a token is 32 bits: 8 of its kind, 24 of its value's hash; `meaning` is a sentence vector in
         8 bits a number, empty where this machine makes none.
Secrecy  no words in plain, and no way back but trying words out.
Errors   BadMarks for bytes of another version: such a row is made anew from its report.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from qixia.triage.duplicates.details import Detail, details
from qixia.triage.learning.vectors import SIZE
from qixia.triage.text import clean

VERSION = 1
# What tells one place from another stands near the beginning.
CHARS = 300
_CLASSES = 6
_TOKENS = 64
# The numbers of a vector of length one and SIZE dimensions; larger ones are cut off.
_LARGEST = 0.25


class BadMarks(ValueError):
    """The bytes are not marks of this version."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A report as triage is told of it. `ref` is opaque, `at` is when the rider saw it, `cls` may still be ""."""

    ref: str
    lat: float
    lng: float
    accuracy_m: float | None
    at: datetime
    words: str
    cls: str
    floor: str = ""
    photo_hash: str | int | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """`classes` likeliest first; `tokens` by kind; `meaning` SIZE signed bytes or none."""

    classes: tuple[tuple[str, float], ...]
    tokens: Mapping[int, frozenset[int]]
    meaning: bytes = b""

    def to_bytes(self) -> bytes:
        names = b"".join(
            struct.pack("BB", round(chance * 255), len(slug)) + slug.encode("ascii") for slug, chance in self.classes
        )
        tokens = sorted(kind << 24 | value for kind, values in self.tokens.items() for value in values)[:_TOKENS]
        head = struct.pack("BBB", VERSION, len(self.classes), len(tokens))
        return head + names + struct.pack(f">{len(tokens)}I", *tokens) + self.meaning

    @classmethod
    def from_bytes(cls, data: bytes) -> Marks:
        try:
            return cls._read(bytes(data))
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            raise BadMarks(str(error)) from error

    @classmethod
    def _read(cls, data: bytes) -> Marks:
        version, count, tokens = struct.unpack_from("BBB", data)
        if version != VERSION:
            raise BadMarks(f"version {version}")
        at, classes = 3, []
        for _ in range(count):
            chance, length = data[at], data[at + 1]
            classes.append((data[at + 2 : at + 2 + length].decode("ascii"), chance / 255))
            at += 2 + length
        found = struct.unpack_from(f">{tokens}I", data, at)
        meaning = data[at + 4 * tokens :]
        if len(meaning) not in (0, SIZE):
            raise BadMarks(f"{len(data)} bytes")
        return cls(tuple(classes), _by_kind(found), meaning)


def marks(
    words: str,
    floor: str,
    classes: Mapping[str, float],
    vector: NDArray[np.float32] | None,
    traditional: Mapping[str, str],
) -> Marks:
    """Marks of one report. `classes` are chances by class; `traditional` folds characters (the lexicon's table)."""
    text = clean(words[:CHARS], dict(traditional)).text
    best = [item for item in sorted(classes.items(), key=lambda item: -item[1])[:_CLASSES] if item[1] >= 1 / 255]
    tokens = (_token(detail) for detail in details(text, clean(floor, dict(traditional)).text))
    return Marks(tuple(best), _by_kind(tokens), b"" if vector is None else _bytes(vector))


def likeness(a: Marks, b: Marks) -> float | None:
    """Cosine of what both mean, None where one has no vector."""
    if not a.meaning or not b.meaning:
        return None
    mine, theirs = (np.frombuffer(one.meaning, dtype=np.int8).astype(np.float32) for one in (a, b))
    length = float(np.sqrt((mine @ mine) * (theirs @ theirs)))
    return float(mine @ theirs) / length if length else None


def _bytes(vector: NDArray[np.float32]) -> bytes:
    return bytes(np.clip(np.rint(vector * (127 / _LARGEST)), -127, 127).astype(np.int8).tobytes())


def _token(detail: Detail) -> int:
    return int(detail.kind) << 24 | crc32(detail.value.encode()) & 0xFFFFFF


def _by_kind(tokens: Iterable[int]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    for token in tokens:
        found.setdefault(token >> 24, set()).add(token & 0xFFFFFF)
    return {kind: frozenset(values) for kind, values in found.items()}
