"""What the phone's camera sees: a photo with place and time in its EXIF, and a film of a QR code."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw, ImageFilter
from PIL.TiffImagePlugin import IFDRational

FRAMES = 4


def photo(path: Path, *, lat: float, lng: float, seed: int = 1, taken_at: str = "2026:11:22 10:40:00") -> Path:
    """A JPEG of 1600 × 1200 as a camera writes it: different for every seed, with GPS."""
    path.write_bytes(photo_bytes(lat=lat, lng=lng, seed=seed, taken_at=taken_at))
    return path


def photo_bytes(*, lat: float, lng: float, seed: int, taken_at: str) -> bytes:
    rng = Random(seed)
    image = Image.linear_gradient("L").resize((1600, 1200)).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, size = rng.randrange(1600), rng.randrange(1200), rng.randrange(40, 260)
        draw.ellipse((x, y, x + size, y + size // 2), fill=tuple(rng.randrange(30, 220) for _ in range(3)))
    out = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(1.5)).save(out, "JPEG", quality=88, exif=_exif(lat, lng, taken_at))
    return out.getvalue()


def _exif(lat: float, lng: float, taken_at: str) -> bytes:
    block = Image.Exif()
    block[0x010F], block[0x0110] = "Qixia", "Testcam 1"
    block.get_ifd(0x8769)[0x9003] = taken_at
    block.get_ifd(0x8825).update({1: "N", 2: _degrees(lat), 3: "E", 4: _degrees(lng)})
    return block.tobytes()


def _degrees(value: float) -> tuple[IFDRational, ...]:
    whole = int(value)
    minutes = int((value - whole) * 60)
    seconds = Fraction(round(((value - whole) * 60 - minutes) * 60 * 1000), 1000)
    return IFDRational(whole), IFDRational(minutes), IFDRational(seconds.numerator, seconds.denominator)


def film(path: Path, picture: bytes) -> Path:
    """A camera that looks at `picture` (PNG) all the time: motion JPEG, as Chromium's fake camera reads it."""
    with Image.open(io.BytesIO(picture)) as shown:
        frame = Image.new("RGB", (640, 480), "white")
        small = shown.convert("RGB")
        small.thumbnail((360, 360))
        frame.paste(small, ((640 - small.width) // 2, (480 - small.height) // 2))
    out = io.BytesIO()
    frame.save(out, "JPEG", quality=92)
    path.write_bytes(out.getvalue() * FRAMES)
    return path
