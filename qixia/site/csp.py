"""The content security policy lets pictures of the city's own map provider in, if it has published one."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from qixia.places.queries import tile_origins

_MAP = b'class="qx-livemap'  # what {% live_map %} draws


class MapTilesMiddleware:
    """Stands inside CSPMiddleware: on pages with a live map it adds the origin of the tiles to img-src."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.streaming and _MAP in response.content:
            origins = tile_origins()
            if origins:
                response._csp_update = {"img-src": origins}  # type: ignore[attr-defined]
        return response
