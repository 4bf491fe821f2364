"""Photos that nobody took: drawn scenes seen through a pretended phone camera, for measuring the detectors of media.

There is no set of real photos to be had here, so figures from these say how the detectors do on drawn pictures, no more.
Everything hangs on the `Random` that is given: the same seed makes the same photo.

Camera   a plane seen in perspective → light and weather → lens blur → Bayer sensor with noise → JPEG. The sensor's colour
         mosaic matters: it is what makes coloured moiré, of screens and of fine fences alike.
Pixels   BGR, 8 bits, as OpenCV has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import resvg_py
from PIL import Image, ImageDraw

import qixia

Pixels = np.ndarray[Any, Any]

SCENES = Path(qixia.__file__).parent / "demo" / "scenes"
_PLANE = 1280  # width of a scene as it is drawn
WIDE, HIGH = 1280, 960  # of a finished photo
_RAYS = 12


@lru_cache(maxsize=1)
def places() -> tuple[str, ...]:
    """Names of the drawn places; each has a picture before and one after."""
    return tuple(sorted(path.name.removesuffix("-before.svg") for path in SCENES.glob("*-before.svg")))


@lru_cache(maxsize=80)
def drawing(name: str) -> Pixels:
    """One drawing, such as "manhole-before", in full size."""
    png = resvg_py.svg_to_bytes(svg_path=str(SCENES / f"{name}.svg"), width=_PLANE, skip_system_fonts=True)
    with Image.open(BytesIO(bytes(png))) as picture:
        return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])


def weathered(plane: Pixels, place_seed: int, strength: float = 1.0) -> Pixels:
    """The drawing with the grain of its ground: stains, cracks and grit, the same for every photo of one place."""
    noise = np.random.default_rng(place_seed)
    high, wide = plane.shape[:2]
    texture = np.zeros((high, wide), np.float32)
    for cell, weight in ((2, 9.0), (5, 8.0), (16, 8.0), (60, 10.0)):
        rough = noise.standard_normal((high // cell + 2, wide // cell + 2)).astype(np.float32)
        texture += weight * cv2.resize(rough, (wide, high), interpolation=cv2.INTER_CUBIC)
    for _ in range(14):
        start = noise.integers(0, (wide, high))
        line = start + np.cumsum(noise.integers(-22, 23, (9, 2)), axis=0)
        cv2.polylines(texture, [line.astype(np.int32)], False, float(noise.uniform(-45, -15)), 2, cv2.LINE_AA)
    return _clipped(plane.astype(np.float32) + strength * texture[:, :, None])


def _clipped(picture: Pixels) -> Pixels:
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


# ── the camera ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Shot:
    """How one photo is taken. `turn` in degrees; `tilt` is how far the corners wander, as a share of the width."""

    tilt: float = 0.06
    zoom: float = 1.15
    shift: float = 0.04
    turn: float = 2.0
    gain: float = 1.0
    warmth: float = 0.0
    gamma: float = 1.0
    slope: float = 0.15  # light that falls from one side
    haze: float = 0.0
    rain: int = 0
    blur: float = 0.7
    motion: int = 0
    noise: float = 4.0
    quality: int = 84
    seed: int = 0


def any_shot(rng: Random, **fixed: Any) -> Shot:
    """An ordinary photo of a hurried person."""
    found = {
        "tilt": rng.uniform(0.02, 0.10),
        "zoom": rng.uniform(1.02, 1.35),
        "shift": rng.uniform(0.0, 0.06),
        "turn": rng.uniform(-5, 5),
        "gain": rng.uniform(0.75, 1.2),
        "warmth": rng.uniform(-0.08, 0.08),
        "gamma": rng.uniform(0.85, 1.2),
        "slope": rng.uniform(0, 0.3),
        "blur": rng.uniform(0.4, 1.3),
        "motion": rng.choice((0, 0, 0, 3, 5)),
        "noise": rng.uniform(2, 8),
        "quality": rng.randint(72, 92),
        "seed": rng.randrange(1 << 30),
    }
    return Shot(**(found | fixed))


def other_shot(rng: Random) -> Shot:
    """The same place on another day: other view, other light, perhaps rain or dusk."""
    dusk, wet = rng.random() < 0.3, rng.random() < 0.3
    return any_shot(
        rng,
        tilt=rng.uniform(0.05, 0.16),
        zoom=rng.uniform(1.0, 1.6),
        shift=rng.uniform(0.0, 0.12),
        turn=rng.uniform(-10, 10),
        gain=rng.uniform(0.3, 0.6) if dusk else rng.uniform(0.75, 1.25),
        warmth=rng.uniform(-0.25, -0.1) if dusk else rng.uniform(-0.1, 0.15),
        noise=rng.uniform(7, 13) if dusk else rng.uniform(2, 8),
        haze=rng.uniform(0.1, 0.3) if wet else 0.0,
        rain=rng.randint(100, 300) if wet else 0,
    )


def photograph(plane: Pixels, shot: Shot, size: tuple[int, int] = (WIDE, HIGH)) -> Pixels:
    """The plane as the camera's JPEG shows it, decoded."""
    light = np.random.default_rng(shot.seed)
    seen = cv2.warpPerspective(
        plane, _view(plane, shot, size, light), size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101
    )
    return developed(_lit(seen, shot, light), shot, light)


def _view(plane: Pixels, shot: Shot, size: tuple[int, int], light: np.random.Generator) -> Pixels:
    """From the plane to the sensor."""
    wide, high = size
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    middle = np.array([wide / 2, high / 2], np.float32)
    angle = np.deg2rad(shot.turn)
    spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    to = (corners - middle) @ spin.T * shot.zoom + middle
    to += light.uniform(-shot.tilt, shot.tilt, (4, 2)).astype(np.float32) * wide
    to += light.uniform(-shot.shift, shot.shift, 2).astype(np.float32) * wide
    high_p, wide_p = plane.shape[:2]
    source = np.array([[0, 0], [wide_p, 0], [wide_p, high_p], [0, high_p]], np.float32)
    return cv2.getPerspectiveTransform(source, to.astype(np.float32))


def _lit(seen: Pixels, shot: Shot, light: np.random.Generator) -> Pixels:
    """Light, colour of the light, haze and rain; floats."""
    high, wide = seen.shape[:2]
    picture = 255 * (seen.astype(np.float32) / 255) ** shot.gamma * shot.gain
    picture *= np.array([1 - shot.warmth, 1, 1 + shot.warmth], np.float32)
    way = light.uniform(0, 2 * np.pi)
    across = np.linspace(-0.5, 0.5, wide, dtype=np.float32)[None, :] * np.float32(np.cos(way))
    down = np.linspace(-0.5, 0.5, high, dtype=np.float32)[:, None] * np.float32(np.sin(way))
    picture *= (1 + shot.slope * (across + down))[:, :, None]
    if shot.haze:
        picture = picture * (1 - shot.haze) + 190 * shot.haze
    for _ in range(shot.rain):
        x, y = int(light.integers(0, wide)), int(light.integers(0, high))
        cv2.line(picture, (x, y), (x + 4, y + int(light.integers(12, 40))), (215.0, 210.0, 205.0), 1, cv2.LINE_AA)
    return picture


def developed(picture: Pixels, shot: Shot, light: np.random.Generator) -> Pixels:
    """Lens, mosaic sensor, noise, JPEG."""
    if shot.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), shot.blur)
    if shot.motion:
        picture = cv2.filter2D(picture, -1, np.full((1, shot.motion), 1 / shot.motion, np.float32))
    high, wide = picture.shape[:2]
    sensor = np.empty((high, wide), np.float32)  # BG / GR
    sensor[0::2, 0::2] = picture[0::2, 0::2, 0]
    sensor[0::2, 1::2] = picture[0::2, 1::2, 1]
    sensor[1::2, 0::2] = picture[1::2, 0::2, 1]
    sensor[1::2, 1::2] = picture[1::2, 1::2, 2]
    sensor += np.asarray(light.standard_normal(sensor.shape), np.float32) * shot.noise
    colour = cv2.cvtColor(_clipped(sensor), cv2.COLOR_BayerRGGB2RGB)
    return recompressed(colour, shot.quality)


def as_jpeg(picture: Pixels, quality: int = 84) -> bytes:
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def as_png(picture: Pixels) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1])


def recompressed(picture: Pixels, quality: int) -> Pixels:
    return cv2.imdecode(np.frombuffer(as_jpeg(picture, quality), np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]


# ── a photo of a screen ─────────────────────────────────────────────────────────────────────────────────────────────


def screen_photo(shown: Pixels, rng: Random, side: int | None = None) -> Pixels:
    """`shown` on a panel of red, green and blue stripes, photographed and sent through a phone's shrinking."""
    light = np.random.default_rng(rng.randrange(1 << 30))
    wide, high = WIDE, HIGH
    pitch = rng.uniform(1.4, 3.2)  # sensor pixels that one panel pixel covers
    fill = rng.uniform(0.85, 1.3)  # how much of the frame the screen fills; above 1 no edge is seen
    panel = cv2.resize(shown, (round(wide * fill / pitch), round(high * fill / pitch)), interpolation=cv2.INTER_AREA)
    to_panel = np.linalg.inv(
        _view(panel, any_shot(rng, zoom=fill, blur=0, tilt=rng.uniform(0.005, 0.05)), (wide, high), light)
    )
    total = np.zeros((high, wide, 3), np.float32)
    lens = light.normal(0.5, rng.uniform(0.35, 0.75), (_RAYS, 2))  # in sensor pixels: blurs before the sensor samples
    for dx, dy in lens:
        total += _panel_light(panel, to_panel, wide, high, float(dx), float(dy))
    shot = any_shot(rng, blur=0, motion=0)
    picture = _glare(total / _RAYS * 3.6, rng)
    picture *= shot.gain
    taken = developed(np.minimum(picture, 255), shot, light)
    side = side or rng.choice((960, 1120, 1280))
    return recompressed(cv2.resize(taken, (side, side * 3 // 4), interpolation=cv2.INTER_AREA), 82)


def _panel_light(panel: Pixels, to_panel: Pixels, wide: int, high: int, dx: float, dy: float) -> Pixels:
    """What one point of each sensor pixel sees of the panel: stripes with dark gaps, black outside."""
    x = (np.arange(wide, dtype=np.float32) + dx)[None, :]
    y = (np.arange(high, dtype=np.float32) + dy)[:, None]
    (a, b, c), (d, e, f), (g, h, i) = to_panel.astype(np.float32)
    depth = g * x + h * y + i
    u, v = (a * x + b * y + c) / depth, (d * x + e * y + f) / depth
    inside = (u >= 0) & (v >= 0) & (u < panel.shape[1]) & (v < panel.shape[0])
    column, row = np.clip(u.astype(np.int32), 0, panel.shape[1] - 1), np.clip(v.astype(np.int32), 0, panel.shape[0] - 1)
    colour = panel[row, column].astype(np.float32)
    fraction, open_ = u - np.floor(u), (np.abs(v - np.floor(v) - 0.5) < 0.42) & inside
    for channel, centre in ((2, 1 / 6), (1, 1 / 2), (0, 5 / 6)):
        colour[:, :, channel] *= (np.abs(fraction - centre) < 0.14) & open_
    colour[~inside] = 14  # the bezel
    return colour


def _glare(picture: Pixels, rng: Random) -> Pixels:
    if rng.random() < 0.5:
        return picture
    high, wide = picture.shape[:2]
    spot = np.zeros((high // 8, wide // 8), np.float32)
    cv2.ellipse(spot, (rng.randrange(wide // 8), rng.randrange(high // 8)), (30, 14), 20, 0, 360, 60.0, -1)
    return picture + cv2.resize(cv2.GaussianBlur(spot, (0, 0), 9), (wide, high))[:, :, None]


# ── patterns that look like a screen and are none ───────────────────────────────────────────────────────────────────

PATTERNS = ("tiles", "blinds", "fence", "led_sign", "grid", "tactile", "net", "facade", "brick")


def patterned(kind: str, base: Pixels, rng: Random) -> Pixels:
    """A drawing with a regular thing in it, over all of it or a part."""
    plane = cv2.resize(base, (1920, 1440), interpolation=cv2.INTER_LINEAR)
    layer, mask = _pattern(kind, plane, rng)
    if rng.random() < 0.5:  # only a part of the picture
        part = np.zeros(mask.shape, np.float32)
        x, y = rng.randrange(0, 900), rng.randrange(0, 600)
        part[y : y + rng.randrange(500, 840), x : x + rng.randrange(600, 1000)] = 1
        mask = mask * part
    return _clipped(plane * (1 - mask[:, :, None]) + layer * mask[:, :, None])


def _pattern(kind: str, plane: Pixels, rng: Random) -> tuple[Pixels, Pixels]:
    """The thing's colours, and where it covers what is behind."""
    high, wide = plane.shape[:2]
    x, y = np.meshgrid(np.arange(wide, dtype=np.float32), np.arange(high, dtype=np.float32))
    step = rng.uniform(5, 40)
    tone = np.array([rng.uniform(60, 220) for _ in range(3)], np.float32) * 0.5 + rng.uniform(40, 110)
    colour = np.broadcast_to(tone, (high, wide, 3)).astype(np.float32)
    if kind == "tiles":
        joint = ((x % (step * 3) < 3) | (y % (step * 3) < 3)).astype(np.float32)
        return colour * (1 - 0.45 * joint[:, :, None]), np.ones((high, wide), np.float32) * 0.9
    if kind == "brick":
        row = np.floor(y / (step * 1.5))
        joint = ((y % (step * 1.5) < 3) | ((x + (row % 2) * step * 1.5) % (step * 3) < 3)).astype(np.float32)
        return colour * (1 - 0.4 * joint[:, :, None]), np.ones((high, wide), np.float32) * 0.9
    if kind == "blinds":
        return colour * (0.55 + 0.45 * (y % step / step))[:, :, None], np.ones((high, wide), np.float32)
    if kind == "fence":
        return colour, (x % step < max(2.0, step * 0.25)).astype(np.float32)
    if kind == "grid":
        return colour * 0.4, ((x % step < 3) | (y % step < 3)).astype(np.float32)
    if kind == "net":
        return colour, (((x + y) % step < 2.5) | ((x - y) % step < 2.5)).astype(np.float32)
    if kind == "tactile":
        dots = ((x % (step * 2) - step) ** 2 + (y % (step * 2) - step) ** 2 < (step * 0.55) ** 2).astype(np.float32)
        yellow = np.broadcast_to(np.array([60, 180, 215], np.float32), colour.shape)
        return yellow * (0.75 + 0.25 * dots)[:, :, None], np.ones((high, wide), np.float32) * 0.95
    if kind == "led_sign":
        words = cv2.resize(_letters(rng), (wide, high), interpolation=cv2.INTER_NEAREST)
        lamp = ((x % step - step / 2) ** 2 + (y % step - step / 2) ** 2 < (step * 0.33) ** 2).astype(np.float32)
        lit = np.array(rng.choice(((30, 40, 250), (40, 220, 60), (30, 190, 255))), np.float32)
        return lit * (lamp * words)[:, :, None] + 12, np.ones((high, wide), np.float32)
    pane = ((x % (step * 2) > step * 0.5) & (y % (step * 2.5) > step * 0.7)).astype(np.float32)  # facade
    return colour * (1 - 0.5 * pane[:, :, None]), np.ones((high, wide), np.float32) * 0.9


def _letters(rng: Random) -> Pixels:
    words = np.zeros((48, 64), np.float32)
    for line in range(12, 48, 14):
        text = "".join(rng.choice("ABCDEFGHKMNPRSTUVX0123456789") for _ in range(8))
        cv2.putText(words, text, (2, line), cv2.FONT_HERSHEY_PLAIN, 0.75, 1.0, 1)
    return words


# ── screenshots, and what looks like one ────────────────────────────────────────────────────────────────────────────

SCREENS = ((1080, 2400), (1080, 2340), (1170, 2532), (1080, 2160), (750, 1334), (1080, 1920), (1440, 3200), (720, 1600))
SCREENSHOTS = ("gallery", "chat", "web", "map", "video")


def screenshot(kind: str, shown: Pixels, rng: Random) -> Pixels:
    """A phone's screen as the phone itself keeps it: an app around a picture, a status bar on top."""
    wide, high = rng.choice(SCREENS)
    scale, dark = wide / 1080, kind in ("gallery", "video") or rng.random() < 0.25
    ground, ink = ((0, 0, 0), (235, 235, 235)) if dark else ((250, 250, 250), (30, 30, 30))
    canvas = Image.new("RGB", (wide, high), ground)
    draw = ImageDraw.Draw(canvas)
    bar = round(rng.uniform(70, 110) * scale)
    _DRAW_APP[kind](canvas, draw, shown, bar, ink, scale, rng)
    _status_bar(draw, wide, bar, ground, ink, scale, rng)
    if rng.random() < 0.7:  # the stripe of a phone without buttons
        draw.rounded_rectangle((wide * 0.33, high - 22 * scale, wide * 0.67, high - 14 * scale), 4, fill=ink)
    return np.ascontiguousarray(np.asarray(canvas)[:, :, ::-1])


def _status_bar(
    draw: ImageDraw.ImageDraw, wide: int, bar: int, ground: Any, ink: Any, scale: float, rng: Random
) -> None:
    draw.rectangle((0, 0, wide, bar), fill=ground)
    clock = f"{rng.randrange(24)}:{rng.randrange(60):02d}"
    draw.text((46 * scale, bar * 0.3), clock, fill=ink, font_size=36 * scale)
    for step in range(4):
        left = wide - (230 - step * 12) * scale
        draw.rectangle((left, bar * 0.6 - step * 6 * scale, left + 7 * scale, bar * 0.7), fill=ink)
    draw.rounded_rectangle((wide - 110 * scale, bar * 0.38, wide - 50 * scale, bar * 0.7), 6, outline=ink, width=3)
    draw.rectangle((wide - 105 * scale, bar * 0.42, wide - rng.uniform(60, 95) * scale, bar * 0.66), fill=ink)


def _picture_in(shown: Pixels, wide: int, high: int | None = None) -> Image.Image:
    tall = high or round(wide * shown.shape[0] / shown.shape[1])
    return Image.fromarray(np.ascontiguousarray(shown[:, :, ::-1])).resize((wide, tall), Image.Resampling.BICUBIC)


def _lines(
    draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], ink: Any, scale: float, rng: Random
) -> None:
    """Rows of straight text."""
    left, top, right, bottom = box
    while top < bottom:
        words = "".join(rng.choice("abcdefghiklmnoprstuvw  ") for _ in range(rng.randrange(14, 34)))
        draw.text((left, top), words[: int((right - left) / (19 * scale))], fill=ink, font_size=36 * scale)
        top += 58 * scale


def _gallery(
    c: Image.Image, draw: ImageDraw.ImageDraw, shown: Pixels, bar: int, ink: Any, scale: float, rng: Random
) -> None:
    wide, high = c.size
    inner = _picture_in(shown, wide)
    c.paste(inner, (0, (high - inner.height) // 2))
    draw.text((60 * scale, bar + 40 * scale), "2026-11-02 09:14", fill=ink, font_size=38 * scale)
    for step in range(5):
        left = wide * (step + 0.5) / 5
        draw.ellipse(
            (left - 24 * scale, high - 150 * scale, left + 24 * scale, high - 102 * scale), outline=ink, width=4
        )


def _video(
    c: Image.Image, draw: ImageDraw.ImageDraw, shown: Pixels, bar: int, ink: Any, scale: float, rng: Random
) -> None:
    wide, high = c.size
    inner = _picture_in(shown, wide, high - bar - round(130 * scale))
    c.paste(inner, (0, bar))
    draw.rectangle((0, high - 130 * scale, wide, high), fill=(0, 0, 0))
    draw.line((50 * scale, high - 70 * scale, wide - 50 * scale, high - 70 * scale), fill=(120, 120, 120), width=6)
    _lines(draw, (40 * scale, high - 420 * scale, wide * 0.8, high - 260 * scale), (255, 255, 255), scale, rng)


def _chat(
    c: Image.Image, draw: ImageDraw.ImageDraw, shown: Pixels, bar: int, ink: Any, scale: float, rng: Random
) -> None:
    wide, high = c.size
    draw.line((0, bar + 120 * scale, wide, bar + 120 * scale), fill=(128, 128, 128), width=2)
    top = bar + 180 * scale
    while top < high - 300 * scale:
        mine = rng.random() < 0.5
        left = wide * (0.3 if mine else 0.12)
        if rng.random() < 0.4:
            inner = _picture_in(shown, round(wide * 0.56))
            c.paste(inner, (round(left), round(top)))
            top += inner.height + 50 * scale
            continue
        tall = rng.choice((110, 170, 230)) * scale
        draw.rounded_rectangle(
            (left, top, left + wide * 0.58, top + tall),
            20,
            fill=(149, 236, 105) if mine else (255, 255, 255),
            outline=(210, 210, 210),
        )
        _lines(
            draw,
            (left + 24 * scale, top + 28 * scale, left + wide * 0.56, top + tall - 60 * scale),
            (20, 20, 20),
            scale,
            rng,
        )
        top += tall + 50 * scale
    draw.rectangle((0, high - 150 * scale, wide, high), fill=(246, 246, 246))


def _web(
    c: Image.Image, draw: ImageDraw.ImageDraw, shown: Pixels, bar: int, ink: Any, scale: float, rng: Random
) -> None:
    wide, high = c.size
    _lines(draw, (40 * scale, bar + 60 * scale, wide * 0.95, bar + 260 * scale), ink, scale, rng)
    inner = _picture_in(shown, wide - round(80 * scale))
    c.paste(inner, (round(40 * scale), round(bar + 320 * scale)))
    _lines(draw, (40 * scale, bar + 380 * scale + inner.height, wide * 0.95, high - 120 * scale), ink, scale, rng)


def _map(
    c: Image.Image, draw: ImageDraw.ImageDraw, shown: Pixels, bar: int, ink: Any, scale: float, rng: Random
) -> None:
    wide, high = c.size
    draw.rectangle((0, bar, wide, high), fill=(238, 236, 230))
    for _ in range(16):
        ends = [(rng.uniform(-200, wide + 200), rng.uniform(bar, high)) for _ in range(2)]
        draw.line(
            ends,
            fill=rng.choice(((255, 255, 255), (253, 226, 147), (180, 214, 240))),
            width=round(rng.uniform(10, 40) * scale),
        )
    for _ in range(20):
        at = (rng.uniform(0, wide), rng.uniform(bar, high))
        draw.text(at, "".join(rng.choice("abcdefgh ") for _ in range(8)), fill=(90, 90, 90), font_size=28 * scale)
    draw.rounded_rectangle(
        (40 * scale, high - 420 * scale, wide - 40 * scale, high - 60 * scale), 30, fill=(255, 255, 255)
    )
    _lines(draw, (90 * scale, high - 380 * scale, wide * 0.9, high - 130 * scale), (40, 40, 40), scale, rng)


_DRAW_APP = {"gallery": _gallery, "video": _video, "chat": _chat, "web": _web, "map": _map}


def poster(rng: Random) -> Pixels:
    """A flat printed notice on a wall: large plain areas, rows of straight text, no screen."""
    canvas = Image.new("RGB", (_PLANE, 960), tuple(rng.randrange(120, 240) for _ in range(3)))  # type: ignore[arg-type]
    draw = ImageDraw.Draw(canvas)
    left, right = rng.randrange(60, 300), rng.randrange(900, 1220)
    paper = tuple(rng.randrange(200, 256) for _ in range(3))
    draw.rectangle((left, 60, right, 900), fill=paper)  # type: ignore[arg-type]
    draw.rectangle((left, 60, right, 180), fill=rng.choice(((200, 30, 30), (20, 70, 160), (20, 120, 60))))
    _lines(draw, (left + 60, 90, right - 40, 130), (255, 255, 255), 1.4, rng)
    _lines(draw, (left + 60, 240, right - 40, 840), (30, 30, 30), 1.0, rng)
    return np.ascontiguousarray(np.asarray(canvas)[:, :, ::-1])


def wall(rng: Random) -> Pixels:
    """A painted wall in two colours: as flat as a photo can be."""
    plane = np.full((960, _PLANE, 3), [rng.randrange(120, 250) for _ in range(3)], np.uint8)
    edge = rng.randrange(200, 800)
    plane[edge:] = [rng.randrange(60, 200) for _ in range(3)]
    if rng.random() < 0.5:
        cv2.rectangle(plane, (300, 200), (800, 700), [float(rng.randrange(40, 250)) for _ in range(3)], -1)
    return plane


# ── copies, and what looks like one ─────────────────────────────────────────────────────────────────────────────────

COPIES = ("recompressed", "resized", "cropped", "turned", "brightened", "marked", "all")


def copy_of(photo: Pixels, kind: str, rng: Random) -> Pixels:
    """The same photo as it comes back: sent through a chat, cut, turned a little, brightened, with words over it."""
    high, wide = photo.shape[:2]
    found = photo
    if kind in ("cropped", "all"):
        cut = [rng.uniform(0.0, 0.06) for _ in range(4)]
        found = found[int(high * cut[0]) : int(high * (1 - cut[1])), int(wide * cut[2]) : int(wide * (1 - cut[3]))]
    if kind in ("turned", "all"):
        turn = cv2.getRotationMatrix2D((wide / 2, high / 2), rng.uniform(-3, 3), 1.06)
        found = cv2.warpAffine(found, turn, (found.shape[1], found.shape[0]), borderMode=cv2.BORDER_REFLECT)
    if kind in ("resized", "all"):
        scale = rng.uniform(0.5, 0.9)
        found = cv2.resize(found, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if kind in ("brightened", "all"):
        found = _clipped(found.astype(np.float32) * rng.uniform(0.8, 1.2) + rng.uniform(-12, 12))
    if kind == "marked":
        found = found.copy()
        cv2.rectangle(found, (0, int(high * 0.9)), (wide, high), (20.0, 20.0, 20.0), -1)
        cv2.putText(
            found,
            "2026-11-03 08:12 A-4471",
            (20, int(high * 0.96)),
            cv2.FONT_HERSHEY_SIMPLEX,
            wide / 900,
            (240, 240, 240),
            2,
        )
    return recompressed(np.ascontiguousarray(found), rng.randint(50, 85))


def with_thing_of(ground: Pixels, other: Pixels) -> Pixels:
    """`ground` with the middle of `other` in it: a cover, a lamp or a bin of the same make at another place."""
    high, wide = ground.shape[:2]
    mask = np.zeros((high, wide), np.float32)
    cv2.ellipse(mask, (wide // 2, high // 2), (int(wide * 0.2), int(high * 0.2)), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 4)[:, :, None]
    return _clipped(ground * (1 - mask) + cv2.resize(other, (wide, high)) * mask)
