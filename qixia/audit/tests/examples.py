"""The services of audit are history itself."""

from qixia.audit import queries, services
from qixia.audit.services import Act
from qixia.kernel import clock
from tests.examples import example


@example("audit.services.record")
def note_an_act() -> None:
    services.record("reports.closed", subject="report:1", actor="system:worker", by="silence")
    (event,) = queries.history_of("report:1")
    assert (event.action, event.data) == ("reports.closed", {"by": "silence"})


@example("audit.services.record_many")
def note_many_acts_in_one_statement() -> None:
    services.record_many([Act("reports.closed", f"report:{number}", "system:worker") for number in range(3)])
    assert queries.history_of("report:2").count() == 1


@example("audit.services.record_access")
def note_who_opened_a_name() -> None:
    services.record_access(
        kind="reporter", subject="report:1", actor="person:a", basis="law", reason="派出所来函调取", letter="2026-17"
    )
    (line,) = queries.accesses(queries.AccessFilter(subject="report:1"), limit=10)
    assert (line.kind, line.basis, line.reason, line.data) == (
        "reporter",
        "law",
        "派出所来函调取",
        {"letter": "2026-17"},
    )


@example("audit.services.record_retention")
def note_what_has_gone() -> None:
    now = clock.now()
    services.record_retention(kind="events", days=30, before=now, removed=3, oldest_left=None, finished=True)
    assert queries.latest_purges()["events"].removed == 3
