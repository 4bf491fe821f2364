"""No database. The lexicon is data: these tests keep it sane."""

import itertools
from collections import Counter

import pytest
import yaml

from qixia.codes.reference import class_rows
from qixia.triage import lexicon
from qixia.triage.lexicon import BadLexicon, compile_lexicon

SLUGS = [row.slug for row in class_rows()]
TABLE = lexicon.shipped()


def test_every_class_has_words_and_no_class_is_unknown() -> None:
    assert set(TABLE.classes) == set(SLUGS)
    count = Counter(claim.cls for claims in TABLE.words.values() for claim in claims)
    assert {slug: count[slug] for slug in SLUGS if count[slug] < 10} == {}


def test_no_word_speaks_equally_for_two_classes_without_a_reason() -> None:
    equal = set()
    for word, claims in TABLE.words.items():
        weights = sorted((claim.weight for claim in claims), reverse=True)
        if len(weights) > 1 and weights[0] == weights[1]:
            equal.add(word)
    assert equal == set(TABLE.shared)
    assert all(TABLE.shared.values())


def test_weights_are_those_that_the_head_explains() -> None:
    assert {claim.weight for claims in TABLE.words.values() for claim in claims} <= {1, 2, 3, 4, 6}


def test_what_the_class_list_says_raises_has_words() -> None:
    raised = {row.slug for row in class_rows() if row.raise_when}
    assert {slug for slug, words in TABLE.classes.items() if words.raises} == raised


def test_raises_reach_what_the_class_list_says() -> None:
    for row in class_rows():
        if row.raise_when:
            wanted = row.raise_when.rpartition("→")[2].strip()
            assert {rule.to.slug for rule in TABLE.classes[row.slug].raises} == {wanted}, row.slug


def test_exemptions_name_classes() -> None:
    assert {slug for rule in TABLE.danger for slug in rule.exempt} <= set(SLUGS)


@pytest.mark.parametrize("pattern", ["井.*盖", "(盖子)+", "井.{0,3}盖+"])
def test_open_ended_patterns_are_refused(pattern: str) -> None:
    data = yaml.safe_load((lexicon.DATA / "lexicon.yaml").read_text(encoding="utf-8"))
    data["classes"]["manhole"]["patterns"].append([3, pattern])
    with pytest.raises(BadLexicon, match="manhole"):
        compile_lexicon(data)


def test_a_word_listed_twice_in_a_class_is_refused() -> None:
    data = yaml.safe_load((lexicon.DATA / "lexicon.yaml").read_text(encoding="utf-8"))
    data["classes"]["lift"]["words"][4] += " 电梯"
    with pytest.raises(BadLexicon, match="lift: 电梯"):
        compile_lexicon(data)


def test_calibration_never_falls() -> None:
    points = TABLE.calibration
    assert points[0][0] == 0
    assert points[-1][0] == 1
    assert all(a[0] < b[0] and a[1] <= b[1] for a, b in itertools.pairwise(points))
