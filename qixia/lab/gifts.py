"""`qixia bench gifts`: a draw of 100,000 kits among 130,000 entrants, from the closed list to the last notice.

Stage    a database of its own, SQLite and then PostgreSQL, with all migrations; gone afterwards.
Rows     entrants of forty communities at 120 places, one in five with a need; written raw, without the riders' own steps.
Work     the job's batches one after another in one process: the same function that the worker calls.
Keys     freeze_s, number_s, choose_s, allot_s, tell_s   each state of the draw, to its last commit; draw_s all of them
         batches       transactions, each with its place to go on from; longest_s the longest of them
         verify_s      `qixia gifts verify` on the published file, by the reference in rules/draw.py
         fits          whether that file proves what the database did
         peak_mb       highest resident memory of the process until the draw is told; verify_peak_mb with the check too
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from qixia.codes.models import Division
from qixia.gifts import states
from qixia.gifts.models import Allotment, Campaign, Draw, Entry, Place
from qixia.gifts.queries import file_lines
from qixia.gifts.rules import draw as rules
from qixia.gifts.services import carry_on, close_entries, confirm_value, enter_value, open_campaign
from qixia.kernel import clock, measure
from qixia.lab.postgres import PostgreSQL
from qixia.lab.stage import stage
from qixia.people.access import Actor, Grant, system_actor
from qixia.people.models import Organisation, Person
from qixia.policy.services import publish_seeds

ROWS = 130_000
COMMUNITIES, PLACES = 40, 120
PIECE = 5_000
CHILD_SECONDS = 3600.0
VALUE = "03 09 14 21 27 30 + 11"
_NAMES = {
    states.FREEZING: "freeze_s",
    states.CONFIRMED: "number_s",
    states.NUMBERED: "choose_s",
    states.CHOSEN: "allot_s",
    states.TOLD: "tell_s",
}


@dataclass(frozen=True, slots=True)
class Options:
    rows: int = ROWS  # entrants; ten kits for thirteen of them
    seed: int = 1

    @property
    def kits(self) -> int:
        return self.rows * 10 // 13


def run(
    command: str, options: Options, databases: Sequence[str] = ("sqlite", "postgresql")
) -> Iterator[dict[str, Any]]:
    """One line a database."""
    for database in databases:
        running = measure.start(command, seed=options.seed)
        if database == "postgresql":
            with PostgreSQL(fsync=True, settings={"shared_buffers": "256MB", "max_wal_size": "4GB"}) as server:
                found = _on(server.url, server.folder / "stage", options)
        else:
            with tempfile.TemporaryDirectory(prefix="qixia-bench-") as folder:
                found = _on(f"sqlite:///{folder}/qixia.sqlite3", Path(folder), options)
        yield {**running.finish(), "database": database, **found}


def _on(url: str, folder: Path, options: Options) -> dict[str, Any]:
    with stage(url, folder) as place:
        place.run("-m", "qixia.site.cli", "migrate", "--no-input", "--verbosity", "0")
        words = ["-m", "qixia.site.cli", "lab_gifts", str(options.rows), str(options.seed)]
        done = subprocess.run(
            [sys.executable, *words], env=place.environment, stdout=subprocess.PIPE, check=True, timeout=CHILD_SECONDS
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found


# ── in the child, with the stage's database ──────────────────────────────────────────────────────────────────────


def measured(options: Options) -> dict[str, Any]:
    """Fill the database and draw; all keys but the common ones."""
    publish_seeds()
    began = time.perf_counter()
    campaign = _fill(options)
    filled = time.perf_counter() - began
    spent: dict[str, float] = defaultdict(float)
    batches, longest = _drawn(campaign, spent)
    peak = _peak_mb()
    began = time.perf_counter()
    draw = Draw.objects.get(campaign=campaign)
    verdict = rules.verify("".join(file_lines(draw.public_id)).splitlines(keepends=True))
    return {
        "entrants": options.rows,
        "kits": options.kits,
        "fill_s": round(filled, 1),
        **{name: round(spent[state], 2) for state, name in _NAMES.items()},
        "draw_s": round(sum(spent.values()), 2),
        "batches": batches,
        "longest_s": round(longest, 2),
        "allotted": Allotment.objects.filter(campaign=campaign).count(),
        "verify_s": round(time.perf_counter() - began, 2),
        "fits": verdict.won == options.kits,
        "peak_mb": peak,
        "verify_peak_mb": _peak_mb(),
    }


def _drawn(campaign: Campaign, spent: dict[str, float]) -> tuple[int, float]:
    """Close, freeze, enter the value twice, and let the job work; time by state."""
    first, second = _official("first"), _official("second")
    with clock.at(campaign.ends_at + timedelta(minutes=1)):
        close_entries(actor=first, campaign=campaign.public_id)
        counted = _worked(campaign, spent)
    draw = Draw.objects.get(campaign=campaign)
    with clock.at(draw.source_at + timedelta(minutes=1)):
        enter_value(actor=first, draw=draw.public_id, value=VALUE)
        confirm_value(actor=second, draw=draw.public_id, value=VALUE)
        more = _worked(campaign, spent)
    return counted[0] + more[0], max(counted[1], more[1])


def _worked(campaign: Campaign, spent: dict[str, float]) -> tuple[int, float]:
    batches, longest = 0, 0.0
    while True:
        state = Draw.objects.values_list("state", flat=True).get(campaign=campaign)
        began = time.perf_counter()
        if not carry_on():
            return batches, longest
        took = time.perf_counter() - began
        spent[state] += took
        batches, longest = batches + 1, max(longest, took)


def _fill(options: Options) -> Campaign:
    """Communities, places, a campaign with its kits, people and their entries."""
    rng, now = random.Random(options.seed), clock.now()
    district = Division.objects.create(code="990900", name="量区", level="district", path="990900/")
    found = [
        Division(code=f"9909{n:03d}", name=f"社区{n}", level="community", parent=district, path=f"990900/9909{n:03d}/")
        for n in range(COMMUNITIES)
    ]
    communities = Division.objects.bulk_create(found)
    office = Organisation.objects.create(code="bench", name="量", kind="community", division=district)
    places = Place.objects.bulk_create(
        Place(
            name=f"点{n}",
            kind="station",
            organisation=office,
            division=communities[min(int(rng.expovariate(0.08)), COMMUNITIES - 1)],
            address="路",
            lat=24.9,
            lng=118.6,
            hours="24/7",
        )
        for n in range(PLACES)
    )
    campaign = Campaign.objects.create(
        kind="winter",
        way=states.BY_DRAW,
        title="量",
        what="包",
        division=district,
        starts_at=now,
        ends_at=now + timedelta(days=1),
        collect_until=now + timedelta(days=9),
        usable=options.kits,
    )
    open_campaign(
        actor=_official("first"),
        campaign=campaign.public_id,
        source="一个公开数",
        source_at=now + timedelta(days=1, hours=2),
    )
    for start in range(0, options.rows, PIECE):
        _enter(campaign, places, rng, min(PIECE, options.rows - start))
    campaign.refresh_from_db()
    return campaign


def _enter(campaign: Campaign, places: list[Place], rng: random.Random, count: int) -> None:
    people: list[Any] = Person.objects.bulk_create([Person(display_name="骑", is_demo=True) for _ in range(count)])
    entries: list[Entry] = []
    for person in people:
        need = rng.choice(("newcomer", "night", "family")) if rng.random() < 0.2 else ""
        entries.append(
            Entry(
                campaign=campaign,
                person=person,
                code=f"{rng.getrandbits(60):015x}"[:12],
                place=rng.choice(places),
                platform="bench",
                need=need,
                need_state=states.SURE if need else "",
            )
        )
    Entry.objects.bulk_create(entries)


def _official(name: str) -> Actor:
    """Somebody in charge of everything."""
    grant = Grant("admin", 0, "", "", "", "", "")
    return Actor(
        ref=system_actor(f"bench-{name}").ref.replace("system:", "person:"), roles=frozenset({"admin"}), grants=(grant,)
    )


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
