"""The detectors of media on drawn photos: positives and hard negatives of every kind, from seeds of the tests' own.

`qixia media evaluate` does the same with larger sets; docs/evidence.md quotes it. Here a few of each kind have to do.
"""

from __future__ import annotations

import io
import json
from random import Random

import cv2
import numpy as np
import pytest
from django.core.management import call_command

from qixia.lab import evidence, photos
from qixia.media import likeness, provenance

# detector → (positives, hard negatives, least hits, most false alarms)
SETS = {
    "screenshot": (10, 16, 10, 0),
    "screen": (6, 20, 5, 0),
    "copied": (7, 12, 7, 0),
    "same_place": (6, 12, 5, 0),
    "at_odds": (40, 80, 40, 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_a_detector_finds_what_it_should_and_cries_no_wolf(name: str):
    positives, negatives, hits, alarms = SETS[name]
    found = evidence.measure(evidence.DETECTORS[name], seeds="tests", positives=positives, negatives=negatives)
    assert found.recall * positives >= hits - 0.01, found
    assert round(found.recall * positives / found.precision - found.recall * positives) <= alarms, found
    assert found.n == positives + negatives


def test_sets_hold_every_kind_of_hard_negative():
    rng = Random(1)
    kinds = {evidence.DETECTORS["screenshot"].make(rng, index, False).kind for index in range(4)}
    assert kinds == {"poster", "wall", "scene", "whole-screen photo"}
    assert {"tiles", "blinds", "fence", "led_sign", "grid", "tactile"} <= set(photos.PATTERNS)


def test_the_same_seed_makes_the_same_photo():
    plane = photos.drawing("manhole-before")
    one, two = (photos.photograph(plane, photos.any_shot(Random(3)), (320, 240)) for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, photos.photograph(plane, photos.any_shot(Random(4)), (320, 240)))


def test_figures_come_as_one_json_line_each():
    out = io.StringIO()
    call_command("media", "evaluate", "at_odds", "--positives", "4", "--negatives", "8", "--seeds", "tests", stdout=out)
    (line,) = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (line["detector"], line["n"], line["precision"], line["recall"]) == ("at_odds", 12, 1.0, 1.0)
    assert {"threshold", "seconds", "seeds", "positives", "negatives"} <= set(line)


# ── the edges ───────────────────────────────────────────────────────────────────────────────────────────────────────


def grey(value: int, size: tuple[int, int] = (480, 640)) -> photos.Pixels:
    return np.full((*size, 3), value, np.uint8)


def test_of_walls_fog_and_darkness_nothing_is_said():
    for value in (0, 128, 255):
        found = likeness.compare(grey(value), grey(value))
        assert (found.verdict, found.score, found.copied) == ("unsure", 0.0, 0.0)


def test_a_dark_picture_is_never_called_different():
    lit = photos.photograph(photos.drawing("manhole-before"), photos.any_shot(Random(2)), (640, 480))
    dark = photos.photograph(photos.drawing("lamp-after"), photos.any_shot(Random(3), gain=0.2), (640, 480))
    assert likeness.compare(lit, dark).verdict == "unsure"
    bright = photos.photograph(photos.drawing("bins-after"), photos.any_shot(Random(3), gain=1.0), (640, 480))
    assert likeness.compare(lit, bright).verdict == "different"


def test_the_scores_stay_between_nothing_and_one():
    assert likeness._score(0, 0, 0) == 0
    assert likeness._score(10_000, 1, 1) == pytest.approx(1)
    assert likeness._score(200, 0.9, 0.03) < likeness.SAME, "a thing of the same make is not the same place"


def test_small_and_odd_pictures_break_nothing():
    for size in ((16, 16), (17, 900), (900, 17)):
        noise = np.random.default_rng(1).integers(0, 255, (*size, 3)).astype(np.uint8)
        assert 0 <= provenance.screen(noise).score <= 1
        sign = provenance.screenshot(noise, size=(size[1], size[0]), format="png", camera=False)
        assert 0 <= sign.score <= 1
        assert likeness.compare(noise, noise).verdict in ("same", "unsure")


def test_a_camera_speaks_against_a_screenshot():
    picture = photos.screenshot("gallery", photos.drawing("manhole-before"), Random(1))
    small = cv2.resize(picture, None, fx=0.5, fy=0.5)
    size = (picture.shape[1], picture.shape[0])
    plain = provenance.screenshot(small, size=size, format="jpeg", camera=False)
    named = provenance.screenshot(small, size=size, format="jpeg", camera=True)
    assert plain.score - named.score > 0.3
