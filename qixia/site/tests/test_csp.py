"""The policy of every page is strict; a published tile map opens pictures to its host, on map pages only."""

from __future__ import annotations

import pytest
from django.test import Client

from qixia.kernel.config import get_config
from qixia.people.sessions import BACKEND
from qixia.policy.services import publish
from qixia.reports.tests.town import build_town

TILES = {
    "kind": "xyz",
    "url": "https://t{s}.map.example/{z}/{x}/{y}.png",
    "subdomains": "123",
    "datum": "gcj02",
    "approval": "GS(2026)1",
}


@pytest.fixture
def rider(db, tmp_path, monkeypatch) -> Client:
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    client = Client()
    client.force_login(build_town().people["rider"], backend=BACKEND)
    return client


def images(client: Client, path: str) -> list[str]:
    policy = client.get(path)["Content-Security-Policy"]
    found = next(part for part in policy.split("; ") if part.startswith("img-src"))
    return found.split()[1:]


def test_pages_take_nothing_from_elsewhere(rider):
    for path in ("/", "/map", "/snap", "/sign-in"):
        policy = rider.get(path)["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "http" not in policy


def test_tiles_are_let_in_where_there_is_a_map(rider):
    publish("places.basemap", TILES, note="test", actor_ref="system:test")
    hosts = {f"https://t{n}.map.example" for n in (1, 2, 3)}
    assert hosts <= set(images(rider, "/map"))
    assert not hosts & set(images(rider, "/"))
