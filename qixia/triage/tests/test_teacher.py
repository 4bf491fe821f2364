"""What the installation's teacher gives to the trainer, and what it measures anew."""

from __future__ import annotations

from collections import Counter
from datetime import date
from types import SimpleNamespace

import pytest

from qixia.triage import teacher
from qixia.triage.learning.examples import Example, voices
from qixia.triage.queries import shipped_thresholds
from qixia.triage.teacher import CORRECTIONS, Shipped
from qixia.triage.tests.made import model

OURS = [Example(f"铁疙瘩{n}", "manhole", "normal", "corrections") for n in range(3)]


@pytest.fixture
def given(monkeypatch):
    """What train_and_prove was called with; it gives a made model."""
    found = {}

    def fake(lessons, **more):
        found.update(more, lessons=lessons)
        made = model({"铁疙瘩": "manhole"})
        made.card["held_out"] = {"n": len(more["held_out"]), "macro_f1": 0.5}
        more["progress"]("one line")
        return SimpleNamespace(model=made)

    monkeypatch.setattr(teacher.proving, "train_and_prove", fake)
    monkeypatch.setattr("qixia.triage.learning.vectors.available", lambda: False)
    return found


def shipped(texts_a_class: int = 0) -> Shipped:
    return Shipped(thresholds=shipped_thresholds(), as_of=date(2026, 11, 22), texts_a_class=texts_a_class)


def test_corrections_go_beside_the_voices_to_learn_from_and_weigh_more(given):
    told = []
    shipped(2).teach([*OURS, Example("自定的类", "our-own-class", "low", "corrections")], progress=told.append)
    sources = {example.source for example in given["lessons"]}
    assert [example for example in given["lessons"] if example.source == "corrections"] == OURS
    assert given["emphasis"] == {"corrections": CORRECTIONS}
    assert {voices()[name]["use"] for name in sources - {"corrections"}} == {"learn"}
    assert {voices()[example.source]["use"] for example in given["held_out"]} == {"prove"}
    assert len(told) == 1
    assert 0 < told[0] < 1


def test_a_small_training_takes_the_same_few_of_every_class(given):
    shipped(6).teach([], progress=lambda _share: None)
    first = list(given["lessons"])
    assert set(Counter(example.cls for example in first).values()) == {6}
    shipped(6).teach([], progress=lambda _share: None)
    assert given["lessons"] == first


def test_what_was_just_taught_is_not_measured_twice_on_the_voices(given):
    found = shipped(1)
    taught = found.teach(OURS, progress=lambda _share: None)
    proved = found.prove(taught, OURS)
    assert proved["voices"] is taught.card["held_out"]
    assert (proved["corrections"]["n"], proved["corrections"]["accuracy"]) == (3, 1.0)


def test_another_model_is_measured_on_both_and_on_nothing_where_there_is_nothing(given):
    proved = shipped(1).prove(model({"铁疙瘩": "fire"}), OURS)
    assert proved["voices"]["n"] > 0
    assert proved["corrections"]["accuracy"] == 0.0
    assert shipped(1).prove(model({"铁疙瘩": "fire"}), [])["corrections"] is None
