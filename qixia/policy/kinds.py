"""The kinds of rule that exist. An app registers its own in AppConfig.ready()."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ValidationError

from qixia.kernel.errors import Invalid

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of rule: its name ("rewards.points"), the shape of its data, and the version that ships with Qixia.

    `page` is the url name of the page that alone publishes it, where more has to be looked at than the shape.
    """

    name: str
    model: type[BaseModel]
    seed: Path
    title: str | _StrPromise
    page: str = ""

    def parse(self, data: object) -> BaseModel:
        """Validated data; Invalid names the place of the first fault."""
        try:
            return self.model.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or self.name
            raise Invalid("规则内容有误：%(where)s，%(why)s", field="data", where=where, why=first["msg"]) from error

    def read_seed(self) -> object:
        return yaml.safe_load(self.seed.read_text(encoding="utf-8"))


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    _KINDS[kind.name] = kind


def get(name: str) -> Kind:
    return _KINDS[name]


def all_kinds() -> list[Kind]:
    return sorted(_KINDS.values(), key=lambda kind: kind.name)
