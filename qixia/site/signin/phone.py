"""Riders and shops: phone, code, and on the first visit a name and a platform."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.notices.services import leave_browser
from qixia.people import queries, rules, sessions
from qixia.people.services import sign_in
from qixia.site.signin import flow
from qixia.site.signin.forms import CodeForm, PhoneForm, RegisterForm
from qixia.ui.access import allow

# In the session: the code's random id, the phone with stars, when another may be asked for. Never the phone.
CHALLENGE = "sign_in"
REGISTER = "register"


@allow("anyone")
@never_cache
@require_http_methods(["GET", "POST"])
def ask_phone(request: HttpRequest) -> HttpResponse:
    """The first step. Somebody who is signed in already goes on."""
    flow.remember_next(request)
    if request.actor.is_signed_in:
        return redirect(flow.take_next(request))
    if request.method == "GET":
        return _phone_page(request, PhoneForm())
    form = PhoneForm(request.POST)
    try:
        _send(request, form.text("phone"))
    except DomainError as error:
        form.refuse(error)
        return _phone_page(request, form, status=error.status)
    return redirect("sign-in-code")


def _phone_page(request: HttpRequest, form: PhoneForm, *, status: int = 200) -> HttpResponse:
    return flow.page(request, "phone", {"form": form, "cards": queries.demo_cards()}, status=status)


def _send(request: HttpRequest, phone: str) -> None:
    """Ask for a code, unless one for the same phone has just gone out: two taps on the button send one."""
    known = request.session.get(CHALLENGE)
    if known and _wait_s(known) and queries.code_is_for(known["id"], phone):
        return
    _keep(request, sign_in.request_sign_in_code(phone=phone, address=sessions.client_address(request)))


def _keep(request: HttpRequest, asked: sign_in.Challenge) -> None:
    request.session[CHALLENGE] = {
        "id": asked.public_id,
        "shown": asked.phone_shown,
        "resend_at": asked.resend_at.isoformat(),
    }


def _wait_s(known: dict[str, str]) -> int:
    """Seconds until another code may be asked for."""
    left = (datetime.fromisoformat(known["resend_at"]) - clock.now()).total_seconds()
    return max(0, round(left))


@allow("anyone")
@never_cache
@require_http_methods(["GET", "POST"])
def ask_code(request: HttpRequest) -> HttpResponse:
    """The second step: the code. Right: in, or on to registering."""
    known = request.session.get(CHALLENGE)
    if not known:
        return redirect("home" if request.actor.is_signed_in else "sign-in")
    if request.method == "GET":
        return _code_page(request, known, CodeForm())
    form = CodeForm(request.POST)
    try:
        verified = sign_in.verify_sign_in_code(
            challenge=known["id"], code=form.text("code"), address=sessions.client_address(request)
        )
    except DomainError as error:
        form.refuse(error)
        return _code_page(request, known, form, status=error.status)
    del request.session[CHALLENGE]
    if verified.person_id is not None:
        return flow.enter(request, verified.person_id)
    request.session[REGISTER] = verified.challenge
    return redirect("register")


def _code_page(request: HttpRequest, known: dict[str, str], form: CodeForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "shown": known["shown"],
        "wait_s": _wait_s(known),
        "demo_code": queries.code_for_demo_page(known["id"]),
    }
    return flow.page(request, "code", context, status=status)


@allow("anyone")
@require_POST
def send_again(request: HttpRequest) -> HttpResponse:
    """Another code to the same phone."""
    known = request.session.get(CHALLENGE)
    if not known:
        return redirect("sign-in")
    try:
        _keep(request, sign_in.send_again(challenge=known["id"], address=sessions.client_address(request)))
    except DomainError as error:
        form = CodeForm({})
        form.refuse(_at_code(error))
        return _code_page(request, known, form, status=error.status)
    return redirect("sign-in-code")


def _at_code(error: DomainError) -> DomainError:
    """On this page there is no field for the phone; the refusal is about asking again."""
    error.field = "code"
    return error


@allow("anyone")
@never_cache
@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Once in a rider's life: what to call him or her, and the platform."""
    challenge = request.session.get(REGISTER)
    if not challenge:
        return redirect("home" if request.actor.is_signed_in else "sign-in")
    if request.method == "GET":
        return flow.page(request, "register", {"form": RegisterForm()})
    form = RegisterForm(request.POST)
    problems = form.problems()
    for problem in problems:
        form.refuse(problem)
    if problems:
        return flow.page(request, "register", {"form": form}, status=422)
    try:
        person_id = sign_in.register_rider(
            challenge=challenge,
            nickname=form.text("nickname"),
            platform=form.text("platform"),
            real_name=form.text("real_name"),
        )
    except rules.RegistrationExpired:
        del request.session[REGISTER]
        return redirect("sign-in")
    except DomainError as error:
        form.refuse(error)
        return flow.page(request, "register", {"form": form}, status=error.status)
    del request.session[REGISTER]
    return flow.enter(request, person_id, where=reverse("consent-ask", args=[rules.CONSENT_KINDS[0]]))


@allow("anyone")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Also ends the pushes to this browser: whoever holds it next reads nothing of this person's."""
    leave_browser(device=sessions.device_of(request), actor="system:sign-in")
    sessions.end(request)
    return redirect("sign-in")
