"""Sets `request.actor` and `request.user`, both lazily and from one query besides the session's own."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from qixia.people.access import ANONYMOUS, Actor, load
from qixia.people.models import Person

_CACHE = "_qx_identity"


def identify(request: HttpRequest) -> tuple[Person | AnonymousUser, Actor]:
    """Who sends this request: at most two queries, asked once. A request without a session cookie asks none."""
    known: tuple[Person | AnonymousUser, Actor] | None = getattr(request, _CACHE, None)
    if known is None:
        known = _load(request) or (AnonymousUser(), ANONYMOUS)
        setattr(request, _CACHE, known)
    return known


def known_actor(request: HttpRequest) -> Actor:
    """Who sends this request, if anybody asked so far; ANONYMOUS otherwise. Asks nothing, so it can't fail."""
    known: tuple[Person | AnonymousUser, Actor] | None = getattr(request, _CACHE, None)
    return known[1] if known else ANONYMOUS


def forget(request: HttpRequest) -> None:
    """Somebody has just signed in or out: ask anew."""
    if hasattr(request, _CACHE):
        delattr(request, _CACHE)
    attach(request)


def attach(request: HttpRequest) -> None:
    request.known_actor = partial(known_actor, request)  # type: ignore[attr-defined]  # for the log, which must not ask
    request.actor = SimpleLazyObject(lambda: identify(request)[1])
    request.user = SimpleLazyObject(lambda: identify(request)[0])  # type: ignore[assignment]


def _load(request: HttpRequest) -> tuple[Person, Actor] | None:
    person_id = request.session.get(SESSION_KEY)
    found = load(int(person_id)) if person_id and str(person_id).isdigit() else None
    if found is None:
        return None
    # The hash changes with the password, so a new password ends every session.
    if constant_time_compare(request.session.get(HASH_SESSION_KEY, ""), found[0].get_session_auth_hash()):
        return found
    request.session.flush()
    return None


class ActorMiddleware(AuthenticationMiddleware):
    """In place of Django's own, which its admin looks for by class and which needs a query more."""

    def process_request(self, request: HttpRequest) -> None:
        attach(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Django's LoginRequiredMiddleware has no part here: `ui.access.allow` decides on every view."""
