"""The working calendar as a page: a year of twelve months; a day is changed where it stands.

Everybody of the staff may read it, since limits follow it; administrators change it. A year whose holidays nobody has
entered says so at the top, and so does next year's months before it begins.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid, NotFound
from qixia.policy import queries, services
from qixia.ui.access import allow
from qixia.ui.errors import message_of

READERS = ("clerk", "supervisor", "worker", "unit_lead", "admin")
FIRST, LAST = 2004, 2100


@dataclass(frozen=True, slots=True)
class Cell:
    """A day as a month shows it. `look`: off (a named holiday), work (a weekend that is worked), rest, or ""."""

    date: date
    look: str
    name: str
    by_person: bool
    is_today: bool
    is_open: bool  # may still be changed


@dataclass(frozen=True, slots=True)
class Month:
    number: int
    blanks: range  # before the first day, Monday first
    days: list[Cell]
    worked: int


@never_cache
@require_safe
@allow(*READERS)
def year(request: HttpRequest) -> HttpResponse:
    """One year; `?day=` opens the form of a day."""
    return _page(request)


def _page(request: HttpRequest, status: int = 200) -> HttpResponse:
    today = clock.city_date(clock.now())
    chosen = _day(request.GET.get("day", ""))
    wanted = chosen.year if chosen else _year(request.GET.get("year", ""), today.year)
    found = queries.calendar_year(wanted)
    months = [_month(found, number, today) for number in range(1, 13)]
    worked = sum(month.worked for month in months)
    context = {
        "year": found,
        "months": months,
        "weekdays": _("一 二 三 四 五 六 日").split(),
        "summary": ngettext("%(n)d 个工作日", "%(n)d 个工作日", worked) % {"n": worked},
        "hours": queries.current("policy.working_hours").data.hours,
        "missing": queries.missing_years(today),
        "history": queries.calendar_history(wanted),
        "day": _cell(found, chosen, today) if chosen else None,
        "said": found.days.get(chosen) if chosen else None,
        "may_edit": "admin" in request.actor.roles,  # type: ignore[attr-defined]
        "before": wanted - 1 if wanted > FIRST else None,
        "after": wanted + 1 if wanted < LAST else None,
    }
    return render(request, "policy/calendar.html", context, status=status)


@require_POST
@allow("admin")
def change(request: HttpRequest) -> HttpResponse:
    """Change one day, or say that a year is complete."""
    get = request.POST.get
    chosen = _day(get("day", ""))
    wanted = chosen.year if chosen else _year(get("year", ""), 0)
    if not chosen and not wanted:
        raise NotFound
    actor = request.actor.ref  # type: ignore[attr-defined]
    try:
        if chosen:
            services.set_day(
                day=chosen, kind=get("kind", "-"), name=get("name", ""), note=get("note", ""), actor_ref=actor
            )
        else:
            services.confirm_year(year=wanted, note=get("note", ""), actor_ref=actor)
    except DomainError as refusal:
        if not isinstance(refusal, (Invalid, services.PastDay)) and refusal.status != 409:
            raise
        messages.error(request, message_of(refusal))
        query = f"day={chosen}" if chosen else f"year={wanted}"
        return HttpResponseRedirect(f"{reverse('policy:calendar')}?{query}", status=303)
    messages.success(request, _("已改，没办完的上报会按新的日历重算时限。"))
    return HttpResponseRedirect(f"{reverse('policy:calendar')}?year={wanted}", status=303)


def _month(found: queries.YearView, number: int, today: date) -> Month:
    first, length = calendar.monthrange(found.year, number)
    days = [_cell(found, date(found.year, number, day), today) for day in range(1, length + 1)]
    return Month(number, range(first), days, sum(cell.look in ("", "work") for cell in days))


def _cell(found: queries.YearView, day: date, today: date) -> Cell:
    said, weekend = found.days.get(day), day.weekday() >= 5
    look = "rest" if weekend else ""
    if said:
        look = "off" if said.kind == "holiday" else "work" if weekend else ""
    name, person = (said.name, said.source == "person") if said else ("", False)
    return Cell(day, look, name, person, day == today, day >= today)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST <= day.year <= LAST else None


def _year(text: str, otherwise: int) -> int:
    return (
        int(text) if len(text) == 4 and text.isascii() and text.isdigit() and FIRST <= int(text) <= LAST else otherwise
    )
