"""A tiny round of `qixia bench duplicates`, on the database of the tests."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from qixia.codes.services import load_reference
from qixia.lab import duplicates
from qixia.lab.asking import Options
from qixia.lab.duplicates import measured
from qixia.triage.models import Fingerprint


@pytest.mark.django_db
def test_it_fills_asks_and_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    load_reference()
    texts = duplicates._texts()[:4]
    monkeypatch.setattr(duplicates, "_texts", lambda: texts)
    found = measured(Options(rows=4000, asked=12, seed=3))
    assert Fingerprint.objects.count() == found["rows"] == 4000
    assert found["nearby"] > 0
    assert 0 < found["candidates_p50_ms"] <= found["candidates_p99_ms"] <= found["candidates_max_ms"]


@pytest.mark.django_db
def test_a_database_in_use_is_left_alone() -> None:
    load_reference()
    call_command("lab_similar", "40", "4", "1", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("lab_similar", "40", "4", "1")
    assert Fingerprint.objects.count() == 40
