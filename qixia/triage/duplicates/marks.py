"""What a report's words leave behind: class chances, hashed details and a bitmap of hashed n-grams. Pure.

Units    class chances 0-1; a token is 32 bits: 8 of its kind, 24 of its value's hash; the bitmap has 1024 bits.
Secrecy  no words in plain, and no way back but trying words out.
Errors   BadMarks for bytes of another version: such a row is made anew from its report.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from pypinyin import Style, lazy_pinyin

from qixia.triage.duplicates.details import Detail, details
from qixia.triage.text import clean

VERSION = 1
BITS = 1024
# Classes are told from more; what distinguishes a place stands near the beginning.
CHARS = 200
_CLASSES = 3
_TOKENS = 64


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
    """`classes` likeliest first; `tokens` by kind; `grams` is the bitmap as a number."""

    classes: tuple[tuple[str, float], ...]
    tokens: Mapping[int, frozenset[int]]
    grams: int

    def to_bytes(self) -> bytes:
        names = b"".join(
            struct.pack("BB", round(chance * 255), len(slug)) + slug.encode("ascii") for slug, chance in self.classes
        )
        tokens = sorted(kind << 24 | value for kind, values in self.tokens.items() for value in values)[:_TOKENS]
        head = struct.pack("BBB", VERSION, len(self.classes), len(tokens))
        return head + names + struct.pack(f">{len(tokens)}I", *tokens) + self.grams.to_bytes(BITS // 8, "big")

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
        at += 4 * tokens
        if len(data) != at + BITS // 8:
            raise BadMarks(f"{len(data)} bytes")
        return cls(tuple(classes), _by_kind(found), int.from_bytes(data[at:], "big"))


def marks(words: str, floor: str, classes: Mapping[str, float], traditional: Mapping[str, str]) -> Marks:
    """Marks of one report. `classes` are chances by class; `traditional` folds characters (the lexicon's table)."""
    text = clean(words[: 4 * CHARS], dict(traditional)).text[:CHARS]
    best = sorted(classes.items(), key=lambda item: -item[1])[:_CLASSES]
    tokens = (_token(detail) for detail in details(text, clean(floor, dict(traditional)).text))
    return Marks(tuple(best), _by_kind(tokens), _grams(text))


def _token(detail: Detail) -> int:
    return int(detail.kind) << 24 | crc32(detail.value.encode()) & 0xFFFFFF


def _by_kind(tokens: Iterable[int]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    for token in tokens:
        found.setdefault(token >> 24, set()).add(token & 0xFFFFFF)
    return {kind: frozenset(values) for kind, values in found.items()}


def _grams(text: str) -> int:
    """Pairs of characters, and pairs of syllables without tones, so that homophones agree."""
    bits = 0
    for run in text.split():
        sounds = lazy_pinyin(run, style=Style.NORMAL)
        for piece in (*_pairs(run), *("_".join(sounds[i : i + 2]) for i in range(len(sounds) - 1))):
            bits |= 1 << crc32(piece.encode()) % BITS
    return bits


def _pairs(run: str) -> Iterable[str]:
    return (run[i : i + 2] for i in range(len(run) - 1))
