"""A clip on the rider's form: with photos or instead of them, one at most, and its refusals at its own field."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from qixia.media.models import Evidence
from qixia.media.tests.filming import clip
from qixia.people.sessions import BACKEND
from qixia.reports.models import Report
from qixia.reports.tests.town import AT_ROAD, photo

SNAP = reverse("reports:snap")


@pytest.fixture
def phone(town) -> Client:
    client = Client()
    client.force_login(town.people["rider"], backend=BACKEND)
    return client


def film(data: bytes, name: str = "clip-1.webm") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "video/webm")


def post(phone: Client, key: str = "clip-key-0001", **files: object):
    fields = {"client_key": key, "lat": AT_ROAD[0], "lng": AT_ROAD[1], "place_source": "gps", "hide_name": "on"}
    return phone.post(SNAP, {**fields, **files}, HTTP_ACCEPT="application/json")


@pytest.mark.parametrize("photos", [[], [photo(1)]], ids=["alone", "with a photo"])
def test_a_clip_is_taken_in(phone, photos):
    assert post(phone, clip=[film(clip("webm"))], photos=photos).status_code == 201
    kinds = sorted(Evidence.objects.values_list("kind", flat=True))
    assert kinds == sorted(["clip", *["photo"] * len(photos)])
    assert Report.objects.count() == 1


@pytest.mark.parametrize(
    "clips",
    [
        [film(b"x" * 5000)],
        [film(b"")],
        [film(clip("webm", 40.0, fps=2))],
        [film(clip("webm")), film(clip("mp4"))],
        [photo(3)],
    ],
    ids=["no clip", "empty", "40 s", "two", "a photo"],
)
def test_what_is_no_clip_is_refused_at_its_field(phone, clips):
    answer = post(phone, clip=clips, photos=[photo(1)])
    assert (answer.status_code, answer.json()["field"]) == (422, "clip")
    assert not Report.objects.exists()
    assert not Evidence.objects.exists()
