"""The first page of each role, 我的, and what makes an app of the pages."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.people.sessions import BACKEND
from qixia.reports.tests.town import reach, send
from qixia.site.home import greeting


@pytest.fixture
def town(standing_town, tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    return standing_town


def signed_in(town, name: str) -> Client:
    client = Client()
    client.force_login(town.people[name], backend=BACKEND)
    return client


def test_a_riders_home_shows_what_is_there(town):
    receipt = send(town.rider)
    html = signed_in(town, "rider").get("/").content.decode()
    assert "一川" in html
    assert 'data-testid="points">15<' in html
    assert reverse("reports:timeline", args=[receipt.public_id]) in html
    for invented in ("驿站", "℃"):
        assert invented not in html


def test_a_first_day_says_what_to_do(town):
    html = signed_in(town, "rider").get("/").content.decode()
    assert 'data-testid="points">0<' in html
    assert "还没有上报" in html


def test_home_costs_the_same_with_many_reports(town, django_assert_max_num_queries):
    client = signed_in(town, "rider")
    send(town.rider)
    client.get("/")
    with django_assert_max_num_queries(14) as few:
        client.get("/")
    for _ in range(6):
        send(town.rider)
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get("/")


@pytest.mark.parametrize(
    ("who", "page"), [("worker", "reports:queue"), ("clerk", "reports:triage"), ("admin", "reports:all")]
)
def test_staff_go_to_their_desk(town, who, page):
    client = signed_in(town, who)
    answer = client.get("/")
    assert (answer.status_code, answer["Location"]) == (302, reverse(page))
    assert client.get(answer["Location"]).status_code == 200


def test_nobody_signs_in_first(db):
    answer = Client().get("/")
    assert answer["Location"].startswith(reverse("sign-in"))


def test_my_page(town):
    reach(town, "confirming")
    html = signed_in(town, "rider").get("/me").content.decode()
    for name in ("rewards:ledger", "rewards:vouchers", "reports:mine", "consents", "sign-out"):
        assert reverse(name) in html
    assert "data-theme-set" in html
    staff = signed_in(town, "worker").get("/me").content.decode()
    assert reverse("rewards:ledger") not in staff
    assert reverse("reports:queue") in staff


@pytest.mark.parametrize(
    ("hour", "words"), [(0, "夜里好"), (6, "早上好"), (9, "上午好"), (12, "中午好"), (17, "下午好"), (23, "夜里好")]
)
def test_one_greets_by_the_citys_clock(hour, words):
    assert greeting(datetime(2026, 11, 22, hour, 30, tzinfo=clock.CITY_TZ)) == words


def test_the_citys_day_is_not_the_servers(town):
    with clock.at(datetime(2030, 11, 21, 23, 30, tzinfo=UTC)):
        html = signed_in(town, "rider").get("/").content.decode()
    assert "11 月 22 日" in html
    assert "早上好" in html


def test_the_manifest_names_icons_that_exist(db):
    answer = Client().get(reverse("manifest"))
    assert answer["Content-Type"] == "application/manifest+json"
    manifest = answer.json()
    assert (manifest["display"], manifest["scope"]) == ("standalone", "/")
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}


def test_the_worker_has_the_whole_site_as_scope_and_no_cache(db):
    answer = Client().get("/sw.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cache-Control"] == "no-cache"
    text = answer.content.decode()
    assert reverse("offline") in text
    assert "reports/snap.js" in text
    assert "&quot;" not in text
    kept = text.replace("/mine/anonymous", "")  # an empty frame: what it shows lies on the phone
    for personal in ("/pic", "/api", "/mine", "/inbox"):
        assert personal not in kept


def test_the_worker_carries_kept_pages_over_a_release_and_drops_them_at_a_sign_in(db):
    """What it does with them is the browser's matter; here: that each way leads there, in the right order."""
    text = Client().get("/sw.js").content.decode()
    assert "carryOver().catch(() => {}).then(dropOld)" in text  # before the old caches go
    sign_ins = json.loads(re.search(r"const SIGN_INS = (.*);", text)[1])
    assert sign_ins == [reverse("sign-in"), reverse("staff-sign-in")]
    for condition in (
        'if (request.method === "POST" && isSignIn(address.pathname)) event.waitUntil(dropPages());',
        "if (isSignIn(address.pathname) && fresh.ok) await dropPages();",
        "if (asksWho(fresh)) await dropPages();",
        'if (came.includes("away")) return void (await dropPages());',
        "allSettled([dropPages(), unsubscribe(), clearScreen()])",
    ):
        assert condition in text
    assert 'name.startsWith("qx-pages-")).map((name) => caches.delete(name))' in text


def test_the_page_for_no_network_knows_nobody(town):
    client = signed_in(town, "rider")
    assert "一川" not in client.get(reverse("offline")).content.decode()


def test_a_person_says_how_to_be_called(town):
    client = signed_in(town, "rider")
    assert client.post("/me/name", {"display_name": "大川"}).status_code == 303
    assert "大川" in client.get("/me").content.decode()
    refused = client.post("/me/name", {"display_name": " "})
    assert refused.status_code == 422
    assert "大川" in client.get("/me").content.decode()
