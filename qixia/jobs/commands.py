"""Keys of commands: a write that a phone sends twice happens once.

The key is written in the transaction of the change. `once` is the first statement of a service: it answers None to
the first caller, the first result to a repetition with the same body, and KeyReused to the same key with another body.
Of two simultaneous callers the second waits for the first one's transaction.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import connection

from qixia.jobs.models import Command
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid

KEY_MIN, KEY_MAX = 8, 80


class KeyReused(Conflict):
    code = "key_reused"
    message = "这个提交编号已经用过，但内容不一样。请刷新页面后重新提交。"


def body_hash(*parts: Any) -> str:
    """64 hex characters over anything that JSON can hold (and bytes digests given as text)."""
    raw = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))
    return hashlib.sha256(raw.encode()).hexdigest()


def once(*, actor: str, key: str, body_hash: str, result: dict[str, Any]) -> dict[str, Any] | None:
    """Claim `key` for this transaction; None for the first caller, else what the first one got."""
    if not (KEY_MIN <= len(key) <= KEY_MAX and key.isascii() and key.isprintable()):
        raise Invalid("提交编号的格式不对。", field="client_key")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_command (actor, key, body_hash, result, at) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (actor, key) DO NOTHING",
            [actor, key, body_hash, json.dumps(result), _db_time()],
        )
        if cursor.rowcount == 1:
            return None
    first = Command.objects.get(actor=actor, key=key)
    if first.body_hash != body_hash:
        raise KeyReused(field="client_key")
    found: dict[str, Any] = first.result
    return found


def _db_time() -> Any:
    return connection.ops.adapt_datetimefield_value(clock.now())
