"""A tiny round of `qixia bench desk`, on the database of the tests."""

from __future__ import annotations

import pytest

from qixia.lab import desk
from qixia.lab.asking import Options
from qixia.lab.desk import measured
from qixia.reports import states
from qixia.reports.models import Decision, Rating, Report


@pytest.mark.django_db
def test_it_fills_twice_and_asks_for_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "SMALL", 5)
    monkeypatch.setattr(desk, "_tidy", lambda: None)  # no VACUUM in the transaction of a test
    monkeypatch.setattr(desk, "COMMON", {"queue": desk.COMMON["queue"]})
    monkeypatch.setattr(desk, "MORE", {"second page": "next", "figures": "/desk/figures/"})
    lines = list(measured(Options(rows=500, asked=1)))
    assert [(line["reader"], line["page"]) for line in lines][:2] == [("admin", "queue"), ("supervisor", "queue")]
    assert (len(lines), {line["rows"] for line in lines}) == (6, {500})
    assert all(line["ratio"] > 0 and line["statements"] > 5 for line in lines)
    assert Report.objects.count() == 500
    assert Report.objects.filter(state__in=states.OPEN).count() == 20
    assert Decision.objects.filter(report_id__gt=10_000_000).exists()
    assert Rating.objects.filter(report_id__gt=10_000_000).exists()
