"""Drawn number plates and faces, for measuring the detectors without a photo of anybody.

The plates follow GA 36: 440 × 140 mm, blue, yellow or white with a province's character, a letter and five signs; the
green ones of electric cars are 480 × 140 mm with six. The character is three strokes, as fonts for Chinese are not
everywhere. A drawn face is ovals with light and shade: a stand-in that a detector of faces takes for one.
All figures on such pictures say how a change of ours moves the detectors, not how good they are on a street.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

Colours = tuple[tuple[int, int, int], tuple[int, int, int]]
PLATES: Final[dict[str, Colours]] = {
    "blue": ((20, 60, 170), (245, 245, 245)),
    "yellow": ((240, 180, 20), (20, 20, 20)),
    "green": ((120, 205, 150), (20, 20, 20)),
    "white": ((240, 240, 240), (20, 20, 20)),
}
CONDITIONS: Final = ("plain", "turned", "aslant", "small", "night", "blurred", "jpeg30", "street")
_SIGNS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture and where the thing to be found is: x, y, w, h of its outer box."""

    picture: Image.Image
    place: tuple[int, int, int, int]
    kind: str
    colour: str
    condition: str


def plate(colour: str, random: Random) -> Image.Image:
    """A plate seen straight, 440 (480) × 140, on a transparent ground."""
    ground, ink = PLATES[colour]
    signs = 7 if colour == "green" else 6
    width = 480 if colour == "green" else 440
    image = Image.new("RGBA", (width, 140), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, width - 1, 139), 12, fill=(*ground, 255))
    draw.rounded_rectangle((5, 5, width - 6, 134), 9, outline=ink, width=3)
    for y, bend in ((40, 0), (70, 6), (100, -4)):  # a character's strokes
        draw.line((20, y, 66, y + bend), fill=ink, width=9)
    draw.line((43, 26, 43 + random.randint(-8, 8), 116), fill=ink, width=9)
    step = (width - 96) / signs
    for index in range(signs):
        sign = _sign(random.choice(_SIGNS[:24] if index == 0 else _SIGNS), ink)
        image.paste(sign, (round(80 + step * index + (8 if index else -2)), 25), sign)
    return image


def _sign(letter: str, ink: tuple[int, int, int]) -> Image.Image:
    """One letter or digit, 45 × 90 as on a plate."""
    font = ImageFont.load_default(120)
    box = font.getbbox(letter, stroke_width=3)
    big = Image.new("RGBA", (round(box[2] - box[0]), round(box[3] - box[1])), (*ink, 0))
    ImageDraw.Draw(big).text((-box[0], -box[1]), letter, ink, font, stroke_width=3)
    narrow = letter in "1I"
    return big.resize((20 if narrow else 45, 90), Image.Resampling.LANCZOS)


def plates(seed: int, each: int) -> Iterator[Drawn]:
    """`each` pictures for every colour and condition, always the same for one seed."""
    random = Random(seed)
    for condition in CONDITIONS:
        for colour in PLATES:
            for _ in range(each):
                yield _scene(colour, condition, random)


def _scene(colour: str, condition: str, random: Random) -> Drawn:
    ground = _car(random)
    width = random.randint(40, 60) if condition == "small" else random.randint(110, 260)
    sign = plate(colour, random)
    sign = sign.resize((width, round(width * sign.height / sign.width)), Image.Resampling.LANCZOS)
    if condition in ("turned", "street"):
        sign = sign.rotate(random.choice((-1, 1)) * random.uniform(8, 20), Image.Resampling.BICUBIC, expand=True)
    if condition in ("aslant", "street"):
        sign = _aslant(sign, random)
    x, y = (ground.width - sign.width) // 2 + random.randint(-60, 60), 560 + random.randint(-40, 40)
    ground.paste(sign, (x, y), sign)
    return Drawn(_worn(ground, condition, random), (x, y, *sign.size), "plate", colour, condition)


def _aslant(sign: Image.Image, random: Random) -> Image.Image:
    """Seen from the side: narrower, one end smaller and sheared."""
    width, height = sign.size
    shear, squeeze = random.uniform(-0.25, 0.25), random.uniform(0.6, 0.85)
    wide, high = round(width * squeeze), round(height + abs(shear) * width * squeeze)
    lift = min(0.0, shear) * width * squeeze
    data = (1 / squeeze, 0, 0, -shear, 1, lift)
    return sign.transform((wide, high), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)


def _car(random: Random) -> Image.Image:
    """A road, a car seen from behind, sky: 1280 × 960."""
    sky = Image.linear_gradient("L").resize((1280, 960)).point(lambda value: 230 - value // 2).convert("RGB")
    draw = ImageDraw.Draw(sky)
    draw.rectangle((0, 620, 1280, 960), fill=(105, 105, 108))
    for x in range(0, 1280, 160):
        draw.rectangle((x, random.randint(180, 420), x + 130, 620), fill=tuple(random.randint(90, 190) for _ in "rgb"))
    paint = tuple(random.randint(30, 220) for _ in "rgb")
    draw.rounded_rectangle((330, 380, 950, 760), 50, fill=paint)
    draw.rounded_rectangle((420, 300, 860, 480), 60, fill=(40, 48, 56))
    for x in (350, 850):
        draw.rounded_rectangle((x, 500, x + 80, 550), 10, fill=(190, 30, 30))
    draw.rectangle((340, 690, 940, 750), fill=tuple(value // 2 for value in paint))
    noise = Image.effect_noise((1280, 960), 24).convert("RGB")
    return Image.blend(sky, noise, 0.08)


def _worn(picture: Image.Image, condition: str, random: Random) -> Image.Image:
    if condition in ("night", "street"):
        dim = ImageEnhance.Brightness(picture).enhance(0.18 if condition == "night" else 0.5)
        picture = Image.blend(dim, Image.effect_noise(picture.size, 30).convert("RGB"), 0.05)
    if condition in ("blurred", "street"):
        picture = picture.filter(ImageFilter.GaussianBlur(3 if condition == "blurred" else 1.2))
    if condition in ("jpeg30", "street"):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=30)
        picture = Image.open(out).convert("RGB")
    return picture


def face(height: int, random: Random) -> Image.Image:
    """A head on a transparent ground: skin, hair, eyes, brows, nose and mouth with soft edges."""
    big = Image.new("RGBA", (360, 480), (0, 0, 0, 0))
    draw = ImageDraw.Draw(big)
    tone = random.choice(((238, 200, 172), (205, 160, 125), (150, 105, 78)))
    dark, hair = tuple(value * 2 // 3 for value in tone), (38, 28, 24)
    draw.ellipse((20, 0, 340, 400), fill=hair)
    draw.ellipse((50, 60, 310, 460), fill=tone)
    draw.pieslice((40, 20, 320, 260), 180, 360, fill=hair)
    draw.ellipse((30, 220, 62, 310), fill=dark)
    draw.ellipse((298, 220, 330, 310), fill=dark)
    for x in (120, 240):
        draw.arc((x - 44, 180, x + 44, 240), 200, 340, fill=hair, width=13)
        draw.ellipse((x - 34, 216, x + 34, 252), fill=(245, 242, 238), outline=dark, width=5)
        draw.ellipse((x - 16, 216, x + 16, 250), fill=(48, 32, 26))
        draw.ellipse((x - 3, 222, x + 6, 231), fill="white")
    draw.polygon(((180, 235), (150, 325), (210, 325)), fill=tuple(value * 9 // 10 for value in tone))
    draw.ellipse((148, 306, 212, 334), fill=tuple(value * 5 // 6 for value in tone))
    for x in (164, 196):
        draw.ellipse((x - 9, 318, x + 9, 330), fill=dark)
    draw.ellipse((126, 362, 234, 408), fill=(176, 84, 84))
    draw.line((130, 384, 230, 384), fill=(110, 40, 44), width=6)
    soft = big.filter(ImageFilter.GaussianBlur(5))
    return soft.resize((round(height * 0.75), height), Image.Resampling.LANCZOS)


def with_face(size: tuple[int, int], height: int, place: tuple[int, int], seed: int = 1) -> Drawn:
    """A drawn scene of `size` with one drawn face of `height` pixels at `place`."""
    random = Random(seed)
    ground = _car(random).resize(size, Image.Resampling.BILINEAR)
    head = face(height, random)
    body = ImageDraw.Draw(ground)
    x, y = place
    body.rounded_rectangle(
        (x - head.width // 2, y + round(height * 0.93), x + head.width * 3 // 2, y + height * 3), height // 4,
        fill=(60, 90, 130),
    )  # fmt: skip
    ground.paste(head, place, head)
    return Drawn(ground, (*place, *head.size), "face", "", "plain")
