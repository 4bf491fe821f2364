"""Counts every hour what pages show of weeks of rows.

Bounded  where there is little to count (LIVE rows) nothing is kept, and the page counts as it is opened; else it reads one
         document. So no page reads more than LIVE rows and what came within the hour, however large the city.
Retries  counting again writes the same document anew. It runs in the slow worker: nobody waits for it.
"""

from __future__ import annotations

from typing import Any

from qixia.kernel import clock
from qixia.triage import overview
from qixia.triage.models import Figures

LIVE = 2000


def keep_figures(*, name: str, data: dict[str, Any] | None) -> None:
    """Keep what was counted; None: there is so little that it is counted when it is asked for."""
    if data is None:
        Figures.objects.filter(name=name).delete()
    else:
        Figures.objects.update_or_create(name=name, defaults={"at": clock.now(), "data": data})


def count_figures() -> None:
    """The drift of twelve weeks, and what was corrected in up to a year."""
    now = clock.now()
    reports, corrected = overview.rows_to_count(now)
    keep_figures(name=overview.DRIFT, data=overview.count_drift(now) if max(reports, corrected) > LIVE else None)
    keep_figures(name=overview.CORRECTED, data=overview.count_corrected(now) if corrected > LIVE else None)


__all__ = ["LIVE", "count_figures", "keep_figures"]
