"""The code that a voucher shows: signed with Ed25519, so a merchant's phone can tell a forgery without the network.

Form     "QX1." and base64url of: 16 bytes public id, 4 bytes number, 4 bytes expiry (epoch seconds), the merchant's
         code in ASCII, 64 bytes signature. About 130 characters: a QR code of version 8, readable in sunlight.
Errors   BadCode with reason "forged" (a code that is not ours) or "unknown" (typed digits that are no number).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import segno

from qixia.kernel import ids, tokens

PURPOSE = "voucher"
PREFIX = "QX1."
_HEAD = struct.Struct(">16sII")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class BadCode(Exception):
    def __init__(self, reason: str, *, typed: bool, tail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.typed, self.tail = reason, typed, tail


@dataclass(frozen=True, slots=True)
class Code:
    """What a scanned or typed text says. Only a signed one names the voucher's id, merchant and expiry."""

    number: str
    is_signed: bool = False
    public_id: str = ""
    merchant: str = ""
    expires_at: int = 0


def make_code(*, public_id: str, number: str, merchant: str, expires_at: int) -> str:
    value = 0
    for char in public_id:
        value = value << 5 | _ALPHABET.index(char)
    payload = _HEAD.pack(value.to_bytes(16), int(number), expires_at) + merchant.encode("ascii")
    return PREFIX + tokens.b64(tokens.sign_offline(payload, purpose=PURPOSE))


def read_code(text: str) -> Code:
    """The code in a scanned text, or the number in a typed one."""
    text = text.strip()
    if not text.startswith(PREFIX):
        number = ids.parse_number(text)
        if number is None:
            looks_typed = len(text) <= 20
            digits = "".join(c for c in text if c.isascii() and c.isdigit())
            raise BadCode("unknown" if looks_typed else "forged", typed=looks_typed, tail=digits[-4:])
        return Code(number)
    try:
        signed = tokens.unb64(text[len(PREFIX) :])
        payload = tokens.verify_offline(signed, public=tokens.public_key(PURPOSE))
        raw_id, number, expires_at = _HEAD.unpack_from(payload)
        merchant = payload[_HEAD.size :].decode("ascii")
    except (tokens.BadToken, struct.error, UnicodeError) as error:
        raise BadCode("forged", typed=False) from error
    value = int.from_bytes(raw_id)
    public_id = "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
    return Code(f"{number:09d}", True, public_id, merchant, expires_at)


def picture(code: str) -> bytes:
    """The QR code as SVG, dark on white whatever the page's theme."""
    out = io.BytesIO()
    segno.make(code, error="m", micro=False).save(
        out, kind="svg", border=2, dark="#10161a", light="#ffffff", xmldecl=False
    )
    return out.getvalue()
