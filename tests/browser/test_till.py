"""Two phones at the till, both without network, and one voucher: one wins, the other is told, nothing is lost on the way."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from tests.browser.browsing import PHONE, Accounts, Visits
from tests.browser.site import CANTEEN, Site

NO_NETWORK = "ERR_INTERNET_DISCONNECTED|ERR_FAILED"
# A voucher of the demo's canteen, and what its rider's phone shows now; the rider has what it costs.
SCENE = """
import json
from qixia.people.access import actor_for
from qixia.people.queries import person_id_by_phone
from qixia.rewards import services
from qixia.rewards.models import Item
from qixia.rewards.tests.phones import code_of
rider = actor_for(person_id_by_phone("13800000001"))
shop = min(actor_for(person_id_by_phone("{canteen}")).organisation_ids("merchant"))
for n in range(12):
    services.award(beneficiary=rider.ref, rule="joining", source=f"till:{{n}}", act="people.joined", actor="system:test")
found = Item.objects.filter(merchant=shop, active=True, face_value_fen__isnull=False, parts=1, by_amount=False, has_slots=False, windows="")
item = found.order_by("price").first()
item.limit_per_person = None
item.save(update_fields=["limit_per_person"])
vouchers = [services.reserve(actor=rider, item=item.public_id, client_key=f"till-story-{{n}}") for n in range(2)]
print(json.dumps([[code_of(one), one.number[-4:]] for one in vouchers]))
"""


def test_two_phones_without_network_and_one_voucher(visits: Visits, accounts: Accounts, site: Site) -> None:
    first, second = (a_phone_of_the_shop(visits, accounts, label) for label in ("一号", "二号"))
    (code, tail), (other, other_tail) = json.loads(site.run(SCENE.format(canteen=CANTEEN)).splitlines()[-1])
    for page in (first, second):
        page.context.set_offline(True)
        page.goto("/m")
        expect(page.locator("#till[data-ready]")).to_be_visible()
        take(page, code)
        expect(page.get_by_role("heading", name="已记在这部手机上，待上传")).to_be_visible()
        expect(page.locator("[data-when=waits]")).to_contain_text("待上传 1 笔")

    # The same phone never takes it twice, also after it was closed and opened again.
    first.reload()
    expect(first.locator("#till[data-ready]")).to_be_visible()
    scan(first, code)
    expect(first.locator("#sheet")).to_contain_text("这部手机已经收过这张券")
    scan(first, "QX2.AAAA")
    expect(first.locator("#sheet")).to_contain_text("签名不对")
    take(first, other)
    expect(first.locator("[data-when=waits]")).to_contain_text("待上传 2 笔")

    first.context.set_offline(False)
    expect(first.locator("[data-when=waits]")).to_be_hidden()
    for ending in (tail, other_tail):
        line = first.get_by_test_id("line").filter(has_text=ending)
        expect(line).to_contain_text("已入账")
        expect(line).to_contain_text("离线收")

    second.context.set_offline(False)
    expect(second.locator("[data-when=waits]")).to_be_hidden()
    lost = second.get_by_test_id("line").filter(has_text="没有入账")
    expect(lost).to_contain_text(tail)
    expect(lost).to_contain_text("这张券已经在别的手机上用掉了")


def test_at_sign_out_the_till_leaves_the_phone(visits: Visits, accounts: Accounts) -> None:
    page = a_phone_of_the_shop(visits, accounts, "三号")
    kept = "async () => (await Promise.all((await caches.keys()).map(async (n) => (await (await caches.open(n)).keys()).map((r) => new URL(r.url).pathname)))).flat()"
    assert "/m" in page.evaluate(kept)
    # The same request as the button's, without ending the session that other tests share.
    page.evaluate("() => fetch('/sign-out', {method: 'POST', redirect: 'manual'}).catch(() => {})")
    page.wait_for_function(f"async () => !(await ({kept})()).includes('/m')")


def a_phone_of_the_shop(visits: Visits, accounts: Accounts, label: str) -> Page:
    """Signed in, enrolled, and the page kept for the time without network."""
    page = visits.page(PHONE, state=accounts.state("merchant"))
    visits.watch_of(page).expect(NO_NETWORK, r"/sign-out 403", "/sign-out net::")
    page.goto("/m")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.get_by_label("给这部手机起个名字").fill(label)
    page.get_by_role("button", name="登记这部手机").click()
    expect(page.get_by_test_id("room")).to_have_text(re.compile(r"\d+"))
    page.goto("/m")  # through the service worker, which keeps it with its scripts
    expect(page.locator("#till[data-ready]")).to_be_visible()
    page.wait_for_function("async () => Boolean(await caches.match('/m'))")
    page.wait_for_function(
        "async () => Boolean((await (await caches.open((await caches.keys()).find((n) => n.startsWith('qx-static')))).keys()).some((r) => r.url.includes('till-take')))"
    )
    return page


def scan(page: Page, code: str) -> None:
    page.locator("#code").fill(code)
    page.get_by_role("button", name="查这张券").click()


def take(page: Page, code: str) -> None:
    scan(page, code)
    expect(page.get_by_role("heading", name="签名有效，可以收")).to_be_visible()
    page.get_by_test_id("confirm-offline").click()
