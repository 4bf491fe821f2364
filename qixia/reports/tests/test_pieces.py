"""Large files in pieces over HTTP, and the report that names them."""

import json

import pytest
from django.test import Client

from qixia.media.tests import made
from qixia.media.tests.filming import clip
from qixia.media.transfers import PIECE_MIN as PIECE
from qixia.people.sessions import BACKEND
from qixia.reports.models import Report

pytestmark = pytest.mark.django_db


class TestOverHttp:
    @pytest.fixture
    def town(self, standing_town):
        return standing_town

    @pytest.fixture
    def phone(self, town):
        client = Client()
        client.force_login(town.people["rider"], backend=BACKEND)
        return client

    def up(self, phone, data: bytes) -> str:
        begun = phone.post("/uploads/", {"size": len(data), "name": "x.mp4"})
        assert begun.status_code == 201
        name, at = begun.json()["id"], 0
        while at < len(data):
            piece = data[at : at + PIECE]
            answer = phone.put(f"/uploads/{name}/{at}", piece, content_type="application/octet-stream")
            assert answer.status_code == 200
            at = answer.json()["offset"]
        return name

    def report(self, phone, **fields):
        values = {"client_key": "phone-key-0001", "lat": "24.8992", "lng": "118.6002", "words": "井盖响", **fields}
        return phone.post("/snap", values, headers={"accept": "application/json", "x-requested-with": "XMLHttpRequest"})

    def test_a_report_names_what_came_before(self, town, phone):
        named = [
            {"id": self.up(phone, made.jpeg(800, 600)), "as": "photos"},
            {"id": self.up(phone, clip("mp4", 6.0)), "as": "clip"},
        ]
        first = self.report(phone, uploaded=json.dumps(named))
        assert first.status_code == 201, first.content
        again = self.report(phone, uploaded=json.dumps(named))
        assert again.json()["public_id"] == first.json()["public_id"]
        report = Report.objects.get()
        assert report.photos.count() == 1

    def test_the_end_is_said_where_a_piece_does_not_fit(self, phone):
        name = phone.post("/uploads/", {"size": 100_000}).json()["id"]
        answer = phone.put(f"/uploads/{name}/50000", b"x" * PIECE, content_type="application/octet-stream")
        assert (answer.status_code, answer.json()["offset"], answer.json()["code"]) == (409, 0, "media.wrong_offset")

    def test_gone_is_said_at_the_field_that_the_phone_knows(self, phone):
        answer = self.report(phone, uploaded=json.dumps([{"id": "0" * 26, "as": "clip"}]))
        assert (answer.status_code, answer.json()["field"]) == (404, "uploaded")
        assert Report.objects.count() == 0

    @pytest.mark.parametrize("text", ["{", "[1]", "null", "x" * 30_000])
    def test_nonsense(self, phone, text):
        answer = self.report(phone, uploaded=text)
        assert (answer.status_code, answer.json()["field"]) == (422, "uploaded")

    def test_strangers(self, client):
        assert client.post("/uploads/", {"size": 5}).status_code in (302, 401)
        assert client.put("/uploads/x/0", b"x").status_code in (302, 401, 403)
