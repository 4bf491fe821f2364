"""The queue as a unit works it: narrow it, tick rows by keyboard, look ahead, answer them all, and the clerk who watches
is told."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.browsing import DESKTOP, PHONE, Accounts, Visits


def ticked(page: Page) -> int:
    return page.locator("[data-rows] input[type=checkbox]:checked").count()


def test_filter_preview_do_and_the_watcher_is_told(visits: Visits, accounts: Accounts) -> None:
    page = visits.page(DESKTOP, state=accounts.state("worker"))
    page.goto("/desk/queue?all=1")
    page.get_by_test_id("more").click()
    page.get_by_label("阶段").select_option("unit")
    page.get_by_test_id("narrow").click()
    expect(page).to_have_url(re.compile("group=unit"))
    rows = page.locator("[data-rows] [data-row]")
    expect(rows.first).to_be_visible()

    # j moves on, x ticks; the bar counts.
    page.locator("body").press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert ticked(page) == 2
    expect(page.locator("[data-rowbar] [data-count]")).to_have_text("2")
    chosen = [box.get_attribute("value") for box in page.locator("[data-rows] input:checked").all()]

    clerk = visits.page(DESKTOP, state=accounts.state("clerk"))
    clerk.goto(f"/desk/case/{chosen[0]}/")
    clerk.get_by_test_id("watch").click()
    expect(clerk.get_by_test_id("watch")).to_have_attribute("aria-pressed", "true")

    page.get_by_test_id("bulk-answer").click()
    expect(page.get_by_test_id("yes")).to_have_count(2)
    page.get_by_label("标准答复").select_option(index=1)
    expect(page.get_by_label("骑手会看到这句话")).to_have_value(re.compile(r"已收到（编号 \{number\}）"))
    body = page.locator("form.qx-bulk").evaluate("form => new URLSearchParams(new FormData(form)).toString()")
    page.get_by_test_id("bulk-do").click()
    expect(page.get_by_test_id("done")).to_have_count(2)
    # The same form once more, as an impatient finger sends it: the same result.
    again = page.request.post("/desk/bulk/do", data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert again.url == page.url

    clerk.goto("/inbox")
    expect(clerk.get_by_text("你关注的一件").first).to_be_visible()
    clerk.goto(f"/desk/case/{chosen[0]}/")
    expect(clerk.get_by_test_id("history")).to_contain_text("已收到（编号")


def test_the_queue_on_a_phone_is_cards_that_open_the_case(visits: Visits, accounts: Accounts) -> None:
    page = visits.page(PHONE, state=accounts.state("worker"))
    page.goto("/desk/queue?all=1")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("[data-row] .is-main a").first.click()
    expect(page).to_have_url(re.compile("/desk/case/"))
    page.get_by_test_id("add-note").click()
    page.get_by_label("备注", exact=True).fill("门卫电话在值班室")
    page.get_by_test_id("do-note").click()
    expect(page.get_by_test_id("papers")).to_contain_text("门卫电话在值班室")
    expect(page).to_have_url(re.compile("/desk/case/"))
