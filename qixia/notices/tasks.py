"""Work that waits for the outside, and what happens in people that its owner should hear of."""

from __future__ import annotations

from qixia.jobs.registry import EventView, every, on, task
from qixia.jobs.services import enqueue
from qixia.kernel import clock
from qixia.notices import queries, services
from qixia.people import queries as people
from qixia.people.services import sign_in

BATCHES = 20  # of one look; the next one is two seconds away
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


@every("notices.fan_out", seconds=2)
def fan_out() -> None:
    """Look at what was told meanwhile. Sending waits for others, so it is the slow worker's."""
    for _batch in range(BATCHES):
        if not services.fan_out():
            break
    if queries.something_is_due():
        enqueue("notices.send", key="notices.send", priority=-1)


# Failures stand in the deliveries' own rows. A job in quarantine would keep its key and with it all sending.
@task("notices.send", max_tries=30_000, timeout_s=60)
def send() -> None:
    services.send_due()


@every("notices.digests", minutes=5)
def tell_digests() -> None:
    services.tell_digests()


@task("notices.confirm_mail", max_tries=6)
def confirm_mail(person: str) -> None:
    person_id = people.person_id_for(person)
    if person_id is not None:
        services.send_confirmation(person_id=person_id)


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
