"""Who joined before a joining gift was opened gets one too where the campaign says so, and nobody two."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.gifts import services
from qixia.gifts.models import Allotment
from qixia.gifts.services import joining
from qixia.gifts.tests import builders as made
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.notices.models import Notice
from qixia.people.models import Rider

pytestmark = pytest.mark.usefixtures("ground")


def swept() -> None:
    while services.allot_earlier():
        pass


def since(who, days: int) -> None:
    Rider.objects.filter(person_id=who.person_id).update(since=clock.city_date(clock.now()) - timedelta(days=days))


def test_everybody_who_joined_before_once(monkeypatch):
    monkeypatch.setattr(joining, "BATCH", 2)
    riders = [made.rider() for _ in range(5)]
    row = made.opened(kits=9, way="joining", reach="all")
    services.allot_joining(person=riders[2].public_id)
    swept()
    swept()
    late = made.rider()
    services.allot_joining(person=late.public_id)
    swept()
    assert sorted(gift.person_id for gift in row.gifts()) == sorted(one.person_id for one in [*riders, late])
    assert row.now().allotted == 6
    assert Notice.objects.filter(template="gift.joining").count() == 6


def test_since_a_day():
    old, new = made.rider(), made.rider()
    since(old, 40)
    since(new, 10)
    day = clock.city_date(clock.now()) - timedelta(days=30)
    row = made.opened(kits=9, way="joining", reach="since", joined_since=day)
    swept()
    assert [gift.person_id for gift in row.gifts()] == [new.person_id]


def test_nobody_from_before_unless_it_says_so():
    made.rider()
    row = made.opened(kits=9, way="joining")
    swept()
    assert row.gifts() == []


def test_only_of_the_platforms_that_it_is_for():
    one, _other = made.rider("yunpao"), made.rider("feilu")
    row = made.opened(kits=9, way="joining", reach="all", platforms=("yunpao",))
    swept()
    assert [gift.person_id for gift in row.gifts()] == [one.person_id]


def test_who_got_none_gets_one_when_more_come():
    riders = [made.rider() for _ in range(3)]
    row = made.opened(kits=2, way="joining", reach="all")
    swept()
    assert (len(row.gifts()), row.now().allotted) == (2, 2)
    more = made.donated(row.clerk, row.campaign, 5, "第二家")
    services.receive(actor=row.clerk, donation=more.public_id, place=row.place.public_id, count=5, key=made.new_key())
    swept()
    assert sorted(gift.person_id for gift in row.gifts()) == sorted(one.person_id for one in riders)


def test_a_reach_needs_its_day_and_a_draw_has_none():
    clerk = made.staff()
    with pytest.raises(Invalid):
        made.drafted(clerk, "joining", reach="since")
    with pytest.raises(Invalid):
        made.drafted(clerk, "joining", reach="some")
    row = made.drafted(clerk, "draw", reach="all", joined_since=clock.city_date(clock.now()))
    assert (row.reach, row.joined_since) == ("now", None)
    assert Allotment.objects.count() == 0
