"""How a use is known again without saying whose it was."""

from __future__ import annotations

from qixia.kernel.keys import keys

WORDS = "merchants.rating-words"


def use_mark(voucher: str) -> str:
    return keys().blind_index(voucher, purpose="merchants.use")


def seal_words(words: str) -> bytes | None:
    return keys().seal(words.encode(), purpose=WORDS) if words else None


def open_words(sealed: bytes | None) -> str:
    return keys().open(bytes(sealed), purpose=WORDS).decode() if sealed else ""
