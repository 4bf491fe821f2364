"""From bytes to copies: upright, stripped, small, and a hash that survives shrinking. No database, no file."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image

from qixia.media import pictures
from qixia.media.pictures import Developed, Undecodable, develop
from qixia.media.rules import Limits, hash_distance
from qixia.media.sniff import inspect
from qixia.media.tests import made

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
LIMITS = Limits()


def developed(data: bytes, limits: Limits = LIMITS) -> Developed:
    return develop(data, inspect(data).format, limits=limits, now=NOW, boxes=())


def opened(result: Developed, size: str) -> Image.Image:
    return Image.open(BytesIO(result.copies[size].content))


def near(pixel: tuple[int, ...], colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True))


def test_sizes_shrink_to_their_long_side_and_never_grow():
    large = developed(made.jpeg(2400, 1500))
    assert {name: (c.width, c.height) for name, c in large.copies.items()} == {
        "full": (1600, 1000), "phone": (960, 600), "thumb": (240, 150),
    }  # fmt: skip
    assert (large.width, large.height) == (2400, 1500)
    small = developed(made.png(200, 40))
    assert {(c.width, c.height) for c in small.copies.values()} == {(200, 40)}
    for name, copy in large.copies.items():
        assert opened(large, name).format == "WEBP"
        assert opened(large, name).size == (copy.width, copy.height)


def test_extreme_shapes_keep_a_pixel():
    assert opened(developed(made.jpeg(12_000, 16)), "thumb").size == (240, 1)


UPRIGHT = {"red": (254, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 254), "white": (255, 255, 255)}
TURNED = {  # what a camera that was held so must have stored, top left and top right
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", TURNED)
def test_every_orientation_ends_upright(orientation: int, format: str):
    method = TURNED[orientation]
    stored = made.corners() if method is None else made.corners().transpose(method)
    result = developed(made.saved(stored, format, exif=made.exif(orientation=orientation), quality=95))
    assert (result.width, result.height) == (90, 60)
    shown = opened(result, "thumb")
    assert shown.size == (90, 60)
    for place, colour in (((20, 15), "red"), ((70, 15), "lime"), ((20, 45), "blue"), ((70, 45), "white")):
        assert near(shown.getpixel(place), UPRIGHT[colour]), (place, colour)  # type: ignore[arg-type]


SECRETS = [
    b"Exif",
    b"GPS",
    b"http://ns.adobe.com",
    b"xmpmeta",
    b"Zhang",
    b"ICCP",
    b"EXIF",
    b"XMP ",
    b"PHONE-9",
    b"secret",
]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_no_metadata_reaches_a_copy(format: str):
    exif = made.exif(
        make="PHONE-9", artist="Zhang", taken_at="2026:11:20 08:00:00", gps=made.gps((24, 54, 0), (118, 36, 0))
    )
    options = {"exif": exif, "icc_profile": b"secret profile", "comment": b"secret"}
    if format != "PNG":
        options["xmp"] = b"<x:xmpmeta>Zhang</x:xmpmeta>"
    data = made.saved(made.scene(400, 300), format, **options)
    assert (b"Zhang" in data and b"secret" in data) or format == "PNG"
    result = developed(data)
    assert result.measured["camera"] == "PHONE-9"
    for name, copy in result.copies.items():
        shown = opened(result, name)
        assert not shown.getexif()
        assert set(shown.info) <= {"loop", "background", "timestamp", "duration"}
        assert not [secret for secret in SECRETS if secret in copy.content]


def test_what_the_camera_wrote_is_measured():
    exif = made.exif(
        make="HUAWEI", model="HUAWEI P60", software="1.2\0", taken_at="2026:11:20 08:01:02", offset="+08:00", orientation=1,
        gps=made.gps((24, 54, 36), (118, 36, 18), "S", "W"),
    )  # fmt: skip
    assert developed(made.jpeg(exif=exif)).measured == {
        "taken_at": "2026-11-20T08:01:02+08:00", "camera": "HUAWEI P60", "software": "1.2", "orientation": 1,
        "lat": -24.91, "lng": -118.605,
    }  # fmt: skip


@pytest.mark.parametrize(
    "exif",
    [
        made.raw_gps((2, 2, 6, b"north\0"), (4, 7, 6, b"east\0\0")),
        made.raw_gps(
            (1, 2, 2, b"N\0"),
            (2, 5, 3, made.rationals((24, 0), (1, 0), (0, 0))),
            (3, 2, 2, b"E\0"),
            (4, 5, 3, made.rationals((118, 1), (36, 1), (0, 0))),
        ),
        made.raw_gps(
            (2, 5, 3, made.rationals((2**32 - 1, 1), (2**32 - 1, 1), (1, 2**32 - 1))), (4, 5, 200_000_000, b"")
        ),
        made.exif(gps=made.gps((999, 99, 99), (5, 0, 0))),
        made.raw_gps(
            (1, 2, 2, b"N\0"),
            (2, 5, 1, made.rationals((24, 1))),
            (3, 2, 2, b"E\0"),
            (4, 5, 1, made.rationals((118, 1))),
        ),
        made.exif(gps={2: made.gps((1, 2, 3), (1, 2, 3))[2]}),
        made.exif(taken_at="0000:00:00 00:00:00", offset="noon"),
        made.exif(taken_at="2099:01:01 00:00:00"),
        made.exif(orientation=77),
        b"Exif\x00\x00MM\x00*\xff\xff\xff\xff",
        b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + b"\x87\x69" * 60,
        b"Exif\x00\x00",
    ],
    ids=[
        "text",
        "by zero",
        "huge",
        "far",
        "degrees only",
        "half",
        "zero time",
        "future",
        "orientation",
        "offset",
        "count",
        "empty",
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_nonsense_in_exif_costs_nothing(exif: bytes):
    result = developed(made.with_segment(made.jpeg(), 0xE1, exif))
    assert result.measured == {}
    assert (result.width, result.height) == (96, 64)


@pytest.mark.parametrize(
    ("data", "corner"),
    [
        (made.saved(made.corners().convert("CMYK"), "JPEG", quality=95), (254, 0, 0)),
        (made.saved(made.corners(), "JPEG", quality=95, progressive=True), (254, 0, 0)),
        (made.saved(made.corners().convert("P"), "PNG"), (254, 0, 0)),
        (made.saved(made.corners().convert("L"), "JPEG", quality=95), (76, 76, 76)),
        (made.saved(Image.new("I;16", (90, 60), 40_000), "PNG"), (156, 156, 156)),
        (made.saved(Image.new("1", (90, 60), 1), "PNG"), (255, 255, 255)),
        (made.saved(Image.new("RGBA", (90, 60), (255, 0, 0, 0)), "PNG"), (255, 255, 255)),
        (made.saved(Image.new("LA", (90, 60), (0, 0)), "PNG"), (255, 255, 255)),
        (made.saved(Image.new("P", (90, 60), 0), "PNG", transparency=0), (255, 255, 255)),
        (made.saved(Image.new("RGB", (90, 60), (9, 9, 9)), "PNG", transparency=(9, 9, 9)), (255, 255, 255)),
        (made.saved(Image.new("RGBA", (90, 60), (255, 0, 0, 0)), "WEBP", lossless=True), (255, 255, 255)),
    ],
    ids=["CMYK", "progressive", "palette", "grey", "16 bit", "1 bit", "clear", "grey clear", "palette clear", "key", "WebP clear"],
)  # fmt: skip
def test_every_colour_model_becomes_plain_rgb(data: bytes, corner: tuple[int, int, int]):
    shown = opened(developed(data), "full")
    assert shown.mode == "RGB"
    assert near(shown.getpixel((20, 15)), corner)  # type: ignore[arg-type]


def test_large_pictures_of_every_mode_go_through_the_reduction():
    for mode in ("L", "P", "1", "RGBA", "LA", "I;16", "RGB"):
        picture = made.png(3600, 400, mode=mode, compress_level=1)
        assert opened(developed(picture), "full").size == (1600, 178), mode
    assert opened(developed(made.saved(made.scene(3600, 2400, "CMYK"), "JPEG")), "full").size == (1600, 1067)


def _body_cut() -> bytes:
    """A PNG whose structure is complete and whose compressed pixels stop half-way."""
    whole = made.png(600, 400)
    start = whole.index(b"IDAT") + 4
    length = int.from_bytes(whole[start - 8 : start - 4], "big")
    return made.png_of(
        made.ihdr(600, 400), made.chunk(b"IDAT", whole[start : start + length // 2]), made.chunk(b"IEND")
    )


@pytest.mark.parametrize(
    "data",
    [
        _body_cut(),
        made.png_of(made.ihdr(600, 400), made.chunk(b"IDAT", b"no deflate stream"), made.chunk(b"IEND")),
        made.png_of(made.ihdr(60, 40, 8, 3), made.chunk(b"IDAT", b"x"), made.chunk(b"IEND")),
        made.png_of(
            made.ihdr(60, 40), made.chunk(b"zTXt", b"k\0\0junk"), made.chunk(b"IDAT", b"x"), made.chunk(b"IEND")
        ),
        made.webp(lossless=True)[:60] + bytes(20) + made.webp(lossless=True)[80:],
        b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x40\x00\x40\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x55\xff\xd9",
    ],
    ids=["half the pixels", "no pixels", "no palette", "bad text", "scratched WebP", "JPEG without tables"],
)
def test_what_no_decoder_takes_is_undecodable(data: bytes):
    with pytest.raises(Undecodable) as refusal:
        developed(data)
    assert refusal.value.reason == "decoder"


def test_a_picture_over_the_limits_is_not_decoded():
    """The walk refuses it before; this holds if the limit was lowered in between."""
    with pytest.raises(Undecodable) as refusal:
        developed(made.png_bomb(9000, 9000))
    assert refusal.value.reason == "bomb"
    with pytest.raises(Undecodable, match="bomb"):
        developed(made.jpeg(), Limits(max_side=95))


def test_out_of_memory_is_not_the_pictures_fault(monkeypatch: pytest.MonkeyPatch):
    def fail(source: Image.Image) -> Image.Image:
        raise MemoryError

    monkeypatch.setattr(pictures, "_pixels", fail)
    with pytest.raises(MemoryError):
        developed(made.jpeg())


def test_the_hash_survives_shrinking_and_encoding_but_not_another_scene():
    first = developed(made.jpeg(1200, 800, seed=1)).phash
    assert hash_distance(first, developed(made.jpeg(1200, 800, seed=1, quality=30)).phash) <= 4
    assert hash_distance(first, developed(made.jpeg(400, 267, seed=1)).phash) <= 4
    others = [developed(made.jpeg(1200, 800, seed=seed)).phash for seed in (2, 3, 4, 5)]
    assert min(hash_distance(first, other) for other in others) >= 12


def test_one_colour_has_no_hash_and_its_own_average():
    plain = developed(made.saved(Image.new("RGB", (90, 60), (200, 100, 50)), "PNG"))
    assert plain.phash == 0
    assert plain.colour[0] == "#"
    assert near(tuple(bytes.fromhex(plain.colour[1:])), (200, 100, 50))
