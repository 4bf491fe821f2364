"""The drawn pictures of the demo: SVG files of our own, drawn to JPEG once a load.

A scene is a pair before/after of the same place; a class without a drawing of its own borrows the nearest. At most 60
drawings. The drawings hold no noise and no vignette (slow to render): the camera's grain and lens are laid over here,
the same every time, so that a picture never differs between two loads.
"""

from __future__ import annotations

import io
import random
from functools import lru_cache
from pathlib import Path

import resvg_py
from PIL import Image, ImageChops, ImageFilter

FOLDER = Path(__file__).parent / "scenes"
WIDTH = 720  # what each picture costs at the first start (looking for faces and plates) grows with its area
HEIGHT = 540
GRAIN = 0.24  # share of the grain in the picture; more looks like a bad camera
CORNER = 0.42  # how much darker the corners are

Pair = tuple[str, str]


def _pair(name: str) -> Pair:
    return f"{name}-before", f"{name}-after"


# triage class → its own scenes; several where a class is frequent
SCENES: dict[str, tuple[str, ...]] = {
    "manhole": ("manhole", "manhole-other"),
    "road-damage": ("pothole", "road-broken"),
    "shared-bike": ("bikes",),
    "cable": ("cable",),
    "streetlight": ("lamp",),
    "drain": ("drain",),
    "charging-pile": ("charger",),
    "lift": ("lift",),
    "traffic-light": ("signal",),
    "guardrail": ("guardrail",),
    "car-parking": ("lane-car",),
    "accessible-path": ("tactile",),
    "litter": ("litter",),
    "bin-overflow": ("bins",),
    "spill": ("oil",),
    "waterlogging": ("waterlogging",),
    "tree": ("branch",),
    "fire-lane": ("stairwell",),
    "ebike-charging": ("flying-wire",),
    "falling-object": ("facade",),
    "illegal-ads": ("ads",),
    "construction-site": ("hoarding",),
    "stall": ("stall",),
    "food-hygiene": ("kitchen",),
    "ghost-kitchen": ("shopfront",),
    "gate-access": ("gate",),
    "map-wrong": ("plate",),
    "station-need": ("station",),
}
# a class without a drawing of its own → the class whose drawing fits best
NEAREST: dict[str, str] = {
    "power-facility": "cable",
    "pipe-burst": "waterlogging",
    "gas": "construction-site",
    "locker": "charging-pile",
    "fitness": "guardrail",
    "road-collapse": "road-damage",
    "road-marking": "car-parking",
    "sign": "traffic-light",
    "bike-parking": "shared-bike",
    "congestion": "car-parking",
    "construction-waste": "construction-site",
    "road-dirty": "spill",
    "clutter": "fire-lane",
    "sewage": "drain",
    "river": "waterlogging",
    "smoke": "food-hygiene",
    "noise": "construction-site",
    "burning": "stall",
    "toilet": "drain",
    "dead-animal": "litter",
    "green": "tree",
    "fire-equipment": "fire-lane",
    "fire": "ebike-charging",
    "signboard": "falling-object",
    "snow-ice": "waterlogging",
    "illegal-build": "construction-site",
    "food-licence": "ghost-kitchen",
    "food-harm": "food-hygiene",
    "parking-need": "shared-bike",
    "person-at-risk": "map-wrong",
    "public-order": "streetlight",
    "other": "station-need",
}
# a class that somebody adds later → by its family
_BY_FAMILY = {
    "市政设施": "cable",
    "道路交通": "road-damage",
    "环境卫生": "litter",
    "园林": "tree",
    "消防安全": "fire-lane",
    "公共安全": "falling-object",
    "市容秩序": "stall",
    "食品安全": "food-hygiene",
    "骑手诉求": "gate-access",
    "应急求助": "streetlight",
    "其他": "station-need",
}


def pairs_for(cls: str, family: str) -> tuple[Pair, ...]:
    """The before/after drawings that fit a class, never none."""
    names = SCENES.get(cls) or SCENES[NEAREST.get(cls) or _BY_FAMILY.get(family, "road-damage")]
    return tuple(_pair(name) for name in names)


@lru_cache(maxsize=1)
def _grain() -> Image.Image:
    """Grey noise, slightly soft, the same every time."""
    noise = random.Random(7).randbytes(WIDTH * HEIGHT)
    return Image.frombytes("L", (WIDTH, HEIGHT), noise).filter(ImageFilter.GaussianBlur(0.7)).convert("RGB")


@lru_cache(maxsize=1)
def _lens() -> Image.Image:
    """A phone's lens: white, darker towards the corners."""
    reach = round(WIDTH * 1.44), round(HEIGHT * 1.44)
    left, top = (reach[0] - WIDTH) // 2, (reach[1] - HEIGHT) // 2
    distance = Image.radial_gradient("L").resize(reach).crop((left, top, left + WIDTH, top + HEIGHT))
    levels = [round(255 * (1 - CORNER * max(0.0, (level / 255 - 0.6) / 0.4))) for level in range(256)]
    return distance.point(levels).convert("RGB")


@lru_cache(maxsize=192)
def retaken(name: str, take: int) -> bytes:
    """The same drawing photographed anew: another place to stand, other light and grain, so no copy of `picture`."""
    rng = random.Random(take)
    image: Image.Image = Image.open(io.BytesIO(picture(name)))
    corners = [(0, 0), (0, HEIGHT), (WIDTH, HEIGHT), (WIDTH, 0)]
    bent = [(abs(x - rng.uniform(6, 52)), abs(y - rng.uniform(4, 39))) for x, y in corners]
    image = image.transform(
        (WIDTH, HEIGHT), Image.Transform.QUAD, [value for corner in bent for value in corner], Image.Resampling.BICUBIC
    )
    light = rng.uniform(0.8, 1.15)
    grain = ImageChops.offset(_grain(), rng.randrange(WIDTH), rng.randrange(HEIGHT))
    image = Image.blend(image.point(lambda level: min(255, round(level * light))), grain, 0.06)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=84)
    return out.getvalue()


def later(name: str) -> bytes:
    """How the place looks afterwards, from where the worker stands: drawn as before it would pass for a copy."""
    return retaken(name, 1)


@lru_cache(maxsize=64)
def picture(name: str) -> bytes:
    """One drawing as a JPEG of WIDTH × HEIGHT."""
    png = resvg_py.svg_to_bytes(svg_path=str(FOLDER / f"{name}.svg"), width=WIDTH, skip_system_fonts=True)
    drawn = Image.open(io.BytesIO(bytes(png))).convert("RGB").filter(ImageFilter.GaussianBlur(0.6))
    drawn = ImageChops.multiply(drawn, _lens())
    image = Image.blend(drawn, ImageChops.overlay(drawn, _grain()), GRAIN)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue()
