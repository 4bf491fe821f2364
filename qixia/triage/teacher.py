"""The teacher that an installation has: the trainer of this release over its shipped voices and the corrections.

Whole    voices of a writer are held out together when the figures of the card are made; the corrections are one writer more.
Weight   a correction counts CORRECTIONS times a shipped text: it is what is really reported here.
Unknown  classes that the city added are not learnt: the shipped texts have none, and a class needs more than one hand.
Errors   TooLittle from the trainer. Import it only where somebody trains: it loads what takes seconds and much memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Any

from qixia.triage import evaluate
from qixia.triage.judging import judge
from qixia.triage.learning import examples, proving
from qixia.triage.learning.examples import Example
from qixia.triage.learning.model import Model
from qixia.triage.learning.seeing import classes
from qixia.triage.rules import Thresholds
from qixia.triage.services.training import SOURCE, Progress

CORRECTIONS = 3.0
_LINES = 9  # that the trainer says, about: one for what it read, one a fold, one for the end


class Shipped:
    """`texts_a_class`: at most so many shipped texts of each class, for tests that cannot wait; 0 takes all."""

    def __init__(self, *, thresholds: Thresholds, as_of: date, texts_a_class: int = 0) -> None:
        self.thresholds = thresholds
        self.as_of = as_of
        self.texts_a_class = texts_a_class
        self.taught: Model | None = None

    def teach(self, corrections: Sequence[Example], *, progress: Progress) -> Model:
        said = 0

        def tell(_line: str) -> None:
            nonlocal said
            said += 1
            progress(min(0.95, said / _LINES))

        known = [example for example in corrections if example.cls in classes()]
        lessons = [*self._few(examples.shipped(classes(), use="learn")), *known]
        self.taught = proving.train_and_prove(
            lessons,
            held_out=self._held_out(),
            as_of=self.as_of,
            name=f"{self.as_of.isoformat()} +{len(known)}",
            folds=examples.writers(),
            thresholds=self.thresholds,
            emphasis={SOURCE: CORRECTIONS},
            progress=tell,
        ).model
        return self.taught

    def prove(self, model: Model, corrections: Sequence[Example]) -> dict[str, Any]:
        """What was just taught has been measured on the voices held out: its card says so."""
        voices = model.card.get("held_out") if model is self.taught else self._figures(model, self._held_out())
        return {"voices": voices, "corrections": self._figures(model, corrections)}

    def _held_out(self) -> Sequence[Example]:
        return self._few(examples.shipped(classes(), use="prove"))

    def _figures(self, model: Model, texts: Sequence[Example]) -> dict[str, Any] | None:
        if not texts:
            return None
        items = [(example.text, None) for example in texts]
        return evaluate.figures(texts, judge(items, model=model, classes=classes(), thresholds=self.thresholds))

    def _few(self, texts: Sequence[Example]) -> Sequence[Example]:
        """The same few texts of each class every time, from as many hands as there are."""
        if not self.texts_a_class:
            return texts
        taken: dict[str, int] = {}
        few = []
        for example in sorted(texts, key=lambda e: sha256(e.text.encode()).digest()):
            taken[example.cls] = taken.get(example.cls, 0) + 1
            if taken[example.cls] <= self.texts_a_class:
                few.append(example)
        return few
