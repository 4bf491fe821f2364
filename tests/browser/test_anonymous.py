"""A report that names nobody, from the snapshot to its points: nothing that the phone sends for it carries a cookie."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.browser.axe import look_at_everything
from tests.browser.breaking import breaking_network
from tests.browser.browsing import PHONE, Accounts, Visits, sign_in_by_phone
from tests.browser.pictures import photo
from tests.browser.site import LAT, LNG, OTHER_RIDERS, Site

NO_NETWORK = "ERR_INTERNET_DISCONNECTED|ERR_FAILED"
RIDER = OTHER_RIDERS[1]
# Sent without cookies; /claims/ is the rider's own, and the two pages are pages like others.
BARE = re.compile(r"/anonymous/(status|answer)?$")
# What a unit and a clerk do, by the services of the site.
CASE = """
from qixia.people.access import SYSTEM, actor_for
from qixia.people.models import Person
from qixia.reports import services
from qixia.reports.models import Report
report = Report.objects.get(words={words!r})
clerk = actor_for(Person.objects.get(username="yezhiqiu"))
if report.state == "sorting":
    services.sort(actor=clerk, public_id=report.public_id, cls="manhole", severity="normal", unit_code=report.unit.code)
services.validate(actor=clerk, public_id=report.public_id)
"""
# A browser shows a form's files to nobody outside: the page itself keeps a copy of what it sends.
_KEEP_BODY = """() => {
  const real = window.fetch;
  window.fetch = async (url, given) => {
    if (!(given?.body instanceof FormData)) return real(url, given);
    const bytes = new Uint8Array(await new Response(given.body).arrayBuffer());
    window.qxBody = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    await new Promise((done) => setTimeout(done, 1500)); // time to read it before the page goes
    return real(url, given);
  };
}"""
PAY = """
from qixia.rewards.services import pay_claims
print(pay_claims())
"""


@dataclass
class Wire:
    """What a phone sent for anonymous reports, and what it got."""

    sent: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    set_cookies: list[str] = field(default_factory=list)

    def listen(self, context: BrowserContext) -> None:
        context.on("requestfinished", self._finished)

    def _finished(self, request: Request) -> None:
        if request.method != "POST" or not BARE.search(request.url):
            return
        self.sent.append((request.url, request.all_headers()))
        response = request.response()
        if response and "set-cookie" in response.all_headers():
            self.set_cookies.append(request.url)

    def names_nobody(self) -> None:
        assert self.sent, "nothing was sent"
        for url, headers in self.sent:
            assert "cookie" not in headers, url
            assert "referer" not in headers, url
            assert "x-csrftoken" not in headers, url
        assert self.set_cookies == []


@dataclass
class Phone:
    page: Page
    wire: Wire


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return photo(tmp_path / "a.jpg", lat=LAT, lng=LNG, seed=11)


@pytest.fixture
def phone(visits: Visits, accounts: Accounts) -> Phone:
    return open_phone(visits, accounts)


def open_phone(visits: Visits, accounts: Accounts, **more: Any) -> Phone:
    found = Phone(visits.page(PHONE, state=accounts.state(RIDER), **more), Wire())
    found.wire.listen(found.page.context)
    return found


def fill(page: Page, picture: Path, words: str) -> None:
    expect(page.locator("form[data-ready]")).to_be_attached()
    page.locator("#album").set_input_files(picture)
    page.get_by_label("补充一句（可以不写）").fill(words)
    expect(page.locator("[data-photo-sum]")).to_contain_text("1 / 9")
    page.get_by_text("匿名上报", exact=True).click()
    expect(page.locator("[data-secrecy]")).to_contain_text("换手机或清数据，就领不到了")
    expect(page.get_by_text("已存草稿")).to_be_visible()


def send(page: Page) -> str:
    page.get_by_test_id("snap-submit").click()
    expect(page).to_have_url(re.compile("/anonymous/sent/"))
    expect(page.get_by_test_id("number")).to_have_text(re.compile(r"\d{3}-\d{3}-\d{3}"))
    return page.get_by_test_id("number").inner_text()


def balance(page: Page) -> int:
    page.goto("/points")
    return int(page.get_by_test_id("balance").inner_text())


def secrets_on(page: Page) -> list[str]:
    return page.evaluate("""async () => {
      const { allClaims } = await import("/static/reports/claims.js");
      return (await allClaims()).map((one) => one.secret);
    }""")


def test_from_the_snapshot_to_the_points(phone: Phone, site: Site, picture: Path) -> None:
    page, words = phone.page, "匿名报的井盖没了，人能掉下去"
    before = balance(page)
    page.goto("/snap")
    fill(page, picture, words)
    number = send(page)
    assert site.secrecy_of(words) == ["anonymous"]
    page.get_by_role("link", name="看进展").click()
    row = page.get_by_test_id("anonymous-list").locator("article")
    expect(row).to_contain_text(number)
    expect(row).to_contain_text("核实属实才有积分")
    page.goto("/mine")
    expect(page.get_by_test_id("anonymous-link")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text(words)
    expect(page.locator("main")).not_to_contain_text(number)
    page.get_by_test_id("anonymous-link").click()

    site.run(CASE.format(words=words))
    page.reload()
    expect(row).to_contain_text("积分明天起可以领")
    # those of the demo too: what counts is that this phone's own are paid
    assert site.change("UPDATE rewards_claim SET ready_on = date('now', '-1 day')") >= 1
    page.reload()
    expect(row).to_contain_text("积分可以领了")
    secret = secrets_on(page)
    page.get_by_test_id("claim").click()
    expect(page.get_by_role("status").filter(has_text="领到 ")).to_be_visible()
    expect(page.locator("article")).to_have_count(0)
    assert (len(secret), secrets_on(page)) == (1, [])

    assert balance(page) == before
    assert site.change("UPDATE rewards_payout SET since = date('now', '-8 days')") == 1
    assert site.run(PAY).strip() == "1"
    assert balance(page) > before
    phone.wire.names_nobody()


def test_without_network_it_waits_and_goes_out_without_a_name(
    visits: Visits, phone: Phone, site: Site, picture: Path
) -> None:
    page, words = phone.page, "没网的时候匿名拍的"
    visits.watch_of(page).expect(NO_NETWORK)
    page.goto("/")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.goto("/mine/anonymous")
    page.goto("/snap")
    fill(page, picture, words)
    page.context.set_offline(True)
    page.get_by_test_id("snap-submit").click()
    expect(page.locator("[data-queue] li")).to_contain_text("匿名")
    assert site.count_reports(words) == 0
    page.goto("/mine/anonymous")  # the kept frame of the page, with what this phone holds
    expect(page.get_by_role("heading", name="我的匿名上报", level=1)).to_be_visible()
    page.goto("/snap")
    expect(page.locator("[data-queue] li")).to_contain_text("匿名")

    page.context.set_offline(False)
    expect(page.locator("[data-sent]")).to_contain_text(re.compile(r"\d{3}-\d{3}-\d{3}"))
    assert site.secrecy_of(words) == ["anonymous"]
    page.goto("/mine/anonymous")
    expect(page.locator("article")).to_have_count(1)
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("article")).to_contain_text(re.compile(r"\d{3}-\d{3}-\d{3}"))
    expect(page.get_by_text("没有网络，先看编号")).to_be_visible()
    page.context.set_offline(False)
    phone.wire.names_nobody()


def test_a_pass_that_expired_is_taken_afresh_and_never_becomes_a_name(
    visits: Visits, accounts: Accounts, site: Site, picture: Path
) -> None:
    words = "凭据过期的匿名上报"
    phone = open_phone(visits, accounts, service_workers="block")
    page, served = phone.page, []
    visits.watch_of(page).expect(r"POST .*/anonymous/ 403")

    def old_pass(route: Any) -> None:
        answer = route.fetch()
        served.append(answer.status)
        text = answer.text()
        if len(served) == 1:
            text = re.sub(r'data-pass="[^"]+"', 'data-pass="expired"', text)
        route.fulfill(response=answer, body=text)

    page.route("**/snap", lambda route: old_pass(route) if route.request.method == "GET" else route.continue_())
    page.goto("/snap")
    assert page.locator("form[data-snap]").get_attribute("data-pass") == "expired"
    fill(page, picture, words)
    send(page)
    assert served == [200, 200]
    assert site.secrecy_of(words) == ["anonymous"]
    phone.wire.names_nobody()


def test_a_lost_answer_is_asked_for_again_and_is_one_report(
    visits: Visits, accounts: Accounts, site: Site, picture: Path
) -> None:
    words = "匿名交上去了但没听到回答"
    with breaking_network(site.url, b"POST /anonymous/ ", "on the way", "before the answer") as network:
        page = open_phone(visits, accounts, service_workers="block", base_url=network.url).page
        visits.watch_of(page).expect(r"POST .*/anonymous/ net::")
        page.goto("/snap")
        fill(page, picture, words)
        page.get_by_test_id("snap-submit").click()
        expect(page).to_have_url(re.compile("/anonymous/sent/"), timeout=25_000)
        assert len(secrets_on(page)) == 1
        page.context.close()
    assert network.tries >= 3
    assert site.secrecy_of(words) == ["anonymous"]


def test_what_the_camera_wrote_stays_on_the_phone(phone: Phone, site: Site, picture: Path) -> None:
    """The bytes that go up hold neither EXIF nor the claims."""
    page, words = phone.page, "照片里不该有相机"
    page.goto("/snap")
    fill(page, picture, words)
    assert b"Testcam" in picture.read_bytes()
    page.evaluate(_KEEP_BODY)
    page.get_by_test_id("snap-submit").click()
    page.wait_for_function("() => window.qxBody")
    body = base64.b64decode(page.evaluate("() => window.qxBody"))
    expect(page).to_have_url(re.compile("/anonymous/sent/"))
    assert len(body) > 10_000
    for word in (b"Exif\0\0", b"Testcam", b"taken_at", b"hide_name"):
        assert word not in body, word


def test_deleting_takes_it_from_this_phone_only(phone: Phone, site: Site, picture: Path) -> None:
    page, words = phone.page, "删掉手机上的凭据"
    page.goto("/snap")
    fill(page, picture, words)
    send(page)
    page.goto("/mine/anonymous")
    page.get_by_role("button", name="从这部手机上删掉这一条").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("没领的积分也领不到了")
    dialog.get_by_role("button", name="删掉").click()
    expect(page.get_by_text("这部手机上没有匿名上报")).to_be_visible()
    assert secrets_on(page) == []
    assert site.count_reports(words) == 1


def test_after_signing_out_the_phone_still_holds_them_and_shows_nothing(
    visits: Visits, accounts: Accounts, site: Site, picture: Path
) -> None:
    page = visits.page(PHONE)
    sign_in_by_phone(page, OTHER_RIDERS[2], to="/snap")
    fill(page, picture, "退出以后看不到")
    number = send(page)
    page.goto("/me")
    page.get_by_role("button", name="退出登录").first.click()
    yes = page.get_by_role("dialog").get_by_role("button")
    if page.get_by_role("dialog").count():
        yes.last.click()
    expect(page).to_have_url(re.compile("/(sign-in)?$"))
    page.goto("/mine/anonymous")
    expect(page).to_have_url(re.compile("/sign-in"))
    assert number not in page.content()
    assert page.title().count("匿名") == 0
    assert len(secrets_on(page)) == 1


def test_plain_http_has_its_own_sha256(phone: Phone) -> None:
    """Pages of a town hall's LAN have no crypto.subtle."""
    phone.page.goto("/snap")
    found = phone.page.evaluate("""async () => {
      const { sha256Hex } = await import("/static/ui/sha256.js");
      const own = await sha256Hex("abc");
      Object.defineProperty(globalThis.crypto, "subtle", { value: undefined });
      return [own, await sha256Hex("abc")];
    }""")
    assert found[0] == found[1] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_axe_finds_nothing_on_the_filled_pages(visits: Visits, accounts: Accounts, picture: Path) -> None:
    page = visits.page({**PHONE, "is_mobile": False}, state=accounts.state(RIDER), bypass_csp=True)
    page.goto("/snap")
    fill(page, picture, "给辅助技术看的匿名上报")
    found = look_at_everything(page)
    send(page)
    found += look_at_everything(page)
    page.get_by_role("link", name="看进展").click()
    expect(page.locator("article")).to_have_count(1)
    found += look_at_everything(page)
    assert not found, "\n".join(found)
