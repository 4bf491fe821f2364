"""What a rider's first page costs: bytes over the wire and seconds until it answers a finger, on emulated slow 3G.

The weight is a contract (150 kB). The seconds are recorded only: they say something about this machine, too.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import PHONE, Accounts, Visits

LIMIT_BYTES = 150_000
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 400_000 / 8, "uploadThroughput": 400_000 / 8}
CPU_SLOWER = 4
MEASURED = Path(__file__).resolve().parents[2] / "build" / "measured" / "first-page.json"
# From the start of the navigation: the last moment at which the main thread was busy or a script came in late.
_INTERACTIVE = """() => new Promise((done) => {
  const entry = performance.getEntriesByType("navigation")[0];
  let busy = entry.domInteractive;
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { busy = Math.max(busy, one.startTime + one.duration); }))
    .observe({ type: "longtask", buffered: true });
  setTimeout(() => done(Math.max(busy, entry.domContentLoadedEventEnd) / 1000), 400);
})"""


@pytest.mark.parametrize(("name", "address"), [("sign-in", "/sign-in"), ("home", "/"), ("snap", "/snap")])
def test_the_first_page_is_light(visits: Visits, accounts: Accounts, name: str, address: str) -> None:
    state = accounts.state("rider") if name != "sign-in" else None
    page = visits.page(PHONE, state=state, service_workers="block")  # what is fetched for later is no part of the page
    wire = page.context.new_cdp_session(page)
    addresses: dict[str, str] = {}
    sizes: dict[str, int] = {}
    wire.on("Network.requestWillBeSent", lambda event: addresses.update({event["requestId"]: event["request"]["url"]}))
    wire.on(
        "Network.loadingFinished", lambda event: sizes.update({event["requestId"]: int(event["encodedDataLength"])})
    )
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    wire.send("Network.emulateNetworkConditions", SLOW_3G)
    wire.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWER})
    started = time.monotonic()
    page.goto(address, timeout=60_000, wait_until="load")
    loaded = time.monotonic() - started
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    interactive = page.evaluate(_INTERACTIVE)
    page.wait_for_load_state("networkidle")
    found = {addresses[one].removeprefix(visits.site.url): size for one, size in sizes.items()}
    weight = sum(found.values())
    record(
        name,
        {"bytes": weight, "requests": len(found), "interactive_s": round(interactive, 2), "load_s": round(loaded, 2)},
    )
    assert weight <= LIMIT_BYTES, json.dumps(dict(sorted(found.items(), key=lambda one: -one[1])), indent=1)
    assert not [one for one in found if "leaflet" in one], "the map is loaded when it is needed"


def record(name: str, values: dict[str, Any]) -> None:
    """One line a page on stdout, all of the last run in build/measured."""
    line = {"command": "first-page", "page": name, **values, "load_average": round(os.getloadavg()[0], 1)}
    print(json.dumps(line))
    MEASURED.parent.mkdir(parents=True, exist_ok=True)
    lines = MEASURED.read_text().splitlines() if MEASURED.exists() else []
    kept = [one for one in lines if json.loads(one)["page"] != name]
    MEASURED.write_text("\n".join([*kept, json.dumps(line)]) + "\n")
