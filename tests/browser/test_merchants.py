"""A shop becomes a friendly merchant, and a rider is glad of it: from the desk to the stars, each on a phone or screen of
their own."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.browsing import DESKTOP, PHONE, Accounts, Visits, sign_in_by_phone
from tests.browser.pictures import photo
from tests.browser.site import LAT, LNG, OTHER_RIDERS, Site

SHOP, KEEPER, NUMBER = "巷口热汤面", "陈店主", "13700000801"
GOOD = "热汤面一碗"
# What the city gives for points at this shop, and a rider with points for it.
STOCK = f"""
from qixia.people.models import Organisation
from qixia.people.queries import person_id_by_phone
from qixia.people.access import actor_for
from qixia.rewards.models import Item
from qixia.rewards.services import award
rider = actor_for(person_id_by_phone("{OTHER_RIDERS[0]}"))
award(beneficiary=rider.ref, rule="joining", source="story:merchants", act="people.joined", actor="system:test")
Item.objects.create(name="{GOOD}", summary="进店就有", kind="meal", need="food", picture="meal", price=2,
    face_value_fen=1200, stock=5,
    merchant=Organisation.objects.get(name="{SHOP}"))
"""


def test_a_shop_is_let_in_and_a_rider_rates_his_lunch(
    visits: Visits, accounts: Accounts, site: Site, tmp_path: Path
) -> None:
    clerk = visits.page(DESKTOP, state=accounts.state("clerk"))
    case = open_the_way_in(clerk)
    keeper = visits.page(PHONE)
    sign_in_by_phone(keeper, NUMBER, to="/shop/")
    hand_in_and_agree(keeper, photo(tmp_path / "licence.jpg", lat=LAT, lng=LNG, seed=71))
    let_in(clerk, case)

    site.run(STOCK)
    rider = visits.page(PHONE)
    sign_in_by_phone(rider, OTHER_RIDERS[0])
    shop = find_near(rider)
    number = reserve(rider)
    take(keeper, number)
    rate(rider, shop)
    keeper.goto("/inbox")
    expect(keeper.locator("main")).to_contain_text("你的店是友好商家了")


def open_the_way_in(page: Page) -> str:
    """The office writes the shop down, with a point of the map. Returns the address of its case."""
    page.goto("/desk/merchants/")
    page.get_by_test_id("new").click()
    page.get_by_label("店名").fill(SHOP)
    page.get_by_label("店的种类").select_option("other")
    page.get_by_label("地址").fill("没有门牌的小巷口")
    page.locator("#id_lat").evaluate(f"(one) => {{ one.value = {LAT + 0.0004} }}")
    page.locator("#id_lng").evaluate(f"(one) => {{ one.value = {LNG} }}")
    page.get_by_label("营业时间").fill("24小时")
    page.get_by_label("店里的电话").fill("0595 2212 3456")
    page.get_by_label("店主怎么称呼").fill(KEEPER)
    page.get_by_label("店主的手机号").fill(NUMBER)
    page.get_by_test_id("open").click()
    expect(page.get_by_test_id("keepers")).to_contain_text(KEEPER)
    return page.url


def hand_in_and_agree(page: Page, licence: Path) -> None:
    expect(page.get_by_test_id("missing")).to_contain_text("营业执照")
    page.get_by_label("拍一张").set_input_files(licence)
    page.get_by_test_id("paper").click()
    expect(page.get_by_test_id("state")).to_contain_text("证照待查")
    page.get_by_test_id("agree").click()
    expect(page.get_by_test_id("agree")).to_have_count(0)


def let_in(page: Page, case: str) -> None:
    page.goto(case)
    page.get_by_test_id("accept").click()
    page.get_by_test_id("admit").click()
    expect(page.locator("main, header").filter(has_text="友好商家").first).to_be_visible()


def find_near(page: Page) -> str:
    """Open and near, with a number to call. Returns the address of the shop."""
    page.goto("/shops/")
    line = page.get_by_test_id("shop").filter(has_text=SHOP)
    expect(line).to_contain_text("全天营业")
    expect(line).to_contain_text(re.compile(r"\d+ 米"))
    line.click()
    expect(page.get_by_test_id("call")).to_have_attribute("href", "tel:059522123456")
    return page.url


def reserve(page: Page) -> str:
    page.goto("/redeem")
    page.get_by_test_id("good").filter(has_text=GOOD).click()
    page.get_by_role("button", name=re.compile("分兑换")).click()
    return page.get_by_test_id("number").inner_text()


def take(page: Page, number: str) -> None:
    page.goto("/m")
    page.get_by_label("券号").fill(number)
    page.get_by_role("button", name="查这张券").click()
    page.get_by_test_id("confirm").click()
    expect(page.get_by_role("heading", name="已收下")).to_be_visible()


def rate(page: Page, shop: str) -> None:
    page.goto(shop)
    page.get_by_role("radio", name=re.compile("4")).check()
    page.get_by_label("补一句给社区看").fill("汤是热的")
    page.get_by_test_id("rate").click()
    expect(page.locator("body")).to_contain_text("店家看不到是谁打的")
    expect(page.get_by_test_id("rate")).to_have_count(0)
