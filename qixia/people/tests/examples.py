"""How each service of people is called."""

from __future__ import annotations

from datetime import timedelta

import pyotp

from qixia.kernel import clock
from qixia.media import files
from qixia.media.files import Written
from qixia.people import access, queries, services
from qixia.people.models import Deputy, Device, Organisation, Person, SignInCode
from qixia.people.tests import build
from qixia.policy.services import publish_seeds
from tests.examples import example, exempt

exempt("people.services.code_was_sent", "forgets a secret; the message that was sent is recorded by notices")
exempt("people.services.forget_exports", "part of the retention run, which writes its own proof")
exempt("people.services.request_phone_change", "asks request_sign_in_code, which records the code")
exempt("people.services.request_step_up", "asks request_sign_in_code, which records the code")


def _start() -> None:
    publish_seeds()
    queries.forget_organisations()


def _rider() -> Person:
    _start()
    return build.rider()


def _worker() -> Person:
    _start()
    return build.staff()


def _colleagues() -> tuple[access.Actor, access.Actor]:
    _start()
    away = build.staff()
    colleague = services.create_person(display_name="阿柏", username="abai", actor="system:test")
    place = Organisation.objects.get(code="unit-a")
    services.grant_role(person_id=colleague.pk, role="unit_lead", organisation_id=place.pk, actor="system:test")
    return access.actor_for(away), access.actor_for(colleague)


def _stand_in() -> tuple[access.Actor, Deputy]:
    away, colleague = _colleagues()
    now = clock.now()
    made = services.set_deputy(
        actor=away,
        person=away.public_id,
        deputy=colleague.public_id,
        starts_at=now,
        ends_at=now + timedelta(days=3),
    )
    return away, made


@example("people.services.set_deputy")
def let_a_colleague_stand_in() -> None:
    _stand_in()


@example("people.services.end_deputy")
def be_back_early() -> None:
    away, made = _stand_in()
    services.end_deputy(actor=away, public_id=made.public_id)


def _proven() -> str:
    """The challenge of a phone that has just been proven."""
    _start()
    build.organisation()
    challenge, code = build.challenge()
    services.verify_sign_in_code(challenge=challenge, code=code, address=build.ADDRESS)
    return challenge


def _waiting() -> tuple[Person, str]:
    """A rider whose deletion has been asked for, and the ref."""
    person = _rider()
    ref = f"person:{person.public_id}"
    services.request_erasure(person_id=person.pk, actor=ref)
    return person, ref


def _asked() -> tuple[Person, str, str]:
    """A rider, the ref, and an export that was asked for."""
    person = _rider()
    ref = f"person:{person.public_id}"
    return person, ref, services.request_export(person_id=person.pk, actor=ref)


def _made() -> Written:
    written = files.write_temp([b"PK"], max_bytes=10)
    assert written is not None
    return written


def _totp(person: Person) -> str:
    return pyotp.TOTP(services.enrol_totp(person_id=person.pk).secret).at(clock.now())


@example("people.services.create_person")
def a_person_is_made() -> None:
    person = services.create_person(display_name="一川", phone="138 0000 0001", real_name="林某", actor="system:demo")
    assert queries.own_card(person.pk).phone == "138****0001"


@example("people.services.set_display_name")
def a_person_is_called_otherwise() -> None:
    person = _rider()
    services.set_display_name(person_id=person.pk, display_name="大川", actor=f"person:{person.public_id}")
    assert queries.display_name_for(person.public_id) == "大川"


@example("people.services.set_language")
def a_person_reads_english() -> None:
    person = _rider()
    services.set_language(person_id=person.pk, language="en", actor=f"person:{person.public_id}")
    assert access.actor_for(person.pk).language == "en"


@example("people.services.set_password")
def staff_get_a_new_password() -> None:
    person = _worker()
    services.set_password(person_id=person.pk, password="another-horse-8", actor="system:demo")
    assert services.check_staff_password(username="yangfu", password="another-horse-8", address="192.0.2.1")


@example("people.services.close_account")
def an_account_is_closed() -> None:
    person = _rider()
    services.close_account(person_id=person.pk, actor="system:demo")
    assert not access.actor_for(person.pk).is_signed_in


@example("people.services.erase_person")
def a_person_is_forgotten() -> None:
    person = _rider()
    services.erase_person(person_id=person.pk, actor=f"person:{person.public_id}")
    assert queries.own_card(person.pk).phone == ""


@example("people.services.create_organisation")
def an_organisation_is_made() -> None:
    services.create_organisation(code="yh", name="云溪市政养护所", kind="unit", families="road", actor="system:demo")
    found = queries.organisation_by_code("yh")
    assert found is not None
    assert found.families == ("road",)


@example("people.services.change_organisation")
def an_organisation_changes() -> None:
    unit = build.organisation("unit-a", "unit")
    services.change_organisation(organisation_id=unit.pk, name="新名字", actor="system:demo")
    assert Organisation.objects.get().name == "新名字"


@example("people.services.enrol_rider")
def a_person_rides() -> None:
    _start()
    build.organisation("platform-a")
    person = services.create_person(display_name="一川", phone=build.PHONE, actor="system:demo")
    services.enrol_rider(person_id=person.pk, platform="platform-a", actor="system:demo")
    assert queries.roles_of(person.pk) == {"rider"}


@example("people.services.grant_role")
def a_role_is_given() -> None:
    person, unit = _rider(), build.organisation("unit-a", "unit")
    services.grant_role(person_id=person.pk, role="worker", organisation_id=unit.pk, actor="system:demo")
    assert access.actor_for(person.pk).organisation_ids("worker") == {unit.pk}


@example("people.services.revoke_role")
def a_role_is_taken_back() -> None:
    person, unit = _rider(), build.organisation("unit-a", "unit")
    grant = services.grant_role(person_id=person.pk, role="worker", organisation_id=unit.pk, actor="system:demo")
    services.revoke_role(grant=grant.public_id, actor="system:demo")
    assert queries.roles_of(person.pk) == {"rider"}


@example("people.services.give_consent")
def a_rider_agrees() -> None:
    person = _rider()
    version = queries.consent_rules().text("place").version
    services.give_consent(person_id=person.pk, kind="place", version=version, actor=f"person:{person.public_id}")
    assert queries.has_consent(person.pk, "place")


@example("people.services.withdraw_consent")
def a_rider_thinks_again() -> None:
    person = _rider()
    services.give_consent(person_id=person.pk, kind="place", version=1, actor=f"person:{person.public_id}")
    services.withdraw_consent(person_id=person.pk, kind="place", actor=f"person:{person.public_id}")
    assert not queries.has_consent(person.pk, "place")


@example("people.services.request_sign_in_code")
def a_code_is_sent() -> None:
    _start()
    challenge = services.request_sign_in_code(phone="138 0000 0001", address="192.0.2.1")
    assert challenge.phone_shown == "138****0001"


@example("people.services.send_again")
def another_code_is_sent() -> None:
    _start()
    with clock.at(clock.now()):
        first = services.request_sign_in_code(phone=build.PHONE, address="192.0.2.1")
    with clock.at(first.resend_at):
        services.send_again(challenge=first.public_id, address="192.0.2.1")
    assert SignInCode.objects.count() == 2


@example("people.services.verify_sign_in_code")
def a_phone_is_proven() -> None:
    person = _rider()
    challenge, code = build.challenge()
    found = services.verify_sign_in_code(challenge=challenge, code=code, address="192.0.2.1")
    assert found.person_id == person.pk


@example("people.services.register_rider")
def a_new_rider_registers() -> None:
    person_id = services.register_rider(challenge=_proven(), nickname="一川", platform="platform-a")
    assert queries.own_card(person_id).platform == "单位 platform-a"


@example("people.services.check_staff_password")
def staff_give_name_and_password() -> None:
    person = _worker()
    found = services.check_staff_password(username="yangfu", password=build.PASSWORD, address="192.0.2.1")
    assert found == person.pk


@example("people.services.enrol_totp")
def staff_set_up_an_authenticator() -> None:
    assert services.enrol_totp(person_id=_worker().pk).uri.startswith("otpauth://")


@example("people.services.confirm_totp")
def the_first_code_of_an_authenticator() -> None:
    person = _worker()
    services.confirm_totp(person_id=person.pk, code=_totp(person))
    assert queries.totp_is_confirmed(person.pk)


@example("people.services.verify_totp")
def a_later_code_of_an_authenticator() -> None:
    person = _worker()
    secret = services.enrol_totp(person_id=person.pk).secret
    now = int(clock.now().timestamp()) // 30
    services.confirm_totp(person_id=person.pk, code=pyotp.TOTP(secret).generate_otp(now))
    services.verify_totp(person_id=person.pk, code=pyotp.TOTP(secret).generate_otp(now + 1))


@example("people.services.reset_totp")
def a_lost_phone() -> None:
    person = _worker()
    before = services.enrol_totp(person_id=person.pk).secret
    services.reset_totp(person_id=person.pk, actor="system:demo")
    assert services.enrol_totp(person_id=person.pk).secret != before


@example("people.services.note_sign_in")
def a_browser_is_remembered() -> None:
    person = _rider()
    services.note_sign_in(person_id=person.pk, device="x" * 32, label="Chrome / Android")
    assert Device.objects.get().label == "Chrome / Android"


# ── the own data ────────────────────────────────────────────────────────────


@example("people.services.set_real_name")
def a_real_name_is_corrected() -> None:
    person = _rider()
    services.set_real_name(person_id=person.pk, real_name="林小满", actor=f"person:{person.public_id}")
    assert queries.own_card(person.pk).real_name == "林小满"


@example("people.services.change_phone")
def a_phone_is_changed_by_a_code_to_the_new_one() -> None:
    person = _rider()
    asked = services.request_phone_change(person_id=person.pk, phone="13900000002", address=build.ADDRESS)
    message = queries.code_message(asked.public_id)
    assert message is not None
    services.change_phone(
        person_id=person.pk,
        challenge=asked.public_id,
        code=message[1],
        address=build.ADDRESS,
        actor=f"person:{person.public_id}",
    )
    assert queries.phone_for_message(person.pk) == "13900000002"


@example("people.services.prove_new_phone")
def a_phone_is_proven_that_nobody_has() -> None:
    _start()
    challenge, code = build.challenge("13900000002")
    assert services.prove_new_phone(challenge=challenge, code=code, address=build.ADDRESS) == "13900000002"


@example("people.services.check_step_up")
def a_code_to_the_own_phone_before_what_cannot_be_undone() -> None:
    person = _rider()
    asked = services.request_step_up(person_id=person.pk, address=build.ADDRESS)
    message = queries.code_message(asked.public_id)
    assert message is not None
    services.check_step_up(person_id=person.pk, challenge=asked.public_id, code=message[1], address=build.ADDRESS)


@example("people.services.request_export")
def a_copy_is_asked_for() -> None:
    person, _ref, export = _asked()
    assert queries.export_owner(export) == person.pk


@example("people.services.keep_export")
def a_copy_is_ready() -> None:
    person, _ref, export = _asked()
    services.keep_export(export=export, written=_made())
    state = queries.latest_export(person.pk)
    assert state is not None
    assert state.ready_at is not None


@example("people.services.fail_export")
def a_copy_could_not_be_made() -> None:
    person, _ref, export = _asked()
    services.fail_export(export=export)
    state = queries.latest_export(person.pk)
    assert state is not None
    assert state.failed


@example("people.services.fetch_export")
def a_copy_is_fetched() -> None:
    person, ref, export = _asked()
    services.keep_export(export=export, written=_made())
    found = services.fetch_export(person_id=person.pk, export=export, actor=ref)
    assert found.path.exists()


@example("people.services.request_erasure")
def deletion_is_asked_for() -> None:
    person, _ref = _waiting()
    assert queries.erasure_due(person.pk) is not None


@example("people.services.cancel_erasure")
def deletion_is_called_off() -> None:
    person, ref = _waiting()
    services.cancel_erasure(person_id=person.pk, actor=ref)
    assert queries.erasure_due(person.pk) is None


@example("people.services.carry_out_erasures")
def deletion_is_carried_out_when_its_time_has_come() -> None:
    person, _ref = _waiting()
    with clock.at(clock.now() + timedelta(days=8)):
        assert services.carry_out_erasures() == 1
    assert queries.display_name_for(person.public_id) == "已注销"


@example("people.services.run_retention")
def what_is_over_goes_and_leaves_proof() -> None:
    _start()
    with clock.at(clock.now() - timedelta(days=3)):
        build.challenge()
    assert services.run_retention() > 0
    assert not SignInCode.objects.exists()


@example("people.services.change_own_password")
def staff_change_their_own_password() -> None:
    person = _worker()
    secret = pyotp.TOTP(services.enrol_totp(person_id=person.pk).secret)
    services.confirm_totp(person_id=person.pk, code=secret.at(clock.now()))
    services.change_own_password(
        person_id=person.pk,
        current=build.PASSWORD,
        new="a-better-horse-battery-8",
        code=secret.at(clock.now() + timedelta(seconds=30)),
        address=build.ADDRESS,
    )
    name = person.username or ""
    assert services.check_staff_password(username=name, password="a-better-horse-battery-8", address=build.ADDRESS)
