"""A clip on the form: looked at on the phone, kept with the draft, sent with the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qixia.media.tests.filming import clip
from tests.browser.axe import look_at_everything
from tests.browser.breaking import breaking_network
from tests.browser.browsing import PHONE, Accounts, Visits
from tests.browser.site import Site

PADDING = 2_500_000
PIECE = 512 * 1024


@pytest.fixture
def page(visits: Visits, accounts: Accounts) -> Page:
    found = visits.page(PHONE, state=accounts.state("rider"))
    found.goto("/snap")
    expect(found.locator("form[data-ready]")).to_be_attached()
    return found


def save(path: Path, seconds: float, form: str = "webm") -> Path:
    path.write_bytes(clip(form, seconds, fps=5))
    return path


def painted(page: Page) -> bool:
    """Whether the first picture of the clip stands on the canvas."""
    found: bool = page.locator("[data-clip-row] canvas").evaluate(
        "(canvas) => canvas.getContext('2d').getImageData(0, 0, 144, 120).data.some((value) => value > 0)"
    )
    return found


def test_a_clip_alone_is_a_report(page: Page, site: Site, tmp_path: Path) -> None:
    words = "只有一段视频的上报"
    page.locator("#film").set_input_files(save(tmp_path / "IMG_0815.webm", 3.0))
    row = page.get_by_test_id("clip")
    expect(row).to_contain_text("3 秒")
    assert painted(page)
    page.get_by_label("补充一句（可以不写）").fill(words)
    expect(page.get_by_text("已存草稿")).to_be_visible()
    page.reload()
    expect(row).to_contain_text("3 秒")
    page.get_by_test_id("snap-submit").click()
    expect(page.get_by_role("heading", name="已收到", level=1)).to_be_visible()
    assert site.count_reports(words) == 1


def test_a_long_clip_and_no_clip_are_refused_at_once(page: Page, tmp_path: Path) -> None:
    page.locator("#film").set_input_files(save(tmp_path / "long.webm", 40.0))
    expect(page.locator("#err-clip")).to_contain_text("视频有 40 秒，最多 30 秒。")
    (tmp_path / "a.mp4").write_bytes(b"no clip at all")
    page.locator("#film").set_input_files(tmp_path / "a.mp4")
    expect(page.locator("#err-clip")).to_contain_text("不是能收的视频")
    expect(page.get_by_test_id("clip")).to_be_hidden()


def test_a_clip_goes_with_no_anonymous_report(page: Page, tmp_path: Path) -> None:
    page.locator("#film").set_input_files(save(tmp_path / "a.webm", 2.0))
    expect(page.get_by_test_id("clip")).to_be_visible()
    page.get_by_text("匿名上报", exact=True).click()
    button = page.get_by_test_id("snap-submit")
    expect(button).to_contain_text("匿名不能带视频")
    button.click()
    expect(page.locator("#err-clip")).to_contain_text("匿名上报不能带")
    page.get_by_role("button", name="删掉视频").click()
    expect(page.get_by_test_id("clip")).to_be_hidden()
    expect(button).to_contain_text("还差照片")


def test_axe_finds_nothing_beside_a_clip(visits: Visits, accounts: Accounts, tmp_path: Path) -> None:
    page = visits.page({**PHONE, "is_mobile": False}, state=accounts.state("rider"), bypass_csp=True)
    page.goto("/snap")
    page.locator("#film").set_input_files(save(tmp_path / "a.webm", 2.0))
    expect(page.get_by_test_id("clip")).to_be_visible()
    found = look_at_everything(page)
    assert not found, "\n".join(found)


def test_a_large_clip_goes_up_in_pieces_and_a_lost_piece_costs_only_itself(
    visits: Visits, accounts: Accounts, site: Site, tmp_path: Path
) -> None:
    """About two and a half megabytes over a network that breaks off twice: the pieces before are not sent again."""
    words = "一段大视频，分片传"
    film = save(tmp_path / "large.mp4", 5.0, "mp4")
    with film.open("ab") as file:  # a box of its own that players skip
        file.write(PADDING.to_bytes(4) + b"free" + bytes(PADDING - 8))
    with breaking_network(site.url, b"PUT /uploads/", "on the way", "before the answer") as network:
        page = visits.page(PHONE, state=accounts.state("rider"), service_workers="block", base_url=network.url)
        visits.watch_of(page).expect(r"PUT .*/uploads/.* net::", r"PUT .*/uploads/.* 409")
        offsets: list[int] = []
        page.on("request", lambda one: offsets.append(int(one.url.rsplit("/", 1)[1])) if one.method == "PUT" else None)
        page.goto("/snap")
        expect(page.locator("form[data-ready]")).to_be_attached()
        page.locator("#film").set_input_files(film)
        expect(page.get_by_test_id("clip")).to_contain_text("MB")
        page.get_by_label("补充一句（可以不写）").fill(words)
        page.get_by_test_id("snap-submit").click()
        expect(page.get_by_role("heading", name="已收到", level=1)).to_be_visible(timeout=30_000)
        page.context.close()
    assert site.count_reports(words) == 1
    assert len(set(offsets)) == -(-film.stat().st_size // PIECE)
    assert len(offsets) <= len(set(offsets)) + 3, offsets
