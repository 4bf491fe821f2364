"""Decisions about points, without a database."""

from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qixia.rewards import rules, states
from qixia.rewards.rules import (
    Earned,
    Facts,
    Had,
    HoldsPolicy,
    PointRule,
    PointsPolicy,
    Share,
    Signal,
    UnknownRule,
)

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


TODAY = date(2026, 11, 19)  # a Thursday
MANHOLE = Facts("manhole", TODAY)


def table_of(**changes) -> PointsPolicy:
    return PointsPolicy(**{"day_cap": None, "rules": {}, **changes})


def earn(line, table=None, had=None, shares=None, facts=MANHOLE) -> Earned:
    return rules.earn(line, table or table_of(), facts, had or Had(), shares)


@pytest.mark.parametrize(
    ("had", "points", "cap"),
    [
        (Had(), 15, ""),
        (Had(15, 15, 15, 15), 15, ""),  # day_cap 30: the second is the last one in full
        (Had(20, 20, 20, 20), 10, "rule-day"),  # what remains
        (Had(30, 30, 30, 30), 0, "rule-day"),  # nothing remains: a result of 0, not an error
        (Had(0, 55, 0, 55), 5, "rule-week"),
        (Had(0, 0, 90, 90), 10, "day"),
        (Had(0, 0, 0, 399), 1, "week"),
        (Had(0, 0, 140, 140), 0, "day"),  # a cap that was lowered later
    ],
)
def test_caps_pay_what_remains(had, points, cap):
    line = PointRule(points=15, day_cap=30, week_cap=60)
    earned = earn(line, table_of(day_cap=100, week_cap=400), had)
    assert (earned.points, earned.nominal, earned.cap) == (points, 15, cap)
    assert earned.capped == (points < 15)


def test_without_caps_all_is_paid():
    assert earn(PointRule(points=15), had=Had(9000, 9000, 9000, 9000)).points == 15


@pytest.mark.parametrize(
    ("points", "percent", "found"),
    [(15, 100, 15), (15, 80, 12), (3, 50, 2), (2, 80, 2), (1, 10, 1), (1, 0, 0), (0, 300, 0)],
)
def test_percentages_round_up_half_and_leave_a_point(points, percent, found):
    assert rules.times(points, percent) == found


def test_quality_changes_what_a_line_is_worth_and_says_so():
    table = table_of(
        qualities={"at-place": {"title": "在现场", "percent": 100}, "from-album": {"title": "相册", "percent": 80}}
    )
    earned = earn(PointRule(points=15), table, facts=Facts("manhole", TODAY, ("from-album", "clear-words")))
    assert (earned.points, earned.base, earned.percent, earned.quality) == (12, 15, 80, ("from-album",))
    assert rules.reasons(earned, table) == {"base": 15, "percent": 80, "quality": ["相册"]}


WINTER = {"title": "寒潮行动", "first": date(2026, 11, 16), "last": date(2026, 11, 22), "percent": 150, "bonus": 1}


@pytest.mark.parametrize(
    ("changes", "facts", "bonus"),
    [
        ({}, MANHOLE, 9),  # 15 × 1.5 = 22.5 → 23, and 1
        ({"last": date(2026, 11, 18)}, MANHOLE, 0),
        ({"last": TODAY}, MANHOLE, 9),
        ({"rules": ("gas",)}, MANHOLE, 0),
        ({"division": "350504"}, Facts("manhole", TODAY, path="350000/350500/350504/"), 9),
        ({"division": "350504"}, Facts("manhole", TODAY, path="350000/350500/350505/"), 0),
        ({"division": "350504"}, MANHOLE, 0),
    ],
)
def test_a_campaign_holds_at_its_time_place_and_class(changes, facts, bonus):
    earned = earn(PointRule(points=15), table_of(campaigns={"winter": WINTER | changes}), facts=facts)
    assert (earned.points, earned.bonus, earned.campaign) == (15 + bonus, bonus, "winter" if bonus else "")


@pytest.mark.parametrize(
    ("share", "bonus"),
    [(Share(0, 0), 9), (Share(15, 15), 5), (Share(20, 20), 0), (Share(0, 97), 3), (Share(0, 200), 0)],
)
def test_a_campaign_ends_at_its_own_caps(share, bonus):
    table = table_of(campaigns={"winter": WINTER | {"person_cap": 20, "total_cap": 100}})
    assert earn(PointRule(points=15), table, shares={"winter": share}).bonus == bonus


def test_who_reached_the_days_cap_earns_no_bonus_either():
    table = table_of(day_cap=20, campaigns={"winter": WINTER})
    assert earn(PointRule(points=15), table, Had(day=10, week=10)).points == 10 + 9
    assert earn(PointRule(points=15), table, Had(day=20, week=20)) == Earned(0, 15, 15, 100, cap="day")


def test_of_two_campaigns_the_better_one_holds():
    table = table_of(campaigns={"small": WINTER | {"percent": 110}, "winter": WINTER})
    assert earn(PointRule(points=15), table).campaign == "winter"


CAPS = st.none() | st.integers(0, 60)


@given(
    points=st.integers(0, 100),
    percents=st.lists(st.integers(0, 300), max_size=2),
    caps=st.tuples(CAPS, CAPS),
    had=st.builds(Had, *[st.integers(0, 80)] * 4),
    bonus=st.integers(1, 30),
    person_cap=st.integers(1, 40),
    given_before=st.integers(0, 60),
)
def test_no_award_goes_over_a_cap_or_below_nothing(points, percents, caps, had, bonus, person_cap, given_before):
    day, week = caps
    table = table_of(
        day_cap=day,
        week_cap=max(week, day or 0) if week is not None else None,
        qualities={slug: {"title": slug, "percent": n} for slug, n in zip(rules.QUALITIES, percents, strict=False)},
        campaigns={"more": WINTER | {"percent": 100, "bonus": bonus, "person_cap": person_cap}},
    )
    facts = Facts("manhole", TODAY, tuple(rules.QUALITIES[: len(percents)]))
    found = earn(PointRule(points=points), table, had, {"more": Share(person=given_before)}, facts)
    base = found.points - found.bonus
    assert 0 <= base <= found.nominal - found.bonus
    assert base == 0 or all(
        got + base <= cap for got, cap in ((had.day, day), (had.week, table.week_cap)) if cap is not None
    )
    assert 0 <= found.bonus <= max(person_cap - given_before, 0)
    assert bool(found.cap) == found.capped


@pytest.mark.parametrize(
    "wrong",
    [
        {"qualities": {"nice": {"title": "好看"}}},
        {"campaigns": {"Winter!": WINTER}},
        {"campaigns": {"winter": WINTER | {"last": date(2026, 1, 1)}}},
        {"campaigns": {"winter": WINTER | {"percent": 100, "bonus": 0}}},
        {"rules": {"x": {"points": 5, "week_cap": 4}}},
        {"rules": {"x": {"points": 5, "day_cap": 20, "week_cap": 10}}},
        {"day_cap": 100, "week_cap": 50},
    ],
)
def test_a_table_that_contradicts_itself_is_none(wrong):
    with pytest.raises(ValidationError):
        table_of(**wrong)


def test_a_table_from_before_weeks_and_campaigns_still_reads():
    old = PointsPolicy.model_validate({"rules": {"manhole": {"points": 15, "day_cap": 30}}})
    assert (old.week_cap, old.qualities, old.campaigns, old.rules["manhole"].week_cap) == (None, {}, {}, None)


def test_only_signals_that_the_policy_knows_hold():
    policy = HoldsPolicy(signals={"farmed": {"title": "a"}, "own-made": {"title": "b", "holds": False}})
    signals = [Signal("farmed"), Signal("own-made"), Signal("new")]
    assert policy.holding(signals) == (Signal("farmed"),)


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
    steps = ("use", "redeem", "expire", "cancel")
    assert allowed == {(step, state) for step in steps for state in ("reserved", "part_used")}
    assert {step: states.result(step) for step in states.STEPS} == {
        "use": "part_used",
        "redeem": "redeemed",
        "expire": "expired",
        "cancel": "cancelled",
    }


def test_every_state_and_kind_has_words():
    assert set(states.LABELS) == set(states.GLYPHS) == set(states.STATES)
    assert set(rules.LIMITS) == set(rules.KINDS)
    assert {kind for kinds in rules.FILTERS.values() for kind in kinds} <= set(rules.POSTING_KINDS)
