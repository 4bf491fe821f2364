"""Finding and covering, on drawn pictures. What street photos give stands in docs/evidence.md."""

from __future__ import annotations

from itertools import islice, pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from qixia.kernel.errors import Invalid
from qixia.media import pictures, redaction, redaction_models
from qixia.media.redaction import Box, CannotLook, cover, find, merged, read_boxes, resized, tiles, uncovered
from qixia.media.redaction_drawn import Drawn, face, plate, plates, with_face
from qixia.media.rules import Limits
from qixia.media.tests import made
from qixia.media.tests.test_pictures import LIMITS, NOW

SIZE = (400, 300)


def share(box: Box, drawn: Drawn) -> float:
    x, y, w, h = drawn.place
    wide, high = min(box.x + box.w, x + w) - max(box.x, x), min(box.y + box.h, y + h) - max(box.y, y)
    return max(0, wide) * max(0, high) / (w * h)


def a(kind="plate", x=10, y=20, w=30, h=40, score=0.5, by="machine") -> Box:
    return Box(kind, x, y, w, h, score, by)


class TestFinding:
    def test_drawn_plates_of_every_colour_are_found(self):
        for drawn in islice(plates(5, 1), 4):
            assert any(box.kind == "plate" and share(box, drawn) > 0.9 for box in find(drawn.picture)), drawn.colour

    def test_a_drawn_face_is_found_however_large(self):
        for height in (48, 120, 400):
            drawn = with_face((640, 560), height, (90, 60))
            assert any(box.kind == "face" and share(box, drawn) > 0.6 for box in find(drawn.picture)), height

    def test_an_empty_wall_has_nothing(self):
        assert find(Image.new("RGB", (640, 480), (180, 170, 160))) == []

    def test_what_shows_nothing_is_no_find(self, monkeypatch):
        flat = redaction_models.Find(0, 0, 20, 20, 0.99)
        monkeypatch.setattr(redaction, "find_faces", lambda *_: [flat])
        assert find(Image.new("RGB", (64, 64), "grey")) == []
        assert [box.kind for box in find(Image.linear_gradient("L").resize((64, 64)).convert("RGB"))] == ["face"]

    def test_a_plate_as_wide_as_the_picture_must_be_sure(self, monkeypatch):
        for score, count in ((0.89, 0), (0.91, 1)):
            monkeypatch.setattr(
                redaction,
                "find_plates",
                lambda tile, _, score=score: [redaction_models.Find(0, 0, tile.shape[1] / 2, tile.shape[0], score)],
            )
            boxes = find(Image.linear_gradient("L").resize((64, 64)).convert("RGB"))
            assert len([box for box in boxes if box.kind == "plate"]) == count

    def test_the_smallest_picture_is_searched(self):
        assert find(Image.new("RGB", (16, 16))) == []
        assert find(Image.new("RGB", (1600, 16))) == []

    def test_boxes_are_in_pixels_of_the_picture_that_was_given(self):
        drawn = with_face((640, 560), 200, (90, 60))
        wide = Image.new("RGB", (3600, 560), "grey")
        wide.paste(drawn.picture, (2900, 0))
        there = Drawn(wide, (2990, *drawn.place[1:]), "face", "", "plain")
        assert any(box.kind == "face" and share(box, there) > 0.6 for box in find(wide))


class TestFailingClosed:
    @pytest.mark.parametrize(
        ("error", "reason"),
        [(MemoryError(), "memory"), (RuntimeError("bad alloc"), "detector RuntimeError"), (CannotLook("x"), "x")],
    )
    def test_whatever_a_detector_raises_is_not_nothing_found(self, monkeypatch, error, reason):
        def raises(*_):
            raise error

        monkeypatch.setattr(redaction, "find_plates", raises)
        with pytest.raises(CannotLook) as caught:
            find(Image.new("RGB", (64, 64)))
        assert caught.value.reason == reason

    def test_too_slow(self, monkeypatch):
        monkeypatch.setattr(redaction, "BUDGET_S", -1.0)
        with pytest.raises(CannotLook, match="time"):
            find(Image.new("RGB", (64, 64)))

    def test_missing_weights(self, monkeypatch):
        monkeypatch.setattr(redaction_models.metadata, "files", lambda _: [])
        redaction_models._face_net.cache_clear()
        with pytest.raises(CannotLook, match=r"no_weights centerface\.onnx"):
            find(Image.new("RGB", (64, 64)))

    def test_missing_runtime(self, monkeypatch):
        def missing(_):
            raise ImportError

        monkeypatch.setattr(redaction_models.importlib, "import_module", missing)
        redaction_models._plate_net.cache_clear()
        with pytest.raises(CannotLook, match="no_runtime"):
            find(Image.new("RGB", (64, 64)))

    def test_a_net_that_answers_nonsense_has_not_looked(self):
        nothing = np.array([np.nan])
        with pytest.raises(CannotLook, match="no_number"):
            redaction_models._finds(nothing, nothing, nothing, nothing, nothing)

    def test_a_net_that_finds_faces_everywhere_is_broken(self, monkeypatch):
        many = [redaction_models.Find(x % 30 * 12, x // 30 * 12, 8, 8, 0.9) for x in range(redaction.MOST + 1)]
        monkeypatch.setattr(redaction, "find_faces", lambda *_: many)
        with pytest.raises(CannotLook, match="too_many"):
            find(Image.effect_noise((360, 200), 60).convert("RGB"))

    def test_no_copies_come_of_it(self, monkeypatch):
        monkeypatch.setattr(redaction, "BUDGET_S", -1.0)
        with pytest.raises(CannotLook):
            pictures.develop(made.jpeg(), "jpeg", limits=LIMITS, now=NOW)


class TestCovering:
    def test_nothing_of_the_pixels_is_left(self):
        noise = Image.effect_noise(SIZE, 80).convert("RGB")
        box = a(x=50, y=60, w=120, h=90)
        cover(noise, [box])
        inside = np.asarray(noise.crop((50, 60, 170, 150)))
        assert len(np.unique(inside.reshape(-1, 3), axis=0)) == 1

    def test_the_colour_says_no_more_than_nine_bits(self):
        seen = set()
        for value in range(256):
            picture = Image.new("RGB", (8, 8), (value, 0, 0))
            cover(picture, [a(x=0, y=0, w=8, h=8)])
            seen.add(picture.getpixel((3, 3)))
        assert len(seen) == 8

    def test_two_plates_look_the_same_when_covered(self):
        covered = []
        for seed in (1, 2):
            picture = Image.new("RGB", SIZE, "grey")
            sign = plate("blue", Random(seed)).resize((220, 70))
            picture.paste(sign, (60, 90), sign)
            cover(picture, [a(x=50, y=80, w=240, h=90)])
            covered.append(picture.tobytes())
        assert covered[0] == covered[1]

    def test_what_lies_outside_stays(self):
        noise = Image.effect_noise(SIZE, 80).convert("RGB")
        before = np.asarray(noise).copy()
        cover(noise, [a(x=50, y=60, w=120, h=90)])
        changed = np.argwhere((np.asarray(noise) != before).any(axis=2))
        (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
        assert left >= 50
        assert top >= 60
        assert right < 170
        assert bottom < 150

    @given(st.integers(1, 5000), st.integers(1, 5000), st.data())
    def test_resizing_never_leaves_a_strip(self, width, height, data):
        x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
        box = a(x=x, y=y, w=data.draw(st.integers(1, width - x)), h=data.draw(st.integers(1, height - y)))
        small = (max(1, width // 3), max(1, height // 3))
        (there,) = resized([box], (width, height), small)
        assert there.x * width <= x * small[0]
        assert there.y * height <= y * small[1]
        assert (there.x + there.w) * width >= (x + box.w) * small[0] or there.x + there.w == small[0]
        assert (there.y + there.h) * height >= (y + box.h) * small[1] or there.y + there.h == small[1]
        assert there.x >= 0
        assert there.x + there.w <= small[0]


class TestTiles:
    @given(st.integers(1, 9000), st.integers(1, 200))
    def test_they_cover_all_and_overlap(self, width, height):
        spans = sorted({(left, right) for left, _, right, _ in tiles((width, height))})
        assert spans[0][0] == 0
        assert spans[-1][1] == width
        assert all(right - left <= redaction.TILE for left, right in spans)
        for (_, end), (start, _) in pairwise(spans):
            assert end - start >= redaction.OVERLAP


class TestBoxes:
    def test_one_box_for_what_two_sizes_found(self):
        strong, weak, inside, apart = (
            a(score=0.9),
            a(x=20, w=34, score=0.85),
            a(x=15, y=25, w=8, h=8, score=0.8),
            a(x=200, score=0.3),
        )
        assert merged([weak, apart, inside, strong]) == [a(w=43, score=0.9), apart]

    def test_an_unsure_find_does_not_widen(self):
        assert merged([a(score=0.9), a(x=20, w=34, score=0.4)]) == [a(score=0.9)]

    def test_a_persons_boxes_are_read(self):
        kept = a(score=0.7)
        sent = [
            {"kind": "plate", "x": 10, "y": 20, "w": 30, "h": 40},
            {"kind": "face", "x": 390, "y": 0, "w": 50, "h": 9},
        ]
        assert read_boxes(sent, SIZE, before=[kept], by="person:p") == [kept, a("face", 390, 0, 10, 9, 1.0, "person:p")]

    @pytest.mark.parametrize(
        "raw",
        [
            None,
            {},
            "[]",
            [1],
            [{"kind": "car", "x": 1, "y": 1, "w": 9, "h": 9}],
            [{"kind": "face", "x": -1, "y": 1, "w": 9, "h": 9}],
            [{"kind": "face", "x": 1.5, "y": 1, "w": 9, "h": 9}],
            [{"kind": "face", "x": True, "y": 1, "w": 9, "h": 9}],
            [{"kind": "face", "x": 1, "y": 1, "w": 3, "h": 9}],
            [{"kind": "face", "x": 400, "y": 1, "w": 9, "h": 9}],
            [{"kind": "face", "x": 1, "y": 1, "w": 9}],
            [{"kind": "face", "x": 10**9, "y": 1, "w": 9, "h": 9}],
            [{"kind": "face", "x": 1, "y": 1, "w": 9, "h": 9}] * 401,
        ],
    )
    def test_nonsense_is_refused(self, raw):
        with pytest.raises(Invalid) as caught:
            read_boxes(raw, SIZE, before=[], by="person:p")
        assert caught.value.field == "boxes"

    def test_what_comes_to_light(self):
        old = a()
        assert uncovered([old], [old]) == []
        assert uncovered([old], [a("face", 0, 0, 200, 200)]) == []
        assert uncovered([old], []) == [old]
        assert uncovered([old], [a(x=11)]) == [old]
        assert uncovered([old], [a(w=15), a(x=25, w=15)]) == [old]


class TestCopies:
    def test_they_are_made_from_covered_pixels(self):
        drawn = with_face((640, 560), 300, (150, 60))
        result = pictures.develop(made.saved(drawn.picture, "JPEG", quality=90), "jpeg", limits=LIMITS, now=NOW)
        faces = [box for box in result.boxes if box.kind == "face"]
        assert faces
        x, y, w, h = faces[0].x, faces[0].y, faces[0].w, faces[0].h
        for size, copy in result.copies.items():
            scale = copy.width / 640
            shown = Image.open(made.BytesIO(copy.content)).convert("RGB")
            inner = [round(side * scale) for side in (x + w * 0.1, y + h * 0.1, x + w * 0.9, y + h * 0.9)]
            assert np.asarray(shown.crop(inner)).std(axis=(0, 1)).max() < 6, size

    def test_boxes_that_a_person_settled_are_taken_as_they_are(self):
        box = a("face", 8, 8, 40, 40, 1.0, "person:p")
        result = pictures.develop(made.png(), "png", limits=LIMITS, now=NOW, boxes=[box])
        assert result.boxes == (box,)
        shown = Image.open(made.BytesIO(result.copies["full"].content)).convert("RGB")
        assert np.asarray(shown.crop((12, 12, 44, 44))).std(axis=(0, 1)).max() < 4

    def test_boxes_stand_upright_in_a_turned_photo(self):
        drawn = with_face((640, 560), 300, (150, 60))
        turned = drawn.picture.transpose(Image.Transpose.ROTATE_90)  # to be turned back by orientation 6
        content = made.saved(turned, "JPEG", quality=92, exif=made.exif(orientation=6))
        result = pictures.develop(content, "jpeg", limits=LIMITS, now=NOW)
        assert (result.width, result.height) == (640, 560)
        assert any(box.kind == "face" and share(box, drawn) > 0.6 for box in result.boxes)

    def test_covering_moves_no_hash(self):
        content = made.png(200, 150)
        bare, covered = (
            pictures.develop(content, "png", limits=LIMITS, now=NOW, boxes=boxes).phash
            for boxes in ((), (a("face", 0, 0, 150, 150),))
        )
        assert bare == covered

    def test_full_size_for_the_command(self):
        content = made.saved(with_face((640, 560), 300, (150, 60)).picture, "PNG")
        picture, boxes = pictures.redacted(content, "png", limits=Limits())
        assert picture.size == (640, 560)
        box = next(box for box in boxes if box.kind == "face")
        assert len(picture.crop((box.x, box.y, box.x + box.w, box.y + box.h)).getcolors(9)) == 1


def test_a_drawn_face_is_transparent_around():
    assert face(100, Random(1)).getpixel((0, 0))[3] == 0
