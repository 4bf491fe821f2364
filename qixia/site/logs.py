"""The log: one JSON object a line on stderr, with the request's id and without personal data.

A line says when, how bad, where in the code, which request, who (an opaque reference), and what. It never holds a query
string, a form field, a name or a phone number; what looks like a Chinese mobile or identity number is blacked out as the
last step, in the finished line, so that a traceback can't carry one either.

A line joins nobody with a report. Of whoever is not staff it says the pattern of the address instead of the address, and
"rider" or "anyone" instead of who; a database's DETAIL, which quotes the row, is left out of tracebacks. The web server
writes no access log of its own; what stands before it (docs/operate.md) should write none of these addresses either.
"""

import logging
import logging.config
import re
import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from pythonjsonlogger.json import JsonFormatter

from qixia.kernel.config import get_config
from qixia.kernel.requests import request_id, with_request_id
from qixia.ui.access import STAFF_ROLES

REQUEST_ID_HEADER = "X-Request-ID"
# Asked for every few seconds by probes: a line each would bury the rest.
_PROBES = frozenset({"/healthz", "/readyz"})
_UNKNOWN = "(no such address)"

_PHONE = r"(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}"
_IDENTITY = r"[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx]"
# Neither within a longer number nor within an id of letters and digits.
_PERSONAL = re.compile(rf"(?<![0-9A-Za-z])(?:{_IDENTITY}|{_PHONE})(?![0-9A-Za-z])")

# PostgreSQL quotes the values of a row that it refuses: "DETAIL:  Key (…)=(…)", "Failing row contains (…)".
_QUOTED_ROW = re.compile(r"^(DETAIL|CONTEXT|PARAMETERS):.*$", re.MULTILINE)

access = logging.getLogger("qixia.access")


def black_out(text: str) -> str:
    """`text` with mobile and identity numbers replaced by ███."""
    return _PERSONAL.sub("███", text)


class Line(JsonFormatter):
    """A log record as one line of JSON."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
            json_ensure_ascii=False,
        )

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data.setdefault("request_id", request_id() or None)
        request = log_data.pop("request", None)  # Django hands the whole request over, forms included
        path = getattr(request, "path", "")
        if path and isinstance(request, HttpRequest):  # "Internal Server Error: /r/…"
            log_data["message"] = str(log_data.get("message", "")).replace(path, shown_path(request))

    def formatException(self, ei: Any) -> str:  # noqa: N802 — logging's name
        return _QUOTED_ROW.sub(r"\1: ███", str(super().formatException(ei)))

    def format(self, record: logging.LogRecord) -> str:
        return black_out(super().format(record))


def logging_config(level: str) -> dict[str, Any]:
    """For logging.config.dictConfig, in Django and in the web server alike."""
    own = {"handlers": ["stderr"], "level": level, "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "qixia.site.logs.Line"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "qixia": own,
            # A refused request is no fault of ours; the access line has it. What we broke ourselves is an ERROR.
            "django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
            "_granian": own,
            "granian.access": own,
        },
    }


def configure(_settings: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG."""
    logging.config.dictConfig(logging_config(get_config().log_level))


class RequestLogMiddleware:
    """First of all middleware: gives the request its id and writes the access line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with with_request_id(request.headers.get(REQUEST_ID_HEADER)) as ident:
            started = time.perf_counter()
            counter = _Counter()
            with connection.execute_wrapper(counter):
                response = self.get_response(request)
            response[REQUEST_ID_HEADER] = ident
            if request.path not in _PROBES:
                access.info("request", extra=_fields(request, response, started, counter.queries))
            return response


class _Counter:
    """Counts the statements of this thread's connection."""

    def __init__(self) -> None:
        self.queries = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self.queries += 1
        return execute(sql, params, many, context)


def _fields(request: HttpRequest, response: HttpResponse, started: float, queries: int) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": shown_path(request),
        "status": response.status_code,
        "ms": round((time.perf_counter() - started) * 1000, 1),
        "queries": queries,
        "actor": _shown_actor(request),
    }


def _known(request: HttpRequest) -> Any:
    """Who it is, if somebody asked already. A log line asks the database nothing: it may be gone."""
    asked = getattr(request, "known_actor", None)
    return asked() if asked else None


def _is_staff(request: HttpRequest) -> bool:
    return bool(getattr(_known(request), "roles", frozenset()) & STAFF_ROLES)


def _shown_actor(request: HttpRequest) -> str:
    """Staff by their reference, so that what they looked at can be told; others only by what they are."""
    actor = _known(request)
    if _is_staff(request):
        return str(actor.ref)
    return "rider" if getattr(actor, "person_id", None) else "anyone"


def shown_path(request: HttpRequest) -> str:
    """Of staff the path without query, unless a secret stands in it; of others the pattern of the address."""
    match = request.resolver_match
    if _is_staff(request) and not (match is not None and "token" in match.kwargs):
        return request.path
    return f"/{match.route}" if match is not None else _UNKNOWN
