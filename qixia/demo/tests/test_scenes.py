"""The demo's drawings: all there, all renderable, each pair of the same place."""

import io
import re

import cv2
import numpy as np
import pytest
from PIL import Image, ImageChops, ImageStat

from qixia.codes.reference import class_rows
from qixia.demo import scenes
from qixia.media.likeness import compare

DRAWINGS = sorted(path.stem for path in scenes.FOLDER.glob("*.svg"))
OWN = sorted(name for names in scenes.SCENES.values() for name in names)
CLASSES = {row.slug: row.family for row in class_rows()}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_becomes_a_photo_sized_jpeg_with_something_on_it(name: str) -> None:
    image = Image.open(io.BytesIO(scenes.picture(name)))

    assert image.format == "JPEG"
    assert image.size == (scenes.WIDTH, scenes.HEIGHT)
    assert ImageStat.Stat(image.convert("L")).stddev[0] > 8  # a failed render is one flat colour


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_small_and_holds_nothing_foreign(name: str) -> None:
    text = (scenes.FOLDER / f"{name}.svg").read_text(encoding="utf-8")

    assert len(text.encode()) < 25_000
    assert not re.search(r"<script|<image|<foreignObject|href|@import|\bon\w+=", text)
    assert not re.search(r"url\((?!#)", text)
    assert "feTurbulence" not in text, "the grain is laid over in Python; turbulence takes seconds"
    assert "<text" not in text, "a renderer may have no fonts"


@pytest.mark.parametrize("name", OWN)
def test_before_and_after_show_the_same_place_in_two_states(name: str) -> None:
    before, after = (
        Image.open(io.BytesIO(scenes.picture(each))).convert("L").resize((48, 36))
        for each in (f"{name}-before", f"{name}-after")
    )
    difference = ImageStat.Stat(ImageChops.difference(before, after))

    assert difference.extrema[0][1] > 40, "the slider would show nothing"
    assert difference.mean[0] < 70, "not the same place"


@pytest.mark.parametrize("name", OWN)
def test_a_photo_of_afterwards_shows_the_place_and_does_not_pass_for_a_copy(name: str) -> None:
    before, after = (
        cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
        for photo in (scenes.picture(f"{name}-before"), scenes.later(f"{name}-after"))
    )
    assert before is not None
    assert after is not None
    likeness = compare(before, after)

    assert not likeness.is_copy, "a clerk who says nothing could not close it"
    assert likeness.verdict == "same"


def test_no_drawing_is_missing_left_over_or_drawn_twice() -> None:
    assert sorted(f"{name}-{end}" for name in OWN for end in ("before", "after")) == DRAWINGS
    assert len(DRAWINGS) <= 60
    pictures = {scenes.picture(name) for name in DRAWINGS}
    assert len(pictures) == len(DRAWINGS)


@pytest.mark.parametrize("cls", sorted(CLASSES))
def test_every_triage_class_has_a_pair(cls: str) -> None:
    pairs = scenes.pairs_for(cls, CLASSES[cls])

    assert pairs
    assert all(before != after and {before, after} <= set(DRAWINGS) for before, after in pairs)
    assert cls in scenes.SCENES or cls in scenes.NEAREST, "say which drawing fits best"


def test_only_real_classes_are_named() -> None:
    assert {*scenes.SCENES, *scenes.NEAREST, *scenes.NEAREST.values()} <= set(CLASSES)
    assert not set(scenes.SCENES) & set(scenes.NEAREST)


def test_a_class_added_later_borrows_by_family() -> None:
    assert scenes.pairs_for("new-one", "园林") == scenes.pairs_for("tree", "园林")
    assert scenes.pairs_for("new-one", "no such family")


def test_a_picture_is_the_same_every_time() -> None:
    first = scenes.picture("cable-before")
    scenes.picture.cache_clear()
    scenes._grain.cache_clear()

    assert scenes.picture("cable-before") == first
