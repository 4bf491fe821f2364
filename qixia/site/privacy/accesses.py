"""Who opened what is sealed, and why: for the data officer and the auditor. Riders have no names here.

The reasons are opened for these two roles only. Taking the log out of the house is itself an access and wants a reason.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.audit import queries as audit
from qixia.audit.queries import Access, AccessFilter
from qixia.audit.rules import BASES, KINDS
from qixia.audit.services import record_access
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid
from qixia.kernel.ids import is_row_key
from qixia.people.queries import privacy_rules
from qixia.reports.queries.export import public_id_of_number
from qixia.site.privacy.names import Names, names_for
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.paging import Page

WATCHERS = ("data_officer", "auditor")
PAGE = 50
FILTERS = ("kind", "basis", "actor", "number", "first", "last")
WEEKS = 12
WATCHED_DAYS = 30
CSV_MAX = 50_000  # lines; more is asked for in parts, by date
NOBODY = "report:none"  # a number that no report has finds nothing


@never_cache
@require_safe
@allow(*WATCHERS)
def log(request: HttpRequest) -> HttpResponse:
    return _page(request, wanted_of(request))


@never_cache
@require_POST
@allow(*WATCHERS)
def export(request: HttpRequest) -> HttpResponse:
    """The filtered log as CSV. Recorded with its reason before a line is given out."""
    wanted = wanted_of(request)
    try:
        with transaction.atomic():
            rows = audit.accesses(wanted, limit=CSV_MAX + 1)
            if len(rows) > CSV_MAX:
                raise Invalid("记录太多，请先按日期分开导出。", field="reason")
            record_access(
                kind="export",
                subject="log:accesses",
                actor=request.actor.ref,
                basis="check",
                reason=request.POST.get("reason", ""),
                lines=len(rows),
            )
    except DomainError as refusal:
        return _page(request, wanted, refusal)
    name = f"accesses-{clock.city_date(clock.now()):%Y%m%d}.csv"
    response = HttpResponse(_csv(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(request: HttpRequest, wanted: AccessFilter, refusal: DomainError | None = None) -> HttpResponse:
    page = page_of(wanted, request.GET.get("after", ""), request.GET.get("before", ""))
    names = names_for(line.subject for line in page.items)
    today, limit = clock.city_date(clock.now()), privacy_rules().accesses_a_day
    busy = {key: n for key, n in _a_day(today).items() if n > limit}
    context = {
        "page": page,
        "lines": [
            {
                "access": line,
                "who": names.actor(line.actor),
                "subject": names.subject(line.subject),
                "kind": _(KINDS[line.kind]),
                "basis": _(BASES[line.basis]),
                "busy": busy.get((line.actor, clock.city_date(line.at))),
            }
            for line in page.items
        ],
        "wanted": wanted,
        "number": _given(request).get("number", ""),
        "kinds": [(key, _(label)) for key, label in KINDS.items()],
        "bases": [(key, _(label)) for key, label in BASES.items()],
        "people": sorted((names.actor(ref).name, ref) for ref in audit.access_actors() if ref in names.staff),
        "weeks": _bars(audit.accesses_per_week(wanted, weeks=WEEKS, today=today)),
        "busy": [
            {"who": names.actor(ref), "day": day, "count": n, "ref": ref}
            for (ref, day), n in sorted(busy.items(), key=lambda item: item[0][1], reverse=True)
        ],
        "limit": limit,
        "watched_days": WATCHED_DAYS,
        "kept": [(name, value) for name in FILTERS if (value := _given(request).get(name, ""))],
        "given_reason": request.POST.get("reason", ""),
        "error": message_of(refusal) if refusal else "",
    }
    return render(request, "site/privacy/accesses.html", context, status=refusal.status if refusal else 200)


def wanted_of(request: HttpRequest) -> AccessFilter:
    """The filter in the address (or in the export's form); what makes no sense is left out."""
    given = _given(request)
    number = "".join(c for c in given.get("number", "")[:20] if c.isdigit())
    subject = ""
    if number:
        public_id = public_id_of_number(number)
        subject = f"report:{public_id}" if public_id else NOBODY
    return AccessFilter(
        kind=given.get("kind", "") if given.get("kind", "") in KINDS else "",
        basis=given.get("basis", "") if given.get("basis", "") in BASES else "",
        actor=given.get("actor", "")[:80],
        subject=subject,
        since=day_of(given.get("first", "")),
        until=day_of(given.get("last", "")),
    )


def _given(request: HttpRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


def day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def page_of(wanted: AccessFilter, after: str, before: str) -> Page[Access]:
    """`after` goes to earlier lines, `before` to later ones."""
    key = after or before
    if key and not is_row_key(key):
        raise Invalid("这一页的地址不对，请从头翻起。", field="after")
    if before and not after:
        found = audit.accesses(wanted, limit=PAGE + 1, newer_than=int(before))
        rows, has_newer = found[-PAGE:], len(found) > PAGE
        return Page(rows, after=str(rows[-1].id) if rows else None, before=str(rows[0].id) if has_newer else None)
    found = audit.accesses(wanted, limit=PAGE + 1, older_than=int(after) if after else None)
    rows = found[:PAGE]
    last = str(rows[-1].id) if len(found) > PAGE else None
    return Page(rows, after=last, before=str(rows[0].id) if after and rows else None)


def _a_day(today: date) -> dict[tuple[str, date], int]:
    since: datetime = clock.city_day(today - timedelta(days=WATCHED_DAYS))[0]
    return audit.accesses_a_day(audit.access_actors(), since)


def _bars(weeks: list[tuple[date, int]]) -> list[dict[str, object]]:
    """One bar a week in a drawing of 100 units height; an empty week is a hairline."""
    top = max(1, *(count for _monday, count in weeks))
    bars = []
    for place, (monday, count) in enumerate(weeks):
        height = max(1, round(84 * count / top))
        x = place * 56
        bars.append(
            {"x": x, "mid": x + 20, "y": 100 - height, "over": 95 - height, "h": height, "n": count, "monday": monday}
        )
    return bars


def _csv(rows: list[Access]) -> str:
    """UTF-8 with a mark, as spreadsheets want it. A leading = + - @ is quoted: a reason must not become a formula."""
    names: Names = names_for(line.subject for line in rows)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_("时间"), _("经手人"), _("角色"), _("查阅内容"), _("对象"), _("依据"), _("缘由")])
    for line in rows:
        who = names.actor(line.actor)
        cells = (
            clock.city_time(line.at).strftime("%Y-%m-%d %H:%M:%S"),
            who.name,
            who.roles,
            _(KINDS[line.kind]),
            names.subject(line.subject),
            _(BASES[line.basis]),
            line.reason,
        )
        writer.writerow([f"'{cell}" if cell[:1] in "=+-@\t" else cell for cell in cells])
    return "\ufeff" + out.getvalue()
