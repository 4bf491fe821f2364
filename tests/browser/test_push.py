"""Web push as a phone meets it: a message wakes the service worker, the lock screen names no matter, a tap opens the inbox,
and signing out leaves nothing behind.

No push service is at hand, so the browser's own hand-over is done by the tools of its developers; that a message arrives
encrypted for this browser alone is shown in qixia/notices/tests/test_sending.py.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Page, Worker, expect

import qixia.notices
from tests.browser.browsing import PHONE, Visits, sign_in_by_phone
from tests.browser.site import OTHER_RIDERS

SEED = Path(qixia.notices.__file__).parent / "seeds" / "templates.yaml"
SHOWN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  return (await registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag }));
}"""
TAP = """async () => {
  const [notification] = await self.registration.getNotifications();
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
}"""
# What PushManager would give: without a push service no real subscription comes about.
SUBSCRIBED = """() => {
  self.left = 0;
  PushManager.prototype.getSubscription = async () => ({ unsubscribe: async () => { self.left += 1; } });
}"""
KEPT = "async () => (await caches.keys()).filter((name) => name.startsWith('qx-pages-'))"


def deliver(page: Page, message: dict[str, Any]) -> None:
    """Hand a push to the page's service worker, as the browser does with what it has decrypted."""
    tools = page.context.new_cdp_session(page)
    found: list[str] = []
    tools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(one["registrationId"] for one in event["registrations"] if not one["isDeleted"]),
    )
    tools.send("ServiceWorker.enable")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    assert found
    origin = re.match(r"https?://[^/]+", page.url)
    assert origin
    given = {"origin": origin[0], "registrationId": found[-1], "data": json.dumps(message, ensure_ascii=False)}
    tools.send("ServiceWorker.deliverPushMessage", given)
    tools.detach()


def worker_of(page: Page) -> Worker:
    (found,) = page.context.service_workers
    return found


def test_a_push_names_no_matter_a_tap_opens_the_inbox_and_signing_out_leaves_nothing(visits: Visits) -> None:
    page = visits.page(PHONE)
    page.context.grant_permissions(["notifications"])
    sign_in_by_phone(page, OTHER_RIDERS[-1], to="/snap")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.goto("/snap")  # the worker keeps this page
    expect(page.locator("form[data-ready]")).to_be_attached()

    said = yaml.safe_load(SEED.read_text(encoding="utf-8"))["notices"]["report.fixed"]["outside"]["zh"]
    message = {"id": "0" * 26, "title": "骑侠", "body": said, "url": "/inbox"}
    for _again in range(2):  # a repetition replaces the first
        deliver(page, message)
    # In one look: while one takes the place of the other there is none for a moment.
    (shown,) = page.wait_for_function(
        f"async () => {{ const all = await ({SHOWN})(); return all.length === 1 && all; }}"
    ).json_value()
    assert shown == {"title": "骑侠", "body": said, "tag": message["id"]}
    assert not re.search(r"\d|井盖|路|号", shown["body"])

    worker = worker_of(page)
    worker.evaluate(TAP)
    expect(page).to_have_url(re.compile("/inbox$"))
    assert page.evaluate(SHOWN) == []

    deliver(page, message | {"id": "1" * 26})
    page.wait_for_function(f"async () => (await ({SHOWN})()).length === 1")
    assert len(worker.evaluate(KEPT)) == 1
    worker.evaluate(SUBSCRIBED)
    page.goto("/me")
    page.get_by_role("button", name="退出登录").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("退出|确定")).click()
    expect(page).to_have_url(re.compile("/sign-in"))
    page.wait_for_function(f"async () => (await ({SHOWN})()).length === 0")
    assert worker.evaluate("() => self.left") == 1
    assert worker.evaluate(KEPT) == []
