"""Routing, clocks and texts, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from pydantic import ValidationError

from qixia.codes.reference import class_rows
from qixia.kernel.errors import Invalid
from qixia.reports import rules, states
from qixia.reports.policy import SEEDS, Routing

ROUTING = Routing.model_validate(yaml.safe_load((SEEDS / "routing.yaml").read_text()))
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)


def sent(cls: str, family: str = "", site_kind: str = "", path: str = "", rows=None) -> str:
    table = ROUTING.rows if rows is None else Routing.model_validate({"rows": rows}).rows
    return rules.route(table, cls=cls, family=family, place=rules.Place(path, site_kind)).unit


@pytest.mark.parametrize(
    ("cls", "family", "site_kind", "unit"),
    [
        ("manhole", "市政设施", "", "shizheng"),
        ("cable", "市政设施", "", "gongdian"),
        ("traffic-light", "道路交通", "", "jiaojing"),
        ("fire-lane", "消防安全", "", "xiaofang"),
        ("fire-lane", "消防安全", "estate", "wuye"),
        ("nothing-known", "nothing", "", "zhihui"),
    ],
)
def test_the_most_special_row_wins(cls, family, site_kind, unit):
    assert sent(cls, family, site_kind) == unit


def test_every_class_is_sent_somewhere_for_a_reason():
    fallback = [row.slug for row in class_rows() if sent(row.slug, row.family) == "zhihui"]
    assert fallback == ["other"]


def test_the_smallest_division_wins_and_a_class_beats_a_place():
    rows = [
        {"unit": "all"},
        {"unit": "town", "division": "99"},
        {"unit": "quarter", "division": "9901"},
        {"unit": "covers", "class": "manhole"},
    ]
    assert sent("litter", path="99/9901/", rows=rows) == "quarter"
    assert sent("litter", path="99/9902/", rows=rows) == "town"
    assert sent("manhole", path="99/9901/", rows=rows) == "covers"


@pytest.mark.parametrize("rows", [[], [{"unit": "a"}, {"unit": "b"}], [{"unit": "a", "class": "manhole"}]])
def test_a_table_without_exactly_one_fallback_is_refused(rows):
    with pytest.raises(ValidationError):
        Routing.model_validate({"rows": rows})


@pytest.mark.parametrize(
    ("passed_h", "done_h", "kind", "fraction"),
    [
        (0, None, "ok", 1.0),
        (7, None, "ok", 0.3),
        (8, None, "soon", 0.2),
        (10, None, "over", 0),
        (11, None, "over", 0),
        (3, 3, "kept", 0.7),
        (12, 12, "over", 0),
    ],
)
def test_a_clock_says_what_is_left(passed_h, done_h, kind, fraction):
    done = NOON + timedelta(hours=done_h) if done_h is not None else None
    found = rules.clock(NOON, NOON + timedelta(hours=10), done=done, now=NOON + timedelta(hours=passed_h), soon=0.25)
    assert found.kind == kind
    assert found.fraction == pytest.approx(fraction)


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0, "0 分"),
        (59, "59 分"),
        (60, "1 时"),
        (84, "1 时 24 分"),
        (1440, "1 天"),
        (1500, "1 天 1 时"),
        (-66, "1 时 6 分"),
    ],
)
def test_spans_are_said_in_two_parts(minutes, text):
    words, parts = rules.span_words(timedelta(minutes=minutes))
    assert words % parts == text


@pytest.mark.parametrize(
    ("raw", "kept"),
    [("  井盖\r\n没了 ", "井盖\n没了"), ("a\x00b\u202ec", "abc"), ("🕳️ 坑", "🕳️ 坑"), ("\ufeff", "")],
)
def test_text_is_cleaned(raw, kept):
    assert rules.clean_text(raw, field="words", limit=100) == kept


def test_a_text_that_is_too_long_names_its_field():
    with pytest.raises(Invalid) as refusal:
        rules.clean_text("字" * 10_000, field="words", limit=rules.WORDS_MAX)
    assert refusal.value.field == "words"
    assert "10000" in str(refusal.value)


def test_one_line_fields_keep_no_line_breaks():
    assert rules.clean_text("3栋\n\n12层", field="building", limit=40, one_line=True) == "3栋 12层"


class TestStates:
    def test_every_state_has_words_and_every_step_leads_to_a_state(self):
        assert set(states.LABELS) == set(states.STATES)
        for step in states.STEPS.values():
            assert step.sources <= set(states.STATES)
            assert step.to is None or step.to in states.STATES

    def test_every_state_can_be_reached_and_all_but_the_ended_can_be_left(self):
        reached = {step.to for step in states.STEPS.values()} | {"received"}
        assert reached - {None} == set(states.STATES)
        for state in set(states.STATES) - {"invalid"}:
            assert any(state in step.sources for step in states.STEPS.values()), state

    def test_only_riders_or_own_handling_make_it_fixed(self):
        ways = {name: step.who for name, step in states.STEPS.items() if step.to == "fixed"}
        assert ways == {"confirm": "rider", "witness_fixed": "witness", "verify_handled": "clerk"}
