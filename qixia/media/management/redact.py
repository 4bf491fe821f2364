"""`qixia media redact IN OUT`: cover faces and number plates in one picture. Needs no database.

stdout   one JSON line: file, width, height (upright), boxes in pixels of that, and what it cost.
OUT      upright, pixels only, JPEG, PNG or WebP by its suffix; whole or not at all; an old OUT stays after a refusal.
Exit     2 for a picture or a path that can't be used, named in the message; 3 if the detectors could not look.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError
from PIL import Image

from qixia.kernel import measure
from qixia.media import pictures
from qixia.media.redaction import Box, CannotLook
from qixia.media.rules import Limits
from qixia.media.sniff import Format, Unsound, inspect

HELP = "Cover faces and number plates in a picture."
LIMITS: Final = Limits(max_mb=100, max_megapixels_whole=50)
_SAVE: Final[dict[str, dict[str, Any]]] = {
    ".jpg": {"format": "JPEG", "quality": 90},
    ".jpeg": {"format": "JPEG", "quality": 90},
    ".png": {"format": "PNG", "compress_level": 3},
    ".webp": {"format": "WEBP", "quality": 88, "method": 2},
}
_WHY: Final = {
    "bomb": f"more than {LIMITS.max_megapixels} megapixels or {LIMITS.max_side} pixels a side",
    "decoder": "no decoder takes it: not a picture, cut off or damaged",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", type=Path, help="JPEG, PNG or WebP")
    parser.add_argument("target", metavar="OUT", type=Path, help="where the covered picture goes: .jpg, .png or .webp")


def run(options: dict[str, Any], say: Callable[[str], None]) -> None:
    source, target = options["source"], options["target"]
    running = measure.start(f"media redact {source.name} {target.name}")
    if target.suffix.lower() not in _SAVE:
        raise _refused(target, "OUT must end in .jpg, .png or .webp")
    content = _read(source)
    if target.exists() and target.samefile(source):
        raise _refused(target, "IN and OUT are the same file")
    picture, boxes = _redacted(source, content)
    _write(picture, target)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    say(json.dumps({"file": str(source), **_answer(picture, boxes), "peak_mb": peak, **running.finish()}))


def _answer(picture: Image.Image, boxes: tuple[Box, ...]) -> dict[str, Any]:
    keys = ("kind", "x", "y", "w", "h", "score")
    shown = [{key: getattr(box, key) for key in keys} for box in boxes]
    return {"width": picture.width, "height": picture.height, "boxes": shown}


def _refused(path: Path, why: str) -> CommandError:
    return CommandError(f"{path}: {why}", returncode=2)


def _read(source: Path) -> bytes:
    try:
        size = source.stat().st_size
        if size > LIMITS.max_bytes:
            raise _refused(source, f"larger than {LIMITS.max_mb} MB")
        if not size and source.is_file():
            raise _refused(source, "the file is empty")
        return source.read_bytes()
    except OSError as error:
        raise _refused(source, error.strerror or type(error).__name__) from error


def _redacted(source: Path, content: bytes) -> tuple[Image.Image, tuple[Box, ...]]:
    try:
        return pictures.redacted(content, _format(source, content), limits=LIMITS)
    except pictures.Undecodable as error:
        raise _refused(source, _WHY.get(error.reason, error.reason)) from error
    except MemoryError as error:
        raise _refused(source, "not enough memory to decode it") from error
    except CannotLook as error:
        raise CommandError(
            f"{source}: could not be searched ({error.reason}); nothing written", returncode=3
        ) from error


def _format(source: Path, content: bytes) -> Format:
    """By its first bytes; the decoder judges the rest, so that a phone's odd tail is no obstacle here."""
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    try:
        return inspect(content).format
    except Unsound as unsound:
        found = f" but {unsound.found}" if unsound.found else ""
        raise _refused(source, f"not a JPEG, PNG or WebP picture{found}") from unsound


def _write(picture: Image.Image, target: Path) -> None:
    """Beside its place first, then renamed: OUT is whole or not there."""
    part = ""
    try:
        handle, part = tempfile.mkstemp(prefix=".redact-", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            picture.save(file, **_SAVE[target.suffix.lower()])
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o666 & ~_umask())
        os.replace(part, target)
    except OSError as error:
        if part:
            with suppress(OSError):
                os.unlink(part)
        raise _refused(target, f"cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
