"""What of a posting is stored so that it names no report.

Source   "report:…" becomes "report~" and a keyed hash: equal sources stay equal, so a reversal finds its awards, and
         without the master key none leads to a report. What names nothing but its own rider stays as it is (OPEN).
Key      and hash of content become keyed hashes too: from a report's number and place anybody could compute the plain ones.
Words    number, place, link and reason are sealed. The column may be sealed anew under another master key, or emptied
         for somebody who leaves; the triggers refuse a change of any other.
Mac      a keyed hash over all else that a posting says and over its entries, made where it is written: without the master key
         nobody writes a posting that will be sealed. Its key outlives rotations, as that of an index does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from qixia.kernel.keys import keys

WORDS = "ledger-words"
MAC, MAC_CHARS = "ledger-mac", 32
# All that a posting says but its number and its sealed words, in the order of the hash and of the keyed hash.
CONTENT = (
    "key",
    "content_hash",
    "kind",
    "rule",
    "rule_version",
    "act",
    "source",
    "beneficiary",
    "points",
    "nominal",
    "unit",
    "promised",
    "pays_id",
    "reverses_id",
    "quality",
    "campaign",
    "bonus",
    "available_after",
    "actor",
    "at",
    "day",
    "created_at",
    "request_id",
)
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


def plain(value: Any) -> Any:
    """A value of a column as it is hashed: times in UTC with microseconds."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.isoformat() if hasattr(value, "isoformat") else value


_packed = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=plain).encode


def mac_of(content: Sequence[Any], entries: Iterable[Sequence[Any]]) -> str:
    """`content` in the order of CONTENT, each entry as account, amount, balance after and last day, in whatever order."""
    text = _packed([list(content), sorted(_packed(list(entry)) for entry in entries)])
    return keys().keyed_digest(text.encode(), purpose=MAC)[:MAC_CHARS]


def mac_of_start(through: int) -> str:
    """Of the highest number that may have no keyed hash."""
    return keys().keyed_digest(str(through).encode(), purpose=f"{MAC}-start")[:MAC_CHARS]
