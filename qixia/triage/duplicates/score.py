"""From features to a calibrated chance, and what spoke for it. Pure.

Truth    `data/duplicates_weights.yaml`, made by `train` from the pairs of `data/pairs`.
Units    score is a chance (0-1); a sign's weight is what it adds to the log-odds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml

from qixia.triage.duplicates.features import FEATURES, Pair

WEIGHTS = Path(__file__).parents[1] / "data" / "duplicates_weights.yaml"
SignKind = Literal["distance", "time", "class", "words", "photo", "floor"]
# Which features a sign for the clerk sums up.
SIGNS: Mapping[SignKind, tuple[str, ...]] = {
    "distance": ("far",),
    "time": ("days",),
    "class": ("class_same", "class_apart"),
    "words": ("meaning", "alike", "object_other", "another"),
    "floor": ("detail_same", "detail_other", "lone_indoors"),
    "photo": ("photo",),
}


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic model over FEATURES."""

    intercept: float
    weights: Mapping[str, float]

    def score(self, pair: Pair) -> float:
        return chance(self.intercept + sum(self.weights[name] * value for name, value in pair.features.items()))

    def signs(self, pair: Pair) -> dict[SignKind, float]:
        """What each kind of sign adds to the log-odds; kinds that say nothing are left out."""
        sums = {kind: sum(self.weights[name] * pair.features[name] for name in names) for kind, names in SIGNS.items()}
        spoke = {kind: any(pair.features[name] for name in names) for kind, names in SIGNS.items()}
        return {kind: total for kind, total in sums.items() if spoke[kind] or kind in ("distance", "time", "class")}


def chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds))))


@lru_cache(maxsize=1)
def shipped() -> Weights:
    """The weights of this release."""
    data = yaml.safe_load(WEIGHTS.read_text(encoding="utf-8"))
    if set(data["weights"]) != set(FEATURES):
        raise ValueError(f"weights and features differ: {set(data['weights']) ^ set(FEATURES)}")
    return Weights(float(data["intercept"]), {name: float(data["weights"][name]) for name in FEATURES})
