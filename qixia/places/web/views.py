"""The base map, the still map, and “where is this?” for a point that somebody picks."""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from qixia.kernel import geo
from qixia.kernel.errors import Invalid, NotFound
from qixia.places import queries
from qixia.places import snippet as still
from qixia.places.atlas import Atlas
from qixia.ui.access import allow

A_DAY, A_YEAR = 86_400, 31_536_000


class NoMap(NotFound):
    code = "places.no_map"
    message = "地图数据还没有导入。"


class BadPosition(Invalid):
    code = "places.bad_position"
    message = "经纬度不是有效的数字，请在地图上选点。"


@allow("anyone")
@require_safe
def base(request: HttpRequest) -> HttpResponse:
    """The vector base map. With ?v=<version> it never changes; without, browsers ask again by ETag."""
    _need_map()
    version, plain, packed = queries.base_document()
    etag = f'"{version}"'
    if etag in request.headers.get("If-None-Match", ""):
        return _cached(HttpResponseNotModified(), request, etag, version)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(packed, content_type="application/json", headers={"Content-Encoding": "gzip"})
    else:
        response = HttpResponse(plain, content_type="application/json")
    return _cached(response, request, etag, version)


@allow("anyone")
@require_safe
def snippet(request: HttpRequest) -> HttpResponse:
    """A still map around a point: ?lat&lng&w&h&theme, WGS-84."""
    _need_map()
    point = _point(request, "wgs84")
    width, height = (_pixels(request, name, usual) for name, usual in (("w", 358), ("h", 168)))
    theme: still.Theme = "dark" if request.GET.get("theme") == "dark" else "light"
    label = _("%(place)s 的位置示意图") % {"place": queries.locate(point).describe}
    atlas = queries.current_atlas()
    svg = _drawn(atlas, round(point.lat, 5), round(point.lng, 5), width, height, theme, label)
    etag = f'"{crc32(svg):08x}"'
    if etag in request.headers.get("If-None-Match", ""):
        return _cached(HttpResponseNotModified(), request, etag, atlas.ground.version)
    response = HttpResponse(svg, content_type="image/svg+xml; charset=utf-8")
    return _cached(response, request, etag, atlas.ground.version)


@allow("anyone")
@require_safe
def where(request: HttpRequest) -> JsonResponse:
    """The words for a point: ?lat&lng&datum. Says nothing that the public map does not show."""
    datum = request.GET.get("datum", "wgs84")
    if datum not in geo.DATUMS:
        raise BadPosition(field="datum")
    _need_map()
    found = queries.locate(_point(request, datum))
    return JsonResponse(
        {
            "describe": found.describe,
            "community": found.community.name if found.community else None,
            "site": found.site.name if found.site else None,
        }
    )


def _need_map() -> None:
    if queries.version() is None:
        raise NoMap()


def _point(request: HttpRequest, datum: geo.Datum) -> geo.Point:
    try:
        lat, lng = float(request.GET["lat"]), float(request.GET["lng"])
    except (KeyError, ValueError) as error:
        raise BadPosition(field="place") from error
    if not (abs(lat) <= 180 and abs(lng) <= 180):  # NaN fails both comparisons
        raise BadPosition(field="place")
    return geo.to_wgs84(lat, lng, datum)


def _pixels(request: HttpRequest, name: str, usual: int) -> int:
    text = request.GET.get(name, "")
    return min(max(int(text), 64), still.MOST_PX) if text.isdecimal() and len(text) < 6 else usual


@lru_cache(maxsize=256)
def _drawn(atlas: Atlas, lat: float, lng: float, width: int, height: int, theme: still.Theme, label: str) -> bytes:
    return still.draw(atlas, geo.Point(lat, lng), width=width, height=height, theme=theme, label=label).encode()


def _cached(response: HttpResponse, request: HttpRequest, etag: str, version: str) -> HttpResponse:
    named = request.GET.get("v") == version
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable" if named else f"public, max-age={A_DAY}"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response
