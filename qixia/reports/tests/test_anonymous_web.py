"""Anonymous reports over HTTP: without cookies in or out, bad input, too much, twice; and the rider who takes the points."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import resolve, reverse

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.ids import show_number
from qixia.media.models import Evidence
from qixia.media.tests import made
from qixia.people import services as people
from qixia.people.passes import rider_pass
from qixia.people.sessions import BACKEND
from qixia.policy.queries import current
from qixia.reports import pace, services
from qixia.reports.models import Report
from qixia.reports.tests.town import AT_ROAD, Town, photo, photo_after
from qixia.rewards.models import Claim, Payout

SEND, STATUS, ANSWER = (reverse(f"reports:{name}") for name in ("anonymous", "anonymous_status", "anonymous_answer"))
CLAIM = reverse("reports:claim")
_keys = count()
PROBLEM = "application/problem+json"


@pytest.fixture(autouse=True)
def _fresh_pace():
    pace.forget()


@pytest.fixture
def nobody() -> Client:
    return Client(enforce_csrf_checks=True)


def secret(n: int = 0) -> str:
    return f"{n:043d}"


def hash_of(n: int = 0) -> str:
    return hashlib.sha256(secret(n).encode()).hexdigest()


def filled(**changes: Any) -> dict[str, Any]:
    values = {
        "client_key": f"anon-key-{next(_keys):08d}",
        "claim_hash": hash_of(),
        "photos": [photo(1)],
        "lat": AT_ROAD[0],
        "lng": AT_ROAD[1],
        "place_source": "gps",
        "words": "井盖没了",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def post(client: Client, key: str | None = None, **changes: Any):
    return client.post(SEND, filled(**changes), HTTP_X_RIDER_PASS=rider_pass() if key is None else key)


def ask(client: Client, address: str, body: Any, **more: Any):
    return client.post(address, body if isinstance(body, str) else json.dumps(body), "application/json", **more)


def signed_in(town: Town, name: str = "rider") -> Client:
    client = Client()
    client.force_login(town.people[name], backend=BACKEND)
    return client


# ── taken in ──────────────────────────────────────────────────────────────────
def test_nobody_gets_a_number(town, nobody):
    answer = post(nobody, building="3栋", cls="manhole")
    assert answer.status_code == 201
    report = Report.objects.get()
    assert answer.json() == {
        "location": reverse("reports:anonymous_sent"),
        "public_id": report.public_id,
        "number": show_number(report.number),
    }
    assert (report.secrecy, report.claim_hash, report.building, report.hint) == (
        "anonymous",
        hash_of(),
        "3栋",
        "manhole",
    )
    assert (report.lat, report.lng) == AT_ROAD


def test_the_same_key_is_one_report(town, nobody):
    first, second = (post(nobody, client_key="anon-key-twice") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert Report.objects.count() == 1


def test_what_the_camera_wrote_is_not_taken(town, nobody):
    taken = made.exif(taken_at="2026:11:22 08:00:00", make="Qixia", model="Testcam")
    picture = SimpleUploadedFile("IMG_4711.jpg", made.jpeg(seed=3, exif=taken), "image/jpeg")
    claimed = json.dumps([{"camera": "Testcam", "taken_at": "2026-11-22T08:00:00"}])
    assert post(nobody, photos=[picture], claimed=claimed).status_code == 201
    kept = json.dumps(list(Evidence.objects.values()), default=str)
    assert "Testcam" not in kept
    assert "IMG_4711" not in kept
    assert Report.objects.get().captured_at is None


class Trap:
    """Whoever asks it anything fails."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the view asked for {name}")

    __bool__ = __iter__ = None  # type: ignore[assignment]


BODIES: dict[str, Any] = {
    SEND: filled,
    STATUS: lambda: {"secrets": [secret()]},
    ANSWER: lambda: {"secret": secret(), "solved": True},
}


@pytest.mark.parametrize("address", BODIES)
def test_the_views_ask_nobody_who_is_there(town, address):
    body, form = BODIES[address](), address == SEND
    more = {} if form else {"content_type": "application/json"}
    request = RequestFactory().post(address, body, HTTP_X_RIDER_PASS=rider_pass(), **more)
    request.session = request.user = request.actor = request.COOKIES = Trap()  # type: ignore[assignment, attr-defined]
    assert resolve(address).func(request).status_code in (200, 201, 404)


@pytest.mark.parametrize("address", BODIES)
def test_no_cookie_goes_out(town, address):
    """Not even to a browser that sends its own, and the answer does not depend on it."""
    client, body = signed_in(town), BODIES[address]()
    kept = client.session.items()
    answer = post(client) if address == SEND else ask(client, address, body)
    assert answer.status_code in (200, 201, 404)
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")
    assert "no-store" in answer["Cache-Control"]
    assert list(client.session.items()) == list(kept)


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "no photo": ({"photos": None}, 422, "photos"),
    "no picture": ({"photos": [SimpleUploadedFile("a.jpg", b"<svg/>" * 99, "image/jpeg")]}, 422, "photos"),
    "a clip": ({"clip": [SimpleUploadedFile("a.mp4", b"\0\0\0\x14ftypmp42", "video/mp4")]}, 422, "clip"),
    "no position": ({"lat": None, "lng": None}, 422, "place"),
    "not a number": ({"lat": "nan"}, 422, "place"),
    "no hash": ({"claim_hash": None}, 422, "claim_hash"),
    "a secret instead of its hash": ({"claim_hash": secret()}, 422, "claim_hash"),
    "no key": ({"client_key": None}, 422, "client_key"),
    "10,000 characters": ({"words": "很" * 10_000}, 422, "words"),
    "unknown class": ({"cls": "no-such-class"}, 422, "hint"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_names_its_field_and_changes_nothing(town, nobody, case):
    changes, status, field = BAD[case]
    for value in changes.get("photos") or []:
        value.seek(0)
    answer = post(nobody, **changes)
    assert (answer.status_code, answer["Content-Type"], answer.json()["field"]) == (status, PROBLEM, field)
    assert not Report.objects.exists()
    assert not Evidence.objects.exists()


@pytest.mark.parametrize("key", ["", "x", "a.b.c", "é" * 20, "A" * 5000])
def test_without_a_pass_nothing_is_read(town, nobody, key, monkeypatch):
    monkeypatch.setattr("qixia.reports.web.forms.bound", lambda *_: pytest.fail("the body was read"))
    answer = post(nobody, key=key.encode().decode("latin-1"))
    assert (answer.status_code, answer.json()["code"]) == (403, "people.no_pass")
    assert not Report.objects.exists()


def test_a_pass_ends_after_eight_days(town, nobody):
    today = clock.city_date(clock.now())
    assert post(nobody, key=rider_pass(today - timedelta(days=8))).status_code == 403
    assert post(nobody, key=rider_pass(today - timedelta(days=7))).status_code == 201


def test_too_much_is_refused_before_it_is_read(town, nobody):
    answer = nobody.post(SEND, filled(), HTTP_X_RIDER_PASS=rider_pass(), CONTENT_LENGTH=str(10**10))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    answer = ask(nobody, STATUS, {"secrets": ["x" * 9000]})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_too_many_from_one_address_wait(town, nobody):
    limit = current("reports.secrecy").data.anonymous_per_hour
    for _ in range(limit):
        pace.count("127.0.0.1")
    answer = post(nobody)
    assert (answer.status_code, answer["Content-Type"]) == (429, PROBLEM)
    assert int(answer["Retry-After"]) > 0
    assert not Report.objects.exists()
    elsewhere = nobody.post(SEND, filled(), HTTP_X_RIDER_PASS=rider_pass(), REMOTE_ADDR="10.0.0.9")
    assert elsewhere.status_code == 201


def test_a_form_that_meant_to_be_anonymous_is_not_taken_in_under_a_name(town):
    answer = signed_in(town).post(
        reverse("reports:snap"), filled(secrecy="anonymous", hide_name="on"), HTTP_ACCEPT="application/json"
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "secrecy")
    assert not Report.objects.exists()


# ── followed ──────────────────────────────────────────────────────────────────
def test_the_secret_shows_how_it_stands(town, nobody, django_assert_max_num_queries):
    post(nobody)
    run_pending()
    with django_assert_max_num_queries(5):
        answer = ask(nobody, STATUS, {"secrets": [secret(7), secret(), "nonsense", None]})
    unknown, found, nonsense, none = answer.json()
    assert (unknown, nonsense, none) == (None, None, None)
    report = Report.objects.get()
    assert (found["number"], found["points"], found["can_answer"]) == (show_number(report.number), "none", False)
    assert (found["unit"], found["place"]) == (report.unit.name, report.place)
    assert found["title"]


@pytest.mark.parametrize("body", ["", "[]", "{", "null", '"x"', "{}", '{"secrets": "x"}', "[" * 5000, "\x00"])
def test_a_senseless_question_is_a_refusal(town, nobody, body):
    for address in (STATUS, ANSWER):
        answer = ask(nobody, address, body)
        assert (answer.status_code, answer["Content-Type"]) == (422, PROBLEM)


def test_fifty_one_secrets_are_too_many(town, nobody):
    assert ask(nobody, STATUS, {"secrets": [secret(n) for n in range(51)]}).json()["field"] == "secrets"


def to_confirm(town: Town, nobody: Client) -> Report:
    post(nobody)
    run_pending()
    report = Report.objects.get()
    services.accept(actor=town.worker, public_id=report.public_id)
    services.resolve(actor=town.worker, public_id=report.public_id, text="已换新井盖", photos=[photo_after(99)])
    services.verify(actor=town.clerk, public_id=report.public_id)
    return report


def test_the_secret_says_that_it_is_fixed(town, nobody):
    to_confirm(town, nobody)
    assert ask(nobody, STATUS, {"secrets": [secret()]}).json()[0]["can_answer"]
    said = ask(nobody, ANSWER, {"secret": secret(), "solved": True})
    assert (said.status_code, said.json()["can_answer"]) == (200, False)
    assert Report.objects.get().state == "fixed"


@pytest.mark.parametrize(
    "body", [{"solved": True}, {"secret": 5, "solved": True}, {"secret": secret(), "solved": "no"}]
)
def test_an_answer_without_secret_or_word_changes_nothing(town, nobody, body):
    to_confirm(town, nobody)
    assert ask(nobody, ANSWER, body).status_code == 422
    assert Report.objects.get().state == "confirming"


def test_a_wrong_secret_answers_nothing(town, nobody):
    to_confirm(town, nobody)
    assert ask(nobody, ANSWER, {"secret": secret(3), "solved": True}).status_code == 404
    assert Report.objects.get().state == "confirming"


# ── points ────────────────────────────────────────────────────────────────────
def test_the_points_are_claimed_by_whoever_is_signed_in(town, nobody):
    to_confirm(town, nobody)
    rider = signed_in(town)
    assert ask(nobody, STATUS, {"secrets": [secret()]}).json()[0]["points"] == "waiting"
    early = ask(rider, CLAIM, {"secrets": [secret()]}).json()
    assert early == {"credited": 0, "count": 0, "waiting": 1}
    worth = Claim.objects.get().points
    with clock.at(clock.now() + timedelta(days=1)):
        assert ask(nobody, STATUS, {"secrets": [secret()]}).json()[0]["points"] == "ready"
        assert ask(rider, CLAIM, {"secrets": [secret()]}).json() == {"credited": worth, "count": 1, "waiting": 0}
        assert ask(rider, CLAIM, {"secrets": [secret()]}).json() == {"credited": 0, "count": 0, "waiting": 0}
        assert ask(nobody, STATUS, {"secrets": [secret()]}).json()[0]["points"] == "done"
    assert list(Payout.objects.values_list("owner_ref", "points")) == [(town.rider.ref, worth)]


def test_claiming_needs_a_rider_and_a_token(town):
    assert ask(Client(), CLAIM, {"secrets": [secret()]}, HTTP_ACCEPT="application/json").status_code == 401
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(town.people["rider"], backend=BACKEND)
    assert ask(strict, CLAIM, {"secrets": [secret()]}, HTTP_ACCEPT="application/json").status_code == 403
    worker = signed_in(town, "worker")
    assert ask(worker, CLAIM, {"secrets": [secret()]}, HTTP_ACCEPT="application/json").status_code == 403


# ── pages ─────────────────────────────────────────────────────────────────────
def test_the_receipt_is_the_same_for_everybody(town):
    address = reverse("reports:anonymous_sent")
    first, second = Client().get(address), Client().get(address)
    assert first.status_code == 200
    assert first.content == second.content
    assert not first.cookies


def test_the_form_hands_out_the_pass_only_with_consent_to_photos(town):
    client, address = signed_in(town), reverse("reports:snap")
    assert f'data-pass="{rider_pass()}"' in client.get(address).content.decode()
    assert f'data-pass="{rider_pass()}"' in signed_in(town, "other_rider").get(address).content.decode()
    people.withdraw_consent(person_id=town.rider.person_id, kind="photo", actor="system:test")
    assert 'data-pass=""' in client.get(address).content.decode()


def test_the_page_of_this_phone_knows_of_no_report(town, nobody):
    post(nobody)
    page = signed_in(town).get(reverse("reports:anonymous_mine")).content.decode()
    assert show_number(Report.objects.get().number) not in page
    assert Client().get(reverse("reports:anonymous_mine")).status_code == 302
