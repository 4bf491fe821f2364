"""The model that judges in this process.

Truth    the policy "triage.model"; the artefact is read again when its version changes, so every process has followed
         after `policy.queries.KEEP_S` seconds.
Errors   an artefact that cannot be read never stops a report: the shipped model serves, and if its file is broken too,
         the words alone (model None). The log says so, the model page too, and it is tried again after RETRY_S seconds.
         Only `load` raises: BadArtefact.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from qixia.kernel.errors import NotConfigured
from qixia.policy.queries import Rules, current
from qixia.triage.choice import MODEL, SHIPPED
from qixia.triage.learning.model import BadArtefact, Model, shipped
from qixia.triage.models import TrainedModel

log = logging.getLogger("qixia.triage")

RETRY_S = 60.0
WORDS = "words"  # what serves when no model can be read


@dataclass(frozen=True, slots=True)
class Active:
    """`wanted` is what the policy says, `serving` what judges: the same, or the shipped one, or WORDS (model None)."""

    wanted: str
    serving: str
    version: int
    model: Model | None
    fault: str = ""


_kept: tuple[float, Active] | None = None


def model() -> Model | None:
    """The model in use in this process; None if none can be read and the words decide alone."""
    return state().model


def state() -> Active:
    global _kept
    wanted, version = chosen()
    if _kept is not None:
        since, found = _kept
        is_same = (found.wanted, found.version) == (wanted, version)
        if is_same and (not found.fault or time.monotonic() - since < RETRY_S):
            return found
    found = _read(wanted, version)
    _kept = (time.monotonic(), found)
    return found


def chosen(at: datetime | None = None) -> tuple[str, int]:
    """(artefact, version of the policy) in force at `at`, now by default; the shipped one before any policy."""
    try:
        rules: Rules = current(MODEL, at)
    except NotConfigured:
        return SHIPPED, 0
    return rules.data.artefact, rules.version


def load(artefact: str) -> Model:
    """The model of an artefact. BadArtefact if it is gone, was changed, or cannot be read."""
    return shipped() if artefact == SHIPPED else _stored(artefact)


@lru_cache(maxsize=4)  # a change of bytes would be another artefact, so nothing kept goes stale
def _stored(artefact: str) -> Model:
    data = TrainedModel.objects.filter(sha256=artefact).values_list("data", flat=True).first()
    if data is None:
        raise BadArtefact("no such model is stored")
    found = bytes(data)
    if sha256(found).hexdigest() != artefact:
        raise BadArtefact("the stored bytes are not those that were trained")
    return Model.from_bytes(found)


def forget() -> None:
    """Read everything anew at the next question: between tests, and before a switch looks at the bytes themselves."""
    global _kept
    _kept = None
    _stored.cache_clear()


def _read(wanted: str, version: int) -> Active:
    fault = ""
    for artefact in dict.fromkeys((wanted, SHIPPED)):
        try:
            return Active(wanted, artefact, version, load(artefact), fault)
        except BadArtefact as error:
            log.exception("model cannot be read", extra={"artefact": artefact})
            fault = fault or str(error)[:200]
    return Active(wanted, WORDS, version, None, fault)
