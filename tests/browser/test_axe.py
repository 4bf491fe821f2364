"""No page of any role has an accessibility fault that axe-core knows of: WCAG 2.1 A and AA and best practice, at 390 and
1440 px, light and dark.

axe is put into the page from outside, so these contexts (and only these) go past the content security policy.
Each page is loaded once: the narrow light page gets all rules, and after a change of width or theme again all that such a
change can break.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.browsing import DESKTOP, PHONE, Accounts, Visits
from tests.browser.pages import addresses

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
ALL_RULES: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}}
COLOURS: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
# (width, theme, rules): colours don't depend on the width, names and roles not on the theme
VIEWS = (
    (NARROW, "light", ALL_RULES),
    (NARROW, "dark", COLOURS),
    (WIDE, "dark", COLOURS),
    (WIDE, "light", ALL_RULES),
)
# The theme is on and no colour is on its way any more.
_SETTLED = """(theme) => document.documentElement.dataset.bsTheme === theme
  && !document.getAnimations().some((one) => one instanceof CSSTransition)"""
_RUN = """async (options) => {
  const found = await axe.run(document, { ...options, resultTypes: ["violations"] });
  return found.violations.map((one) => [one.id, one.help, one.nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary.split("\\n")[1] || ""}`)]);
}"""


@pytest.mark.parametrize("role", ["anyone", "rider", "worker", "clerk", "admin", "merchant"])
def test_axe_finds_nothing(visits: Visits, accounts: Accounts, role: str) -> None:
    state = accounts.state(role) if role != "anyone" else None
    device = PHONE if role in ("anyone", "rider", "merchant") else DESKTOP
    page = visits.page({**device, "is_mobile": False}, state=state, bypass_csp=True)
    visits.watch_of(page).expect("/no-such-page 404")
    found: dict[str, Any] = {}
    for address in addresses(page, role):
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.goto(address)
        page.add_script_tag(path=AXE)
        for width, theme, rules in VIEWS:
            if faults := look(page, width, theme, rules):
                found[f"{address} {width['width']} {theme}"] = faults
    assert not found, json.dumps(found, ensure_ascii=False, indent=1)


def look(page: Page, width: Any, theme: str, rules: dict[str, Any]) -> list[Any]:
    page.set_viewport_size(width)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.wait_for_function(_SETTLED, arg=theme)
    faults: list[Any] = page.evaluate(_RUN, rules)
    return faults
