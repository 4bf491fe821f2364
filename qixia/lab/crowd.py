"""A million reports as a district of a hundred communities has them after three years, written at once. For `bench desk`.

Open     four in a hundred: one in eight of those with a unit is late, one in forty three times, some are paused, watched,
         helped with, or wait for more time. Most are in few units' hands, as in life.
Ended    `templates` rows made one by one, then copied by the database, each copy some days further back, with their
         decisions and ratings. Steps and pictures are none: no list reads them.
Cost     secondary indexes are dropped while rows are copied and made again after; this is no measure of intake.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction

from qixia.codes.models import Division
from qixia.codes.queries import triage_classes
from qixia.kernel.ids import check_digit, new_public_id
from qixia.lab.town import MAKER
from qixia.people import services as people
from qixia.people.models import Organisation
from qixia.reports import states
from qixia.reports.models import Appeal, ClockPause, Decision, Extension, Help, Rating, Report, Watch

STREETS, COMMUNITIES = 10, 10
OPEN_SHARE = 0.04
DAYS = 3 * 365
SEVERITIES = ("low", "normal", "normal", "normal", "normal", "high", "high", "critical")
_WORDS = (
    "井盖松动，电动车过去会响",
    "路灯不亮，拐弯看不清",
    "消防通道被三轮车堵住",
    "人行道积水到脚踝",
    "充电口裸露电线",
)
_OPEN_STATES = (
    *("dispatched",) * 12, *("accepted",) * 10, *("working",) * 25, *("reopened",) * 3,
    *("sorting",) * 8, *("returned",) * 4, *("resolved",) * 14, *("confirming",) * 24,
)  # fmt: skip
_ENDED_STATES = (*("fixed",) * 60, *("closed",) * 27, *("invalid",) * 8, *("aside",) * 5)


@dataclass(frozen=True, slots=True)
class Staff:
    """Who asks: ids of persons, by what they see."""

    admin: int
    supervisor: int
    clerk: int
    worker: int

    def items(self) -> list[tuple[str, int]]:
        return [(name, getattr(self, name)) for name in self.__slots__]


@dataclass(slots=True)
class Crowd:
    """Fills one empty town. `more` may be called again: the rows of before stay."""

    rng: random.Random
    now: datetime
    staff: Staff
    units: list[int]
    communities: list[int]
    classes: list[str]
    open: int = 0
    ended: int = 0  # templates
    copies: int = 0
    top: int = 0  # the last id that was given away

    @classmethod
    def of_town(cls, now: datetime, seed: int) -> Crowd:
        units = list(Organisation.objects.filter(kind="unit").order_by("code"))
        communities = _communities(Division.objects.get(code="990102"))
        staff = _staff(units[0], communities[0])
        return cls(
            random.Random(seed),
            now,
            staff,
            [unit.pk for unit in units],
            [one.pk for one in communities],
            sorted(triage_classes()),
        )

    @property
    def rows(self) -> int:
        return self.open + self.ended * (1 + self.copies)

    def first(self, rows: int) -> None:
        """A small district: its ended reports are what `copy` copies."""
        ended = rows - int(rows * OPEN_SHARE)
        self._make(ended, _ENDED_STATES)
        self.ended = ended
        self.add_open(rows - ended)

    def add_open(self, count: int) -> None:
        made = self._make(count, _OPEN_STATES)
        self.open += count
        self._around([report for report in made if report.state in states.WITH_UNIT])
        appealed = Report.objects.filter(state__in=("invalid", "aside")).exclude(appeal__isnull=False)
        Appeal.objects.bulk_create(
            Appeal(report=report, at=self.now) for report in appealed.order_by("pk")[: max(count // 100, 5)]
        )

    def copy(self, copies: int) -> None:
        """Every ended template so many times more, the time before."""
        step = DAYS / (copies + 1)
        with connection.cursor() as cursor, _bare(cursor):
            for number in range(1, copies + 1):
                offset = 10_000_000 + number * self.ended
                shift = _shift(round(step * number * 86_400))
                for model, where in ((Report, "id"), (Decision, "report_id"), (Rating, "report_id")):
                    cursor.execute(_copied(model, offset, shift, f"{where} <= {self.ended}"))
        self.copies += copies

    # One by one

    def _make(self, count: int, kinds: Sequence[str]) -> list[Report]:
        reports = [
            self._report(self.top + number, self.rng.choice(kinds), number / count) for number in range(1, count + 1)
        ]
        self.top += count
        Report.objects.bulk_create(reports, batch_size=500)
        decided = [one for one in reports if one.validity != "undecided" or one.state == "aside"]
        Decision.objects.bulk_create((self._decision(one) for one in decided), batch_size=2000)
        rated = [one for one in reports if one.state in ("fixed", "closed") and self.rng.random() < 0.3]
        Rating.objects.bulk_create((self._rating(one) for one in rated), batch_size=2000)
        return reports

    def _report(self, pk: int, state: str, when: float) -> Report:
        """`when`: 0 the oldest, 1 now: rows lie on the disk in the order in which they came, as in life."""
        rng, is_open = self.rng, state in states.OPEN
        span = 20.0 if is_open else DAYS / 100
        received = self.now - timedelta(days=(1 - when) * span)
        has_unit = state != "sorting"
        due = received + timedelta(hours=rng.choice((4, 24, 72, 168, 400)))
        is_late = is_open and rng.random() < 0.125
        answered = received + timedelta(hours=rng.random() * 30)
        ended = min(received + timedelta(days=rng.expovariate(1 / 6)), self.now)
        return Report(
            pk=pk,
            public_id=new_public_id(),
            number=f"{pk:08d}{check_digit(f'{pk:08d}')}",
            state=state,
            reporter_link=b"x" * 96,
            reporter_index=f"{rng.randrange(20_000):040d}",
            words=f"{rng.choice(_WORDS)}，{pk % 977} 号旁边",
            lat=24.89 + rng.random() * 0.016,
            lng=118.59 + rng.random() * 0.02,
            captured_at=received,
            received_at=received,
            cls=rng.choice(self.classes),
            severity=rng.choice(SEVERITIES),
            confidence=rng.random(),
            finding="图里是检查井盖，位置在人行道上，盖面缺角。",
            evidence_words=[{"start": 0, "end": 2, "kind": "thing"}],
            community_id=rng.choice(self.communities),
            place=f"云帆{rng.randrange(1, 400)}路 {rng.randrange(1, 300)} 号",
            unit_id=self._unit() if has_unit else None,
            route_reason="路面附属设施，按派单目录",
            assignee_id=self.staff.worker if has_unit and rng.random() < 0.02 else None,
            validity="invalid" if state == "invalid" else "valid" if rng.random() < 0.6 and state != "aside" else "undecided",
            receive_due=received + timedelta(hours=2),
            answer_due=received + timedelta(hours=24),
            resolve_due=(self.now - timedelta(hours=rng.random() * 90) if is_late else max(due, self.now) + timedelta(minutes=rng.randrange(20_000)))
            if is_open
            else due,
            verify_due=received + timedelta(days=9),
            dispatched_at=received if has_unit else None,
            answered_at=answered if answered < self.now and rng.random() < 0.98 else None,
            verified_at=ended if state in ("confirming", "fixed", "closed") else None,
            ended_at=None if is_open else ended,
            resolve_limit="5 工作日",
            overdue=(3 if rng.random() < 0.2 else 1) if is_late else 0,
            clock_at=self.now + timedelta(hours=1) if is_open else None,
        )  # fmt: skip

    def _unit(self) -> int:
        """Every second one in the first unit's hands, every second of the others in the second's, and so on."""
        return self.units[min(int(self.rng.expovariate(0.7)), len(self.units) - 1)]

    def _decision(self, report: Report) -> Decision:
        verdict = "aside" if report.state == "aside" else report.validity
        reason = {"aside": "dispute", "invalid": "not-there"}.get(verdict, "seen")
        return Decision(report=report, verdict=verdict, reason=reason, at=report.received_at, actor=MAKER)

    def _rating(self, report: Report) -> Rating:
        content = self.rng.choice((1, 2, 3, 3))
        return Rating(
            report=report, ended=0, answered=True, solved=content > 1, content=content, day=report.received_at.date()
        )

    def _around(self, reports: Sequence[Report]) -> None:
        """Some are paused, asked to last longer, helped with and watched."""
        paused = reports[::40]
        ClockPause.objects.bulk_create(
            ClockPause(report=one, clock="resolve", started_at=self.now - timedelta(hours=3), reason="weather")
            for one in paused
        )
        Report.objects.filter(pk__in=[one.pk for one in paused]).update(paused_at=self.now - timedelta(hours=3))
        Extension.objects.bulk_create(
            Extension(report=one, asked_at=self.now, span="2 工作日", reason="要等材料", by="试单位")
            for one in reports[1::60]
        )
        Help.objects.bulk_create(
            Help(report=one, unit_id=self.units[0], words="请一起看看", asked_at=self.now)
            for one in reports[2::200]
            if one.unit_id != self.units[0]
        )
        watching = [Watch(report=one, person_id=pk) for one in reports[3::100] for _name, pk in self.staff.items()]
        Watch.objects.bulk_create(watching)


def _communities(district: Division) -> list[Division]:
    found = []
    for street in range(STREETS):
        code = f"990102{street + 101:03d}"
        above = _division(code, f"第 {street + 1} 街道", "street", district)
        found += [
            _division(f"{code}{number + 1:03d}", f"第 {street + 1}-{number + 1} 社区", "community", above)
            for number in range(COMMUNITIES)
        ]
    return found


def _division(code: str, name: str, level: str, parent: Division) -> Division:
    return Division.objects.create(code=code, name=name, level=level, parent=parent, path=f"{parent.path}{code}/")


def _staff(unit: Organisation, community: Division) -> Staff:
    hall = people.create_organisation(code="hall", name="试城管中心", kind="community", actor=MAKER)
    district = Division.objects.get(code="990102")

    def person(number: int, role: str, where: Organisation, division: int | None) -> int:
        made = people.create_person(display_name=f"试员{number}", phone=f"139{number:08d}", actor=MAKER)
        people.grant_role(person_id=made.pk, role=role, organisation_id=where.pk, actor=MAKER, division_id=division)
        return made.pk

    return Staff(
        admin=person(1, "admin", hall, None),
        supervisor=person(2, "supervisor", hall, district.pk),
        clerk=person(3, "clerk", hall, community.pk),
        worker=person(4, "worker", unit, None),
    )


# ── many at once, by the database ─────────────────────────────────────────────

_INDEXES = {
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({})"
    " AND indexname NOT IN (SELECT conname FROM pg_constraint)",
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({})",
}
_UNLIKE = {
    "number": "'c' || substr(CAST(200000000 + id + {offset} AS varchar(20)), 2)",
    "public_id": "substr(public_id, 1, 16) || CAST(1000000000 + id + {offset} AS varchar(20))",
}


def _copied(model: type[models.Model], offset: int, shift: str, where: str) -> str:
    """INSERT … SELECT of all columns, moved back in time and on in keys."""
    columns = [field for field in model._meta.concrete_fields if not (field.primary_key and model is not Report)]
    values = [_value(field, offset, shift) for field in columns]
    names = ", ".join(str(field.column) for field in columns)
    table = model._meta.db_table
    return f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {table} WHERE {where}"


def _value(field: models.Field[Any, Any], offset: int, shift: str) -> str:
    name = str(field.column)
    if field.primary_key or name == "report_id":
        return f"{name} + {offset}"
    if isinstance(field, models.DateTimeField):
        return shift.format(name)
    if field.model is Report and name in _UNLIKE:
        return _UNLIKE[name].format(offset=offset)
    return name


def _shift(seconds: int) -> str:
    if connection.vendor == "postgresql":
        return f"{{}} - interval '{seconds} seconds'"
    return f"strftime('%Y-%m-%d %H:%M:%f', {{}}, '-{seconds} seconds')"


@contextmanager
def _bare(cursor: Any) -> Iterator[None]:
    """One transaction in which the tables have no secondary indexes and no foreign key is checked."""
    tables = [model._meta.db_table for model in (Report, Decision, Rating)]
    is_postgresql = connection.vendor == "postgresql"
    if not is_postgresql:
        cursor.execute("PRAGMA foreign_keys = OFF")
    with transaction.atomic():
        if is_postgresql:
            cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_INDEXES[connection.vendor].format(", ".join(f"'{table}'" for table in tables)))
        indexes = cursor.fetchall()
        for name, _made in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        if is_postgresql:  # inside a test's transaction rows may still wait for a check
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for _name, made in indexes:
            cursor.execute(made)
    if not is_postgresql:
        cursor.execute("PRAGMA foreign_keys = ON")
