"""The shapes of two rules of the desk: texts that forms offer, and what papers may be put to a case."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

PLACES = frozenset(("unit", "number", "date", "matter", "place"))
# Steps whose forms offer standard texts.
WORDED = ("answer", "arrive", "resolve", "return", "reject", "redirect", "send_back", "verify", "set_aside", "promise")


class StandardText(BaseModel):
    """A text that a form offers. Neither class nor family: it fits every case."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    step: list[str] = Field(min_length=1)
    title: str = Field(min_length=1, max_length=20)
    title_en: str = Field("", max_length=60)
    zh: str = Field(min_length=1, max_length=500)
    en: str = Field("", max_length=1000)
    cls: str | None = Field(None, alias="class")
    family: str | None = None

    @field_validator("step")
    @classmethod
    def _steps(cls, steps: list[str]) -> list[str]:
        if unknown := [step for step in steps if step not in WORDED]:
            raise ValueError(f"no step with a text: {unknown[0]}")
        return steps

    @field_validator("zh", "en")
    @classmethod
    def _places(cls, text: str) -> str:
        if unknown := set(re.findall(r"\{(\w*)\}", text)) - PLACES:
            raise ValueError(f"no such place: {{{min(unknown)}}}")
        return text


class StandardTexts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: list[StandardText] = Field(max_length=300)


class Documents(BaseModel):
    """What may be put to a case besides photos. Kinds are those of qixia.reports.papers, told by content."""

    model_config = ConfigDict(extra="forbid")

    max_mb: int = Field(ge=1, le=100)
    a_case: int = Field(ge=1, le=200)
    kinds: list[Literal["pdf", "docx", "xlsx", "pptx", "jpeg", "png", "webp"]] = Field(min_length=1)
