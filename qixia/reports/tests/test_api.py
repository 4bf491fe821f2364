"""The API says what the pages say, as JSON; refusals are problem+json with code and field."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from qixia.jobs.models import Command
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.people.sessions import BACKEND
from qixia.reports import services
from qixia.reports.models import Report, Support
from qixia.reports.queries.similar import OFFER_S
from qixia.reports.tests.town import AT_ROAD, OUTSIDE, Town, merging, photo, reach, send, the

URL = "/api/v1/reports"


def signed_in(town: Town, name: str) -> Client:
    client = Client(headers={"accept": "application/json"})
    client.force_login(town.people[name], backend=BACKEND)
    return client


def post(client: Client, **more: Any) -> HttpResponse:
    body = {
        "client_key": "api-key-00000001",
        "lat": AT_ROAD[0],
        "lng": AT_ROAD[1],
        "words": "井盖没了",
        "photos": photo(1),
    }
    return client.post(URL, body | more)


def test_a_report_is_created_once_and_then_repeated(town):
    client = signed_in(town, "rider")
    first, again = post(client), post(client)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["public_id"] == again.json()["public_id"]
    assert Report.objects.count() == 1
    run_pending()
    detail = client.get(f"{URL}/{first.json()['public_id']}").json()
    assert (detail["state"], detail["points"], detail["title"]) == ("dispatched", 15, "井盖缺失破损移位")


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"lat": OUTSIDE[0], "lng": OUTSIDE[1]}, 422, "place"),
        ({"lat": "north"}, 422, "lat"),
        ({"words": "字" * 10_000}, 422, "words"),
        ({"cls": "nonsense"}, 422, "hint"),
        ({"client_key": "x"}, 422, "client_key"),
    ],
)
def test_a_refusal_names_code_and_field_and_changes_nothing(town, change, status, field):
    answer = post(signed_in(town, "rider"), **change)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["field"] == field
    assert problem["code"]
    assert problem["request_id"]
    assert not Report.objects.exists()


def test_the_same_key_with_another_body_is_a_conflict(town):
    client = signed_in(town, "rider")
    post(client)
    answer = post(client, words="别的话", photos=photo(1))
    assert (answer.status_code, answer.json()["code"]) == (409, "key_reused")


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("worker", 403)])
def test_strangers_and_staff_do_not_report(town, who, status):
    client = signed_in(town, who) if who else Client(headers={"accept": "application/json"})
    assert post(client).status_code == status
    assert not Report.objects.exists()


def test_a_write_without_the_csrf_token_is_refused(town):
    client = Client(enforce_csrf_checks=True, headers={"accept": "application/json"})
    client.force_login(town.people["rider"], backend=BACKEND)
    assert post(client).status_code == 403
    assert not Report.objects.exists()


def test_others_reports_are_not_found(town):
    receipt = send(town.rider)
    assert signed_in(town, "other_rider").get(f"{URL}/{receipt.public_id}").status_code == 404
    assert signed_in(town, "other_rider").get(f"{URL}/nonsense").status_code == 404


def test_own_reports_come_in_pages(town, django_assert_num_queries):
    for _ in range(5):
        send(town.rider)
    client = signed_in(town, "rider")
    page = client.get(URL, {"limit": 3}).json()
    rest = client.get(URL, {"limit": 3, "before": page["next_key"]}).json()
    assert (len(page["items"]), len(rest["items"]), rest["next_key"]) == (3, 2, "")
    assert client.get(URL, {"limit": 1000}).status_code == 422


def test_the_answer_ends_the_loop(town):
    receipt = reach(town, "confirming")
    client = signed_in(town, "rider")
    answer = client.post(f"{URL}/{receipt.public_id}/answer", {"solved": True}, content_type="application/json")
    assert answer.json()["state"] == "fixed"
    assert the(receipt).state == "fixed"


def test_the_classes_are_public(db):
    classes = Client().get("/api/v1/classes").json()
    assert len(classes) == 60
    assert {"cls": "manhole", "severity_floor": "high"}.items() <= classes[0].items()


def test_words_suggest_classes(town):
    found = signed_in(town, "rider").get("/api/v1/suggest", {"words": "铁盖子翘起来了"}).json()
    assert found[0]["cls"] == "manhole"


class TestSupports:
    """What is near, supporting it, and the own supports."""

    NEAR = "/api/v1/similar"
    URL = "/api/v1/supports"

    @pytest.fixture
    def phone(self, town) -> Client:
        send(town.rider)
        return signed_in(town, "other_rider")

    def near(self, client: Client, **more: Any) -> Any:
        return client.get(self.NEAR, {"lat": AT_ROAD[0], "lng": AT_ROAD[1]} | more).json()

    def support(self, client: Client, offer: str, key: str = "support-key-1") -> HttpResponse:
        return client.post(self.URL, {"offer": offer, "client_key": key}, content_type="application/json")

    def test_a_place_is_enough_to_support_what_is_open_there(self, town, phone):
        (one,) = self.near(phone)
        assert (one["title"], one["distance_m"], one["is_mine"], one["url"]) == ("井盖缺失破损移位", 0, False, "")
        first, again = self.support(phone, one["offer"]), self.support(phone, one["offer"])
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() | {"repeated": True} == again.json()
        run_pending()
        public_id = first.json()["public_id"]
        listed = phone.get(self.URL).json()
        assert [row["public_id"] for row in listed["items"]] == [public_id]
        assert listed["next_key"] == ""
        detail = phone.get(f"{self.URL}/{public_id}").json()
        assert (detail["state"], detail["points"], detail["others"]) == ("dispatched", None, 1)
        with clock.at(clock.now() + timedelta(days=9)):
            assert services.pay_supports() == 1
        assert phone.get(f"{self.URL}/{public_id}").json()["points"] == 3
        assert self.near(phone)[0] | {"offer": "", "url": f"/supported/{public_id}/"} == self.near(phone)[0]
        assert Support.objects.count() == 1

    def test_a_retry_after_hours_gets_the_first_answer(self, town, phone):
        offer = self.near(phone)[0]["offer"]
        first = self.support(phone, offer).json()
        with clock.at(clock.now() + timedelta(seconds=OFFER_S + 60)):
            assert self.support(phone, offer).json() == first | {"repeated": True}
            late = self.support(phone, offer, "support-key-2")
        assert (late.status_code, late.json()["code"]) == (409, "reports.offer_gone")

    def test_another_key_for_the_same_is_the_same_support(self, town, phone):
        offer = self.near(phone)[0]["offer"]
        first = self.support(phone, offer).json()
        for key in ("support-key-2", "support-key-2"):
            assert self.support(phone, offer, key).json() == first | {"repeated": True}

    def test_a_key_is_for_one_offer(self, town, phone):
        send(town.rider, "路灯不亮")
        one, two = self.near(phone)
        assert self.support(phone, one["offer"]).status_code == 201
        refused = self.support(phone, two["offer"])
        assert (refused.status_code, refused.json()["code"]) == (409, "key_reused")
        assert Support.objects.count() == 1

    @pytest.mark.parametrize(
        ("offer", "key", "status", "code"),
        [
            ("x", "support-key-1", 409, "reports.offer_gone"),
            (None, "short", 422, "invalid"),
            (None, "键键键键键键键键", 422, "invalid"),
        ],
    )
    def test_a_refusal_names_its_code_and_changes_nothing(self, town, phone, offer, key, status, code):
        refused = self.support(phone, offer or self.near(phone)[0]["offer"], key)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert (Support.objects.count(), Command.objects.filter(at__gte=clock.now() - timedelta(hours=1)).count()) == (
            0,
            1,
        )

    def test_the_day_has_its_limit(self, town, phone):
        merging(supports_a_day=1)
        send(town.rider, "路灯不亮")
        one, two = self.near(phone)
        self.support(phone, one["offer"])
        refused = self.support(phone, two["offer"], "support-key-2")
        assert (refused.status_code, refused.json()["code"], Support.objects.count()) == (
            429,
            "reports.too_many_supports",
            1,
        )
        assert int(refused["Retry-After"]) > 0

    @pytest.mark.parametrize(("who", "status"), [(None, 401), ("worker", 403), ("clerk", 403)])
    def test_riders_only(self, town, phone, who, status):
        offer = self.near(phone)[0]["offer"]
        client = signed_in(town, who) if who else Client(headers={"accept": "application/json"})
        here = {"lat": AT_ROAD[0], "lng": AT_ROAD[1]}
        answers = [client.get(self.NEAR, here), self.support(client, offer), client.get(self.URL)]
        assert [one.status_code for one in answers] == [status] * 3
        assert not Support.objects.exists()

    def test_others_do_not_see_it_and_cannot_use_the_offer(self, town, phone):
        offer = self.near(phone)[0]["offer"]
        public_id = self.support(phone, offer).json()["public_id"]
        reporter = signed_in(town, "rider")
        assert reporter.get(f"{self.URL}/{public_id}").status_code == 404
        assert reporter.get(f"{self.URL}/nonsense").status_code == 404
        assert reporter.get(self.URL).json()["items"] == []
        assert self.support(reporter, offer).status_code == 409
        assert Support.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"lat": OUTSIDE[0], "lng": OUTSIDE[1]}, "place"), ({"datum": "mars"}, "datum"), ({"lat": "north"}, "lat")],
    )
    def test_a_place_that_is_none_is_said(self, town, phone, change, field):
        here = {"lat": AT_ROAD[0], "lng": AT_ROAD[1]}
        refused = phone.get(self.NEAR, here | change)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
