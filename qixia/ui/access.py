"""Who may call a page: every view says so with `@allow(...)`, and one test walks all addresses to see that it does.

`allow("clerk", "admin")` lets in these roles, `allow("signed-in")` every known person, `allow("anyone")` all.
Nobody signed in: pages go to the sign-in page and come back, htmx and the API get 401. Wrong role: `NotAllowed`.
What a person may see inside a page is decided by each context's own access.py, not here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from qixia.kernel.errors import NotAllowed, NotSignedIn
from qixia.ui.negotiation import wants_fragment, wants_json

ANYONE = "anyone"
SIGNED_IN = "signed-in"
STAFF_ROLES = frozenset({"worker", "unit_lead", "clerk", "admin", "data_officer", "auditor", "supervisor"})

View = TypeVar("View", bound=Callable[..., Any])


class Actor(Protocol):
    """What this module needs of `request.actor`."""

    @property
    def is_signed_in(self) -> bool: ...

    @property
    def roles(self) -> frozenset[str]: ...


def allow(*roles: str) -> Callable[[View], View]:
    """Declare and enforce who may call a view; `view.qx_allow` holds the roles for the test that walks all pages."""
    if not roles:
        raise ValueError('allow() needs roles, "signed-in" or "anyone"')
    wanted = frozenset(roles)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if ANYONE in wanted:
                return view(request, *args, **kwargs)
            actor: Actor | None = getattr(request, "actor", None)
            if actor is None or not actor.is_signed_in:
                return ask_to_sign_in(request, wanted)
            if not admits(actor, wanted):
                raise NotAllowed()
            return view(request, *args, **kwargs)

        guarded.qx_allow = wanted  # type: ignore[attr-defined]
        # The API's framework reads types through the guard, whose module doesn't know the view's names: resolve them.
        guarded.__signature__ = signature(view, eval_str=True)  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def admits(actor: Actor | None, roles: frozenset[str]) -> bool:
    """Whether one of `roles` covers the actor. No actor means no, except for "anyone"."""
    if ANYONE in roles:
        return True
    if actor is None or not actor.is_signed_in:
        return False
    return SIGNED_IN in roles or bool(roles & actor.roles)


def ask_to_sign_in(request: HttpRequest, roles: frozenset[str]) -> HttpResponse:
    """To the sign-in page and back again; staff to theirs. A form that was posted comes back to its own page."""
    if wants_json(request):
        raise NotSignedIn()
    page = "staff-sign-in" if roles <= STAFF_ROLES else "sign-in"
    address = f"{reverse(page)}?{urlencode({'next': _came_from(request)})}"
    if wants_fragment(request):
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def _came_from(request: HttpRequest) -> str:
    """The page to return to: never a fragment's address, never another site."""
    if request.method in ("GET", "HEAD") and not wants_fragment(request):
        return request.get_full_path()
    given = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer") or "")
    if given.netloc == request.get_host() and given.path.startswith("/"):
        return given.path + (f"?{given.query}" if given.query else "")
    return "/"
