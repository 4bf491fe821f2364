"""The model page: which model judges, how well, what clerks corrected, whether what comes in has changed; and, for an
administrator, training, trying, switching on and back. Clerks read.

Figures come from the database (`overview`); a refusal is told on the page and nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel import clock
from qixia.kernel.errors import DomainError, NotFound
from qixia.kernel.ids import is_row_key
from qixia.triage import overview as reads
from qixia.triage import services
from qixia.triage.choice import SHIPPED
from qixia.triage.overview import DAYS, ModelRow
from qixia.triage.services.switching import SENTENCE
from qixia.triage.web import drawing
from qixia.ui.access import allow
from qixia.ui.errors import message_of

READERS = ("clerk", "admin")


@never_cache
@require_safe
@allow(*READERS)
def page(request: HttpRequest) -> HttpResponse:
    """Everything at a glance."""
    given = request.GET.get("days", "")
    days = int(given) if given in {str(one) for one in DAYS} else DAYS[0]
    found = reads.overview()
    corrected = reads.corrections(days)
    waiting, new = reads.lessons_waiting()
    people = drawing.names()
    context = {
        "view": found,
        "used": drawing.model_card(found.used, found.active, people),
        "models": [drawing.model_card(row, found.active, people) for row in found.models],
        "history": drawing.history(found.history, people),
        "previous": drawing.name_of(found.previous, found.models) if found.previous else "",
        "runs": [drawing.run_line(run) for run in found.open_runs],
        "training": any(run.kind == "train" for run in found.open_runs),
        "failed": drawing.failure(found.latest_training),
        "tiles": drawing.tiles(reads.drift(clock.now())),
        "corrected": corrected,
        "pairs": drawing.pairs(corrected),
        "grid": drawing.grid(corrected),
        "waiting": waiting,
        "new": new,
        "days": days,
        "all_days": DAYS,
        "acts": request.actor.has("admin"),
    }
    return render(request, "triage/model.html", context)


@never_cache
@require_safe
@allow(*READERS)
def runs(request: HttpRequest) -> HttpResponse:
    """The progress of what runs, asked for every few seconds while something does; then the page is loaded anew."""
    found = [drawing.run_line(run) for run in reads.open_runs()]
    if not found:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "triage/_runs.html", {"runs": found})


@never_cache
@require_safe
@allow(*READERS)
def one(request: HttpRequest, artefact: str) -> HttpResponse:
    """One model: its card, its figures beside those of the one in use, its trial, and the way to switch it on."""
    return _one(request, artefact)


def _one(request: HttpRequest, artefact: str, refusal: DomainError | None = None) -> HttpResponse:
    row = _row(artefact)
    found = reads.overview()
    after = request.GET.get("after", "")
    trial = row.trial
    changed = reads.changed_reports(request.actor, trial, int(after) if is_row_key(after) else 0) if trial else None
    context = {
        "row": row,
        "card": drawing.model_card(row, found.active, drawing.names()),
        "versus": drawing.versus(row),
        "trial": drawing.trial(trial) if trial else None,
        "changed": drawing.changed(changed) if changed else None,
        "version": found.version,
        "runs": [drawing.run_line(run) for run in found.open_runs],
        "needs_sentence": row.state != "used" and (trial is None or row.misses_more),
        "sentence": _(SENTENCE),
        "given": {name: request.POST.get(name, "") for name in ("reason", "sentence")},
        "error": message_of(refusal) if refusal else "",
        "error_field": refusal.field if refusal else "",
        "acts": request.actor.has("admin"),
    }
    return render(request, "triage/model_one.html", context, status=refusal.status if refusal else 200)


@require_POST
@allow("admin")
def train(request: HttpRequest) -> HttpResponse:
    return _do(
        request, lambda: services.ask_training(actor=request.actor), _("训练排上了，跑完会多一份草稿。"), _home()
    )


@require_POST
@allow("admin")
def shadow(request: HttpRequest, artefact: str) -> HttpResponse:
    _row(artefact)
    here = reverse("triage:model-one", args=[artefact])
    return _do(request, lambda: services.ask_shadow(actor=request.actor, artefact=artefact), _("试跑排上了。"), here)


@require_POST
@allow("admin")
def back(request: HttpRequest) -> HttpResponse:
    after = _version(request)
    return _do(
        request, lambda: services.switch_back(actor=request.actor, after=after), _("已换回上一个模型。"), _home()
    )


@never_cache
@require_POST
@allow("admin")
def switch(request: HttpRequest, artefact: str) -> HttpResponse:
    """A refusal comes back to the form with what was written."""
    _row(artefact)
    try:
        services.switch_model(
            actor=request.actor,
            artefact=artefact,
            reason=request.POST.get("reason", ""),
            sentence=request.POST.get("sentence", ""),
            after=_version(request),
        )
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        return _one(request, artefact, refusal)
    messages.success(request, _("已启用。几秒之内，新来的上报就由它研判。"))
    return HttpResponseRedirect(_home(), status=303)


def _do(request: HttpRequest, act: Callable[[], object], done: str, where: str) -> HttpResponse:
    try:
        act()
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    else:
        messages.success(request, done)
    return HttpResponseRedirect(where, status=303)


def _row(artefact: str) -> ModelRow:
    is_name = artefact == SHIPPED or (len(artefact) == 64 and artefact.isascii())
    row = reads.model_row(artefact) if is_name else None
    if row is None:
        raise NotFound
    return row


def _version(request: HttpRequest) -> int:
    given = request.POST.get("after", "")
    return int(given) if is_row_key(given) else 0


def _home() -> str:
    return reverse("triage:model")
