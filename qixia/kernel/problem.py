"""The shape of a refusal over HTTP: problem details (RFC 9457) with our own `code`, `field` and `request_id`."""

from __future__ import annotations

from pydantic import BaseModel


class Problem(BaseModel):
    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    code: str = ""
    field: str | None = None
    request_id: str = ""
