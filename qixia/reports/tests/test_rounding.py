"""What others may know of the place and time of a sensitive matter, and that asking often tells no more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.geo import Frame
from qixia.policy import kinds
from qixia.policy.services import publish
from qixia.reports import rules, services
from qixia.reports.queries.map import map_data
from qixia.reports.tests.town import Town, at, reach, send, the

HELP = "有人晕倒了快来人"
WHOLE = Frame(118.59, 24.89, 118.61, 24.91, 16)
SPOT = (24.9003, 118.6)


def points(actor: object, view: Frame = WHOLE) -> list[dict]:
    return map_data(actor, view, [])["points"]


def tomorrow():
    return clock.at(clock.now() + timedelta(days=1))


@settings(deadline=None)
@given(st.floats(18, 53), st.floats(74, 134), st.sampled_from([100, 500, 2000]))
def test_a_cell_is_a_fixed_square_around_its_middle(lat: float, lng: float, cell_m: int) -> None:
    y, x = rules.cell_middle(lat, lng, cell_m)
    assert abs(y - lat) * rules.METRES_A_DEGREE <= cell_m / 2 + 1
    assert abs(x - lng) * rules.METRES_A_DEGREE <= cell_m / 2 / 0.59 + 1
    assert rules.cell_middle(y, x, cell_m) == (y, x)


def test_others_see_the_square_and_not_the_place(town: Town) -> None:
    send(town.rider, HELP, place=at(SPOT))
    with tomorrow():
        (mine,) = points(town.rider)
        (theirs,) = points(town.other_rider)
        (staffs,) = points(town.clerk)
    middle = rules.cell_middle(*SPOT, 500)
    assert (mine["lat"], mine["lng"]) == (staffs["lat"], staffs["lng"]) == SPOT
    assert (theirs["lat"], theirs["lng"]) == pytest.approx(middle, abs=2e-6)
    assert (theirs["place"], theirs["url"], theirs["id"]) == ("", "", "")
    assert mine["place"]


def test_wherever_in_the_square_it_is_others_see_the_same(town: Town) -> None:
    spots = [(SPOT[0] + north, SPOT[1] + east) for north, east in ((-0.0004, -0.0006), (0.0, 0.0), (0.0005, 0.0004))]
    assert len({rules.cell_middle(*spot, 500) for spot in spots}) == 1
    seen = set()
    for spot in spots:
        receipt = send(town.rider, HELP, place=at(spot))
        with tomorrow():
            (point,) = points(town.other_rider)
        seen.add((point["lat"], point["lng"]))
        services.reject(actor=town.clerk, public_id=receipt.public_id, reason="重复的一件")
    assert len(seen) == 1


def test_many_in_one_square_are_one_spot(town: Town) -> None:
    y, x = rules.cell_middle(*SPOT, 500)
    for step in range(3):
        send(town.rider, HELP, place=at((y + step / 5000, x + step / 5000)))
    with tomorrow():
        found = map_data(town.other_rider, Frame(118.59, 24.89, 118.61, 24.91, 22), [])
    assert [(c["count"], c["lat"], c["lng"]) for c in found["clusters"]] == [
        (3, pytest.approx(y, abs=2e-6), pytest.approx(x, abs=2e-6))
    ]
    assert found["heat"] == [[pytest.approx(y, abs=2e-5), pytest.approx(x, abs=2e-5), 3]]


def test_no_frame_of_the_map_finds_the_place(town: Town) -> None:
    send(town.rider, HELP, place=at(SPOT))
    lat, lng = SPOT
    y, x = rules.cell_middle(lat, lng, 500)
    around_place = Frame(lng - 1e-4, lat - 1e-4, lng + 1e-4, lat + 1e-4, 20)
    around_middle = Frame(x - 1e-4, y - 1e-4, x + 1e-4, y + 1e-4, 20)
    with tomorrow():
        assert map_data(town.other_rider, around_place, []) == {"points": [], "clusters": [], "heat": []}
        assert len(points(town.other_rider, around_middle)) == 1
        assert len(points(town.rider, around_place)) == 1


def test_it_shows_up_from_the_next_day_on(town: Town) -> None:
    now = clock.city_time(clock.now()).replace(hour=23, minute=50)
    with clock.at(now):
        send(town.rider, HELP, place=at(SPOT))
        assert points(town.other_rider) == []
        assert len(points(town.rider)) == len(points(town.clerk)) == 1
    with clock.at(now.replace(minute=59)):
        assert points(town.other_rider) == []
    with clock.at(now + timedelta(minutes=11)):
        assert len(points(town.other_rider)) == 1


def test_it_leaves_the_map_at_midnight(town: Town) -> None:
    start = clock.city_time(clock.now()).replace(hour=15)
    with clock.at(start):
        send(town.rider, HELP, place=at(SPOT))
    for later, shown in ((timedelta(days=90, hours=8), 1), (timedelta(days=91, hours=-20), 1), (timedelta(days=91), 0)):
        with clock.at(start + later):
            assert len(points(town.other_rider)) == shown


def test_what_waits_for_a_person_is_treated_as_sensitive(town: Town) -> None:
    report = the(reach(town, "sorting"))
    assert points(town.other_rider) == []
    with tomorrow():
        (point,) = points(town.other_rider)
    assert (point["lat"], point["lng"]) == pytest.approx(rules.cell_middle(report.lat, report.lng, 500), abs=2e-6)


def test_what_is_not_sensitive_lies_where_it_is_at_once(town: Town) -> None:
    send(town.rider, place=at(SPOT))
    (point,) = points(town.other_rider)
    assert (point["lat"], point["lng"]) == SPOT
    assert point["place"]


def test_the_city_names_the_classes_and_the_size(town: Town) -> None:
    rule = {"sensitive": ["manhole"], "cell_m": 1000, "anonymous_per_hour": 5}
    publish("reports.secrecy", rule, note="试", actor_ref="system:test")
    send(town.rider, place=at(SPOT))
    with tomorrow():
        (point,) = points(town.other_rider)
    assert (point["lat"], point["lng"]) == pytest.approx(rules.cell_middle(*SPOT, 1000), abs=2e-6)


@pytest.mark.parametrize(
    "change",
    [{"cell_m": 5}, {"cell_m": 50_000}, {"sensitive": ["fire", "fire"]}, {"sensitive": ["有人"]}, {"noise_m": 3}],
)
def test_a_policy_that_makes_no_sense_is_refused(change: dict) -> None:
    sound = {"sensitive": ["fire"], "cell_m": 500, "anonymous_per_hour": 5}
    kind = kinds.get("reports.secrecy")
    assert kind.parse(sound)
    with pytest.raises(Invalid):
        kind.parse(sound | change)
