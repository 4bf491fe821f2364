import math

import pytest

from qixia.places.rules import GRID_CODE, OutsideCity, Spot, check_numbers, house_number, words

BOUNDS = (118.57, 24.88, 118.63, 24.92)


@pytest.mark.parametrize(
    ("along", "left", "number"), [(0, True, 1), (0, False, 2), (9.99, True, 1), (10, True, 3), (437, False, 88)]
)
def test_numbers_grow_in_pairs_odd_on_the_left(along: float, left: bool, number: int) -> None:
    assert house_number(along, 10, left=left) == number


@pytest.mark.parametrize(
    ("spot", "said"),
    [
        (Spot(road="云帆路", number=88, site="锦澜花园", gate="东门"), "云帆路 88 号 锦澜花园东门外"),
        (Spot(road="云帆路", number=88, crossing="石鼓路"), "云帆路与石鼓路路口"),
        (
            Spot(road="云帆路", number=88, crossing="石鼓路", site="锦澜花园", gate="东门"),
            "云帆路 88 号 锦澜花园东门外",
        ),
        (Spot(road="云帆路", number=88, site="锦澜花园"), "云帆路 88 号 锦澜花园旁"),
        (Spot(road="云帆路", number=88), "云帆路 88 号附近"),
        (Spot(site="锦澜花园", site_address="云帆路 88 号", inside=True), "云帆路 88 号 锦澜花园内"),
        (Spot(site="锦澜花园", inside=True, gate="东门"), "锦澜花园东门内"),
        (Spot(site="锦澜花园", inside=True, building="3栋"), "锦澜花园 3栋旁"),
        (Spot(site="锦澜花园", inside=True, building="3栋", in_building=True), "锦澜花园 3栋"),
        (Spot(road="滨江路", number=6, water="澄江"), "澄江水面"),
        (Spot(community="榕荫社区", grid_code="990102001001007"), "榕荫社区 007 号网格"),
    ],
)
def test_a_place_is_told_as_a_rider_would_say_it(spot: Spot, said: str) -> None:
    assert words(spot) == said


@pytest.mark.parametrize(
    ("lat", "lng", "said"),
    [
        (0.0, 0.0, "经纬度是 0"),
        (118.6, 24.9, "写反"),
        (31.2, 121.5, "不在澄江市范围内"),
        (24.9, -118.6, "不在澄江市范围内"),
        (math.nan, 118.6, "不是有效的数字"),
        (24.9, math.inf, "不是有效的数字"),
    ],
)
def test_impossible_positions_are_refused_in_their_own_words(lat: float, lng: float, said: str) -> None:
    with pytest.raises(OutsideCity) as refused:
        check_numbers(lat, lng, bounds=BOUNDS, city="澄江市")
    assert said in str(refused.value)
    assert (refused.value.code, refused.value.status, refused.value.field) == ("places.outside_city", 422, "place")


def test_a_position_inside_passes() -> None:
    check_numbers(24.9, 118.6, bounds=BOUNDS, city="澄江市")


@pytest.mark.parametrize(
    ("code", "good"),
    [("990102001001007", True), ("99010200100100A", True), ("9901", False), ("99010200100100a", False)],
)
def test_grid_codes_are_fifteen_digits_or_capitals(code: str, good: bool) -> None:
    assert bool(GRID_CODE.match(code)) is good
