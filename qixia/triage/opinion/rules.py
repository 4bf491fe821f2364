"""The rule "triage.second_opinion": whether, whom and what another model is asked. Pure.

Truth    the key for the address is no rule: it stands in the settings (QIXIA_SECOND_OPINION_KEY), never in the history.
Errors   a ValueError of pydantic names what is wrong; an address that could hold a key in itself is refused.
Units    seconds; `daily_limit` counts requests, repeated ones too, in one day of the city.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from qixia.kernel.errors import DomainError
from qixia.outgoing.rules import parse

SECOND_OPINION: Final = "triage.second_opinion"
SECOND_OPINION_SEED: Final = Path(__file__).parents[1] / "data" / "second_opinion.yaml"
_DOOR = "/chat/completions"

STATES: Final = ("waiting", "ok", "failed", "refused")
# What went wrong, as it is counted. The first group may get better and is tried again.
PASSING: Final = ("timeout", "unreachable", "limited", "server")
LASTING: Final = ("unauthorised", "status", "not_json", "shape", "answer", "class", "nothing")
FAILURES: Final = (*PASSING, *LASTING)

WAITS: Final = (timedelta(minutes=2), timedelta(minutes=15))  # before the second and the third try; there is no fourth
TRIES: Final = len(WAITS) + 1
# An endpoint that failed so often in a row is left alone for so long: a dead one must not hold up the pictures.
PAUSE_AFTER, PAUSE = 3, timedelta(minutes=5)


class SecondOpinion(BaseModel):
    """`only`: cases that a person sorts anyway, or every open one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = False
    url: str = Field("", max_length=500)
    model: str = Field("", max_length=80, pattern=r"^[\w./:@+-]*$")
    timeout_s: int = Field(20, ge=2, le=60)
    send_words: bool = True
    daily_limit: int = Field(200, ge=1, le=100_000)
    only: Literal["sorting", "all"] = "sorting"

    @field_validator("url")
    @classmethod
    def _holds_no_secret(cls, url: str) -> str:
        """Rules are read by many and kept for ever; a query or a name before @ is where keys hide."""
        if not url:
            return url
        if "?" in url or "#" in url:
            raise ValueError("an address without ? and #: the key belongs into the settings")
        try:
            parse(url)
        except DomainError as refusal:
            raise ValueError(f"not an address: {refusal.context.get('why', '')}") from refusal
        return url.rstrip("/")

    @model_validator(mode="after")
    def _can_be_asked(self) -> SecondOpinion:
        if self.enabled and not (self.url and self.model):
            raise ValueError("needs an address and the name of a model")
        return self

    @property
    def door(self) -> str:
        """Where requests go. The address may be given with or without the last part."""
        return self.url if self.url.endswith(_DOOR) else self.url + _DOOR


def kind_of_status(status: int) -> str:
    """What an HTTP status other than 200 is counted as."""
    if status in (401, 403):
        return "unauthorised"
    if status == 429:
        return "limited"
    return "server" if status >= 500 else "status"
