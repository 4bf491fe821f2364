"""How good the detectors of media are, on photos that nobody took (`lab.photos`).

Every detector gets positives and hard negatives from the same generator. Thresholds were chosen on seeds of the set
"tuning"; what is printed and quoted comes from "held-out". `qixia media evaluate` prints one JSON line per detector.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any

import cv2
import numpy as np
from PIL import Image

from qixia.kernel.clock import city_time
from qixia.lab import photos
from qixia.lab.photos import Pixels
from qixia.media import likeness, provenance
from qixia.media.pictures import perceptual_hash
from qixia.media.rules import HASH_REACH, hash_distance

SEEDS = {"tuning": 0, "held-out": 1_000_000, "tests": 2_000_000}
_SMALL = (640, 480)


@dataclass(frozen=True)
class Sample:
    """One thing to judge: `kind` says of what sort it is; `judge` gives its score."""

    kind: str
    judge: Callable[[], float]


@dataclass(frozen=True)
class Detector:
    """`make` draws sample number `index`; at `threshold` and above its score means yes."""

    name: str
    threshold: float
    make: Callable[[Random, int, bool], Sample]


@dataclass(frozen=True)
class Figures:
    """How a detector did. `seconds` of CPU for one judgement, of a photo or a pair; `wrong` counts by kind."""

    detector: str
    n: int
    positives: int
    negatives: int
    precision: float
    recall: float
    threshold: float
    seconds: float
    seeds: str
    wrong: dict[str, int]


def measure(detector: Detector, *, seeds: str, positives: int, negatives: int) -> Figures:
    """Judge that many samples of a detector."""
    hits = alarms = 0
    spent, wrong = 0.0, Counter[str]()
    for index in range(positives + negatives):
        is_positive = index < positives
        sample = detector.make(Random(SEEDS[seeds] + index), SEEDS[seeds] + index, is_positive)
        start = time.process_time()  # of this process: the clock on the wall also counts its neighbours
        said = sample.judge() >= detector.threshold
        spent += time.process_time() - start
        hits += said and is_positive
        alarms += said and not is_positive
        wrong[sample.kind] += said != is_positive
    return Figures(
        detector.name,
        positives + negatives,
        positives,
        negatives,
        round(hits / max(hits + alarms, 1), 3),
        round(hits / max(positives, 1), 3),
        detector.threshold,
        round(spent / (positives + negatives), 3),
        seeds,
        {kind: count for kind, count in sorted(wrong.items()) if count},
    )


# ── the sets ────────────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=6)
def _ground(name: str, seed: int, strength: float) -> Pixels:
    return photos.weathered(photos.drawing(name), seed, strength)


def _place(rng: Random) -> str:
    return rng.choice(photos.places())


def _screenshot(rng: Random, index: int, is_positive: bool) -> Sample:
    if is_positive:
        kind = photos.SCREENSHOTS[index % len(photos.SCREENSHOTS)]
        shown = photos.photograph(photos.drawing(f"{_place(rng)}-before"), photos.any_shot(rng), (960, 720))
        picture = photos.screenshot(kind, shown, rng)
        size, is_png = (picture.shape[1], picture.shape[0]), rng.random() < 0.5
        shrunk = _as_sent(picture)
        size = size if is_png else (shrunk.shape[1], shrunk.shape[0])
        return _judged_screenshot(kind, shrunk, size, "png" if is_png else "jpeg", False)
    kind = ("poster", "wall", "scene", "whole-screen photo")[index % 4]
    plane = photos.poster(rng) if kind == "poster" else photos.wall(rng) if kind == "wall" else None
    plane = photos.drawing(f"{_place(rng)}-before") if plane is None else plane
    size = (1280, 960)
    if kind in ("wall", "whole-screen photo"):
        plane = cv2.rotate(plane, cv2.ROTATE_90_CLOCKWISE)
        size = (900, 1600) if kind == "wall" else (720, 1600)
    straight = rng.random() < 0.3
    shot = photos.any_shot(
        rng,
        turn=0 if straight else rng.uniform(-3, 3),
        tilt=rng.uniform(0, 0.01) if straight else 0.04,
        noise=rng.uniform(1, 6),
    )
    taken = photos.photograph(plane, shot, size)
    return _judged_screenshot(kind, taken, size, rng.choice(("png", "jpeg", "jpeg")), rng.random() < 0.3)


def _judged_screenshot(kind: str, picture: Pixels, size: tuple[int, int], format: str, camera: bool) -> Sample:
    return Sample(kind, lambda: provenance.screenshot(picture, size=size, format=format, camera=camera).score)


def _as_sent(picture: Pixels) -> Pixels:
    """What a phone makes of a picture before it sends it."""
    scale = 1600 / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    return photos.recompressed(small, 82)


def _screen(rng: Random, index: int, is_positive: bool) -> Sample:
    name = f"{_place(rng)}-before"
    if is_positive:
        shown = photos.photograph(photos.drawing(name), photos.any_shot(rng), (960, 720))
        picture, kind = photos.screen_photo(shown, rng), "screen"
    else:
        kind = (*photos.PATTERNS, "scene")[index % (len(photos.PATTERNS) + 1)]
        plane = photos.drawing(name) if kind == "scene" else photos.patterned(kind, photos.drawing(name), rng)
        plane = photos.weathered(plane, index) if rng.random() < 0.5 else plane
        picture = photos.photograph(plane, photos.any_shot(rng), rng.choice(((1280, 960), (960, 720))))
    return Sample(kind, lambda: provenance.screen(picture).score)


_ALIKE = (("manhole", "manhole-other"), ("pothole", "road-broken"), ("lane-car", "road-broken"), ("lamp", "signal"),
          ("hoarding", "lane-car"), ("stall", "shopfront"), ("bikes", "tactile"), ("drain", "waterlogging"))  # fmt: skip


def _copied(rng: Random, index: int, is_positive: bool) -> Sample:
    kind, one, other = _copy_pair(rng, index, is_positive)
    return Sample(kind, lambda: likeness.compare(one, other).copied)


def _reused(rng: Random, index: int, is_positive: bool) -> Sample:
    """As `copied`, but only what the index over hashes would bring up at all."""
    kind, one, other = _copy_pair(rng, index, is_positive)

    def judge() -> float:
        near = hash_distance(_hash(one), _hash(other)) <= HASH_REACH
        return likeness.compare(one, other).copied if near else 0.0

    return Sample(kind, judge)


def _hash(picture: Pixels) -> int:
    return perceptual_hash(Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1])))


def _copy_pair(rng: Random, index: int, is_positive: bool) -> tuple[str, Pixels, Pixels]:
    name, strength = _place(rng), rng.uniform(0.2, 1.0)
    ground = _ground(f"{name}-before", index, strength)
    shot = photos.any_shot(rng)
    photo = photos.photograph(ground, shot, (960, 720))
    if is_positive:
        kind = photos.COPIES[index % len(photos.COPIES)]
        return kind, photo, photos.copy_of(photo, kind, rng)
    kind = ("other view", "burst", "before and after", "same make", "similar drawing", "other place")[index % 6]
    if kind == "burst":
        again = replace(shot, seed=shot.seed + 1, tilt=rng.uniform(0.004, 0.02), turn=shot.turn + rng.uniform(-1, 1))
        return kind, photo, photos.photograph(ground, again, (960, 720))
    if kind == "other view":
        return kind, photo, photos.photograph(ground, photos.any_shot(rng), (960, 720))
    if kind == "before and after":
        return (
            kind,
            photo,
            photos.photograph(_ground(f"{name}-after", index, strength), photos.any_shot(rng), (960, 720)),
        )
    return kind, *_different_pair(kind, rng, index)


def _different_pair(kind: str, rng: Random, index: int) -> tuple[Pixels, Pixels]:
    """Photos of two places that have something in common."""
    one, other = rng.choice(_ALIKE) if kind == "similar drawing" else rng.sample(photos.places(), 2)
    first = photos.weathered(photos.drawing(f"{one}-before"), index, 0.7)
    second = photos.weathered(photos.drawing(f"{other}-after"), index + 7, 0.7)
    if kind == "same make":
        second = photos.with_thing_of(second, photos.drawing(f"{one}-before"))
    return photos.photograph(first, photos.any_shot(rng), _SMALL), photos.photograph(
        second, photos.other_shot(rng), _SMALL
    )


def _same_place(rng: Random, index: int, is_positive: bool) -> Sample:
    """Before and after, against two places. "Yes" is the verdict "same"."""
    if is_positive:
        name, strength, kind = _place(rng), rng.uniform(0.2, 1.0), "before and after"
        one = photos.photograph(_ground(f"{name}-before", index, strength), photos.any_shot(rng), _SMALL)
        other = photos.photograph(_ground(f"{name}-after", index, strength), photos.other_shot(rng), _SMALL)
    else:
        kind = ("same make", "similar drawing", "other place", "same make")[index % 4]
        one, other = _different_pair(kind, rng, index)
    return Sample(kind, lambda: likeness.compare(one, other).score)


def _at_odds(rng: Random, index: int, is_positive: bool) -> Sample:
    """Facts only: a photo's own time and place against the report's."""
    now = datetime(2026, 11, 3, 8, tzinfo=UTC) + timedelta(minutes=rng.randrange(10_000))
    kind = ("time", "place")[index % 2]
    metres = rng.uniform(420, 6000) if is_positive and kind == "place" else abs(rng.gauss(0, 45))
    minutes = rng.choice((-1, 1)) * rng.uniform(45, 20_000) if is_positive and kind == "time" else rng.uniform(-8, 12)
    said = {
        "lat": round(24.9 + metres / 111_195, 6),
        "lng": 118.6,
        "datum": "WGS-84",
        "taken_at": city_time(now - timedelta(minutes=minutes)).replace(tzinfo=None).isoformat("T", "seconds"),
    }
    accuracy = rng.choice((None, 5.0, 20.0, 60.0))
    facts = provenance.Facts(24.9, 118.6, accuracy, now, now + timedelta(minutes=rng.uniform(0, 600)))
    found = provenance.odds(said, facts)
    return Sample(kind, lambda: float("odds" in (found.time, found.place)))


DETECTORS = {
    detector.name: detector
    for detector in (
        Detector("screenshot", provenance.SCREENSHOT, _screenshot),
        Detector("screen", provenance.SCREEN, _screen),
        Detector("reused", likeness.COPY, _reused),
        Detector("copied", likeness.COPY, _copied),
        Detector("same_place", likeness.SAME, _same_place),
        Detector("at_odds", 1.0, _at_odds),
    )
}


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────

HELP = "how good the detectors are, on drawn pictures: one JSON line each"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("detectors", nargs="*", help=f"of {', '.join(DETECTORS)}; all if none is named")
    parser.add_argument("--positives", type=int, default=60)
    parser.add_argument("--negatives", type=int, default=120)
    parser.add_argument("--seeds", choices=sorted(SEEDS), default="held-out")


def run(options: dict[str, Any], say: Callable[[str], None]) -> None:
    """Print the figures of the named detectors, one JSON line each."""
    cv2.setNumThreads(1)  # as in a worker that shares its machine
    for name in options["detectors"] or DETECTORS:
        found = measure(
            DETECTORS[name], seeds=options["seeds"], positives=options["positives"], negatives=options["negatives"]
        )
        say(json.dumps(found.__dict__, ensure_ascii=False))
