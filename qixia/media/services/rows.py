"""What all services of media share: the names of events, and how an evidence row is named in them."""

from __future__ import annotations

import logging
from typing import Any

from qixia.jobs.registry import declare_event
from qixia.media.models import Evidence

READY = declare_event("media.ready")
FILMED = declare_event("media.filmed")  # ref clip; payload evidence, owner_ref, frames
BROKEN = declare_event("media.broken")
HELD = declare_event("media.held")
OPENED = declare_event("media.original_opened")  # ref evidence; payload evidence, owner_ref, basis

SYSTEM = "system:media"

log = logging.getLogger("qixia.media")


def ref_of(row: Evidence) -> str:
    return f"evidence:{row.public_id}"


def payload_of(row: Evidence) -> dict[str, Any]:
    return {"evidence": row.public_id, "owner_ref": row.owner_ref}
