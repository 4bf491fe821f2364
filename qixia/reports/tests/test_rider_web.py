"""The rider's pages over HTTP: with and without script, with bad input, twice, by others, and what they cost."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from qixia.jobs.worker import run_pending
from qixia.kernel.ids import show_number
from qixia.media.models import Evidence
from qixia.media.tests import made
from qixia.people.sessions import BACKEND
from qixia.reports.models import Report
from qixia.reports.sealing import index_of
from qixia.reports.tests.town import AT_ROAD, OUTSIDE, Town, accepted, photo, photo_after, reach, send, the

JSON = {"HTTP_ACCEPT": "application/json"}
FRAGMENT = {"HTTP_HX_REQUEST": "true"}
_keys = count()


@pytest.fixture
def phone(town) -> Client:
    return signed_in(town, "rider")


def signed_in(town: Town, name: str) -> Client:
    client = Client()
    client.force_login(town.people[name], backend=BACKEND)
    return client


def filled(**changes: object) -> dict[str, object]:
    """What the form sends when everything is there; a value of None leaves the field out."""
    values: dict[str, object] = {
        "client_key": f"web-key-{next(_keys):08d}",
        "photos": [photo(1)],
        "lat": AT_ROAD[0],
        "lng": AT_ROAD[1],
        "accuracy_m": 8,
        "datum": "wgs84",
        "place_source": "gps",
        "words": "井盖没了",
        "hide_name": "on",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def post(client: Client, **changes: object):
    return client.post(reverse("reports:snap"), filled(**changes), **JSON)


# ── snap ──────────────────────────────────────────────────────────────────────
def test_a_phone_gets_the_receipt_of_what_it_sent(town, phone):
    answer = post(phone, building="3栋", floor="12层", spot="货梯口", cls="manhole")
    assert answer.status_code == 201
    report = Report.objects.get()
    assert answer.json() == {
        "location": reverse("reports:receipt", args=[report.public_id]),
        "public_id": report.public_id,
        "number": show_number(report.number),
    }
    assert (report.lat, report.lng, report.accuracy_m, report.place_source) == (*AT_ROAD, 8.0, "gps")
    assert (report.building, report.floor, report.spot, report.hint) == ("3栋", "12层", "货梯口", "manhole")
    assert report.name_hidden
    assert report.reporter_index == index_of(town.rider.public_id)


def test_a_plain_form_goes_to_the_receipt(phone):
    answer = phone.post(reverse("reports:snap"), filled())
    assert (answer.status_code, answer["Location"]) == (
        303,
        reverse("reports:receipt", args=[Report.objects.get().public_id]),
    )


def test_the_same_key_is_one_report(phone):
    key = "web-key-twice"
    first, second = post(phone, client_key=key), post(phone, client_key=key)
    assert first.json() == second.json()
    assert Report.objects.count() == 1


def test_a_key_with_another_body_is_a_conflict(phone):
    key = "web-key-reused"
    post(phone, client_key=key)
    answer = post(phone, client_key=key, words="另一件事")
    assert (answer.status_code, answer.json()["code"]) == (409, "key_reused")
    assert Report.objects.count() == 1


def test_what_the_phone_read_is_kept_as_a_claim(phone):
    claimed = [{"taken_at": "2020-01-02T03:04:05", "lat": 24.9, "lng": 118.6, "camera": "P50", "source": "album"}]
    post(phone, claimed=json.dumps(claimed))
    kept = Evidence.objects.get().claimed
    assert (kept["camera"], kept["source"], kept["lat"]) == ("P50", "album", 24.9)
    assert Report.objects.get().captured_at is None  # older than a month: not believed


@pytest.mark.parametrize("claimed", ["{", "[[]]", '"x"', "[" * 9000, "null", '[{"taken_at": 5}]', "x" * 30_000])
def test_a_senseless_claim_costs_nobody_the_report(phone, claimed):
    assert post(phone, claimed=claimed).status_code == 201


def test_on_site_needs_and_keeps_the_photo_after(phone):
    answer = post(phone, onsite="on")
    assert (answer.status_code, answer.json()["field"]) == (422, "after_photos")
    assert not Report.objects.exists()
    post(phone, onsite="on", after_photos=[photo_after(2)])
    report = Report.objects.get()
    assert report.self_handled
    assert list(report.photos.values_list("role", flat=True)) == ["before", "after"]


BAD = {
    "no photo": ({"photos": None}, 422, "photos"),
    "ten photos": ({"photos": [photo(n) for n in range(10)]}, 422, "photos"),
    "empty photo": ({"photos": [SimpleUploadedFile("a.jpg", b"", "image/jpeg")]}, 422, "photos"),
    "no picture": ({"photos": [SimpleUploadedFile("a.jpg", b"<svg/>" * 99, "image/jpeg")]}, 422, "photos"),
    "HEIC": ({"photos": [SimpleUploadedFile("a.heic", made.heif(b"heic"), "image/heic")]}, 422, "photos"),
    "truncated": ({"photos": [SimpleUploadedFile("a.jpg", made.jpeg(600, 400)[:900], "image/jpeg")]}, 422, "photos"),
    "animated": ({"photos": [SimpleUploadedFile("a.webp", made.frames("WEBP"), "image/webp")]}, 422, "photos"),
    "bomb": ({"photos": [SimpleUploadedFile("a.png", made.png_bomb(20_000, 20_000), "image/png")]}, 422, "photos"),
    "no position": ({"lat": None, "lng": None}, 422, "place"),
    "no number": ({"lat": "abc"}, 422, "place"),
    "endless": ({"lat": "1e999"}, 422, "place"),
    "not a number": ({"lat": "nan"}, 422, "place"),
    "outside": ({"lat": OUTSIDE[0], "lng": OUTSIDE[1]}, 422, "place"),
    "swapped": ({"lat": AT_ROAD[1], "lng": AT_ROAD[0]}, 422, "place"),
    "unknown datum": ({"datum": "mars"}, 422, "place"),
    "10,000 characters": ({"words": "很" * 10_000}, 422, "words"),
    "long building": ({"building": "栋" * 41}, 422, "building"),
    "unknown class": ({"cls": "no-such-class"}, 422, "hint"),
    "no key": ({"client_key": None}, 422, "client_key"),
    "emoji key": ({"client_key": "😀" * 9}, 422, "client_key"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_names_its_field_and_changes_nothing(phone, case):
    changes, status, field = BAD[case]
    for value in changes.get("photos") or []:
        value.seek(0)
    answer = post(phone, **changes)
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem.get("field")) == (status, field), problem
    assert any("一" <= letter <= "鿿" for letter in problem["detail"])
    assert not Report.objects.exists()
    assert not Evidence.objects.exists()


@pytest.mark.parametrize("case", ["no photo", "outside", "10,000 characters", "unknown class"])
def test_a_plain_form_comes_back_with_the_refusal_at_its_field(phone, case):
    changes, status, field = BAD[case]
    answer = phone.post(reverse("reports:snap"), filled(**{"spot": "货梯口", **changes}))
    html = answer.content.decode()
    assert answer.status_code == status
    shown = html.split(f'id="err-{field}"')[1].split("</p>")[0]
    assert "hidden" not in shown.split(">")[0]
    assert "货梯口" in html
    assert not Report.objects.exists()


def test_control_characters_and_emoji_in_words(phone):
    post(phone, words="井盖\x00没了\u202e😀\r\n快来")
    assert Report.objects.get().words == "井盖没了😀\n快来"


def test_without_script_the_photo_tells_the_place(phone):
    where = made.exif(gps=made.gps((24.0, 53.0, 57.12), (118.0, 36.0, 0.72)))
    picture = SimpleUploadedFile("a.jpg", made.jpeg(exif=where), "image/jpeg")
    answer = phone.post(
        reverse("reports:snap"), filled(photos=[picture], lat="", lng="", accuracy_m="", place_source="")
    )
    assert answer.status_code == 303
    report = Report.objects.get()
    assert (report.lat, report.lng, report.place_source) == (24.8992, 118.6002, "photo")


def test_a_session_that_ended_says_so_and_takes_nothing(town):
    answer = post(Client())
    assert answer.status_code == 401
    assert not Report.objects.exists()


def test_staff_report_nothing(town):
    assert post(signed_in(town, "worker")).status_code == 403
    assert not Report.objects.exists()


def test_the_form_has_what_a_page_without_script_needs(phone):
    html = phone.get(reverse("reports:snap")).content.decode()
    assert 'enctype="multipart/form-data"' in html
    assert 'name="client_key" value="' in html
    assert "style=" not in html
    assert "<script>" not in html
    keys = {phone.get(reverse("reports:snap")).context["form"]["client_key"].value() for _ in range(3)}
    assert len(keys) == 3


# ── suggest, place ────────────────────────────────────────────────────────────
def test_words_suggest_classes(phone):
    html = phone.get(reverse("reports:suggest"), {"words": "井盖没了"}, **FRAGMENT).content.decode()
    assert html.index('value="manhole"') < html.index("</span>", html.index('value="manhole"'))
    assert html.strip().startswith("<span")
    assert phone.get(reverse("reports:suggest")).content.count(b'type="radio"') >= 3


def test_a_position_gets_its_words(phone):
    answer = phone.get(reverse("reports:place"), {"lat": AT_ROAD[0], "lng": AT_ROAD[1]}, **JSON)
    assert "云帆路" in answer.json()["title"]
    assert answer.json()["detail"] == "试社区"


@pytest.mark.parametrize("where", [OUTSIDE, ("x", "y"), ("", ""), (AT_ROAD[1], AT_ROAD[0])])
def test_no_words_for_no_place(phone, where):
    answer = phone.get(reverse("reports:place"), {"lat": where[0], "lng": where[1]}, **JSON)
    assert (answer.status_code, answer.json()["field"]) == (422, "place")


# ── receipt ───────────────────────────────────────────────────────────────────
def test_the_receipt_asks_until_the_report_is_settled(town, phone):
    receipt = accepted(town.rider)
    url = reverse("reports:receipt", args=[receipt.public_id])
    page = phone.get(url).content.decode()
    assert show_number(receipt.number) in page
    assert 'hx-trigger="every 1s"' in page
    assert phone.get(f"{url}?wait=1", **FRAGMENT).status_code == 204
    run_pending()
    fragment = phone.get(f"{url}?wait=1", **FRAGMENT).content.decode()
    assert "hx-trigger" not in fragment
    assert "+15" in fragment
    assert "<html" not in fragment


@pytest.mark.parametrize(("age_s", "wait_s"), [(0, 1), (19, 1), (21, 5), (130, 15), (3600, 60)])
def test_the_receipt_grows_patient(town, phone, age_s, wait_s):
    report = the(accepted(town.rider))
    Report.objects.filter(pk=report.pk).update(received_at=report.received_at - timedelta(seconds=age_s))
    page = phone.get(reverse("reports:receipt", args=[report.public_id])).content.decode()
    assert f'hx-trigger="every {wait_s}s"' in page


# ── timeline ──────────────────────────────────────────────────────────────────
def test_the_timeline_shows_the_pair_and_asks(town, phone):
    receipt = reach(town, "confirming")
    html = phone.get(reverse("reports:timeline", args=[receipt.public_id])).content.decode()
    for part in ('data-testid="compare"', 'data-testid="solved"', 'data-testid="unsolved"', "已换新井盖", "tel:119"):
        assert part in html
    assert town.people["worker"].display_name not in html  # a unit answers, not a person


def test_nothing_is_asked_before_the_clerk_has_looked(town, phone):
    receipt = reach(town, "resolved")
    html = phone.get(reverse("reports:timeline", args=[receipt.public_id])).content.decode()
    assert 'data-testid="solved"' not in html
    assert 'data-testid="unsolved"' not in html


def test_solved_twice_is_solved_once(town, phone):
    receipt = reach(town, "confirming")
    url = reverse("reports:answer", args=[receipt.public_id])
    for _ in range(2):
        answer = phone.post(url, {"solved": "yes"})
        assert (answer.status_code, answer["Location"]) == (303, reverse("reports:timeline", args=[receipt.public_id]))
    assert the(receipt).state == "fixed"
    assert the(receipt).steps.filter(step="confirm").count() == 1


def test_unsolved_goes_back_with_words_and_photo(town, phone):
    receipt = reach(town, "confirming")
    given = {"solved": "no", "text": "盖子还是晃", "photos": [photo(7)]}
    assert phone.post(reverse("reports:answer", args=[receipt.public_id]), given).status_code == 303
    report = the(receipt)
    assert report.state == "reopened"
    assert report.steps.order_by("-id").values_list("text", flat=True)[0] == "盖子还是晃"


def test_an_archived_report_can_still_be_reopened(town, phone):
    receipt = reach(town, "closed")
    assert 'data-testid="unsolved"' in phone.get(reverse("reports:timeline", args=[receipt.public_id])).content.decode()


def test_a_bad_photo_with_unsolved_is_said_at_the_photo(town, phone):
    receipt = reach(town, "confirming")
    bad = SimpleUploadedFile("a.jpg", b"<svg/>" * 99, "image/jpeg")
    answer = phone.post(
        reverse("reports:answer", args=[receipt.public_id]), {"solved": "no", "text": "晃", "photos": [bad]}
    )
    assert answer.status_code == 422
    assert "打不开" in answer.content.decode().split('id="err-photos"')[1].split("</p>")[0]
    assert the(receipt).state == "confirming"


@pytest.mark.parametrize("solved", ["", "maybe"])
def test_an_answer_is_yes_or_no(town, phone, solved):
    receipt = reach(town, "confirming")
    answer = phone.post(reverse("reports:answer", args=[receipt.public_id]), {"solved": solved})
    assert answer.status_code == 422
    assert the(receipt).state == "confirming"


@pytest.mark.parametrize("name", ["receipt", "timeline"])
@pytest.mark.parametrize("public_id", ["0" * 26, "x", "%00", "a" * 400])
def test_forged_ids_are_not_found(phone, name, public_id):
    assert phone.get(reverse(f"reports:{name}", args=["ID"]).replace("ID", public_id)).status_code == 404


def test_another_riders_report_is_not_found(town):
    receipt = reach(town, "confirming")
    other = signed_in(town, "other_rider")
    for name in ("receipt", "timeline"):
        assert other.get(reverse(f"reports:{name}", args=[receipt.public_id])).status_code == 404
    assert other.post(reverse("reports:answer", args=[receipt.public_id]), {"solved": "yes"}).status_code == 404
    assert the(receipt).state == "confirming"


# ── my records ────────────────────────────────────────────────────────────────
def test_my_records_are_mine_and_filtered(town, phone):
    mine, other = reach(town, "confirming"), send(town.other_rider)
    html = phone.get(reverse("reports:mine"), {"state": "confirm"}).content.decode()
    assert mine.public_id in html
    assert other.public_id not in html
    assert mine.public_id not in phone.get(reverse("reports:mine"), {"state": "invalid"}).content.decode()


def test_records_go_on_by_key(town, phone):
    ids = [accepted(town.rider).public_id for _ in range(23)]
    first = phone.get(reverse("reports:mine"))
    page = first.context["page"]
    assert [card.public_id for card in page.items] == ids[:2:-1]
    rest = phone.get(first.context["more_url"], **FRAGMENT).content.decode()
    assert rest.count('data-testid="report-card"') == 3
    assert "<html" not in rest
    assert 'data-testid="more"' not in rest


def test_a_number_finds_my_own_report_only(town, phone):
    mine, other = accepted(town.rider), accepted(town.other_rider)
    found = phone.get(reverse("reports:mine"), {"q": f" {show_number(mine.number)} "})
    assert (found.status_code, found["Location"]) == (302, reverse("reports:timeline", args=[mine.public_id]))
    for typed in (other.number, "123", "没有"):
        assert "没有这个编号" in phone.get(reverse("reports:mine"), {"q": typed}).content.decode()


def test_an_empty_list_says_what_to_do(town):
    html = signed_in(town, "other_rider").get(reverse("reports:mine")).content.decode()
    assert "还没有上报" in html


def test_a_list_of_twenty_costs_as_many_queries_as_one_of_three(town, phone, django_assert_max_num_queries):
    for _ in range(3):
        accepted(town.rider)
    phone.get(reverse("reports:mine"))
    with django_assert_max_num_queries(10) as few:
        phone.get(reverse("reports:mine"))
    for _ in range(17):
        accepted(town.rider)
    with django_assert_max_num_queries(len(few.captured_queries)):
        phone.get(reverse("reports:mine"))


@pytest.mark.parametrize("name", ["snap", "mine"])
def test_pages_of_riders_are_kept_by_nobody_between(phone, name):
    assert "no-store" in phone.get(reverse(f"reports:{name}"))["Cache-Control"]
