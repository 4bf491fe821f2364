"""The shapes of the rules that the city edits: who gets what, and how long it may take."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SEEDS = Path(__file__).parent / "seeds"
Severity = Literal["low", "normal", "high", "critical"]


class RoutingRow(BaseModel):
    """Fits a report if each thing that it names fits; names nothing: the fallback."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    unit: str = Field(min_length=1)
    cls: str | None = Field(None, alias="class")
    family: str | None = None
    division: str | None = None  # code of any division above the place
    site_kind: str | None = None

    @property
    def is_fallback(self) -> bool:
        return not (self.cls or self.family or self.division or self.site_kind)


class Routing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: list[RoutingRow]

    @model_validator(mode="after")
    def _one_fallback(self) -> Routing:
        if sum(row.is_fallback for row in self.rows) != 1:
            raise ValueError("exactly one row must fit everything: the fallback")
        return self


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid")

    receive: dict[Severity, int]
    resolve: dict[Severity, int]
    verify: dict[Severity, int]
    close_after_days: int = Field(ge=1, le=60)
    soon: float = Field(gt=0, lt=1)
    per_hour: int = Field(ge=1)
