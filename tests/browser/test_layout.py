"""Every page fits a phone, gives fingers room, knows the dark and obeys the keyboard; the other language breaks none."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import DESKTOP, PHONE, Accounts, Visits
from tests.browser.pages import addresses

FINGER = 44
# Wider than the screen, and what sticks out.
_STICKS_OUT = """() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  return [`${root.scrollWidth} px`, ...[...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1)
    .slice(0, 5).map((one) => `${one.tagName} ${one.className}`)];
}"""
# Controls smaller than a finger. Links in running text are exempt, as in WCAG; a control in a label is as large as the label.
_TOO_SMALL = """(finger) => {
  const inText = (one) => one.matches("a") && getComputedStyle(one).display === "inline";
  const area = (one) => {
    const label = one.matches("input") && (one.closest("label") || document.querySelector(`label[for="${CSS.escape(one.id)}"]`));
    const parts = [one, label].filter(Boolean).map((part) => part.getBoundingClientRect());
    // a pseudo-element may widen what a finger hits
    const more = ["::before", "::after"].map((name) => getComputedStyle(one, name)).filter((style) => style.content !== "none" && style.position === "absolute");
    const width = Math.max(...parts.map((part) => part.width), ...more.map((style) => parseFloat(style.width) || 0));
    const height = Math.max(...parts.map((part) => part.height), ...more.map((style) => parseFloat(style.height) || 0));
    return [width, height];
  };
  return [...document.querySelectorAll("a[href], button, summary, select, input:not([type=hidden])")]
    .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && one.getClientRects().length)
    .filter((one) => !inText(one) && !one.closest(".visually-hidden, .leaflet-control-attribution") && !one.matches(".visually-hidden, .qx-skip"))
    .map((one) => [one, ...area(one)])
    .filter(([, width, height]) => width < finger - 0.5 || height < finger - 0.5)
    .map(([one, width, height]) => `${one.tagName} ${one.className} "${(one.innerText || one.name || "").trim().slice(0, 20)}" ${Math.round(width)}×${Math.round(height)}`);
}"""
_DARK = """() => getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number)"""
ROLES = ("anyone", "rider", "worker", "clerk", "supervisor", "admin", "merchant")
ON_THE_ROAD = ("anyone", "rider", "merchant")


@pytest.mark.parametrize("role", ROLES)
def test_pages_fit_a_phone(visits: Visits, accounts: Accounts, role: str) -> None:
    page = visits.page(PHONE, state=accounts.state(role) if role != "anyone" else None)
    visits.watch_of(page).expect("/no-such-page 404")
    wide: dict[str, Any] = {}
    small: dict[str, Any] = {}
    for address in addresses(page, role):
        if address in ("/styleguide", "/admin/"):
            continue  # for those who build and those who administer, at a desk
        page.goto(address)
        if sticks_out := page.evaluate(_STICKS_OUT):
            wide[address] = sticks_out
        if role in ON_THE_ROAD and (found := page.evaluate(_TOO_SMALL, FINGER)):
            small[address] = found
    assert not wide
    assert not small


@pytest.mark.parametrize(
    ("role", "address"), [("rider", "/"), ("rider", "/map"), ("worker", "/desk/queue"), ("merchant", "/m")]
)
def test_night(visits: Visits, accounts: Accounts, role: str, address: str) -> None:
    page = visits.page(PHONE, state=accounts.state(role), color_scheme="dark")
    page.goto(address)
    assert max(page.evaluate(_DARK)) < 60
    page.emulate_media(color_scheme="light")
    page.wait_for_function("() => document.documentElement.dataset.bsTheme === 'light'")
    assert min(page.evaluate(_DARK)) > 200


@pytest.mark.parametrize(
    ("role", "address", "action"),
    [
        ("anyone", "/sign-in", "button:has-text('获取验证码')"),
        ("rider", "/snap", "[data-testid=snap-submit]"),
        ("merchant", "/m", "button:has-text('查这张券')"),
        ("worker", "/desk/queue", "[data-testid=accept], [data-testid=answer]"),
        ("clerk", "/desk/triage/", "[data-testid=do-sort]"),
    ],
)
def test_tab_reaches_the_main_action(visits: Visits, accounts: Accounts, role: str, address: str, action: str) -> None:
    page = visits.page(
        {**DESKTOP, "permissions": ["geolocation"]}, state=accounts.state(role) if role != "anyone" else None
    )
    page.goto(address)
    target = page.locator(action).first
    expect(target).to_be_visible()
    seen: list[str] = []
    for _ in range(200):
        page.keyboard.press("Tab")
        if target.evaluate("(one) => one === document.activeElement"):
            return
        seen.append(page.evaluate("() => document.activeElement.outerHTML.slice(0, 80)"))
    pytest.fail("\n".join(seen[:40]))


def test_keys_of_the_desk(visits: Visits, accounts: Accounts) -> None:
    page = visits.page(DESKTOP, state=accounts.state("worker"))
    page.goto("/desk/queue")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="快捷键")
    expect(keys).to_be_visible()
    for key in ("J", "K", "Enter", "/"):
        expect(keys.locator("kbd", has_text=key).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()

    assert chosen(page) == 0
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert chosen(page) == 2
    page.keyboard.press("k")
    assert chosen(page) == 1
    number = page.locator("[data-row]").nth(1).locator("td").last.inner_text().strip()
    page.keyboard.press("Enter")
    expect(page.locator("#pane")).to_contain_text(number)
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()


def chosen(page: Page) -> int:
    rows = page.locator("[data-rows] [data-row]")
    return [one.get_attribute("aria-selected") for one in rows.all()].index("true")


@pytest.mark.parametrize("role", ["rider", "worker", "merchant"])
def test_the_other_language_breaks_nothing(visits: Visits, accounts: Accounts, role: str) -> None:
    page = visits.page(PHONE, state=accounts.state(role))
    page.goto("/me")
    page.get_by_role("button", name="English").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    for address in addresses(page, role):
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("lang", "en")
        assert page.evaluate(_STICKS_OUT) == [], address
