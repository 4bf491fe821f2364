"""Publishing the next version of the points' table. What was paid stands: the new version counts from now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qixia.kernel.errors import Invalid, NotAllowed
from qixia.people.access import Actor
from qixia.policy.services import publish


def publish_table(*, actor: Actor, data: Mapping[str, Any], note: str, after: int) -> int:
    """The new version's number. Stale when somebody published since `after`; Invalid names the first fault."""
    if not actor.has("admin"):
        raise NotAllowed
    if not note.strip():
        raise Invalid("请写一句为什么改。", field="note")
    return publish("rewards.points", dict(data), note=note.strip()[:300], actor_ref=actor.ref, after=after).version
