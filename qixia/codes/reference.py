"""Reads the reference files that ship with Qixia. Pure.

Truth    `data/*.csv`, provenance in the package's README.
Errors   BadCode when a file contradicts itself: that is a fault of the release, so nothing is loaded.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qixia.codes.rules import (
    LOCAL_MARK,
    MATTER,
    MATTER_CLASSES,
    BadCode,
    Severity,
    read_codes,
    read_default,
)

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One standard code; (edition, kind, code) is its key."""

    edition: str
    kind: str
    code: str
    main_class: str
    name: str
    is_local: bool = False
    how_sure: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.edition, self.kind, self.code


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One triage class as shipped. `kind` and `standard_code` name its default code in the edition of 2026."""

    slug: str
    name: str
    name_en: str
    family: str
    standard_code: str
    kind: str
    severity_floor: str
    raise_when: str
    default_unit: str
    icon: str
    order: int
    standard_codes: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1)
def class_rows() -> tuple[ClassRow, ...]:
    """The triage classes, in their order."""
    listed = {(row.kind, row.code) for row in national_codes()}
    return tuple(_class_row(line, order, listed) for order, line in enumerate(_read("triage-classes.csv"), start=1))


@lru_cache(maxsize=1)
def national_codes() -> tuple[CodeRow, ...]:
    """GB/T 47678.5-2026 and the codes of 2013."""
    rows = [CodeRow("2026", r["kind"], r["code"], r["main_class"], r["name"]) for r in _read("gb47678-5-2026.csv")]
    rows += [
        CodeRow("2013", r["kind"], r["code"], r["main_class"], r["name"], how_sure=r["how_sure"])
        for r in _read("gbt30428-2-2013.csv")
    ]
    if len({row.key for row in rows}) != len(rows):
        raise BadCode("a standard code is listed twice")
    return tuple(rows)


def local_codes() -> tuple[CodeRow, ...]:
    """The extensions that the triage classes need, marked （自定义） as the standard asks."""
    lines = [(read_default(line["default_code"]), line["name_zh"]) for line in _read("triage-classes.csv")]
    return tuple(
        CodeRow("2026", MATTER, code, MATTER_CLASSES[code[:2]], name + LOCAL_MARK, is_local=True)
        for (_, code, local), name in lines
        if local
    )


def _class_row(line: dict[str, str], order: int, listed: set[tuple[str, str]]) -> ClassRow:
    kind, code, local = read_default(line["default_code"])
    if not local and (kind, code) not in listed:
        raise BadCode(f"{line['slug']}: {kind} {code} is not in the standard")
    codes = [pair for pair in read_codes(line["standard_codes"]) if pair in listed]
    if (kind, code) not in codes:
        codes.append((kind, code))
    return ClassRow(
        slug=line["slug"],
        name=line["name_zh"],
        name_en=line["name_en"],
        family=line["family"],
        standard_code=code,
        kind=kind,
        severity_floor=Severity.of(line["severity_floor"]).slug,
        raise_when=line["raise_when"],
        default_unit=line["default_unit"],
        icon=line["icon"],
        order=order,
        standard_codes=tuple(codes),
    )


def _read(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
