"""The books for who audits them: totals at a moment, postings with filters, their Excel file, one posting. Nothing changes.

Limits   a page shows fifty postings, a file the newest ten thousand of what is filtered.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qixia.kernel import clock
from qixia.rewards.errors import NoSuchEntry
from qixia.rewards.queries import books as queries
from qixia.rewards.services.chain import hashes_of
from qixia.rewards.web import statements
from qixia.rewards.web.workbooks import postings_sheet
from qixia.ui.access import allow

READERS = ("admin", "auditor")
_YEARS = range(2000, 2200)  # what lies outside is a slip of the keyboard


@never_cache
@allow(*READERS)
@require_safe
def books(request: HttpRequest) -> HttpResponse:
    """Postings, the newest first; `?tab=totals` every pot, at `?at=`, a moment as the city's clock writes it."""
    if request.GET.get("tab") == "totals":
        return _totals(request)
    wanted = _wanted(request)
    before = statements.number(request.GET.get("before", "")) or 0
    lines, following = queries.postings_page(request.actor, wanted, before=before)
    context = {
        "lines": lines,
        "following": following,
        "wanted": wanted,
        "asked": _asked(request),
        "kinds": [(key, _(words)) for key, words in queries.KINDS.items()],
        "acts": sorted(((key, _(words)) for key, words in queries.ACTS.items()), key=lambda pair: pair[1]),
        "sheet": queries.SHEET,
    }
    return render(request, "rewards/desk/books.html", context)


def _totals(request: HttpRequest) -> HttpResponse:
    typed = request.GET.get("at", "").strip()[:20]
    moment = moment_of(typed)
    units: dict[str, list[queries.Total]] = {}
    for one in queries.totals(request.actor, moment):
        units.setdefault(one.unit, []).append(one)
    sums = [
        (unit, lines, queries.shown(sum(one.balance for one in lines), unit, signed=False))
        for unit, lines in units.items()
    ]
    context = {
        "tab": "totals",
        "units": sums,
        "moment": moment,
        "typed": typed,
        "is_wrong": bool(typed) and moment is None,
        "now": clock.now(),
    }
    return render(request, "rewards/desk/books.html", context, status=422 if context["is_wrong"] else 200)


@never_cache
@allow(*READERS)
@require_safe
def sheet(request: HttpRequest) -> FileResponse:
    """What is filtered, as Excel."""
    return postings_sheet(queries.every_posting(request.actor, _wanted(request)))


@never_cache
@allow(*READERS)
@require_safe
def posting(request: HttpRequest, number: str) -> HttpResponse:
    """One posting, and whether it still says what was sealed. A forged one may have a number below zero."""
    if not re.fullmatch(r"-?[0-9]{1,18}", number):
        raise NoSuchEntry
    view = queries.posting(request.actor, int(number))
    now = hashes_of([view.line.id]).get(view.line.id, "")
    seal = "none" if not view.sealed_hash else "fits" if now == view.sealed_hash else "edited"
    return render(request, "rewards/desk/posting.html", {"view": view, "seal": seal, "now": now})


def moment_of(text: str) -> datetime | None:
    """A moment of the city's clock: "2026-11-30T18:00", or a day, which means its end. None for what is neither."""
    if (day := day_of(text)) is not None:
        return clock.city_day(day)[1] - timedelta(microseconds=1)
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        return None
    if typed.year not in _YEARS:
        return None
    return typed if typed.tzinfo else typed.replace(tzinfo=clock.CITY_TZ)


def day_of(text: str) -> date | None:
    """A day that somebody typed; None for what is none, or lies in no year of ours."""
    day = statements.day_of(text)
    return day if day is not None and day.year in _YEARS else None


def _wanted(request: HttpRequest) -> queries.Wanted:
    get = request.GET.get
    kind, act = get("kind", ""), get("act", "")
    return queries.Wanted(
        kind=kind if kind in queries.KINDS else "",
        act=act if act in queries.ACTS else "",
        since=day_of(get("since", "")),
        until=day_of(get("until", "")),
    )


def _asked(request: HttpRequest) -> str:
    """The filters as they stand in the address, without the page."""
    kept = request.GET.copy()
    kept.pop("before", None)
    return kept.urlencode()
