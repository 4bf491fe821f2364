"""The first time: a rider who was never here registers and is asked for each consent apart; staff set up a code."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.axe import look_at_everything
from tests.browser.browsing import DESKTOP, PHONE, Visits
from tests.browser.site import STAFF, STAFF_PASSWORD

Look = Callable[[], object]


def register(page: Page, look: Look) -> None:
    """From the phone number to the first page; `look` is called on each page on the way."""
    page.goto("/sign-in")
    page.get_by_label("手机号").fill(f"139{secrets.randbelow(10**8):08d}")
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
    page.get_by_role("button", name="下一步").click()
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
    place = page.get_by_role("region", name=re.compile("位置"))
    expect(place).to_contain_text("已同意")
    place.get_by_role("button", name="收回同意").click()
    expect(place).to_contain_text("没有同意")
    expect(page.get_by_role("button", name="收回同意")).to_have_count(1)  # the photo's; the name was never given


def test_axe_finds_nothing_on_the_way_in(visits: Visits) -> None:
    page = visits.page({**PHONE, "is_mobile": False}, bypass_csp=True)
    visits.watch_of(page).expect("/sign-in/register 422", "422 from /sign-in/register")
    found: list[Any] = []

    def look() -> None:
        if page.url.endswith("/register"):
            page.get_by_role("button", name="下一步").click()  # nothing filled in: the form with its errors
            expect(page.locator("[aria-invalid=true]").first).to_be_visible()
        found.extend(look_at_everything(page))

    register(page, look)
    assert not found


def test_axe_finds_nothing_where_staff_prove_themselves(visits: Visits) -> None:
    page = visits.page(DESKTOP, bypass_csp=True)
    page.goto("/staff/sign-in")
    page.get_by_label("用户名").fill(STAFF["admin"])
    page.get_by_label("密码").fill("wrong")
    visits.watch_of(page).expect("/staff/sign-in 422", "422 from /staff/sign-in")
    page.get_by_role("button", name="下一步").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    assert look_at_everything(page) == []
    page.get_by_label("密码").fill(STAFF_PASSWORD)
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_label("动态码")).to_be_visible()
    assert look_at_everything(page) == []
