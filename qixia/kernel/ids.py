"""Names for things: a public id for addresses, a short number that people read out.

Neither holds a sequence or a time, so nobody learns from one how many reports there are or when one was made.
The number has 8 random digits and an ISO 7064 MOD 11,10 check digit, which finds every single wrong digit and
nearly every swapped pair; 10^8 numbers are enough because the database's unique index lets a writer draw again.
"""

from __future__ import annotations

import secrets
import unicodedata

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: no i, l, o, u
PUBLIC_ID_LENGTH = 26
NUMBER_LENGTH = 9


def new_public_id() -> str:
    """26 characters, 128 random bits, safe in an address."""
    value = secrets.randbits(128)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def new_number() -> str:
    """9 digits: 8 random, 1 check."""
    body = f"{secrets.randbelow(10**8):08d}"
    return body + check_digit(body)


def check_digit(body: str) -> str:
    """ISO 7064 MOD 11,10 over a string of digits."""
    product = 10
    for digit in body:
        product = (product + int(digit)) % 10 or 10
        product = product * 2 % 11
    return str((11 - product) % 10)


def is_row_key(text: str) -> bool:
    """Whether `text` is a row's key as an address carries it: ASCII digits that fit a 64-bit column."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def is_number(text: str) -> bool:
    return len(text) == NUMBER_LENGTH and text.isascii() and text.isdigit() and check_digit(text[:-1]) == text[-1]


def parse_number(text: str) -> str | None:
    """The number in what somebody typed: spaces, dashes, dots and full-width digits are forgiven. None if wrong."""
    folded = unicodedata.normalize("NFKC", text[:64])
    digits = "".join(c for c in folded if c not in " -–—.·\t\u3000")
    return digits if is_number(digits) else None


def show_number(number: str) -> str:
    """407188235 → 407-188-235."""
    return "-".join(number[i : i + 3] for i in range(0, len(number), 3))
