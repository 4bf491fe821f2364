"""Which master keys open what is sealed here, by fingerprint. A fingerprint says nothing about its key."""

from __future__ import annotations

from pathlib import Path

from qixia.kernel.config import get_config
from qixia.kernel.keys import keys


def masters() -> list[str]:
    """Of the current master key first, then of the old ones that are at hand."""
    return list(keys().key_ids)


def lasting() -> str:
    """Of the root that outlives rotations: with another one nobody is found by a phone number."""
    return keys().lasting("fingerprint", 4).hex()


def key_files() -> list[Path]:
    """Every file that a backup must not hold: the master key and what lies beside it after a rotation."""
    key = get_config().key_file
    return [key, *(path for path in (key.parent / "index.key", key.parent / "old") if path.exists())]
