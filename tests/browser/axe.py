"""axe-core over a page that is open, in every width and theme.

All rules at both widths by day; at night the colours only, because names, roles and order don't depend on the theme.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
ALL_RULES: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}}
COLOURS: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
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
  return found.violations.map((one) => `${one.id} (${one.help}): ` + one.nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary.split("\\n")[1] || ""}`).join(" | "));
}"""


def look_at_everything(page: Page) -> list[str]:
    """What axe finds on this page, each with address, width and theme. The context must go past the policy."""
    if not page.evaluate("() => 'axe' in window"):
        page.add_script_tag(path=AXE)
    before = page.viewport_size
    found = []
    for size, theme, rules in VIEWS:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.wait_for_function(_SETTLED, arg=theme)
        found += [f"{page.url} {size['width']} {theme}: {one}" for one in page.evaluate(_RUN, rules)]
    if before:
        page.set_viewport_size(before)
    return found
