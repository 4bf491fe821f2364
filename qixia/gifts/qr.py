"""The code that a rider shows for a kit: made and read by our own server only.

Form     "QG1." and a token (kernel.tokens, purpose "gift") with the allotment's public id and whether a deputy shows it;
         good for a day, the page draws a new one each time. A typed text is the 9-digit number.
Errors   BadCode: "forged", "over" (its day is past) or "unknown" (digits that are no number).
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import segno

from qixia.kernel import ids, tokens

PURPOSE = "gift"
PREFIX = "QG1."
TTL_S = 24 * 3600


class BadCode(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Code:
    """What was scanned (`gift`) or typed (`number`)."""

    gift: str = ""
    number: str = ""
    is_deputy: bool = False


def make_code(gift: str, *, is_deputy: bool = False) -> str:
    return PREFIX + tokens.sign({"g": gift, "d": int(is_deputy)}, purpose=PURPOSE, ttl_s=TTL_S)


def read_code(text: str) -> Code:
    text = text.strip()
    if not text.startswith(PREFIX):
        number = ids.parse_number(text)
        if number is None:
            raise BadCode("unknown" if len(text) <= 20 else "forged")
        return Code(number=number)
    try:
        said = tokens.verify(text[len(PREFIX) :], purpose=PURPOSE)
        return Code(gift=str(said["g"]), is_deputy=bool(said["d"]))
    except tokens.BadToken as error:
        raise BadCode("over" if str(error) == "expired" else "forged") from error
    except (KeyError, ValueError) as error:
        raise BadCode("forged") from error


def picture(code: str) -> bytes:
    """The QR code as SVG, dark on white whatever the page's theme."""
    out = io.BytesIO()
    segno.make(code, error="m", micro=False).save(
        out, kind="svg", border=2, dark="#10161a", light="#ffffff", xmldecl=False
    )
    return out.getvalue()
