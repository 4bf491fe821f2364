"""No page of any role has an accessibility fault that axe-core knows of: WCAG 2.1 A and AA and best practice, at 390 and
1440 px, light and dark.

axe is put into the page from outside, so these contexts (and only these) go past the content security policy.
"""

from __future__ import annotations

import pytest

from tests.browser.axe import look_at_everything
from tests.browser.browsing import DESKTOP, PHONE, Accounts, Visits
from tests.browser.pages import addresses


@pytest.mark.parametrize("role", ["anyone", "rider", "worker", "clerk", "supervisor", "admin", "merchant"])
def test_axe_finds_nothing(visits: Visits, accounts: Accounts, role: str) -> None:
    state = accounts.state(role) if role != "anyone" else None
    device = PHONE if role in ("anyone", "rider", "merchant") else DESKTOP
    page = visits.page({**device, "is_mobile": False}, state=state, bypass_csp=True)
    visits.watch_of(page).expect("/no-such-page 404")
    found: list[str] = []
    for address in addresses(page, role):
        page.goto(address)
        found += look_at_everything(page)
    assert not found, "\n".join(found)
