"""Where a photo seems to come from: pixels and facts in, a class with its reasons out. Advice for a clerk, never a refusal.

Classes  in_app, album, screenshot, screen (photo of a screen), reused, at_odds (time or place), unknown.
Pixels   BGR of 8 bits, upright, at most 1600 px on the long side: what a phone sends. `screenshot` and `screen` give a
         score of 0 … 1 and its parts; from the thresholds here on they are believed.
Facts    what phone and file say about time and place, against what the report says. Times are UTC seconds apart,
         places metres apart. A file without facts speaks neither for nor against anything.
Figures  docs/evidence.md says how often the detectors are right on drawn pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import cv2
import numpy as np

from qixia.kernel.clock import CITY_TZ
from qixia.kernel.geo import DATUMS, Point, distance_m, to_wgs84

Pixels = np.ndarray[Any, Any]
Source = Literal["in_app", "album", "screenshot", "screen", "reused", "at_odds", "unknown"]
CLASSES: Final = ("in_app", "album", "screenshot", "screen", "reused", "at_odds", "unknown")

SCREENSHOT: Final = 0.5
SCREEN: Final = 0.5
# Phones that draw upright screens; photos are 4:3 or 16:9 (and some cameras offer the whole screen, so it is a hint only).
_SCREEN_SIZES: Final = frozenset(
    {(1080, 2400), (1080, 2340), (1080, 2376), (1080, 2412), (1080, 2460), (1080, 2160), (1080, 1920), (720, 1280),
     (720, 1600), (720, 1520), (720, 1440), (750, 1334), (828, 1792), (1125, 2436), (1170, 2532), (1179, 2556),
     (1206, 2622), (1242, 2208), (1242, 2688), (1284, 2778), (1290, 2796), (1320, 2868), (1200, 2664), (1220, 2712),
     (1240, 2772), (1260, 2800), (1264, 2780), (1216, 2640), (1440, 2960), (1440, 3040), (1440, 3200), (1440, 3216),
     (1344, 2992), (1600, 2560), (1536, 2048)}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sign:
    """What a detector found. `parts` say from what the score is made, for the clerk and for the next tuning."""

    score: float
    parts: dict[str, float] = field(default_factory=dict)


# ── screenshots ─────────────────────────────────────────────────────────────────────────────────────────────────────


def screenshot(picture: Pixels, *, size: tuple[int, int], format: str, camera: bool) -> Sign:
    """How much the picture is like a phone's own screen. `size` is that of the file, `camera` whether it names one."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    parts = {
        "flat": _flat(grey),
        "edges": _straight_edges(grey),
        "bar": _status_bar(grey),
        "size": _screen_size(size),
        "png": 1.0 if format == "png" else 0.0,
        "camera": 1.0 if camera else 0.0,
    }
    score = (
        0.25 * min(1.0, parts["flat"] / 0.35)
        + 0.30 * parts["edges"]
        + 0.30 * parts["bar"]
        + 0.15 * parts["size"]
        + 0.05 * parts["png"]
        - 0.40 * parts["camera"]
    )
    return _sign(score, parts)


def _sign(score: float, parts: Mapping[str, float]) -> Sign:
    return Sign(round(min(1.0, max(0.0, score)), 3), {name: round(float(part), 3) for name, part in parts.items()})


def _flat(grey: Pixels) -> float:
    """Share of pixels whose neighbours are all the same: a sensor's noise leaves none, a drawn surface is nothing else.

    Black and white don't count: a photo's own shadows and sky are clipped to them.
    """
    around = np.ones((5, 5), np.uint8)
    same = cv2.dilate(grey, around).astype(np.int16) - cv2.erode(grey, around) <= 1
    lively = same & (grey > 3) & (grey < 252)
    clipped = same & ~lively
    # Full-width rows of pure black or white are an app's margins, not a sky: those count.
    margins = clipped.mean(axis=1) > 0.97
    return float(lively.mean() + clipped[margins].sum() / grey.size)


def _straight_edges(grey: Pixels) -> float:
    """How far the best two edges run exactly along a row of pixels, calm on both sides: 1 from side to side."""
    picture = grey.astype(np.int16)
    jump = np.abs(picture[4:-3] - picture[1:-6]) > 14  # over three rows: shrinking may have spread the edge
    calm = (np.abs(picture[1:-6] - picture[:-7]) <= 3) & (np.abs(picture[5:-2] - picture[4:-3]) <= 3)
    runs = np.sort((jump & calm).mean(axis=1))[::-1]
    apart = runs[:6:3] if len(runs) > 6 else runs[:1]  # one edge is seen in up to three rows
    return float(min(1.0, apart.mean() / 0.6))


def _status_bar(grey: Pixels) -> float:
    """Whether the top of an upright picture is one plain colour with small signs at its left and right ends."""
    high, wide = grey.shape
    if high < 1.6 * wide:
        return 0.0
    bar = grey[round(high * 0.006) : round(high * 0.034)]
    ground = int(np.bincount(bar.ravel(), minlength=256).argmax())
    signs = np.abs(bar.astype(np.int16) - ground) > 40
    plain = (np.abs(bar.astype(np.int16) - ground) <= 2).mean()
    left, middle, right = (part.mean() for part in np.split(signs, (wide // 4, wide * 3 // 4), axis=1))
    if plain < 0.8 or not 0.001 < right < 0.35:
        return 0.0
    return 1.0 if 0.001 < left < 0.35 and middle < 0.1 else 0.5


def _screen_size(size: tuple[int, int]) -> float:
    """1 for the very size of a phone's screen, also shrunk; ½ for any shape that only screens have."""
    short, long = min(size), max(size)
    if (short, long) in _SCREEN_SIZES or any(
        _shrunk(short, long, *screen) for screen in _SCREEN_SIZES if screen[1] > 1.9 * screen[0]
    ):
        return 1.0
    return 0.5 if 1.9 < long / short < 2.4 else 0.0


def _shrunk(short: int, long: int, screen_short: int, screen_long: int) -> bool:
    return long == 1600 and short == round(screen_short * 1600 / screen_long)


# ── photos of screens ───────────────────────────────────────────────────────────────────────────────────────────────

_PIECE: Final = 192
_CALM: Final = 60.0  # a peak must stand this far above its surroundings in the spectrum
_SHIFTED: Final = 0.03  # middle of the scale, chosen on tuning seeds


def screen(picture: Pixels) -> Sign:
    """How much the picture is like a photo of a screen.

    A panel's red, green and blue stripes lie side by side, so the moiré that they make with the sensor runs in red a
    third of a wave before green. Tiles, blinds and fences are just as regular, but in all colours at once. So: find the
    strongest wave in each piece of the picture and ask how far the colours are out of step.
    """
    waves = [_wave(piece) for piece in _pieces(picture)]
    if not waves:
        return Sign(0.0)
    table = np.array(waves)
    strong = table[:, 0] > _CALM
    shifted = np.where(strong, table[:, 1] * table[:, 2], 0)
    middle = float(np.median(shifted))
    parts = {
        "shifted": middle,
        "regular": float(strong.mean()),
        "strength": float(np.median(table[:, 1])),
        "bezel": _bezel(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)),
    }
    amount = middle + 0.006 * parts["bezel"] * (parts["regular"] > 0.5)
    return _sign(amount / (amount + _SHIFTED), parts)


def _pieces(picture: Pixels) -> list[Pixels]:
    """Squares of the picture without its shades: each pixel against the brightness around it."""
    colours = picture.astype(np.float32)
    around = cv2.GaussianBlur(colours, (0, 0), 6)
    detail = np.clip((colours - around) / (around.mean(axis=2, keepdims=True) + 8), -0.5, 0.5)
    high, wide = picture.shape[:2]
    return [
        detail[top : top + _PIECE, left : left + _PIECE]
        for top in range(0, high - _PIECE + 1, _PIECE)
        for left in range(0, wide - _PIECE + 1, _PIECE)
    ]


_WINDOW: Final = np.outer(np.hanning(_PIECE), np.hanning(_PIECE)).astype(np.float32)[:, :, None]
_FREQUENCY: Final = np.hypot(np.fft.fftfreq(_PIECE)[:, None], np.fft.rfftfreq(_PIECE)[None, :])
_BAND: Final = (_FREQUENCY > 0.05) & (_FREQUENCY < 0.42)  # slower is the scene, faster is the sensor's own mosaic


def _wave(piece: Pixels) -> tuple[float, float, float]:
    """The strongest wave: how far it stands out, how strong it is, and how far its colours are out of step."""
    waves = np.fft.rfft2(piece * _WINDOW, axes=(0, 1))
    power = (np.abs(waves) ** 2).sum(axis=2)
    at = np.unravel_index(np.argmax(np.where(_BAND, power, 0)), power.shape)
    surroundings = float(np.exp(cv2.blur(np.log(power + 1e-6).astype(np.float32), (21, 21))[at]))
    blue, green, red = waves[at]
    strength = float(np.abs(waves[at]).max() / (_WINDOW.sum() / 2))
    steps = np.angle([green * np.conj(red), blue * np.conj(green)])
    return float(power[at]) / surroundings, strength, float(np.abs(np.sin(steps)).mean())


def _bezel(grey: Pixels) -> float:
    """How many of the four margins are dark and plain, as a screen's frame in a dim room is."""
    deep = max(6, min(grey.shape) // 40)
    margins = (grey[:deep], grey[-deep:], grey[:, :deep], grey[:, -deep:])
    return sum(bool(m.mean() < 48 and m.std() < 14) for m in margins) / 4


# ── time and place ──────────────────────────────────────────────────────────────────────────────────────────────────

TIME_TOLERANCE: Final = timedelta(minutes=30)
LATE: Final = timedelta(days=2)  # drafts go out when there is a connection again; a day without one is no oddity
CLOCK_ERROR: Final = timedelta(minutes=10)
PLACE_TOLERANCE_M: Final = 150.0
_WIDE_CLAIM_M: Final = 3000.0  # a fix vaguer than this says nothing


@dataclass(frozen=True, slots=True)
class Facts:
    """What the report says, given by whoever owns it. `accuracy_m` None: unknown, as from a tap on the map."""

    lat: float | None = None
    lng: float | None = None
    accuracy_m: float | None = None
    captured_at: datetime | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Odds:
    """How the photo's own facts stand to the report's. `time` and `place`: "fits", "odds" or "" (nothing to compare)."""

    time: str = ""
    place: str = ""
    apart_m: float | None = None
    apart_s: float | None = None


def odds(said: Mapping[str, Any], facts: Facts) -> Odds:
    """Compare what a phone or a file says (`said`, in the shape of rules.clean_claims) with the report."""
    time, apart_s = _time_odds(said, facts)
    place, apart_m = _place_odds(said, facts)
    return Odds(time, place, apart_m, apart_s)


def worst(one: Odds, other: Odds) -> Odds:
    """Of what the phone said and what the file says, whatever is at odds; else whatever fits."""
    time, apart_s = _worst((one.time, one.apart_s), (other.time, other.apart_s))
    place, apart_m = _worst((one.place, one.apart_m), (other.place, other.apart_m))
    return Odds(time, place, apart_m, apart_s)


def _worst(*found: tuple[str, float | None]) -> tuple[str, float | None]:
    return max(found, key=lambda pair: ("", "fits", "odds").index(pair[0]))


def _time_odds(said: Mapping[str, Any], facts: Facts) -> tuple[str, float | None]:
    taken = _moment(said.get("taken_at"))
    happened = facts.captured_at or facts.received_at
    if facts.received_at and facts.captured_at and not _in_time(facts.captured_at, facts.received_at):
        return "odds", round((facts.received_at - facts.captured_at).total_seconds())
    if taken is None and said.get("source") == "camera" and facts.captured_at and facts.received_at:
        return "fits", None  # the app's own button, a moment ago; many cameras hand over no facts with the picture
    if taken is None or happened is None:
        return "", None
    apart = (happened - taken).total_seconds()
    limit = TIME_TOLERANCE if facts.captured_at else LATE
    return ("fits" if -TIME_TOLERANCE.total_seconds() <= apart <= limit.total_seconds() else "odds"), round(apart)


def _in_time(captured: datetime, received: datetime) -> bool:
    return -CLOCK_ERROR <= received - captured <= LATE


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    # Cameras without a zone write the clock on the wall.
    return (found if found.tzinfo else found.replace(tzinfo=CITY_TZ)).astimezone(UTC)


def _place_odds(said: Mapping[str, Any], facts: Facts) -> tuple[str, float | None]:
    lat, lng = said.get("lat"), said.get("lng")
    if lat is None or lng is None or facts.lat is None or facts.lng is None:
        return "", None
    if facts.accuracy_m is not None and facts.accuracy_m > _WIDE_CLAIM_M:
        return "", None
    apart = min(distance_m(point, Point(facts.lat, facts.lng)) for point in _readings(lat, lng, said.get("datum")))
    return ("fits" if apart <= PLACE_TOLERANCE_M + 2 * (facts.accuracy_m or 0) else "odds"), round(apart, 1)


def _readings(lat: float, lng: float, datum: object) -> list[Point]:
    """The place as the file may mean it: cameras sold in China write GCJ-02 and say nothing."""
    name = str(datum or "").lower().replace("-", "").replace(" ", "")
    point = Point(lat, lng)
    if name in DATUMS and name != "wgs84":
        return [to_wgs84(lat, lng, name)]  # type: ignore[arg-type]
    return [point] if name == "wgs84" else [point, to_wgs84(lat, lng, "gcj02")]


# ── the class ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found out about one photo."""

    source: str = ""  # "camera" (the app's own button), "album" or ""
    screenshot: Sign = Sign(0.0)
    screen: Sign = Sign(0.0)
    odds: Odds = Odds()
    reused: bool = False


def signs(found: Findings) -> dict[str, Any]:
    """What stands in Evidence.provenance_signs: what speaks for the class, in codes. Places and times only roughly."""
    apart_m, apart_s = found.odds.apart_m, found.odds.apart_s
    return {
        "source": found.source,
        "screenshot": {"score": found.screenshot.score, **found.screenshot.parts},
        "screen": {"score": found.screen.score, **found.screen.parts},
        "time": found.odds.time,
        "place": found.odds.place,
        **({"apart_m": round(apart_m / 50) * 50} if apart_m is not None else {}),
        **({"apart_min": round(apart_s / 600) * 10} if apart_s is not None else {}),
    }


def classify(found: Findings) -> Source:
    """The first that fits: what weighs most for a clerk comes first."""
    if found.reused:
        return "reused"
    if found.screenshot.score >= SCREENSHOT:
        return "screenshot"
    if found.screen.score >= SCREEN:
        return "screen"
    if "odds" in (found.odds.time, found.odds.place):
        return "at_odds"
    fits = "fits" in (found.odds.time, found.odds.place)
    if found.source == "camera" and fits:
        return "in_app"
    if found.source == "album" and found.odds.time == "fits" and found.odds.place == "fits":
        return "album"
    return "unknown"
