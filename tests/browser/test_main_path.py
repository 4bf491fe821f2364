"""The purpose of the whole project in one test: a rider's snapshot becomes a repaired manhole, 15 points and a lunch."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, Playwright, expect

from tests.browser.browsing import DESKTOP, PHONE, Accounts, Visits, chromium, sign_in_by_phone
from tests.browser.pictures import film, photo
from tests.browser.site import CHARGER, LAT, LNG, RIDER, Site

WORDS = "井盖没了，人能掉下去"
EARNED, ANSWERED, LUNCH = 15, 2, 60  # points: the report, the look at the repair, the meal
SOON_MS = 10_000
PICTURE_PX = 960  # longest side of the size for phones


def test_a_snapshot_becomes_a_repaired_manhole_and_a_lunch(visits: Visits, accounts: Accounts, tmp_path: Path) -> None:
    rider = visits.page(PHONE)
    sign_in_by_phone(rider, RIDER)
    before = balance(rider)
    number = report_the_manhole(rider, photo(tmp_path / "before.jpg", lat=LAT, lng=LNG, seed=1))
    assert balance(rider) == before + EARNED

    worker = visits.page(DESKTOP, state=accounts.state("worker"))
    repair(worker, number, photo(tmp_path / "after.jpg", lat=LAT, lng=LNG, seed=2))
    clerk = visits.page(DESKTOP, state=accounts.state("clerk"))
    verify(clerk, number)

    timeline = look_and_answer(rider, number)
    find_on_the_map(rider, timeline)
    code = reserve_lunch(rider)
    assert balance(rider) == before + EARNED + ANSWERED - LUNCH
    till = visits.page(PHONE, state=accounts.state("merchant"))
    visits.watch_of(till).expect("/m/check 409", "Response Status Error Code 409 from /m/check")  # the second time
    take_once(till, code)
    rider.goto("/vouchers")
    expect(rider.get_by_test_id("voucher").first).to_contain_text("已使用")


def test_staff_enrolled_with_an_authenticator(accounts: Accounts) -> None:
    """The secret on the page, put into an authenticator, gave the code that let the worker in."""
    accounts.state("worker")
    assert re.fullmatch("[A-Z2-7]{16,}", accounts.secrets["worker"])


def test_a_merchants_camera_reads_the_code(
    visits: Visits, accounts: Accounts, playwright: Playwright, site: Site, tmp_path: Path
) -> None:
    rider = visits.page(PHONE, state=accounts.state("rider"))
    rider.goto("/redeem")
    reserve(rider, "充电优先 2 小时")
    picture = film(tmp_path / "camera.mjpeg", rider.locator("#qr-live").screenshot())
    state = accounts.state(CHARGER)
    with chromium(playwright, f"--use-file-for-fake-video-capture={picture}") as browser:
        sighted = Visits(browser, site)
        till = sighted.page(PHONE, state=state)
        till.goto("/m")
        expect(till.get_by_role("heading", name="有效，可以收")).to_be_visible()
        expect(till.locator("#sheet")).to_contain_text("签名已验")
        till.get_by_test_id("confirm").click()
        expect(till.get_by_role("heading", name="已收下")).to_be_visible()
        assert sighted.close() == []


# ── the rider ─────────────────────────────────────────────────────────────────


def balance(page: Page) -> int:
    page.goto("/points")
    return int(page.get_by_test_id("balance").inner_text())


def report_the_manhole(page: Page, picture: Path) -> str:
    """Camera, words, chip, send; the receipt settles by itself. Returns the number."""
    page.goto("/")
    page.get_by_role("navigation", name="主导航").get_by_role("link", name="随手拍").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_text("拍照", exact=True).click()
    chooser.value.set_files(picture)
    expect(page.locator("[data-photo-sum]")).to_contain_text("1 / 9")
    expect(page.locator("[data-place-detail]")).to_contain_text("精度约 12 米")
    page.get_by_label("补充一句（可以不写）").press_sequentially(WORDS, delay=15)
    page.locator("#chips").get_by_text("井盖", exact=False).first.click()
    page.get_by_test_id("snap-submit").click()
    expect(page.get_by_role("heading", name="已收到", level=1)).to_be_visible()
    number = page.get_by_test_id("number").inner_text()
    settled = page.get_by_test_id("receipt-state")
    expect(settled).to_contain_text("市政养护所", timeout=SOON_MS)
    expect(settled).to_contain_text(f"+{EARNED}")
    expect(settled).to_contain_text("特急")
    return number


def look_and_answer(page: Page, number: str) -> str:
    """Told in the inbox, compares before and after, says solved. Returns the address of the timeline."""
    page.goto("/inbox")
    expect(page.locator("main")).to_contain_text("积分")
    page.goto("/mine")
    page.get_by_label("按编号查").fill(number)
    page.get_by_role("button", name="查", exact=True).click()
    expect(page.get_by_test_id("timeline")).to_contain_text("已更换井盖")
    compare = page.get_by_test_id("compare")
    see_pictures(page)
    slider = compare.get_by_role("slider", name="拖动对比整改前后")
    before = compare.locator("img.is-after").evaluate("(img) => getComputedStyle(img).clipPath")
    slider.fill("80")
    assert compare.locator("img.is-after").evaluate("(img) => getComputedStyle(img).clipPath") != before
    page.get_by_test_id("solved").click()
    expect(page.get_by_text("记下了，谢谢你跑这一眼。")).to_be_visible()
    return page.url


def see_pictures(page: Page) -> None:
    """Both pictures are shown; on a busy machine they are made a little later, and until then a drawing stands in."""
    widths = [0]
    for _ in range(20):
        shown = page.get_by_test_id("compare").get_by_role("img", name=re.compile("整改.的照片"))
        widths = shown.evaluate_all("(all) => Promise.all(all.map((img) => img.decode().then(() => img.naturalWidth)))")
        if len(widths) == 2 and min(widths) >= PICTURE_PX:
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(widths)


def find_on_the_map(page: Page, timeline: str) -> None:
    page.goto("/map")
    expect(page.locator("#map-status")).to_contain_text("这一带有")
    expect(page.locator("#report-map").locator("canvas, svg, img").first).to_be_visible()
    page.get_by_text("看文字清单").click()
    expect(page.locator("#map-list li").first).to_be_visible()
    west, south, east, north = LNG - 0.001, LAT - 0.001, LNG + 0.001, LAT + 0.001
    found = page.request.get(f"/map/data?bbox={west},{south},{east},{north}&zoom=19&state=fixed").json()["points"]
    assert timeline.endswith(tuple(point["url"] for point in found if point.get("url"))), found


def reserve(page: Page, name: str) -> str:
    """From the catalogue to the voucher with its QR code. Returns the number."""
    page.get_by_test_id("good").filter(has_text=name).click()
    page.get_by_role("button", name=re.compile("分兑换")).click()
    expect(page.locator("#qr-live")).to_be_visible()  # drawn by the phone, and drawn anew every few seconds
    assert page.locator("#qr-live").evaluate("(drawn) => drawn.width") > 20
    return page.get_by_test_id("number").inner_text()


def reserve_lunch(page: Page) -> str:
    page.goto("/points")
    page.get_by_role("link", name="去兑换").click()
    return reserve(page, "小哥食堂午餐券")


# ── the desks ─────────────────────────────────────────────────────────────────


def find_case(page: Page, address: str, number: str) -> None:
    page.goto(address)
    page.keyboard.press("/")
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    expect(page.locator("[data-rows] [data-row]")).to_have_count(1)
    expect(page.locator("#pane")).to_contain_text(WORDS)


def repair(page: Page, number: str, picture: Path) -> None:
    """The unit: sign for it, answer, arrive, done with a photo."""
    find_case(page, "/desk/queue", number)
    page.get_by_test_id("accept").click()
    say(page, "answer", "收到，马上派人去。")
    say(page, "arrive", "到现场了，先围起来。")
    page.get_by_test_id("resolve").click()
    page.locator("#step-resolve").get_by_label("整改后的照片").set_input_files(picture)
    say(page, "resolve", "已更换井盖，四周补平。", is_open=True)
    expect(page.locator("#pane")).to_contain_text("待核实")


def verify(page: Page, number: str) -> None:
    find_case(page, "/desk/checks", number)
    say(page, "verify", "照片看过，修好了。")
    page.goto("/desk/all?q=" + number)
    expect(page.locator("#pane")).to_contain_text("待骑手确认")


def say(page: Page, step: str, words: str, *, is_open: bool = False) -> None:
    """One step with words: open its dialog, write, confirm; done when the pane shows what comes next."""
    if not is_open:
        page.get_by_test_id(step).click()
    dialog = page.locator(f"#step-{step}")
    dialog.locator("textarea").fill(words)
    dialog.get_by_test_id(f"do-{step}").click()
    expect(dialog).to_be_hidden()


# ── the merchant ──────────────────────────────────────────────────────────────


def take_once(page: Page, code: str) -> None:
    """Typed, shown, taken; the second time it is refused in words."""
    page.goto("/m")
    taken = int(page.get_by_test_id("taken").inner_text().split()[0])
    page.get_by_label("券号").fill(code)
    page.get_by_role("button", name="查这张券").click()
    expect(page.get_by_role("heading", name="有效，可以收")).to_be_visible()
    page.get_by_test_id("confirm").click()
    expect(page.get_by_role("heading", name="已收下")).to_be_visible()
    expect(page.get_by_test_id("taken")).to_contain_text(str(taken + 1))
    page.get_by_label("券号").fill(code)
    page.get_by_role("button", name="查这张券").click()
    expect(page.get_by_role("heading", name=re.compile("不能收"))).to_be_visible()
    expect(page.locator("#sheet")).to_contain_text("已")
