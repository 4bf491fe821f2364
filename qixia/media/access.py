"""Who may see a picture: whoever holds an address that was made for them.

A page that may show a photo makes its address with `picture_url`, bound to the viewer by a MAC. The address names
neither the viewer nor the file, is the same for hours (so that phones cache), and dies 6 to 12 hours later. It can't be
taken back before: a right withdrawn works on pictures after at most 12 hours. Making one costs no query.

Token    <evidence public id>.<size letter>.<period, base 36>.<"" or "a" for anyone>.<MAC, 22 characters>
Errors   NotFound for everything that is wrong with a token: forged, expired, another viewer's, another size's.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from django.urls import reverse
from django.utils.http import base36_to_int, int_to_base36

from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.kernel.keys import keys
from qixia.kernel.tokens import b64
from qixia.media.rules import SIZES

ANYONE: Final = "anyone"
PERIOD_S: Final = 6 * 3600  # an address made in one period works to the end of the next

_LETTER: Final = {size: size[0] for size in SIZES}
_SIZE: Final = {letter: size for size, letter in _LETTER.items()}
_MAC_BYTES = 16


class Viewer(Protocol):
    """What this module needs of `request.actor`."""

    @property
    def is_signed_in(self) -> bool: ...

    @property
    def ref(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """One picture in one size, for `seconds` more."""

    public_id: str
    size: str
    seconds: int


def picture_url(public_id: str, size: str, viewer_ref: str, *, state: str = "ready") -> str:
    """The address of a photo for one viewer (`actor.ref`) or, with ANYONE, for all.

    Give the photo's `state`: while it is not ready the address differs, so that a page which asks again doesn't get the
    placeholder out of the browser's cache. `size` is "thumb", "phone" or "full".
    """
    if not viewer_ref:
        raise ValueError("a picture needs a viewer; ANYONE is one")
    body = f"{public_id}.{_LETTER[size]}.{int_to_base36(_period())}.{'a' if viewer_ref == ANYONE else ''}"
    address = f"{_prefix()}{body}.{_mac(body, viewer_ref)}"
    return address if state == "ready" else f"{address}?{state}"


def open_token(token: str, viewer: Viewer | None) -> Grant:
    """What `token` lets `viewer` see."""
    body, _, mac = token.rpartition(".")
    parts = body.split(".")
    if len(parts) != 4 or not token.isascii():
        raise NotFound
    public_id, letter, period, audience = parts
    viewer_ref = ANYONE if audience == "a" else _ref_of(viewer)
    if not viewer_ref or not any(hmac.compare_digest(mac, _mac(body, viewer_ref, key)) for key in _keys()):
        raise NotFound
    # From here on the token is our own, so its parts are well formed.
    seconds = (base36_to_int(period) + 2) * PERIOD_S - int(clock.now().timestamp())
    if seconds <= 0:
        raise NotFound
    return Grant(public_id, _SIZE[letter], seconds)


@lru_cache(maxsize=1)
def _prefix() -> str:
    """What stands before the token. Kept, because a list of 50 reports makes 150 addresses."""
    return reverse("media:picture", args=["x"])[:-1]


def _ref_of(viewer: Viewer | None) -> str:
    return viewer.ref if viewer is not None and viewer.is_signed_in else ""


def _period() -> int:
    return int(clock.now().timestamp()) // PERIOD_S


def _keys() -> list[bytes]:
    """The current key first; addresses made before a rotation hold while the old key is at hand."""
    return keys().derive_all("picture-address")


def _mac(body: str, viewer_ref: str, key: bytes | None = None) -> str:
    text = f"{body}\n{viewer_ref}".encode()
    return b64(hmac.new(key or _keys()[0], text, hashlib.sha256).digest()[:_MAC_BYTES])
