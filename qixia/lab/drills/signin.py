"""Ten thousand attempts to get in: codes asked for, codes guessed, passwords guessed. Nobody gets in, and whoever has a
right to is not kept out."""

from __future__ import annotations

import http.client
import json
import random
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from qixia.lab.drills.outcome import Outcome
from qixia.lab.stage import Stage

ATTEMPTS = {"full": 10_000, "small": 300}
VICTIM = "13800000000"
CSRF = "L" * 32
ATTACKERS = 16


class Browser:
    """Cookies and one kept connection, from an address of its own (the server trusts its proxy here)."""

    def __init__(self, port: int, address: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.address = address
        self.cookies = {"csrftoken": CSRF}

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        headers = {
            "Host": "localhost",
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Forwarded-For": self.address,
            "X-CSRFToken": CSRF,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        answer = self._ask(path, urlencode(fields), headers)
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.split(";")[0]
        answer.read()
        return answer.status, answer.headers.get("Location", "")

    def _ask(self, path: str, body: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        """Once more on a new connection where the kept one had been closed."""
        for attempt in (1, 2):
            try:
                self.connection.request("POST", path, body, headers)
                return self.connection.getresponse()
            except (OSError, http.client.RemoteDisconnected):
                self.connection.close()
                if attempt == 2:
                    raise
        raise AssertionError


def run(stage: Stage, riders: list[dict[str, Any]], size: str) -> Outcome:
    outcome, chance = Outcome.begin("signin", stage), random.Random(17)
    codes = stage.folder / "var" / "outbox" / "sms.jsonl"
    stage.environment |= {"QIXIA_TRUSTED_PROXY": "true", "QIXIA_SMS_SENDER": "file"}
    stage.run("-m", "qixia.site.cli", "collectstatic", "--no-input", "--verbosity", "0")  # a refused form is a page
    stage.serve()
    victim = Browser(stage.port, "198.51.100.1")
    outcome.promise(victim.post("/sign-in", phone=VICTIM)[0] == 302, "the owner could not ask for a code")
    attackers = [Browser(stage.port, f"203.0.113.{number + 1}") for number in range(ATTACKERS)]
    seen: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(ATTEMPTS[size]):
        kind, status, where = _attempt(attackers, number, chance)
        seen[f"{kind} {status}"] += 1
        outcome.promise(not _is_in(where), f"attempt {number} ({kind}) led to {where}")
    took = time.monotonic() - began
    outcome.figures |= {"attempts": ATTEMPTS[size], "per_s": round(ATTEMPTS[size] / took), "answers": dict(seen)}
    unexpected = {answer for answer in seen if not re.search(r" (200|302|303|403|422|429)$", answer)}
    outcome.promise(not unexpected, f"unexpected answers {unexpected}")
    outcome.promise(any(answer.endswith("429") for answer in seen), "nothing was ever too often")
    _victim_comes_in(outcome, victim, codes)
    return outcome


def _attempt(attackers: list[Browser], number: int, chance: random.Random) -> tuple[str, int, str]:
    """One try of one of the attackers: (kind, status, where it led)."""
    attacker = attackers[number % len(attackers)]
    kind = ("ask", "ask victim", "guess", "password")[number // len(attackers) % 4]
    if kind == "ask":
        return kind, *attacker.post("/sign-in", phone=f"139{chance.randrange(10**8):08d}")
    if kind == "ask victim":
        return kind, *attacker.post("/sign-in", phone=VICTIM)
    if kind == "guess":
        return kind, *attacker.post("/sign-in/code", code=f"{chance.randrange(10**6):06d}")
    return kind, *attacker.post("/staff/sign-in", username="admin", password=f"guess-{chance.random()}")


def _is_in(where: str) -> bool:
    """Only the sign-in pages follow a wrong try."""
    return bool(where) and not where.startswith(("/sign-in", "/staff/sign-in"))


def _victim_comes_in(outcome: Outcome, victim: Browser, codes: Path) -> None:
    """The code that the owner of the phone asked for before the attack still works, although others guessed."""
    sent = [json.loads(line) for line in codes.read_text().splitlines()]
    own = [one for one in sent if one["phone"].endswith(VICTIM)]
    outcome.figures |= {"messages": len(sent), "messages_to_victim": len(own)}
    outcome.promise(len(own) <= 10, f"the victim got {len(own)} messages")
    code = re.findall(r"\d{6}", own[0]["text"])[0]
    status, where = victim.post("/sign-in/code", code=code)
    outcome.promise(status == 302 and not where.startswith("/sign-in/code"), f"the owner got {status} {where}")
