"""`qixia media redact`: its line, its picture, and what it says about bad files."""

from __future__ import annotations

import json
import struct
import zlib
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from qixia.media import redaction
from qixia.media.redaction_drawn import with_face
from qixia.media.tests import made

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


def redact(source: Path, target: Path) -> dict:
    out = StringIO()
    call_command("media", "redact", str(source), str(target), stdout=out)
    (line,) = out.getvalue().splitlines()
    return json.loads(line)


def refused(source: Path, target: Path) -> str:
    with pytest.raises(CommandError) as caught:
        redact(source, target)
    assert caught.value.returncode == 2
    return str(caught.value)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    drawn = with_face((640, 560), 300, (150, 60))
    path = tmp_path / "in.jpg"
    told = made.exif(orientation=3, make="Lens", artist="Somebody", gps=made.gps((24, 54, 0), (118, 36, 0)))
    upside_down = drawn.picture.transpose(Image.Transpose.ROTATE_180)
    path.write_bytes(made.saved(upside_down, "JPEG", quality=92, exif=told, comment=b"a secret", dpi=(300, 300)))
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_line_and_picture(photo: Path, suffix: str):
    target = photo.parent / f"out{suffix}"
    line = redact(photo, target)
    assert (line["file"], line["width"], line["height"]) == (str(photo), 640, 560)
    assert {"command", "commit", "seconds", "cpu_s", "foreign_cpu", "peak_mb"} <= set(line)
    box = next(box for box in line["boxes"] if box["kind"] == "face")
    assert set(box) == {"kind", "x", "y", "w", "h", "score"}
    assert 0 < box["score"] <= 1
    with Image.open(target) as shown:
        assert (shown.format, shown.size) == (FORMATS[suffix], (640, 560))
        assert not shown.getexif()
        assert set(shown.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "background"}
        middle = shown.convert("RGB").getpixel((box["x"] + box["w"] // 2, box["y"] + box["h"] // 2))
        corner = shown.convert("RGB").getpixel((box["x"] + 9, box["y"] + 9))
    assert max(abs(one - other) for one, other in zip(middle, corner, strict=True)) <= 6
    for trace in (b"Exif", b"Lens", b"Somebody", b"secret", b"ICC_PROFILE", b"http://ns.adobe.com", b"EXIF", b"XMP "):
        assert trace not in target.read_bytes()
    assert sorted(path.name for path in photo.parent.iterdir()) == ["in.jpg", f"out{suffix}"]


def bomb() -> bytes:
    """A PNG of 60,000 × 60,000 pixels in 100 bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


BAD = {
    "empty.jpg": (b"", "empty"),
    "text.jpg": (b"not a picture at all\n" * 9, "not a JPEG, PNG or WebP"),
    "anim.gif": (made.saved(made.scene(), "GIF"), "not a JPEG, PNG or WebP"),
    "cut.jpg": (made.jpeg(400, 300)[:900], "cut off or damaged"),
    "head.jpg": (b"\xff\xd8\xff\xe0", "cut off or damaged"),
    "bomb.png": (bomb(), "megapixels"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_and_nothing_is_left(tmp_path: Path, name: str):
    content, why = BAD[name]
    (tmp_path / name).write_bytes(content)
    message = refused(tmp_path / name, tmp_path / "out.jpg")
    assert name in message
    assert why in message
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_paths_that_do_not_work(photo: Path):
    folder = photo.parent
    assert "nope.jpg" in refused(folder / "nope.jpg", folder / "out.jpg")
    assert "directory" in refused(folder, folder / "out.jpg")
    assert "cannot be written" in refused(photo, folder / "nowhere" / "out.jpg")
    assert "out.gif: OUT must end in" in refused(photo, folder / "out.gif")
    assert "same file" in refused(photo, photo)
    (folder / "dir.jpg").mkdir()
    assert "cannot be written" in refused(photo, folder / "dir.jpg")
    assert sorted(path.name for path in folder.iterdir()) == ["dir.jpg", "in.jpg"]


def test_detectors_that_fail_leave_no_picture(photo: Path, monkeypatch):
    monkeypatch.setattr(redaction, "BUDGET_S", -1.0)
    with pytest.raises(CommandError, match="could not be searched") as caught:
        redact(photo, photo.parent / "out.jpg")
    assert caught.value.returncode == 3
    assert [path.name for path in photo.parent.iterdir()] == ["in.jpg"]
