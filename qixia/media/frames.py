"""Key frames of a clip, taken by a process of its own that may use little and touch nothing.

`take_frames` decrypts the clip into memory (an anonymous file that no folder names), starts this module as a program and
reads what it writes: one JSON line, then JPEGs. The program has limits on memory, time and files; it opens only the two
kinds of container that we take, from that one file: no playlists, no network.

Frames   up to FRAMES of them, at least the first: samples are taken twice a second, and of these the ones that differ most
         from each other, sharp ones first. Longest side 1,920 pixels.
Errors   Undecodable with a reason: "unreadable", "too_long", "too_slow".
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from qixia.media.clips import LENGTH_MAX_MS, SLACK_MS
from qixia.media.pictures import Undecodable

FRAMES: Final = 4
SIDE: Final = 1920
_MEMORY: Final = 1_500 * 1024 * 1024
_SECONDS: Final = 60
_SAMPLES_A_SECOND: Final = 2
_SAMPLES_MAX: Final = 80
_QUALITY: Final = 90
_PART: Final = 1 << 18
# FFmpeg inside OpenCV: one thread, files only, the containers that clips.py lets in.
_OPTIONS: Final = "threads;1|protocol_whitelist;file|format_whitelist;mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"


@dataclass(frozen=True, slots=True)
class Taken:
    """What was seen while decoding. `frames` are JPEGs without metadata, in the order of time."""

    duration_ms: int
    width: int
    height: int
    frames: list[bytes]


def take_frames(clip: BinaryIO) -> Taken:
    """Decode a clip and choose its key frames."""
    held = os.memfd_create("clip")
    try:
        while part := clip.read(_PART):
            os.write(held, part)
        done = subprocess.run(
            [sys.executable, "-m", "qixia.media.frames", str(held)],
            pass_fds=[held],
            env={
                "PATH": os.environ.get("PATH", ""),
                "OPENCV_FFMPEG_CAPTURE_OPTIONS": _OPTIONS,
                "OPENCV_LOG_LEVEL": "OFF",
            }
            | {name: os.environ[name] for name in ("QIXIA_VAR_DIR", "PYTHONPATH") if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Undecodable("too_slow") from error
    finally:
        os.close(held)
    return _read(done.returncode, done.stdout)


def _read(code: int, out: bytes) -> Taken:
    head, _, rest = out.partition(b"\n")
    try:
        found: dict[str, Any] = json.loads(head)
    except ValueError as error:
        raise Undecodable("too_slow" if code in (-24, -9) else "unreadable") from error
    if "refused" in found:
        raise Undecodable(found["refused"])
    frames: list[bytes] = []
    for size in found["sizes"]:
        frames.append(rest[:size])
        rest = rest[size:]
    return Taken(found["duration_ms"], found["width"], found["height"], frames)


# ── in the process of its own ───────────────────────────────────────────────────────────────────────────────────────


def main(descriptor: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer, frames = _decode(f"/proc/self/fd/{descriptor}")
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + b"".join(frames))


def _decode(path: str) -> tuple[dict[str, Any], list[bytes]]:
    import cv2  # noqa: PLC0415 — only in this process: the product itself decodes no clip

    cv2.setNumThreads(1)
    film = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    samples: list[Any] = []
    shown, latest, width, height = 0, 0.0, 0, 0
    next_at = 0.0
    while film.isOpened() and film.grab():
        at = film.get(cv2.CAP_PROP_POS_MSEC)
        latest, shown = max(latest, at), shown + 1
        if latest > LENGTH_MAX_MS + SLACK_MS:
            return {"refused": "too_long"}, []
        if at >= next_at and len(samples) < _SAMPLES_MAX:
            has, picture = film.retrieve()
            if has:
                height, width = picture.shape[:2]
                samples.append(_small(cv2, picture))
                next_at = at + 1000 / _SAMPLES_A_SECOND
    if not samples:
        return {"refused": "unreadable"}, []
    rate = film.get(cv2.CAP_PROP_FPS) or 25.0
    chosen = [_jpeg(cv2, samples[index]) for index in _different(cv2, samples)]
    length = round(latest + 1000 / rate) if shown else 0
    return {"duration_ms": length, "width": width, "height": height, "sizes": [len(one) for one in chosen]}, chosen


def _small(cv2: Any, picture: Any) -> Any:
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return picture
    return cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)


def _jpeg(cv2: Any, picture: Any) -> bytes:
    done, buffer = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return buffer.tobytes() if done else b""


def _different(cv2: Any, samples: Iterable[Any]) -> list[int]:
    """Indexes of the first sample and of those farthest from all chosen before; blurred ones count less."""
    grey = [cv2.cvtColor(one, cv2.COLOR_BGR2GRAY) for one in samples]
    tiny = [cv2.resize(one, (24, 24), interpolation=cv2.INTER_AREA).astype("float32") for one in grey]
    sharp = [cv2.Laplacian(cv2.resize(one, (320, 240)), cv2.CV_64F).var() ** 0.5 for one in grey]
    chosen = [0]
    while len(chosen) < min(FRAMES, len(tiny)):
        apart = [
            min(float(abs(one - tiny[index]).mean()) for index in chosen) * (1 + s)
            for one, s in zip(tiny, sharp, strict=True)
        ]
        best = max(range(len(apart)), key=apart.__getitem__)
        if best in chosen or apart[best] < 2.0:  # nothing new to see
            break
        chosen.append(best)
    return sorted(chosen)


if __name__ == "__main__":
    main(int(sys.argv[1]))
