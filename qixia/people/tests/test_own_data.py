"""Correct, take along, delete: who may, what it needs, what it leaves."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from qixia.audit.models import AccessRecord, AuditEvent
from qixia.jobs.models import Event
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import Conflict, DomainError, Invalid, NotFound
from qixia.media import files
from qixia.media.sealed import Unsealer
from qixia.people import holds, queries, rules, services
from qixia.people.models import DataExport, ErasureRequest, Person, PersonKey, SignInCode
from qixia.people.sessions import BACKEND
from qixia.people.tests import build

pytestmark = pytest.mark.usefixtures("seeded")
NEW = "13900000002"


@pytest.fixture
def rider():
    return build.rider()


@pytest.fixture
def held(monkeypatch):
    """A hold that the test may lift."""
    waiting = [holds.Hold("test", 2, "还有 %(count)s 件上报没办完。", "办完后再来。")]
    monkeypatch.setattr(holds, "_checks", {"test": lambda actor: waiting[0] if waiting else None})
    return waiting


def ref(person) -> str:
    return f"person:{person.public_id}"


def code_of(challenge: str) -> str:
    message = queries.code_message(challenge)
    assert message is not None
    return message[1]


# ── correct ─────────────────────────────────────────────────────────────────


def test_a_new_phone_signs_in_and_the_old_one_does_not(rider):
    asked = services.request_phone_change(person_id=rider.pk, phone=NEW, address=build.ADDRESS)
    services.change_phone(
        person_id=rider.pk,
        challenge=asked.public_id,
        code=code_of(asked.public_id),
        address=build.ADDRESS,
        actor=ref(rider),
    )
    assert queries.person_id_by_phone(NEW) == rider.pk
    assert queries.person_id_by_phone(build.PHONE) is None
    assert not SignInCode.objects.exists()
    assert AuditEvent.objects.filter(action="people.phone_changed", subject=ref(rider)).count() == 1


def test_a_phone_of_somebody_else_or_the_own_one_is_refused(rider):
    other = services.create_person(display_name="二", phone=NEW, actor=build.ACTOR)
    with pytest.raises(rules.SamePhone):
        services.request_phone_change(person_id=rider.pk, phone=build.PHONE, address=build.ADDRESS)
    asked = services.request_phone_change(person_id=rider.pk, phone=NEW, address=build.ADDRESS)
    with pytest.raises(rules.PhoneTaken):
        services.change_phone(
            person_id=rider.pk,
            challenge=asked.public_id,
            code=code_of(asked.public_id),
            address=build.ADDRESS,
            actor=ref(rider),
        )
    assert queries.person_id_by_phone(build.PHONE) == rider.pk
    assert queries.person_id_by_phone(NEW) == other.pk


def test_a_wrong_code_changes_no_phone(rider):
    asked = services.request_phone_change(person_id=rider.pk, phone=NEW, address=build.ADDRESS)
    with pytest.raises(rules.WrongCode):
        services.change_phone(
            person_id=rider.pk,
            challenge=asked.public_id,
            code=build.other(code_of(asked.public_id)),
            address=build.ADDRESS,
            actor=ref(rider),
        )
    assert queries.phone_for_message(rider.pk) == build.PHONE


def test_a_real_name_comes_changes_and_goes(rider):
    for name in ("林小满", "林大满", ""):
        services.set_real_name(person_id=rider.pk, real_name=name, actor=ref(rider))
        assert queries.own_card(rider.pk).real_name == name
    assert Person.objects.get(pk=rider.pk).sealed_real_name is None
    with pytest.raises(rules.BadRealName):
        services.set_real_name(person_id=rider.pk, real_name="1", actor=ref(rider))


# ── take along ──────────────────────────────────────────────────────────────


def made(content: bytes) -> files.Written:
    written = files.write_temp([content], max_bytes=1000)
    assert written is not None
    return written


def test_an_export_is_sealed_fetched_by_its_owner_only_and_recorded(rider):
    export = services.request_export(person_id=rider.pk, actor=ref(rider))
    with pytest.raises(rules.ExportUnderWay):
        services.request_export(person_id=rider.pk, actor=ref(rider))
    with pytest.raises(NotFound):
        services.fetch_export(person_id=rider.pk, export=export, actor=ref(rider))
    services.keep_export(export=export, written=made(b"private words"))
    other = services.create_person(display_name="二", phone=NEW, actor=build.ACTOR)
    with pytest.raises(NotFound):
        services.fetch_export(person_id=other.pk, export=export, actor=ref(other))
    assert not AccessRecord.objects.exists()
    found = services.fetch_export(person_id=rider.pk, export=export, actor=ref(rider))
    assert b"private" not in found.path.read_bytes()
    with Unsealer(found.path, found.key) as file:
        assert b"".join(file.parts()) == b"private words"
    row = AccessRecord.objects.get()
    assert (row.kind, row.subject, row.actor, row.basis) == ("export", ref(rider), ref(rider), "self")


def test_an_export_ends_after_its_hours_and_its_file_goes(rider, django_capture_on_commit_callbacks):
    export = services.request_export(person_id=rider.pk, actor=ref(rider))
    services.keep_export(export=export, written=made(b"x"))
    path = queries.export_file(rider.pk, export).path
    hours = queries.privacy_rules().export_hours
    with clock.at(clock.now() + timedelta(hours=hours, minutes=1)):
        assert queries.latest_export(rider.pk) is None
        with pytest.raises(NotFound):
            services.fetch_export(person_id=rider.pk, export=export, actor=ref(rider))
        with django_capture_on_commit_callbacks(execute=True):
            assert services.forget_exports(before=clock.now()) == 1
    assert not path.exists()
    assert not DataExport.objects.exists()


def test_what_was_made_for_somebody_who_is_gone_goes_too(rider, monkeypatch, tmp_path):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path)  # tests beside this one make exports of their own
    export = services.request_export(person_id=rider.pk, actor=ref(rider))
    DataExport.objects.all().delete()
    folder = queries.export_path("x").parent
    folder.mkdir(parents=True)
    services.keep_export(export=export, written=made(b"x"))
    assert list(folder.iterdir()) == []


# ── delete ──────────────────────────────────────────────────────────────────


def test_deletion_waits_seven_days_and_can_be_called_off(rider):
    due = services.request_erasure(person_id=rider.pk, actor=ref(rider))
    assert services.request_erasure(person_id=rider.pk, actor=ref(rider)) == due
    assert ErasureRequest.objects.count() == 1
    with clock.at(due - timedelta(seconds=1)):
        assert services.carry_out_erasures() == 0
    for _ in range(2):
        services.cancel_erasure(person_id=rider.pk, actor=ref(rider))
    with clock.at(due + timedelta(days=1)):
        assert services.carry_out_erasures() == 0
    assert PersonKey.objects.filter(person=rider).exists()
    assert Event.objects.filter(name="people.erasure_cancelled").count() == 1


def test_a_hold_refuses_the_wish_and_later_the_deed(rider, held):
    with pytest.raises(rules.LegalHold) as refusal:
        services.request_erasure(person_id=rider.pk, actor=ref(rider))
    assert "还有 2 件上报没办完" in str(refusal.value)
    assert not ErasureRequest.objects.exists()
    hold = held.pop()
    due = services.request_erasure(person_id=rider.pk, actor=ref(rider))
    held.append(hold)
    with pytest.raises(rules.LegalHold):
        services.erase_person(person_id=rider.pk, actor=build.ACTOR)
    with clock.at(due):
        assert services.carry_out_erasures() == 0
        assert queries.phone_for_message(rider.pk) == build.PHONE
        held.clear()
        assert services.carry_out_erasures() == 1
        assert services.carry_out_erasures() == 0
    assert not PersonKey.objects.filter(person=rider).exists()


def test_erasing_ends_every_session_and_forgets_devices_codes_and_exports(rider, django_capture_on_commit_callbacks):
    stays = build.staff()
    for person in (rider, stays):
        Client().force_login(person, backend=BACKEND)
    services.note_sign_in(person_id=rider.pk, device="d" * 24, label="Chrome / Android")
    export = services.request_export(person_id=rider.pk, actor=ref(rider))
    services.keep_export(export=export, written=made(b"x"))
    path = queries.export_file(rider.pk, export).path
    build.challenge()
    with django_capture_on_commit_callbacks(execute=True):
        services.erase_person(person_id=rider.pk, actor=ref(rider))
    assert [s.get_decoded()["_auth_user_id"] for s in Session.objects.all()] == [str(stays.pk)]
    assert not path.exists()
    assert (SignInCode.objects.count(), DataExport.objects.count(), queries.devices_of(rider.pk)) == (0, 0, [])
    assert Event.objects.filter(name="people.erased", ref=ref(rider)).count() == 1


def test_a_step_up_wants_the_own_phones_code(rider):
    other = services.create_person(display_name="二", phone=NEW, actor=build.ACTOR)
    asked = services.request_step_up(person_id=other.pk, address=build.ADDRESS)
    with pytest.raises(Invalid) as refusal:
        services.check_step_up(
            person_id=rider.pk, challenge=asked.public_id, code=code_of(asked.public_id), address=build.ADDRESS
        )
    assert refusal.value.field == "code"
    with pytest.raises(DomainError):
        services.check_step_up(person_id=rider.pk, challenge="nosuch", code="123456", address=build.ADDRESS)


def test_two_exports_at_once_are_one(rider):
    services.request_export(person_id=rider.pk, actor=ref(rider))
    with pytest.raises(Conflict):
        services.request_export(person_id=rider.pk, actor=ref(rider))
    assert DataExport.objects.count() == 1
