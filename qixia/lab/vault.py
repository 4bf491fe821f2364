"""What sealing costs: CPU from the first byte of an upload to the durable original, plain as it was before and sealed as now.

How      the same forms with one photo, parsed by Django's own upload handlers and written with a SHA-256 (plain), or by ours
         (sealed); both check the structure, sync the file and its folder and give it its name. In turns, medians.
Units    milliseconds of CPU (user + system) and of wall time for one photo; bytes.
Not in   the database's part and the copies, which are the same in both.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from qixia.kernel import measure
from qixia.kernel.config import get_config
from qixia.media.rules import Limits, Place, check_picture
from qixia.media.services import receive

SIDES = {"300 kB": (1000, 560), "10 MB": (4950, 4200)}


def run(rounds: int, command: str, seed: int = 1) -> Iterator[dict[str, Any]]:
    """One line a size."""
    for label, (width, height) in SIDES.items():
        photo = _noise(width, height)
        body = encode_multipart(BOUNDARY, {"photos": [_named(photo)]})
        running = measure.start(command, seed=seed)
        plain, sealed = [], []
        with _media_of_its_own():
            for _ in range(max(1, rounds)):
                plain.append(_timed(lambda body=body: _take_plain(body)))  # type: ignore[misc]
                sealed.append(_timed(lambda body=body: _take_sealed(body)))  # type: ignore[misc]
        yield {
            **running.finish(),
            "photo": label,
            "bytes": len(photo),
            "rounds": len(plain),
            "plain_cpu_ms": _median(plain, 0),
            "sealed_cpu_ms": _median(sealed, 0),
            "plain_ms": _median(plain, 1),
            "sealed_ms": _median(sealed, 1),
        }


def _noise(width: int, height: int) -> bytes:
    """A JPEG that does not compress, so that its size is what a camera's would be."""
    out = BytesIO()
    Image.effect_noise((width, height), 40).save(out, "JPEG", quality=80)
    return out.getvalue()


def _named(content: bytes) -> BytesIO:
    file = BytesIO(content)
    file.name = "IMG_1.jpg"
    return file


@contextmanager
def _media_of_its_own() -> Iterator[None]:
    config, before = get_config(), get_config().media_dir
    with tempfile.TemporaryDirectory(prefix="qixia-bench-") as folder:
        config.media_dir = Path(folder) / "media"
        try:
            yield
        finally:
            config.media_dir = before


def _posted(body: bytes) -> HttpRequest:
    return RequestFactory().generic("POST", "/", body, content_type=MULTIPART_CONTENT)


def _take_plain(body: bytes) -> None:
    """As it was: Django's handlers, the file as it is."""
    request = _posted(body)
    request.upload_handlers = [MemoryFileUploadHandler(request), TemporaryFileUploadHandler(request)]
    [upload] = request.FILES.getlist("photos")
    folder = get_config().media / "plain"
    folder.mkdir(parents=True, exist_ok=True)
    digest, temp = hashlib.sha256(), folder / "a.part"
    with temp.open("wb", buffering=0) as file:
        for chunk in upload.chunks():
            digest.update(chunk)
            file.write(chunk)
        os.fsync(file.fileno())
    check_picture(temp.read_bytes(), Limits(), Place())
    temp.rename(folder / "a")
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    request.close()


def _take_sealed(body: bytes) -> None:
    request = _posted(body)
    with receive(request.FILES.getlist("photos")):  # nobody keeps it, so it goes at the end
        pass
    request.close()


def _timed(act: Callable[[], None]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    act()
    return (time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000


def _median(values: list[tuple[float, float]], column: int) -> float:
    return round(statistics.median(value[column] for value in values), 2)
