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
        "/points/rules",
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
        "/points?only=reversed",
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
        "/desk/gifts/new",
        "/desk/gifts/places",
        "/desk/gifts/donors",
        "/desk/gifts/handed",
        "/gifts/hand/",
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
        "/desk/rewards/rules/?edit=1",
        "/desk/rewards/settlement/",
        "/desk/rewards/settlement/issue",
        "/desk/rewards/certify/",
        "/desk/rewards/holds/",
        "/desk/rewards/appeals/",
        "/desk/rewards/audit/",
        "/desk/rewards/books/",
        "/desk/rewards/books/?tab=totals",
        "/desk/rewards/holds/decided/",
        "/desk/rewards/tills/",
        "/desk/gifts/",
        "/admin/",
        "/me",
    ),
    "merchant": ("/m", "/m/phones", "/m/statements/", "/shop/", "/me", "/inbox"),
}
# role → list, and what on it leads to the page of one thing; no list: the page found last
ONE: dict[str, tuple[tuple[str, str], ...]] = {
    "rider": (
        ("/mine", '[data-testid="report-card"]'),
        ("/mine?state=confirm", '[data-testid="report-card"]'),
        ("/redeem", '[data-testid="good"]'),
        ("/vouchers", '[data-testid="voucher"]'),
        ("/shops/", '[data-testid="shop"]'),
        ("/points", '[data-testid="entry"] a[href^="/points/"]'),
        ("/gifts/", '[data-testid="waiting"]'),
        ("/gifts/", '[data-testid="offer"]'),
    ),
    "clerk": (
        ("/desk/import/", ".qx-import-list a"),
        ("/desk/merchants/", '[data-testid="line"] a'),
        ("/desk/undertakings/", "main a[href^='/desk/undertakings/']"),
        ("/desk/gifts/", '[data-testid="line"]:has-text("摇号"):has-text("发放中") a'),
        ("", "main a[href^='/gifts/draws/']"),
        ("/desk/gifts/donors", '[data-testid="donor"] a'),
        ("/desk/gifts/places", '[data-testid="place"] a'),
        ("/gifts/hand/", '[data-testid="place"]'),
    ),
    "supervisor": (("/desk/supervision/", "main a[href^='/desk/case/']"),),
    "admin": (
        ("/desk/catalogue", "main a[href^='/desk/catalogue/']:not([href$='new'])"),
        ("/desk/catalogue", "main a[href$='/slots']"),
        ("", '[data-testid="slot"]'),
        ("/desk/catalogue", "main a[href$='/line']"),
        ("/desk/rewards/settlement/", '[data-testid="row"] a'),
        ("/desk/rewards/books/", '[data-testid="posting"] a'),
    ),
    "merchant": (("/m/statements/", '[data-testid="statement"]'),),
}
# one thing → its further pages
MORE: dict[str, tuple[str, tuple[str, ...]]] = {
    "rider": ("/r/", ("receipt", "rate")),
    "clerk": ("/desk/gifts/", ("/stock", "/entrants", "/donation", "/papers")),
    "admin": ("/desk/rewards/settlement/", ("/paper",)),
}


def addresses(page: Page, role: str) -> list[str]:
    """Every address to visit, those of one thing included."""
    found = list(PAGES[role])
    for where, what in ONE.get(role, ()):
        page.goto(where or found[-1])
        link = page.locator(what).first
        if link.count():
            found.append(link.get_attribute("href") or "")
    if role in MORE:
        begins, ends = MORE[role]
        own = [address for address in found if address.startswith(begins) and address not in PAGES[role]][:1]
        found += [address + more for address in own for more in ends]
    if role in ("worker", "clerk"):
        page.goto("/desk/all")
        found.append((page.locator("[data-row] a").first.get_attribute("hx-get") or "").split("?")[0])
    return found
