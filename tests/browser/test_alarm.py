"""An alarm page that is left open: something critical comes in, it rings, and a clerk takes it with one key."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing

from playwright.sync_api import expect

from tests.browser.browsing import DESKTOP, PHONE, Accounts, Visits
from tests.browser.site import LAT, LNG, Site

POLL_MS = 10_000
WORDS = "井盖没了，人能掉下去，旁边有小孩"
RAISE = f"""
from django.core.files.base import ContentFile
from qixia.media.tests.made import jpeg
from qixia.people.access import actor_for
from qixia.people.models import Person
from qixia.people.queries import demo_cards
from qixia.reports import services
from qixia.reports.models import Report
from qixia.reports.sealing import open_link
link = Report.objects.filter(secrecy="sealed").values_list("public_id", "reporter_link").first()
rider = Person.objects.get(public_id=open_link(link[1], report=link[0]))
receipt = services.submit(
    actor=actor_for(rider), client_key="browser-alarm-1", place=services.Whereabouts(lat={LAT}, lng={LNG}, source="map"),
    photos=[ContentFile(jpeg(seed=171), "a.jpg")], words="{WORDS}", hint="manhole",
)
print(receipt.public_id)
"""


def steps(site: Site, public_id: str) -> list[str]:
    with closing(sqlite3.connect(site.database, timeout=20)) as connection:
        query = (
            "SELECT step FROM reports_reportstep s JOIN reports_report r ON r.id = s.report_id WHERE r.public_id = ?"
        )
        return [row[0] for row in connection.execute(query, [public_id])]


def test_something_critical_rings_on_an_open_page_and_is_taken_by_one_key(
    visits: Visits, accounts: Accounts, site: Site
) -> None:
    page = visits.page(DESKTOP, state=accounts.state("clerk"))
    page.goto("/desk/alarm/")
    expect(page.get_by_text("声音还没有打开")).to_be_visible()
    page.keyboard.press("s")
    expect(page.get_by_text("声音已打开")).to_be_visible()
    root = page.locator("#alarm-page")
    # What the demo left ringing is taken first, so that the new one is the only one.
    for _left in range(page.get_by_test_id("alarm").count()):
        before = page.get_by_test_id("alarm").count()
        page.keyboard.press("a")
        expect(page.get_by_test_id("alarm")).to_have_count(before - 1)
    rang = int(root.get_attribute("data-rang") or 0)
    public_id = site.run(RAISE).strip().splitlines()[-1]
    begun = time.monotonic()
    card = page.locator(f"[data-card='{public_id}'][data-rings]")
    expect(card).to_be_visible(timeout=POLL_MS + 15_000)  # and the worker's turn, on a busy machine
    assert time.monotonic() - begun < 25
    expect(card).to_contain_text(WORDS)
    expect(card.get_by_test_id("chain")).to_contain_text("第 1 级")
    expect(root).not_to_have_attribute("data-rang", str(rang))
    expect(page).to_have_title(re.compile("没人接"))
    page.keyboard.press("a")
    taken = page.locator(f"[data-card='{public_id}']:not([data-rings])")
    expect(taken.get_by_test_id("chain")).to_contain_text("接手")
    expect(page.get_by_text("声音已打开")).to_be_visible()  # the page was not left: it may sound on
    assert steps(site, public_id).count("acknowledge") == 1
    # Another of the staff saw the bar while it rang, and sees none now.
    phone = visits.page(PHONE, state=accounts.state("worker"))
    phone.goto("/desk/alarm/")
    expect(phone.get_by_text("声音还没有打开")).to_be_visible()
