"""SIGKILL two hundred times on the path of a delivery, on either database: nothing told is lost, and what arrives twice
is what docs say.

The receivers are real (a push service that decrypts, a robot's server, a mail server) and outlive the worker; their ids
are compared with the committed rows. Exactly once: the inbox. At least once: push, e-mail, robots; each death may
repeat the one message that it interrupted between handing over and writing that down.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.notices import push, queries, services
from qixia.notices.tests import receivers
from qixia.people import queries as people
from qixia.people.tests import build
from qixia.policy.queries import current
from qixia.policy.services import publish, publish_seeds
from tests.harness.kill import connected

SEED = 20261122
KILLS = 200
STEP = timedelta(minutes=4)  # longer than a claim: what a death left is due again
POINTS = ("deliver.fanned", "deliver.queued", "deliver.claimed", "deliver.handed", "deliver.noted")
CHANNELS = ("push", "robot", "email")


@dataclass
class Lives:
    """The lives of the worker, one after the other."""

    process: subprocess.Popen[str]
    chance: random.Random
    at: datetime
    told: list[str] = field(default_factory=list)
    deaths: Counter[str] = field(default_factory=Counter)

    def live(self, point: str = "", *, tell: list[str] | None = None) -> None:
        """One life: to its end, or to the death at `point` ("?" is a random millisecond)."""
        keys = [f"kill:{len(self.told)}"] if tell is None else tell
        self.told += [key for key in keys if tell is None]
        order = {
            "at": self.at.isoformat(),
            "tell": keys,
            "kill_at": f"{point}:{self._passes(point)}" if point not in ("", "?") else "",
            "after_ms": self.chance.randint(1, 60) if point == "?" else 0,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        ended = json.loads(self.process.stdout.readline())
        assert ended["killed"] or ended["code"] == 0, ended
        self.deaths[point] += ended["killed"]
        self.at += STEP

    def _passes(self, point: str) -> int:
        """A life sends on once and hands over three messages, and what the one before left."""
        return 1 if point in POINTS[:2] else self.chance.randint(1, 3)


@pytest.fixture
def somebody(transactional_db, web, mail):
    """A worker of a unit with a robot, a confirmed address and a browser; rules that let the receivers be reached."""
    publish_seeds()
    people.forget_organisations()
    listed = {"scheme": "http", "host": receivers.HERE, "port": web.port, "private": True, "why": "测试用的服务"}
    publish("outgoing.destinations", {"exceptions": [listed]}, note="test", actor_ref="system:test")
    rules = current("notices.channels").data.model_dump(mode="json")
    rules |= {"push_hosts": [receivers.HERE], "robot_hosts": [receivers.HERE], "retry_minutes": [1] * 12}
    rules["quiet"] = {"start": "00:00", "end": "00:00"}  # none: the group's hours are the city's
    publish("notices.channels", rules, note="test", actor_ref="system:test")
    person = build.staff("worker-kill", role="worker")
    ref = f"person:{person.public_id}"
    services.choose(person_id=person.pk, wanted={("email", "work"): True}, actor=ref)
    services.set_quiet_hours(person_id=person.pk, start=time(0), end=time(0), actor=ref)
    services.set_mail(person_id=person.pk, address="worker@city.example", actor=ref)
    token = queries.confirm_path(person.pk, "worker@city.example").partition("confirm=")[2]
    services.confirm_mail(person_id=person.pk, token=token, actor=ref)
    url = f"http://{receivers.HERE}:{web.port}/cgi-bin/webhook/send?key=abc"
    services.add_robot(organisation="unit-a", kind="wecom", label="班组", url=url, actor="system:test")
    return person


@pytest.fixture
def web():
    with receivers.web(lambda: 0.0) as found:
        yield found


@pytest.fixture
def mail():
    with receivers.mail() as found:
        yield found


@pytest.fixture
def browser(somebody, web):
    found = receivers.Browser(web.port, "phone")
    services.add_device(
        person_id=somebody.pk,
        address=push.Address(**found.form),
        key=services.push_key(),
        label="",
        actor=f"person:{somebody.public_id}",
    )
    return found


@pytest.fixture
def url(browser, tmp_path: Path) -> str:
    """This test's database, where other processes reach it: SQLite's lives in memory and is copied to a file."""
    if connection.vendor == "sqlite":
        target = tmp_path / "kill.sqlite3"
        with sqlite3.connect(target) as copy:
            connection.connection.backup(copy)
        copy.close()
        return f"sqlite:///{target}"
    return f"{get_config().database.rpartition('/')[0]}/{connection.settings_dict['NAME']}"


@pytest.fixture
def lives(url: str, somebody, mail):
    environment = os.environ | {
        "QIXIA_DATABASE_URL": url,
        "QIXIA_MAIL_SERVER": f"mailto://{receivers.HERE}:{mail.port}/?from=qixia@city.example&mode=insecure",
        "QIXIA_LOG_LEVEL": "ERROR",
        "SSL_CERT_FILE": os.devnull,  # nothing here speaks TLS, and each letter would read all authorities
        "SSL_CERT_DIR": os.devnull,
        "DJANGO_SETTINGS_MODULE": "qixia.site.settings",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.harness.deliver", str(somebody.pk)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Lives(process, random.Random(SEED), clock.now() + timedelta(days=1))
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_told_is_lost_and_little_arrives_twice(lives: Lives, url: str, web, mail, browser) -> None:
    for number in range(KILLS * 2):
        if sum(lives.deaths.values()) >= KILLS and number % 6 == 0:
            break
        lives.live((*POINTS, "?")[number % 6])
    assert sum(lives.deaths.values()) >= KILLS
    assert all(lives.deaths[point] >= KILLS // 10 for point in POINTS), lives.deaths
    lives.live(tell=lives.told)  # whoever was interrupted before its commit tells again
    for _drain in range(6):
        lives.live(tell=[])

    with connected(url) as db:
        notices = db.execute("SELECT count(*), count(DISTINCT key) FROM notices_notice").fetchone()
        rows = db.execute("SELECT channel, public_id, state, provider_ref FROM notices_delivery").fetchall()
    assert tuple(notices) == (len(lives.told), len(lives.told))  # the inbox: exactly once
    assert Counter(row[0] for row in rows) == dict.fromkeys(CHANNELS, len(lives.told))
    assert {row[2] for row in rows} == {"sent"}
    heard = _heard(web, mail, browser)
    for channel in CHANNELS:
        committed = {row[1] if channel != "robot" else row[3] for row in rows if row[0] == channel}
        assert committed <= set(heard[channel]), channel  # nothing is lost
    assert set(heard["push"]) == {row[1] for row in rows if row[0] == "push"}
    assert set(heard["email"]) == {row[1] for row in rows if row[0] == "email"}
    attempts = {row[3] for row in rows if row[0] == "robot"}
    again = sum(count - 1 for channel in ("push", "email") for count in heard[channel].values())
    again += len(set(heard["robot"]) - attempts)
    assert max(heard["robot"].values()) == 1
    # Each death repeats at most the message that it interrupted, and only between handing over and writing that down.
    assert lives.deaths["deliver.handed"] <= again <= lives.deaths["deliver.handed"] + lives.deaths["?"]


def _heard(web: receivers.Web, mail: receivers.Mail, browser: receivers.Browser) -> dict[str, Counter[Any]]:
    """Channel → how often each id arrived."""
    pushes = [browser.read(one.body)["id"] for one in web.heard if one.path.startswith("/push/")]
    robots = [one.headers["x-qixia-attempt"] for one in web.heard if "webhook" in one.path]
    return {
        "push": Counter(pushes),
        "robot": Counter(robots),
        "email": Counter(str(letter["x-qixia-attempt"]) for letter in mail.letters),
    }
