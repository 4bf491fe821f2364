"""Labelled texts: what the model learns from and is measured by. Pure.

Truth    `data/voices/*.jsonl`, one file an author ("voice"), lines {"text", "class", "severity"}; `data/voices.yaml`
         says who they are and which are never learnt from.
Errors   BadLabels names the file and the line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from qixia.codes.rules import SEVERITIES

DATA = Path(__file__).parents[1] / "data"
VOICES = DATA / "voices"


class BadLabels(ValueError):
    """A line is not {"text", "class", "severity"} with known labels."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text, what it is about and how bad; `source` is its author's voice or "corrections"."""

    text: str
    cls: str
    severity: str
    source: str = ""


def read_examples(lines: Iterable[str], classes: Collection[str], *, source: str) -> list[Example]:
    """The examples of a JSON-lines file; empty lines are skipped."""
    return [_one(number, line, classes, source) for number, line in enumerate(lines, start=1) if line.strip()]


def _one(number: int, line: str, classes: Collection[str], source: str) -> Example:
    where = f"{source}, line {number}"
    try:
        row = json.loads(line)
        found = Example(row["text"], row["class"], row["severity"], source)
    except (ValueError, KeyError, TypeError) as error:
        raise BadLabels(f"{where}: {error!r}") from error
    if not all(isinstance(value, str) for value in (found.text, found.cls, found.severity)):
        raise BadLabels(f"{where}: text, class and severity must be texts")
    if found.cls not in classes or found.severity not in SEVERITIES:
        raise BadLabels(f"{where}: unknown label {found.cls!r} / {found.severity!r}")
    return found


@lru_cache(maxsize=1)
def voices() -> dict[str, dict[str, Any]]:
    """Voice → who speaks, `writer` (whose hand it is) and `use` (learn or prove)."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((DATA / "voices.yaml").read_text(encoding="utf-8"))
    return found


def shipped(classes: Collection[str], *, use: str | None = None) -> list[Example]:
    """The examples of this release, in the order of voices.yaml; `use` is "learn", "prove" or None for all."""
    return [
        example
        for name, voice in voices().items()
        if use is None or voice["use"] == use
        for example in read_examples(
            (VOICES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines(), classes, source=name
        )
    ]


def writers() -> dict[str, str]:
    """Voice → whose hand wrote it."""
    return {name: str(voice["writer"]) for name, voice in voices().items()}


def digest(examples: Sequence[Example]) -> str:
    """SHA-256 over the texts and labels, whatever their order."""
    lines = sorted(json.dumps([e.text, e.cls, e.severity], ensure_ascii=False) for e in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
