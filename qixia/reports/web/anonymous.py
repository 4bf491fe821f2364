"""Reports that nobody can join to a rider: taken in, followed and answered by whoever holds the secret, and their points.

Nobody   the first three views read neither session nor actor, set no cookie and need no CSRF token: there is no cookie
         that a foreign page could abuse. The phone sends them without cookies. Only `claim` knows who is asking; it
         learns of no report.
Answers  always JSON; refusals are problem+json and name the field. Sizes are checked before a body is read.
Retries  the client key makes a report once; answering or claiming twice does it once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel.config import get_config
from qixia.kernel.errors import DomainError, Invalid, TooLarge, TooMany
from qixia.kernel.ids import show_number
from qixia.people.passes import check_rider_pass
from qixia.people.sessions import client_address
from qixia.policy.queries import current
from qixia.reports import queries, rules, services
from qixia.reports.web import forms
from qixia.rewards import services as rewards
from qixia.ui.access import allow
from qixia.ui.errors import as_domain_error, problem

View = Callable[..., HttpResponse]
MOST_SECRETS = 50
JSON_BYTES = 8 * 1024
FIELDS_BYTES = 64 * 1024
STATES = ("wait", "sent", "doing", "check", "fixed", "back")  # of {% state %}


def for_programs(view: View) -> View:
    """Refusals become problem+json here: the pages' own way of saying them would look at the session."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except Exception as exception:
            error = as_domain_error(exception)
            if error is None:
                raise
            return _refusal(error)

    return guarded


def _refusal(error: DomainError) -> HttpResponse:
    answer = problem(error)
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


# ── by nobody ─────────────────────────────────────────────────────────────────
@csrf_exempt
@never_cache
@require_POST
@allow("anyone")
@for_programs
def submit(request: HttpRequest) -> HttpResponse:
    """A report, as the form sends it, with `claim_hash` and the pass in X-Rider-Pass."""
    rider_pass = request.headers.get("X-Rider-Pass", "")
    check_rider_pass(rider_pass)  # before the body is read: a stranger can't make us take photos in
    _check_size(request, FIELDS_BYTES + 2 * rules.PHOTOS_MAX * get_config().max_photo_mb * 1024 * 1024)
    data = forms.bound(request.POST, request.FILES).cleaned_data
    if data["clip"]:  # its pixels can't be taken apart from what the camera wrote beside them
        raise Invalid("匿名上报不能带视频。删掉视频，或改用密封上报。", field="clip")
    receipt = services.submit_anonymous(
        rider_pass=rider_pass,
        claim_hash=str(request.POST.get("claim_hash", "")),
        client_key=data["client_key"],
        place=forms.whereabouts(data),
        photos=data["photos"],
        after_photos=data["after_photos"],
        words=data["words"],
        hint=data["cls"],
        self_handled=data["onsite"],
        address=client_address(request),
    )
    content = {
        "location": reverse("reports:anonymous_sent"),
        "public_id": receipt.public_id,
        "number": show_number(receipt.number),
    }
    return JsonResponse(content, status=200 if receipt.repeated else 201)


@csrf_exempt
@never_cache
@require_POST
@allow("anyone")
@for_programs
def status(request: HttpRequest) -> HttpResponse:
    """How the reports of these secrets stand, in their order; null where there is none."""
    found = queries.anonymous_status(_secrets(_body(request)))
    return JsonResponse([_shown(one) for one in found], safe=False, json_dumps_params={"ensure_ascii": False})


def _shown(one: queries.AnonymousStatus | None) -> dict[str, Any] | None:
    return {**asdict(one), "number": show_number(one.number)} if one else None


@csrf_exempt
@never_cache
@require_POST
@allow("anyone")
@for_programs
def answer(request: HttpRequest) -> HttpResponse:
    """Solved, or not and why, said by whoever holds the secret."""
    body = _body(request)
    secret, solved, text = body.get("secret"), body.get("solved"), body.get("text", "")
    if not isinstance(secret, str):
        raise Invalid(field="secret")
    if not isinstance(solved, bool):
        raise Invalid("请选“已解决”或“未解决”。", field="solved")
    services.answer_anonymously(secret=secret, solved=solved, text=str(text))
    return JsonResponse(_shown(queries.anonymous_status([secret])[0]), safe=False)


@csrf_exempt
@never_cache
@require_POST
@allow("anyone")
@for_programs
def rate(request: HttpRequest) -> HttpResponse:
    """三率, said by whoever holds the secret."""
    body = _body(request)
    secret, answered, solved, content = (body.get(name) for name in ("secret", "answered", "solved", "content"))
    if not isinstance(secret, str):
        raise Invalid(field="secret")
    if not isinstance(answered, bool) or not isinstance(solved, bool) or isinstance(content, bool):
        raise Invalid(field="content")
    given = content if isinstance(content, int) else 0
    text = str(body.get("text", ""))
    services.rate_anonymously(secret=secret, answered=answered, solved=solved, content=given, text=text)
    return JsonResponse(_shown(queries.anonymous_status([secret])[0]), safe=False)


@csrf_exempt
@never_cache
@require_POST
@allow("anyone")
@for_programs
def appeal(request: HttpRequest) -> HttpResponse:
    """An appeal, by whoever holds the secret."""
    body = _body(request)
    secret = body.get("secret")
    if not isinstance(secret, str):
        raise Invalid(field="secret")
    services.appeal_anonymously(secret=secret, text=str(body.get("text", "")))
    return JsonResponse(_shown(queries.anonymous_status([secret])[0]), safe=False)


def _body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent; Invalid if it is none."""
    _check_size(request, JSON_BYTES)
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Invalid("这个请求读不懂，可能没有传完整。")
    return body


def _check_size(request: HttpRequest, limit: int) -> None:
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isascii() or not declared.isdigit() or int(declared) > limit:
        raise TooLarge


def _secrets(body: dict[str, Any]) -> list[object]:
    secrets = body.get("secrets")
    if not isinstance(secrets, list) or len(secrets) > MOST_SECRETS:
        raise Invalid("一次最多查 %(limit)d 件。", field="secrets", limit=MOST_SECRETS)
    return secrets


# ── by a rider ────────────────────────────────────────────────────────────────
@never_cache
@require_POST
@allow("rider")
def claim(request: HttpRequest) -> HttpResponse:
    """The points behind these secrets, for the rider who is signed in. They are paid with everybody's of a day."""
    found = rewards.claim(secrets=_secrets(_body(request)), beneficiary=request.actor.ref)
    return JsonResponse({"credited": found.credited, "count": found.count, "waiting": found.waiting})


# ── pages that a phone fills in ───────────────────────────────────────────────
@never_cache
@require_safe
@allow("rider")
def mine(request: HttpRequest) -> HttpResponse:
    """What this phone holds. The page itself knows of no report."""
    longest = current("rewards.claims").data.longest_wait_days
    context = {"tab": "me", "states": STATES, "most": MOST_SECRETS, "longest": longest}
    return render(request, "reports/rider/anonymous.html", context)


@require_safe
@allow("anyone")
def sent(request: HttpRequest) -> HttpResponse:
    """The receipt. The phone fills in the number; the page is the same for everybody."""
    return render(request, "reports/rider/anonymous_sent.html", {})
