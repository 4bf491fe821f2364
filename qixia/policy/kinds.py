"""The kinds of rule that exist. An app registers its own in AppConfig.ready()."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ValidationError

from qixia.kernel.errors import Invalid

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where PyYAML was built with it


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of rule: its name ("rewards.points"), the shape of its data, and the version that ships with Qixia.

    `page` is the url name of the page that alone publishes it, where more has to be looked at than the shape.
    `check` looks at what the shape cannot know before a version is published, and raises Invalid; versions that are in
    force already are read without it.
    """

    name: str
    model: type[BaseModel]
    seed: Path
    title: str | _StrPromise
    page: str = ""
    check: Callable[[Any], None] | None = None

    def parse(self, data: object) -> BaseModel:
        """Validated data; Invalid names the place of the first fault."""
        try:
            return self.model.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or self.name
            raise Invalid("规则内容有误：%(where)s，%(why)s", field="data", where=where, why=first["msg"]) from error

    def refuse(self, parsed: BaseModel) -> None:
        """Invalid where the data has its shape and yet must not be published."""
        if self.check is not None:
            self.check(parsed)

    def read_seed(self) -> object:
        """As it is written, not validated; the caller may change what it gets."""
        found = self.seed.stat()
        return deepcopy(_read(self.seed, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=256)
def _read(path: Path, _changed: int, _size: int) -> object:
    """A file read once for as long as it stays as it is: all seeds together take half a second."""
    return yaml.load(path.read_bytes(), Loader=_Loader)


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    _KINDS[kind.name] = kind


def get(name: str) -> Kind:
    return _KINDS[name]


def all_kinds() -> list[Kind]:
    return sorted(_KINDS.values(), key=lambda kind: kind.name)
