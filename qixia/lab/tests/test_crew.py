"""People who go round the loop do something, and the check sees what is missing or was done twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.lab import crew
from qixia.lab.town import build
from qixia.offers.models import Offer
from qixia.places import queries as places


@pytest.fixture
def town(db, tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    monkeypatch.setattr(crew, "ACTS", 45)
    places.forget()
    build(5)
    crew.hire()
    crew.hire()
    yield
    places.forget()


def test_lives_leave_nothing_broken_and_what_is_broken_is_seen(town, tmp_path):
    log, at = tmp_path / "crew.log", clock.now() - timedelta(hours=10)
    for seed in (3, 4):
        crew.live(seed, at.isoformat(), str(log))
        at += timedelta(hours=5)
    found = crew.check(str(log), at.isoformat())
    assert found["broken"] == []
    assert {"reported", "looked", "supported"} <= set(found["acknowledged"])

    with log.open("a") as lines:
        lines.write("looked 0000000000\n")
    Offer.objects.filter(state="done").first().delete()
    broken = crew.check(str(log), at.isoformat())["broken"]
    assert any("acknowledged as looked" in line for line in broken)
    assert any("offers done" in line for line in broken)
