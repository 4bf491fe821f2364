"""Decisions about points, without a database."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qixia.rewards import rules, states
from qixia.rewards.rules import Earned, PointRule, PointsPolicy, UnknownRule

SEED = Path(__file__).parents[1] / "data" / "points.yaml"


def seed() -> PointsPolicy:
    return PointsPolicy.model_validate(yaml.safe_load(SEED.read_text(encoding="utf-8")))


def test_the_table_that_ships_pays_15_for_a_manhole():
    line = seed().line("manhole", {"manhole": "井盖缺失破损移位"})
    assert (line.points, line.title) == (15, "井盖缺失破损移位")


def test_suggestions_are_worth_little_and_hazards_much():
    table = seed()
    assert [table.rules[slug].points for slug in ("suggestion", "gate-access", "map-wrong", "confirm")] == [2, 2, 2, 2]
    assert [table.rules[slug].points for slug in ("road-collapse", "cable", "second-witness")] == [20, 15, 5]


def test_a_class_without_a_line_earns_the_default():
    assert seed().line("dead-animal", {"dead-animal": "动物尸体"}) == PointRule(points=5, title="动物尸体")


def test_an_unknown_rule_is_refused_by_name():
    with pytest.raises(UnknownRule) as refused:
        seed().line("manhoel", {"manhole": "井盖"})
    assert str(refused.value) == "积分规则里没有“manhoel”这一条。"


def test_every_act_in_the_shipped_table_has_words():
    classes = (SEED.parents[2] / "codes" / "data").glob("*triage*.csv")
    slugs = {line.split(",")[0] for path in classes for line in path.read_text(encoding="utf-8").splitlines()[1:]}
    assert {slug for slug, rule in seed().rules.items() if slug not in slugs and not rule.title} == set()


def test_a_cap_below_one_payment_is_no_table():
    with pytest.raises(ValidationError, match="每日上限"):
        PointsPolicy(rules={"x": PointRule(points=5, day_cap=4)})


@pytest.mark.parametrize(
    ("by_rule", "today", "points"),
    [
        (0, 0, 15),
        (15, 15, 15),  # day_cap 30: the second is the last one in full
        (20, 20, 10),  # what remains
        (30, 30, 0),  # nothing remains: a result of 0, not an error
        (0, 90, 10),  # the cap over all rules
        (0, 100, 0),
        (0, 140, 0),  # a cap that was lowered later
    ],
)
def test_caps_pay_what_remains(by_rule, today, points):
    earned = rules.earn(PointRule(points=15, day_cap=30), 100, by_rule=by_rule, today=today)
    assert earned == Earned(points=points, nominal=15)
    assert earned.capped == (points < 15)


def test_without_caps_all_is_paid():
    assert rules.earn(PointRule(points=15), None, by_rule=9000, today=9000).points == 15


@pytest.mark.parametrize(
    ("points", "debt", "split"),
    [
        (15, 0, {"available": 15}),
        (15, -10, {"debt": 10, "available": 5}),
        (15, -15, {"debt": 15}),
        (15, -40, {"debt": 15}),
        (0, -40, {}),
    ],
)
def test_income_repays_debt_first(points, debt, split):
    assert rules.into_purse(points, debt) == split


@pytest.mark.parametrize(
    ("points", "available", "split"),
    [
        (15, 20, {"available": -15}),
        (15, 15, {"available": -15}),
        (15, 5, {"available": -5, "debt": -10}),
        (15, 0, {"debt": -15}),
    ],
)
def test_what_is_taken_back_beyond_the_purse_is_owed(points, available, split):
    assert rules.out_of_purse(points, available) == split


@given(points=st.integers(0, 10**6), debt=st.integers(-(10**6), 0))
def test_income_is_never_lost_and_never_repays_too_much(points, debt):
    split = rules.into_purse(points, debt)
    assert sum(split.values()) == points
    assert 0 <= split.get("debt", 0) <= -debt


@given(points=st.integers(0, 10**6), available=st.integers(0, 10**6))
def test_taking_back_never_leaves_less_than_nothing(points, available):
    split = rules.out_of_purse(points, available)
    assert sum(split.values()) == -points
    assert available + split.get("available", 0) >= 0


@pytest.mark.parametrize(("percent", "parts"), [(100, (15, 0)), (0, (0, 15)), (50, (7, 8)), (90, (13, 2))])
def test_a_share_loses_no_point(percent, parts):
    assert rules.share(15, percent) == parts


def test_the_hash_of_content_knows_act_and_params_only():
    one = rules.content_hash(act="a", params={"x": 1, "y": "街"})
    assert one == rules.content_hash(act="a", params={"y": "街", "x": 1})
    assert one != rules.content_hash(act="b", params={"x": 1, "y": "街"})
    assert one != rules.content_hash(act="a", params={"x": 2, "y": "街"})


def test_slots_are_stable_and_spread():
    assert rules.slot_of("person:abc") == rules.slot_of("person:abc")
    assert len({rules.slot_of(f"person:{n}") for n in range(200)}) == rules.SLOTS


def test_lines_balance_by_unit():
    assert rules.is_balanced([("points", 5), ("points", -5), ("fen", 3), ("fen", -3)])
    assert not rules.is_balanced([("points", 5), ("fen", -5)])


def test_the_three_ends_of_a_voucher_are_final():
    allowed = {(step, state) for step in states.STEPS for state in states.STATES if states.may(step, state)}
    assert allowed == {("redeem", "reserved"), ("expire", "reserved"), ("cancel", "reserved")}
    assert {step: states.result(step) for step in states.STEPS} == {
        "redeem": "redeemed",
        "expire": "expired",
        "cancel": "cancelled",
    }


def test_every_state_and_kind_has_words():
    assert set(states.LABELS) == set(states.GLYPHS) == set(states.STATES)
    assert set(rules.LIMITS) == set(rules.KINDS)
    assert {kind for kinds in rules.FILTERS.values() for kind in kinds} <= set(rules.POSTING_KINDS)
