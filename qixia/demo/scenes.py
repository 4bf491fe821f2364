"""The drawn pictures of the demo: SVG files of our own, drawn to JPEG once a load.

A scene is a pair before/after; a class without a drawing of its own borrows the nearest. At most 60 drawings.
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import resvg_py
from PIL import Image

FOLDER = Path(__file__).parent / "scenes"
WIDTH = 960

# triage class → (before, after); several pairs where a class is frequent
SCENES: dict[str, tuple[tuple[str, str], ...]] = {
    "manhole": (
        ("manhole-before", "manhole-after"),
        ("manhole-other", "manhole-after"),
        ("manhole-near", "manhole-after"),
    ),
    "road-damage": (("pothole", "pothole-after"),),
    "shared-bike": (("bikes-before", "bikes-after"),),
    "bike-parking": (("bikes-before", "bikes-after"),),
    "fire-lane": (("firelane", "firelane"),),
    "cable": (("cable", "cable"),),
    "streetlight": (("lamp", "lamp"),),
    "bin-overflow": (("bins", "bins"),),
}
_BORROWED = {
    "市政设施": "manhole",
    "道路交通": "road-damage",
    "环境卫生": "bin-overflow",
    "园林": "bin-overflow",
    "消防安全": "fire-lane",
    "公共安全": "cable",
    "市容秩序": "shared-bike",
    "食品安全": "bin-overflow",
    "骑手诉求": "fire-lane",
    "应急求助": "road-damage",
    "其他": "road-damage",
}


def pairs_for(cls: str, family: str) -> tuple[tuple[str, str], ...]:
    return SCENES.get(cls) or SCENES[_BORROWED[family]]


@lru_cache(maxsize=64)
def picture(name: str) -> bytes:
    """One drawing as a JPEG."""
    png = resvg_py.svg_to_bytes(svg_path=str(FOLDER / f"{name}.svg"), width=WIDTH)
    image = Image.open(io.BytesIO(bytes(png))).convert("RGB")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue()
