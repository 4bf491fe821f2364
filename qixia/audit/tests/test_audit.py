"""History can be added to and not changed."""

import pytest
from django.db import DatabaseError, transaction

from qixia.audit.models import AuditEvent
from qixia.audit.queries import history_of
from qixia.audit.services import Act, record, record_many
from qixia.kernel.requests import with_request_id

pytestmark = pytest.mark.django_db


def test_a_record_carries_the_request_id():
    with with_request_id("abcdefgh12") as current:
        record("thing.done", subject="thing:1", actor="person:a", count=3)
    event = history_of("thing:1").get()
    assert (event.action, event.actor, event.request_id, event.data) == (
        "thing.done",
        "person:a",
        current,
        {"count": 3},
    )


def test_many_records_are_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        record_many([Act("a", f"thing:{n}", "system:x") for n in range(50)])


@pytest.mark.parametrize("change", [lambda rows: rows.update(action="b"), lambda rows: rows.delete()])
def test_the_database_refuses_to_change_history(change):
    record("a", subject="thing:1", actor="person:a")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change(AuditEvent.objects.all())
    assert history_of("thing:1").get().action == "a"
