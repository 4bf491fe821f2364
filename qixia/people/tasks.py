"""Repeated work of people: who is to be forgotten, and what has had its time."""

from __future__ import annotations

from datetime import timedelta

from qixia.jobs.registry import every
from qixia.kernel import clock
from qixia.people import queries
from qixia.people.services import own_data, retention


@every("people.carry_out_erasures", hours=1)
def carry_out_erasures() -> None:
    own_data.carry_out_erasures()
    over = clock.now() - timedelta(hours=queries.privacy_rules().export_hours)
    own_data.forget_exports(before=over)


@every("people.retention", hours=1)
def run_retention() -> None:
    """Hourly, so that a large backlog goes on; a kind that is done waits for the next day."""
    retention.run_retention()
