"""/metrics for Prometheus, /ops/ for people, /ops/trace/ for one request."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from qixia.audit import tracing
from qixia.jobs import queries as jobs
from qixia.kernel.config import get_config
from qixia.people.queries import staff_ever
from qixia.site.ops import requests
from qixia.site.ops.figures import Figure, figures
from qixia.site.ops.watch import read
from qixia.ui.access import admits, allow

_BEARER = "Bearer "
_PERSON = re.compile(r"person:[0-9A-Za-z]+")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
HIDDEN = gettext_lazy("骑手（已隐去）")
# Words of the records themselves, as people read them.
WORDS = {
    "reporter": gettext_lazy("上报人"),
    "anonymous": gettext_lazy("匿名上报人"),
    "waiting": gettext_lazy("等着办"),
    "quarantined": gettext_lazy("搁下了"),
}


@allow("anyone")  # who may is decided here: a scraper has a token and no session
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures in Prometheus' text format, for administrators and for who has the token of the settings."""
    token = get_config().metrics_token
    if not (_has_token(request, token) or _is_admin(request)):
        if not token:
            return HttpResponse(status=404)
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    state = CollectorRegistry()
    state.register(_Gauges())  # type: ignore[arg-type]
    content = generate_latest(state) + generate_latest(requests.registry())
    return HttpResponse(content, content_type=CONTENT_TYPE_LATEST)


def _has_token(request: HttpRequest, token: str) -> bool:
    given = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(given.encode(), f"{_BEARER}{token}".encode())


def _is_admin(request: HttpRequest) -> bool:
    try:
        return admits(getattr(request, "actor", None), frozenset({"admin"}))
    except DatabaseError:
        return False


class _Gauges:
    """What prometheus_client calls a collector."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for figure in figures():
            yield _family(figure)


def _family(figure: Figure) -> GaugeMetricFamily:
    family = GaugeMetricFamily(figure.name, figure.help, labels=[figure.label] if figure.label else [])
    for name, value in figure.samples.items():
        family.add_metric([name] if figure.label else [], value)
    return family


@allow("admin")
@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """What is well, what is not, and what to do."""
    found = figures()
    rows = read(found, requests.server_errors())
    worst = [row for row in rows if row.level in ("act", "watch")]
    ranks = {"act": 0, "watch": 1, "unknown": 2, "good": 3}
    context = {"rows": sorted(rows, key=lambda row: ranks[row.level]), "worst": worst, "tiles": _tiles(found)}
    return render(request, "site/ops/page.html", context)


def _tiles(found: list[Figure]) -> dict[str, object]:
    """The plain numbers that have no limit."""
    by_name = {figure.name: figure.samples for figure in found}
    reports = by_name.get("qixia_reports", {})
    return {
        "release": next(iter(by_name["qixia_release_info"])),
        "workers": by_name.get("qixia_workers", {}).get(""),
        "waiting": by_name.get("qixia_jobs_waiting", {}).get(""),
        "reports": sum(reports.values()) if reports else None,
        "database_bytes": by_name.get("qixia_database_bytes", {}).get(""),
        "free_bytes": by_name["qixia_disk_free_bytes"].get("media"),
    }


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line of a trace: an act of the history, an event or a job."""

    at: datetime
    kind: str
    name: str
    about: str
    who: str


@allow("admin", "auditor")
@never_cache
@require_safe
def trace(request: HttpRequest) -> HttpResponse:
    """Everything that one request left behind, in order of time. Riders stand in it without a name."""
    wanted = request.GET.get("id", "").strip()
    is_id = bool(_REQUEST_ID.match(wanted))
    lines = _lines(wanted) if is_id else []
    context = {"wanted": wanted, "is_wrong": bool(wanted) and not is_id, "lines": lines}
    return render(request, "site/ops/trace.html", context)


def _lines(request_id: str) -> list[TraceLine]:
    acts = [TraceLine(one.at, "act", one.action, one.subject, one.actor) for one in tracing.of_request(request_id)]
    rest = [TraceLine(one.at, one.kind, one.name, one.ref or one.state, "") for one in jobs.of_request(request_id)]
    lines = sorted([*acts, *rest], key=lambda line: line.at)
    staff = {one.ref: one.name for one in staff_ever()}

    def say(text: str) -> str:
        known = str(WORDS[text]) if text in WORDS else text
        return _PERSON.sub(lambda found: staff.get(found[0], str(HIDDEN)), known)

    return [TraceLine(line.at, line.kind, line.name, say(line.about), say(line.who)) for line in lines]
