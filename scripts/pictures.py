"""Pictures for README.md and docs: `python -m scripts.pictures --url http://127.0.0.1:8000`.

The address is that of a running demonstration (`qixia demo`, `qixia serve`): the demo's own accounts sign in through its
pages. Written are docs/img/*.webp, each small enough for a page of text; anything larger than MOST_BYTES is an error.
"""

from __future__ import annotations

import argparse
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qixia.site.settings")
django.setup()  # the demo's cast, which the browsers sign in as, stands beside its models

from tests.browser.browsing import DESKTOP, PHONE, chromium, sign_in_as_staff, sign_in_by_phone  # noqa: E402
from tests.browser.site import RIDER  # noqa: E402

OUT = Path(__file__).resolve().parents[1] / "docs" / "img"
MOST_BYTES = 150_000
CHAT = """张三 2026-11-20 08:12
榕荫街 12 号门口井盖响，晚上吵
李四 2026-11-20 08:15
收到
王五 2026-11-20 08:40
卖花的旁边路灯不亮，黑了好几天
赵六 2026-11-20 09:05
云帆路 150 号护栏倒了两根，早高峰人多
"""


def queue(page: Page) -> None:
    page.goto("/desk/queue")
    page.wait_for_timeout(1500)  # the tiles of the map


def case(page: Page) -> None:
    page.goto("/desk/queue?state=working")
    page.goto(page.locator("[data-row] a[data-case-url]").first.get_attribute("data-case-url") or "")
    page.get_by_test_id("more-acts").click()


def alarm(page: Page) -> None:
    page.goto("/desk/alarm/")


def supervision(page: Page) -> None:
    page.goto("/desk/supervision/")


def imported(page: Page) -> None:
    """A pasted chat, read and not yet confirmed. The same paste again is the same batch."""
    page.goto("/desk/import/")
    page.get_by_label("在微信里多选消息、复制，粘到这里").fill(CHAT)
    page.get_by_test_id("do-paste").click()
    page.get_by_test_id("tally").wait_for(timeout=300_000)


class Phones:
    """Pictures of one phone, taken one after the other, side by side."""

    def __init__(self, page: Page) -> None:
        self.page, self.shots = page, list[bytes]()

    def shoot(self, address: str = "") -> None:
        if address:
            self.page.goto(address)
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate("() => document.fonts.ready")
        self.shots.append(self.page.screenshot())


def rider(page: Page) -> bytes:
    """Home, what became of a report, the points, a voucher (the latest; `redeem` gets one)."""
    phones = Phones(page)
    phones.shoot("/")
    page.goto("/mine?state=fixed")
    page.get_by_test_id("report-card").last.click()
    page.get_by_test_id("timeline").wait_for()
    phones.shoot()
    phones.shoot("/points")
    page.goto("/vouchers")
    page.get_by_test_id("voucher").first.click()
    phones.shoot()
    return side_by_side(phones.shots)


def points(page: Page) -> bytes:
    """The ledger, why one entry is what it is, the rules."""
    phones = Phones(page)
    phones.shoot("/points")
    page.get_by_role("link", name="为什么").first.click()
    page.get_by_test_id("why").wait_for()
    phones.shoot()
    phones.shoot("/points/rules")
    return side_by_side(phones.shots)


def redeem(page: Page) -> bytes:
    """Four phones side by side: what there is, a voucher (got for it), the shops around, one of them."""
    phones = Phones(page)
    phones.shoot("/redeem")
    page.get_by_test_id("good").filter(has_text="晚餐券").click()
    page.get_by_role("button", name=re.compile("分兑换")).click()
    page.locator("#qr").wait_for()
    phones.shoot()
    page.goto("/shops/")
    page.get_by_text("公里内").wait_for()
    phones.shoot()
    page.get_by_test_id("shop").first.click()
    phones.shoot()
    return side_by_side(phones.shots)


def side_by_side(shots: list[bytes]) -> bytes:
    pictures = [Image.open(io.BytesIO(one)).convert("RGB") for one in shots]
    pictures = [one.resize((585, 585 * one.height // one.width)) for one in pictures]
    row = Image.new("RGB", (sum(one.width + 30 for one in pictures) - 30, pictures[0].height), "white")
    for number, one in enumerate(pictures):
        row.paste(one, (number * (one.width + 30), 0))
    out = io.BytesIO()
    row.save(out, "PNG")
    return out.getvalue()


def report(page: Page) -> None:
    page.goto("/mine?state=fixed")
    page.set_viewport_size({"width": 390, "height": 1280})
    page.get_by_test_id("report-card").last.click()
    page.get_by_test_id("timeline").wait_for()
    page.wait_for_load_state("networkidle")


# name of the picture → who looks, with what, at what
PICTURES: dict[str, tuple[str, dict[str, Any], Callable[[Page], bytes | None]]] = {
    "desk": ("clerk", DESKTOP, queue),
    "case": ("clerk", DESKTOP, case),
    "alarm": ("clerk", DESKTOP, alarm),
    "import": ("clerk", DESKTOP, imported),
    "supervision": ("supervisor", DESKTOP, supervision),
    "report": ("rider", PHONE, report),
    "redeem": ("rider", PHONE, redeem),
    "points": ("rider", PHONE, points),
    "rider": ("rider", PHONE, rider),
}


def take(browser: Browser, url: str, names: list[str]) -> None:
    """Each account signs in once."""
    pages: dict[str, Page] = {}
    for name in names:
        who, device, look = PICTURES[name]
        if who not in pages:
            pages[who] = browser.new_context(
                base_url=url, locale="zh-CN", timezone_id="Asia/Shanghai", **device
            ).new_page()
            if who == "rider":
                sign_in_by_phone(pages[who], RIDER)
            else:
                sign_in_as_staff(pages[who], who)
        made = look(pages[who])
        pages[who].evaluate("() => document.fonts.ready")
        write(name, made or pages[who].screenshot())


def write(name: str, shot: bytes) -> None:
    """As WebP, in the largest quality that is small enough."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    for quality in (84, 76, 66, 58):
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality, method=6)
        if len(out.getvalue()) <= MOST_BYTES:
            (OUT / f"{name}.webp").write_bytes(out.getvalue())
            return
    raise SystemExit(f"{name}: {len(out.getvalue())} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="a running demonstration")
    parser.add_argument("names", nargs="*", default=list(PICTURES), help="only these")
    given = parser.parse_args()
    with sync_playwright() as playwright, chromium(playwright) as browser:
        take(browser, given.url, given.names)


if __name__ == "__main__":
    main()
