"""The API: rooms bring their routers, this file puts them together. docs/openapi.json is its committed picture.

Callers are signed in by the session cookie, and unsafe calls carry the CSRF token, as the pages do.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import APIKeyCookie

from qixia.kernel.errors import DomainError, Invalid, NotFound, NotSignedIn
from qixia.reports.api import router as reports
from qixia.rewards.api import router as rewards
from qixia.rewards.api import till
from qixia.ui.errors import BadRequest, StaleForm, answer


class SignedIn(APIKeyCookie):
    """Whoever the session cookie says."""

    param_name = settings.SESSION_COOKIE_NAME

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        actor = getattr(request, "actor", None)
        return actor if actor is not None and actor.is_signed_in else None


api = NinjaAPI(title="Qixia 骑侠", version="1", urls_namespace="api", auth=SignedIn(), docs_url=None)
api.add_router("/", reports)
api.add_router("/rewards", rewards)
api.add_router("/till", till)


@api.exception_handler(DomainError)
def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    return answer(request, error)


@api.exception_handler(AuthenticationError)
def _not_signed_in(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return answer(request, NotSignedIn())


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """The schema's refusal, in our words: its own are English."""
    first = error.errors[0] if error.errors else {"loc": [""], "type": ""}
    field = str(first["loc"][-1])
    if first["type"] == "missing":
        return answer(request, Invalid("缺少“%(name)s”这一项。", field=field, name=field))
    return answer(request, Invalid("“%(name)s”这一项填得不对。", field=field, name=field))


_BY_STATUS: dict[int, type[DomainError]] = {403: StaleForm, 404: NotFound}


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    """ninja's own refusals: a missing CSRF token, a body that is no JSON."""
    return answer(request, _BY_STATUS.get(error.status_code, BadRequest)())
