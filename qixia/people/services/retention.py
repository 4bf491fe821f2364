"""The daily run that removes what has had its time, and writes the proof of it.

Small batches, each in a transaction of its own: a killed run has removed what it had removed, and the next goes on. A kind
with nothing left to do is asked again the next day of the city.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.db import transaction

from qixia.audit import queries as audit
from qixia.audit import retention
from qixia.audit.services import record_retention
from qixia.kernel import clock
from qixia.people import queries

BATCH = 200
BUDGET_S = 40.0  # a job may take 60 seconds


def run_retention(*, batch: int = BATCH, budget_s: float = BUDGET_S) -> int:
    """Remove what is over in every kind not yet done today. Returns how many things went."""
    until = time.monotonic() + budget_s
    now = clock.now()
    today, _next = clock.city_day(clock.city_date(now))
    done, days, removed = audit.retention_finished_since(today), queries.days_kept(), 0
    for kind in retention.kinds():
        if kind.name not in done:
            removed += _purge(kind, days[kind.name], now, batch, until)
    return removed


def _purge(kind: retention.Kind, days: int, now: datetime, batch: int, until: float) -> int:
    before, removed, finished = now - timedelta(days=days), 0, False
    while not finished and (time.monotonic() < until or not removed):
        with transaction.atomic():
            gone = kind.purge(before, batch)
        removed += gone
        finished = gone < batch
    record_retention(
        kind=kind.name, days=days, before=before, removed=removed, oldest_left=kind.oldest(), finished=finished
    )
    return removed
