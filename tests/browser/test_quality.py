"""The phone's advice on a photo: dark, blurred, small. Thresholds are held to the drawn scenes of the demo: none of them, as
they are, may be called bad; darkened or blurred, nearly all must be. The figures go to build/measured and docs/evidence.md.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from playwright.sync_api import Page, expect

from qixia.demo import scenes
from tests.browser.axe import look_at_everything
from tests.browser.browsing import PHONE, Accounts, Visits
from tests.browser.pictures import photo_bytes
from tests.browser.site import LAT, LNG

MEASURED = Path(__file__).resolve().parents[2] / "build" / "measured" / "photo-advice.json"
NAMES = sorted(path.stem for path in scenes.FOLDER.glob("*.svg"))
_JUDGE = """async (pictures) => {
  const { judge } = await import("/static/reports/quality.js");
  const found = [];
  for (const text of pictures) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    found.push(await judge(new Blob([bytes], { type: "image/jpeg" })));
  }
  return found;
}"""

Change = Callable[[Image.Image], Image.Image]


def blurred(share: float) -> Change:
    """Out of focus: the width of the blur as a share of the long side."""
    return lambda image: image.filter(ImageFilter.GaussianBlur(share * max(image.size)))


def shaken(share: float) -> Change:
    """The phone moved sideways while the shutter was open, by a share of the width."""

    def shake(image: Image.Image) -> Image.Image:
        pixels, length = np.asarray(image, float), max(2, round(image.width * share))
        sums = np.cumsum(np.pad(pixels, ((0, 0), (length, 0), (0, 0)), mode="edge"), axis=1)
        return Image.fromarray(((sums[:, length:] - sums[:, :-length]) / length).astype("uint8"))

    return shake


def darkened(factor: float) -> Change:
    return lambda image: image.point(lambda value: round(value * factor))


def resized(width: int) -> Change:
    return lambda image: image.resize((width, round(image.height * width / image.width)))


# what is done to every scene: the advice that should come, and how many of a hundred must get it
CHANGES: dict[str, tuple[Change, str, int]] = {
    "as it is": (lambda image: image, "", 100),
    "half as bright": (darkened(0.5), "", 98),  # the street whose lamp is out is too dark then, rightly
    "a fifth as bright": (darkened(0.2), "dark", 100),
    "blurred by 0.4 % of the width": (blurred(0.004), "blurred", 80),
    "blurred by 0.6 %": (blurred(0.006), "blurred", 100),
    "shaken by 2 %": (shaken(0.02), "blurred", 80),
    "shaken by 4 %": (shaken(0.04), "blurred", 100),
    "480 px wide": (resized(480), "small", 100),
}


@pytest.fixture
def phone(visits: Visits, accounts: Accounts) -> Page:
    page = visits.page(PHONE, state=accounts.state("rider"))
    page.goto("/snap")
    return page


def drawn(change: Change) -> list[str]:
    """All scenes as a camera would hand them over, in base64."""
    return [base64.b64encode(jpeg(change(scene(name)))).decode() for name in NAMES]


def scene(name: str) -> Image.Image:
    return Image.open(io.BytesIO(scenes.picture(name))).convert("RGB")


def jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


@pytest.mark.parametrize("name", CHANGES)
def test_the_advice_on_drawn_scenes(phone: Page, name: str) -> None:
    change, wanted, share = CHANGES[name]
    found = phone.evaluate(_JUDGE, drawn(change))
    right = sum(one == wanted for one in found)
    record(name, wanted, right, len(found))
    wrong = [f"{scene}: {one!r}" for scene, one in zip(NAMES, found, strict=True) if one != wanted]
    assert 100 * right >= share * len(found), wrong


def record(name: str, wanted: str, right: int, of: int) -> None:
    MEASURED.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    kept[name] = {"advice": wanted, "right": right, "of": of}
    MEASURED.write_text(json.dumps(kept, indent=1))
    print(json.dumps({"command": "photo-advice", "pictures": name, **kept[name]}))


def test_what_is_no_picture_gets_no_advice(phone: Page) -> None:
    assert phone.evaluate(_JUDGE, [base64.b64encode(b"no picture").decode()]) == [""]


# ── on the form ───────────────────────────────────────────────────────────────
def save(path: Path, change: Change) -> Path:
    good = photo_bytes(lat=LAT, lng=LNG, seed=3, taken_at="2026:11:22 10:40:00")
    path.write_bytes(jpeg(change(Image.open(io.BytesIO(good)))))
    return path


def test_bad_photos_get_advice_and_may_stay(phone: Page, tmp_path: Path) -> None:
    expect(phone.locator("form[data-ready]")).to_be_attached()
    files = [save(tmp_path / "a.jpg", lambda image: image), save(tmp_path / "b.jpg", darkened(0.1))]
    phone.locator("#album").set_input_files(files)
    notes = phone.locator("[data-advice] [data-note]")
    expect(notes).to_have_count(1)
    expect(notes).to_contain_text("第 2 张太暗")
    assert phone.locator("[data-advice]").get_attribute("aria-live") == "polite"
    keep = notes.get_by_role("button", name="就用这张")
    keep.focus()
    phone.keyboard.press("Enter")
    expect(notes).to_have_count(0)
    assert phone.evaluate("() => document.activeElement.getAttribute('aria-label')") == "删除第 2 张"
    expect(phone.locator("[data-photo-sum]")).to_contain_text("2 / 9")


def test_a_bad_photo_is_taken_again_and_goes_only_then(phone: Page, tmp_path: Path) -> None:
    expect(phone.locator("form[data-ready]")).to_be_attached()
    phone.locator("#album").set_input_files(save(tmp_path / "a.jpg", blurred(0.01)))
    again = phone.locator("[data-advice]").get_by_role("button", name="重拍")
    expect(phone.locator("[data-advice]")).to_contain_text("第 1 张拍糊了")
    with phone.expect_file_chooser() as chooser:
        again.click()
    expect(phone.locator("[data-photo-sum]")).to_contain_text("1 / 9")  # the camera is open, nothing is gone
    chooser.value.set_files(save(tmp_path / "b.jpg", lambda image: image))
    expect(phone.locator("[data-advice] [data-note]")).to_have_count(0)
    expect(phone.locator("[data-photo]")).to_have_count(1)
    expect(phone.locator("[data-photo-sum]")).to_contain_text("1 / 9")


def test_a_camera_that_was_closed_takes_nothing_away(phone: Page, tmp_path: Path) -> None:
    expect(phone.locator("form[data-ready]")).to_be_attached()
    phone.locator("#album").set_input_files(save(tmp_path / "a.jpg", blurred(0.01)))
    with phone.expect_file_chooser():
        phone.locator("[data-advice]").get_by_role("button", name="重拍").click()
    with phone.expect_file_chooser() as chooser:  # closed without a photo; then another one is taken
        phone.get_by_text("再拍一张").click()
    chooser.value.set_files(save(tmp_path / "b.jpg", lambda image: image))
    expect(phone.locator("[data-photo]")).to_have_count(2)


def test_a_photo_from_far_away_asks_which_place_is_right(phone: Page, tmp_path: Path) -> None:
    """300 m to the north: more than the 200 m that a phone may be wrong."""
    expect(phone.locator("form[data-ready]")).to_be_attached()
    expect(phone.locator("[data-place-detail]")).to_contain_text("精度约 12 米")
    near, far = tmp_path / "near.jpg", tmp_path / "far.jpg"
    near.write_bytes(photo_bytes(lat=LAT + 0.001, lng=LNG, seed=4, taken_at="2026:11:22 10:40:00"))
    far.write_bytes(photo_bytes(lat=LAT + 0.0027, lng=LNG, seed=5, taken_at="2026:11:22 10:40:00"))
    note = phone.locator("[data-photo-far]")
    phone.locator("#album").set_input_files(near)
    expect(phone.locator("[data-photo-sum]")).to_contain_text("1 / 9")
    expect(note).to_be_hidden()
    phone.locator("#album-more").set_input_files(far)
    expect(note).to_contain_text("拍照的地方离这里很远")
    before = phone.locator("[name=lat]").input_value()
    note.get_by_role("button", name="就是这里").click()
    expect(note).to_be_hidden()
    assert phone.locator("[name=lat]").input_value() == before


def test_axe_finds_nothing_in_the_advice(visits: Visits, accounts: Accounts, tmp_path: Path) -> None:
    page = visits.page({**PHONE, "is_mobile": False}, state=accounts.state("rider"), bypass_csp=True)
    page.goto("/snap")
    expect(page.locator("form[data-ready]")).to_be_attached()
    page.locator("#album").set_input_files(
        [save(tmp_path / "a.jpg", darkened(0.1)), save(tmp_path / "b.jpg", blurred(0.01))]
    )
    expect(page.locator("[data-advice] [data-note]")).to_have_count(2)
    found = look_at_everything(page)
    assert not found, "\n".join(found)
