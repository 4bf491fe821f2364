"""The style guide, and the switch between languages."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from qixia.kernel.config import get_config
from qixia.ui.access import allow
from qixia.ui.web.samples import samples


@allow("anyone")
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in every state; for people who build Qixia, so only in debug and demo."""
    if not (settings.DEBUG or get_config().demo):
        raise Http404
    return render(request, "ui/styleguide.html", samples())


@require_POST
@allow("anyone")
def language(request: HttpRequest) -> HttpResponse:
    """Remember the language for a year and go back to where one was. An unknown one changes nothing."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = "/"
    response = HttpResponseRedirect(back)
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, chosen, max_age=31_536_000, samesite="Lax", secure=request.is_secure()
        )
    return response
