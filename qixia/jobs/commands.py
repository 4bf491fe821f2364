"""Keys of commands: a write that a phone sends twice happens once.

The key is written in the transaction of the change. `once` is the first statement of a service: it answers None to
the first caller, the first result to a repetition with the same body, and KeyReused to the same key with another body.
Of two simultaneous callers the second waits for the first one's transaction.

Secrecy  a row would join who sent a report with the report. So it keeps keyed hashes of actor and key and of the body,
         and the result sealed: without the master key it names nobody and nothing.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import connection

from qixia.jobs.models import Command
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid
from qixia.kernel.keys import keys

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
    ours = keys()
    caller = ours.blind_index(f"{actor}|{key}", purpose="command")
    body = ours.blind_index(body_hash, purpose="command-body")
    sealed = ours.seal(json.dumps(result).encode(), purpose=f"command:{caller}")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_command (caller, body, result, at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (caller) DO NOTHING",
            [caller, body, sealed, _db_time()],
        )
        if cursor.rowcount == 1:
            return None
    first = Command.objects.get(caller=caller)
    if first.body != body:
        raise KeyReused(field="client_key")
    found: dict[str, Any] = json.loads(ours.open(bytes(first.result), purpose=f"command:{caller}"))
    return found


def _db_time() -> Any:
    return connection.ops.adapt_datetimefield_value(clock.now())
