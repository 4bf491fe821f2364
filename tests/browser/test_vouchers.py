"""A rider's voucher: a new code every few seconds, with the network, without it, and without scripts."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.browser.browsing import PHONE, Accounts, Visits
from tests.browser.site import CANTEEN, Site

NO_NETWORK = "ERR_INTERNET_DISCONNECTED|ERR_FAILED"
# A new code every five seconds, so that the test need not wait for twenty; and a card for three lunches.
SCENE = """
import json
from qixia.people.access import actor_for
from qixia.people.queries import person_id_by_phone
from qixia.policy.services import publish
from qixia.rewards import services
from qixia.rewards.models import Item
publish("rewards.codes", {{"step_seconds": 5}}, note="测试", actor_ref="system:test")
rider = actor_for(person_id_by_phone("13800000001"))
shop = min(actor_for(person_id_by_phone("{canteen}")).organisation_ids("merchant"))
for n in range(4):
    services.award(beneficiary=rider.ref, rule="joining", source=f"parts:{{n}}", act="people.joined", actor="system:test")
card = Item.objects.create(
    name="午餐 3 次卡", kind="meal", need="food", price=30, face_value_fen=4500, stock=5, picture="meal", parts=3, merchant_id=shop
)
made = services.reserve(actor=rider, item=card.public_id, client_key="parts-story-1")
print(json.dumps([made.public_id, made.number]))
"""
TAKE = """
from qixia.people.access import actor_for
from qixia.people.queries import person_id_by_phone
from qixia.rewards import services
clerk = actor_for(person_id_by_phone("{canteen}"))
print(services.redeem(actor=clerk, text="{code}", redeem_key="parts-story-till-1", units=1).voucher.number)
"""
# What a camera would read off the screen.
READ = """async () => {
  if (!globalThis.jsQR) {
    const script = document.createElement("script");
    script.src = "/static/ui/vendor/jsqr.js";
    await new Promise((done, fail) => { script.onload = done; script.onerror = fail; document.head.append(script); });
  }
  const code = document.getElementById("qr-live"), large = document.createElement("canvas");
  large.width = large.height = code.width * 4;
  const pen = large.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(code, 0, 0, large.width, large.height);
  const pixels = pen.getImageData(0, 0, large.width, large.height);
  return jsQR(pixels.data, large.width, large.height)?.data ?? "";
}"""


def test_a_voucher_goes_on_showing_new_codes_without_network(visits: Visits, accounts: Accounts, site: Site) -> None:
    public_id, number = json.loads(site.run(SCENE.format(canteen=CANTEEN)).splitlines()[-1])
    page = visits.page(PHONE, state=accounts.state("rider"))
    visits.watch_of(page).expect(NO_NETWORK)
    page.goto("/")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.goto(f"/vouchers/{public_id}")
    first = shown(page)
    page.wait_for_function(f"async () => Boolean(await caches.match('/vouchers/{public_id}/codes'))")
    page.goto("/vouchers")

    page.context.set_offline(True)
    page.goto(f"/vouchers/{public_id}")
    expect(page.get_by_text("没有网络，券照样能用。")).to_be_visible()
    code = other_than(page, first)
    assert other_than(page, code) != first
    assert site.run(TAKE.format(canteen=CANTEEN, code=code)).splitlines()[-1] == number
    expect(page.get_by_test_id("progress")).to_contain_text("已用 0/3 次")  # this phone cannot know yet
    page.goto("/vouchers")
    expect(page.get_by_test_id("voucher").first).to_be_visible()

    page.context.set_offline(False)
    page.goto(f"/vouchers/{public_id}")
    expect(page.get_by_test_id("progress")).to_contain_text("已用 1/3 次")

    plain = visits.page({**PHONE, "java_script_enabled": False}, state=accounts.state("rider"))
    plain.goto(f"/vouchers/{public_id}")
    expect(plain.locator("#qr")).to_be_visible()
    expect(plain.locator("#qr-live")).to_be_hidden()


def shown(page: Page) -> str:
    expect(page.locator("#qr-live")).to_be_visible()
    text: str = page.evaluate(READ)
    assert text.startswith("QX2.")
    return text


def other_than(page: Page, text: str) -> str:
    expect(page.locator("#qr-live")).to_be_visible()
    for _ in range(40):
        found = shown(page)
        if found != text:
            return found
        page.wait_for_timeout(250)
    raise AssertionError("the code does not change")
