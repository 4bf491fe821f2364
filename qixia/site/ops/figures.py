"""The state of the installation as figures, asked for when somebody scrapes: nothing to keep in step, nothing to lose.

Cost     fourteen statements; on a million reports the counts by state read an index, not the table.
Errors   a database that does not answer is a figure too: `qixia_database_up` 0, and only what needs no database besides.
Units    seconds, bytes, counts. No personal data, no identifiers.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.db import DatabaseError, connection

from qixia.jobs import queries as jobs
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.keys import keys
from qixia.media import queries as media
from qixia.reports.queries import pulse
from qixia.rewards.queries import latest_is_sound, seal_state
from qixia.site.backup import mark
from qixia.site.version import release
from qixia.triage import opinions


@dataclass(frozen=True, slots=True)
class Figure:
    """One gauge: label values → value. `label` names the label, "" if there is none."""

    name: str
    help: str
    samples: dict[str, float] = field(default_factory=dict)
    label: str = ""


def figures() -> list[Figure]:
    """Everything that can be said now."""
    found = list(_without_database())
    try:
        found += [Figure("qixia_database_up", "1: the database answers.", {"": 1.0}), *_from_database()]
    except DatabaseError:
        connection.close()
        found.append(Figure("qixia_database_up", "1: the database answers.", {"": 0.0}))
    return found


def _without_database() -> Iterator[Figure]:
    config = get_config()
    yield Figure("qixia_release_info", "The release that runs here.", {release(): 1.0}, "release")
    last = mark.last_success(config)
    yield Figure(
        "qixia_backup_last_success_timestamp_seconds", "When the last backup succeeded; 0: never.", {"": last or 0}
    )
    places = {"media": config.media, "var": config.var_dir}
    usage = {name: shutil.disk_usage(_existing(path)) for name, path in places.items()}
    free = {name: float(one.free) for name, one in usage.items()}
    yield Figure("qixia_disk_free_bytes", "Free room on the disks of pictures and of var.", free, "place")
    ratio = {name: one.free / one.total for name, one in usage.items()}
    yield Figure("qixia_disk_free_ratio", "The same as a share of the disk.", ratio, "place")
    yield Figure("qixia_old_master_keys", "Old master keys that are still at hand.", {"": len(keys().key_ids) - 1.0})


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _from_database() -> Iterator[Figure]:
    queue = jobs.queue_state()
    yield Figure("qixia_jobs_waiting", "Jobs that are not done.", {"": queue.waiting})
    yield Figure("qixia_jobs_overdue_seconds", "How long the oldest due job has waited.", {"": queue.overdue_s})
    yield Figure("qixia_jobs_quarantined", "Jobs that were given up.", {"": queue.quarantined})
    age = jobs.worker_age_s()
    shown = math.inf if age is None else age
    yield Figure("qixia_worker_heartbeat_age_seconds", "Since a worker's youngest sign; +Inf: none runs.", {"": shown})
    yield Figure("qixia_workers", "Workers that gave a sign within 30 seconds.", {"": jobs.workers_alive()})
    reports = pulse.pulse(clock.now())
    yield Figure("qixia_reports", "Reports by state.", dict(reports.states), "state")
    yield Figure(
        "qixia_reports_unanswered", "Open reports that nobody answered for 24 hours.", {"": reports.unanswered}
    )
    yield Figure("qixia_evidence", "Photos and clips by state.", dict(media.states()), "state")
    oldest = media.oldest_pending_s(clock.now())
    yield Figure("qixia_evidence_pending_seconds", "How long the oldest picture has waited.", {"": oldest})
    seal = seal_state()
    yield Figure(
        "qixia_ledger_unsealed_seconds", "How long the oldest posting has not been sealed.", {"": seal.lag_seconds}
    )
    unsound = 0.0 if latest_is_sound() else 1.0
    yield Figure("qixia_ledger_unsound", "1: the last proof of the books found something.", {"": unsound})
    today = clock.city_date(clock.now())
    yield Figure("qixia_opinions", "Requests to another model, by outcome.", dict(opinions.tallies()), "outcome")
    yield Figure("qixia_opinions_failed_today", "Of these, failed today.", {"": opinions.failed_on(today)})
    yield Figure("qixia_database_bytes", "Size of the database.", {"": _database_bytes()})


def _database_bytes() -> float:
    """On SQLite with its write-ahead log."""
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        return float(sum(path.stat().st_size for path in (Path(name), Path(f"{name}-wal")) if path.exists()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return float(cursor.fetchone()[0])
