"""The pages of each role. Pages of one thing (a report, a voucher, a case) are found from the lists that lead there."""

from __future__ import annotations

from playwright.sync_api import Page

PAGES: dict[str, tuple[str, ...]] = {
    "anyone": ("/sign-in", "/staff/sign-in", "/styleguide", "/no-such-page", "/anonymous/sent/"),
    "rider": (
        "/",
        "/snap",
        "/mine",
        "/mine?state=fixed",
        "/mine/anonymous",
        "/map",
        "/inbox",
        "/me",
        "/me/consents",
        "/points",
        "/points/rules",
        "/redeem",
        "/vouchers",
    ),
    "worker": ("/desk/queue", "/desk/queue?over=1", "/desk/all", "/map", "/inbox", "/me"),
    "clerk": (
        "/desk/model/",
        "/desk/triage/",
        "/desk/alarm/",
        "/desk/import/",
        "/desk/returned",
        "/desk/checks",
        "/desk/queue",
        "/desk/all",
        "/map",
        "/inbox",
        "/me",
    ),
    "admin": (
        "/desk/model/",
        "/desk/model/shipped/",
        "/desk/all",
        "/desk/catalogue",
        "/desk/catalogue/new",
        "/admin/",
        "/me",
    ),
    "merchant": ("/m", "/me", "/inbox"),
}
# role → list, and what on it leads to the page of one thing
ONE: dict[str, tuple[tuple[str, str], ...]] = {
    "rider": (
        ("/mine", '[data-testid="report-card"]'),
        ("/mine?state=confirm", '[data-testid="report-card"]'),
        ("/redeem", '[data-testid="good"]'),
        ("/vouchers", '[data-testid="voucher"]'),
    ),
    "admin": (("/desk/catalogue", "main a[href^='/desk/catalogue/']:not([href$='new'])"),),
}


def addresses(page: Page, role: str) -> list[str]:
    """Every address to visit, those of one thing included."""
    found = list(PAGES[role])
    for where, what in ONE.get(role, ()):
        page.goto(where)
        link = page.locator(what).first
        if link.count():
            found.append(link.get_attribute("href") or "")
    if role == "rider":
        found += [address + "receipt" for address in found if address.startswith("/r/")][:1]
    if role in ("worker", "clerk"):
        page.goto("/desk/all")
        found.append((page.locator("[data-row] a").first.get_attribute("hx-get") or "").split("?")[0])
    return found
