"""Lists by key: a page knows where the next one starts, nobody counts rows that nobody looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """`after` and `before` are opaque keys for the address (?after=… or ?before=…), None at an end."""

    items: Sequence[T]
    after: str | None = None
    before: str | None = None
    total: int | None = None
