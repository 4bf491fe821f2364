"""What of a posting is stored so that it names no report.

Source   "report:…" becomes "report~" and a keyed hash: equal sources stay equal, so a reversal finds its awards, and
         without the master key none leads to a report. What names nothing but its own rider stays as it is (OPEN).
Key      and hash of content become keyed hashes too: from a report's number and place anybody could compute the plain ones.
Words    number, place, link and reason are sealed. The column may be sealed anew under another master key, or emptied
         for somebody who leaves; the triggers refuse a change of any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qixia.kernel.keys import keys

WORDS = "ledger-words"
OPEN = ("voucher", "person", "anonymous", "statement", "correction", "payment", "till-scan")


def stored_source(source: str) -> str:
    kind = source.partition(":")[0]
    if kind in OPEN or not source:
        return source
    return f"{kind}~{keys().blind_index(source, purpose='ledger-source')}"


def is_hidden(stored: str) -> bool:
    """Whether a stored source stands for something that must not be joined with its rider."""
    return "~" in stored


def stored_key(key: str) -> str:
    return keys().blind_index(key, purpose="ledger-key")


def stored_content(content_hash: str) -> str:
    return keys().blind_index(content_hash, purpose="ledger-content")


def seal_words(params: Mapping[str, Any]) -> bytes:
    packed = json.dumps(dict(params), ensure_ascii=False, separators=(",", ":"), default=str)
    return keys().seal(packed.encode(), purpose=WORDS)


def open_words(sealed: bytes) -> dict[str, Any]:
    """The words of a posting; none for somebody who left."""
    found: dict[str, Any] = json.loads(keys().open(sealed, purpose=WORDS)) if sealed else {}
    return found
