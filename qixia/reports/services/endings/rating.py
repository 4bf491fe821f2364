"""三率: after it ended the reporter says whether somebody answered, whether it is solved, how content he is.

Once     each time that a report ended; the first word stays. "Not solved" reopens it, as it always does.
Secrecy  a rating names nobody and has a day, no moment; the history says that the reporter rated and with which words.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction

from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.requests import without_request_id
from qixia.people.access import Actor
from qixia.reports import access, rules
from qixia.reports.models import CONTENT, Rating, Report
from qixia.reports.services.endings.answering import REOPENED
from qixia.reports.services.endings.reopening import reopened_told, reopening
from qixia.reports.services.moves import check_step, take_step
from qixia.reports.services.telling import tell_many


@transaction.atomic
def rate(*, actor: Actor, public_id: str, answered: bool, solved: bool, content: int, text: str = "") -> Report:
    """The reporter's rating. Said twice it is said once."""
    report = access.own_report(actor, public_id)
    with without_request_id():
        _rate(report, actor, answered=answered, solved=solved, content=content, text=text)
    return report


@transaction.atomic
def rate_anonymously(*, secret: str, answered: bool, solved: bool, content: int, text: str = "") -> None:
    """The same by whoever holds the secret of an anonymous report."""
    holder, report = access.of_secret(secret)
    with without_request_id():
        _rate(report, holder, answered=answered, solved=solved, content=content, text=text)


def _rate(report: Report, actor: Actor, *, answered: bool, solved: bool, content: int, text: str) -> None:
    if content not in CONTENT:
        raise Invalid("请选“满意”“基本满意”或“不满意”。", field="content")
    words = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    if Rating.objects.filter(report=report, ended=report.reopened).exists():
        return
    check_step(report, "rate", actor)
    try:
        with transaction.atomic():
            Rating.objects.create(
                report=report,
                ended=report.reopened,
                answered=answered,
                solved=solved,
                content=content,
                day=clock.city_date(clock.now()),
            )
    except IntegrityError:
        return  # the same tap twice, at the same moment
    take_step(report, "rate", actor=actor, text=words)
    if not solved:
        row = take_step(report, "dispute", actor=actor, text=words, changes=reopening(), event=REOPENED)
        tell_many(reopened_told(report, f"reopened:{row.pk}"))
