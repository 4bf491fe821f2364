"""Publishing the dispatch catalogue: a new version of the rule "reports.routing", after a look at what its shape cannot know.

Errors   NotAllowed, FaultyCatalogue (names the first row), Stale if another version was published meanwhile, Invalid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from qixia.audit.services import record
from qixia.kernel.errors import Invalid, NotAllowed
from qixia.people.access import Actor
from qixia.policy.services import publish
from qixia.reports import dispatching, errors
from qixia.reports.policy import Routing
from qixia.reports.queries.routing import FAULT_WORDS, known, parsed


@transaction.atomic
def publish_routing(*, actor: Actor, rows: Sequence[dict[str, Any]], note: str, after: int) -> int:
    """Publish these rows as the next version; `after` is the version that the editor saw. Returns its number."""
    if not actor.has("admin"):
        raise NotAllowed
    if not note.strip():
        raise Invalid("请写一句为什么改。", field="note")
    draft: Routing = parsed(rows)
    if found := dispatching.faults(draft.rows, known()):
        first = found[0]
        raise errors.FaultyCatalogue(row=first.index + 1, what=_(FAULT_WORDS[first.what]), named=first.named)
    data = draft.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    made = publish("reports.routing", data, note=note.strip()[:300], actor_ref=actor.ref, after=after)
    record("reports.catalogue", subject="rules:reports.routing", actor=actor.ref, version=made.version)
    return made.version
