"""Limits as rows, and the moments of a clock: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from qixia.kernel.clock import CITY_TZ
from qixia.kernel.worktime import Span, WorkCalendar, span
from qixia.reports import clocks
from qixia.reports.clocks import Pause, Run
from qixia.reports.policy import SEEDS, Limits, Reminders
from qixia.reports.rules import Place

SEED = yaml.safe_load((SEEDS / "limits.yaml").read_text(encoding="utf-8"))
LIMITS = Limits.model_validate(SEED)
REST = {"close_after_days": 7, "soon": 0.25, "per_hour": 60}
ALL = {"receive": "1h", "resolve": "3d", "verify": "1d"}
PLACE = Place("990100/990102/990102001/", "estate")
CALENDAR = WorkCalendar({date(2026, 10, day): False for day in range(1, 8)} | {date(2026, 10, 10): True})


def city(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CITY_TZ)


def shown(moment: datetime) -> str:
    return moment.astimezone(CITY_TZ).strftime("%m-%d %H:%M")


def limits(*rows: dict[str, str]) -> Limits:
    return Limits.model_validate({"rows": [ALL, *rows], **REST})


def resolve(rules: Limits, **what: object) -> str:
    given = {"cls": "litter", "family": "环境卫生", "severity": "normal", "place": PLACE, "unit_kind": "unit"} | what
    return str(clocks.terms(rules, **given).resolve)


class TestRows:
    def test_the_most_special_row_wins(self):
        rows = [{"family": "环境卫生", "resolve": "2d"}, {"class": "litter", "resolve": "4 工作时"}]
        assert resolve(limits(*rows)) == "4 工作时"
        assert resolve(limits(*rows), cls="spill") == "2d"
        assert resolve(limits(*rows), cls="spill", family="园林") == "3d"

    def test_what_endangers_somebody_is_never_slowed_by_its_class(self):
        rules = limits({"class": "litter", "resolve": "5 工作日"}, {"severity": "critical", "resolve": "4h"})
        assert resolve(rules, severity="critical") == "4h"
        assert resolve(rules, severity="high") == "5 工作日"

    def test_site_unit_and_the_smallest_division_tell_rows_apart(self):
        rules = limits(
            {"division": "990102", "resolve": "9h"},
            {"division": "990102001", "resolve": "8h"},
            {"unit_kind": "property", "resolve": "7h"},
            {"site_kind": "office_tower", "resolve": "6h"},
        )
        assert resolve(rules) == "8h"
        assert resolve(rules, place=Place("990100/990102/990102002/")) == "9h"
        assert resolve(rules, unit_kind="property") == "7h"
        assert resolve(rules, place=Place("990100/", "office_tower"), unit_kind="property") == "6h"

    def test_a_row_may_say_one_limit_and_leave_the_others(self):
        rules = limits({"class": "litter", "resolve": "4 工作时"}, {"severity": "high", "verify": "2h"})
        found = clocks.terms(rules, cls="litter", severity="high", place=PLACE)
        assert [str(one) for one in (found.receive, found.resolve, found.verify)] == ["1h", "4 工作时", "2h"]

    def test_rules_of_before_are_read_as_rows(self):
        old = {
            "receive": {"critical": 30, "high": 120, "normal": 240, "low": 480},
            "resolve": {"critical": 240, "high": 1440, "normal": 4320, "low": 10080},
            "verify": {"critical": 240, "high": 1440, "normal": 1440, "low": 2880},
        }
        rules = Limits.model_validate(old | REST)
        assert [resolve(rules, severity=one) for one in old["resolve"]] == ["240m", "1440m", "4320m", "10080m"]
        again = Limits.model_validate(rules.model_dump(mode="json"))
        assert again == rules

    def test_the_seed_gives_every_class_and_severity_all_limits(self):
        for severity in ("low", "normal", "high", "critical"):
            assert clocks.terms(LIMITS, cls="manhole", severity=severity, place=Place())
        gas = clocks.terms(LIMITS, cls="gas", severity="critical", place=Place())
        assert (str(gas.receive), str(gas.resolve), str(gas.verify)) == ("15m", "2 紧急工作时", "4h")

    @pytest.mark.parametrize(
        "bad",
        [
            {"rows": []},
            {"rows": [{"resolve": "3d"}]},
            {"rows": [ALL, ALL]},
            {"rows": [ALL, {"class": "litter", "resolve": "3 工作周"}]},
            {"rows": [ALL, {"class": "litter", "resolve": "0h"}]},
            {"rows": [ALL, {"classs": "litter"}]},
            {"rows": [ALL], "extension_max": "long"},
            {"rows": [ALL], "pauses": []},
            {"rows": [ALL], "pauses": [{"key": "a", "zh": "等"}, {"key": "a", "zh": "待"}]},
            {"rows": "all"},
            {},
        ],
    )
    def test_what_is_no_rule_of_limits(self, bad):
        with pytest.raises(ValidationError):
            Limits.model_validate(bad | REST)

    @pytest.mark.parametrize(
        "tries",
        [
            {"answer": {"normal": 60}},
            {"answer_limit": "48h"},
            {"rows": [ALL | {"answer": "48h"}]},
            {"rows": [ALL, {"class": "litter", "answer": "1h"}]},
        ],
    )
    def test_no_rule_changes_the_first_answer(self, tries):
        with pytest.raises(ValidationError, match="24 hours after the receipt"):
            Limits.model_validate({"rows": [ALL]} | tries | REST)
        found = clocks.due(LIMITS, CALENDAR, cls="litter", severity="low", place=PLACE, start=city("2026-10-01 00:00"))
        assert shown(found.answer) == "10-02 00:00"


def run(start: str, limit: str, **more: object) -> Run:
    begin, length = city(start), span(limit)
    return Run("resolve", begin, CALENDAR.add(begin, length), length.unit, **more)


def paused(plain: Run, *pauses: Pause) -> Run:
    """`plain` after the pauses, as the services write it."""
    due = plain.due
    for pause in pauses:
        due = clocks.after_pause(CALENDAR, due, pause, plain.unit)
    return replace(plain, due=due, pauses=pauses)


class TestMoments:
    def test_parts_of_a_limit_in_working_time_are_working_time(self):
        moments = [clocks.moment(CALENDAR, run("2026-09-30 16:00", "4 工作时"), at) for at in (50, 75, 100, 300)]
        assert [shown(one) for one in moments] == ["09-30 18:00", "10-08 09:30", "10-08 10:30", "10-09 11:00"]

    def test_a_pause_moves_the_limit_by_exactly_the_working_time_it_took(self):
        pause = Pause(city("2026-09-30 17:00"), city("2026-10-08 09:30"))  # two working hours, and a holiday
        assert shown(paused(run("2026-09-30 16:00", "4 工作时"), pause).due) == "10-08 14:30"
        wall = paused(run("2026-09-30 16:00", "24h"), pause)
        assert wall.due == city("2026-10-01 16:00") + (pause.end - pause.start)

    def test_a_pause_of_what_was_over_or_of_an_earlier_run_moves_nothing(self):
        plain = run("2026-09-30 16:00", "4 工作时")
        late = Pause(city("2026-10-20 09:00"), city("2026-10-21 09:00"))
        early = Pause(city("2026-09-01 09:00"), city("2026-09-02 09:00"))
        assert paused(plain, late).due == plain.due
        assert clocks.moment(CALENDAR, replace(plain, pauses=(early,)), 300) == clocks.moment(CALENDAR, plain, 300)

    def test_three_times_the_limit_counts_no_pause(self):
        pause = Pause(city("2026-09-29 10:00"), city("2026-09-29 20:00"))
        held = paused(run("2026-09-29 09:00", "2h"), pause)
        assert [shown(clocks.moment(CALENDAR, held, at)) for at in (50, 100, 300)] == [
            "09-29 10:00",
            "09-29 21:00",
            "09-30 01:00",
        ]

    def test_lateness_is_of_the_limit_and_of_three_times_the_limit(self):
        found = clocks.looks(CALENDAR, [run("2026-09-29 09:00", "2h")], [])
        states = [clocks.lateness(found, city(f"2026-09-29 {at}")) for at in ("10:59", "11:00", "14:59", "15:00")]
        assert states == [0, 1, 1, 3]

    def test_a_paused_clock_reminds_nobody(self):
        rows = Reminders.model_validate(yaml.safe_load((SEEDS / "reminders.yaml").read_text(encoding="utf-8"))).rows
        assert clocks.looks(CALENDAR, [run("2026-09-29 09:00", "2h", is_paused=True)], rows) == []

    def test_the_next_look_is_never_in_the_past(self):
        found = clocks.looks(CALENDAR, [run("2026-09-29 09:00", "2h")], [])
        now = city("2026-09-29 12:00")
        assert clocks.next_look(found, now) == now
        assert shown(clocks.next_look(found, now, found[:1])) == "09-29 15:00"
        assert clocks.next_look(found, now, found) is None


class TestChangedCalendar:
    def test_a_limit_holds_as_much_working_time_in_another_calendar(self):
        storm = WorkCalendar({**CALENDAR.days, date(2026, 9, 30): False})
        hours, days = run("2026-09-29 17:00", "3 工作时"), run("2026-09-29 17:00", "1 工作日")
        assert shown(clocks.remeasured(CALENDAR, storm, hours, span("3 工作时"))) == "10-08 10:30"
        assert shown(clocks.remeasured(CALENDAR, storm, days, span("1 工作日"))) == "10-08 18:00"

    def test_the_wall_clock_knows_no_calendar(self):
        storm = WorkCalendar({**CALENDAR.days, date(2026, 9, 30): False})
        wall = run("2026-09-29 17:00", "24h")
        assert clocks.remeasured(CALENDAR, storm, wall, span("24h")) == wall.due

    def test_there_and_back_is_where_it_was(self):
        storm = WorkCalendar({**CALENDAR.days, date(2026, 9, 30): False})
        pause = Pause(city("2026-09-29 16:00"), city("2026-09-29 17:00"))
        held = paused(run("2026-09-29 15:00", "5 工作时"), pause)
        moved = clocks.remeasured(CALENDAR, storm, held, span("5 工作时"))
        assert moved > held.due
        assert clocks.remeasured(storm, CALENDAR, replace(held, due=moved), span("5 工作时")) == held.due


starts = st.integers(0, 60 * 24 * 20).map(lambda n: city("2026-09-25 00:00") + timedelta(minutes=n))
waits = st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 900)), max_size=3)
units = st.sampled_from(["m", "h", "d", "工作时", "工作日", "紧急工作时"])
spans = st.builds(Span, st.integers(1, 12), units)


def started(start: datetime, limit: Span) -> Run:
    return Run("resolve", start, CALENDAR.add(start, limit), limit.unit)


@settings(max_examples=150, deadline=None)
@given(starts, spans, st.integers(0, 9000), st.integers(1, 2000))
def test_one_pause_costs_exactly_what_it_takes(start, limit, after, lasts):
    plain = started(start, limit)
    pause = Pause(start + timedelta(minutes=after), start + timedelta(minutes=after + lasts))
    moved = paused(plain, pause).due
    if pause.start >= plain.due:
        assert moved == plain.due
    else:
        stood = CALENDAR.between_like(pause.start, pause.end, limit.unit)
        assert CALENDAR.between_like(plain.due, moved, limit.unit) == stood


@settings(max_examples=100, deadline=None)
@given(starts, spans, waits)
def test_later_parts_never_come_earlier_whatever_was_paused(start, limit, stood):
    held, at = [], start
    for wait, lasts in stood:
        begin = at + timedelta(minutes=wait)
        at = begin + timedelta(minutes=lasts)
        held.append(Pause(begin, at))
    one = paused(started(start, limit), *held)
    found = [clocks.moment(CALENDAR, one, part) for part in (1, 50, 75, 100, 150, 200, 300)]
    assert found == sorted(found)
    assert all(part >= start for part in found)
