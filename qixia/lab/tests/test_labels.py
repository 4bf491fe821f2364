"""The trainer on labels of others: how the sets are split, and that both learners read them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from qixia.codes.reference import class_rows
from qixia.lab import labels
from qixia.triage.learning import examples, vectors
from qixia.triage.learning.examples import Example

CLASSES = {row.slug for row in class_rows()}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Our own texts in the form of the public sets: two labels of the messages, food or not for the comments."""
    texts = [e for e in examples.shipped(CLASSES) if e.source == "xuesheng"]
    water = [(e.text, "water") for e in texts if e.cls in ("sewage", "waterlogging", "pipe-burst")]
    fire = [(e.text, "fire") for e in texts if e.cls in ("fire", "burning", "smoke")]
    food = [(e.text, "1") for e in texts if e.cls in ("food-harm", "food-hygiene")]
    other = [(e.text, "0") for e in texts if e.cls in ("gate-access", "map-wrong", "parking-need")]
    _write(tmp_path / "government-messages-train.csv", ("text", "label"), water + fire)
    _write(tmp_path / "restaurant-comments-train.csv", ("text", "food_safety"), food + other)
    return tmp_path


def _write(path: Path, head: tuple[str, str], rows: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def test_a_line_a_task(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "available", lambda: False)
    lines = list(labels.run("bench", data, seed=1))
    assert [line["task"] for line in lines] == [task.name for task in labels.TASKS]
    for line in lines[:2]:
        assert line["qixia"]["macro_f1"] >= 0.7
        assert 0 < line["signalen"]["macro_f1"] <= 1
    assert lines[2]["qixia"]["f1"] >= 0.7
    assert lines[0]["n"] == round((lines[0]["n"] + lines[0]["learnt_from"]) * labels.SHARE_MEASURED + 0.499)


def test_copies_stay_on_one_side() -> None:
    texts = [e.text for e in examples.shipped(CLASSES)[:200]]
    learn, prove = labels.split(
        [Example(text, "a", "low") for text in [*texts, *(f"{t}！谢谢" for t in texts)]], seed=3
    )
    assert prove
    assert {e.text.removesuffix("！谢谢") for e in learn}.isdisjoint(e.text.removesuffix("！谢谢") for e in prove)


def test_a_split_is_the_same_for_the_same_seed() -> None:
    some = [Example(str(n) * 9, "a", "low") for n in range(50)]
    assert labels.split(some, seed=1) == labels.split(some, seed=1)
    assert labels.split(some, seed=1)[1] != labels.split(some, seed=2)[1]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"government-messages-train\.csv"):
        call_command("bench", "triage", data=tmp_path)
    with pytest.raises(CommandError, match=r"--data"):
        call_command("bench", "triage")
