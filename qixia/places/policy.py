"""Which base map the pages draw on (policy kind "places.basemap").

`builtin` draws our own data and needs no network. `xyz` takes tiles of a provider, in the provider's datum: pages
convert every point before they draw it. Public maps of China carry an approval number (审图号): it is shown beside the
map, and tiles without one are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qixia.policy.kinds import Kind

KIND_NAME = "places.basemap"


class Basemap(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["builtin", "xyz"] = "builtin"
    url: str = ""  # https://…/{z}/{x}/{y}.png, {s} allowed
    subdomains: str = ""
    datum: Literal["wgs84", "gcj02", "bd09"] = "wgs84"
    attribution: str = Field(default="", max_length=120)
    approval: str = Field(default="", max_length=60)  # 审图号
    max_zoom: int = Field(default=19, ge=14, le=22)

    @model_validator(mode="after")
    def _tiles_are_complete(self) -> Basemap:
        if self.kind == "xyz":
            missing = [part for part in ("{z}", "{x}", "{y}") if part not in self.url]
            if missing or urlsplit(self.url).scheme != "https":
                raise ValueError("an xyz base map needs an https address with {z}, {x} and {y}")
            if not self.approval:
                raise ValueError("an xyz base map needs its approval number (审图号)")
        return self


BASEMAP = Kind(name=KIND_NAME, model=Basemap, seed=Path(__file__).parent / "seeds" / "basemap.yaml", title="底图")
