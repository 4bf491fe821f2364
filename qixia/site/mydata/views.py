"""The own data: see, take along, correct, delete. Everybody sees and changes nothing but their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.audit.queries import accesses_about
from qixia.audit.rules import BASES, KINDS
from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.kernel.ids import show_number
from qixia.media.sealed import Unsealer
from qixia.people import holds, queries, services, sessions
from qixia.people.access import Actor
from qixia.people.queries import ExportFile
from qixia.people.rules import STAFF_ROLES
from qixia.people.services.sign_in import Challenge
from qixia.reports.queries.export import holding_of, numbers_of
from qixia.site.mydata.kept import groups_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of

LOOKED = 12  # the whole list is in the export
# In the session: the id of the code under way, the number with stars, when another may be asked for.
NEW_PHONE, STEP_UP = "new_phone", "step_up"


@never_cache
@require_safe
@allow("signed-in")
def overview(request: HttpRequest) -> HttpResponse:
    """What is kept and why, who looked at it, and what one can do about it."""
    actor: Actor = request.actor
    card, holding = queries.own_card(actor.person_id or 0), holding_of(actor)
    context = {
        "groups": groups_of(actor, card, holding),
        "looked": _who_looked(actor, holding.refs),
        "export": queries.latest_export(actor.person_id or 0),
        "export_hours": queries.privacy_rules().export_hours,
        "due": queries.erasure_due(actor.person_id or 0),
        "card": card,
    }
    return _page(request, "overview", context)


@never_cache
@require_POST
@allow("signed-in")
def ask_export(request: HttpRequest) -> HttpResponse:
    try:
        services.request_export(person_id=request.actor.person_id, actor=request.actor.ref)
        messages.success(request, _("正在打包，几分钟后回到这里下载。"))
    except DomainError as refusal:
        messages.info(request, message_of(refusal))
    return HttpResponseRedirect(reverse("mydata:overview") + "#export", status=303)


@never_cache
@require_safe
@allow("signed-in")
def fetch_export(request: HttpRequest, public_id: str) -> StreamingHttpResponse:
    """The ZIP, deciphered as it goes out. Only for its owner; for others there is no such file."""
    found = services.fetch_export(person_id=request.actor.person_id, export=public_id, actor=request.actor.ref)
    response = StreamingHttpResponse(_pieces(found), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="qixia-{clock.city_date(found.made_at):%Y%m%d}.zip"'
    return response


@never_cache
@require_http_methods(["GET", "POST"])
@allow("signed-in")
def real_name(request: HttpRequest) -> HttpResponse:
    given = request.POST.get("real_name", queries.own_card(request.actor.person_id).real_name)
    if request.method == "GET":
        return _page(request, "real_name", {"given": given})
    try:
        services.set_real_name(person_id=request.actor.person_id, real_name=given, actor=request.actor.ref)
    except DomainError as refusal:
        return _page(request, "real_name", {"given": given}, refusal)
    messages.success(request, _("已保存。"))
    return HttpResponseRedirect(reverse("mydata:overview"), status=303)


@never_cache
@require_http_methods(["GET", "POST"])
@allow("signed-in")
def phone(request: HttpRequest) -> HttpResponse:
    """First the new number, then the code that came to it."""
    known = request.session.get(NEW_PHONE)
    if request.method == "GET":
        return _phone_page(request, known if "code" in request.GET else None)
    try:
        if known and "code" in request.POST:
            services.change_phone(
                person_id=request.actor.person_id,
                challenge=known["id"],
                code=request.POST["code"],
                address=sessions.client_address(request),
                actor=request.actor.ref,
            )
            del request.session[NEW_PHONE]
            messages.success(request, _("手机号已换好，下次用新号码登录。"))
            return HttpResponseRedirect(reverse("mydata:overview"), status=303)
        asked = services.request_phone_change(
            person_id=request.actor.person_id,
            phone=request.POST.get("phone", ""),
            address=sessions.client_address(request),
        )
        request.session[NEW_PHONE] = _remembered(asked)
    except DomainError as refusal:
        return _phone_page(request, known if "code" in request.POST else None, refusal)
    return HttpResponseRedirect(reverse("mydata:phone") + "?code", status=303)


def _phone_page(request: HttpRequest, known: dict[str, str] | None, refusal: DomainError | None = None) -> HttpResponse:
    context = {
        "known": known,
        "given": request.POST.get("phone", ""),
        "card": queries.own_card(request.actor.person_id),
        "demo_code": queries.code_for_demo_page(known["id"]) if known else "",
    }
    return _page(request, "phone", context, refusal)


@never_cache
@require_http_methods(["GET", "POST"])
@allow("signed-in")
def delete(request: HttpRequest) -> HttpResponse:
    """What goes, what stays and why; then a code, and seven days to think again."""
    actor: Actor = request.actor
    if request.method == "GET":
        return _delete_page(request, request.session.get(STEP_UP) if "code" in request.GET else None)
    known = request.session.get(STEP_UP)
    try:
        if "code" not in request.POST:
            return _ask_proof(request, actor)
        services.check_step_up(
            person_id=actor.person_id or 0,
            challenge=(known or {}).get("id", ""),
            code=request.POST["code"],
            address=sessions.client_address(request),
        )
        services.request_erasure(person_id=actor.person_id or 0, actor=actor.ref)
    except DomainError as refusal:
        return _delete_page(request, known or {} if "code" in request.POST else None, refusal)
    request.session.pop(STEP_UP, None)
    messages.success(request, _("已经记下。到期之前，随时能在这里取消。"))
    return HttpResponseRedirect(reverse("mydata:overview") + "#delete", status=303)


def _ask_proof(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Send the code, unless the person proves with a second factor or something holds."""
    if not holds.holds_on(actor):
        if queries.totp_is_confirmed(actor.person_id or 0):
            request.session[STEP_UP] = {"id": "", "shown": ""}
        else:
            asked = services.request_step_up(person_id=actor.person_id or 0, address=sessions.client_address(request))
            request.session[STEP_UP] = _remembered(asked)
        return HttpResponseRedirect(reverse("mydata:delete") + "?code", status=303)
    return HttpResponseRedirect(reverse("mydata:delete"), status=303)


def _delete_page(
    request: HttpRequest, known: dict[str, str] | None, refusal: DomainError | None = None
) -> HttpResponse:
    actor: Actor = request.actor
    context = {
        "holds": [
            {"reason": _(hold.reason) % {"count": hold.count}, "until": _(hold.until)} for hold in holds.holds_on(actor)
        ],
        "days": queries.privacy_rules().cooling_off_days,
        "due": queries.erasure_due(actor.person_id or 0),
        "known": known,
        "demo_code": queries.code_for_demo_page(known["id"]) if known and known.get("id") else "",
    }
    return _page(request, "delete", context, refusal)


@never_cache
@require_POST
@allow("signed-in")
def keep(request: HttpRequest) -> HttpResponse:
    """Call the deletion off."""
    services.cancel_erasure(person_id=request.actor.person_id, actor=request.actor.ref)
    messages.success(request, _("已取消，账号和积分都还在。"))
    return HttpResponseRedirect(reverse("mydata:overview") + "#delete", status=303)


# ── shared ──────────────────────────────────────────────────────────────────


def _page(
    request: HttpRequest, template: str, context: dict[str, Any], refusal: DomainError | None = None
) -> HttpResponse:
    is_staff = bool(request.actor.roles & STAFF_ROLES)
    context |= {
        "tab": "me",
        "has_tabs": request.actor.has("rider") and not is_staff,
        "error": message_of(refusal) if refusal else "",
    }
    return render(request, f"site/mydata/{template}.html", context, status=refusal.status if refusal else 200)


def _who_looked(actor: Actor, refs: tuple[str, ...]) -> list[dict[str, Any]]:
    """Lines about the person and the own reports. Staff are named by their role, not by name."""
    lines = accesses_about((actor.ref, *refs), limit=LOOKED)
    numbers = numbers_of(line.subject.removeprefix("report:") for line in lines if line.subject != actor.ref)
    return [
        {
            "at": line.at,
            "what": _(KINDS[line.kind]),
            "why": _(BASES[line.basis]),
            "about": show_number(numbers.get(line.subject.removeprefix("report:"), "")),
        }
        for line in lines
    ]


def _remembered(asked: Challenge) -> dict[str, str]:
    return {"id": asked.public_id, "shown": asked.phone_shown}


def _pieces(found: ExportFile) -> Iterator[bytes]:
    with Unsealer(found.path, found.key) as file:
        yield from file.parts()
