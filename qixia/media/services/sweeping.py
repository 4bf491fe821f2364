"""Removing files that no row names. May run any number of times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.media import files
from qixia.media.models import DESTROYED, Evidence
from qixia.media.services.rows import SYSTEM, log

GRACE = timedelta(hours=1)


def sweep(shards: Iterable[int] = range(files.SHARDS)) -> int:
    """Remove files older than an hour that no row names, and left-over temp files. Returns how many."""
    before = (clock.now() - GRACE).timestamp()
    orphans = files.stale_parts(before)
    for shard in shards:
        for kind in ("originals", "copies"):
            orphans += _without_row(files.stored_files(kind, shard, before), kind)
    if orphans:
        files.remove(orphans)
        record("media.swept", subject="media", actor=SYSTEM, files=len(orphans))
        log.info("orphan files removed", extra={"files": len(orphans)})
    return len(orphans)


def _without_row(found: dict[Path, str], kind: str) -> list[Path]:
    names = sorted(set(found.values()))
    known: set[str] = set()
    rows = Evidence.objects.exclude(key_id=DESTROYED) if kind == "originals" else Evidence.objects
    for start in range(0, len(names), 500):  # SQLite takes 999 values a statement in old builds
        part = names[start : start + 500]
        known.update(rows.filter(storage_name__in=part).values_list("storage_name", flat=True))
    return [path for path, name in found.items() if name not in known]
