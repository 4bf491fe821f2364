"""Kinds of offers that exist. A package above registers its own when Django starts: offers know of none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Kind:
    """`page` is the url name of the page on which the holder does it; it gets the offer's public id."""

    name: str
    title: str | _StrPromise
    icon: str
    page: str


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """The same name again replaces it (Django may call ready twice in tests)."""
    _KINDS[kind.name] = kind


def get(name: str) -> Kind:
    return _KINDS[name]


def all_kinds() -> list[Kind]:
    return sorted(_KINDS.values(), key=lambda kind: kind.name)
