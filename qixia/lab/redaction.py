"""`qixia bench redact`: what covering faces and plates costs, and how many drawn plates and faces are found.

Each size runs in a process of its own, so that its peak of memory is its own: the worker does one picture at a time as
well. `base_mb` is that process with everything loaded, before the first picture. The pictures are drawn.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from PIL import Image

from qixia.kernel import measure
from qixia.media import pictures, redaction
from qixia.media.redaction_drawn import CONDITIONS, Drawn, plates, with_face
from qixia.media.rules import Limits
from qixia.media.sniff import inspect

SIZES: Final = {  # name → width, height, format
    "phone": (1600, 1200, "JPEG"),
    "12 MP": (4000, 3000, "JPEG"),
    "50 MP": (8160, 6120, "JPEG"),
    "24 MP PNG": (6000, 4000, "PNG"),
}
FACE_HEIGHTS: Final = (28, 40, 80, 160, 320, 640)
_COVERED: Final = 0.8  # of the thing's outer box must lie in one of ours


def run(command: str, *, seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """One line a size, then one for what is found."""
    with tempfile.TemporaryDirectory(prefix="qixia-redact-") as folder:
        for name, (width, height, format) in SIZES.items():
            path = Path(folder) / f"{width}.{format.lower()}"
            drawn = with_face((width, height), height // 8, (width // 5, height // 6), seed)
            drawn.picture.save(path, format, **({"quality": 88} if format == "JPEG" else {"compress_level": 1}))
            yield _cost(command, name, path, seed, rounds)
    yield found(command, seed=seed, each=rounds)


def _cost(command: str, name: str, path: Path, seed: int, rounds: int) -> dict[str, Any]:
    running = measure.start(command, seed=seed)
    done = subprocess.run(
        [sys.executable, "-m", "qixia.lab.redaction", str(path), str(rounds)],
        capture_output=True,
        text=True,
        check=True,
    )
    return {**running.finish(), "scenario": "cost", "picture": name, "rounds": rounds, **json.loads(done.stdout)}


def child(path: Path, rounds: int) -> dict[str, Any]:
    """In the process of its own: develop the picture `rounds` times; the medians and the peak."""
    content = path.read_bytes()
    redaction.find(Image.new("RGB", (64, 64)))  # loads the nets
    base = _peak_mb()
    walls, cpus, boxes = [], [], 0
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        now = datetime.now(UTC)
        limits = Limits(max_mb=100)
        boxes = len(pictures.develop(content, inspect(content).format, limits=limits, now=now).boxes)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    middle = rounds // 2
    return {
        "picture_s": round(sorted(walls)[middle], 2),
        "picture_cpu_s": round(sorted(cpus)[middle], 2),
        "base_mb": base,
        "peak_mb": _peak_mb(),
        "boxes": boxes,
    }


def _peak_mb() -> int:
    """Of this program alone: what `resource` says counts the parent too, as it was when it forked."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
    except (OSError, StopIteration):
        return _resource_mb()


def _resource_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def found(command: str, *, seed: int, each: int) -> dict[str, Any]:
    """How many of the drawn plates and faces lie under one of our boxes, and how many boxes lie beside them."""
    running = measure.start(command, seed=seed)
    hits, totals, beside = Counter[str](), Counter[str](), 0
    drawn = list(plates(seed, each))
    drawn += [with_face((1280, 960), height, (180, 120), seed + height) for height in FACE_HEIGHTS]
    for one in drawn:
        boxes = redaction.find(one.picture)
        name = one.condition if one.kind == "plate" else f"face {one.place[3]} px"
        totals[name] += 1
        hits[name] += any(box.kind == one.kind and covers(box, one) >= _COVERED for box in boxes)
        beside += sum(covers(box, one) < 0.1 for box in boxes)
    names = [name for name in totals if name in CONDITIONS] + [name for name in totals if name not in CONDITIONS]
    return {
        **running.finish(),
        "scenario": "found",
        "pictures": len(drawn),
        "found": {name: f"{hits[name]}/{totals[name]}" for name in names},
        "boxes_beside": beside,
    }


def covers(box: redaction.Box, drawn: Drawn) -> float:
    """The share of the drawn thing that lies in the box."""
    x, y, w, h = drawn.place
    wide = min(box.x + box.w, x + w) - max(box.x, x)
    high = min(box.y + box.h, y + h) - max(box.y, y)
    return max(0, wide) * max(0, high) / (w * h)


if __name__ == "__main__":
    print(json.dumps(child(Path(sys.argv[1]), int(sys.argv[2]))))
