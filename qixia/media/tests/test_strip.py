"""A stripped picture has the same pixels and nothing that was planted around them."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from qixia.media.rules import HeicPicture, Limits, NotAPicture, PhotoTooLarge
from qixia.media.sniff import Unsound, inspect
from qixia.media.strip import bare, strip_metadata
from qixia.media.tests import made

PLANTED = b"QX-SENTINEL-7731"
GPS = made.gps((24, 53, 1), (118, 35, 2))


def planted_exif(orientation: int | None = 6) -> bytes:
    text = PLANTED.decode()
    return made.exif(
        orientation=orientation,
        gps=GPS,
        make=text,
        model=text,
        software=text,
        artist=text,
        taken_at="2026:11:20 12:00:00",
    )


def profile() -> bytes:
    whole = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return whole[:-16] + PLANTED


def pictures() -> dict[str, bytes]:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", PLANTED.decode())
    info.add_itxt("XML:com.adobe.xmp", PLANTED.decode())
    xmp = b"<x:xmpmeta>" + PLANTED + b"</x:xmpmeta>"
    photo = made.jpeg(exif=planted_exif(), comment=PLANTED, icc_profile=profile(), xmp=xmp)
    return {
        "jpeg": photo,
        "jpeg progressive": made.jpeg(exif=planted_exif(), progressive=True, icc_profile=profile()),
        "jpeg with restarts": made.jpeg(exif=planted_exif(), restart_marker_blocks=2),
        "jpeg with more behind it": photo + b"\0\0" + made.jpeg(seed=4, comment=PLANTED),
        "jpeg with unknown segments": made.with_segment(made.with_segment(photo, 0xE5, PLANTED), 0xED, PLANTED),
        "jpeg without a mark": made.jpeg(exif=planted_exif()).replace(b"\xff\xe0\x00\x10JFIF", b"\xff\xe9\x00\x10JFIF"),
        "jpeg of four inks": made.saved(made.scene(mode="CMYK"), "JPEG", exif=planted_exif()),
        "png": made.png(pnginfo=info, exif=planted_exif(), icc_profile=profile()),
        "png with palette": made.png(mode="P", pnginfo=info),
        "webp": made.webp(exif=planted_exif(), icc_profile=profile(), xmp=xmp),
        "webp lossless": made.webp(lossless=True, exif=planted_exif(), xmp=xmp),
        "webp with alpha": made.saved(made.scene(mode="RGBA"), "WEBP", exif=planted_exif()),
        "webp plain": made.webp(),
    }


def stripped(data: bytes) -> bytes:
    return strip_metadata(data, inspect(data).format)


@pytest.mark.parametrize("name", pictures())
def test_the_pixels_are_the_same_and_nothing_else_is_left(name: str) -> None:
    data = pictures()[name]
    if name != "webp plain" and "palette" not in name and "inks" not in name:
        assert PLANTED in data or PLANTED in zlib_texts(data), "nothing was planted"
    bare_one = stripped(data)
    assert PLANTED not in bare_one
    with Image.open(BytesIO(data)) as before, Image.open(BytesIO(bare_one)) as after:
        assert after.getexif().get_ifd(0x8825) == {}
        assert set(after.getexif()) <= {0x0112}
        assert after.getexif().get(0x0112) == before.getexif().get(0x0112)
        assert not {"icc_profile", "xmp", "comment", "exif"} & set(after.info) - (
            {"exif"} if after.getexif() else set()
        )
        assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()
    assert inspect(bare_one).notes == ()
    assert stripped(bare_one) == bare_one


def zlib_texts(data: bytes) -> bytes:
    """The colour profile of a PNG is compressed."""
    at = data.find(b"iCCP")
    if at < 0:
        return b""
    length = struct.unpack(">I", data[at - 4 : at])[0]
    body = data[at + 4 : at + 4 + length]
    return zlib.decompress(body[body.index(b"\0") + 2 :])


def test_a_picture_that_is_not_turned_keeps_no_exif_at_all() -> None:
    for orientation in (None, 1):
        data = made.jpeg(exif=planted_exif(orientation))
        assert b"Exif" not in stripped(data)


@pytest.mark.parametrize("orientation", [0, 9, 77, 65535])
def test_an_impossible_orientation_is_dropped(orientation: int) -> None:
    assert b"Exif" not in stripped(made.jpeg(exif=planted_exif(orientation)))


def test_a_directory_that_points_nowhere_costs_the_picture_nothing() -> None:
    for block in (b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"II*\0", b"nonsense", b""):
        data = made.with_segment(made.jpeg(), 0xE1, b"Exif\0\0" + block)
        assert inspect(stripped(data)).width == 96


def test_what_is_no_picture_never_comes_back_as_it_was() -> None:
    whole = made.jpeg(exif=planted_exif())
    for data in (b"", whole[:-40], made.heif(b"heic"), made.frames("GIF"), whole + b"PK\x03\x04 something"):
        with pytest.raises(Unsound):
            strip_metadata(data, "jpeg")
    with pytest.raises(Unsound):
        strip_metadata(made.png(), "jpeg")


class Sent:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def chunks(self):
        for at in range(0, len(self.data), 1000):
            yield self.data[at : at + 1000]


def test_an_upload_gives_its_bare_picture() -> None:
    data = made.jpeg(exif=planted_exif())
    (one,) = bare([Sent(data)], field="photos", limits=Limits())
    assert b"".join(one.chunks()) == stripped(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [(made.heif(b"heic"), HeicPicture), (b"hello", NotAPicture), (made.jpeg() + bytes(1_100_000), PhotoTooLarge)],
)
def test_an_upload_that_is_refused_names_field_and_place(data: bytes, error: type) -> None:
    uploads = bare([Sent(made.jpeg()), Sent(data)], field="after_photos", limits=Limits(max_mb=1))
    with pytest.raises(error) as refusal:
        list(uploads[1].chunks())
    assert (refusal.value.field, refusal.value.context["ordinal"]) == ("after_photos", 2)
