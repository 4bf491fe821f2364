"""Has another model asked about open reports, where the city wants that (rule "triage.second_opinion"; off at first).

Looked for rather than subscribed to: a photo may be covered before or after its report is settled, a held one hours
later. While the rule is off, this is one cached look a minute, and nothing is added to a report's way.
What goes out is put together here and nowhere else: redacted copies of 960 pixels, and words without place and numbers.
The case itself is never touched: what comes back is advice on the clerk's page (queries/opinions.py).
"""

from __future__ import annotations

from qixia.jobs.services import Ask, enqueue_many
from qixia.kernel import clock
from qixia.media.queries import redacted_copy
from qixia.reports.models import Report
from qixia.reports.queries.opinions import askable, ready_photos
from qixia.triage import opinions
from qixia.triage.opinion.asking import PICTURES_MAX, bare_words
from qixia.triage.services import ask_opinion, drop_opinion

TASK = "reports.ask_opinion"
A_ROUND = 20  # the next one is a minute away
PRIORITY = -25  # after the pictures, before the trainings


def look_for_opinions() -> int:
    """Line up the reports that may be asked about now. Returns how many."""
    now = clock.now()
    room = min(A_ROUND, opinions.may_ask(now))
    if not room:
        return 0
    found = askable(now).values_list("public_id", flat=True)[:room]
    asks = [Ask(TASK, {"public_id": one}, key=f"{TASK}:{one}", priority=PRIORITY) for one in found]
    enqueue_many(asks)
    return len(asks)


def seek_opinion(*, public_id: str) -> str:
    """Ask about one report, if it may still be asked about; nothing of it may be changing meanwhile.

    Returns what triage.services.ask_opinion does; "" if it may not be asked about, now or any more.
    """
    report = askable(clock.now()).filter(public_id=public_id).first()
    if report is None:
        _let_go(public_id)
        return ""
    copies = (redacted_copy(one, "phone") for one in ready_photos(report)[:PICTURES_MAX])
    pictures = [copy for copy in copies if copy is not None]
    return ask_opinion(ref=report.ref, words=_words(report) if pictures else "", pictures=pictures)


def _words(report: Report) -> str:
    places = [(int(one["start"]), int(one["end"])) for one in report.evidence_words if one["kind"] == "place"]
    return bare_words(report.words, places)


def _let_go(public_id: str) -> None:
    """A report that waits for another try but has been decided on meanwhile is not asked about again."""
    report = Report.objects.filter(public_id=public_id).first()
    if report is not None and opinions.is_due(report.ref, clock.now()):
        drop_opinion(ref=report.ref)
