"""Everything that leaves goes through qixia.outgoing: nobody else imports what opens connections."""

import ast

import pytest

from tests.architecture.layers import PACKAGE, python_files

CLIENTS = {
    "urllib3", "requests", "httpx", "aiohttp", "pycurl", "urllib.request", "http.client", "smtplib", "ftplib",
    "telnetlib", "socket", "asyncio", "websocket", "websockets", "apprise", "imaplib", "poplib", "xmlrpc",
}  # fmt: skip
ALLOWED = {
    "outgoing/client.py": "the one way out",
    "outgoing/messengers.py": "robots and letters; its requests go through client.py (docs/adr)",
    "jobs/worker.py": "asks the machine for its own name",
    "site/addresses.py": "which names and addresses this machine has",
    "site/supervisor.py": "listens, and asks its own server whether it is up",
    "site/tls.py": "the machine's own name in its certificate",
}


def imported(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name in CLIENTS or name.split(".")[0] in CLIENTS}


@pytest.mark.parametrize(
    ("line", "is_client"),
    [
        ("import urllib3", True),
        ("from urllib import request", True),
        ("import http.client as h", True),
        ("from socket import create_connection", True),
        ("from urllib.parse import urlsplit", False),
        ("from django.http import HttpRequest", False),
    ],
)
def test_the_search_finds_clients(line: str, is_client: bool) -> None:
    assert bool(imported(line)) is is_client


def test_only_outgoing_opens_connections() -> None:
    users = {
        str(path.relative_to(PACKAGE))
        for path in python_files()
        if not {"tests", "lab"} & set(path.parts) and imported(path.read_text())
    }
    assert users - set(ALLOWED) == set()
    assert set(ALLOWED) - users == set(), "an exception that nobody needs"
