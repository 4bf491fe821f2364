"""Riders and offers for tests, made by the real services."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from qixia.kernel import clock
from qixia.offers import kinds, services
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.policy.queries import current
from qixia.policy.services import publish, publish_seeds

MAKER = "system:test"
HERE = (24.9, 118.6)
KIND = kinds.Kind("test", "试", "eye", "offers:take")


def prepared() -> None:
    publish_seeds()
    leave_out(0)
    kinds.register(KIND)


def leave_out(share: float | None) -> None:
    """Keep this share of everybody away from each offer; None: as Qixia ships."""
    data = current("offers.offers").data.model_dump(mode="json", exclude={"left_out"})
    more = {} if share is None else {"left_out": share}
    publish("offers.offers", data | more, note="试", actor_ref=MAKER)


def riders(count: int) -> list[Actor]:
    people.create_organisation(code="yunpao", name="云跑", kind="platform", actor=MAKER)
    made = []
    for number in range(count):
        person = people.create_person(display_name=f"骑{number}", phone=f"139{number:08d}", actor=MAKER)
        people.enrol_rider(person_id=person.pk, platform="yunpao", actor=MAKER)
        people.give_consent(person_id=person.pk, kind="place", version=1, actor=MAKER)
        made.append(actor_for(person))
    return made


def offer(subject: str = "report:one", **more: Any) -> str:
    given = {
        "kind": "test",
        "subject": subject,
        "title": "去看一眼：井盖",
        "place": "云帆路 8 号",
        "lat": HERE[0],
        "lng": HERE[1],
        "radius_m": 100,
        "closes_at": clock.now() + timedelta(hours=20),
        "points": 5,
    } | more
    return services.make(**given)
