"""The triage queue with nothing but a keyboard: three cases, three decisions, and what the database says afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.axe import look_at_everything
from tests.browser.browsing import DESKTOP, PHONE, Accounts, Visits
from tests.browser.site import Site

LEVELS = ("low", "normal", "high", "critical")
# A class that no case of the demo's queue is likely to be.
OTHER, OTHER_NAME = "river", "河道"


def row(site: Site, statement: str, value: str) -> dict[str, Any]:
    with closing(sqlite3.connect(site.database, timeout=20)) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute(statement, [value]).fetchone()
        return dict(found) if found else {}


def report(site: Site, public_id: str) -> dict[str, Any]:
    return row(site, "SELECT * FROM reports_report WHERE public_id = ?", public_id)


def learnt(site: Site, public_id: str) -> dict[str, Any]:
    return row(site, "SELECT * FROM triage_correction WHERE ref = ?", f"report:{public_id}")


def current(page: Page) -> str:
    """The case that is open. The queue beside it points to the same one."""
    open_case = page.locator("#triage-now").get_attribute("data-case") or ""
    expect(page.locator("#triage-list [aria-current]")).to_have_attribute("data-case", open_case)
    return open_case


def confirm(page: Page) -> str:
    """Enter, and the next case is there with the focus on it. Returns it."""
    before = current(page)
    page.keyboard.press("Enter")
    expect(page.locator("#triage-now")).not_to_have_attribute("data-case", before)
    expect(page.locator("#triage-said")).to_contain_text("已派给")
    expect(page.locator("#triage-now")).to_be_focused()
    assert page.url.split("?")[0].endswith(f"/desk/triage/{current(page)}/")
    return current(page)


def level(page: Page) -> str:
    return page.locator("[name=severity]:checked").input_value()


def test_three_cases_by_keyboard_alone(visits: Visits, accounts: Accounts, site: Site) -> None:
    page = visits.page(DESKTOP, state=accounts.state("clerk"))
    page.goto("/desk/triage/")
    waiting = int(page.locator(".qx-side [aria-current] b").inner_text())
    assert waiting >= 4

    # The first as the machine said it.
    first = current(page)
    was = report(site, first)
    page.keyboard.press("1")
    assert page.locator("[name=cls]:checked").input_value() == was["cls"]
    second = confirm(page)
    now = report(site, first)
    assert (now["state"], now["cls"], now["severity"]) == ("dispatched", was["cls"], was["severity"])
    assert learnt(site, first) | {"cls": was["cls"], "was_cls": was["cls"]} == learnt(site, first)

    # The second is something else, found by typing.
    page.keyboard.press("/")
    expect(page.locator("#triage-find")).to_be_focused()
    page.keyboard.type(OTHER_NAME)
    expect(page.locator("#triage-options [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("[name=cls]:checked")).to_have_value(OTHER)
    third = confirm(page)
    was, now = was | {"cls": learnt(site, second)["was_cls"]}, report(site, second)
    assert (now["state"], now["cls"]) == ("dispatched", OTHER)
    assert was["cls"] != learnt(site, second)["cls"] == OTHER

    # The third is worse than the machine thought.
    page.keyboard.press("1")
    before = level(page)
    assert before != "critical"
    page.keyboard.press("s")
    assert level(page) == LEVELS[LEVELS.index(before) + 1]
    worse = level(page)
    confirm(page)
    now = report(site, third)
    assert (now["state"], now["severity"], now["rings"]) == ("dispatched", worse, worse == "critical")
    assert learnt(site, third)["severity"] == worse
    expect(page.locator(".qx-side [aria-current] b")).to_have_text(str(waiting - 3))
    expect(page.locator("#triage-list [data-row]")).to_have_count(waiting - 3)


def test_keys_walk_through_the_queue_and_a_choice_is_asked_for(visits: Visits, accounts: Accounts, site: Site) -> None:
    page = visits.page(DESKTOP, state=accounts.state("clerk"))
    page.goto("/desk/triage/")
    cases = [one.get_attribute("data-case") or "" for one in page.locator("#triage-list [data-row]").all()]
    page.keyboard.press("j")
    expect(page.locator("#triage-now")).to_have_attribute("data-case", cases[1])
    for key in ("j", "k", "ArrowUp"):  # faster than the answers come
        page.keyboard.press(key)
    expect(page.locator("#triage-now")).to_have_attribute("data-case", cases[0])
    expect(page.locator("#triage-list [aria-current]")).to_have_attribute("data-case", cases[0])
    expect(page.locator("#triage-now")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("Enter")  # the next one is not drawn yet, the one before was left
    expect(page.locator("#triage-now")).to_have_attribute("data-case", cases[1])
    assert [report(site, case)["state"] for case in cases[:2]] == ["sorting", "sorting"]
    page.go_back()
    expect(page.locator("#triage-now")).to_have_attribute("data-case", cases[0])

    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="快捷键")
    for key in ("1", "S", "Enter", "J", "K", "/", "V"):
        expect(keys.locator("kbd", has_text=key).first).to_be_visible()
    page.keyboard.press("Escape")

    # With the choice taken back, as where nothing was read, Enter decides nothing.
    page.evaluate("document.querySelectorAll('[name=cls]').forEach((radio) => { radio.checked = false; })")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="先选一类")).to_be_visible()
    assert report(site, cases[0])["state"] == "sorting"


def test_two_clerks_on_one_case(visits: Visits, accounts: Accounts, site: Site) -> None:
    one, other = (visits.page(DESKTOP, state=accounts.state(who)) for who in ("clerk", "admin"))
    one.goto("/desk/triage/")
    case = current(one)
    other.goto(f"/desk/triage/{case}/")
    one.keyboard.press("1")
    confirm(one)
    cls = report(site, case)["cls"]
    other.keyboard.press("/")
    other.keyboard.type(OTHER_NAME)
    other.keyboard.press("Enter")
    other.keyboard.press("Enter")
    expect(other.locator("#triage-said")).to_contain_text("已经有人分拣了，现在是“待签收”")
    assert current(other) != case
    assert report(site, case)["cls"] == cls != OTHER


def test_on_a_phone_the_queue_leads_to_the_case_and_back(visits: Visits, accounts: Accounts) -> None:
    page = visits.page({**PHONE, "has_touch": True}, state=accounts.state("clerk"), bypass_csp=True)
    page.goto("/desk/triage/")
    expect(page.locator("#triage-now")).to_be_hidden()
    page.locator("#triage-list [data-row]").first.tap()
    expect(page.locator("#triage-list")).to_be_hidden()
    expect(page.get_by_test_id("do-sort")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = [
        box
        for one in page.locator(".qx-cand, .qx-sevpick, .qx-tri-bar .btn, .qx-tri-find input, .qx-tri-back").all()
        if one.is_visible() and (box := one.bounding_box()) and box["height"] < 44
    ]
    assert small == []
    assert look_at_everything(page) == []
    page.locator(".qx-tri-back").tap()
    expect(page.locator("#triage-list [data-row]").first).to_be_visible()
