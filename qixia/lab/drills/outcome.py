"""What a drill found, and the phones and questions that drills share."""

from __future__ import annotations

import json
import random
import secrets
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from qixia.lab.clients import CREATED, OK, Phone, form, photos, request, somewhere, unlike
from qixia.lab.stage import Stage

SETTLE_SECONDS = 90.0


@dataclass
class Outcome:
    """Figures and broken promises of one drill; `before` is what was stored when it began."""

    drill: str
    before: dict[str, Any]
    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, drill: str, stage: Stage) -> Outcome:
        return cls(drill, state(stage))

    def promise(self, holds: bool, otherwise: str) -> None:
        """Note a promise that did not hold."""
        if not holds:
            self.broken.append(otherwise)


class Reporter:
    """A phone that keeps sending one report until it has a receipt, as the real one does."""

    def __init__(self, stage: Stage, riders: list[dict[str, Any]], seed: int) -> None:
        self.phone, self.riders, self.chance = Phone(stage.port), riders, random.Random(seed)
        self.pictures = photos(seed, 2)
        self.receipts: dict[str, str] = {}
        self.open: dict[str, bytes] = {}
        self.statuses: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.texts: set[str] = set()

    def new(self) -> str:
        """A report that is not sent yet."""
        key = secrets.token_hex(12)
        body = form(key, unlike(self.chance.choice(self.pictures), key.encode()), somewhere(self.chance))
        self.open[key] = request(self.chance.choice(self.riders)["session"], body)
        return key

    def send(self, key: str) -> bool:
        """One try. True with a receipt; a refusal below 500 other than 429 is an error of the drill."""
        began = time.monotonic()
        try:
            status, answer = self.phone.post(self.open[key])
        except (OSError, ValueError, StopIteration) as error:
            self.statuses[type(error).__name__] += 1
            self.phone.close()
            return False
        self.statuses[str(status)] += 1
        if status not in (OK, CREATED):
            self.texts.add(str(answer))
            return False
        self.seconds.append(time.monotonic() - began)
        self.receipts[key] = answer["public_id"]
        del self.open[key]
        return True

    def send_all(self, seconds: float = 30.0) -> None:
        """Whatever is open, again and again."""
        until = time.monotonic() + seconds
        while self.open and time.monotonic() < until:
            if not self.send(next(iter(self.open))):
                time.sleep(0.3)


def state(stage: Stage) -> dict[str, Any]:
    """What is stored, by the product's own code; see the command lab_state."""
    found: dict[str, Any] = json.loads(stage.run("-m", "qixia.site.cli", "lab_state"))
    return found


def settled(stage: Stage) -> dict[str, Any]:
    """The same once no report waits any more, or as it stands after SETTLE_SECONDS."""
    until = time.monotonic() + SETTLE_SECONDS
    while (found := state(stage))["waiting"] and time.monotonic() < until:
        time.sleep(0.5)
    return found


def nothing_lost(outcome: Outcome, stage: Stage, reporters: Iterable[Reporter]) -> None:
    """Every receipt is one report, settled and paid once, with its file; nothing else is there."""
    receipts = sorted(public_id for one in reporters for public_id in one.receipts.values())
    found = settled(stage)
    stored = sorted(set(found["reports"]) - set(outcome.before["reports"]))
    paid = found["postings"] - outcome.before["postings"]
    outcome.figures |= {"acknowledged": len(receipts), "stored": len(stored)}
    lost = set(receipts) - set(stored)
    outcome.promise(not lost, f"{len(lost)} acknowledged reports are gone")
    outcome.promise(len(set(receipts)) == len(receipts), "two phones have the same receipt")
    outcome.promise(stored == receipts, "there are reports that nobody has a receipt for")
    outcome.promise(found["unsettled"] == 0, f"{found['unsettled']} reports are not settled")
    outcome.promise(paid == len(receipts), f"{paid} payments for {len(receipts)} reports")
    outcome.promise(found["rows_without_file"] == 0, f"{found['rows_without_file']} photos have no file")
    given_up = found["quarantined"] - outcome.before["quarantined"]
    outcome.promise(given_up == 0, f"{given_up} jobs were given up")
    outcome.promise(found["sound"], "the books don't balance")


def hang_up(connection: socket.socket, *, hard: bool) -> None:
    """Close; `hard` sends a reset, as a phone that fell into a tunnel never does but its network may."""
    if hard:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def percentile(seconds: list[float], share: float) -> float | None:
    """In milliseconds."""
    if not seconds:
        return None
    return round(sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))] * 1000)
