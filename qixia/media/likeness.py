"""Do two pictures show the same place, and is one a copy of the other? Pixels in, numbers out.

Method   SIFT features on contrast-equalised grey, matched both ways, joined by a homography with RANSAC. What agrees is
         counted, and how much of the picture it spans: a manhole cover of the same make agrees well, but only on itself.
         A copy is more: the pixels themselves agree after a move, turn and scale alone, all over the common part. Two
         photos from the same hand differ at least in view, light and noise.
Pixels   BGR of 8 bits, any size; worked on at 640 px. Nothing here reads files, and nothing decides about a person:
         "same", "unsure" and "different" are advice for the clerk who looks at both pictures.
Figures  docs/evidence.md says how often this is right, on drawn pictures, and what a pair costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np

Pixels = np.ndarray[Any, Any]
Verdict = Literal["same", "unsure", "different"]

SIDE: Final = 640
SAME: Final = 0.5
DIFFERENT: Final = 0.2
COPY: Final = 0.8  # share of the common part whose pixels agree
_FEATURES: Final = 2000
_FEW: Final = 60  # with fewer features in a picture nothing can be said: a wall, fog, darkness
_RATIO: Final = 0.85  # Lowe's: the best match must be clearly better than the second
_DARK: Final = 65  # mean grey below which nothing is called different
_REACH: Final = 4.0  # pixels that a match may miss its place by
_TILE: Final = 32


@dataclass(frozen=True, slots=True)
class Likeness:
    """`score` 0 … 1: how surely it is the same place. `copied` 0 … 1: share of the common part with the same pixels.

    `inliers` features agree on one view of a plane, out of `matches`; they span the share `spread` of the smaller picture.
    """

    verdict: Verdict
    score: float
    inliers: int
    matches: int
    spread: float
    copied: float

    @property
    def is_copy(self) -> bool:
        return self.copied >= COPY


@dataclass(frozen=True, slots=True)
class Features:
    """What is kept of one picture while it is compared with others."""

    grey: Pixels
    points: Pixels
    descriptors: Pixels

    @property
    def say_little(self) -> bool:
        return len(self.points) < _FEW or float(self.grey.mean()) < _DARK


def compare(before: Pixels, after: Pixels) -> Likeness:
    """Two pictures, which may be of any sizes."""
    return compare_features(features(before), features(after))


def features(picture: Pixels) -> Features:
    """The features of a picture, at working size."""
    grey = _working_grey(picture)
    # Dusk and shade change contrast by place; equalised by tiles, the same corners are found again. Smoothed before:
    # else the grain of a dark photo is lifted too, and takes all the features.
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.2)
    even = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(smooth)
    keypoints, descriptors = cv2.SIFT.create(nfeatures=_FEATURES, contrastThreshold=0.02).detectAndCompute(even, None)
    if descriptors is None or not len(keypoints):
        return Features(grey, np.empty((0, 2), np.float32), np.empty((0, 128), np.float32))
    # RootSIFT (Arandjelović and Zisserman 2012): the same lengths, but a better distance.
    rooted = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return Features(grey, np.array([point.pt for point in keypoints], np.float32), rooted.astype(np.float32))


def compare_features(before: Features, after: Features) -> Likeness:
    """Like `compare`, for pictures whose features are there already."""
    matches = _matches(before.descriptors, after.descriptors)
    score, inliers, spread, copied = 0.0, 0, 0.0, 0.0
    if len(matches) >= 8:
        here, there = before.points[matches[:, 0]], after.points[matches[:, 1]]
        view, agreeing = _view(here, there)
        if view is not None:
            inliers = int(agreeing.sum())
            spread = min(_spread(here[agreeing], before.grey), _spread(there[agreeing], after.grey))
            score = _score(inliers, inliers / len(matches), spread)
            copied = _copied(before, after, here[agreeing], there[agreeing])
    little = before.say_little or after.say_little
    return Likeness(_verdict(score, little), round(score, 3), inliers, len(matches), round(spread, 3), round(copied, 3))


def _verdict(score: float, little: bool) -> Verdict:
    if score >= SAME:
        return "same"
    return "unsure" if little or score >= DIFFERENT else "different"


def _score(inliers: int, share: float, spread: float) -> float:
    """How surely a number of agreeing features is no accident, and no mere common object."""
    enough = 1 - np.exp(-max(inliers - 8, 0) / 18)
    agreeing = min(1.0, share / 0.4)
    wide = min(1.0, spread / 0.25)
    return float(enough * agreeing**0.5 * wide)


def _working_grey(picture: Pixels) -> Pixels:
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    scale = SIDE / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return grey


def _matches(here: Pixels, there: Pixels) -> Pixels:
    """Pairs of feature numbers that choose each other and are clearly better than the next best."""
    if len(here) < 2 or len(there) < 2:
        return np.empty((0, 2), np.int32)
    closeness = here @ there.T  # RootSIFT has length 1: the larger the product, the nearer
    best = closeness.argmax(axis=1)
    number = np.arange(len(here))
    top = closeness[number, best]
    mutual = closeness.argmax(axis=0)[best] == number
    closeness[number, best] = -1
    second = closeness.max(axis=1)
    clear = (1 - top) < _RATIO**2 * (1 - second)  # squared distances are 2 − 2·product
    kept = mutual & clear
    return np.stack([number[kept], best[kept]], axis=1)


def _view(here: Pixels, there: Pixels) -> tuple[Pixels | None, Pixels]:
    """The homography on which most matches agree, and which do. None if it is no view that a camera can have."""
    view, mask = cv2.findHomography(here, there, cv2.USAC_MAGSAC, _REACH, maxIters=3000, confidence=0.999)
    if view is None or mask is None:
        return None, np.zeros(len(here), bool)
    agreeing = mask.ravel().astype(bool)
    turned = np.linalg.det(view[:2, :2])
    if not 0.02 < turned < 50 or agreeing.sum() < 8:  # mirrored, or shrunk to nothing: many points on one
        return None, agreeing
    return view, agreeing


def _spread(points: Pixels, grey: Pixels) -> float:
    hull = cv2.convexHull(points.astype(np.float32))
    return float(cv2.contourArea(hull) / (grey.shape[0] * grey.shape[1]))


# ── copies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _copied(before: Features, after: Features, here: Pixels, there: Pixels) -> float:
    """Share of the common part in which the fine detail is the same, after a move, turn and scale alone."""
    move, _mask = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=1.5, maxIters=2000)
    if move is None:
        return 0.0
    high, wide = after.grey.shape
    moved = cv2.warpAffine(before.grey, move, (wide, high), flags=cv2.INTER_AREA)
    common = cv2.warpAffine(np.full(before.grey.shape, 255, np.uint8), move, (wide, high), flags=cv2.INTER_NEAREST)
    common = cv2.erode(common, np.ones((7, 7), np.uint8))
    if (common > 0).mean() < 0.15:
        return 0.0
    return _agreeing_tiles(moved, after.grey, common)


def _agreeing_tiles(one: Pixels, other: Pixels, common: Pixels) -> float:
    """Of the tiles with detail, how many correlate. The grain counts too: it differs between any two exposures."""
    first, second = _detail(one), _detail(other)
    rows, columns = other.shape[0] // _TILE, other.shape[1] // _TILE
    good = seen = 0
    for row in range(rows):
        for column in range(columns):
            part = np.s_[row * _TILE : (row + 1) * _TILE, column * _TILE : (column + 1) * _TILE]
            if common[part].min() == 0:
                continue
            a, b = first[part], second[part]
            strength = float(np.sqrt((a * a).mean() * (b * b).mean()))
            if strength < 1.0:  # nothing there but rounding
                continue
            seen += 1
            good += (a * b).mean() / strength > 0.9
    return float(good / seen) if seen >= 8 else 0.0


def _detail(grey: Pixels) -> Pixels:
    picture = grey.astype(np.float32)
    return cv2.GaussianBlur(picture, (0, 0), 0.8) - cv2.GaussianBlur(picture, (0, 0), 4)
