"""A real server on the loopback that speaks the chat-completions protocol, decently or not, and the rules that lead to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qixia.outgoing.tests.servers import Server, Talk, page, says, serving
from qixia.policy.services import publish

MAKER = "system:test"
GOOD = '{"class": "manhole", "severity": "critical", "words": "井盖没了，洞口敞着"}'


def completion(content: Any) -> bytes:
    """The body of an answer whose model wrote `content`."""
    message = {"role": "assistant", "content": content}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()


def telling(content: Any, status: str = "200 OK") -> Talk:
    return says(page(completion(content), status, "Content-Type: application/json\r\n"))


def set_rule(url: str = "", **changes: Any) -> None:
    """Publish the rule; `url` "" leaves the address of the seed, which is none."""
    data = {"enabled": bool(url), "url": url, "model": "blick-7b" if url else "", "timeout_s": 2} | changes
    publish("triage.second_opinion", data, note="试", actor_ref=MAKER)


def allow(server: Server) -> None:
    line = {"scheme": "http", "host": "127.0.0.1", "port": server.port, "private": True, "why": "测试用的服务"}
    publish("outgoing.destinations", {"exceptions": [line]}, note="试", actor_ref=MAKER)


@contextmanager
def talking(talk: Talk, **changes: Any) -> Iterator[Server]:
    """A server that answers as `talk` does, allowed and named by the rule."""
    with serving(talk) as server:
        allow(server)
        set_rule(f"http://127.0.0.1:{server.port}/v1", **changes)
        yield server


@contextmanager
def answering(content: Any, status: str = "200 OK", **changes: Any) -> Iterator[Server]:
    with talking(telling(content, status), **changes) as server:
        yield server


def asked(server: Server, at: int = 0) -> dict[str, Any]:
    """The JSON of one request that came in."""
    return json.loads(server.seen[at].partition(b"\r\n\r\n")[2])


def user_parts(server: Server, at: int = 0) -> list[dict[str, Any]]:
    return asked(server, at)["messages"][1]["content"]
