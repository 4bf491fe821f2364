"""The two doors through which a report comes in, and a look at everything that a refusal must leave as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from qixia.media.tests import made
from qixia.people.sessions import BACKEND
from qixia.reports.tests.town import AT_ROAD, Town

Send = Callable[[Client, dict[str, Any]], HttpResponse]


def picture(data: bytes, name: str = "a.jpg", kind: str = "image/jpeg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, kind)


def good(seed: int = 1) -> SimpleUploadedFile:
    return picture(made.jpeg(seed=seed))


def body(**changes: Any) -> dict[str, Any]:
    """What a phone sends when all is well; a value of None leaves the field out, a function makes it."""
    values: dict[str, Any] = {
        "client_key": "bad-input-key-1",
        "photos": [good()],
        "lat": AT_ROAD[0],
        "lng": AT_ROAD[1],
        "datum": "wgs84",
        "words": "井盖没了",
        **changes,
    }
    made_now = {name: value() if callable(value) else value for name, value in values.items()}
    return {name: value for name, value in made_now.items() if value is not None}


def through_page(client: Client, values: dict[str, Any]) -> HttpResponse:
    """The page's own form, as script sends it."""
    return client.post("/snap", values, headers={"accept": "application/json"})


def through_api(client: Client, values: dict[str, Any]) -> HttpResponse:
    names = {"onsite": "self_handled"}
    return client.post("/api/v1/reports", {names.get(name, name): value for name, value in values.items()})


DOORS: dict[str, Send] = {"page": through_page, "api": through_api}


def signed_in(town: Town, name: str = "rider") -> Client:
    client = Client()
    client.force_login(town.people[name], backend=BACKEND)
    return client


def everything(media: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Rows of every table and every file on the disk."""
    with connection.cursor() as cursor:
        rows = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            rows[table] = cursor.fetchone()[0]
    files = {
        str(p.relative_to(media)): hashlib.sha256(p.read_bytes()).hexdigest() for p in media.rglob("*") if p.is_file()
    }
    return rows, files


def is_chinese(text: str) -> bool:
    return any("一" <= letter <= "鿿" for letter in text)
