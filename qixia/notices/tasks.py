"""Work that waits for the outside, and what happens in people that its owner should hear of."""

from __future__ import annotations

from qixia.jobs.registry import EventView, on, task
from qixia.kernel import clock
from qixia.notices import services
from qixia.people import queries as people
from qixia.people.services import sign_in

CONSENTS_PAGE = "/me/consents"


@task("notices.send_code", max_tries=4, timeout_s=30)
def send_code(code: str) -> None:
    """`code` is the public id of a sign-in code; the queue never holds a number or the digits."""
    message = people.code_message(code)
    if message is None:
        return  # sent, used or expired meanwhile
    phone, digits = message
    services.send_code(phone, digits, key=f"sign-in:{code}")
    sign_in.code_was_sent(code=code)


@on("people.consent_changed")
def tell_of_consent(event: EventView) -> None:
    person_id = _person(event)
    if person_id is None:
        return
    text = people.consent_rules().text(event.payload["kind"])
    now = {"zh": "已同意", "en": "agreed"} if event.payload["given"] else {"zh": "已收回", "en": "taken back"}
    params = {"what": {"zh": text.zh.title, "en": text.en.title}, "now": now}
    services.tell(person_id, "consent.changed", params=params, link=CONSENTS_PAGE, key=f"event:{event.id}")


@on("people.new_device")
def tell_of_device(event: EventView) -> None:
    person_id = _person(event)
    if person_id is None:
        return
    at = f"{clock.city_time(clock.now()):%m-%d %H:%M}"
    params = {"device": people.device_label(event.payload["device"]), "at": at}
    services.tell(person_id, "sign_in.new_device", params=params, key=f"event:{event.id}")


@on("people.erased")
def forget_notices(event: EventView) -> None:
    person_id = _person(event)
    if person_id is not None:
        services.forget_person(person_id=person_id)


def _person(event: EventView) -> int | None:
    return people.person_id_for(event.ref.removeprefix("person:"))
