"""A server that is killed while a photo comes in: what it had written is sealed, and the key went with the process."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from qixia.lab.stage import Stage, stage
from qixia.media.tests.test_uploads import marked, named, where_found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Stage]:
    with stage(f"sqlite:///{tmp_path / 'uploads.sqlite3'}", tmp_path) as found:
        found.environment["TMPDIR"] = str(tmp_path / "system-tmp")
        (tmp_path / "system-tmp").mkdir()
        yield found


@pytest.mark.slow
def test_a_server_killed_in_the_middle_of_an_upload_leaves_noise_only(place: Stage, tmp_path: Path):
    """Half a photo over the wire to the real server, then SIGKILL: what it had taken in is sealed, and the key is gone."""
    place.migrate()
    server = place.serve()
    mark = secrets.token_bytes(12)
    body = encode_multipart(BOUNDARY, {"photos": [named(marked(mark, 3_000_000))]})
    # The check against forged requests reads the form of whoever has its cookie, before any view.
    head = (
        f"POST / HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken={'a' * 32}\r\nContent-Type: {MULTIPART_CONTENT}\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.port), timeout=10) as wire:
        wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:2_000_000])
        incoming = tmp_path / "var" / "media" / "incoming"
        until = time.monotonic() + 60
        while time.monotonic() < until and not any(p.stat().st_size > 600_000 for p in parts_in(incoming)):
            time.sleep(0.05)
        assert parts_in(incoming), "the server did not begin to read"
        server.kill()  # before the wire closes, which the server would tidy up after
    assert parts_in(incoming)
    assert where_found(mark, tmp_path) == []


def parts_in(folder: Path) -> list[Path]:
    return list(folder.glob("*.part"))
