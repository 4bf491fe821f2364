"""What `qixia check --deploy` says about text messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error

from qixia.kernel.config import get_config


def check_sender(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The console sends nothing to anybody: nobody could sign in."""
    if get_config().sms_sender != "console":
        return []
    hint = "Set QIXIA_SMS_SENDER=file and let the gateway's program take var/outbox/sms.jsonl."
    return [Error("One-time codes go to the console only.", hint=hint, id="qixia.E040")]
