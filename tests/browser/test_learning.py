"""A model learns from clerks and is switched on by a person: a clerk names what the machine did not know, an administrator
trains, tries in the shadow, compares, switches on; the next report is judged by it; one press brings the old one back.

The words are nobody's, so the shipped model cannot know them. The training takes a few texts a class (a setting of this
suite's site) and runs as always: a job, in a process of its own.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import DESKTOP, PHONE, Accounts, Visits, sign_in_by_phone
from tests.browser.pictures import photo
from tests.browser.site import LAT, LNG, OTHER_RIDERS, Site

WORDS = "噗噜墩又歪着了"
CLASS, CLASS_NAME = "charging-pile", "充电桩"
TRAINED_MS, TRIED_MS, FOLLOWED_MS = 900_000, 240_000, 7_000
REASON = "试跑看过，先用起来，明早再看"

# What clerks made of such words on other days; one row each, by the service that the queue calls.
OTHER_DAYS = f"""
from qixia.triage import services
for n, text in enumerate(["{WORDS}", "噗噜墩歪了", "门口噗噜墩又歪", "噗噜墩歪着没人管", "那个噗噜墩歪得厉害", "噗噜墩倒了半边",
                          "噗噜墩又歪了", "噗噜墩歪在路边"]):
    services.correct(ref=f"report:other{{n}}", text=text, cls="{CLASS}", severity="normal", was_cls="other",
                     was_severity="low", model="shipped", actor="system:test")
"""


@pytest.mark.timeout(1800)
def test_a_clerk_corrects_and_a_model_learns_it(visits: Visits, accounts: Accounts, site: Site, tmp_path: Path) -> None:
    rider = visits.page(PHONE)
    sign_in_by_phone(rider, OTHER_RIDERS[5])
    report(rider, site, "一、", tmp_path)
    assert class_of(site, f"一、{WORDS}") != CLASS
    clerk = visits.page(DESKTOP, state=accounts.state("clerk"))
    corrects(clerk, "一、")
    site.run(OTHER_DAYS)

    clerk.goto("/desk/model/")
    expect(clerk.locator("#confusion")).to_contain_text(CLASS_NAME)
    expect(clerk.get_by_test_id("train")).to_have_count(0)
    admin = visits.page(DESKTOP, state=accounts.state("admin"))
    trains(admin)
    tries(admin)
    switches_on(admin)

    rider.wait_for_timeout(FOLLOWED_MS)  # every process reads the policy anew after five seconds
    report(rider, site, "二、", tmp_path)
    assert class_of(site, f"二、{WORDS}") == CLASS

    switches_back(admin)
    rider.wait_for_timeout(FOLLOWED_MS)
    report(rider, site, "三、", tmp_path)
    assert class_of(site, f"三、{WORDS}") != CLASS


def report(page: Page, site: Site, mark: str, folder: Path) -> None:
    """From the phone, each time at a place 150 m from the others: the same words at one place would be one matter."""
    step = "一二三".index(mark[0])
    north, east = ((0.0015, 0.0015), (0.0015, 0.0), (0.0, 0.0015))[step]
    lat, lng = LAT + north, LNG + east
    page.context.set_geolocation({"latitude": lat, "longitude": lng, "accuracy": 12})
    page.goto("/snap")
    with page.expect_file_chooser() as chooser:
        page.get_by_text("拍照", exact=True).click()
    chooser.value.set_files(photo(folder / f"{step}.jpg", lat=lat, lng=lng, seed=700 + step))
    expect(page.locator("[data-place-detail]")).to_contain_text("精度约 12 米")
    page.get_by_label("补充一句（可以不写）").fill(mark + WORDS)
    page.get_by_test_id("snap-submit").click()
    expect(page.get_by_role("heading", name="已收到", level=1)).to_be_visible()
    expect(page.locator("[data-settled]")).to_be_visible(timeout=20_000)


def class_of(site: Site, words: str) -> str:
    with closing(sqlite3.connect(site.database, timeout=20)) as connection:
        return str(connection.execute("SELECT cls FROM reports_report WHERE words = ?", [words]).fetchone()[0])


def corrects(page: Page, mark: str) -> None:
    """In the triage queue: the case by its words, the class by typing, then Enter's button."""
    page.goto("/desk/triage/")
    page.locator(".qx-tri-li", has_text=mark + WORDS).click()
    expect(page.get_by_test_id("words")).to_contain_text(WORDS)
    page.locator("#triage-find").fill(CLASS_NAME)
    page.locator("#triage-options [role=option]").filter(has_text=CLASS_NAME).first.click()
    page.get_by_test_id("do-sort").click()
    expect(page.locator("#triage-said")).to_be_visible()


def trains(page: Page) -> None:
    page.goto("/desk/model/")
    page.get_by_test_id("train").click()
    expect(page.get_by_test_id("run-train")).to_be_visible()
    expect(page.get_by_test_id("run-train")).to_have_count(0, timeout=TRAINED_MS)
    expect(page.get_by_test_id("model-row")).to_have_count(2)


def tries(page: Page) -> None:
    page.get_by_test_id("model-row").filter(has_text="草稿").get_by_role("link").click()
    expect(page.get_by_text("还没有试跑过")).to_be_visible()
    page.get_by_test_id("try").click()
    expect(page.get_by_test_id("trial")).to_be_visible(timeout=TRIED_MS)
    expect(page.get_by_test_id("changed")).to_have_text(re.compile("[1-9]"))
    expect(page.get_by_test_id("changed-report").first).to_be_visible()


def switches_on(page: Page) -> None:
    """A model of a few texts may miss more danger: then the page wants the sentence, and refuses without it."""
    page.get_by_label("为什么启用").fill(REASON)
    sentence = page.locator("#sentence")
    if sentence.count():
        sentence.fill(page.locator("label[for=sentence] q").inner_text())
    page.get_by_test_id("switch-on").click()
    expect(page.get_by_test_id("used-model")).to_contain_text("本地训练")
    expect(page.locator("main")).to_contain_text(REASON)


def switches_back(page: Page) -> None:
    page.get_by_test_id("switch-back").click()
    page.locator("#qx-confirm [data-yes]").click()
    expect(page.get_by_test_id("used-model")).to_contain_text("随系统发布的模型")
    expect(page.locator("main")).to_contain_text("换回上一个模型")
