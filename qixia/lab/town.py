"""A small town with riders for benches and harnesses, made by the real services in an empty, migrated database."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from qixia.codes.services import load_reference
from qixia.lab.district import district
from qixia.people import services as people
from qixia.people import sessions
from qixia.people.queries import consent_rules
from qixia.places.services import load_district
from qixia.policy.queries import current
from qixia.policy.services import publish, publish_seeds
from qixia.rewards.services import Award, award_many

MAKER = "system:lab"
UNLIMITED = 30_000  # reports an hour, points a day: no limit of a rider may end a measurement


@dataclass(frozen=True, slots=True)
class LabRider:
    """A rider who is signed in."""

    person_id: int
    ref: str
    session: str


def build(riders: int) -> list[LabRider]:
    """Everything that a report needs to be settled surely, and riders without limits."""
    load_reference()
    publish_seeds()
    load_district(district(), is_demo=True)
    for code in sorted({row.unit for row in current("reports.routing").data.rows}):
        people.create_organisation(code=code, name=f"{code}单位", kind="unit", actor=MAKER)
    people.create_organisation(code="yunpao", name="云跑", kind="platform", actor=MAKER)
    _lift_limits()
    made = [_rider(number) for number in range(riders)]
    # Opens the accounts, as a rider's first report does.
    award_many(
        [Award(one.ref, "suggestion", f"lab:{one.person_id}", "lab.opened", MAKER) for one in made],
    )
    return made


def _lift_limits() -> None:
    pace = current("reports.limits").data.model_dump(mode="json")
    publish("reports.limits", pace | {"per_hour": UNLIMITED}, note="lab", actor_ref=MAKER)
    points = current("rewards.points").data.model_dump(mode="json", by_alias=True)
    publish("rewards.points", points | {"day_cap": UNLIMITED, "week_cap": UNLIMITED}, note="lab", actor_ref=MAKER)
    # A thousand reports of few places are no thousand of one matter: each is to be settled for itself.
    merging = current("reports.merging").data.model_dump(mode="json")
    publish("reports.merging", merging | {"automatic": False}, note="lab", actor_ref=MAKER)


def _rider(number: int) -> LabRider:
    person = people.create_person(display_name=f"试骑{number}", phone=f"138{number:08d}", actor=MAKER)
    people.enrol_rider(person_id=person.pk, platform="yunpao", actor=MAKER)
    for text in consent_rules().texts:
        people.give_consent(person_id=person.pk, kind=text.kind, version=text.version, actor=MAKER)
    request = HttpRequest()
    request.session = SessionStore()
    sessions.start(request, person_id=person.pk, is_staff=False)
    request.session.save()
    return LabRider(person.pk, f"person:{person.public_id}", request.session.session_key or "")
