"""Consent: each question by itself on the first visit, all of them on one page later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from qixia.kernel.errors import Invalid, NotFound
from qixia.people import queries, services
from qixia.people.access import Actor
from qixia.people.queries import ConsentEvent, ConsentState
from qixia.people.rules import CONSENT_KINDS, ConsentWords
from qixia.site.signin import flow
from qixia.ui.access import allow

ICONS = {"place": "map-pin", "photo": "camera", "name": "id-badge-2"}


@dataclass(frozen=True, slots=True)
class Question:
    """One consent as a page shows it."""

    kind: str
    icon: str
    words: ConsentWords
    version: int
    state: ConsentState


@allow("signed-in")
@never_cache
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, kind: str) -> HttpResponse:
    """One question after another; yes and no are equally easy, and no is the end of it."""
    if kind not in CONSENT_KINDS:
        raise NotFound
    actor = _actor(request)
    if request.method == "POST":
        if request.POST.get("answer") == "yes":
            _give(request, actor, kind)
        step = CONSENT_KINDS.index(kind) + 1
        if step < len(CONSENT_KINDS):
            return redirect("consent-ask", kind=CONSENT_KINDS[step])
        return redirect(flow.take_next(request))
    question = next(q for q in _questions(actor) if q.kind == kind)
    steps = [(n, n <= CONSENT_KINDS.index(kind) + 1) for n in range(1, len(CONSENT_KINDS) + 1)]
    context = {"question": question, "step": CONSENT_KINDS.index(kind) + 1, "steps": steps}
    return flow.page(request, "consent", context)


@allow("signed-in")
@never_cache
@require_http_methods(["GET", "POST"])
def overview(request: HttpRequest) -> HttpResponse:
    """All questions with the present answers and their history; each can be given and taken back."""
    actor = _actor(request)
    if request.method == "POST":
        _change(request, actor)
        return redirect("consents")
    words = {q.kind: q.words.title for q in _questions(actor)}
    history = [
        (words[event.kind], line) for event in queries.consent_history(actor.person_id or 0) for line in _lines(event)
    ]
    history.sort(key=lambda entry: entry[1][1], reverse=True)
    return flow.page(request, "consents", {"questions": _questions(actor), "history": history[:12], "tab": "me"})


def _change(request: HttpRequest, actor: Actor) -> None:
    kind = request.POST.get("kind", "")
    if kind not in CONSENT_KINDS:
        raise Invalid("没有这一项同意。", field="kind")
    if request.POST.get("answer") == "yes":
        _give(request, actor, kind)
        messages.success(request, _("已同意，随时能收回。"))
    else:
        services.withdraw_consent(person_id=actor.person_id or 0, kind=kind, actor=actor.ref)
        messages.success(request, _("已收回，从现在起生效。"))


def _give(request: HttpRequest, actor: Actor, kind: str) -> None:
    version = request.POST.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) < 6):
        raise Invalid("缺少这段文字的版本，请刷新页面。", field="version")
    services.give_consent(person_id=actor.person_id or 0, kind=kind, version=int(version), actor=actor.ref)


def _lines(event: ConsentEvent) -> list[tuple[bool, datetime]]:
    """A yes, and where it ended, the end of it: (was given, when)."""
    given = [(True, event.given_at)]
    return [(False, event.withdrawn_at), *given] if event.withdrawn_at else given


def _questions(actor: Actor) -> list[Question]:
    language = get_language() or actor.language
    return [
        Question(s.text.kind, ICONS[s.text.kind], s.text.words(language), s.text.version, s)
        for s in queries.consents_of(actor.person_id or 0)
    ]


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor
    return actor
