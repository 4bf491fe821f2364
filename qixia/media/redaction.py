"""Finding faces and number plates in a picture and covering them, in pixels, before any copy is made.

Search   a face may fill the picture or be 12 pixels high. So the picture is searched at several sizes: whole at 480 and
         960 pixels, then at up to FINE pixels in tiles. A find at any size counts; thresholds are low, because a patch
         too many costs a clerk a click and one too few costs somebody the secret.
Cover    one flat colour a box: the mean, in 8 steps a channel. That is 9 bits. A number plate is 31 bits and a mosaic or
         a blur keeps far more than that: both have been undone by trying all plates. Nine bits can't be.
Units    boxes are whole pixels of the picture that was given; scores 0 to 1.
Memory   nets see at most TILE × TILE pixels; one picture at a time in a process (a lock).
Errors   CannotLook for everything that keeps the search from coming to its end: missing weights, no memory, too slow,
         any error of the runtime. Nobody may take that for "nothing found".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from PIL import Image

from qixia.kernel.errors import Invalid
from qixia.media.redaction_models import CannotLook as CannotLook  # callers name it as ours
from qixia.media.redaction_models import Find, Pixels, find_faces, find_plates

Kind = Literal["face", "plate"]
KINDS: Final[tuple[Kind, ...]] = ("face", "plate")
MACHINE: Final = "machine"

FINE: Final = 3200  # longest side that is searched: what's under 12 px there has 6 in the largest copy
TILE: Final = 1024
OVERLAP: Final = 128  # whatever is larger than this is found at a coarser size
COARSE: Final = (480, 960)
BUDGET_S: Final = 60.0  # of this thread's CPU, so that a busy machine holds no photo; ten times what 12 megapixels take
SMALLEST: Final = 4  # pixels a side of a person's box
MOST: Final = 400  # boxes; more is a broken net

_LEAST: Final[dict[Kind, float]] = {"face": 0.22, "plate": 0.3}
_LARGE_PLATE: Final = (0.35, 0.9)  # wider than this share of the picture: this sure, or it's the side of a lorry
_FLAT: Final = 10  # levels of a channel; what differs by less shows nothing
_PAD: Final[dict[Kind, tuple[float, float]]] = {"face": (0.15, 0.15), "plate": (0.1, 0.16)}  # of width and height
_PLATE_SIZES: Final = (1920, FINE)
_ENLARGE: Final = 2.5  # a small plate in a small picture is found in an enlarged one
_STEP: Final = 32  # of a colour's 256

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Box:
    """What is covered. `by` is "machine" or the ref of a person; a person's box has score 1."""

    kind: Kind
    x: int
    y: int
    w: int
    h: int
    score: float
    by: str = MACHINE

    @property
    def area(self) -> int:
        return self.w * self.h

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Look = Callable[[Image.Image], list[Box]]


def find(picture: Image.Image) -> list[Box]:
    """All faces and plates of an upright RGB picture, padded. CannotLook if the search did not come to its end."""
    deadline = time.thread_time() + BUDGET_S
    try:
        with _one_at_a_time:
            shown = _shrunk(picture, FINE)
            raw = [box for kind in KINDS for box in _search(shown, kind, deadline)]
    except CannotLook:
        raise
    except MemoryError as error:
        raise CannotLook("memory") from error
    except Exception as error:  # the runtime has classes of its own; all of them mean the same
        raise CannotLook(f"detector {type(error).__name__}") from error
    boxes = [box for kind in KINDS for box in merged(box for box in raw if box.kind == kind)]
    if len(boxes) > MOST:
        raise CannotLook("too_many")
    return resized([grown(box, shown.size) for box in boxes], shown.size, picture.size)


def _search(picture: Image.Image, kind: Kind, deadline: float) -> Iterator[Box]:
    detect = find_faces if kind == "face" else find_plates
    for side in _sizes(max(picture.size), kind):
        scale = side / max(picture.size)
        shown = _scaled(picture, scale)
        for left, top, right, bottom in tiles(shown.size):
            if time.thread_time() > deadline:
                raise CannotLook("time")
            tile: Pixels = np.asarray(shown.crop((left, top, right, bottom)))
            for found in detect(tile, _LEAST[kind]):
                if _is_something(found, kind, tile, max(shown.size)):
                    yield from _placed(found, kind, left, top, shown.size, scale)


def _is_something(found: Find, kind: Kind, tile: Pixels, longest: int) -> bool:
    """Two sorts of false find that would cost whole pictures: a net takes a bare wall or a car's back for a plate."""
    wide, sure = _LARGE_PLATE
    if kind == "plate" and found.w > wide * longest and found.score < sure:
        return False
    left, top = max(0, int(found.x)), max(0, int(found.y))
    inside = tile[top : int(found.y + found.h) + 1, left : int(found.x + found.w) + 1]
    return inside.size == 0 or int(np.ptp(inside, axis=(0, 1)).max()) >= _FLAT


def _sizes(longest: int, kind: Kind) -> list[int]:
    """The sizes to search at, small to large."""
    if kind == "face":
        finest = min(longest, FINE)
        return sorted({min(side, finest) for side in COARSE} | ({finest} if finest > 1.2 * COARSE[-1] else set()))
    most = min(int(longest * _ENLARGE), FINE)
    return sorted({min(side, most) for side in (*COARSE, *_PLATE_SIZES)})


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    return _scaled(picture, side / max(picture.size)) if max(picture.size) > side else picture


def _scaled(picture: Image.Image, scale: float) -> Image.Image:
    if scale == 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    method = Image.Resampling.BILINEAR if scale > 1 else Image.Resampling.BOX
    return picture.resize(size, method, reducing_gap=2.0 if scale < 1 else None)


def tiles(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Boxes of at most TILE × TILE pixels that cover the picture and overlap."""
    for top, bottom in _spans(size[1]):
        for left, right in _spans(size[0]):
            yield left, top, right, bottom


def _spans(length: int) -> list[tuple[int, int]]:
    """Equal parts, each with OVERLAP or more in common with the next."""
    if length <= TILE:
        return [(0, length)]
    count = -(-(length - OVERLAP) // (TILE - OVERLAP))
    span = -(-(length + (count - 1) * OVERLAP) // count)
    starts = (min(index * (span - OVERLAP), length - span) for index in range(count))
    return [(start, start + span) for start in starts]


def _placed(found: Find, kind: Kind, left: int, top: int, size: tuple[int, int], scale: float) -> Iterator[Box]:
    """In pixels of the picture, cut at its edges; nothing for what lies outside."""
    x0, y0 = max(0.0, left + found.x), max(0.0, top + found.y)
    x1, y1 = min(float(size[0]), left + found.x + found.w), min(float(size[1]), top + found.y + found.h)
    w, h = round((x1 - x0) / scale), round((y1 - y0) / scale)
    if w >= 2 and h >= 2:
        yield Box(kind, round(x0 / scale), round(y0 / scale), w, h, round(found.score, 3))


# ── boxes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def merged(boxes: Iterable[Box]) -> list[Box]:
    """One box for each thing, best first. Finds of one thing at several sizes are its parts too: those as sure as the
    best widen it, as far as nine in ten of them agree."""
    kept: list[Box] = []
    rest = sorted(boxes, key=lambda box: -box.score)
    while rest:
        best = rest[0]
        same = [box for box in rest if _is_same(box, best)]
        whole = _around(best, _agreed([box for box in same if box.score >= 0.9 * best.score]))
        kept.append(whole)
        rest = [box for box in rest[1:] if not _is_same(box, best) and _shared(box, whole) < 0.75 * box.area]
    return kept


def _is_same(box: Box, best: Box) -> bool:
    shared = _shared(box, best)
    return shared >= 0.75 * box.area or shared >= 0.35 * (box.area + best.area - shared)


def _agreed(boxes: Sequence[Box]) -> Box:
    edges = np.array([(box.x, box.y, box.x + box.w, box.y + box.h) for box in boxes])
    (x, y), (right, bottom) = np.percentile(edges[:, :2], 10, axis=0), np.percentile(edges[:, 2:], 90, axis=0)
    x, y = int(x), int(y)
    return replace(boxes[0], x=x, y=y, w=round(right) - x, h=round(bottom) - y)


def _shared(a: Box, b: Box) -> int:
    wide = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    high = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    return max(0, wide) * max(0, high)


def _around(a: Box, b: Box) -> Box:
    x, y = min(a.x, b.x), min(a.y, b.y)
    return replace(a, x=x, y=y, w=max(a.x + a.w, b.x + b.w) - x, h=max(a.y + a.h, b.y + b.h) - y)


def grown(box: Box, size: tuple[int, int]) -> Box:
    """With its margin: hair, ears, a plate's frame. At least two pixels each way, never over the picture's edge."""
    wide, high = (max(2, round(share * side)) for share, side in zip(_PAD[box.kind], (box.w, box.h), strict=True))
    return _cut(replace(box, x=box.x - wide, y=box.y - high, w=box.w + 2 * wide, h=box.h + 2 * high), size)


def _cut(box: Box, size: tuple[int, int]) -> Box:
    x, y = min(max(0, box.x), size[0] - 1), min(max(0, box.y), size[1] - 1)
    w, h = min(box.x + box.w, size[0]) - x, min(box.y + box.h, size[1]) - y
    return replace(box, x=x, y=y, w=max(1, w), h=max(1, h))


def resized(boxes: Sequence[Box], before: tuple[int, int], after: tuple[int, int]) -> list[Box]:
    """The same boxes in another size of the picture, rounded outwards."""
    if before == after:
        return list(boxes)
    across, down = after[0] / before[0], after[1] / before[1]
    out = []
    for box in boxes:
        x, y = int(box.x * across), int(box.y * down)
        right, bottom = -int(-(box.x + box.w) * across // 1), -int(-(box.y + box.h) * down // 1)
        out.append(_cut(replace(box, x=x, y=y, w=right - x, h=bottom - y), after))
    return out


def boxes_of(stored: Iterable[dict[str, Any]]) -> list[Box]:
    """From what a row holds."""
    return [Box(**box) for box in stored]


def read_boxes(raw: object, size: tuple[int, int], *, before: Sequence[Box], by: str) -> list[Box]:
    """What a person sent, checked and cut at the edges. A box of `before` that is sent again stays what it was."""
    if not isinstance(raw, list) or len(raw) > MOST:
        raise Invalid("遮挡框没有读懂，请重新打开这一页。", field="boxes")
    known = {_geometry(box): box for box in before}
    boxes = [_cut(_read_box(item, size, by), size) for item in raw]
    return list({_geometry(box): known.get(_geometry(box), box) for box in boxes}.values())


def _read_box(raw: object, size: tuple[int, int], by: str) -> Box:
    if not isinstance(raw, dict) or raw.get("kind") not in KINDS:
        raise Invalid("请选择每个遮挡框的类别。", field="boxes")
    x, y, w, h = (_whole(raw.get(side)) for side in ("x", "y", "w", "h"))
    if min(w, h) < SMALLEST or x >= size[0] or y >= size[1]:
        raise Invalid("遮挡框要落在照片里，每边至少 %(count)s 像素。", field="boxes", count=SMALLEST)
    return Box(raw["kind"], x, y, w, h, 1.0, by)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 99_999:
        raise Invalid("遮挡框的位置和大小要填整数。", field="boxes")
    return value


def _geometry(box: Box) -> tuple[str, int, int, int, int]:
    return box.kind, box.x, box.y, box.w, box.h


def uncovered(before: Iterable[Box], after: Sequence[Box]) -> list[Box]:
    """The boxes of `before` that no single box of `after` covers whole: something of theirs may come to light."""
    return [old for old in before if all(_shared(old, new) < old.area for new in after)]


# ── covering ────────────────────────────────────────────────────────────────────────────────────────────────────────


def cover(picture: Image.Image, boxes: Iterable[Box]) -> None:
    """Paint over the boxes, in place. What was there is gone from these pixels."""
    for box in boxes:
        area = (box.x, box.y, box.x + box.w, box.y + box.h)
        red, green, blue = picture.resize((1, 1), Image.Resampling.BOX, box=area).getpixel((0, 0))  # type: ignore[misc]
        picture.paste(tuple(_coarse(value) for value in (red, green, blue)), area)


def _coarse(value: int) -> int:
    return value // _STEP * _STEP + _STEP // 2
