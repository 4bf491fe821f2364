"""How the services of people are called."""

from datetime import UTC, datetime

from qixia.people import queries, services
from qixia.people.tests import build
from qixia.policy.services import publish_seeds
from tests.examples import example

ADMIN = "person:admin"


def someone(phone: str = build.PHONE) -> int:
    publish_seeds()
    queries.forget_organisations()
    return build.rider(phone).pk


@example("people.services.create_person")
def create_a_person() -> None:
    person = services.create_person(display_name="一川", phone=build.PHONE, actor=ADMIN)
    assert person.display_name == "一川"


@example("people.services.enrol_rider")
def enrol_a_rider_of_a_platform() -> None:
    queries.forget_organisations()
    build.organisation()
    person = services.create_person(display_name="一川", actor=ADMIN)
    rider = services.enrol_rider(person_id=person.pk, platform="platform-a", actor=ADMIN, rider_no="A-17")
    assert rider.person_id == person.pk


@example("people.services.create_organisation")
def create_an_organisation() -> None:
    unit = services.create_organisation(code="shizheng", name="市政所", kind="unit", actor=ADMIN)
    assert unit.code == "shizheng"


@example("people.services.change_organisation")
def rename_an_organisation() -> None:
    unit = build.organisation("unit-a", "unit")
    changed = services.change_organisation(organisation_id=unit.pk, actor=ADMIN, name="市政养护所")
    assert changed.name == "市政养护所"


@example("people.services.grant_role")
def make_somebody_a_clerk() -> None:
    unit = build.organisation("unit-a", "unit")
    person = services.create_person(display_name="知秋", username="zhiqiu", actor=ADMIN)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    grant = services.grant_role(
        person_id=person.pk, role="clerk", organisation_id=unit.pk, actor=ADMIN, valid_from=start
    )
    assert grant.role == "clerk"


@example("people.services.revoke_role")
def end_a_role() -> None:
    unit = build.organisation("unit-a", "unit")
    person = services.create_person(display_name="知秋", username="zhiqiu", actor=ADMIN)
    grant = services.grant_role(person_id=person.pk, role="clerk", organisation_id=unit.pk, actor=ADMIN)
    services.revoke_role(grant=grant.public_id, actor=ADMIN)
    grant.refresh_from_db()
    assert grant.revoked_at is not None


@example("people.services.set_display_name")
def change_a_nickname() -> None:
    person_id = someone()
    services.set_display_name(person_id=person_id, display_name="大川", actor=ADMIN)


@example("people.services.set_language")
def choose_english() -> None:
    services.set_language(person_id=someone(), language="en", actor=ADMIN)


@example("people.services.set_password")
def set_a_password() -> None:
    services.set_password(person_id=build.staff().pk, password="another-long-phrase-9", actor=ADMIN)


@example("people.services.give_consent")
def say_yes_to_the_use_of_places() -> None:
    person_id = someone()
    version = queries.consent_rules().text("place").version
    services.give_consent(person_id=person_id, kind="place", version=version, actor=ADMIN)


@example("people.services.withdraw_consent")
def take_the_yes_back() -> None:
    person_id = someone()
    version = queries.consent_rules().text("place").version
    services.give_consent(person_id=person_id, kind="place", version=version, actor=ADMIN)
    services.withdraw_consent(person_id=person_id, kind="place", actor=ADMIN)


@example("people.services.close_account")
def close_an_account() -> None:
    services.close_account(person_id=someone(), actor=ADMIN)


@example("people.services.erase_person")
def forget_a_person() -> None:
    services.erase_person(person_id=someone(), actor=ADMIN)
