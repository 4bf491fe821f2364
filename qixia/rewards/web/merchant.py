"""The till: a merchant's phone scans a code or types a number, sees what it is, and confirms.

With htmx the answer is a sheet and, after taking, the day's list; without it the same page is drawn anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel.errors import DomainError, Invalid
from qixia.kernel.ids import new_public_id
from qixia.rewards import queries, services
from qixia.rewards.errors import NotSoMuchLeft, VoucherRefused
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_fragment

LONGEST = 800
MOST_FEN = 10**9


@allow("merchant")
@require_safe
def scan(request: HttpRequest) -> HttpResponse:
    return _answer(request, {})


@allow("merchant")
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    text = request.POST.get("code", "")[:LONGEST]
    return _checked(request, text, new_public_id())


def _checked(request: HttpRequest, text: str, redeem_key: str, error: DomainError | None = None) -> HttpResponse:
    """What may be taken, to be confirmed; or once more, with what was wrong about the amount."""
    try:
        found = services.check(actor=request.actor, text=text)
    except DomainError as refused:
        return _refused(request, refused, text)
    context = {
        "found": queries.seen_at_till(found.voucher),
        "is_signed": found.is_signed,
        "code": text,
        "redeem_key": redeem_key,
        "error": message_of(error) if error else "",
    }
    return _answer(request, context, status=error.status if error else 200)


@allow("merchant")
@require_POST
def redeem(request: HttpRequest) -> HttpResponse:
    """By the number that the check found: whoever takes a minute to confirm need not scan anew."""
    text = (request.POST.get("number") or request.POST.get("code", ""))[:LONGEST]
    key = request.POST.get("redeem_key", "")
    try:
        done = services.redeem(actor=request.actor, text=text, redeem_key=key, units=_units(request))
    except (Invalid, NotSoMuchLeft) as error:
        return _checked(request, text, key, error) if error.field == "units" else _refused(request, error, text)
    except DomainError as error:
        return _refused(request, error, text)
    return _answer(request, {"done": queries.seen_at_till(done.voucher, done.units)})


def _units(request: HttpRequest) -> int | None:
    """Times, or 分 of what was typed in 元; None where nothing is asked. Nonsense is 0, which is refused."""
    if "yuan" in request.POST:
        try:
            fen = Decimal(request.POST["yuan"].strip()) * 100
        except InvalidOperation:
            return 0
        return int(fen) if fen.is_finite() and fen == int(fen) and 0 < fen < MOST_FEN else 0
    if "units" in request.POST:
        said = request.POST["units"].strip()
        return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
    return None


def _refused(request: HttpRequest, error: DomainError, text: str) -> HttpResponse:
    """A refusal is an answer for the person at the till, not an error page; the status stays true."""
    reason = _(queries.REFUSALS[error.reason]) if isinstance(error, VoucherRefused) else ""
    typed = text if len(text) <= 20 else ""
    context = {"refused": message_of(error), "refused_title": reason, "typed": typed}
    return _answer(request, context, status=error.status)


def _answer(request: HttpRequest, context: Mapping[str, object], status: int = 200) -> HttpResponse:
    context = {**context, "till": queries.till(request.actor), "tab": ""}
    if not wants_fragment(request):
        context |= {"kit": queries.offline_kit(request.actor), "shops": queries.own_shops(request.actor)}
    template = "rewards/_till_answer.html" if wants_fragment(request) else "rewards/till.html"
    return render(request, template, context, status=status)
