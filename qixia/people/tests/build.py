"""Builders: they reach a state through the real services."""

from __future__ import annotations

from threading import Thread
from typing import Any

from django.db import connection

from qixia.kernel.errors import DomainError
from qixia.people import queries, services
from qixia.people.models import Organisation, Person
from qixia.people.services import sign_in

ACTOR = "system:test"
PASSWORD = "correct-horse-battery-7"
PHONE = "13800000001"
ADDRESS = "192.0.2.7"


def organisation(code: str = "platform-a", kind: str = "platform", **more: Any) -> Organisation:
    return services.create_organisation(code=code, name=f"单位 {code}", kind=kind, actor=ACTOR, **more)


def rider(phone: str = PHONE, name: str = "一川") -> Person:
    organisation()
    person = services.create_person(display_name=name, phone=phone, actor=ACTOR)
    services.enrol_rider(person_id=person.pk, platform="platform-a", actor=ACTOR)
    return person


def staff(username: str = "yangfu", role: str = "worker", **more: Any) -> Person:
    unit = organisation("unit-a", "unit")
    person = services.create_person(display_name="阿松", username=username, password=PASSWORD, actor=ACTOR)
    services.grant_role(person_id=person.pk, role=role, organisation_id=unit.pk, actor=ACTOR, **more)
    return person


def challenge(phone: str = PHONE, address: str = ADDRESS) -> tuple[str, str]:
    """A code on its way: the challenge's id and the code."""
    asked = sign_in.request_sign_in_code(phone=phone, address=address)
    message = queries.code_message(asked.public_id)
    assert message is not None
    return asked.public_id, message[1]


def other(code: str) -> str:
    """A code that is not this one."""
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"


def in_threads(count: int, act: Any) -> list[Any]:
    """Run `act(number)` in threads at once; results or DomainErrors, in no order."""
    results: list[Any] = []

    def run(number: int) -> None:
        try:
            results.append(act(number))
        except DomainError as error:
            results.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
