"""Events that are written many at a time keep the rules of their table."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from qixia.audit.rows import MANY, insert_many
from qixia.jobs.models import Event
from qixia.kernel import clock

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("count", [2, MANY + 2])
def test_a_rule_of_the_database_refuses_all_or_none(count):
    rows = [("same" if n > count - 3 else f"id-{n}", "x.done", "x", {}, "", clock.now()) for n in range(count)]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_many(Event, ("public_id", "name", "ref", "payload", "request_id", "at"), rows)
    assert not Event.objects.filter(name="x.done").exists()
