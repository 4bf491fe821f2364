"""The pages of each role. Pages of one thing (a report, a voucher, a case) are found from the lists that lead there."""

from __future__ import annotations

from playwright.sync_api import Page

PAGES: dict[str, tuple[str, ...]] = {
    "anyone": (
        "/sign-in",
        "/staff/sign-in",
        "/styleguide",
        "/no-such-page",
        "/anonymous/sent/",
        "/open/figures/",
        "/open/made/",
    ),
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
        "/offers/",
        "/shops/",
        "/shops/?need=eat&open=1",
        "/shops/map",
        "/shops/ten",
        "/gifts/",
    ),
    "worker": (
        "/desk/queue",
        "/desk/queue?over=1",
        "/desk/all",
        "/desk/undertakings/",
        "/desk/deputies/",
        "/desk/calendar/",
        "/map",
        "/inbox",
        "/me",
    ),
    "clerk": (
        "/desk/model/",
        "/desk/triage/",
        "/desk/alarm/",
        "/desk/import/",
        "/desk/returned",
        "/desk/checks",
        "/desk/queue",
        "/desk/all",
        "/desk/undertakings/",
        "/desk/deputies/",
        "/desk/routing/",
        "/desk/routing/?words=写字楼货梯坏了",
        "/desk/calendar/",
        "/desk/figures/",
        "/desk/merchants/",
        "/desk/merchants/?tab=active",
        "/desk/merchants/new",
        "/map",
        "/inbox",
        "/me",
    ),
    "supervisor": ("/desk/supervision/", "/desk/appeals/", "/desk/figures/", "/desk/deputies/"),
    "admin": (
        "/desk/model/",
        "/desk/model/shipped/",
        "/desk/all",
        "/desk/catalogue",
        "/desk/catalogue/new",
        "/desk/routing/?edit=1",
        "/desk/calendar/",
        "/desk/supervision/",
        "/desk/merchants/alliances",
        "/desk/rewards/budgets/",
        "/desk/rewards/rules/",
        "/desk/rewards/holds/",
        "/desk/rewards/appeals/",
        "/desk/rewards/audit/",
        "/desk/rewards/tills/",
        "/desk/gifts/",
        "/admin/",
        "/me",
    ),
    "merchant": ("/m", "/m/phones", "/shop/", "/me", "/inbox"),
}
# role → list, and what on it leads to the page of one thing
ONE: dict[str, tuple[tuple[str, str], ...]] = {
    "rider": (
        ("/mine", '[data-testid="report-card"]'),
        ("/mine?state=confirm", '[data-testid="report-card"]'),
        ("/redeem", '[data-testid="good"]'),
        ("/vouchers", '[data-testid="voucher"]'),
        ("/shops/", '[data-testid="shop"]'),
    ),
    "clerk": (
        ("/desk/import/", ".qx-import-list a"),
        ("/desk/merchants/", '[data-testid="line"] a'),
        ("/desk/undertakings/", "main a[href^='/desk/undertakings/']"),
    ),
    "supervisor": (("/desk/supervision/", "main a[href^='/desk/case/']"),),
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
        own = [address for address in found if address.startswith("/r/")][:1]
        found += [address + more for address in own for more in ("receipt", "rate")]
    if role in ("worker", "clerk"):
        page.goto("/desk/all")
        found.append((page.locator("[data-row] a").first.get_attribute("hx-get") or "").split("?")[0])
    return found
