"""Staff change their own password: with the present one and the second factor, so that an open screen is not enough."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from qixia.kernel.errors import DomainError, Invalid
from qixia.people import sessions
from qixia.people.rules import STAFF_ROLES
from qixia.people.services import BadPassword, sign_in
from qixia.ui.access import allow
from qixia.ui.errors import message_of

# How the services name a field → the field of this form.
FIELDS = {"password": "current"}


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@allow(*STAFF_ROLES)
def own_password(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return _page(request)
    try:
        _change(request)
    except DomainError as refusal:
        return _page(request, refusal)
    messages.success(request, _("密码已换，请用新密码登录。别处的登录也都退出了。"))
    return redirect("staff-sign-in")


def _change(request: HttpRequest) -> None:
    new = request.POST.get("new", "")
    if new != request.POST.get("again", ""):
        raise Invalid("两次填的新密码不一样。", field="again")
    try:
        sign_in.change_own_password(
            person_id=request.actor.person_id,
            current=request.POST.get("current", ""),
            new=new,
            code=request.POST.get("code", ""),
            address=sessions.client_address(request),
        )
    except BadPassword as refusal:
        refusal.field = "new"  # to the service the password is the new one, on this page there are two
        raise


def _page(request: HttpRequest, refusal: DomainError | None = None) -> HttpResponse:
    field = FIELDS.get(refusal.field or "", refusal.field or "") if refusal else ""
    words = _("现在的密码不对。") if refusal and refusal.code == "people.wrong_password" else ""
    context = {
        "tab": "me",
        "errors": {field: words or message_of(refusal)} if refusal else {},
        "demo_code": sign_in.totp_for_demo_page(request.actor.person_id),
    }
    return render(request, "site/signin/password.html", context, status=refusal.status if refusal else 200)
