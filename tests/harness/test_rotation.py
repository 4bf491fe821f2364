"""SIGKILL in the middle of a rotation of keys, again and again: everything opens in between and at the end, and the old
key's file can go."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qixia.lab.stage import Stage
from tests.harness.test_kill import place, url  # noqa: F401 — fixtures

RIDERS, PHOTOS, BATCH = 6, 6, 1
DIES_AFTER = 12  # batches; every start of a program costs more than they do
_FILL = """
import django; django.setup()
from django.core.files.base import ContentFile
from qixia.media.services import store_upload
from qixia.media.tests.made import jpeg
for n in range({photos}):
    store_upload(ContentFile(jpeg(seed=n)), owner_ref="report:a", claimed={{"camera": f"PHONE-{{n}}"}})
"""
_LOOK = """
import django, json; django.setup()
from django.apps import apps
from qixia.kernel.keys import keys
from qixia.media import files
from qixia.media.models import Evidence
from qixia.media.tests.made import jpeg
from qixia.people import vault
rows = Evidence.objects.order_by("pk")
for n, row in enumerate(rows):
    assert files.read_original(row.storage_name, row.file_key) == jpeg(seed=n)
    assert row.claimed == {"camera": f"PHONE-{n}"}
people = apps.get_model("people", "Person").objects.exclude(sealed_phone=None)
for person in people:
    phone = vault.unseal(person.sealed_phone, wrapped=person.key.wrapped, owner=person.public_id, field="phone")
    assert vault.phone_index(phone) == person.phone_index
print(json.dumps({"photos": len(rows), "people": len(people), "keys": len(keys().key_ids)}))
"""


def rotate(on: Stage, *words: str, kill_at: str = "") -> tuple[int, list[dict[str, Any]]]:
    """Exit code and lines of `qixia rotate-keys`."""
    done = subprocess.run(
        [sys.executable, "-m", "qixia.site.cli", "rotate-keys", "--batch", str(BATCH), *words],
        env={**on.environment, "QIXIA_LAB_KILL_AT": kill_at},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def look(on: Stage) -> dict[str, int]:
    """Open everything in a new process."""
    found: dict[str, int] = json.loads(on.run("-c", _LOOK))
    return found


@pytest.mark.slow
@pytest.mark.both
@pytest.mark.timeout(600)
def test_a_rotation_that_is_killed_goes_on_and_loses_nothing(place: Stage) -> None:  # noqa: F811
    place.prepare(riders=RIDERS)
    place.run("-c", _FILL.format(photos=PHOTOS))
    start = look(place)
    assert start["photos"] == PHOTOS
    assert start["people"] >= RIDERS

    assert rotate(place, "--new", kill_at="keys.replaced:1")[0] == -signal.SIGKILL
    assert look(place) == {**start, "keys": 2}
    deaths = 0
    while True:
        code, lines = rotate(place, kill_at=f"keys.moved:{DIES_AFTER}")
        assert look(place) == {**start, "keys": 2}
        if code == 0:
            break
        assert code == -signal.SIGKILL
        deaths += 1
        assert deaths < 100
    assert deaths >= 2
    assert {line["moved"] for line in lines if "moved" in line} <= set(range(BATCH * DIES_AFTER))

    assert rotate(place)[0] == 0
    current, left, may_go = (lines[-1][name] for name in ("current", "left", "may_be_forgotten"))
    assert list(left.values()) == [0]
    assert len(may_go) == 1
    assert may_go[0] != current
    assert rotate(place, "--forget", may_go[0])[0] != 0  # too young
    assert rotate(place, "--forget", may_go[0], "--at-once")[0] == 0
    assert not list((Path(place.environment["QIXIA_VAR_DIR"]) / "keys" / "old").iterdir())
    assert look(place) == {**start, "keys": 1}
