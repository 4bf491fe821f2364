"""Real clips for tests, drawn and encoded here: MP4 and MOV (MPEG-4), WebM (VP8)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

CODECS = {"mp4": "mp4v", "mov": "mp4v", "webm": "VP80"}


@lru_cache(maxsize=16)
def clip(form: str, seconds: float = 3.0, *, fps: int = 10, width: int = 320, height: int = 240) -> bytes:
    """A ball that crosses a wall whose colour changes every second."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{form}"
        film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODECS[form]), fps, (width, height))
        assert film.isOpened()
        for number in range(round(seconds * fps)):
            second = number // fps
            frame = np.full((height, width, 3), (40 + second * 50 % 200, 200 - second * 45 % 180, 120), np.uint8)
            cv2.rectangle(frame, (20, 20), (width - 20, height // 2), (255, 255, 255), 3)
            cv2.circle(frame, (20 + number * 7 % (width - 40), height // 2), 24, (0, 0, 220), -1)
            film.write(frame)
        film.release()
        return path.read_bytes()
