import gzip
import json
import re

import pytest
from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pydantic import ValidationError

from qixia.places import queries
from qixia.places.models import MapVersion
from qixia.places.policy import Basemap

AT_GATE = {"lat": "24.901", "lng": "118.6001"}
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loaded")]


def test_the_base_map_is_packed_cached_and_named_by_its_version(client: Client) -> None:
    version = queries.version()
    answer = client.get("/map/base.json", headers={"accept-encoding": "gzip"})
    assert (answer.status_code, answer["Content-Encoding"], answer["ETag"]) == (200, "gzip", f'"{version}"')
    assert answer["Cache-Control"] == "public, max-age=86400"
    document = json.loads(gzip.decompress(answer.content))
    assert (document["format"], document["version"]) == ("qixia-base/1", version)
    assert [site[1] for site in document["sites"]] == ["松苑"]
    assert [stop[1] for stop in document["stops"]] == ["镜池公交站"]
    named = client.get("/map/base.json", {"v": version or ""})
    assert named["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Content-Encoding" not in named
    assert named.json() == document


def test_an_unchanged_base_map_is_not_sent_again(client: Client) -> None:
    answer = client.get("/map/base.json", headers={"if-none-match": f'"{queries.version()}"'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert client.get("/map/base.json", headers={"if-none-match": '"older"'}).status_code == 200


def test_the_map_costs_no_query(client: Client) -> None:
    with CaptureQueriesContext(connection) as seen:
        client.get("/map/base.json")
        client.get("/map/snippet.svg", AT_GATE)
        client.get("/map/where", AT_GATE)
    assert [query["sql"] for query in seen if "places_" in query["sql"]] == []


def test_coordinates_come_back_to_the_decimetre(client: Client) -> None:
    document = client.get("/map/base.json").json()
    x, y = document["sites"][0][7][1:3]
    lng = document["origin"][0] + x / document["units"][0]
    lat = document["origin"][1] + y / document["units"][1]
    assert (lng, lat) == (pytest.approx(118.6, abs=4e-6), pytest.approx(24.901, abs=4e-6))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_still_map_is_svg_without_styles_or_scripts(client: Client, theme: str) -> None:
    answer = client.get("/map/snippet.svg", {**AT_GATE, "w": "300", "h": "150", "theme": theme})
    text = answer.content.decode()
    assert answer["Content-Type"].startswith("image/svg+xml")
    assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 150"')
    assert "南北路 111 号 松苑东门外 的位置示意图" in text
    assert "松苑</text>" in text
    assert not re.search(r"style=|<style|<script|href", text)
    again = client.get(
        "/map/snippet.svg",
        {**AT_GATE, "w": "300", "h": "150", "theme": theme},
        headers={"if-none-match": answer["ETag"]},
    )
    assert again.status_code == 304


def test_themes_differ_and_sizes_are_bounded(client: Client) -> None:
    light, dark = (client.get("/map/snippet.svg", {**AT_GATE, "theme": theme}).content for theme in ("light", "dark"))
    assert light != dark
    huge = client.get("/map/snippet.svg", {**AT_GATE, "w": "99999", "h": "nonsense"}).content.decode()
    assert 'viewBox="0 0 1200 168"' in huge


def test_where_takes_the_datum_of_the_device(client: Client) -> None:
    # 24.901, 118.6001 as GCJ-02 says it
    answer = client.get("/map/where", {"lat": "24.897996", "lng": "118.604544", "datum": "gcj02"})
    assert answer.json() == {"describe": "南北路 111 号 松苑东门外", "community": "小社区", "site": "松苑"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"lat": "24.95", "lng": "118.6"}, "places.outside_city"),
        ({"lat": "118.6", "lng": "24.901"}, "places.outside_city"),
        ({"lat": "0", "lng": "0"}, "places.outside_city"),
        ({"lat": "nan", "lng": "118.6"}, "places.bad_position"),
        ({"lat": "x", "lng": "118.6"}, "places.bad_position"),
        ({"lng": "118.6"}, "places.bad_position"),
    ],
)
@pytest.mark.parametrize("address", ["/map/where", "/map/snippet.svg"])
def test_bad_positions_are_refused_with_a_code(client: Client, address: str, query: dict[str, str], code: str) -> None:
    answer = client.get(address, query, headers={"accept": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["code"] == code


@pytest.mark.parametrize("address", ["/map/base.json", "/map/where", "/map/snippet.svg"])
def test_before_the_first_district_the_map_is_not_there(client: Client, address: str) -> None:
    MapVersion.objects.all().delete()
    queries.forget()
    answer = client.get(address, AT_GATE, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (404, "places.no_map")


def test_an_unknown_datum_is_refused(client: Client) -> None:
    answer = client.get(
        "/map/where", {"lat": "24.901", "lng": "118.6001", "datum": "cgcs"}, headers={"accept": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "places.bad_position")


def test_the_live_map_names_its_data_and_words() -> None:
    html = Template('{% load places %}{% live_map "m" lat=24.901 lng=118.6001 css="tall" %}').render(Context())
    assert f'data-base="/map/base.json?v={queries.version()}"' in html
    assert 'data-lat="24.901000" data-lng="118.600100"' in html
    assert 'data-where="/map/where"' in html
    assert "&quot;zoomIn&quot;: &quot;放大&quot;" in html
    assert "style=" not in html


def test_the_snippet_tag_offers_both_themes_and_a_text() -> None:
    html = Template('{% load places %}{% map_snippet 24.901 118.6001 label="东门" %}').render(Context())
    assert html.count("<img") == 2
    assert 'class="map-dark"' in html
    assert html.count('alt="东门"') == 2


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "xyz", "url": "http://tiles.example/{z}/{x}/{y}.png", "approval": "GS(2026)1"},
        {"kind": "xyz", "url": "https://tiles.example/{z}/{x}.png", "approval": "GS(2026)1"},
        {"kind": "xyz", "url": "https://tiles.example/{z}/{x}/{y}.png"},
        {"kind": "builtin", "colour": "red"},
    ],
)
def test_an_incomplete_base_map_is_refused(data: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Basemap.model_validate(data)


def test_tiles_name_their_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert queries.tile_origins() == []
    tiles = Basemap(
        kind="xyz",
        url="https://{s}.tiles.example/{z}/{x}/{y}.png",
        subdomains="ab",
        approval="GS(2026)1",
        datum="gcj02",
    )
    monkeypatch.setattr(queries, "current_basemap", lambda: tiles)
    assert queries.tile_origins() == ["https://a.tiles.example", "https://b.tiles.example"]
