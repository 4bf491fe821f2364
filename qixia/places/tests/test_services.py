from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qixia.audit.models import AuditEvent
from qixia.kernel.errors import NotConfigured
from qixia.kernel.geo import Point
from qixia.places import queries
from qixia.places.models import Building, Gate, GridCell, MapShape, MapVersion, Road, Site
from qixia.places.rules import NoSuchGrid, OutsideCity
from qixia.places.services import BadDistrict, load_district
from qixia.places.tests.town import town

pytestmark = pytest.mark.django_db


def _rows() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in (GridCell, Site, Building, Gate, Road, MapShape)}


def test_loading_twice_changes_nothing() -> None:
    assert load_district(town()) is True
    before, events, version = _rows(), AuditEvent.objects.count(), MapVersion.objects.get().version
    assert before == {"GridCell": 2, "Site": 2, "Building": 1, "Gate": 1, "Road": 2, "MapShape": 1}
    assert load_district(town()) is False
    assert (_rows(), AuditEvent.objects.count(), MapVersion.objects.get().version) == (before, events, version)


def test_a_new_survey_rewrites_rows_and_keeps_their_identity() -> None:
    load_district(town())
    site = Site.objects.get(key="s1")
    cell = GridCell.objects.get(code="990201001001001")
    changed = town()
    changed["sites"][0]["name"] = "松苑新村"
    del changed["sites"][1]
    changed["roads"] = changed["roads"][:1]
    assert load_district(changed) is True
    after = Site.objects.get(key="s1")
    assert (after.pk, after.public_id, after.name) == (site.pk, site.public_id, "松苑新村")
    assert GridCell.objects.get(code="990201001001001").pk == cell.pk
    assert Site.objects.get(key="b1").is_active is False, "a site that a report may name is retired, not deleted"
    assert list(Road.objects.values_list("key", flat=True)) == ["r1"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda d: d.update(format="other/9"), "format"),
        (lambda d: d["grids"][0].update(code="9902"), "15"),
        (lambda d: d["sites"][0].update(kind="castle"), "castle"),
        (lambda d: d["grids"][0].update(community="123"), "123"),
    ],
)
def test_a_bad_document_leaves_the_tables_as_they_were(spoil: Any, why: str) -> None:
    load_district(town())
    before, version, events = _rows(), MapVersion.objects.get().version, AuditEvent.objects.count()
    bad = town()
    spoil(bad)
    with pytest.raises(BadDistrict) as refused:
        load_district(bad)
    assert why in str(refused.value)
    assert (_rows(), MapVersion.objects.get().version, AuditEvent.objects.count()) == (before, version, events)


def test_a_load_is_recorded_without_personal_data() -> None:
    load_district(town(), actor="system:test")
    event = AuditEvent.objects.get(action="places.district_loaded")
    assert (event.subject, event.actor) == ("division:990201", "system:test")
    assert set(event.data) == {"version", "grids", "sites"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("东西路 8 号", "东西路8号"),
        ("小社区东西路８号一楼", "东西路8号"),
        ("东西路8-2号", "东西路8号"),
        ("东西路 8#", "东西路8号"),
        ("东西路 8", "东西路8号"),
        ("东西路8，近公交站", "东西路8号"),
        ("东西路8栋", None),
        ("东西路80000号", None),
        # A road that the map lacks, with one address that the survey knows; 45 is none.
        ("丰泽街 128 号松苑", "丰泽街 128 号"),
        ("丰泽街128", "丰泽街 128 号"),
        ("丰泽街 1288 号", None),
        ("丰泽街 45 号", None),
        # Beyond the drawn end of a road that the map has.
        ("南北路 999 号", "南北路 999 号"),
    ],
)
def test_a_number_is_found_on_a_road_or_where_the_survey_has_its_address(text: str, words: str | None) -> None:
    document = town()
    document["sites"][0] |= {"name": "松苑新村", "address": "丰泽街 128 号"}
    document["sites"][1]["address"] = "南北路 999 号"
    load_district(document)
    queries.forget()
    hit = queries.find_words(text)
    assert (hit and (hit.by, hit.words)) == (words and ("number", words))


@pytest.mark.usefixtures("loaded")
class TestLocate:
    @pytest.mark.parametrize(
        ("lat", "lng", "cell", "site", "road", "said"),
        [
            (24.90100, 118.60010, "002", "松苑", "南北路", "南北路 111 号 松苑东门外"),
            (24.90100, 118.59995, "001", "松苑", "南北路", "南北路 111 号 松苑东门内"),
            (24.90080, 118.59890, "001", "松苑", None, "南北路 111 号 松苑 1栋"),
            (24.90094, 118.59890, "001", "松苑", None, "南北路 111 号 松苑 1栋旁"),
            (24.90150, 118.59920, "001", "松苑", None, "南北路 111 号 松苑内"),
            (24.89998, 118.60032, "002", None, "东西路", "东西路与南北路路口"),
            (24.90003, 118.60252, "002", "镜池公交站", "东西路", "东西路 131 号 镜池公交站旁"),
            (24.89990, 118.59700, "001", None, "东西路", "东西路 22 号附近"),
            (24.89750, 118.60250, "002", None, None, "镜池水面"),
            (24.89700, 118.59700, "001", None, None, "小社区 001 号网格"),
        ],
    )
    def test_places(self, lat: float, lng: float, cell: str, site: str | None, road: str | None, said: str) -> None:
        found = queries.locate(Point(lat, lng))
        assert found.describe == said
        assert found.grid_code == f"990201001001{cell}"
        assert found.community.name == "小社区"
        assert (found.site.name if found.site else None) == site
        assert road is None or found.road == road

    def test_no_query_when_warm(self) -> None:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            queries.locate_many([Point(24.901, 118.6001)] * 50)
            queries.in_city(Point(24.901, 118.6001))
            queries.ancestors(GridCell(pk=queries.locate(Point(24.901, 118.6001)).grid_id).pk)
        assert len(seen) == 0

    def test_a_load_elsewhere_is_noticed_with_one_query(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queries, "REFRESH_S", 0.0)
        with CaptureQueriesContext(connection) as seen:
            queries.locate(Point(24.901, 118.6001))
        assert len(seen) == 1
        changed = town()
        changed["sites"][0]["name"] = "竹苑"
        load_district(changed)
        assert queries.locate(Point(24.9015, 118.5992)).site.name == "竹苑"

    def test_a_common_edge_belongs_to_the_first_cell(self) -> None:
        assert queries.locate(Point(24.897, 118.6)).grid_code == "990201001001001"

    def test_ancestors_run_from_the_community_to_the_root(self) -> None:
        grid = queries.locate(Point(24.901, 118.6001)).grid_id
        assert grid is not None
        assert [division.name for division in queries.ancestors(grid)] == ["小社区", "小街道", "小区县", "小城"]
        with pytest.raises(NoSuchGrid):
            queries.ancestors(-1)

    @pytest.mark.parametrize(("lat", "lng", "said"), [(24.95, 118.6, "不在"), (118.6, 24.901, "写反"), (0, 0, "是 0")])
    def test_outside(self, lat: float, lng: float, said: str) -> None:
        for ask in (queries.locate, queries.in_city):
            with pytest.raises(OutsideCity, match=said):
                ask(Point(lat, lng))


def test_without_a_district_nothing_is_guessed() -> None:
    with pytest.raises(NotConfigured):
        queries.locate(Point(24.9, 118.6))
    assert queries.version() is None
