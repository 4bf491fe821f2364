"""One place where every refusal and every failure becomes an answer: a page, an htmx fragment or problem+json.

`answer(request, exc)` picks the form (qixia.ui.negotiation), translates the text and adds the request id. A page that
cannot be drawn as usual (the database is down, say) is drawn without a request; if even that fails, as bare HTML.
JSON follows RFC 9457 with `code`, `field` and `request_id` besides.
"""

from __future__ import annotations

import errno
import logging
import sys
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from qixia.kernel.config import get_config
from qixia.kernel.errors import DomainError, NotAllowed, NotFound, StorageFull, TooLarge, Unavailable
from qixia.kernel.requests import request_id
from qixia.ui.negotiation import wants_fragment, wants_json

log = logging.getLogger("qixia.errors")


class BadRequest(DomainError):
    code = "bad_request"
    status = 400
    message = gettext_noop("这个请求读不懂，可能没有传完整。")


class WrongMethod(DomainError):
    code = "method_not_allowed"
    status = 405
    message = gettext_noop("这一页不能直接打开，只能从按钮进来。")


class StaleForm(DomainError):
    code = "csrf"
    status = 403
    message = gettext_noop("这个页面开得太久，或浏览器没有存下安全标记，所以没有提交。")


class Broken(DomainError):
    """What is said when something fails that nobody foresaw."""

    code = "internal"
    status = 500
    message = gettext_noop("我们这边出错了。没有保存的内容请稍后再交一次，不会重复。")


@dataclass(frozen=True)
class Words:
    """Heading, advice and drawing of the page for one status."""

    title: Any
    advice: Any = ""
    art: str = "broken"


_WORDS = {
    400: Words(gettext_lazy("没有读懂"), gettext_lazy("请回到上一页再试。"), "broken"),
    401: Words(gettext_lazy("请先登录"), gettext_lazy("登录后会回到这里。"), "stop"),
    403: Words(gettext_lazy("这里你进不去"), gettext_lazy("如果该由你办，请找本单位的管理员开通。"), "stop"),
    404: Words(gettext_lazy("没有找到"), gettext_lazy("地址可能写错了，或者这一页已经移走。"), "lost"),
    405: Words(gettext_lazy("不能这样打开"), gettext_lazy("请从首页重新进入。"), "stop"),
    409: Words(gettext_lazy("情况已经变了"), gettext_lazy("请刷新，看过现在的样子再办。"), "wait"),
    413: Words(gettext_lazy("内容太大"), gettext_lazy("请减少照片张数，或换一张小一点的。"), "broken"),
    422: Words(gettext_lazy("有一项填得不对"), gettext_lazy("请返回上一页改好再交。"), "broken"),
    429: Words(gettext_lazy("慢一点"), "", "wait"),
    500: Words(gettext_lazy("出错了"), gettext_lazy("我们已经记下，会尽快修好。"), "broken"),
    503: Words(gettext_lazy("暂时连不上"), gettext_lazy("不用重填，过一会儿再试。"), "wait"),
    507: Words(gettext_lazy("暂时收不下"), gettext_lazy("查看不受影响，过一阵再交。"), "wait"),
}


def as_domain_error(exc: Exception) -> DomainError | None:
    """Django's own refusals in our words; None for what nobody foresaw."""
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, Http404):
        return NotFound(gettext_noop("这里没有你要找的内容。"))
    if isinstance(exc, PermissionDenied):
        return NotAllowed()
    if isinstance(exc, RequestDataTooBig):
        return TooLarge()
    if isinstance(exc, SuspiciousOperation):
        return BadRequest()
    failure = _failure(exc)
    if failure is not None:
        log.error("%s", failure.code, exc_info=exc)
    return failure


# What a database says when it is not there, overloaded or full; everything else that it says is a mistake of ours.
_BUSY_SQLITE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_READONLY")
_BUSY_POSTGRESQL = ("08", "53", "57", "40", "55")


def _failure(exc: Exception) -> DomainError | None:
    """The machine's own troubles: a full disk, a database that is gone. None for others."""
    if isinstance(exc, OSError):
        return StorageFull() if exc.errno in (errno.ENOSPC, errno.EDQUOT) else None
    if not isinstance(exc, OperationalError | InterfaceError):
        return None
    cause = exc.__cause__
    name, state = getattr(cause, "sqlite_errorname", None), getattr(cause, "sqlstate", None)
    if name == "SQLITE_FULL" or state == "53100":
        return StorageFull()
    if name is not None:
        return Unavailable() if name.startswith(_BUSY_SQLITE) else None
    return Unavailable() if state is None or state.startswith(_BUSY_POSTGRESQL) else None


def message_of(error: DomainError) -> str:
    """The text of an error in the reader's language, its places filled."""
    text = _(error.message)
    try:
        return text % error.context if error.context else text
    except (KeyError, TypeError, ValueError):  # a bad catalogue must not hide the error itself
        log.warning("error text does not fit its context", extra={"code": error.code})
        return text


def answer(request: HttpRequest, error: DomainError) -> HttpResponse:
    if wants_json(request):
        response: HttpResponse = problem(error)
    elif wants_fragment(request):
        response = _fragment(request, error)
    else:
        response = _page(request, error)
    if hasattr(error, "retry_after"):
        response.headers["Retry-After"] = str(error.retry_after)
    response.headers["Cache-Control"] = "no-store"
    return response


def problem(error: DomainError) -> JsonResponse:
    """RFC 9457. `type` is a relative reference that names the code; it is stable, the texts are not."""
    text = message_of(error)
    words = _WORDS.get(error.status)
    body: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": str(words.title) if words else text,
        "status": error.status,
        "detail": text,
        "code": error.code,
        "request_id": request_id(),
    }
    if error.field:
        body["field"] = error.field
    return JsonResponse(
        body,
        status=error.status,
        content_type="application/problem+json",
        json_dumps_params={"ensure_ascii": False},
    )


def _fragment(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A toast; the piece of the page that asked stays as it is, so nothing that was typed is lost."""
    context = {"text": message_of(error), "code": error.code, "request_id": request_id()}
    html = render_to_string("ui/errors/fragment.html", context)
    headers = {"HX-Retarget": "#qx-toasts", "HX-Reswap": "beforeend", "HX-Push-Url": "false"}
    return HttpResponse(html, status=error.status, headers=headers)


def _page(request: HttpRequest, error: DomainError) -> HttpResponse:
    words = _WORDS.get(error.status, _WORDS[400])
    config = get_config()  # said here again, because a failure is drawn without context processors
    context = {
        "demo": config.demo,
        "city_name": config.city_name,
        "title": words.title,
        "text": message_of(error),
        "advice": words.advice,
        "art": f"ui/art/{words.art}.html",
        "code": error.code,
        "request_id": request_id(),
        "retry_url": request.get_full_path()
        if request.method == "GET" and error.status in (409, 429, 500, 503, 507)
        else "",
    }
    return HttpResponse(_draw(request, context, known=error.status < 500), status=error.status)


def _draw(request: HttpRequest, context: dict[str, Any], *, known: bool) -> str:
    """With the request where that is safe; after a failure without it, so that no context processor can fail again."""
    for candidate in (request, None) if known else (None,):
        try:
            return render_to_string("ui/errors/page.html", context, request=candidate)
        except Exception:  # the page about a failure must not fail
            log.exception("error page could not be drawn")
    parts = "".join(f"<p>{escape(context[name])}</p>" for name in ("text", "request_id"))
    return (
        f'<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><h1>{escape(context["title"])}</h1>{parts}</html>'
    )


# ── what Django calls by name (settings.CSRF_FAILURE_VIEW, handler400 … in the root list of addresses) ─────────────


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, as_domain_error(exception) or BadRequest())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, as_domain_error(exception) or NotAllowed())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, as_domain_error(exception) or NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Called while the exception is handled: what failed before the view (the session, say) is found here too."""
    failure = sys.exc_info()[1]
    return answer(request, (isinstance(failure, Exception) and _failure(failure)) or Broken())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    log.info("csrf refused", extra={"reason": reason})
    return answer(request, StaleForm())
