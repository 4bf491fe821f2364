"""What every page knows: demo or not, the city, the number of unread messages, what rings, the languages.

ui lies below the apps that keep messages and alarms, so they register how to look: `set_unread(callable)`,
`set_alarm(callable)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from qixia.kernel.config import get_config
from qixia.kernel.requests import request_id

Unread = Callable[[Any], int]
Alarm = Callable[[Any], Any]
_unread: Unread | None = None
_alarm: Alarm | None = None


def set_unread(count: Unread) -> None:
    """`count(actor)` gives the unread messages of a signed-in actor; asked at most once a page, only where shown."""
    global _unread
    _unread = count


def set_alarm(look: Alarm) -> None:
    """`look(actor)` gives what the red bar says (url, text), None while nothing rings; asked at most once a page."""
    global _alarm
    _alarm = look


def alarm_for(actor: Any) -> Any:
    if _alarm is None or actor is None or not actor.is_signed_in:
        return None
    return _alarm(actor)


def unread_for(actor: Any) -> int:
    if _unread is None or actor is None or not actor.is_signed_in:
        return 0
    return _unread(actor)


def ui(request: HttpRequest) -> dict[str, Any]:
    config = get_config()
    actor = getattr(request, "actor", None)
    return {
        "demo": config.demo,
        "city_name": config.city_name,
        "district_name": config.district_name,
        "actor": actor,
        "unread": SimpleLazyObject(lambda: unread_for(actor)),
        "alarm": SimpleLazyObject(lambda: alarm_for(actor)),
        "language": get_language() or settings.LANGUAGE_CODE,
        "languages": settings.LANGUAGES,
        "request_id": request_id(),
    }
