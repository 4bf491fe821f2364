"""Gifts of the demo district: a joining kit, a winter campaign whose draw is done, one in which riders can still enter.

Everything goes through the services, the draw in all its steps too. Its own dice: the rest of the history stays as it is.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from qixia.codes.models import Division
from qixia.demo.cast import Cast
from qixia.demo.history import History
from qixia.gifts import services
from qixia.gifts.models import Allotment, Campaign, Donation, Draw, Entry, Place
from qixia.gifts.rules.forms import CampaignForm, DonationForm, PlaceForm
from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.kernel.geo import Point
from qixia.people.access import Actor
from qixia.places.queries import find_words, locate

_SEED = 118
_VALUE = "双色球演示期：03 09 14 21 27 30 + 11"
# name, kind, organisation's code, address, hours
_POINTS = (
    ("榕荫小哥食堂", "canteen", "rongyin-canteen", "榕荫街 12 号", "每天 6:00-21:00"),
    ("南塘小哥食堂", "canteen", "nantang-canteen", "南塘路 41 号", "每天 10:00-20:30"),
    ("云帆路驿站", "station", "shequ-1", "云帆路 20 号", "每天 9:00-22:00"),
    ("石鼓便民超市", "merchant", "shigu-market", "石鼓路 5 号", "每天 7:00-23:00"),
)


@dataclass
class _Made:
    """What later acts need of earlier ones."""

    places: list[Place] = field(default_factory=list)
    campaigns: dict[str, Campaign] = field(default_factory=dict)


def plan(history: History) -> None:
    cast, dice, made = history.cast, Random(_SEED), _Made()
    clerk = cast.clerks[""]
    until = history.until
    points = [Point(one.lat, one.lng) for one in history.points if one.lat is not None and one.lng is not None]
    history.plan(until - timedelta(days=52), lambda: _places(made, clerk, points))
    history.plan(until - timedelta(days=50), lambda: _joining(made, cast, clerk, until))
    history.plan(until - timedelta(days=24), lambda: _winter(made, clerk, until))
    for number, rider in enumerate(cast.riders[:130]):
        at = until - timedelta(days=22 - dice.uniform(0, 7))
        history.plan(at, partial(_enter, made, cast, rider, dice, number))
    history.plan(until - timedelta(days=13, hours=20), lambda: _look_at_needs(made, clerk))
    history.plan(until - timedelta(days=12, hours=20), lambda: _close(made))
    history.plan(until - timedelta(days=11), lambda: _draw(made, cast, clerk))
    for number in range(64):
        at = until - timedelta(days=dice.uniform(0.2, 10.5))
        history.plan(at, partial(_collect, made, cast, number))
    history.plan(until - timedelta(days=4), lambda: _broken(made, clerk))
    history.plan(until - timedelta(days=2), lambda: _care(made, clerk, until))


def _places(made: _Made, clerk: Actor, points: list[Point]) -> None:
    for name, kind, code, address, hours in _POINTS:
        hit = find_words(address)
        spot = hit.point if hit is not None and locate(hit.point).community else None
        if spot is None:
            candidate = points[len(name) * len(address) * (len(made.places) + 3) % len(points)]
            spot = candidate if locate(candidate).community else points[0]
        form = PlaceForm(name, kind, code, address, spot.lat, spot.lng, hours)
        made.places.append(services.set_place(actor=clerk, form=form))


def _campaign(made: _Made, clerk: Actor, key: str, **said: Any) -> Campaign:
    whole = Division.objects.filter(level="district", is_demo=True).order_by("path").first()
    assert whole is not None
    form = CampaignForm(division=whole.code, **said)
    made.campaigns[key] = services.draft_campaign(actor=clerk, form=form)
    return made.campaigns[key]


def _give(clerk: Actor, campaign: Campaign, name: str, what: str, count: int, fen: int, thanks: str) -> Donation:
    donor = services.register_donor(actor=clerk, name=name, thanks=thanks)
    form = DonationForm(
        donor=donor.public_id,
        campaign=campaign.public_id,
        what=what,
        count=count,
        value_fen=count * fen,
        given_on=clock.city_date(clock.now()),
        for_whom="给路上的骑手",
        paper=f"捐赠函 {clock.city_date(clock.now()):%Y-%m}",
    )
    return services.record_donation(actor=clerk, form=form)


def _receive(made: _Made, clerk: Actor, donation: Donation, *counts: int) -> None:
    for place, count in zip(made.places, counts, strict=False):
        key = f"demo-{donation.pk}-{place.pk}"
        services.receive(
            actor=clerk, donation=donation.public_id, place=place.public_id, count=count, key=key, note="整车送到"
        )


def _joining(made: _Made, cast: Cast, clerk: Actor, until: datetime) -> None:
    now = clock.now()
    row = _campaign(
        made,
        clerk,
        "joining",
        title="入会礼包",
        kind="joining",
        way="joining",
        what="反光马甲、头盔贴、雨裤",
        starts_at=now,
        ends_at=until + timedelta(days=60),
        collect_until=until + timedelta(days=75),
    )
    _receive(
        made,
        clerk,
        _give(clerk, row, "演示·澄江商会", "入会礼包", 160, 9800, "有你们，新来的也有人迎。"),
        60,
        50,
        30,
        20,
    )
    services.open_campaign(actor=clerk, campaign=row.public_id)
    # Whoever joins from now on gets one by the event; these are the latest of those who were there.
    hero = [cast.hero] if cast.hero is not None else []
    for rider in [*hero, *cast.riders[-18:]]:
        services.allot_joining(person=rider.public_id)


def _winter(made: _Made, clerk: Actor, until: datetime) -> None:
    now = clock.now()
    row = _campaign(
        made,
        clerk,
        "winter",
        title="演示·冬季暖心包",
        kind="winter",
        way="draw",
        what="护膝、围巾、保温杯、暖贴十片",
        starts_at=now,
        ends_at=until - timedelta(days=13),
        collect_until=until + timedelta(days=9),
    )
    first = _give(clerk, row, "演示·暖阳公益会", "暖心包", 60, 12800, "风里雨里，有人惦记着你们送来的暖。")
    _receive(made, clerk, first, 28, 16, 12)
    second = _give(clerk, row, "演示·澄江商会", "护膝和暖贴", 30, 4600, "")
    _receive(made, clerk, second, 8, 8, 6, 8)
    services.open_campaign(
        actor=clerk,
        campaign=row.public_id,
        source="双色球演示期开奖号码",
        source_at=until - timedelta(days=11, hours=12),
    )


def _enter(made: _Made, cast: Cast, rider: Actor, dice: Random, number: int) -> None:
    row, place = made.campaigns["winter"], made.places[min(int(dice.expovariate(0.9)), 3)]
    need = {0: "night", 7: "family"}.get(number % 11, "")
    services.enter(actor=rider, campaign=row.public_id, place=place.public_id, need=need)


def _look_at_needs(made: _Made, clerk: Actor) -> None:
    said = Entry.objects.filter(campaign=made.campaigns["winter"], need_state="said").order_by("pk")
    for number, code in enumerate(said.values_list("code", flat=True)):
        services.confirm_need(actor=clerk, code=code, accept=number % 4 != 3)


def _close(made: _Made) -> None:
    services.close_due()
    while services.carry_on():
        pass


def _draw(made: _Made, cast: Cast, clerk: Actor) -> None:
    draw = Draw.objects.get(campaign=made.campaigns["winter"])
    assert cast.admin is not None
    services.enter_value(actor=clerk, draw=draw.public_id, value=_VALUE)
    services.confirm_value(actor=cast.admin, draw=draw.public_id, value=_VALUE)
    while services.carry_on():
        pass


def _collect(made: _Made, cast: Cast, number: int) -> None:
    """The next one comes to a place that has some."""
    hero = (cast.hero.person_id if cast.hero is not None else 0) or 0
    waiting = Allotment.objects.filter(campaign=made.campaigns["winter"], state="open").exclude(person_id=hero)
    gift = waiting.select_related("place").order_by("number").first()
    if gift is None or gift.place is None:
        return
    code = next((point[2] for point in _POINTS if point[0] == gift.place.name), "")
    who = cast.merchants.get(code) or cast.clerks[""]
    try:
        services.hand_over(actor=who, text=gift.number, place=gift.place.public_id)
    except DomainError:
        return  # that place has run out: somebody brings more tomorrow


def _broken(made: _Made, clerk: Actor) -> None:
    row = made.campaigns["winter"]
    donation = Donation.objects.filter(campaign=row).order_by("pk").first()
    assert donation is not None
    for place in made.places:
        with suppress(DomainError):  # all of them are handed out here already
            services.write_off(
                actor=clerk,
                donation=donation.public_id,
                place=place.public_id,
                count=2,
                kind="broken",
                key="demo-broken",
                note="两个保温杯磕坏了",
            )
            return


def _care(made: _Made, clerk: Actor, until: datetime) -> None:
    row = _campaign(
        made,
        clerk,
        "care",
        title="演示·随身应急关爱包",
        kind="care",
        way="draw",
        what="创可贴、碘伏棉、绷带、藿香",
        starts_at=clock.now(),
        ends_at=until + timedelta(days=5),
        collect_until=until + timedelta(days=20),
    )
    given = _give(clerk, row, "演示·榕荫医疗", "随身应急关爱包", 100, 3800, "愿你用不上，也愿你带着它。")
    _receive(made, clerk, given, 40, 30, 30)
    services.open_campaign(
        actor=clerk,
        campaign=row.public_id,
        source="双色球演示下一期开奖号码",
        source_at=until + timedelta(days=6),
    )
