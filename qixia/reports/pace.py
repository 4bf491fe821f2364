"""How many anonymous reports came from one address in the last hour, and how often one phone asked what is near in the last
minute. In this process's memory only, never written.

Bounded    at most `MOST` addresses; the one that was quiet longest goes first.
Secret     addresses are kept as hashes with a salt that dies with the process.
Not exact  each server process counts for itself, and riders behind one carrier's gateway share an address: the limit
           of the policy must be generous. It holds off floods, not people.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict, deque

from qixia.kernel import clock
from qixia.reports.errors import TooManyReports

MOST = 10_000
WINDOW_S, QUESTIONS_S = 3600.0, 60.0

_salt = os.urandom(16)
_lock = threading.Lock()
_seen: OrderedDict[bytes, deque[float]] = OrderedDict()
_asked: OrderedDict[bytes, list[float]] = OrderedDict()


def check(address: str, limit: int) -> None:
    """TooManyReports if `limit` reports came from there within the hour."""
    now = clock.now().timestamp()
    with _lock:
        times = _seen.get(_name(address))
        if times is not None and sum(now - at < WINDOW_S for at in times) >= limit:
            raise TooManyReports(limit=limit, retry_after=600)


def count(address: str) -> None:
    """One more report came from there."""
    now = clock.now().timestamp()
    with _lock:
        name = _name(address)
        times = _seen.setdefault(name, deque(maxlen=1000))
        times.append(now)
        _seen.move_to_end(name)
        while len(_seen) > MOST:
            _seen.popitem(last=False)


def may_ask(who: str, limit: int) -> bool:
    """One question more, unless `who` asked `limit` of them within the minute. What is refused does not count."""
    now = clock.now().timestamp()
    with _lock:
        name = _name(who)
        times = [at for at in _asked.get(name, ()) if now - at < QUESTIONS_S]
        if len(times) >= limit:
            return False
        _asked[name] = [*times, now]
        _asked.move_to_end(name)
        while len(_asked) > MOST:
            _asked.popitem(last=False)
    return True


def forget() -> None:
    with _lock:
        _seen.clear()
        _asked.clear()


def _name(address: str) -> bytes:
    return hashlib.blake2b(address.encode(), key=_salt, digest_size=16).digest()
