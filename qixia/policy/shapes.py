"""The shapes of the rules that belong to policy itself."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from qixia.kernel.worktime import office_hours

SEEDS = Path(__file__).parent / "seeds"


class WorkingHours(BaseModel):
    """The hours of a working day by the city's clock, and how early a missing year is warned of."""

    model_config = ConfigDict(extra="forbid")

    hours: list[str] = Field(min_length=1, max_length=6)
    warn_months: int = Field(3, ge=1, le=11)

    @field_validator("hours")
    @classmethod
    def _readable(cls, texts: list[str]) -> list[str]:
        office_hours(texts)
        return texts
