"""What a campaign may still give: its caps count what riders have, through holds, reversals and restoring."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qixia.rewards.models import CampaignSum, Hold
from qixia.rewards.rules import Signal
from qixia.rewards.services import Award, award_many, compare, post_hold, restore, reverse, seal_postings, void_hold
from qixia.rewards.tests.builders import person
from qixia.rewards.tests.conftest import publish_table

WINTER = {"title": "冬", "first": date(2026, 1, 1), "last": date(2099, 1, 1), "bonus": 5, "total_cap": 5}


@pytest.fixture
def winter(table):
    publish_table(valid_from=datetime(2001, 1, 1, tzinfo=UTC), campaigns={"winter": WINTER})


def bonus(source, *, held=False):
    """The bonus that a new rider's award for `source` gets."""
    signals = (Signal("reused-photo"),) if held else ()
    [made] = award_many([Award(person().ref, "fire-lane", source, "x", "system:x", signals=signals)])
    return made.bonus or 0


def take(source):
    reverse(source=source, reason="无效", actor="system:x")


def decide(points):
    hold = Hold.objects.get(state="open")
    if points:
        post_hold(actor=person("admin"), public_id=hold.public_id, points=points, reason="看过了")
    else:
        void_hold(actor=person("admin"), public_id=hold.public_id, reason="看过了")


@pytest.mark.parametrize(("given", "free"), [(15, 0), (12, 3), (6, 5), (0, 5)])
def test_what_a_hold_does_not_give_is_free_again(winter, given, free):
    assert (bonus("report:1", held=True), bonus("report:2")) == (5, 0)
    decide(given)
    assert bonus("report:3") == free
    assert compare().is_sound


def test_the_cap_is_asked_of_a_sum_that_sealing_keeps(winter):
    assert bonus("report:1") == 5
    assert seal_postings() == 1
    assert CampaignSum.objects.get().given == 5
    assert bonus("report:2") == 0
    take("report:1")
    assert bonus("report:3") == 5, "what is not sealed yet counts too"
    seal_postings()
    assert (CampaignSum.objects.get().given, bonus("report:4")) == (5, 0)
    with CaptureQueriesContext(connection) as caught:
        bonus("report:5")
    sums = [one["sql"] for one in caught if 'SUM("rewards_posting"."bonus")' in one["sql"]]
    assert not [sql for sql in sums if "rewards_campaignsum" not in sql and '"beneficiary" IN' not in sql]
    seal_postings()
    assert compare().is_sound
    CampaignSum.objects.update(given=1)
    assert compare().findings == {"wrong_campaigns": ["winter"]}


@pytest.mark.parametrize("given", [15, 12])
def test_what_was_held_given_and_taken_back_is_free_again(winter, given):
    bonus("report:1", held=True)
    decide(given)
    take("report:1")
    assert (bonus("report:2"), bonus("report:3")) == (5, 0)


def test_a_hold_that_is_taken_back_is_free_and_counts_again_when_it_is_restored(winter):
    bonus("report:1", held=True)
    take("report:1")
    restore(source="report:1", reason="申诉成立", actor="system:x")
    assert bonus("report:2") == 0
    decide(0)
    assert bonus("report:3") == 5
    assert compare().is_sound
