"""What staff keep beside a case: notes, papers, and whether they watch it. Every way leads back to the list or the case."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel.errors import DomainError
from qixia.reports import services
from qixia.reports.access import STAFF_ROLES
from qixia.reports.web.desk import to_case
from qixia.ui.access import allow
from qixia.ui.errors import message_of


def _done(request: HttpRequest, public_id: str, act: Callable[[], object], said: str) -> HttpResponse:
    try:
        act()
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    else:
        messages.success(request, said)
    return to_case(request, public_id)


@require_POST
@allow(*STAFF_ROLES)
def note(request: HttpRequest, public_id: str) -> HttpResponse:
    text, audience = request.POST.get("text", ""), request.POST.get("audience", "case")
    return _done(
        request,
        public_id,
        lambda: services.write_note(actor=request.actor, public_id=public_id, text=text, audience=audience),
        _("备注记下了，骑手看不到。"),
    )


@require_POST
@allow(*STAFF_ROLES)
def attach(request: HttpRequest, public_id: str) -> HttpResponse:
    upload, audience = request.FILES.get("document"), request.POST.get("audience", "case")
    return _done(
        request,
        public_id,
        lambda: services.attach_document(actor=request.actor, public_id=public_id, upload=upload, audience=audience),
        _("附件存好了。"),
    )


@never_cache
@require_safe
@allow(*STAFF_ROLES)
def document(request: HttpRequest, public_id: str, document: str) -> HttpResponseBase:
    """Hand a paper out as a download; nothing of it is ever shown in a page of ours."""
    opened = services.open_document(actor=request.actor, public_id=public_id, document=document)
    answer = FileResponse(opened.content, as_attachment=True, filename=opened.name, content_type=opened.content_type)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer


@require_POST
@allow(*STAFF_ROLES)
def remove(request: HttpRequest, public_id: str, document: str) -> HttpResponse:
    return _done(
        request,
        public_id,
        lambda: services.remove_document(actor=request.actor, public_id=public_id, document=document),
        _("附件删掉了。"),
    )


@require_POST
@allow(*STAFF_ROLES)
def watch(request: HttpRequest, public_id: str) -> HttpResponse:
    """`on`: tell me from now on; anything else: no longer."""
    if request.POST.get("watch") == "on":
        act, said = services.watch, _("关注了，这件每走一步都告诉你。")
    else:
        act, said = services.unwatch, _("不再关注。")
    return _done(request, public_id, lambda: act(actor=request.actor, public_id=public_id), said)
