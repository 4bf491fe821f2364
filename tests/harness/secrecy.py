"""Everything that the system stores, as a graph: which records share a value that only a few could share.

Record   a row, a file, a line of the log, the headers of an answer. `tokens` are its values that tell it from others:
         ids, numbers, keyed hashes, references, the transaction that wrote it (PostgreSQL); `times` its moments.
Path     two records touch when they share a token. Tokens of staff and organisations don't count: they stand beside
         everybody's reports. Nor do tables that are the same for everybody (STATIC).
Opened   with the master key at hand sealed columns are opened and keyed hashes computed, as a thief of both could.
Left out what a look at one moment can't show: dead rows, write-ahead logs, what two copies of the database tell.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from qixia.kernel.keys import BadSeal, keys
from qixia.kernel.sealed import sealed_columns

STATIC = ("codes_", "places_", "policy_", "django_migrations", "django_content_type", "auth_permission", "sqlite_")
NEAR = timedelta(seconds=2)
# Sealed by a person's own key: it holds no name of a report.
PERSONS_OWN = {("people_person", "sealed_phone")}
# Hashes of pieces of words, which name nobody (triage/duplicates/marks.py).
NO_NAMES = {("triage_fingerprint", "marks")}
_VALUE = re.compile(r"[A-Za-z0-9_\-]{16,}|(?<![0-9-])\d{3}-\d{3}-\d{3}(?![0-9-])|(?<!\d)\d{9}(?!\d)")
_REF_KEYS = {"person_id": "people_person", "report_id": "reports_report", "item_id": "rewards_item"}


def purposes() -> dict[tuple[str, str], str | None]:
    """(table, column) → under which purpose the master key opens it; None for a wrapped key, which names nothing."""
    return {(apps.get_model(one.model)._meta.db_table, one.column): one.purpose for one in sealed_columns()}


@dataclass
class Record:
    name: str
    tokens: set[str] = field(default_factory=set)
    times: list[datetime] = field(default_factory=list)
    text: str = ""

    def say(self, value: Any) -> None:
        """Take a value in: what it holds of tokens and times."""
        if isinstance(value, datetime):
            self.times.append(value if value.tzinfo else value.replace(tzinfo=UTC))
        elif isinstance(value, dict):
            for key, inner in value.items():
                table = _REF_KEYS.get(str(key))
                self.tokens |= {f"{table}#{inner}"} if table and inner is not None else set()
                self.say(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                self.say(inner)
        elif not isinstance(value, bool | date | float) and value is not None:
            self._say_text(str(value))

    def _say_text(self, text: str) -> None:
        self.text += f" {text}"
        for found in _VALUE.findall(text):
            if any(sign.isdigit() for sign in found):
                self.tokens.add(found.replace("-", "") if len(found) == 11 else found)
        for moment in re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)", text):
            self.times.append(datetime.fromisoformat(moment))


@dataclass
class Dump:
    """All records. `needles` are texts to look for in everything, files' bytes included, by the token they stand for."""

    opened: bool
    needles: dict[str, str]
    records: list[Record] = field(default_factory=list)
    unknown: set[tuple[str, str]] = field(default_factory=set)  # bytes that nobody said how to open

    def add(self, name: str, values: Iterable[Any], *, tokens: Iterable[str] = ()) -> Record:
        record = Record(name, set(tokens))
        for value in values:
            record.say(value)
        self._needle(record, record.text)
        self.records.append(record)
        return record

    def _needle(self, record: Record, text: str) -> None:
        record.tokens |= {token for needle, token in self.needles.items() if needle in text}

    # ── the database ────────────────────────────────────────────────────────
    def add_database(self) -> None:
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                if not table.startswith(STATIC):
                    self._add_table(cursor, table)

    def _add_table(self, cursor: Any, table: str) -> None:
        points_at = connection.introspection.get_relations(cursor, table)
        key = connection.introspection.get_primary_key_column(cursor, table)
        is_postgres = connection.vendor == "postgresql"
        cursor.execute(f'SELECT {"xmin::text AS xmin_, " if is_postgres else ""}* FROM "{table}"')
        names = [column[0] for column in cursor.description]
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            record = self.add(f"{table}:{row.get(key)}", self._plain(table, row))
            record.tokens |= {f"{table}#{row[key]}"} if key and isinstance(row[key], int) else set()
            for column, (_other, other_table) in ((c, r[:2]) for c, r in points_at.items()):
                if row[column] is not None:
                    record.tokens.add(f"{other_table}#{row[column]}")
            self._own_names(record, table, row)

    def _plain(self, table: str, row: dict[str, Any]) -> Iterator[Any]:
        for column, value in row.items():
            if column == "xmin_":
                continue
            if isinstance(value, bytes | memoryview):
                yield from self._bytes(table, column, row)
            elif isinstance(value, str) and value[:1] in "{[":
                yield from (_json(value), value)
            elif isinstance(value, str) and _is_moment(value):
                yield datetime.fromisoformat(value)
            elif not isinstance(value, int):
                yield value

    def _bytes(self, table: str, column: str, row: dict[str, Any]) -> Iterator[Any]:
        value = bytes(row[column])
        known = purposes()
        purpose = known.get((table, column))
        if value and (table, column) not in known and (table, column) not in PERSONS_OWN | NO_NAMES:
            self.unknown.add((table, column))
        if purpose is None or not self.opened or not value:
            yield value.decode("latin-1") if value.isascii() else None
            return
        try:
            plain = keys().open(value, purpose=purpose.format(**row)).decode("utf-8", "replace")
        except BadSeal:
            self.unknown.add((table, column))
            return
        yield from (_json(plain), plain)

    def _own_names(self, record: Record, table: str, row: dict[str, Any]) -> None:
        """What a row is called elsewhere: references, keyed hashes, the person of a session, its transaction."""
        if "xmin_" in row:
            record.tokens.add(f"xmin#{row['xmin_']}")
        if table == "django_session":
            user = SessionStore().decode(row["session_data"]).get("_auth_user_id")
            record.tokens |= {f"people_person#{user}"} if user else set()
        if table == "jobs_job" and str(row["name"]).startswith("reports."):
            args = _json(str(row["args"])) if isinstance(row["args"], str) else row["args"]
            record.tokens |= {f"reports_report#{args['id']}"} if isinstance(args, dict) and "id" in args else set()
        if self.opened and table == "reports_report":
            source = f"report:{row['public_id']}"
            record.tokens.add(keys().blind_index(source, purpose="ledger-source"))
        if self.opened and table == "people_person":
            record.tokens.add(keys().blind_index(row["public_id"], purpose="reporter"))
            record.tokens.add(keys().blind_index(row["public_id"], purpose="supporter"))
            record.tokens.add(keys().blind_index(row["public_id"], purpose="witness"))
            record.tokens.add(keys().blind_index(row["public_id"], purpose="offer-holder"))

    # ── files, lines, headers ───────────────────────────────────────────────
    def add_files(self, folder: Path) -> None:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "keys" not in file.parts:
                content = file.read_bytes()
                record = self.add(f"file:{file.relative_to(folder)}", [str(file.relative_to(folder))])
                record.tokens |= {token for needle, token in self.needles.items() if needle.encode() in content}

    def add_lines(self, lines: Iterable[str]) -> None:
        for number, line in enumerate(lines):
            self.add(f"line:{number} {line[:160]}", [_json(line), line])

    def add_headers(self, answers: Iterable[dict[str, str]]) -> None:
        for number, headers in enumerate(answers):
            self.add(f"headers:{number}", [headers])


def path(dump: Dump, start: str, goal: str, *, hubs: Iterable[str], times: bool) -> list[str]:
    """Names of the records on a way from token `start` to token `goal`; [] if there is none.

    With `times`, one step of the way may be between two records with moments less than two seconds apart.
    """
    hidden = set(hubs)
    holders: dict[str, list[int]] = defaultdict(list)
    for index, record in enumerate(dump.records):
        for token in record.tokens - hidden:
            holders[token].append(index)
    from_start, from_goal = _reach(dump, holders, start, hidden), _reach(dump, holders, goal, hidden)
    met = next((index for index in from_start if index in from_goal), None)
    if met is not None:
        return [*_way(dump, from_start, met), *reversed(_way(dump, from_goal, met)[:-1])]
    if times:
        for mine in from_start:
            for theirs in from_goal:
                if any(abs(a - b) <= NEAR for a in dump.records[mine].times for b in dump.records[theirs].times):
                    return [
                        *_way(dump, from_start, mine),
                        "(at the same time)",
                        *reversed(_way(dump, from_goal, theirs)),
                    ]
    return []


def _reach(dump: Dump, holders: dict[str, list[int]], start: str, hidden: set[str]) -> dict[int, int | None]:
    """Each record that can be reached from a token, with the record before it."""
    before: dict[int, int | None] = dict.fromkeys(holders.get(start, []))
    waiting = deque(before)
    while waiting:
        here = waiting.popleft()
        for token in dump.records[here].tokens - hidden:
            for other in holders[token]:
                if other not in before:
                    before[other] = here
                    waiting.append(other)
    return before


def _way(dump: Dump, before: dict[int, int | None], end: int) -> list[str]:
    names, here = [], end
    while here is not None:
        names.append(dump.records[here].name)
        here = before[here]  # type: ignore[assignment]
    return list(reversed(names))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _is_moment(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", text) is not None
