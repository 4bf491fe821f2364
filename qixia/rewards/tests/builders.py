"""People, shops and items for tests; points come through the real services."""

from __future__ import annotations

import itertools
from datetime import timedelta
from io import BytesIO
from typing import Any

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from qixia.kernel import clock
from qixia.people.access import Actor, actor_for
from qixia.people.services import create_organisation, create_person, enrol_rider
from qixia.rewards.models import Item, Slot
from qixia.rewards.services import award

_serial = itertools.count(1)


def organisation(code: str = "", kind: str = "merchant") -> Any:
    code = code or f"shop-{next(_serial)}"
    made, _is_new = apps.get_model("people", "Organisation").objects.get_or_create(
        code=code, defaults={"name": f"{code} 食堂", "kind": kind}
    )
    return made


def person(role: str = "rider", at: Any = None) -> Actor:
    made = apps.get_model("people", "Person").objects.create(display_name=f"小{next(_serial)}")
    apps.get_model("people", "RoleGrant").objects.create(
        person=made, role=role, organisation=at or organisation("platform", "platform")
    )
    return actor_for(made.pk)


def phone_of(number: int) -> str:
    return f"139{number:08d}"


def rider_by_phone(number: int) -> Actor:
    """A registered rider who has the phone `phone_of(number)`."""
    create_organisation(code="yunpao", name="云跑", kind="platform", actor="system:test")
    made = create_person(display_name=f"骑{number}", phone=phone_of(number), actor="system:test")
    enrol_rider(person_id=made.pk, platform="yunpao", actor="system:test")
    return actor_for(made.pk)


def rider_with(points: int) -> Actor:
    """A rider who earned `points` by real awards."""
    actor = person()
    give(actor, points)
    return actor


def give(actor: Actor, points: int, *, source: str = "") -> None:
    """Awards of 10 and 2 and one reading of the table's other lines, until the sum is reached. Day caps are off in
    the tests' table (`publish_table`)."""
    left = points
    while left:
        rule = next(
            rule for rule, worth in (("manhole", 15), ("fire-lane", 10), ("confirm", 2), ("one", 1)) if worth <= left
        )
        award(
            beneficiary=actor.ref,
            rule=rule,
            source=source or f"report:{next(_serial)}",
            act="reports.dispatched",
            actor="system:test",
        )
        left -= {"manhole": 15, "fire-lane": 10, "confirm": 2, "one": 1}[rule]


def item(shop: Any = None, **fields: Any) -> Item:
    values = {
        "name": "午餐券 15 元",
        "summary": "点餐时出示",
        "kind": "meal",
        "need": "food",
        "price": 10,
        "face_value_fen": 1500,
        "stock": 5,
        "valid_days": 14,
        "picture": "meal",
    }
    return Item.objects.create(**{**values, **fields}, merchant=shop or organisation())


TABLE: dict[str, Any] = {
    "default_points": 5,
    "day_cap": None,
    "cancel_returns": 100,
    "expiry_returns": 100,
    "rules": {
        "manhole": {"points": 15},
        "fire-lane": {"points": 10},
        "litter": {"points": 3, "day_cap": 7},
        "confirm": {"title": "回访", "points": 2},
        "one": {"title": "一分", "points": 1},
    },
}


def slot(thing: Item, *, hours: float = 48, minutes: int = 30, places: int = 1) -> Slot:
    """A time of an item, so many hours from now."""
    starts_at = clock.now() + timedelta(hours=hours)
    return Slot.objects.create(
        item=thing, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=minutes), capacity=places
    )


def therapy(**fields: Any) -> Item:
    """An item that is taken by time."""
    values = {"name": "肩颈理疗", "kind": "service", "need": "health", "picture": "therapy", "has_slots": True}
    return item(**{**values, **fields})


def a_photo() -> SimpleUploadedFile:
    """A small picture of nothing."""
    made = BytesIO()
    Image.new("RGB", (64, 48), "#c9a13b").save(made, "JPEG")
    return SimpleUploadedFile("photo.jpg", made.getvalue(), content_type="image/jpeg")
