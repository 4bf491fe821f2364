"""Many rows at once come back as they went in, whichever way they took."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from qixia.audit.models import AuditEvent
from qixia.audit.rows import FEW, insert_many
from qixia.jobs.models import Event
from qixia.kernel import clock

pytestmark = pytest.mark.django_db
WORDS = ["", "\\N", "NULL", "a\tb", "c\nd", "e\\f", '"g"', "'h'", "积分", "%s", "{}", "𝒙"]


@pytest.mark.parametrize("count", [1, FEW - 1, FEW, len(WORDS)])
def test_values_survive(count):
    now = clock.now()
    rows = [(now, "x.done", f"x:{n}", word, "", {"word": word, "n": n, "no": None}) for n, word in enumerate(WORDS)]
    ids = insert_many(AuditEvent, ("at", "action", "subject", "actor", "request_id", "data"), rows[:count], ids=True)
    kept = AuditEvent.objects.filter(action="x.done").order_by("pk")
    assert [row.pk for row in kept] == ids == sorted(ids)
    assert [(r.at, r.action, r.subject, r.actor, r.request_id, r.data) for r in kept] == rows[:count]


@pytest.mark.parametrize("count", [2, FEW + 2])
def test_a_rule_of_the_database_refuses_all_or_none(count):
    rows = [("same" if n > count - 3 else f"id-{n}", "x.done", "x", {}, "", clock.now()) for n in range(count)]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_many(Event, ("public_id", "name", "ref", "payload", "request_id", "at"), rows)
    assert not Event.objects.filter(name="x.done").exists()


def test_nothing_is_nothing():
    assert insert_many(AuditEvent, ("at",), [], ids=True) == []
