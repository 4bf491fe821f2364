"""Points that wait for a person: those that a sign holds, and what riders say against an entry. Evidence, never a name."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel.errors import DomainError, Invalid
from qixia.rewards import queries, services
from qixia.rewards.access import may_decide_holds
from qixia.rewards.queries import decided as decided_queries
from qixia.rewards.web.postings import day_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of

DECIDERS = ("admin", "supervisor")


@never_cache
@require_safe
@allow(*DECIDERS)
def holds(request: HttpRequest) -> HttpResponse:
    """What is held, the oldest first."""
    return _holds(request, {})


def _holds(request: HttpRequest, more: dict[str, object], status: int = 200) -> HttpResponse:
    cases, following = queries.open_holds(request.actor, after=_key(request))
    context: dict[str, object] = {
        "cases": cases,
        "following": following,
        "count": queries.open_holds_count(request.actor),
    }
    context |= {"decides": may_decide_holds(request.actor)} | more
    return render(request, "rewards/desk/holds.html", context, status=status)


@never_cache
@require_safe
@allow(*DECIDERS, "auditor")
def decided(request: HttpRequest) -> HttpResponse:
    """How holds ended, by month, sign and end, and how often each sign was right."""
    get, actor = request.GET.get, request.actor
    known = dict(decided_queries.signs())
    sign, end = get("sign", ""), get("end", "")
    sought = decided_queries.Sought(
        month=day_of(f"{get('month', '')}-01"),
        sign=sign if sign in known else "",
        end=end if end in decided_queries.ENDS else "",
    )
    cases, following = decided_queries.decided_holds(actor, sought, before=_key(request, "before"))
    context = {
        "cases": cases,
        "following": following,
        "counts": decided_queries.sign_counts(actor, sought),
        "sought": sought,
        "signs": known.items(),
        "months": decided_queries.months_decided(actor),
        "ends": [(key, _(words)) for key, words in decided_queries.ENDS.items()],
        "decides": bool(actor.roles & set(DECIDERS)),
        "reads_books": actor.has("admin") or actor.has("auditor"),
    }
    return render(request, "rewards/desk/decided.html", context)


@require_POST
@allow(*DECIDERS)
def decide_hold(request: HttpRequest, public_id: str) -> HttpResponse:
    """Give all, a part, or nothing; the last two with a reason for the rider."""
    act, reason = request.POST.get("act", ""), request.POST.get("reason", "")[:300]
    try:
        if act == "void":
            services.void_hold(actor=request.actor, public_id=public_id, reason=reason)
            messages.success(request, _("已决定：没有给，理由已告诉骑手。"))
        else:
            points = None if act == "post" else _number(request.POST.get("points", ""))
            made = services.post_hold(actor=request.actor, public_id=public_id, points=points, reason=reason)
            messages.success(request, _("已给 %(n)d 分。") % {"n": made.points})
    except DomainError as refusal:
        if refusal.status == 403:
            raise
        refused = {"id": public_id, "words": message_of(refusal), "reason": reason}
        return _holds(request, {"refused": refused}, status=refusal.status)
    return HttpResponseRedirect(reverse("rewards:holds"), status=303)


@never_cache
@require_safe
@allow(*DECIDERS)
def appeals(request: HttpRequest) -> HttpResponse:
    """What riders say against entries, the longest waiting first."""
    return _appeals(request, {})


def _appeals(request: HttpRequest, more: dict[str, object], status: int = 200) -> HttpResponse:
    cases, following = queries.open_appeals(request.actor, after=_key(request))
    context: dict[str, object] = {
        "cases": cases,
        "following": following,
        "count": queries.open_appeals_of_points(request.actor),
    }
    context |= {"decides": may_decide_holds(request.actor)} | more
    return render(request, "rewards/desk/appeals.html", context, status=status)


@require_POST
@allow(*DECIDERS)
def answer(request: HttpRequest, public_id: str) -> HttpResponse:
    """Give points or none; the answer goes to the rider either way."""
    text = request.POST.get("answer", "")[:500]
    try:
        points = 0 if request.POST.get("act") == "refuse" else _number(request.POST.get("points", ""))
        if request.POST.get("act") != "refuse" and points < 1:
            raise Invalid("请写补几分。", field="points")
        services.answer_appeal(actor=request.actor, public_id=public_id, points=points, answer=text)
    except DomainError as refusal:
        if refusal.status == 403:
            raise
        refused = {"id": public_id, "words": message_of(refusal), "answer": text}
        return _appeals(request, {"refused": refused}, status=refusal.status)
    messages.success(request, _("已答复，骑手看得到。"))
    return HttpResponseRedirect(reverse("rewards:points-appeals"), status=303)


def _key(request: HttpRequest, name: str = "after") -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _number(text: str) -> int:
    """A whole number as it was typed."""
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid("请写一个整数。", field="points")
    return int(text)
