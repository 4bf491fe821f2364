"""Ways out of the house. A gateway of a city is another class with `send`; the settings name which one is used.

Units    one text to one mainland number. Errors: SendFailed; the job tries again.
Secrets  only these two classes ever write a code down, and the console hides it in production.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Protocol

from qixia.kernel import clock
from qixia.kernel.config import Config
from qixia.kernel.ids import new_public_id


class SendFailed(Exception):
    """The message did not go out; trying again may help."""


class Sender(Protocol):
    name: str

    def send(self, phone: str, text: str) -> str:
        """Send, and return the provider's reference."""
        ...


class ConsoleSender:
    """Prints the message, for development and demonstrations."""

    name = "console"

    def __init__(self, *, hide: bool) -> None:
        self.hide = hide

    def send(self, phone: str, text: str) -> str:
        shown = "(not shown in production)" if self.hide else f"{phone}  {text}"
        print(f"[sms] {shown}", file=sys.stderr, flush=True)
        return ""


class FileSender:
    """Appends a JSON line for a gateway's own program to take; the file is for its owner only."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, phone: str, text: str) -> str:
        reference = new_public_id()
        line = json.dumps(
            {"id": reference, "at": clock.now().isoformat(), "phone": phone, "text": text}, ensure_ascii=False
        )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise SendFailed(type(error).__name__) from error
        return reference


def sender_for(config: Config) -> Sender:
    if config.sms_sender == "file":
        return FileSender(config.var_dir / "outbox" / "sms.jsonl")
    return ConsoleSender(hide=config.mode == "production")
