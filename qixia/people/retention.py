"""How long people keeps what isn't needed for ever."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.models import Session

from qixia.audit.retention import Kind, register, rows
from qixia.people.models import DataExport, Device, SignInCode, Throttle
from qixia.people.services import own_data


def _old_exports(before: datetime, limit: int) -> int:
    return own_data.forget_exports(before=before, limit=limit)


for _name, _title, _days, _model, _moment in (
    ("sign-in-codes", "登录验证码", 2, SignInCode, "expires_at"),
    ("throttles", "登录次数限制", 2, Throttle, "window_start"),
    ("sessions", "过期的登录状态", 1, Session, "expire_date"),
    ("devices", "很久没用过的登录设备", 400, Device, "last_seen"),
):
    register(Kind(_name, _title, _days, *rows(_model, _moment)))
register(Kind("exports", "个人信息副本", 2, _old_exports, rows(DataExport, "asked_at")[1]))
