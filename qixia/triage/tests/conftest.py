"""Learning in tests: no sentence vectors (a second to load), nothing kept from the test before."""

import pytest

from qixia.policy import queries as policy
from qixia.triage import active, settled
from qixia.triage.tests.made import Reports


@pytest.fixture
def reports(monkeypatch):
    """Triage asks these for settled reports."""
    found = Reports()
    monkeypatch.setattr(settled, "_source", found)
    return found


@pytest.fixture
def learning(db, reports, monkeypatch):
    """Models, corrections and runs from nothing; the shipped policy is published."""
    monkeypatch.setattr("qixia.triage.learning.vectors.available", lambda: False)
    _anew()
    yield reports
    _anew()


def _anew() -> None:
    active.forget()
    policy.forget()
