"""The request id: one name for all that follows from one request, through logs, jobs and audit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from qixia.kernel.ids import new_public_id

_SANE = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
_current: ContextVar[str] = ContextVar("qixia_request_id", default="")


def request_id() -> str:
    """The id of what is going on now; empty outside of any request or job."""
    return _current.get()


@contextmanager
def with_request_id(given: str | None = None) -> Iterator[str]:
    """Use `given` if it looks like an id, else a new one, inside the block."""
    chosen = given if given and _SANE.match(given) else new_public_id()
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)


@contextmanager
def without_request_id() -> Iterator[None]:
    """Inside the block nothing is named after the request: for rows that must not be joined with its log line."""
    token = _current.set("")
    try:
        yield
    finally:
        _current.reset(token)
