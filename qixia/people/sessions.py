"""Starting and ending a session. The session's key changes at sign-in, so one planted before is worthless."""

from __future__ import annotations

import secrets

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse

from qixia.kernel.config import get_config
from qixia.people.middleware import forget
from qixia.people.models import Person
from qixia.people.services import sign_in

BACKEND = "qixia.people.sessions.SessionBackend"
DEVICE_COOKIE = "qx_device"
_DEVICE_AGE_S = 400 * 86400  # browsers keep no cookie longer


class SessionBackend:
    """Lets sessions name a person and signs nobody in by itself: a password alone must never be enough."""

    def authenticate(self, request: HttpRequest | None, **credentials: object) -> None:
        return None

    def get_user(self, user_id: int) -> Person | None:
        return Person.objects.filter(pk=user_id, is_active=True).first()


def start(request: HttpRequest, *, person_id: int, is_staff: bool) -> None:
    """Sign the person in on this browser. Call `remember_device` with the response."""
    kept = request.session.get("next", "")
    login(request, Person.objects.get(pk=person_id), backend=BACKEND)
    config = get_config()
    request.session.set_expiry(config.staff_session_hours * 3600 if is_staff else config.session_days * 86400)
    if kept:
        request.session["next"] = kept
    forget(request)


def end(request: HttpRequest) -> None:
    logout(request)
    forget(request)


def remember_device(request: HttpRequest, response: HttpResponse, *, person_id: int) -> None:
    """Note which browser it was, by a random cookie that says nothing about the person."""
    device = device_of(request) or secrets.token_urlsafe(24)
    sign_in.note_sign_in(person_id=person_id, device=device, label=device_label(request.headers.get("User-Agent", "")))
    response.set_cookie(
        DEVICE_COOKIE, device, max_age=_DEVICE_AGE_S, httponly=True, samesite="Lax", secure=get_config().tls
    )


def device_of(request: HttpRequest) -> str:
    """The random cookie by which a browser is known again; "" if it has none yet, or one that isn't ours."""
    device = request.COOKIES.get(DEVICE_COOKIE, "")
    return device if 20 <= len(device) <= 64 and device.isascii() and device.isprintable() else ""


def device_label(agent: str) -> str:
    """Words for a browser that its owner recognises, such as "Chrome / Android"."""
    browsers = (
        ("MicroMessenger", "微信"), ("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"),
    )  # fmt: skip
    systems = (
        ("HarmonyOS", "HarmonyOS"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
        ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux"),
    )  # fmt: skip
    browser = next((name for mark, name in browsers if mark in agent), "浏览器")
    system = next((name for mark, name in systems if mark in agent), "")
    return f"{browser} / {system}" if system else browser


def client_address(request: HttpRequest) -> str:
    """The address that limits count by; the proxy's word is taken only when the settings trust one."""
    forwarded = request.headers.get("X-Forwarded-For", "") if get_config().trusted_proxy else ""
    # The last entry is the one that our own proxy added; those before it are the client's claim.
    return forwarded.rsplit(",", 1)[-1].strip() or request.META.get("REMOTE_ADDR", "")
