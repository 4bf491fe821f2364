"""A report is never lost and never doubled: without network, with a session that ends, with an upload that breaks off."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.breaking import breaking_network
from tests.browser.browsing import PHONE, Accounts, Visits, sign_in_by_phone
from tests.browser.pictures import photo
from tests.browser.site import LAT, LNG, OTHER_RIDERS, Site

NO_NETWORK = "ERR_INTERNET_DISCONNECTED|ERR_FAILED"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return photo(tmp_path / "a.jpg", lat=LAT, lng=LNG, seed=5)


def fill(page: Page, picture: Path, words: str) -> None:
    """Photo and words, and the draft is on the phone."""
    expect(page.locator("form[data-ready]")).to_be_attached()
    page.locator("#album").set_input_files(picture)
    page.get_by_label("补充一句（可以不写）").fill(words)
    expect(page.locator("[data-photo-sum]")).to_contain_text("1 / 9")
    expect(page.get_by_text("已存草稿")).to_be_visible()


def test_without_network_the_form_opens_and_the_report_goes_out_later_once(
    visits: Visits, accounts: Accounts, site: Site, picture: Path
) -> None:
    words = "没网的时候拍的井盖"
    page = visits.page(PHONE, state=accounts.state("rider"))
    visits.watch_of(page).expect(NO_NETWORK)
    page.goto("/")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.goto("/snap")  # goes through the service worker, which keeps the form
    expect(page.locator("form[data-ready]")).to_be_attached()

    page.context.set_offline(True)
    page.goto("/snap")
    expect(page.locator("form[data-ready]")).to_be_attached()
    expect(page.locator("#qx-offline")).to_be_visible()
    fill(page, picture, words)
    page.get_by_test_id("snap-submit").click()
    expect(page.get_by_text("存好了，有网自动交，不会重复。")).to_be_visible()
    expect(page.locator("[data-queue] li")).to_contain_text(words)
    page.reload()
    expect(page.locator("[data-queue] li")).to_contain_text(words)
    assert site.count_reports(words) == 0

    page.context.set_offline(False)
    sent = page.locator("[data-sent]")
    expect(sent).to_be_visible()
    expect(sent).to_contain_text(re.compile(r"\d{3}-\d{3}-\d{3}"))
    expect(page.locator("[data-queue]")).to_be_hidden()
    page.reload()
    expect(page.locator("form[data-ready]")).to_be_attached()
    assert site.count_reports(words) == 1


def test_without_network_other_pages_say_so(visits: Visits, accounts: Accounts) -> None:
    page = visits.page(PHONE, state=accounts.state("rider"))
    visits.watch_of(page).expect(NO_NETWORK)
    page.goto("/")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.context.set_offline(True)
    page.goto("/points")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main")).to_contain_text("网络")


def test_a_session_that_ends_in_mid_upload_costs_nothing(visits: Visits, site: Site, picture: Path) -> None:
    words, phone = "传到一半登录过期了", OTHER_RIDERS[0]
    page = visits.page(PHONE)
    # The form may also be asking what is near when the session ends.
    visits.watch_of(page).expect("POST .*/snap 401", r"GET .*/snap/seen\S* 401")
    sign_in_by_phone(page, phone, to="/snap")
    fill(page, picture, words)
    session = next(one["value"] for one in page.context.cookies() if one["name"] == "sessionid")
    assert site.end_sessions(session) == 1
    page.get_by_test_id("snap-submit").click()
    expect(page.get_by_text("登录过期了，照片和文字都还在这部手机上。")).to_be_visible()
    assert site.count_reports(words) == 0

    page.get_by_role("link", name="登录后接着交").click()
    page.get_by_label("手机号").fill(phone)
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_role("button", name="填入").click()
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page.get_by_text("上次没交完的还在，接着来。")).to_be_visible()
    expect(page.get_by_label("补充一句（可以不写）")).to_have_value(words)
    expect(page.locator("[data-photo-sum]")).to_contain_text("1 / 9")
    page.get_by_test_id("snap-submit").click()
    expect(page.get_by_role("heading", name="已收到", level=1)).to_be_visible()
    assert site.count_reports(words) == 1


def test_an_upload_that_breaks_off_is_tried_again_and_is_one_report(
    visits: Visits, accounts: Accounts, site: Site, picture: Path
) -> None:
    """Broken off half-way, then after the server wrote it but before its answer came: the third try gets the number."""
    words = "交上去了但没听到回答"
    with breaking_network(site.url, b"POST /snap ", "on the way", "before the answer") as network:
        page = visits.page(PHONE, state=accounts.state("rider"), service_workers="block", base_url=network.url)
        visits.watch_of(page).expect(r"POST .*/snap net::")
        page.goto("/snap")
        fill(page, picture, words)
        page.get_by_test_id("snap-submit").click()
        expect(page.get_by_role("heading", name="已收到", level=1)).to_be_visible(timeout=20_000)
        number = page.get_by_test_id("number").inner_text()
        page.context.close()
    assert network.tries >= 3  # Chromium itself may add one
    assert site.count_reports(words) == 1
    assert re.fullmatch(r"\d{3}-\d{3}-\d{3}", number)
