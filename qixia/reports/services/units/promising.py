"""What has to be studied is answered by a day that the unit promises: parking, water, carts, any suggestion.

Day      the end of that day in the city becomes the limit for the answer; what runs over it counts as overdue like any
         other limit. It is promised once; more time asks the supervisor.
Not for  what is urgent or critical, nor for families and classes that the rule "reports.ways" does not name: there the
         limits of the city hold. Nor once the limit is over: then the supervisor grants more time, or doesn't.
Errors   NotFound, NotYours, StepNotAllowed, PartOfCase, NotToBeStudied, NotStudied, PromisedAlready, PromiseTooLate, Invalid:
         nothing has changed.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction

from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, errors, rules
from qixia.reports.models import Report
from qixia.reports.queries.ways import to_be_studied
from qixia.reports.services.moves import check_step, take_step
from qixia.reports.services.telling import news_told, tell_many

PROMISED = declare_event("reports.promised")


@transaction.atomic
def promise(*, actor: Actor, public_id: str, day: date, text: str) -> Report:
    """Promise an answer before the end of `day`. The reporter and all followers are told."""
    report = access.case(actor, public_id)
    check_step(report, "promise", actor)
    words, now = rules.required_text(text, field="text"), clock.now()
    if report.severity in ("high", "critical"):
        raise errors.NotToBeStudied
    if not to_be_studied(report.cls):
        raise errors.NotStudied
    if report.promised_due is not None:
        raise errors.PromisedAlready
    if report.resolve_due is not None and report.resolve_due <= now:
        raise errors.PromiseTooLate
    most, today = current("reports.ways").data.promise_days, clock.city_date(now)
    if not today < day <= today + timedelta(days=most):
        raise Invalid("请选明天起 %(days)d 天以内的一天。", field="day", days=most)
    due = datetime.combine(day + timedelta(days=1), time(), tzinfo=clock.CITY_TZ)
    changes: dict[str, Any] = {"promised_due": due, "resolve_due": due}
    changes |= {} if report.answered_at else {"answered_at": now}
    unit = report.unit.name if report.unit else ""
    data = {"day": day.isoformat(), "was": report.resolve_due.isoformat() if report.resolve_due else ""}
    row = take_step(
        report,
        "promise",
        actor=actor,
        by=unit,
        text=words,
        changes=changes,
        data=data,
        event=PROMISED,
        seen={"promised_due": None},
    )
    said = {"unit": unit, "text": words[:60], "day": f"{day.month}月{day.day}日"}
    tell_many(news_told(report, "report.promised", f"promised:{row.pk}", **said))
    return report
