"""What a person makes of a verdict is kept, sealed, once a report, and goes when it has to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps

from qixia.audit.retention import kinds
from qixia.kernel import clock
from qixia.triage import services
from qixia.triage.models import Correction
from qixia.triage.services.training import collect
from qixia.triage.tests.made import correct_one

pytestmark = pytest.mark.django_db
WORDS = "路边的铁盖子翘起来了，电话 13812345678"


def test_a_correction_holds_both_sides_and_nobody():
    correct_one("report:1", WORDS)
    row = Correction.objects.get()
    assert (row.was_cls, row.cls) == ("road-damage", "manhole")
    assert (row.was_severity, row.severity, row.model) == ("normal", "high", "shipped")
    columns = {field.attname for field in Correction._meta.local_fields}
    assert columns == {
        *("id", "ref", "at", "sealed_words", "cls", "severity", "was_cls", "was_severity", "model"),
    }
    event = apps.get_model("audit", "AuditEvent").objects.get(action="triage.corrected")
    assert (event.subject, event.actor, event.data["changed"]) == ("report:1", "person:clerk", ["cls", "severity"])


def test_words_are_sealed_and_long_numbers_are_not_kept():
    correct_one("report:1", WORDS)
    sealed = bytes(Correction.objects.get().sealed_words)
    assert "铁盖子".encode() not in sealed
    lessons = collect()
    (example,) = [*lessons.learn, *lessons.held_out]
    assert (example.text, example.source) == ("路边的铁盖子翘起来了，电话 00000000000", "corrections")


def test_the_same_report_again_keeps_what_the_machine_said_first():
    correct_one("report:1")
    services.correct(
        ref="report:1",
        text="路边的铁盖子翘起来了",
        cls="drain",
        severity="normal",
        was_cls="manhole",  # what the clerk had made of it
        was_severity="high",
        model="shipped",
        actor="person:other",
    )
    row = Correction.objects.get()
    assert (row.was_cls, row.was_severity, row.cls, row.severity) == ("road-damage", "normal", "drain", "normal")


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_without_words_it_counts_and_teaches_nothing(text):
    correct_one("report:1", text)
    assert Correction.objects.get().sealed_words is None
    assert collect().learn == collect().held_out == []


def test_words_go_and_the_counts_stay():
    for n in range(3):
        correct_one(f"report:{n}")
    assert services.forget_words(refs=["report:0", "report:2", "report:9"], actor="system:erasure") == 2
    assert Correction.objects.count() == 3
    assert list(Correction.objects.filter(sealed_words__isnull=False).values_list("ref", flat=True)) == ["report:1"]
    assert services.forget_words(refs=["report:0"], actor="system:erasure") == 0


def test_old_corrections_end():
    kind = next(kind for kind in kinds() if kind.name == "corrections")
    with clock.at(clock.now() - timedelta(days=800)):
        correct_one("report:old")
    correct_one("report:new")
    assert kind.purge(clock.now() - timedelta(days=kind.days), 100) == 1
    assert Correction.objects.get().ref == "report:new"
    assert kind.oldest() == Correction.objects.get().at
