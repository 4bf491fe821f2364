"""Browsers as people hold them, and what must never happen in one.

Every page is watched: a violation of the content security policy, an error on the console, an error of a script and a
request that failed or was answered with 4xx or 5xx are faults, unless the test said beforehand that it provokes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyotp
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, Response, expect

from tests.browser.site import CANTEEN, LAT, LNG, RIDER, STAFF, STAFF_PASSWORD, Site

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
PATIENCE_MS = 15_000

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "geolocation": {"latitude": LAT, "longitude": LNG, "accuracy": 12},
    "permissions": ["geolocation", "camera", "clipboard-read", "clipboard-write"],
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}

# Violations reach us through a function that the page sees; an init script is not under the page's policy.
_LISTEN = """document.addEventListener("securitypolicyviolation",
  (event) => window.qxViolation(`${event.effectiveDirective} blocked ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`));"""


@dataclass
class Watch:
    """Collects what went wrong in one context."""

    faults: list[str] = field(default_factory=list)
    expected: list[re.Pattern[str]] = field(default_factory=list)

    def expect(self, *patterns: str) -> None:
        """What this test provokes on purpose, as regular expressions over a fault's text."""
        self.expected += [re.compile(pattern) for pattern in patterns]

    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(pattern.search(fault) for pattern in self.expected)]

    def follow(self, context: BrowserContext) -> None:
        context.expose_function("qxViolation", lambda text: self.faults.append(f"policy: {text}"))
        context.add_init_script(_LISTEN)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def _console(self, message: ConsoleMessage) -> None:
        # "Failed to load resource" says again what the request itself has said.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left before its picture came
            self.faults.append(f"request: {request.method} {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"request: {response.request.method} {response.url} {response.status}")


@dataclass
class Visits:
    """Opens contexts; at the end of a test all of them must be without fault."""

    browser: Browser
    site: Site
    watches: list[Watch] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, device: dict[str, Any], *, state: Any = None, **more: Any) -> Page:
        """A new person with a browser of her own. `state` is what a sign-in left behind."""
        options = {"base_url": self.site.url, "locale": "zh-CN", "timezone_id": "Asia/Shanghai", "storage_state": state}
        context = self.browser.new_context(**{**options, **device, **more})
        watch = Watch()
        watch.follow(context)
        self.watches.append(watch)
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.set_default_navigation_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        return context.new_page()

    def watch_of(self, page: Page) -> Watch:
        return self.watches[self.contexts.index(page.context)]

    def close(self) -> list[str]:
        for context in self.contexts:
            context.close()
        return [fault for watch in self.watches for fault in watch.unexpected()]


@contextmanager
def chromium(playwright: Playwright, *more: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *more])
    try:
        yield browser
    finally:
        browser.close()


# Signing in


def sign_in_by_phone(page: Page, phone: str, *, to: str = "/") -> None:
    """As a rider or a merchant does, with the code that a demonstration shows."""
    page.goto(f"/sign-in?next={to}")
    page.get_by_label("手机号").fill(phone)
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_role("button", name="填入").click()
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page).not_to_have_url(re.compile("/sign-in"))


def sign_in_as_staff(page: Page, role: str) -> str:
    """Name, password, and the code that an authenticator makes of the secret. Returns the secret if it was shown."""
    page.goto("/staff/sign-in")
    page.get_by_label("用户名").fill(STAFF[role])
    page.get_by_label("密码").fill(STAFF_PASSWORD)
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_label("动态码")).to_be_visible()
    secret = page.locator(".qx-enrol code")
    shown = secret.inner_text().replace(" ", "") if secret.count() else ""
    code = pyotp.TOTP(shown).now() if shown else page.locator("#demo-code").inner_text()
    page.get_by_label("动态码").fill(code)
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page).not_to_have_url(re.compile("/staff/"))
    return shown


@dataclass
class Accounts:
    """Each account signs in once, through the pages, for the whole suite: a code works only once in half a minute."""

    browser: Browser
    site: Site
    secrets: dict[str, str] = field(default_factory=dict)  # role → the secret that the page showed when enrolling
    _states: dict[str, Any] = field(default_factory=dict)

    def state(self, who: str) -> Any:
        """What a sign-in left in the browser. `who` is a role of the demo's cards or a phone number."""
        if who not in self._states:
            visits = Visits(self.browser, self.site)
            page = visits.page(DESKTOP if who in STAFF else PHONE)
            if who in STAFF:
                self.secrets[who] = sign_in_as_staff(page, who)
            else:
                sign_in_by_phone(page, {"rider": RIDER, "merchant": CANTEEN}.get(who, who))
            self._states[who] = page.context.storage_state()
            assert visits.close() == []
        return self._states[who]
