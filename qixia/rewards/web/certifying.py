"""Confirming what riders did for people: a list of phone numbers, looked at line by line, then paid at once."""

from __future__ import annotations

from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid
from qixia.rewards import services
from qixia.rewards.access import CERTIFIERS
from qixia.rewards.queries import certifying
from qixia.ui.access import allow
from qixia.ui.errors import message_of

LONGEST = 20_000


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*CERTIFIERS)
def certify(request: HttpRequest) -> HttpResponse:
    """The form; with `act=look` what each line would do; with `act=pay` it is done."""
    today = clock.city_date(clock.now())
    typed = {name: request.POST.get(name, "")[:LONGEST] for name in ("rule", "day", "riders")}
    context: dict[str, object] = {
        "acts": certifying.certified_acts(),
        "earlier": certifying.latest_certified(request.actor),
        "today": today,
        "first": today - certifying.BACK,
        "typed": typed if request.method == "POST" else {"day": today.isoformat()},
    }
    if request.method != "POST":
        return render(request, "rewards/desk/certify.html", context)
    try:
        rule, day, text = typed["rule"], _day(typed["day"]), typed["riders"]
        if request.POST.get("act") != "pay":
            context["asked"] = certifying.checked(request.actor, rule=rule, day=day, text=text)
            return render(request, "rewards/desk/certify.html", context)
        done = services.certify(actor=request.actor, rule=rule, day=day, text=text)
    except DomainError as refusal:
        if refusal.status == 403:
            raise
        context["refused"] = {"field": refusal.field, "words": message_of(refusal)}
        return render(request, "rewards/desk/certify.html", context, status=refusal.status)
    messages.success(request, _words(done))
    return HttpResponseRedirect(reverse("rewards:certify"), status=303)


def _words(done: services.Certified) -> str:
    words = _("确认了 %(riders)d 位骑手的 %(acts)d 次，共 %(points)d 分。") % {
        "riders": done.riders,
        "acts": done.acts,
        "points": done.points,
    }
    if done.repeated:
        words += _("有 %(n)d 次以前确认过，没有重复给分。") % {"n": done.repeated}
    return words


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("请选日期。", field="day") from error
