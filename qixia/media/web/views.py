"""Serving copies of photos. Originals have no address."""

from __future__ import annotations

import logging
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from qixia.kernel.errors import NotFound
from qixia.media import files
from qixia.media.access import Grant, open_token
from qixia.media.queries import Served, served
from qixia.ui.access import allow

log = logging.getLogger("qixia.media")

FRESH_S: Final = 900  # what is covered may change: a browser asks again after a quarter of an hour, mostly for a 304

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Disposition": "inline",
}


@allow("anyone")  # the token carries the right, and is bound to the signed-in viewer
@require_safe
def picture(request: HttpRequest, token: str) -> HttpResponse:
    """One copy as WebP; a drawn placeholder while there is none; an empty 404 for any bad token."""
    try:
        grant = open_token(token, getattr(request, "actor", None))
    except NotFound:
        return _nothing()
    photo = served(grant.public_id)
    if photo is None:
        return _nothing()
    if photo.state == "ready":
        return _copy(request, grant, photo)
    return _placeholder(photo.state, grant.size)


def _copy(request: HttpRequest, grant: Grant, photo: Served) -> HttpResponse:
    etag = f'"{photo.revision}-{grant.size}"'
    headers = {**_HEADERS, "ETag": etag, "Cache-Control": f"private, max-age={min(grant.seconds, FRESH_S)}"}
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponse(status=304, headers=headers)
    try:
        content = files.copy_path(photo.storage_name, grant.size).read_bytes()
    except FileNotFoundError:
        log.error("copy missing", extra={"evidence": grant.public_id, "size": grant.size})
        return _placeholder("broken", grant.size)
    return HttpResponse(content, content_type="image/webp", headers=headers)


def _placeholder(state: str, size: str) -> HttpResponse:
    words, more = _words(state)
    context = {"words": words, "more": more, "state": state, "size": size}
    content = render_to_string("media/placeholder.svg", context)
    headers = {**_HEADERS, "Cache-Control": "no-store"}
    return HttpResponse(content, content_type="image/svg+xml; charset=utf-8", headers=headers)


def _words(state: str) -> tuple[str, str]:
    """What is going on, in a few signs, and what comes next."""
    if state == "broken":
        return _("照片打不开"), _("文件坏了或已销毁")
    if state == "held":
        return _("照片待人工遮挡"), _("遮好人脸和车牌后才显示")
    return _("照片处理中"), _("正在遮挡人脸和车牌，稍后刷新")


def _nothing() -> HttpResponse:
    return HttpResponse(status=404, content_type="text/plain", headers={**_HEADERS, "Cache-Control": "no-store"})
