"""Learns the weights from labelled pairs; `python -m qixia.triage.duplicates.train` prints figures as JSON lines.

How      logistic regression with a light ridge whose weights keep to the signs of FEATURES, so that more metres or
         contradictions never raise a score. Each voice is judged by weights that never saw it; the voices held out
         are in no training. With --write the weights of all others go into data/duplicates_weights.yaml.
Source   the pairs of data/pairs, written by hand for Qixia.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.metrics import brier_score_loss, roc_auc_score

from qixia.triage.duplicates.features import FEATURES, Pair
from qixia.triage.duplicates.pairs import Labelled, compared, figures, read_pairs, verdicts
from qixia.triage.duplicates.reading import read_shipped
from qixia.triage.duplicates.rules import shipped_rules
from qixia.triage.duplicates.score import WEIGHTS, Weights

PAIRS = Path(__file__).parents[1] / "data" / "pairs"
HELD_OUT = ("shengren", "wai")
RIDGE = 0.5
# No pair has pictures. The same picture at the same place outweighs anything but a contradiction.
PHOTO = 4.0

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Voice:
    """One author's pairs with their features."""

    name: str
    pairs: list[Labelled]
    found: list[Pair]


def read_voice(path: Path) -> Voice:
    labels = read_pairs(path.read_text(encoding="utf-8").splitlines())
    return Voice(path.stem, labels, compared(labels, read_shipped))


def fit(found: Sequence[Pair], same: Sequence[bool]) -> Weights:
    """Weights that make `same` likeliest. Closed ones count as same or not by their hazard, see `usable`."""
    rows = np.array([[pair.features[name] for name in FEATURES] for pair in found])
    signs = np.where(np.array(same), 1.0, -1.0)

    def loss(params: Numbers) -> tuple[float, Numbers]:
        margin = signs * (params[0] + rows @ params[1:])
        pull = -signs / (1 + np.exp(np.clip(margin, -60, 60)))
        slope = np.concatenate([[pull.sum()], rows.T @ pull + 2 * RIDGE * params[1:]])
        return float(np.logaddexp(0, -margin).sum() + RIDGE * params[1:] @ params[1:]), slope

    start = np.zeros(len(FEATURES) + 1)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None), *FEATURES.values()])
    weights = {name: float(value) for name, value in zip(FEATURES, best.x[1:], strict=True)}
    return Weights(float(best.x[0]), weights | {"photo": PHOTO})


def usable(voices: Sequence[Voice]) -> tuple[list[Pair], list[bool]]:
    """What weights are learnt from: recurrences are left out, for they are the same hazard and yet no duplicate."""
    both = [
        (pair, label.same)
        for voice in voices
        for label, pair in zip(voice.pairs, voice.found, strict=True)
        if not label.closed_before
    ]
    return [pair for pair, _ in both], [same for _, same in both]


def judged(voice: Voice, weights: Weights) -> dict[str, Any]:
    """Figures of one voice, with how well ordered (AUC) and how honest (Brier) the chances are."""
    rules = shipped_rules()
    found, same = usable([voice])
    scores = [weights.score(pair) for pair in found]
    return {
        **figures(voice.pairs, verdicts(voice.pairs, voice.found, weights, rules), rules),
        "auc": round(float(roc_auc_score(same, scores)), 4),
        "brier": round(float(brier_score_loss(same, scores)), 4),
    }


def cross_validated(voices: Sequence[Voice]) -> list[tuple[Voice, Weights]]:
    """Each voice with weights learnt from the others."""
    return [(voice, fit(*usable([other for other in voices if other is not voice]))) for voice in voices]


def to_yaml(weights: Weights, voices: Sequence[Voice]) -> str:
    head = (
        "# Made by `python -m qixia.triage.duplicates.train --write`; what each feature means says duplicates/features.py.\n"
        "# A weight times its feature is what it adds to the log-odds that two reports are the same matter.\n"
    )
    data = {
        "intercept": round(weights.intercept, 3),
        "weights": {name: round(value, 3) for name, value in weights.weights.items()},
        "pairs": sum(len(voice.pairs) for voice in voices),
        "voices": [voice.name for voice in voices],
    }
    return head + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def main(words: Sequence[str]) -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the weights")
    chosen = parser.parse_args(words)
    voices = [read_voice(path) for path in sorted(PAIRS.glob("*.jsonl"))]
    trained = [voice for voice in voices if voice.name not in HELD_OUT]
    for voice, weights in cross_validated(trained):
        _say({"voice": voice.name, "how": "weights of the other voices", **judged(voice, weights)})
    final = fit(*usable(trained))
    for voice in voices:
        if voice.name in HELD_OUT:
            _say({"voice": voice.name, "how": "held out", **judged(voice, final)})
    _say({"weights": {name: round(value, 2) for name, value in final.weights.items()}, "intercept": final.intercept})
    if chosen.write:
        WEIGHTS.write_text(to_yaml(final, trained), encoding="utf-8")


def _say(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
