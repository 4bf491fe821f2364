"""Many rows at once come back as they went in, whichever way they took."""

from __future__ import annotations

import pytest

from qixia.audit.models import AuditEvent
from qixia.audit.rows import FEW, insert_many
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


def test_nothing_is_nothing():
    assert insert_many(AuditEvent, ("at",), [], ids=True) == []
