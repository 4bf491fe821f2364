"""The demo district lives through real acts; its figures are the books' figures."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from qixia.demo import load as demo
from qixia.demo import scenes, story
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.offers.models import Offer
from qixia.people.models import Person
from qixia.people.queries import forget_organisations
from qixia.people.services import create_person
from qixia.policy.queries import current, is_demo_database
from qixia.policy.services import stamp_installation
from qixia.reports import states
from qixia.reports.models import (
    Alarm,
    Appeal,
    ClockPause,
    Extension,
    ImportBatch,
    Rating,
    Report,
    ReportStep,
    Undertaking,
    Witness,
)
from qixia.reports.sealing import index_of
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
    found = set(Report.objects.values_list("state", flat=True))
    assert set(states.STATES) - found <= {"received", "closed"}
    _check_loop()
    assert compare().is_sound
    assert is_demo_database()
    assert not Person.objects.filter(is_demo=False).exists()
    with pytest.raises(demo.NotADemo):
        demo.load(days=0)


def _check_loop() -> None:
    """Every list of the loop has something to show."""
    offers = set(Offer.objects.values_list("state", flat=True))
    assert {"open", "taken", "done"} <= offers
    assert Witness.objects.filter(points__gt=0).exists()
    assert set(Appeal.objects.values_list("state", flat=True)) == {"open", "granted", "denied"}
    assert set(Extension.objects.values_list("granted", flat=True)) == {None, True, False}
    assert ClockPause.objects.filter(ended_at=None).exists()
    assert Rating.objects.count() >= 5
    steps = set(ReportStep.objects.values_list("step", flat=True))
    assert {
        "object",
        "decide",
        "refer",
        "transfer",
        "witness_fixed",
        "inspect",
        "promise",
        "ask_help",
        "cut",
        "absorb",
    } <= steps
    assert set(Undertaking.objects.values_list("state", flat=True)) == {"open", "done"}
    assert Undertaking.objects.get(state="done").quantity == 200
    assert Alarm.objects.filter(ended_at=None).exists()
    assert Alarm.objects.exclude(acknowledged_by=None).exists()
    assert set(ImportBatch.objects.values_list("state", flat=True)) == {"ready", "done"}
    assert not Report.objects.filter(state__in=states.OPEN, clock_at__lte=clock.now() - timedelta(hours=1)).exists()


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
