"""Large files in pieces, for phones on bad networks. JSON answers; a refusal is problem+json."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from qixia.kernel.errors import Invalid, TooLarge
from qixia.media import transfers
from qixia.ui.access import allow
from qixia.ui.errors import problem


@never_cache
@require_POST
@allow("rider")
def begin(request: HttpRequest) -> JsonResponse:
    """`size` in bytes → {"id", "offset"}."""
    text = request.POST.get("size", "")
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Invalid("文件大小不对。", field="size")
    row = transfers.begin(owner=request.actor.ref, size=int(text))
    return JsonResponse({"id": row.public_id, "offset": 0}, status=201)


@never_cache
@require_http_methods(["PUT"])
@allow("rider")
def add(request: HttpRequest, public_id: str, offset: int) -> JsonResponse:
    """A piece → {"offset"}: how much is here now; 409 with the same where the piece does not fit."""
    if int(request.headers.get("Content-Length") or 0) > transfers.PIECE_MAX:
        raise TooLarge(field="piece")
    try:
        here = transfers.add(owner=request.actor.ref, public_id=public_id, offset=offset, piece=request.body)
    except transfers.WrongOffset as error:
        answer = problem(error)
        answer.content = answer.content[:-1] + f', "offset": {error.context["offset"]}}}'.encode()
        return answer
    return JsonResponse({"offset": here})
