"""What is done with a score: the policy `triage.duplicates` and the verdict. Pure.

Units    scores are chances (0-1), distances metres, times minutes.
Truth    TRIAGE-LABELS "Same report?": what was closed before the new one was seen is a recurrence, never the same.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

DUPLICATES = "triage.duplicates"
DUPLICATES_SEED = Path(__file__).parents[1] / "data" / "duplicates.yaml"

Decision = Literal["same", "ask", "recurrence", "apart"]


class Duplicates(BaseModel):
    """The policy "triage.duplicates"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    merge: float = Field(ge=0.5, le=1)
    ask: float = Field(ge=0, le=1)
    radius_m: float = Field(ge=10, le=250)
    # Beyond this only a person merges: the next manhole has the same words.
    merge_within_m: float = Field(default=55, ge=5, le=250)
    days_open: int = Field(ge=1, le=730)
    days_recurrence: int = Field(ge=0, le=730)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ask > self.merge:
            raise ValueError("ask must not be above merge")
        return self


def decide(score: float, distance_m: float, rules: Duplicates, *, closed_before: bool) -> Decision:
    """`closed_before`: the earlier report was closed when the new one was seen."""
    if distance_m > rules.radius_m or score < rules.ask:
        return "apart"
    if closed_before:
        return "recurrence"
    return "same" if score >= rules.merge and distance_m <= rules.merge_within_m else "ask"


@lru_cache(maxsize=1)
def shipped_rules() -> Duplicates:
    """The policy of this release."""
    return Duplicates.model_validate(yaml.safe_load(DUPLICATES_SEED.read_text(encoding="utf-8")))
