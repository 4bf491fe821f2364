"""Publishing rules, and editing the working calendar. What was published is never edited; a mistake is mended by the
next version. What has passed in the calendar stands: else somebody would be late who was in time."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from qixia.audit.services import Act, record, record_many
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid, Stale
from qixia.policy import holidays, kinds, queries
from qixia.policy.models import CalendarDay, CalendarEdit, CalendarYear, Installation, RuleVersion

# The rules that ship with Qixia hold since ever, so a demo may look back as far as it likes.
_EVER = datetime(2000, 1, 1, tzinfo=UTC)


def publish(
    kind: str, data: object, *, note: str, actor_ref: str, valid_from: datetime | None = None, after: int | None = None
) -> queries.Rules:
    """Publish a new version of `kind`, in force from `valid_from` (now by default).

    `after` is the version that the editor saw: Stale if another one was published meanwhile. Invalid names the place
    of the first fault in `data`.
    """
    parsed = kinds.get(kind).parse(data)
    kinds.get(kind).refuse(parsed)
    with transaction.atomic():
        latest = RuleVersion.objects.filter(kind=kind).aggregate(top=Max("version"))["top"] or 0
        if after is not None and after != latest:
            raise Stale
        try:
            with transaction.atomic():
                row = RuleVersion.objects.create(
                    kind=kind,
                    version=latest + 1,
                    valid_from=valid_from or clock.now(),
                    data=_plain(data),
                    note=note,
                    published_by=actor_ref,
                    published_at=clock.now(),
                )
        except IntegrityError as error:
            raise Stale from error
        record("policy.published", subject=f"{queries.SUBJECT}{kind}", actor=actor_ref, **_said(row))
    queries.forget()
    return queries.Rules(kind, row.version, row.valid_from, parsed)


def _said(row: RuleVersion) -> dict[str, Any]:
    """What history keeps of a version, so that its text can be compared with it later."""
    return {"version": row.version, "content": queries.content_hash(row)}


def _plain(data: object) -> Any:
    """As JSON keeps it: YAML reads a date as a date."""
    return json.loads(json.dumps(data, default=str))


def publish_seeds(*, actor_ref: str = "system:setup") -> list[str]:
    """Publish the version that ships with Qixia for every kind that has none. Returns their names."""
    have = set(RuleVersion.objects.values_list("kind", flat=True).distinct())
    new = [kind for kind in kinds.all_kinds() if kind.name not in have]
    rows = [_seed_row(kind, actor_ref) for kind in new]
    try:
        with transaction.atomic():
            RuleVersion.objects.bulk_create(rows)
            record_many(Act("policy.published", f"{queries.SUBJECT}{row.kind}", actor_ref, _said(row)) for row in rows)
    except IntegrityError as error:  # somebody else was faster; nothing was published here
        raise Stale from error
    queries.forget()
    return [kind.name for kind in new]


def _seed_row(kind: kinds.Kind, actor_ref: str) -> RuleVersion:
    data = kind.read_seed()
    kind.parse(data)
    return RuleVersion(
        kind=kind.name,
        version=1,
        valid_from=_EVER,
        data=data,
        note="随系统发布",
        published_by=actor_ref,
        published_at=clock.now(),
    )


class AlreadyStamped(Conflict):
    code = "policy.already_stamped"
    message = "这个数据库已有用途标记，不能改作他用。"


@transaction.atomic
def stamp_installation(
    *, is_demo: bool, seed: int = 0, as_of: date | None = None, actor_ref: str = "system:setup"
) -> None:
    """Say once what this database is. Saying the same again changes nothing; saying the other is AlreadyStamped."""
    row, is_new = Installation.objects.get_or_create(
        pk=1, defaults={"is_demo": is_demo, "seed": seed, "as_of": as_of, "stamped_at": clock.now()}
    )
    if row.is_demo != is_demo:
        raise AlreadyStamped
    if is_new:
        record("policy.stamped", subject="installation:1", actor=actor_ref, is_demo=is_demo)


# ── the working calendar ──────────────────────────────────────────────────────


class PastDay(Conflict):
    code = "policy.past_day"
    message = "过去的日子不能改；今天只能改成放假。不然有人会平白超时。"


@transaction.atomic
def fill_calendar(today: date, *, actor_ref: str = "system:setup") -> list[int]:
    """Enter the holidays of last year, this and the next where the package knows them; a year that it does not know
    follows the week and says so. What a person set stands. Returns the years that became known."""
    states = {row.year: row.source for row in CalendarYear.objects.all()}
    new: list[int] = []
    for year in range(today.year - 1, today.year + 2):
        if states.get(year) in ("package", "person"):
            continue
        days = holidays.noticed(year)
        if days is None:
            CalendarYear.objects.get_or_create(year=year, defaults={"source": "weekends"})
            continue
        CalendarDay.objects.bulk_create(
            (CalendarDay(date=one.date, kind=one.kind, name=one.name, source="package") for one in days),
            ignore_conflicts=True,
        )
        CalendarYear.objects.update_or_create(year=year, defaults={"source": "package"})
        _note_edit(year, None, states.get(year, ""), "package", "随系统发布", actor_ref)
        new.append(year)
    if new:
        queries.forget()
    return new


@transaction.atomic
def set_day(*, day: date, kind: str, name: str = "", note: str, actor_ref: str) -> None:
    """Say that a day is a holiday or is worked; "" lets it follow the week again. PastDay for what has passed."""
    if kind not in ("holiday", "workday", ""):
        raise Invalid("请选放假、上班，或者照周历。", field="kind")
    if not note.strip():
        raise Invalid("请写一句为什么改。", field="note")
    row = CalendarDay.objects.select_for_update().filter(date=day).first()
    _refuse_past(day, kind)
    before = row.kind if row else ""
    if kind:
        values = {"kind": kind, "name": name.strip()[:40], "source": "person"}
        CalendarDay.objects.update_or_create(date=day, defaults=values)
    else:
        CalendarDay.objects.filter(date=day).delete()
    CalendarYear.objects.get_or_create(year=day.year, defaults={"source": "weekends"})
    _note_edit(day.year, day, before, kind, note.strip()[:300], actor_ref)
    queries.forget()


def _refuse_past(day: date, kind: str) -> None:
    today = clock.city_date(clock.now())
    worked = kind == "workday" or (not kind and day.weekday() < 5)
    if day < today or (day == today and worked):
        raise PastDay(field="kind")


@transaction.atomic
def confirm_year(*, year: int, note: str, actor_ref: str) -> None:
    """Say that the days entered for a year are all of its notice: it is no fallback any more."""
    if not note.strip():
        raise Invalid("请写明依据，比如通知的文号。", field="note")
    row, _is_new = CalendarYear.objects.select_for_update().get_or_create(year=year, defaults={"source": "weekends"})
    if row.source != "weekends":
        raise Stale
    if not CalendarDay.objects.filter(date__year=year, source="person").exists():
        raise Invalid("这一年一个节假日都还没填。", field="note")
    CalendarYear.objects.filter(year=year).update(source="person")
    _note_edit(year, None, "weekends", "person", note.strip()[:300], actor_ref)
    queries.forget()


def _note_edit(year: int, day: date | None, before: str, after: str, note: str, actor_ref: str) -> None:
    row = CalendarEdit.objects.create(
        at=clock.now(), actor=actor_ref, year=year, date=day, before=before, after=after, note=note
    )
    subject = f"calendar:{day or year}"
    record("policy.calendar_edited", subject=subject, actor=actor_ref, before=before, after=after, version=row.pk)
