"""How long each kind of data is kept, and the proof that what was over has gone."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qixia.audit import queries as audit
from qixia.audit.retention import kinds
from qixia.kernel import clock
from qixia.people.queries import days_kept
from qixia.site.privacy.accesses import WATCHERS
from qixia.ui.access import allow

LATE = timedelta(hours=26)  # a day, and two hours for a worker that was down


@never_cache
@require_safe
@allow(*WATCHERS, "admin")
def retention(request: HttpRequest) -> HttpResponse:
    """Each kind with its days and last run; then the latest runs that removed something, or those of one kind."""
    days, latest, now = days_kept(), audit.latest_purges(), clock.now()
    titles = {kind.name: _(kind.title) for kind in kinds()}
    chosen = request.GET.get("kind", "")
    rows = [
        {
            "name": kind.name,
            "title": titles[kind.name],
            "days": days[kind.name],
            "least": kind.least,
            "last": latest.get(kind.name),
            "late": kind.name not in latest or now - latest[kind.name].at > LATE,
        }
        for kind in kinds()
    ]
    context = {
        "rows": rows,
        "runs": [
            {"run": run, "title": titles.get(run.kind, run.kind)}
            for run in audit.purges(chosen if chosen in titles else "")
        ],
        "chosen": titles.get(chosen, ""),
    }
    return render(request, "site/privacy/retention.html", context)
