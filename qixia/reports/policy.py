"""The shapes of the rules that the city edits: who gets what, and how long it may take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_SLUG = re.compile(r"[a-z][a-z0-9-]{1,39}")
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


class Secrecy(BaseModel):
    """What the public may know of a matter that could name a person, and how anonymous reports are held off.

    `cell_m` is the side of the fixed squares to whose middles public places are moved; public times are days.
    """

    model_config = ConfigDict(extra="forbid")

    sensitive: list[str] = Field(default_factory=list)
    cell_m: int = Field(ge=100, le=5000)
    anonymous_per_hour: int = Field(ge=1, le=10_000)
    second_opinion: bool = False  # whether another model (rule triage.second_opinion) may be shown sensitive matters

    @field_validator("sensitive")
    @classmethod
    def _classes(cls, slugs: list[str]) -> list[str]:
        if len(set(slugs)) != len(slugs):
            raise ValueError("names a class twice")
        if bad := [slug for slug in slugs if not _SLUG.fullmatch(slug)]:
            raise ValueError(f"no name of a class: {bad[0]}")
        return slugs


class Merging(BaseModel):
    """What becomes of reports that look like one matter. How alike they must be is the policy "triage.duplicates"."""

    model_config = ConfigDict(extra="forbid")

    automatic: bool = True  # False: a clerk decides on every one
    offered: int = Field(3, ge=0, le=5)  # similar ones that a rider is asked about before sending; 0: never
    around_m: int = Field(30, ge=0, le=250)  # metres in which all open ones are, to who said only where; 0: never
    paid_riders: int = Field(20, ge=0, le=1000)  # riders who earn points for supporting one report
    supports_a_day: int = Field(30, ge=1, le=1000)  # that one rider may make


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid")

    receive: dict[Severity, int]
    resolve: dict[Severity, int]
    verify: dict[Severity, int]
    close_after_days: int = Field(ge=1, le=60)
    soon: float = Field(gt=0, lt=1)
    per_hour: int = Field(ge=1)
