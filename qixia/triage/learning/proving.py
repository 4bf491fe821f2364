"""How good a model is, before anybody relies on it: on folds of voices that it had not seen, and on voices never learnt
from. The whole verdict is measured, with the words of danger and the thresholds, as it would be given. Pure.

Units    figures as in `qixia.triage.evaluate`.
Errors   TooLittle from fitting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from qixia.triage import evaluate, lexicon
from qixia.triage.judging import judge
from qixia.triage.learning import fitting
from qixia.triage.learning.examples import Example
from qixia.triage.learning.fitting import Lessons, Progress
from qixia.triage.learning.model import LEVELS, Floats, Mix, Model, level_facts, sigmoid
from qixia.triage.learning.seeing import classes
from qixia.triage.rules import Thresholds
from qixia.triage.verdicts import Opinion, Verdict, decide

_KEPT = ("n", "macro_f1", "severity_accuracy", "missed_danger", "false_alarm", "coverage_shipped", "precision_shipped")


@dataclass(frozen=True)
class Trained:
    """A model with its card, and what each text was taken for while its fold was held out."""

    model: Model
    proofs: list[dict[str, Any]]


def train_and_prove(
    examples: Sequence[Example],
    *,
    held_out: Sequence[Example],
    as_of: date,
    name: str,
    folds: dict[str, str],
    thresholds: Thresholds,
    emphasis: dict[str, float] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Learn from `examples`, and write on the card how good it is on each fold and on `held_out`."""
    schooling = fitting.learn(examples, as_of=as_of, name=name, folds=folds, emphasis=emphasis, progress=progress)
    model = schooling.model
    verdicts = outside_verdicts(schooling.examples, schooling.lessons, schooling.outside, model.full, thresholds)
    light = outside_verdicts(schooling.examples, schooling.lessons, schooling.outside, model.light, thresholds)
    model.card["folds"] = evaluate.figures(schooling.examples, verdicts)
    model.card["folds_light"] = _short(evaluate.figures(schooling.examples, light))
    model.card["views"] = evaluate.by_view(schooling.examples, schooling.outside, model.labels)
    model.card["writers"] = {
        writer: _short(figures)
        for writer, figures in sorted(
            evaluate.by(lambda e: folds.get(e.source, e.source), schooling.examples, verdicts).items()
        )
    }
    if held_out:
        judged = judge([(e.text, None) for e in held_out], model=model, classes=classes(), thresholds=thresholds)
        model.card["held_out"] = evaluate.figures(held_out, judged)
        model.card["held_out_voices"] = {
            voice: _short(figures) for voice, figures in evaluate.by(lambda e: e.source, held_out, judged).items()
        }
    return Trained(model, [_proof(e, v) for e, v in zip(schooling.examples, verdicts, strict=True)])


def outside_verdicts(
    examples: Sequence[Example], lessons: Lessons, scores: Floats, mix: Mix, thresholds: Thresholds
) -> list[Verdict]:
    """What each text would be taken for by the views that had not seen its fold. Reasons are left out."""
    chances = mix.chances(scores)
    used = (mix.classes > 0).astype(np.float32)
    facts = level_facts(scores * used[:, None, None], chances, lessons.labels, lessons.floors, lessons.seen)
    danger = sigmoid(np.einsum("ntf,tf->nt", facts, mix.levels) + mix.level_bias)
    verdicts = []
    for index, example in enumerate(examples):
        raised = [
            level for level, chance, least in zip(LEVELS, danger[index], mix.level_from, strict=True) if chance >= least
        ]
        opinion = Opinion(
            dict(zip(lessons.labels, chances[index].tolist(), strict=True)),
            raised[-1] if raised else "low",
            lambda _label: [],
        )
        verdicts.append(
            decide(
                example.text,
                hint=None,
                opinion=opinion,
                lexicon=lexicon.shipped(),
                classes=classes(),
                thresholds=thresholds,
            )
        )
    return verdicts


def _short(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: figures[key] for key in _KEPT}


def _proof(example: Example, verdict: Verdict) -> dict[str, Any]:
    return {
        "text": example.text,
        "source": example.source,
        "class": example.cls,
        "severity": example.severity,
        "taken_for": verdict.cls,
        "graded": verdict.severity,
        "confidence": verdict.confidence,
        "runner_up": verdict.runner_up,
    }
