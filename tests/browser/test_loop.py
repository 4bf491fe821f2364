"""The closed loop by those who keep it: a supervisor, a second rider, one who appeals, a clerk who imports and one who
lets several units act together. What came before each story is made by the site's services (acting.py)."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acting import HERE, THERE, act
from tests.browser.browsing import DESKTOP, PHONE, Accounts, Visits
from tests.browser.pictures import photo, photo_bytes
from tests.browser.site import LAT, LNG, OTHER_RIDERS, RIDER, Site
from tests.browser.test_anonymous import fill, send

CITY_HOURS = timedelta(hours=8)


def confirm(page: Page, step: str, words: str = "") -> None:
    """Open the dialog of a step, from the bar or its menu, write, confirm; then the case is shown anew."""
    button = page.get_by_test_id(step)
    if not button.is_visible():
        page.get_by_test_id("more-acts").click()
    button.click()
    dialog = page.locator(f"#step-{step}")
    if words:
        dialog.locator("textarea").fill(words)
    dialog.get_by_test_id(f"do-{step}").click()
    expect(dialog).to_be_hidden()


# ── the supervisor ────────────────────────────────────────────────────────────
WAITING = """
late = send(PHONE, "督办故事：路灯等配件", "streetlight", 413)
services.ask_extension(actor=lead(late), public_id=late.public_id, length="2 工作日", reason="等灯具到货")
torn = send(PHONE, "督办故事：两家都说不归自家", "road-damage", 414)
to = "gongshui" if torn.unit.code != "gongshui" else "ranqi"
services.return_report(actor=lead(torn), public_id=torn.public_id, reason="是管线井塌的", to=to)
services.object_to(actor=staff(to + "-1"), public_id=torn.public_id, reason="井没问题，是路基塌了")
say(late=late.public_id, torn=torn.public_id, unit=torn.unit.code)
"""


def test_a_supervisor_gives_more_time_and_says_whose_it_is(visits: Visits, accounts: Accounts, site: Site) -> None:
    made = act(site, f"PHONE = {OTHER_RIDERS[3]!r}\n{WAITING}")
    page = visits.page(DESKTOP, state=accounts.state("supervisor"))
    page.goto("/desk/supervision/")
    page.locator(f"main a[href*='{made['late']}']").first.click()
    expect(page.get_by_test_id("acts").locator(".btn-primary")).to_have_text(re.compile("同意延期"))
    confirm(page, "grant_extension", "到货当天装好")
    expect(page.get_by_test_id("history")).to_contain_text("到货当天装好")
    expect(page.get_by_test_id("grant_extension")).to_have_count(0)

    page.get_by_role("link", name="回列表").click()
    expect(page).to_have_url(re.compile("/desk/supervision/"))
    page.locator(f"main a[href*='{made['torn']}']").first.click()
    expect(page.get_by_test_id("ways")).to_contain_text("井没问题，是路基塌了")
    page.get_by_test_id("decide").click()
    page.locator("#decide-unit").select_option(made["unit"])
    page.locator("#decide-text").fill("路面归养护，管线井另查")
    page.get_by_test_id("do-decide").click()
    expect(page.get_by_test_id("ways")).to_contain_text("督办决定")
    expect(page.locator(".qx-casehead")).to_contain_text("待签收")


# ── a second rider ────────────────────────────────────────────────────────────
LOOKED_FOR = """
from qixia.offers.models import Offer
from qixia.offers.queries import offers_near
report = send(REPORTER, WORDS, "streetlight", SEED)
resolve(report, SEED + 1)
services.offer_look(public_id=report.public_id, why="unsure")
offer = Offer.objects.get(subject=report.ref, state="open").public_id
# A share of all riders is left out of each offer: one is taken who is asked and holds nothing else.
asked = [one for one in PHONES if offer in {card.public_id for card in offers_near(rider(one))}]
say(report=report.public_id, offer=offer, phone=asked[0])
"""


@pytest.mark.parametrize(("said", "state"), [("fixed", "已修好"), ("unfixed", "未解决重开")])
def test_a_second_rider_goes_and_looks(
    visits: Visits, accounts: Accounts, site: Site, tmp_path: Path, said: str, state: str
) -> None:
    seed = 423 if said == "fixed" else 433
    words = f"看一眼的一件：{said}"
    given = f"REPORTER, WORDS, SEED, PHONES = {RIDER!r}, {words!r}, {seed}, {OTHER_RIDERS[3:]!r}\n"
    made = act(site, given + LOOKED_FOR)
    page = visits.page({**PHONE, **THERE}, state=accounts.state(made["phone"]))
    page.goto("/")
    page.get_by_role("link", name="附近的小任务").click()
    page.locator(f"form[action*='{made['offer']}']").get_by_test_id("take").click()
    expect(page.get_by_test_id("look-title")).to_be_visible()
    expect(page.locator("[data-position-text]")).to_contain_text("已取到现在的位置")
    now = (datetime.now(UTC) + CITY_HOURS).strftime("%Y:%m:%d %H:%M:%S")
    page.get_by_label("现在的样子").set_input_files(
        photo(tmp_path / "now.jpg", lat=HERE[0], lng=HERE[1], seed=seed, taken_at=now)
    )
    page.get_by_label("说一句（可以不写）").fill("路过看过了")
    page.get_by_test_id(said).click()
    expect(page.get_by_text("记下了，谢谢你跑这一眼")).to_be_visible()

    clerk = visits.page(DESKTOP, state=accounts.state("clerk"))
    clerk.goto(f"/desk/case/{made['report']}/")
    expect(clerk.locator(".qx-casehead")).to_contain_text(state)
    expect(clerk.get_by_test_id("history")).to_contain_text("路过看过了")
    assert made["phone"][-4:] not in clerk.content()


# ── an appeal ─────────────────────────────────────────────────────────────────
REJECTED = """
report = send(PHONE, "申诉的故事：护栏真的倒了", "guardrail", 441)
services.reject(actor=staff("yezhiqiu"), public_id=report.public_id, reason="到场没看到")
say(report=report.public_id)
"""


def test_an_appeal_is_granted_and_the_rider_sees_it(visits: Visits, accounts: Accounts, site: Site) -> None:
    made = act(site, f"PHONE = {RIDER!r}\n{REJECTED}")
    rider = visits.page(PHONE, state=accounts.state("rider"))
    rider.goto(f"/r/{made['report']}/")
    expect(rider.get_by_test_id("decision")).to_contain_text("不属实")
    rider.get_by_label("为什么不对").fill("在桥的另一侧，照片里有桥名")
    rider.get_by_test_id("appeal").click()
    expect(rider.get_by_test_id("decision")).to_contain_text("申诉等督办决定")

    page = visits.page(DESKTOP, state=accounts.state("supervisor"))
    page.goto("/desk/appeals/")
    row = page.get_by_test_id("appeal-row").filter(has_text="在桥的另一侧")
    expect(row).to_contain_text("到场没看到")
    row.get_by_test_id("decide").click()
    confirm(page, "grant_appeal", "照片里看得到，重新派人")
    expect(page.locator(".qx-casehead")).to_contain_text("待分拣")

    rider.reload()
    expect(rider.get_by_test_id("decision")).to_contain_text("申诉成立")
    expect(rider.get_by_test_id("timeline")).to_contain_text("照片里看得到，重新派人")


ANONYMOUS_REJECTED = """
report = Report.objects.get(words=WORDS)
services.reject(actor=staff("yezhiqiu"), public_id=report.public_id, reason="到场没看到")
say(report=report.public_id)
"""
ANONYMOUS_DONE = """
report = Report.objects.get(words=WORDS)
services.grant_appeal(actor=staff("guxun"), public_id=report.public_id, text="有道理，重新派人")
services.sort(actor=staff("yezhiqiu"), public_id=report.public_id, cls="manhole", severity="normal", unit_code="shizheng")
report.refresh_from_db()
resolve(report, 472)
services.verify(actor=staff("yezhiqiu"), public_id=report.public_id, text="")
say(report=report.public_id)
"""


def test_who_reported_without_a_name_appeals_and_rates(
    visits: Visits, accounts: Accounts, site: Site, tmp_path: Path
) -> None:
    words = "匿名申诉的一件：井盖翘起来了"
    page = visits.page({**PHONE, **THERE}, state=accounts.state(RIDER))
    page.goto("/snap")
    fill(page, photo(tmp_path / "a.jpg", lat=HERE[0], lng=HERE[1], seed=471), words)
    send(page)
    act(site, f"WORDS = {words!r}\nsettled(WORDS)\n{ANONYMOUS_REJECTED}")
    page.goto("/mine/anonymous")
    row = page.get_by_test_id("anonymous-list").locator("article").filter(has_text="不属实")
    row.get_by_label("觉得不对？可以申诉一次，写明为什么").fill("天黑，井盖在树后面")
    row.get_by_role("button", name="提出申诉").click()
    expect(page.get_by_text("申诉交上去了，由督办决定")).to_be_visible()

    act(site, f"WORDS = {words!r}\n{ANONYMOUS_DONE}")
    page.reload()
    page.get_by_role("button", name="已解决").click()
    expect(page.get_by_text("记下了，谢谢你跑这一眼")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="满意", exact=True).click()
    expect(page.get_by_text("谢谢，记下了")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("anonymous-list").locator("article")).to_be_visible()
    expect(page.get_by_role("button", name="满意", exact=True)).to_have_count(0)


# ── a group's export ──────────────────────────────────────────────────────────
CHAT = """张三 2026-11-20 08:12
云帆路 150 号井盖响，晚上吵 [图片: IMG_1.jpg]
李四 2026-11-20 08:15
收到
王五 2026-11-20 08:40
导入的故事：卖鱼的旁边路灯不亮 [图片: IMG_2.jpg]
"""
# Reading and making is the slow worker's, which lets all others go first: here it need not wait for its turn.
WORK = "from qixia.jobs.worker import run_pending\nrun_pending()"
SLOW_MS = 120_000
LAMP = "导入的故事：卖鱼的旁边路灯不亮"


def export(folder: Path) -> Path:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("群聊.txt", CHAT)
        for number in (1, 2):
            taken = photo_bytes(lat=LAT, lng=LNG, seed=450 + number, taken_at="2026:11:20 08:00:00")
            archive.writestr(f"IMG_{number}.jpg", taken)
    path = folder / "群聊.zip"
    path.write_bytes(out.getvalue())
    return path


def upload(page: Page, site: Site, path: Path) -> None:
    page.goto("/desk/import/")
    page.get_by_test_id("upload").locator("input[type=file]").set_input_files(path)
    page.get_by_test_id("do-upload").click()
    expect(page).to_have_url(re.compile("/desk/import/[0-9a-z]{20,}/"))
    site.run(WORK)
    expect(page.get_by_test_id("tally")).to_be_visible(timeout=SLOW_MS)


def test_a_groups_export_is_looked_at_mended_and_made_once(
    visits: Visits, accounts: Accounts, site: Site, tmp_path: Path
) -> None:
    page = visits.page(DESKTOP, state=accounts.state("clerk"))
    file = export(tmp_path)
    upload(page, site, file)
    lamp = page.get_by_test_id("row").filter(has_text=LAMP)
    expect(lamp.get_by_role("img")).to_have_count(1)
    lamp.get_by_test_id("pick").click()
    map_ = page.locator("#import-picker")
    expect(map_.locator("canvas, svg, img").first).to_be_visible()
    box = map_.bounding_box() or {}
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_test_id("use-place").click()
    expect(page.locator("#import-map")).to_be_hidden()
    expect(lamp).to_contain_text("（你点的）")
    before = page.url
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("confirm")).to_have_count(0)
    site.run(WORK)
    expect(lamp.get_by_test_id("made")).to_be_visible(timeout=SLOW_MS)
    assert site.count_reports(LAMP) == 1
    lamp.get_by_test_id("made").click()
    expect(page.locator(".qx-facts").first).to_contain_text(LAMP)

    upload(page, site, file)  # the very file again is the same batch
    assert page.url.split("?")[0] == before.split("?")[0]
    expect(page.get_by_test_id("confirm")).to_have_count(0)
    assert site.count_reports(LAMP) == 1


# ── several units together ────────────────────────────────────────────────────
WISHED = """
report = send(PHONE, "联合的故事：想要停车位", "parking-need", 461)
say(report=report.public_id, number=report.number)
"""


def begin(page: Page, report: str, day: str) -> None:
    """From the case's menu to an undertaking of two units."""
    page.goto(f"/desk/case/{report}/")
    page.get_by_test_id("more-acts").click()
    page.get_by_test_id("join").click()
    page.get_by_label("名称").fill("联合故事的停车位")
    page.get_by_label("牵头单位").select_option("chengguan")
    page.get_by_label("要办成什么").fill("送餐的有地方停")
    page.get_by_label("哪天以前办成").fill(day)
    for row, (unit, what) in enumerate((("chengguan", "划车位"), ("jiaojing", "改标线"))):
        page.get_by_label("单位", exact=True).nth(row).select_option(unit)
        page.get_by_label("做什么", exact=True).nth(row).fill(what)
        page.locator("[name=task_due]").nth(row).fill(day)
    page.get_by_role("button", name="开始联合办理").click()
    expect(page.locator("main")).to_contain_text("完成 0 / 2")


def test_several_units_do_it_together_and_the_rider_is_told(
    visits: Visits, accounts: Accounts, site: Site, tmp_path: Path
) -> None:
    made: dict[str, Any] = act(site, f"PHONE = {RIDER!r}\n{WISHED}")
    page = visits.page(DESKTOP, state=accounts.state("clerk"))
    begin(page, made["report"], (datetime.now(UTC) + timedelta(days=20)).date().isoformat())
    rider = visits.page(PHONE, state=accounts.state("rider"))
    rider.goto(f"/r/{made['report']}/")
    expect(rider.get_by_test_id("together")).to_contain_text("联合故事的停车位")

    for done in ("划好了", "标线改了"):
        page.get_by_label("做成了什么").first.fill(done)
        page.get_by_role("button", name="完成", exact=True).first.click()
        expect(page.locator("main")).to_contain_text(done)
    page.get_by_label("数量").fill("200")
    page.get_by_label("是什么").fill("个停车位")
    page.get_by_label("结果：报过的人都会看到").fill("沿街划了 200 个")
    map_ = page.locator("#facility-map")
    map_.scroll_into_view_if_needed()
    expect(map_.locator("canvas, svg, img").first).to_be_visible()
    map_.click()
    expect(page.get_by_label("纬度")).not_to_have_value("")
    page.get_by_label("新设施的照片").set_input_files(photo(tmp_path / "lot.jpg", lat=LAT, lng=LNG, seed=462))
    page.get_by_role("button", name="办完，告诉每一位报过的人").click()
    expect(page.get_by_test_id("amount")).to_have_text("200 个停车位")

    rider.reload()
    expect(rider.get_by_test_id("together").get_by_test_id("amount")).to_have_text("200 个停车位")
    rider.goto("/inbox")
    expect(rider.locator("main")).to_contain_text("联合故事的停车位")
