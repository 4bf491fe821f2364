"""Phones that report: real HTTP, real multipart forms, each with one photo of 40 to 60 kB.

Run as a program it reads the riders from stdin and prints one JSON line: what was acknowledged, how long each answer
took, what went wrong. One thread a client, each with one kept connection; before each report it takes another rider's
session, as many riders share the city's server.

Cost     a form is put together from bytes made beforehand; a photo differs from all others in a comment of its own, so
         nobody can reuse the copies of another.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw

from qixia.lab.district import COLUMNS, ROWS, SOUTH, STEP, WEST

PHOTO_BYTES = (40_000, 60_000)
PHOTO_SIZE = (1280, 960)
PATH = "/api/v1/reports"
BOUNDARY = b"----qixia-lab-3f1c9a"
CSRF = "L" * 32
CREATED, OK = 201, 200
WAIT_SECONDS = 30.0


@dataclass(slots=True)
class Sent:
    """What one client saw."""

    latencies: list[float] = field(default_factory=list)
    receipts: dict[str, str] = field(default_factory=dict)  # client key → public id
    errors: list[str] = field(default_factory=list)


def photos(seed: int, count: int = 6) -> list[bytes]:
    """JPEGs of a phone's size and weight: smooth slopes, edges and the grain of a sensor."""
    chance = random.Random(seed)
    return [_photo(chance) for _ in range(count)]


def _photo(chance: random.Random) -> bytes:
    width, height = PHOTO_SIZE
    slope = Image.linear_gradient("L").resize(PHOTO_SIZE).rotate(chance.choice((0, 180)))
    picture = Image.merge("RGB", (slope, slope.point(lambda v: 200 - v // 2), slope.point(lambda v: v // 2 + 60)))
    draw = ImageDraw.Draw(picture)
    for _ in range(24):
        x, y = chance.randrange(width), chance.randrange(height)
        colour = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
        draw.ellipse((x, y, x + chance.randrange(40, 320), y + chance.randrange(40, 240)), fill=colour)
    grain = Image.effect_noise((width // 2, height // 2), 60).resize(PHOTO_SIZE).convert("RGB")
    picture = Image.blend(picture, grain, 0.12)
    for quality in range(90, 20, -4):
        out = BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() <= PHOTO_BYTES[1]:
            break
    return out.getvalue()


def unlike(photo: bytes, word: bytes) -> bytes:
    """The same picture with a comment of its own, so that no two files are equal."""
    return photo[:2] + b"\xff\xfe" + (len(word) + 2).to_bytes(2, "big") + word + photo[2:]


def form(client_key: str, photo: bytes, where: tuple[float, float], *, words: str = "井盖松动，车压上去会响") -> bytes:
    """The body that a phone sends; the rider chose the class."""
    fields = {"client_key": client_key, "lat": f"{where[0]:.6f}", "lng": f"{where[1]:.6f}", "accuracy_m": "12"}
    fields |= {"place_source": "gps", "words": words, "cls": "manhole", "spot": "公交站旁"}
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (BOUNDARY, name.encode(), value.encode())
        for name, value in fields.items()
    ]
    head = b'--%s\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n' % BOUNDARY
    return b"".join([*parts, head, b"Content-Type: image/jpeg\r\n\r\n", photo, b"\r\n--%s--\r\n" % BOUNDARY])


def request(session: str, body: bytes) -> bytes:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nCookie: sessionid={session}; csrftoken={CSRF}\r\n"
        f"X-CSRFToken: {CSRF}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Phone:
    """One kept connection. OSError when the server is gone; the next call connects anew."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None

    def post(self, message: bytes) -> tuple[int, Any]:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_SECONDS)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket.sendall(message)
            return _answer(self.socket)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _answer(connection: socket.socket) -> tuple[int, Any]:
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += _some(connection)
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), None)
    if length is None:  # in chunks: what is said when the database is gone is written outside of Django's usual path
        body = _unchunked(connection, body)
    while length is not None and len(body) < length:
        body += _some(connection)
    status = int(lines[0].split()[1])
    return status, json.loads(body) if status in (OK, CREATED) else body.decode(errors="replace")


def _unchunked(connection: socket.socket, raw: bytes) -> bytes:
    found = b""
    while True:
        while b"\r\n" not in raw:
            raw += _some(connection)
        size, _, raw = raw.partition(b"\r\n")
        wanted = int(size, 16)
        while len(raw) < wanted + 2:
            raw += _some(connection)
        if not wanted:
            return found
        found, raw = found + raw[:wanted], raw[wanted + 2 :]


def _some(connection: socket.socket) -> bytes:
    found = connection.recv(65536)
    if not found:
        raise ConnectionResetError("the server closed the connection")
    return found


def somewhere(chance: random.Random) -> tuple[float, float]:
    """A place in the town, away from its edge."""
    row, column = 0.1 + chance.random() * (ROWS - 0.2), 0.1 + chance.random() * (COLUMNS - 0.2)
    return SOUTH + row * STEP, WEST + column * STEP


def client(
    port: int, riders: Sequence[dict[str, Any]], pictures: Sequence[bytes], seed: int, go: Callable[[], bool]
) -> Sent:
    """Report as fast as answers come while `go()`."""
    chance, phone, sent = random.Random(seed), Phone(port), Sent()
    while go():
        key = secrets.token_hex(12)
        body = form(key, unlike(chance.choice(pictures), key.encode()), somewhere(chance))
        message = request(chance.choice(riders)["session"], body)
        began = time.perf_counter()
        try:
            status, answer = phone.post(message)
        except OSError as error:
            sent.errors.append(f"{type(error).__name__}: {error}")
            continue
        sent.latencies.append(time.perf_counter() - began)
        if status == CREATED:
            sent.receipts[key] = answer["public_id"]
        else:
            sent.errors.append(f"{status} {answer}"[:300])
    phone.close()
    return sent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m qixia.lab.clients")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--reports", type=int, default=0, help="stop after so many, instead")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    riders = json.loads(sys.stdin.readline())
    pictures = photos(options.seed)
    print("ready", flush=True)
    sys.stdin.readline()  # "go"
    results = run(options, riders, pictures)
    print(
        json.dumps(
            {
                "receipts": [public_id for one in results for public_id in one.receipts.values()],
                "latencies": [second for one in results for second in one.latencies],
                "errors": [error for one in results for error in one.errors],
            }
        )
    )


def run(options: argparse.Namespace, riders: Sequence[dict[str, Any]], pictures: Sequence[bytes]) -> list[Sent]:
    until = time.perf_counter() + options.seconds
    allowed = threading.Semaphore(options.reports) if options.reports else None
    results: list[Sent] = []

    def go() -> bool:
        return allowed.acquire(blocking=False) if allowed else time.perf_counter() < until

    def work(number: int) -> None:
        own = riders[number :: options.clients] or riders
        results.append(client(options.port, own, pictures, options.seed * 1000 + number, go))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(options.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


if __name__ == "__main__":
    main()
