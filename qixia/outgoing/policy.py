"""The shape of the administrators' list: which exceptions the outgoing client makes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qixia.outgoing import rules

SEEDS = Path(__file__).parent / "seeds"


class Exemption(BaseModel):
    """One host and port that may be reached although it is not plain HTTPS on a public address."""

    model_config = ConfigDict(extra="forbid")

    scheme: Literal["http", "https"] = "https"
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(443, ge=1, le=65535)
    private: bool = False  # an address of the city's own network
    redirects: bool = False  # each hop is checked like the first one
    why: str = Field(min_length=4, max_length=200)

    @model_validator(mode="after")
    def _is_a_host(self) -> Exemption:
        if set(self.host) & set("/?#@"):
            raise ValueError(f"{self.host} is not the name or address of a host")
        try:
            target = rules.parse(f"{self.scheme}://{_bracketed(self.host)}:{self.port}/")
        except rules.Refused as refusal:
            raise ValueError(f"{self.host} is not the name or address of a host") from refusal
        self.host = target.host
        return self


class Destinations(BaseModel):
    model_config = ConfigDict(extra="forbid")

    exceptions: list[Exemption] = Field(default_factory=list, max_length=200)

    def permit(self, target: rules.Target) -> rules.Permit:
        """What the list allows for this scheme, host and port."""
        for one in self.exceptions:
            if (one.scheme, one.host, one.port) == (target.scheme, target.host, target.port):
                return rules.Permit(listed=True, private=one.private, redirects=one.redirects)
        return rules.Permit()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
