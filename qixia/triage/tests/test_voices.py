"""The texts that triage learns from: enough, by many voices, none a copy of another."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict

import pytest

from qixia.codes.reference import class_rows
from qixia.codes.rules import Severity
from qixia.triage.learning.examples import VOICES, BadLabels, Example, digest, read_examples, shipped, voices

CLASSES = {row.slug: row for row in class_rows()}
ALIKE = 0.6


@pytest.fixture(scope="module")
def texts() -> list[Example]:
    return shipped(CLASSES)


def test_every_file_has_an_author_and_every_author_a_file() -> None:
    assert {path.stem for path in VOICES.glob("*.jsonl")} == set(voices())
    assert all(voice["use"] in ("learn", "prove") and voice["writer"] and voice["who"] for voice in voices().values())


def test_there_are_enough(texts: list[Example]) -> None:
    assert len(texts) >= 6_000
    by_class = Counter(e.cls for e in texts)
    assert set(by_class) == set(CLASSES)
    assert min(by_class.values()) >= 100
    assert len({e.source for e in texts}) >= 12


def test_whole_voices_are_held_out(texts: list[Example]) -> None:
    proving = {name for name, voice in voices().items() if voice["use"] == "prove"}
    assert proving
    assert proving.isdisjoint(e.source for e in shipped(CLASSES, use="learn"))
    writers = {voices()[name]["writer"] for name in proving}
    assert writers.isdisjoint(voices()[e.source]["writer"] for e in shipped(CLASSES, use="learn"))


def test_nothing_is_below_the_floor_of_its_class(texts: list[Example]) -> None:
    low = [e.text for e in texts if Severity.of(e.severity) < Severity.of(CLASSES[e.cls].severity_floor)]
    assert low == []


def test_all_four_levels_occur_often(texts: list[Example]) -> None:
    by_level = Counter(e.severity for e in texts)
    assert min(by_level.values()) >= len(texts) // 20


def trigrams(text: str) -> set[str]:
    plain = re.sub(r"[\W_]+", "", text)
    return {plain[i : i + 3] for i in range(max(1, len(plain) - 2))}


def test_no_two_texts_are_alike(texts: list[Example]) -> None:
    """None shares more than 60 % of the trigrams of the shorter one with another."""
    grams = [trigrams(e.text) for e in texts]
    holders: dict[str, list[int]] = defaultdict(list)
    alike = []
    for index, own in enumerate(grams):
        shared = Counter(other for gram in own for other in holders[gram])
        for other, count in shared.items():
            if count > ALIKE * min(len(own), len(grams[other])):
                alike.append((texts[other].text, texts[index].text))
        for gram in own:
            holders[gram].append(index)
    assert alike == []


def test_the_name_of_the_class_is_seldom_said(texts: list[Example]) -> None:
    """Riders rarely write 井盖缺失破损移位; a set that does would flatter."""
    named = sum(CLASSES[e.cls].name in e.text for e in texts)
    assert named < len(texts) // 100


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "1", '{"text": "x"}', '{"text": 3, "class": "manhole", "severity": "high"}',
     '{"text": "x", "class": "none", "severity": "low"}', '{"text": "x", "class": "manhole", "severity": "bad"}',
     '{"text": "x", "class": ["manhole"], "severity": "low"}'],
)  # fmt: skip
def test_a_bad_line_is_named(line: str) -> None:
    with pytest.raises(BadLabels, match="here, line 2"):
        read_examples(["", line], CLASSES, source="here")


def test_the_digest_tells_labels_apart_but_not_orders() -> None:
    one, other = Example("a", "manhole", "high"), Example("b", "drain", "normal")
    assert digest([one, other]) == digest([other, one])
    assert digest([one]) != digest([Example("a", "manhole", "critical")])
    assert json.dumps(digest([one]))
