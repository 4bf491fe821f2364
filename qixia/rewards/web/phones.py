"""Phones that take vouchers without network: a shop's own list, and all of them for administrators."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.rewards import queries, services
from qixia.rewards.access import merchant_ids
from qixia.ui.access import allow

HIDING = "hiding"


@never_cache
@require_safe
@allow("merchant")
def phones(request: HttpRequest) -> HttpResponse:
    lines = queries.shop_phones(request.actor)
    context = {"lines": lines, "many_shops": len(merchant_ids(request.actor)) > 1, "tab": ""}
    return render(request, "rewards/phones.html", context)


@require_POST
@allow("merchant")
def revoke(request: HttpRequest, public_id: str) -> HttpResponse:
    return _revoked(request, public_id, reverse("rewards:phones"))


@never_cache
@require_safe
@allow("admin")
def tills(request: HttpRequest) -> HttpResponse:
    only = HIDING if request.GET.get("only") == HIDING else ""
    before = request.GET.get("before", "")
    key = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
    lines, following = queries.all_phones(request.actor, before=key, only=only)
    context = {"lines": lines, "following": following, "only": only}
    return render(request, "rewards/desk/tills.html", context)


@require_POST
@allow("admin")
def stop(request: HttpRequest, public_id: str) -> HttpResponse:
    return _revoked(request, public_id, reverse("rewards:tills"))


def _revoked(request: HttpRequest, public_id: str, back: str) -> HttpResponse:
    row = services.revoke_device(actor=request.actor, device=public_id)
    messages.success(request, _("“%(label)s”已停用。") % {"label": row.label})
    return HttpResponseRedirect(back, status=303)
