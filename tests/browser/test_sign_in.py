"""The first time: a rider who was never here registers and is asked for each consent apart; staff set up a code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.axe import look_at_everything
from tests.browser.browsing import DESKTOP, PHONE, Visits
from tests.browser.site import STAFF, STAFF_PASSWORD

NEWCOMERS = iter(f"139000000{number:02d}" for number in range(1, 100))
Look = Callable[[], object]


def register(page: Page, look: Look) -> None:
    """From the phone number to the first page; `look` is called on each page on the way."""
    page.goto("/sign-in")
    page.get_by_label("手机号").fill(next(NEWCOMERS))
    page.get_by_role("button", name="获取验证码").click()
    expect(page.get_by_role("heading", name="输入验证码")).to_be_visible()
    look()
    page.get_by_role("button", name="填入").click()
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page).to_have_url(re.compile("/sign-in/register"))
    look()
    page.get_by_label("怎么称呼你").fill("小北")
    page.get_by_text("云跑外卖").click()
    page.get_by_label("真实姓名").fill("")
    page.locator("form").get_by_role("button").last.click()
    for kind, answer in (("place", "同意"), ("photo", "同意"), ("name", "先不同意")):
        expect(page).to_have_url(re.compile(f"/sign-in/consent/{kind}"))
        look()
        page.get_by_role("button", name=answer, exact=True).click()
    expect(page.get_by_role("navigation", name="主导航")).to_be_visible()
    look()


def test_a_new_rider_is_asked_each_consent_apart_and_may_take_it_back(visits: Visits) -> None:
    page = visits.page(PHONE)
    register(page, lambda: None)
    page.goto("/me/consents")
    expect(page.locator("main")).to_contain_text("照片")
    page.goto("/points")
    assert int(page.get_by_test_id("balance").inner_text()) >= 0


def test_axe_finds_nothing_on_the_way_in(visits: Visits) -> None:
    page = visits.page({**PHONE, "is_mobile": False}, bypass_csp=True)
    found: list[Any] = []
    register(page, lambda: found.extend(look_at_everything(page)))
    assert not found


def test_axe_finds_nothing_where_staff_prove_themselves(visits: Visits) -> None:
    page = visits.page(DESKTOP, bypass_csp=True)
    page.goto("/staff/sign-in")
    page.get_by_label("用户名").fill(STAFF["admin"])
    page.get_by_label("密码").fill("wrong")
    visits.watch_of(page).expect("POST .*/staff/sign-in 4")
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert look_at_everything(page) == []
    page.get_by_label("密码").fill(STAFF_PASSWORD)
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_label("动态码")).to_be_visible()
    assert look_at_everything(page) == []
