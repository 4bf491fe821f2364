"""People of the lab's town who go round the loop, one act after the other, until something kills them.

    hire                 once: a worker for each unit, a clerk and a supervisor of the whole
    live(seed, at, log)  one life: acts drawn from the seed, at one moment; what was acknowledged goes into the log, a line each
    check(log)           what is stored against what was acknowledged: nothing lost, nothing twice

A life is a process of its own (lab/cradle.py): it may end at any moment. Reports come by services, not by HTTP: the way in has
drills of its own.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from PIL import Image

from qixia.jobs.worker import JobRunner
from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.lab.clients import somewhere
from qixia.notices import services as notices
from qixia.offers import services as offers
from qixia.offers.models import Offer
from qixia.offers.queries import offers_near
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.models import Organisation, Person, Rider
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.reports import services
from qixia.reports.models import Appeal, Report, ReportStep, Support, Witness
from qixia.reports.queries.similar import similar_reports
from qixia.rewards.models import Posting
from qixia.rewards.queries import points_of
from qixia.rewards.services import compare, seal_postings

MAKER = "system:lab"
ACTS = 40  # of one life, if nobody ends it


def hire() -> None:
    """The staff of the lab's town. Idempotent."""
    if Person.objects.filter(username="lab-clerk").exists():
        return
    looks = current("reports.looks").data.model_dump(mode="json")
    publish("reports.looks", looks | {"share": 1, "unsure": False}, note="lab", actor_ref=MAKER)
    tasks = current("offers.offers").data.model_dump(mode="json")
    publish("offers.offers", tasks | {"left_out": 0}, note="lab", actor_ref=MAKER)
    units = list(Organisation.objects.filter(kind="unit").order_by("code"))
    for unit in units:
        _staff(f"lab-{unit.code}", "worker", unit.pk)
    for role in ("clerk", "supervisor"):
        _staff(f"lab-{role}", role, units[0].pk)


def _staff(username: str, role: str, organisation: int) -> None:
    person = people.create_person(display_name=username, username=username, actor=MAKER)
    people.grant_role(person_id=person.pk, role=role, organisation_id=organisation, actor=MAKER)


@dataclass
class Crew:
    """Everybody, in one life."""

    chance: random.Random
    riders: list[Actor]
    staff: dict[str, Actor]

    @classmethod
    def of_town(cls, chance: random.Random) -> Crew:
        riders = [actor_for(pk) for pk in Rider.objects.order_by("pk").values_list("person_id", flat=True)]
        found = Person.objects.filter(username__startswith="lab-").order_by("pk")
        return cls(chance, riders, {str(one.username).removeprefix("lab-"): actor_for(one) for one in found})

    def rider(self) -> Actor:
        return self.chance.choice(self.riders)

    def some(self, *states: str) -> Report | None:
        found = list(Report.objects.filter(state__in=states).select_related("unit").order_by("-pk")[:12])
        return self.chance.choice(found) if found else None

    # ── acts: each returns what was acknowledged, "" for nothing ──────────────
    def report(self) -> str:
        lat, lng = somewhere(self.chance)
        receipt = services.submit(
            actor=self.rider(),
            client_key=f"crew-{self.chance.getrandbits(60):x}",
            place=services.Whereabouts(lat=lat, lng=lng, accuracy_m=8),
            photos=[self._photo()],
            words="井盖没了，人能掉下去",
        )
        return f"reported {receipt.public_id}"

    def resolve(self) -> str:
        report = self.some("dispatched", "accepted", "reopened")
        if report is None or report.unit is None:
            return ""
        worker = self.staff[report.unit.code]
        if report.state != "accepted":
            services.accept(actor=worker, public_id=report.public_id)
        services.resolve(actor=worker, public_id=report.public_id, text="换好了", photos=[self._photo()])
        return ""

    def look(self) -> str:
        rider = self.rider()
        cards = offers_near(rider)
        if not cards:
            return ""
        card = self.chance.choice(cards)
        offers.take(actor=rider, public_id=card.public_id)
        services.look_again(
            actor=rider,
            offer=card.public_id,
            fixed=self.chance.random() < 0.7,
            place=services.Whereabouts(lat=card.lat, lng=card.lng, accuracy_m=8),
            photos=[self._photo()],
        )
        return f"looked {card.public_id}"

    def support(self) -> str:
        report, rider = self.some("dispatched", "accepted"), self.rider()
        if report is None:
            return ""
        found = similar_reports(rider, lat=report.lat, lng=report.lng, accuracy_m=8, cls=report.cls)
        offer = next((one.offer for one in found if one.offer), "")
        if not offer:
            return ""
        made = services.support(actor=rider, offer=offer, client_key=f"crew-{self.chance.getrandbits(60):x}")
        return f"supported {made.public_id}"

    def reject(self) -> str:
        report = self.some("dispatched", "accepted")
        if report is None or Appeal.objects.filter(report=report).exists():
            return ""
        services.reject(actor=self.staff["clerk"], public_id=report.public_id, reason="没有看到")
        return f"rejected {report.public_id}"

    def appeal(self) -> str:
        report = self.some("invalid")
        if report is None:
            return ""
        for rider in self.riders:
            try:
                services.appeal(actor=rider, public_id=report.public_id, text="明明有")
            except DomainError:
                continue
            return f"appealed {report.public_id}"
        return ""

    def grant(self) -> str:
        waiting = Appeal.objects.filter(state="open").select_related("report").order_by("pk").first()
        if waiting is None:
            return ""
        public_id = waiting.report.public_id
        services.grant_appeal(actor=self.staff["supervisor"], public_id=public_id, text="照片看得清")
        return f"granted {public_id}"

    def work(self) -> str:
        """What the worker for urgent work does; pictures are another one's."""
        runner = JobRunner("urgent")
        while runner.run_due():
            pass
        services.remind()
        notices.fan_out()
        return ""

    def night(self) -> str:
        services.pay_supports()
        services.pay_witnesses()
        services.restore_supports()
        return ""

    def _photo(self) -> ContentFile[bytes]:
        out, colour = BytesIO(), tuple(self.chance.randrange(256) for _ in range(3))
        Image.new("RGB", (64, 48), colour).save(out, "JPEG", comment=self.chance.randbytes(8).hex().encode())
        return ContentFile(out.getvalue(), "a.jpg")


WEIGHTS: dict[Callable[[Crew], str], int] = {
    Crew.report: 6,
    Crew.work: 6,
    Crew.resolve: 5,
    Crew.look: 5,
    Crew.support: 4,
    Crew.reject: 2,
    Crew.appeal: 2,
    Crew.grant: 2,
    Crew.night: 2,
}


def live(seed: int, at: str, log: str) -> None:
    """One life. A line is written when an act has returned, as a person sees the answer."""
    crew = Crew.of_town(random.Random(seed))
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    acts, weights = list(WEIGHTS), list(WEIGHTS.values())
    with clock.at(datetime.fromisoformat(at)):
        for act in crew.chance.choices(acts, weights, k=ACTS):
            try:
                said = act(crew)
            except DomainError:
                continue  # refused, as it may be: nothing has changed
            if said:
                os.write(out, f"{said}\n".encode())


# ── what is stored against what was acknowledged ──────────────────────────────
def check(log: str, at: str) -> dict[str, Any]:
    """Figures, and `broken`: the promises that did not hold. Pays what waits first, twice."""
    with clock.at(datetime.fromisoformat(at) + timedelta(days=5)):
        for _ in range(2):
            services.pay_supports()
            services.pay_witnesses()
            services.restore_supports()
    path = Path(log)
    told: dict[str, list[str]] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        kind, name = line.split()
        told.setdefault(kind, []).append(name)
    broken = [*_lost(told), *_twice(), *_unpaid()]
    while seal_postings():  # nothing else seals what people did
        pass
    proof = compare()
    if not proof.is_sound:
        broken.append(f"the books don't balance: {proof.findings}"[:400])
    return {"acknowledged": {kind: len(names) for kind, names in sorted(told.items())}, "broken": broken}


def _lost(told: dict[str, list[str]]) -> list[str]:
    stored = {
        "reported": set(Report.objects.values_list("public_id", flat=True)),
        "looked": set(Offer.objects.filter(state="done").values_list("public_id", flat=True)),
        "supported": set(Support.objects.values_list("public_id", flat=True)),
        "appealed": set(Appeal.objects.values_list("report__public_id", flat=True)),
        "granted": set(Appeal.objects.filter(state="granted").values_list("report__public_id", flat=True)),
        "rejected": set(ReportStep.objects.filter(step="reject").values_list("report__public_id", flat=True)),
    }
    missing = {kind: set(names) - stored[kind] for kind, names in told.items()}
    return [f"{len(names)} acknowledged as {kind} are gone" for kind, names in missing.items() if names]


def _twice() -> list[str]:
    """Rows that stand for one act must be as many as each other."""
    looks, done = Witness.objects.count(), Offer.objects.filter(state="done").count()
    steps = ReportStep.objects.filter(step__startswith="witness_").count()
    found = [] if looks == done == steps else [f"{looks} looks, {done} offers done, {steps} steps"]
    grants = Counter(ReportStep.objects.filter(step="grant_appeal").values_list("report", flat=True))
    if set(grants.values()) - {1} or len(grants) != Appeal.objects.filter(state="granted").count():
        found.append("an appeal was granted twice, or half")
    if Posting.objects.filter(act="reports.witnessed").count() != Witness.objects.exclude(points=None).count():
        found.append("a look was paid twice, or not")
    return found


def _unpaid() -> list[str]:
    """What a row says that it earned is what the books say."""
    rows = {f"witness:{one.public_id}": one.points for one in Witness.objects.all()}
    rows |= {f"support:{one.public_id}": one.points for one in Support.objects.exclude(points=None)}
    earned = points_of(list(rows))
    wrong = [source for source, points in rows.items() if points is None or max(earned.get(source, 0), 0) != points]
    return [f"{len(wrong)} looks or supports were not paid what they say"] if wrong else []
