"""Pictures and impostors, made in memory. Nothing here reads a file."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw
from PIL.TiffImagePlugin import IFDRational


def scene(width: int = 96, height: int = 64, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """A picture with features: slopes of brightness, a disc and a bar whose places depend on `seed`."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(image)
    x, y = (seed * 37 + 11) % 60 * width // 96, (seed * 23 + 7) % 36 * height // 64
    draw.ellipse((x, y, x + width // 3, y + height // 3), fill=(200, 60, 40))
    draw.rectangle((width - x // 2 - width // 4, y // 2, width - x // 2 - width // 8, height - y), fill=(30, 90, 160))
    return image.convert(mode)


def corners(width: int = 90, height: int = 60) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = Image.new("RGB", (width, height))
    for x, y, colour in ((0, 0, "red"), (1, 0, "lime"), (0, 1, "blue"), (1, 1, "white")):
        image.paste(colour, (x * width // 2, y * height // 2, (x + 1) * width // 2, (y + 1) * height // 2))
    return image


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def jpeg(width: int = 96, height: int = 64, seed: int = 0, **options: Any) -> bytes:
    return saved(scene(width, height, seed=seed), "JPEG", **options)


def png(width: int = 96, height: int = 64, mode: str = "RGB", **options: Any) -> bytes:
    return saved(scene(width, height, mode), "PNG", **options)


def webp(width: int = 96, height: int = 64, **options: Any) -> bytes:
    return saved(scene(width, height), "WEBP", **options)


def exif(*, orientation: int | None = None, gps: dict[int, Any] | None = None, **tags: Any) -> bytes:
    """EXIF with personal content in many places; `tags` are taken_at, offset, make, model, software, artist."""
    block = Image.Exif()
    numbers = {"make": 0x010F, "model": 0x0110, "software": 0x0131, "artist": 0x013B}
    for name, number in numbers.items():
        if name in tags:
            block[number] = tags[name]
    if orientation is not None:
        block[0x0112] = orientation
    detail = block.get_ifd(0x8769)
    if "taken_at" in tags:
        detail[0x9003] = tags["taken_at"]
    if "offset" in tags:
        detail[0x9011] = tags["offset"]
    if gps is not None:
        block.get_ifd(0x8825).update(gps)
    return block.tobytes()


def gps(lat: tuple[Any, ...], lng: tuple[Any, ...], ns: str = "N", ew: str = "E") -> dict[int, Any]:
    return {1: ns, 2: tuple(map(IFDRational, lat)), 3: ew, 4: tuple(map(IFDRational, lng))}


def raw_gps(*entries: tuple[int, int, int, bytes]) -> bytes:
    """EXIF whose GPS directory holds (tag, type, count, bytes) as they are, however wrong."""
    out = b"Exif\0\0MM\0*" + struct.pack(">IHHHIII", 8, 1, 0x8825, 4, 1, 26, 0) + struct.pack(">H", len(entries))
    values, at = b"", 26 + 2 + 12 * len(entries) + 4
    for tag, kind, count, body in entries:
        inline = body.ljust(4, b"\0") if len(body) <= 4 else struct.pack(">I", at + len(values))
        out += struct.pack(">HHI", tag, kind, count) + inline
        values += body if len(body) > 4 else b""
    return out + bytes(4) + values


def rationals(*pairs: tuple[int, int]) -> bytes:
    return b"".join(struct.pack(">II", *pair) for pair in pairs)


# ── PNG by hand ─────────────────────────────────────────────────────────────────────────────────────────────────────


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def ihdr(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png_bomb(width: int, height: int) -> bytes:
    """A sound 1-bit PNG of any size in few bytes."""
    packer, row = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png_of(ihdr(width, height, 1, 0), chunk(b"IDAT", body), chunk(b"IEND"))


# ── things that are no picture, or more than one ────────────────────────────────────────────────────────────────────


def frames(format: str, **options: Any) -> bytes:
    return saved(scene(), format, save_all=True, append_images=[scene(seed=3)], duration=100, **options)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def heif(brand: bytes, *others: bytes) -> bytes:
    return box(b"ftyp", brand + bytes(4) + b"".join(others)) + box(b"mdat", bytes(300))


def archive(comment: bytes = b"") -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.txt", "hello")
        file.comment = comment
    return out.getvalue()


def zip_in_comment() -> bytes:
    """A JPEG whose comment holds a ZIP, whose own comment is the rest of the JPEG: both readers are content."""
    whole = jpeg()
    body = archive()
    rest = len(whole) - 2
    body = body[:-2] + struct.pack("<H", rest)
    return whole[:2] + b"\xff\xfe" + struct.pack(">H", len(body) + 2) + body + whole[2:]


def with_segment(picture: bytes, marker: int, body: bytes) -> bytes:
    return picture[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + picture[2:]


def patched(picture: bytes, at: bytes, offset: int, new: bytes) -> bytes:
    """`picture` with `new` written `offset` bytes after the first occurrence of `at`."""
    start = picture.index(at) + offset
    return picture[:start] + new + picture[start + len(new) :]
