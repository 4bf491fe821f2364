"""Bad input, through the page's form and through the API: each row of the table gets a clear error in Chinese that
names its field, and nothing has changed, neither a row of any table nor a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from qixia.jobs.worker import run_pending
from qixia.kernel.geo import Point, from_wgs84
from qixia.media.tests import made
from qixia.reports.models import Report
from qixia.reports.tests.town import AT_ROAD, OUTSIDE, Town, reach, the
from tests.bad_input.doors import DOORS, Send, body, everything, good, is_chinese, picture, signed_in

HUGE = 13 * 1024 * 1024


def photos(*files: Any) -> dict[str, Any]:
    return {"photos": list(files)}


# name → (the second photo, status, code)
PICTURES: dict[str, tuple[Any, int, str]] = {
    "empty": (lambda: picture(b""), 422, "media.empty"),
    "text": (lambda: picture(b"hello, I am a photo\n" * 50), 422, "media.not_a_picture"),
    "page that calls itself a photo": (lambda: picture(b"<!doctype html><script>alert(1)</script>" * 9), 422, "media.not_a_picture"),
    "drawing with script": (lambda: picture(b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "a.svg", "image/svg+xml"), 422, "media.not_a_picture"),
    "program": (lambda: picture(b"\x7fELF" + bytes(400)), 422, "media.not_a_picture"),
    "document": (lambda: picture(b"%PDF-1.7\n" + bytes(400)), 422, "media.not_a_picture"),
    "archive": (lambda: picture(made.archive()), 422, "media.not_a_picture"),
    "GIF renamed": (lambda: picture(made.frames("GIF")), 422, "media.animated"),
    "BMP renamed": (lambda: picture(made.saved(made.scene(), "BMP")), 422, "media.unsupported"),
    "HEIC": (lambda: picture(made.heif(b"heic"), "a.heic", "image/heic"), 422, "media.heic"),
    "HEIC renamed": (lambda: picture(made.heif(b"mif1", b"heic")), 422, "media.heic"),
    "truncated": (lambda: picture(made.jpeg(800, 600)[:2000]), 422, "media.truncated"),
    "truncated PNG": (lambda: picture(made.png(400, 300)[:-20], "a.png", "image/png"), 422, "media.truncated"),
    "animated WebP": (lambda: picture(made.frames("WEBP"), "a.webp", "image/webp"), 422, "media.animated"),
    "animated PNG": (lambda: picture(made.frames("PNG"), "a.png", "image/png"), 422, "media.animated"),
    "100 megapixels": (lambda: picture(made.png_bomb(10_000, 10_000), "a.png", "image/png"), 422, "media.too_many_pixels"),
    "endless side": (lambda: picture(made.png_bomb(60_000, 20), "a.png", "image/png"), 422, "media.too_many_pixels"),
    "one pixel": (lambda: picture(made.png(1, 1), "a.png", "image/png"), 422, "media.too_small"),
    "archive inside": (lambda: picture(made.jpeg() + made.archive()), 422, "media.trailing_data"),
    "over 12 MB": (lambda: picture(made.jpeg() + bytes(HUGE)), 413, "media.too_large"),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", PICTURES)
def test_a_bad_picture_changes_nothing(town: Town, media: Path, name: str, door: str) -> None:
    make, status, code = PICTURES[name]
    refused(town, media, DOORS[door], photos(good(), make()), (status, code, "photos"), says="第 2 张照片")


# name → (what is sent instead, (status, code or "" for any, field; the API may name its own part of a position))
FIELDS: dict[str, tuple[dict[str, Any], tuple[int, str, str]]] = {
    "no photo": ({"photos": None}, (422, "", "photos")),
    "ten photos": ({"photos": lambda: [good(n) for n in range(10)]}, (422, "reports.too_many_photos", "photos")),
    "no position": ({"lat": None, "lng": None}, (422, "", "place|lat")),
    "half a position": ({"lng": None}, (422, "", "place|lng")),
    "words for a position": ({"lat": "那边"}, (422, "", "place|lat")),
    "not a number": ({"lat": "nan"}, (422, "", "place")),
    "endless number": ({"lng": "1e999"}, (422, "", "place")),
    "outside the city": ({"lat": OUTSIDE[0], "lng": OUTSIDE[1]}, (422, "places.outside_city", "place")),
    "swapped": ({"lat": AT_ROAD[1], "lng": AT_ROAD[0]}, (422, "", "place")),
    "zero": ({"lat": 0, "lng": 0}, (422, "places.outside_city", "place")),
    "unknown datum": ({"datum": "mars"}, (422, "", "place")),
    "10,000 characters": ({"words": "很" * 10_000}, (422, "invalid", "words")),
    "long building": ({"building": "栋" * 41}, (422, "invalid", "building")),
    "unknown class": ({"cls": "no-such-class"}, (422, "reports.unknown_class", "hint")),
    "class from a query": ({"cls": "manhole' OR 1=1 --"}, (422, "reports.unknown_class", "hint")),
    "no key": ({"client_key": None}, (422, "", "client_key")),
    "short key": ({"client_key": "x"}, (422, "invalid", "client_key")),
    "emoji key": ({"client_key": "😀" * 9}, (422, "invalid", "client_key")),
    "long key": ({"client_key": "k" * 81}, (422, "invalid", "client_key")),
    "handled without a photo": ({"onsite": "on"}, (422, "reports.needs_after_photo", "after_photos")),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", FIELDS)
def test_a_bad_field_changes_nothing(town: Town, media: Path, name: str, door: str) -> None:
    changes, expected = FIELDS[name]
    refused(town, media, DOORS[door], changes, expected)


def refused(
    town: Town, media: Path, send: Send, changes: dict[str, Any], expected: tuple[int, str, str], *, says: str = ""
) -> None:
    """problem+json with status, code (any, if "" is expected) and field; every table and file as before."""
    client = signed_in(town)
    before = everything(media)
    answer = send(client, body(**changes))
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    status, code, field = expected
    assert answer.status_code == status, problem
    assert problem.get("field") in field.split("|"), problem
    assert problem["code"] == code or (not code and problem["code"]), problem
    assert is_chinese(problem["detail"])
    assert "%(" not in problem["detail"]
    assert says in problem["detail"]
    assert problem["request_id"]
    assert everything(media) == before


@pytest.mark.parametrize(
    "name", ["no photo", "outside the city", "10,000 characters", "unknown class", "long building"]
)
def test_the_page_without_script_says_it_at_the_field(town: Town, media: Path, name: str) -> None:
    changes, (status, _code, field) = FIELDS[name]
    client = signed_in(town)
    before = everything(media)
    answer = client.post("/snap", body(**changes))
    html = answer.content.decode()
    assert answer.status_code == status
    said = html.split(f'id="err-{field}"')[1].split("</p>")[0]
    assert " hidden" not in said.split(">")[0]
    assert is_chinese(said)
    assert everything(media) == before


def test_a_bad_picture_is_said_on_the_page_without_script(town: Town, media: Path) -> None:
    client = signed_in(town)
    before = everything(media)
    html = client.post("/snap", body(**photos(picture(made.heif(b"heic"))))).content.decode()
    assert "第 1 张照片是 HEIC 格式" in html
    assert everything(media) == before


# ── keys, sessions, ids, two at once ────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("door", DOORS)
def test_a_key_with_another_body_is_refused_and_the_first_report_stays(town: Town, media: Path, door: str) -> None:
    client, send = signed_in(town), DOORS[door]
    first = send(client, body())
    before = everything(media)
    other = send(client, body(words="路灯不亮"))
    assert (other.status_code, other.json()["code"], other.json()["field"]) == (409, "key_reused", "client_key")
    assert is_chinese(other.json()["detail"])
    assert everything(media) == before
    again = send(client, body())
    assert again.json()["public_id"] == first.json()["public_id"]
    assert everything(media) == before
    assert Report.objects.get().words == "井盖没了"


@pytest.mark.parametrize("door", DOORS)
def test_a_session_that_ended_takes_nothing(town: Town, media: Path, door: str) -> None:
    client = signed_in(town)
    Session.objects.all().delete()
    before = everything(media)
    answer = DOORS[door](client, body())
    assert answer.status_code == 401
    assert is_chinese(answer.json()["detail"])
    assert everything(media) == before


FORGED = ("0" * 26, "x", "1", "-1", "..", "%00", "%2e%2e%2f", "a" * 400, "01234567890123456789012345'")


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize(
    "address", ["/r/{}/", "/r/{}/receipt", "/api/v1/reports/{}", "/vouchers/{}", "/redeem/{}", "/inbox/{}"]
)
def test_a_forged_id_is_not_found(town: Town, media: Path, address: str, forged: str) -> None:
    client = signed_in(town)
    before = everything(media)
    answer = client.get(address.format(forged))
    assert answer.status_code == 404, answer.status_code
    assert everything(media) == before


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("step", ["accept", "resolve", "verify", "no-such-step"])
def test_a_step_on_a_forged_case_is_not_found(town: Town, media: Path, forged: str, step: str) -> None:
    client = signed_in(town, "worker")
    before = everything(media)
    assert client.post(f"/desk/case/{forged}/{step}", {"text": "办了"}).status_code == 404
    assert everything(media) == before


def test_another_riders_report_is_as_if_it_were_not(town: Town, media: Path) -> None:
    receipt = reach(town, "confirming")
    client = signed_in(town, "other_rider")
    before = everything(media)
    for address in (f"/r/{receipt.public_id}/", f"/r/{receipt.public_id}/receipt"):
        assert client.get(address).status_code == 404
    assert client.post(f"/r/{receipt.public_id}/answer", {"solved": "yes"}).status_code == 404
    assert everything(media) == before
    assert the(receipt).state == "confirming"


def test_of_two_staff_the_second_is_told_what_happened(town: Town, media: Path) -> None:
    receipt = reach(town, "dispatched")
    address = f"/desk/case/{receipt.public_id}/accept"
    assert signed_in(town, "worker").post(address, {"back": "/desk/queue"}).status_code == 303
    run_pending()
    colleague = signed_in(town, "colleague")
    before = everything(media)
    late = colleague.post(address, {"back": "/desk/queue"}, follow=True)
    assert late.redirect_chain == [(f"/desk/queue?case={receipt.public_id}", 303)]
    assert "不能“签收”" in late.content.decode()
    assert everything(media) == before
    assert the(receipt).assignee_id == town.people["worker"].pk


@pytest.mark.parametrize(("who", "step"), [("cleaner", "accept"), ("worker", "verify"), ("rider", "accept")])
def test_who_is_not_in_charge_changes_nothing(town: Town, media: Path, who: str, step: str) -> None:
    receipt = reach(town, "dispatched" if step == "accept" else "resolved")
    state = the(receipt).state
    client = signed_in(town, who)
    before = everything(media)
    answer = client.post(f"/desk/case/{receipt.public_id}/{step}", {"text": "好"})
    assert answer.status_code in (403, 404)
    assert is_chinese(answer.content.decode())
    assert everything(media) == before
    assert the(receipt).state == state


def test_a_stranger_is_sent_to_sign_in(town: Town, media: Path) -> None:
    before = everything(media)
    assert Client().post("/snap", body()).status_code in (302, 303, 401)
    assert everything(media)[1] == before[1]
    assert not Report.objects.exists()


# ── what is taken, cleaned ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("井盖没了😀👨‍👩‍👧", "井盖没了😀👨‍👩‍👧"),
        ("井\x00盖\x07没\x1b了", "井盖没了"),
        ("‮了没盖井", "了没盖井"),
        ("  第一行\r\n第二行  ", "第一行\n第二行"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("", ""),
    ],
)
def test_odd_words_are_taken_clean(town: Town, typed: str, kept: str, door: str) -> None:
    answer = DOORS[door](signed_in(town), body(words=typed))
    assert answer.status_code == 201, answer.content
    assert Report.objects.get().words == kept
    run_pending()
    shown = signed_in(town).get(f"/r/{Report.objects.get().public_id}/")
    assert b"<script>alert(1)" not in shown.content


@pytest.mark.parametrize("door", DOORS)
def test_a_map_services_datum_is_stored_as_wgs84(town: Town, door: str) -> None:
    """What the map service calls its place is stored as where it is."""
    shifted = from_wgs84(Point(*AT_ROAD), "gcj02")
    assert abs(shifted.lng - AT_ROAD[1]) > 0.002  # some hundred metres
    answer = DOORS[door](signed_in(town), body(lat=shifted.lat, lng=shifted.lng, datum="gcj02"))
    assert answer.status_code == 201, answer.content
    report = Report.objects.get()
    assert (round(report.lat, 4), round(report.lng, 4)) == (round(AT_ROAD[0], 4), round(AT_ROAD[1], 4))
