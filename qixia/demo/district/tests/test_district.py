"""The fictional district: it is a tiling, it is a town, and the tables give back what was drawn."""

import gzip
import json
import random
import re
from collections import Counter

import pytest
import shapely
from shapely.geometry import Point as XYPoint
from shapely.geometry import shape

from qixia.demo.district import District, generate, plane
from qixia.kernel.geo import Point
from qixia.places import queries
from qixia.places.models import GridCell, Site
from qixia.places.services import load_district


@pytest.fixture(scope="module")
def district() -> District:
    return generate(7)


@pytest.fixture
def loaded(db: None, district: District):
    queries.forget()
    load_district(district.as_dict(), actor="system:test", is_demo=True)
    queries.forget()
    queries.warm()
    yield
    queries.forget()


def test_the_same_seed_draws_the_same_town(district: District) -> None:
    assert generate(7) == district
    assert generate(8) != district


def test_every_point_lies_in_exactly_one_grid_cell(district: District) -> None:
    cells = [shape(grid.geometry) for grid in district.grids]
    tree = shapely.STRtree(cells)
    edge = shape(district.divisions[0].geometry)
    rng = random.Random(1)
    west, south, east, north = edge.bounds
    inside = 0
    for _ in range(6000):
        spot = XYPoint(rng.uniform(west, east), rng.uniform(south, north))
        holders = sum(cells[i].covers(spot) for i in tree.query(spot))
        assert holders == (1 if edge.covers(spot) else 0), spot.wkt
        inside += holders
    assert inside > 4000


def test_cells_cover_without_overlap_to_the_last_decimal(district: District) -> None:
    cells = [shape(grid.geometry) for grid in district.grids]
    edge = shape(district.divisions[0].geometry)
    assert all(cell.is_valid for cell in cells)
    assert sum(cell.area for cell in cells) == pytest.approx(edge.area, rel=1e-12)
    for row in district.divisions[2:]:
        own = [shape(g.geometry) for g in district.grids if g.community.startswith(row.code)]
        assert sum(cell.area for cell in own) == pytest.approx(shape(row.geometry).area, rel=1e-12)


def test_divisions_and_codes_have_the_national_form_but_no_real_code(district: District) -> None:
    levels = Counter(row.level for row in district.divisions)
    assert levels == {"city": 1, "district": 1, "street": 3, "community": 6}
    assert all(row.code.startswith("99") for row in district.divisions)
    assert all(
        re.fullmatch(r"[0-9A-Z]{15}", grid.code) and grid.code.startswith(grid.community) for grid in district.grids
    )
    assert len({grid.code for grid in district.grids}) == len(district.grids)
    assert all(8 <= count <= 14 for count in Counter(grid.community for grid in district.grids).values())


def test_it_is_a_town_of_four_by_three_kilometres(district: District) -> None:
    west, south, east, north = plane.to_metres(shape(district.divisions[0].geometry)).bounds
    assert 3800 < east - west < 4400
    assert 2900 < north - south < 3500
    kinds = Counter(site.kind for site in district.sites)
    assert kinds["estate"] >= 12
    for kind, count in {
        "park": 3,
        "office_tower": 5,
        "park_business": 2,
        "school": 2,
        "hospital": 1,
        "market": 1,
    }.items():
        assert kinds[kind] == count, kind
    assert kinds["bus_stop"] >= 10
    assert kinds["metro"] == 2


def test_names_are_there_once_and_blocks_are_numbered(district: District) -> None:
    names = [site.name for site in district.sites]
    assert len(names) == len(set(names))
    roads = [road.name for road in district.roads]
    assert len(roads) == len(set(roads))
    assert all(roads)
    for site in district.sites:
        if site.kind == "estate":
            assert [b.name for b in site.buildings] == [f"{i}栋" for i in range(1, len(site.buildings) + 1)]
            assert site.gates, site.name


def test_buildings_stand_on_their_own_ground_and_off_the_roads(district: District) -> None:
    roads = shapely.union_all(
        [plane.to_metres(shape(road.geometry)).buffer(road.width_m / 2, cap_style=2) for road in district.roads]
    )
    shapely.prepare(roads)
    for site in district.sites:
        ground = plane.to_metres(shape(site.geometry)).buffer(0.3) if site.geometry else None
        for building in site.buildings:
            outline = plane.to_metres(shape(building.geometry))
            assert ground is not None
            assert ground.contains(outline), (site.name, building.name)
            assert not roads.intersects(outline), (site.name, building.name)


def test_coordinates_have_six_decimals(district: District) -> None:
    text = json.dumps(district.as_dict())
    assert not re.search(r"\d\.\d{7,}", text)


def test_the_exchange_form_is_geojson_too(district: District) -> None:
    features = district.as_geojson()["features"]
    assert len(features) == sum(
        len(getattr(district, part)) for part in ("divisions", "grids", "roads", "shapes", "sites")
    )


@pytest.mark.usefixtures("loaded")
class TestLoaded:
    def test_the_address_of_every_mock_page(self, district: District) -> None:
        home = next(site for site in district.sites if site.name == "锦澜花园")
        gate = next(gate for gate in home.gates if gate.name == "东门")
        found = queries.locate(Point(gate.point[1], gate.point[0] + 0.0001))
        assert found.describe == "云帆路 88 号 锦澜花园东门外"
        assert found.community.name == "榕荫社区"

    def test_a_cell_is_found_by_its_inner_point(self, district: District) -> None:
        for grid in district.grids:
            inner = shape(grid.geometry).representative_point()
            assert queries.locate(Point(inner.y, inner.x)).grid_code == grid.code

    def test_every_site_is_found_by_its_own_point(self, district: District) -> None:
        for site in district.sites:
            if site.geometry:
                assert queries.locate(Point(site.point[1], site.point[0])).site.name == site.name

    def test_loading_again_changes_nothing(self, district: District) -> None:
        before = (GridCell.objects.count(), Site.objects.count())
        assert load_district(district.as_dict(), is_demo=True) is False
        assert (GridCell.objects.count(), Site.objects.count()) == before == (len(district.grids), len(district.sites))

    def test_the_base_map_is_small(self) -> None:
        _, plain, packed = queries.base_document()
        assert len(packed) <= 40_000
        assert gzip.decompress(packed) == plain
