"""The API says what the pages say, as JSON; refusals are problem+json with code and field."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from qixia.jobs.worker import run_pending
from qixia.people.sessions import BACKEND
from qixia.reports.models import Report
from qixia.reports.tests.town import AT_ROAD, OUTSIDE, Town, photo, reach, send, the

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
