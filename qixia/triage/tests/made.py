"""Small models made by hand: they know a few words, need no training, and are real artefacts all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import numpy as np

from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.models import Person
from qixia.triage import services
from qixia.triage.learning import vectors
from qixia.triage.learning.examples import Example
from qixia.triage.learning.model import LEVELS, VIEWS, Dense, Mix, Model, Pieces
from qixia.triage.learning.seeing import labels
from qixia.triage.services.training import Progress
from qixia.triage.settled import SettledReport, Shown, Week

STRONG = 120


def model(words: Mapping[str, str], *, name: str = "made", level: float = -6.0) -> Model:
    """A model that takes a text with one of `words` for its class. `level` is how loudly it cries danger."""
    names, outputs = labels(), len(labels()) + len(LEVELS)
    weights = np.zeros((len(words), outputs), dtype=np.int8)
    for row, cls in enumerate(words.values()):
        weights[row, names.index(cls)] = STRONG
    ones, flat = np.ones(len(words), dtype=np.float32), np.zeros(outputs, dtype=np.float32)
    index = {word: row for row, word in enumerate(words)}
    chars = Pieces(index, ones, weights, np.full(outputs, 0.1, dtype=np.float32), flat)
    none = Pieces({}, ones[:0], weights[:0], np.ones(outputs, dtype=np.float32), flat)
    mix = Mix(
        np.eye(len(VIEWS), dtype=np.float32)[0],
        np.zeros(len(names), dtype=np.float32),
        np.zeros((len(LEVELS), len(VIEWS) + 2), dtype=np.float32),
        np.full(len(LEVELS), level, dtype=np.float32),
        np.full(len(LEVELS), 0.5, dtype=np.float32),
    )
    card = {"name": name, "as_of": "2026-11-22", "texts": 7, "sources": {"made": 7}, "vectors": False}
    return Model(
        names,
        np.zeros(len(names), dtype=np.int8),
        chars,
        none,
        _dense(vectors.SIZE),
        _dense(len(labels())),
        mix,
        mix,
        card,
    )


def _dense(size: int) -> Dense:
    outputs = len(labels()) + len(LEVELS)
    return Dense(
        np.zeros(size, dtype=np.float32),
        np.zeros((size, outputs), dtype=np.float32),
        np.zeros(outputs, dtype=np.float32),
        False,
    )


class Parrot:
    """A teacher whose model knows the first word of each correction and nothing else."""

    def __init__(self) -> None:
        self.taught: list[Example] = []
        self.proved: list[Example] = []

    def teach(self, corrections: Sequence[Example], *, progress: Progress) -> Model:
        self.taught = list(corrections)
        progress(0.5)
        return model({example.text[:2]: example.cls for example in corrections}, name="parrot")

    def prove(self, model: Model, corrections: Sequence[Example]) -> dict[str, Any]:
        self.proved = list(corrections)
        return {"voices": {"n": 3, "macro_f1": 0.5, "missed_danger": 0.0}, "corrections": None}


@dataclass
class Reports:
    """A source of settled reports for triage's own tests. `visible` are the refs that anybody may see."""

    rows: list[SettledReport] = field(default_factory=list)
    counted: list[Week] = field(default_factory=list)
    visible: set[str] = field(default_factory=set)
    asked: int = 0

    def count(self, since: datetime, until: datetime) -> int:
        return len(self.rows)

    def batch(self, since: datetime, until: datetime, *, after: str, limit: int) -> Sequence[SettledReport]:
        self.asked += 1
        start = int(after or 0)
        return [replace(row, cursor=str(start + i + 1)) for i, row in enumerate(self.rows[start : start + limit])]

    def weeks(self, mondays: Sequence[date]) -> Sequence[Week]:
        known = {week.monday: week for week in self.counted}
        return [known.get(monday, Week(monday)) for monday in mondays]

    def shown(self, actor: Actor, refs: Sequence[str]) -> Mapping[str, Shown]:
        return {
            ref: Shown("井盖", "407188235", "云帆路", "井盖没了", f"/desk/case/{ref}/")
            for ref in refs
            if ref in self.visible
        }


def settled(ref: str, text: str, cls: str, severity: str = "normal", decided: str = "person") -> SettledReport:
    return SettledReport(f"report:{ref}", text, "", cls, severity, decided, "")


def staff(role: str, name: str = "管理") -> Person:
    """Somebody with one role in the whole city."""
    office = people.create_organisation(code=f"office-{role}-{name}", name="指挥中心", kind="unit", actor="system:test")
    person = people.create_person(
        display_name=name, username=f"user-{role}-{len(name.encode())}-{sum(name.encode())}", actor="system:test"
    )
    people.grant_role(person_id=person.pk, role=role, organisation_id=office.pk, actor="system:test")
    return person


def staff_actor(role: str, name: str = "管理") -> Actor:
    return actor_for(staff(role, name))


def correct_one(ref: str, text: str = "路边的铁盖子翘起来了") -> None:
    """A clerk says that it is a manhole where the machine read a damaged road."""
    services.correct(
        ref=ref,
        text=text,
        cls="manhole",
        severity="high",
        was_cls="road-damage",
        was_severity="normal",
        model="shipped",
        actor="person:clerk",
    )
