"""The demo district lives through real acts; its figures are the books' figures."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from django.db.models import Q

from qixia.demo import load as demo
from qixia.demo import months, scenes, story, turns, whole
from qixia.demo.history import DAYS, OWN_ALONE_M, _beside, _set_aside
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.people.models import Person
from qixia.people.queries import forget_organisations
from qixia.people.services import create_person
from qixia.policy.queries import current, is_demo_database
from qixia.policy.services import stamp_installation
from qixia.reports.models import Report
from qixia.reports.sealing import index_of
from qixia.reports.services import Whereabouts
from qixia.rewards import settling
from qixia.rewards.models import Hold
from qixia.rewards.queries import balance
from qixia.rewards.services import compare


@pytest.fixture(autouse=True)
def _own_media(tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    forget_organisations()
    yield
    forget_organisations()


@pytest.fixture
def small_pictures(monkeypatch):
    """The pictures are the dearest part of a load; what is done with them is the same for small ones."""
    kept = (scenes.picture, scenes.retaken, scenes._grain, scenes._lens)
    monkeypatch.setattr(scenes, "WIDTH", 320)
    monkeypatch.setattr(scenes, "HEIGHT", 240)
    for drawn in kept:
        drawn.cache_clear()
    yield
    for drawn in kept:
        drawn.cache_clear()


def test_the_newest_reports_of_the_hero_keep_their_distance_at_any_hour():
    for hour in range(24):
        until = datetime(2026, 11, 20, hour, 41, tzinfo=clock.CITY_TZ)
        times = [story._waking_before(until, timedelta(minutes=40 * step**2 - 12)) for step in range(1, 8)]
        assert all(clock.city_time(at).hour >= 7 for at in times)
        gaps = [later - earlier for later, earlier in pairwise([until, *times])]
        assert min(gaps) >= timedelta(minutes=28)
        assert min(gaps[1:]) >= timedelta(minutes=120)


SORTED_H, ARRIVED_H = 70 / 60, (70 + 150 + 60 + 240) / 60  # at the latest (history.py)


@pytest.mark.parametrize("turn", turns.TURNS, ids=lambda turn: f"{turn.cls}-{turn.raised}")
def test_a_turn_comes_when_its_report_stands_where_it_must(turn: turns.Turn) -> None:
    """Hours before the demo's moment, all of them: so the clock on the wall does not matter."""
    needs = {"working": ARRIVED_H, "accepted": SORTED_H + 150 / 60, "ringing": 0}.get(turn.stop, SORTED_H)
    times = [turn.raised, *(hours for hours, _act in turn.acts)]

    if turn.acts:
        assert turn.raised - turn.acts[0][0] > needs
    assert times == sorted(times, reverse=True) or turn.stop == "ringing"


def test_last_months_statements_are_issued_in_time_whatever_the_day() -> None:
    """Every day of two years, in the minute after midnight and in the evening."""
    for number in range(731):
        day = clock.city_day(date(2026, 1, 1) + timedelta(days=number))[0]
        for until in (day, day + timedelta(hours=19)):
            issue = months.issue_day(until)
            first = clock.city_day(settling.last_month(clock.city_date(issue)))[0]
            uses_end = clock.city_day(settling.first_of(clock.city_date(issue)))[0]
            has_points = until - timedelta(days=months.BEGIN_DAYS - months.GIVEN_DAYS)

            assert issue + timedelta(days=4) < until - timedelta(hours=20), (
                "paid before the moment, corrected after that"
            )
            assert uses_end - max(first, has_points) > timedelta(days=4), "days in which something is used"
            assert until - timedelta(days=DAYS) < has_points


def test_places_that_are_kept_are_alone() -> None:
    points = [Whereabouts(30.0 + step * 0.0003, 120.0) for step in range(600)]  # a road, every 33 m
    own, others = _set_aside(points)

    assert len(own) > 60
    assert not any(_beside(place, own, OWN_ALONE_M) for place in others)
    assert not any(_beside(place, [one for one in own if one is not place], OWN_ALONE_M) for place in own)


SIGN_INS = {"rider", "worker", "clerk", "supervisor", "merchant", "admin", "data_officer", "auditor"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_rider_of_the_demo_has_235_points_and_every_state_has_something(db, small_pictures):
    demo.load(days=0)
    accounts = {account.role: account.person for account in current("people.demo_accounts").data.accounts}
    assert set(accounts) == SIGN_INS
    assert balance(f"person:{accounts['rider']}") == story.BALANCE == 235
    mine = Report.objects.filter(reporter_index=index_of(accounts["rider"]))
    assert mine.count() == sum(story.REPORTS.values()) == 22
    assert mine.filter(state="fixed").count() == story.ANSWERED
    assert whole.missing() == []
    # Every hold has a sign that a detector found by itself, and none is the hero's.
    assert not Hold.objects.filter(Q(signals="") | Q(owner_ref=f"person:{accounts['rider']}")).exists()
    assert compare().is_sound
    assert is_demo_database()
    assert not Person.objects.filter(is_demo=False).exists()
    with pytest.raises(demo.NotADemo):
        demo.load(days=0)


def test_a_database_with_people_of_its_own_is_left_alone(db):
    create_person(display_name="某人", actor="system:test")
    with pytest.raises(demo.NotADemo):
        demo.load(days=0, fresh=True)
    assert Person.objects.count() == 1


def test_a_production_database_is_left_alone(db):
    stamp_installation(is_demo=False)
    with pytest.raises(demo.NotADemo):
        demo.load(days=0)
    assert not Person.objects.exists()
