"""Counts and durations of requests, kept by each web process.

Truth    in files of a folder, so that one scrape adds up all processes of a server (`folder.measure_into`, called before
         they start); without one in this process's memory.
Labels   the pattern of the address, the method, the status: never a path, a person or anything that a client chose.
Units    seconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from qixia.site.ops.folder import NAME

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_folder = os.environ.get(NAME, "")
_own = CollectorRegistry()
_requests = Counter("qixia_http_requests", "Requests that were answered.", ["method", "route", "status"], registry=_own)
_seconds = Histogram("qixia_http_request_seconds", "How long answers took.", ["route"], buckets=BUCKETS, registry=_own)


def registry() -> CollectorRegistry:
    """What all processes of this server have counted."""
    if not _folder:
        return _own
    found = CollectorRegistry()
    MultiProcessCollector(found, path=_folder)
    return found


class MeasureMiddleware:
    """Outermost of all, so that it sees every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        route = route_of(request)
        method = request.method if request.method in METHODS else "other"
        _requests.labels(method, route, str(response.status_code)).inc()
        _seconds.labels(route).observe(time.perf_counter() - started)
        return response


def route_of(request: HttpRequest) -> str:
    """The pattern of the address; one word for all that has none, so that strangers can't make labels."""
    match = request.resolver_match
    if match is not None:
        return f"/{match.route}"
    return "(static)" if request.path.startswith("/static/") else "(none)"


def server_errors() -> tuple[float, float]:
    """(answers with a server error, all answers) since the processes were started."""
    wrong = total = 0.0
    for family in registry().collect():
        for sample in family.samples:
            if sample.name == "qixia_http_requests_total":
                total += sample.value
                wrong += sample.value if sample.labels["status"].startswith("5") else 0.0
    return wrong, total
