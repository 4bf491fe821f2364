"""A new master key: the files first, then every sealed value, a batch a transaction, until none names an old key.

Truth    the values: each names its key, so whoever looks knows what is done. No progress is kept anywhere else.
Retries  killed anywhere and run again, it goes on where it was. A row that changes meanwhile is left to the next run.
Tables   are walked by name (`kernel.sealed`): packages above own them, and only their sealed columns are written here.
Errors   StillNeeded, TooYoung for a key that must stay. Values that do not open are counted, logged and left as they are.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models, transaction

from qixia.audit.services import record
from qixia.kernel.config import get_config
from qixia.kernel.faults import kill_point
from qixia.kernel.keys import BadSeal, Keys, forget_key_file, keys, next_path, old_path, renew, rotate_key_files
from qixia.kernel.sealed import SealedColumn, sealed_columns

ACTOR = "system:keys"
SUBJECT = "installation:1"
BATCH = 200
KEEP_DAYS = 9  # the longest that something signed holds is a rider's pass, 8 days

log = logging.getLogger("qixia.keys")


class StillNeeded(Exception):
    """Values under this key are left."""


class TooYoung(Exception):
    """Something signed under this key may still be on its way."""


@dataclass
class Moved:
    """One column after its walk: how many values were sealed anew, how many don't open, how many each key has."""

    column: str
    moved: int = 0
    unreadable: int = 0
    keys: Counter[str] = field(default_factory=Counter)


def begin() -> str:
    """Put a new master key in force; returns its id. Running programs take it up within seconds."""
    key_id = rotate_key_files(get_config().key_file)
    renew()
    kill_point("keys.replaced")
    record("keys.replaced", subject=SUBJECT, actor=ACTOR, key=key_id)
    return key_id


def is_half_done() -> bool:
    """Whether a rotation of the files was killed before the new key was in force."""
    return next_path(get_config().key_file).exists()


def walk(*, batch: int = BATCH) -> Iterator[Moved]:
    """Seal anew whatever is under an old key, column by column, and count what is under which key then."""
    ring = keys()
    for column in sealed_columns():
        found = Moved(column.name)
        if not column.append_only:
            _move_all(column, ring, batch, found)
        found.keys = _count(column, ring)
        if found.moved:
            record("keys.moved", subject=SUBJECT, actor=ACTOR, column=column.name, values=found.moved, key=ring.key_id)
        yield found


def _move_all(column: SealedColumn, ring: Keys, batch: int, found: Moved) -> None:
    table, last = _table(column), None
    while True:
        later = table.all() if last is None else table.filter(pk__gt=last)
        rows = list(later.order_by("pk").values("pk", column.column, *column.fields)[:batch])
        if not rows:
            return
        last = rows[-1]["pk"]
        old = [row for row in rows if row[column.column] and ring.id_of(row[column.column]) != ring.key_id]
        if old:
            _move(column, ring, old, found)
            kill_point("keys.moved")


@transaction.atomic
def _move(column: SealedColumn, ring: Keys, rows: list[dict[str, Any]], found: Moved) -> None:
    for row in rows:
        value = bytes(row[column.column])
        try:
            new: dict[str, Any] = {column.column: column.move(ring, value, row)}
        except BadSeal:
            found.unreadable += 1
            log.error("sealed value does not open", extra={"column": column.name, "row": str(row["pk"])})
            continue
        if column.key_id:
            new[column.key_id] = ring.key_id
        # Only if nobody wrote it since: the newer value names the new key by itself.
        found.moved += _table(column).filter(pk=row["pk"], **{column.column: value}).update(**new)


def _count(column: SealedColumn, ring: Keys) -> Counter[str]:
    values = _table(column).values_list(column.column, flat=True).iterator(chunk_size=2000)
    return Counter(ring.id_of(value) for value in values if value)


def _table(column: SealedColumn) -> models.QuerySet[Any]:
    found: models.QuerySet[Any] = apps.get_model(column.model)._base_manager.all()
    return found


def left_on_old_keys(columns: list[Moved]) -> dict[str, int]:
    """Old key → how many values still need it. Values that name no key may need any of them."""
    total: Counter[str] = Counter()
    for column in columns:
        total.update(column.keys)
    return {key_id: total[key_id] + total[""] for key_id in keys().key_ids[1:]}


def forget(key_id: str, *, at_once: bool = False) -> None:
    """Remove an old key's file. StillNeeded names the columns; TooYoung unless `at_once`. KeyError: no such old key."""
    if key_id not in keys().key_ids[1:]:
        raise KeyError(key_id)
    needed = [column for column in sealed_columns() if {key_id, ""} & set(_count(column, keys()))]
    if needed:
        raise StillNeeded(", ".join(column.name for column in needed))
    path = get_config().key_file
    age_days = (time.time() - old_path(path, key_id).stat().st_mtime) / 86400
    if age_days < KEEP_DAYS and not at_once:
        raise TooYoung(f"{age_days:.1f} of {KEEP_DAYS} days")
    record("keys.forgotten", subject=SUBJECT, actor=ACTOR, key=key_id)
    forget_key_file(path, key_id)
    renew()
