"""What a draft would have paid, against paying one by one."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qixia.rewards import drafting, rules
from qixia.rewards.drafting import Done
from qixia.rewards.rules import PointRule, PointsPolicy

MONDAY = date(2026, 11, 16)
CLASSES = {"manhole": "井盖", "litter": "垃圾"}


def table(**changes) -> PointsPolicy:
    lines = {"manhole": PointRule(points=15), "litter": PointRule(points=3, day_cap=7, week_cap=12)}
    return PointsPolicy(**{"day_cap": None, "rules": lines, **changes})


def effect_of(draft, rows):
    return drafting.effect(draft, rows, lambda rule: draft.line(rule, CLASSES) if rule in CLASSES else None)


def done(person="a", day=0, rule="manhole", count=1, paid=15, quality="", campaign=""):
    return Done(person, MONDAY + timedelta(days=day), rule, quality, campaign, count, paid)


def test_a_dearer_line_changes_who_earned_by_it_alone():
    draft = table(rules={"manhole": PointRule(points=20), "litter": PointRule(points=3)})
    found = effect_of(draft, [done("a", count=2, paid=30), done("b", rule="litter", count=3, paid=9)])
    assert (found.all.paid, found.all.would, found.all.more) == (39, 49, 10)
    assert (found.by_rule["manhole"].more, found.by_rule["litter"].more) == (10, 0)
    assert (found.riders, found.changed, dict(found.changes)) == (2, 1, {10: 1, 0: 1})


def test_caps_of_day_and_week_are_counted_anew():
    rows = [done(day=day, rule="litter", count=4, paid=12) for day in range(3)]
    assert effect_of(table(), rows).all.would == 7 + 5  # 7 a day, 12 a week
    assert effect_of(table(), [*rows, done(day=7, rule="litter", count=1, paid=3)]).all.would == 12 + 3


def test_a_line_that_the_draft_has_not_pays_nothing():
    assert effect_of(table(), [done(rule="gone", paid=4)]).all.would == 0


def test_facts_that_the_books_kept_are_weighed():
    draft = table(qualities={"from-album": {"title": "相册", "percent": 80}})
    assert effect_of(draft, [done(quality="from-album,clear-words"), done(day=1)]).all.would == 12 + 15


def test_a_campaign_for_one_division_counts_for_whom_it_paid():
    campaign = {"title": "冬", "first": MONDAY, "last": MONDAY, "bonus": 5, "division": "350504", "person_cap": 8}
    draft = table(campaigns={"winter": campaign})
    rows = [done(campaign="winter", count=2, paid=40), done("b")]
    assert effect_of(draft, rows).all.would == 15 + 5 + 15 + 3 + 15


@pytest.mark.parametrize(("first", "last", "days"), [(7, 13, 7), (0, 0, 1), (3, 90, 30)])
def test_a_campaign_that_has_not_begun_counts_as_if_it_had_run_until_yesterday(first, last, days):
    today = MONDAY + timedelta(days=30)
    campaign = {"title": "冬", "first": today + timedelta(days=first), "last": today + timedelta(days=last), "bonus": 5}
    draft, coming = drafting.supposed(table(campaigns={"winter": campaign}), today, 30)
    moved = draft.campaigns["winter"]
    assert coming == {"winter": days}
    assert (moved.last, (moved.last - moved.first).days + 1) == (today - timedelta(days=1), days)
    rows = [done("a", day=29, count=2, paid=30), done("b", day=29 - days)]
    assert effect_of(draft, rows).all.would == 15 * 3 + 5 * 2


def test_a_campaign_that_runs_or_is_over_stays_where_it_is():
    campaign = {"title": "冬", "first": MONDAY, "last": MONDAY, "bonus": 5}
    draft = table(campaigns={"winter": campaign, "now": campaign | {"last": MONDAY + timedelta(days=9)}})
    assert drafting.supposed(draft, MONDAY + timedelta(days=1), 30) == (draft, {})


def test_a_new_campaign_for_one_division_gives_a_range():
    campaign = {"title": "冬", "first": MONDAY, "last": MONDAY, "bonus": 5, "division": "350504", "person_cap": 8}
    draft, base = table(campaigns={"winter": campaign}), table()
    assert drafting.unsure(draft, draft, MONDAY) == []  # it ran so: the books know for whom
    assert drafting.unsure(draft, base, MONDAY + timedelta(days=1)) == []  # over before the month
    assert drafting.unsure(draft, base, MONDAY) == ["winter"]
    rows = [done(count=2, paid=30), done("b")]
    ways = [draft, drafting.anywhere(draft, ["winter"])]
    least, most = drafting.effects(ways, rows, lambda rule: draft.line(rule, CLASSES))
    assert (least.all.paid, least.all.would, most.all.would) == (45, 45, 45 + 8 + 5)
    assert (dict(least.changes), dict(most.changes)) == ({0: 2}, {8: 1, 5: 1})


def test_few_riders_are_not_counted_out():
    found = drafting.Effect(changes=Counter({12: 4, -3: 5, -60: 1, 0: 9}))
    assert (found.riders, found.changed, found.band(11, 50), found.band(-10, -1)) == (19, 10, 4, 5)
    assert (found.mean_of_most(gained=True), found.mean_of_most(gained=False)) == (None, round((-60 - 4 * 3) / 5))


CAP = st.none() | st.integers(20, 60)
ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.sampled_from(sorted(CLASSES)), st.integers(1, 5)),
    max_size=12,
    unique_by=lambda row: row[:3],
)


@given(rows=ROWS, day=CAP, week=st.none() | st.integers(60, 100))
def test_a_month_at_once_pays_what_one_by_one_paid(rows, day, week):
    """The books' own sums, made act by act in the same order, come out again: the draft that is in force changes nobody."""
    draft = table(day_cap=day, week_cap=week)
    got: Counter[tuple[str, date, str]] = Counter()
    made = []
    for person, offset, rule, count in sorted(rows):
        on, paid = MONDAY + timedelta(days=offset), 0
        for _time in range(count):
            week_days = [rules.week_of(on) + timedelta(days=n) for n in range(7)]
            had = rules.Had(
                rule_day=got[person, on, rule],
                rule_week=sum(got[person, one, rule] for one in week_days),
                day=sum(got[person, on, one] for one in CLASSES),
                week=sum(got[person, one, other] for one in week_days for other in CLASSES),
            )
            earned = rules.earn(draft.line(rule, CLASSES), draft, rules.Facts(rule, on), had)
            got[person, on, rule] += earned.points
            paid += earned.points
        made.append(Done(person, on, rule, "", "", count, paid))
    found = effect_of(draft, made)
    assert found.all.would == found.all.paid == sum(got.values())
    assert found.changed == 0
