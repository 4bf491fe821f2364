"""Staff: name and password, then the code of an authenticator app, which the first sign-in sets up."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO

import segno
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from qixia.kernel import clock
from qixia.kernel.errors import DomainError, NotFound
from qixia.people import queries, sessions
from qixia.people.services import sign_in
from qixia.site.signin import flow
from qixia.site.signin.forms import StaffForm, TotpForm
from qixia.ui.access import allow

PENDING = "staff"  # in the session: whose password was right, and when
PENDING_FOR = timedelta(minutes=10)


@allow("anyone")
@never_cache
@require_http_methods(["GET", "POST"])
def ask_password(request: HttpRequest) -> HttpResponse:
    flow.remember_next(request)
    if request.actor.is_signed_in:
        return redirect(flow.take_next(request))
    if request.method == "GET":
        return _password_page(request, StaffForm())
    form = StaffForm(request.POST)
    try:
        person_id = sign_in.check_staff_password(
            username=form.text("username"), password=form.text("password"), address=sessions.client_address(request)
        )
    except DomainError as error:
        form.refuse(error)
        return _password_page(request, form, status=error.status)
    request.session.cycle_key()  # half signed in is a new state: a planted session must not share it
    request.session[PENDING] = {"person": person_id, "at": clock.now().isoformat()}
    return redirect("staff-totp")


def _password_page(request: HttpRequest, form: StaffForm, *, status: int = 200) -> HttpResponse:
    return flow.page(request, "staff", {"form": form, "cards": queries.demo_cards()}, status=status)


@allow("anyone")
@never_cache
@require_http_methods(["GET", "POST"])
def ask_totp(request: HttpRequest) -> HttpResponse:
    person_id = _pending(request)
    if person_id is None:
        return redirect("home" if request.actor.is_signed_in else "staff-sign-in")
    if request.method == "GET":
        return _totp_page(request, person_id, TotpForm())
    form = TotpForm(request.POST)
    check = sign_in.verify_totp if queries.totp_is_confirmed(person_id) else sign_in.confirm_totp
    try:
        check(person_id=person_id, code=form.text("code"))
    except DomainError as error:
        form.refuse(error)
        return _totp_page(request, person_id, form, status=error.status)
    del request.session[PENDING]
    return flow.enter(request, person_id)


def _pending(request: HttpRequest) -> int | None:
    """Whose password was right within the last ten minutes."""
    known = request.session.get(PENDING)
    if not known or clock.now() - datetime.fromisoformat(known["at"]) > PENDING_FOR:
        return None
    return int(known["person"])


def _totp_page(request: HttpRequest, person_id: int, form: TotpForm, *, status: int = 200) -> HttpResponse:
    enrolment = None if queries.totp_is_confirmed(person_id) else sign_in.enrol_totp(person_id=person_id)
    context = {"form": form, "enrolment": enrolment, "demo_code": sign_in.totp_for_demo_page(person_id)}
    return flow.page(request, "totp", context, status=status)


@allow("anyone")
@never_cache
@require_GET
def totp_picture(request: HttpRequest) -> HttpResponse:
    """The QR code for the authenticator app: only between password and first code."""
    person_id = _pending(request)
    if person_id is None or queries.totp_is_confirmed(person_id):
        raise NotFound
    picture = BytesIO()
    code = segno.make(sign_in.enrol_totp(person_id=person_id).uri, error="m")
    code.save(
        picture, kind="svg", border=2, dark="#1b2321", light="#ffffff", xmldecl=False, svgclass=None, lineclass=None
    )
    return HttpResponse(picture.getvalue(), content_type="image/svg+xml")
