"""How long the queue keeps what happened and what phones asked for."""

from qixia.audit.retention import Kind, register, rows
from qixia.jobs.models import Command, Event, Job

for _name, _title, _days, _model, _moment in (
    ("events", "内部事件", 30, Event, "at"),
    ("commands", "手机提交编号", 30, Command, "at"),
):
    register(Kind(_name, _title, _days, *rows(_model, _moment)))
register(Kind("failed-jobs", "失败的后台任务", 90, *rows(Job, "quarantined_at", quarantined_at__isnull=False)))
