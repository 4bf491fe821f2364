"""What a person does with the own data: correct it, take it along, have it deleted.

Proof    a new phone is proven by a code sent to it; deletion by a code sent to the own phone (staff: the second factor).
Truth    DataExport and ErasureRequest rows. The file of an export lies sealed; its key is in the row.
Errors   LegalHold (409) names what still runs; ExportUnderWay, PhoneTaken (409); SamePhone, WrongCode, CodeDead (422).
         Nothing has changed then.
Retries  asking twice for deletion gives the first request; calling off and finishing are safe to repeat.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from qixia.audit.services import record, record_access
from qixia.jobs.registry import declare_event
from qixia.jobs.services import enqueue, publish
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotFound
from qixia.media import files
from qixia.media.sealed import wrap_key
from qixia.people import queries, rules, vault
from qixia.people.access import SYSTEM
from qixia.people.models import DataExport, ErasureRequest, Person, PersonKey, SignInCode
from qixia.people.services import accounts, sign_in

ERASURE_ASKED = declare_event("people.erasure_asked")  # ref person, payload {due}
ERASURE_CANCELLED = declare_event("people.erasure_cancelled")  # ref person
EXPORT_READY = declare_event("people.export_ready")  # ref person
BUILD_EXPORT = "site.build_export"  # a task of the top layer, by name: only it can ask every room

_WRONG = "这个验证码不是发到你手机上的那一条。"


# ── correct ─────────────────────────────────────────────────────────────────


@transaction.atomic
def set_real_name(*, person_id: int, real_name: str, actor: str) -> None:
    """Write, change or remove (empty) the real name."""
    person = _locked(person_id)
    name = rules.real_name(real_name)
    key = PersonKey.objects.get(person=person)
    sealed = vault.seal(name, wrapped=bytes(key.wrapped), owner=person.public_id, field="real_name") if name else None
    Person.objects.filter(pk=person.pk).update(sealed_real_name=sealed)
    record("people.real_name_set", subject=_ref(person), actor=actor, given=bool(name))


def request_phone_change(*, person_id: int, phone: str, address: str) -> sign_in.Challenge:
    """Send a code to the new number. SamePhone if it is the present one."""
    number = rules.mobile_number(phone)
    if Person.objects.filter(pk=person_id, phone_index=vault.phone_index(number)).exists():
        raise rules.SamePhone(field="phone")
    return sign_in.request_sign_in_code(phone=number, address=address)


def change_phone(*, person_id: int, challenge: str, code: str, address: str, actor: str) -> None:
    """The code that came to the new number: from now on that number signs in, and the old one doesn't."""
    number = sign_in.prove_new_phone(challenge=challenge, code=code, address=address)
    try:
        with transaction.atomic():
            person = _locked(person_id)
            key = PersonKey.objects.get(person=person)
            old = person.phone_index
            Person.objects.filter(pk=person.pk).update(
                sealed_phone=vault.seal(number, wrapped=bytes(key.wrapped), owner=person.public_id, field="phone"),
                phone_index=vault.phone_index(number),
            )
            SignInCode.objects.filter(
                phone_index__in=[index for index in (old, vault.phone_index(number)) if index]
            ).delete()
            record("people.phone_changed", subject=_ref(person), actor=actor)
    except IntegrityError as error:
        raise rules.PhoneTaken(field="phone") from error


# ── take along ──────────────────────────────────────────────────────────────


def request_export(*, person_id: int, actor: str) -> str:
    """Ask for a copy of everything; returns the export's public id. ExportUnderWay if one is being made."""
    try:
        with transaction.atomic():
            person = _locked(person_id)
            row = DataExport.objects.create(person=person, asked_at=clock.now())
            enqueue(BUILD_EXPORT, {"export": row.public_id}, key=f"export:{row.public_id}")
            record("people.export_asked", subject=_ref(person), actor=actor, export=row.public_id)
    except IntegrityError as error:
        raise rules.ExportUnderWay from error
    return row.public_id


def keep_export(*, export: str, written: files.Written) -> None:
    """The sealed file is made: it may be fetched from now on. Without a row (erased meanwhile) the file goes."""
    name = files.new_name()
    files.settle([(written.path, queries.export_path(name))])
    with transaction.atomic():
        row = DataExport.objects.select_for_update().select_related("person").filter(public_id=export, ready_at=None)
        found = row.first()
        if found is None:
            files.remove([queries.export_path(name)])
            return
        found.ready_at, found.failed_at = clock.now(), None
        found.storage_name, found.bytes = name, written.size
        found.wrapped_key = wrap_key(written.key, name)
        found.save(update_fields=["ready_at", "failed_at", "storage_name", "bytes", "wrapped_key"])
        record("people.export_made", subject=_ref(found.person), actor=SYSTEM.ref, export=export)
        publish(EXPORT_READY, _ref(found.person))


@transaction.atomic
def fail_export(*, export: str) -> None:
    """It could not be made; the person may ask again. Idempotent."""
    row = DataExport.objects.select_related("person").filter(public_id=export, ready_at=None, failed_at=None).first()
    if row and DataExport.objects.filter(pk=row.pk, ready_at=None).update(failed_at=clock.now()):
        record("people.export_failed", subject=_ref(row.person), actor=SYSTEM.ref, export=export)


@transaction.atomic
def fetch_export(*, person_id: int, export: str, actor: str) -> queries.ExportFile:
    """The owner's own copy, to be handed out now. NotFound for anybody else, and after the time is over."""
    found = queries.export_file(person_id, export)
    if found is None:
        raise NotFound
    record_access(kind="export", subject=actor, actor=actor, basis="self", export=export)
    return found


def forget_exports(*, before: datetime, limit: int = 200) -> int:
    """Remove exports asked for before that moment, rows first, then files. Returns how many."""
    with transaction.atomic():
        rows = list(DataExport.objects.filter(asked_at__lt=before).order_by("pk")[:limit])
        _drop(rows)
    return len(rows)


def _drop(rows: list[DataExport]) -> None:
    DataExport.objects.filter(pk__in=[row.pk for row in rows]).delete()
    paths = [queries.export_path(row.storage_name) for row in rows if row.storage_name]
    transaction.on_commit(lambda: files.remove(paths))


# ── delete ──────────────────────────────────────────────────────────────────


def request_step_up(*, person_id: int, address: str) -> sign_in.Challenge:
    """A code to the person's own phone, before something that can't be undone."""
    phone = queries.phone_for_message(person_id)
    if not phone:
        raise Invalid("你的账号没有手机号，请用动态码。", field="code")
    return sign_in.request_sign_in_code(phone=phone, address=address)


def check_step_up(*, person_id: int, code: str, address: str, challenge: str = "") -> None:
    """The code that came to the own phone or, for whoever has one, the second factor."""
    if queries.totp_is_confirmed(person_id):
        sign_in.verify_totp(person_id=person_id, code=code)
    elif sign_in.verify_sign_in_code(challenge=challenge, code=code, address=address).person_id != person_id:
        raise Invalid(_WRONG, field="code")


@transaction.atomic
def request_erasure(*, person_id: int, actor: str) -> datetime:
    """Deletion after the cooling-off time; returns when. LegalHold while something still runs. Asked twice: the first."""
    person = _locked(person_id)
    waiting = ErasureRequest.objects.filter(person=person, cancelled_at=None, done_at=None).first()
    if waiting:
        return waiting.due_at
    accounts.refuse_held(person)
    at = clock.now()
    due = at + timedelta(days=queries.privacy_rules().cooling_off_days)
    ErasureRequest.objects.create(person=person, asked_at=at, due_at=due)
    record("people.erasure_asked", subject=_ref(person), actor=actor, due=due.isoformat())
    publish(ERASURE_ASKED, _ref(person), {"due": due.isoformat()})
    return due


@transaction.atomic
def cancel_erasure(*, person_id: int, actor: str) -> None:
    """The person stays after all. Idempotent."""
    person = _locked(person_id)
    waiting = ErasureRequest.objects.filter(person=person, cancelled_at=None, done_at=None)
    if waiting.update(cancelled_at=clock.now()):
        record("people.erasure_cancelled", subject=_ref(person), actor=actor)
        publish(ERASURE_CANCELLED, _ref(person))


def carry_out_erasures(*, limit: int = 50) -> int:
    """Erase everybody whose time has come and whom nothing holds; the others are asked again next time. How many."""
    due = ErasureRequest.objects.filter(due_at__lte=clock.now(), cancelled_at=None, done_at=None).order_by("due_at")
    done = 0
    for request in list(due.values_list("pk", "person_id")[:limit]):
        done += _carry_out(*request)
    return done


@transaction.atomic
def _carry_out(request_id: int, person_id: int) -> bool:
    _locked(person_id)  # calling off waits for us, or we for it
    waiting = ErasureRequest.objects.filter(pk=request_id, cancelled_at=None, done_at=None)
    if not waiting.exists():
        return False
    try:
        with transaction.atomic():
            accounts.erase_person(person_id=person_id, actor="system:erasure")
    except rules.LegalHold:
        return False
    return bool(waiting.update(done_at=clock.now()))


def _locked(person_id: int) -> Person:
    person = Person.objects.select_for_update().filter(pk=person_id, is_active=True).first()
    if person is None:
        raise NotFound
    return person


def _ref(person: Person) -> str:
    return f"person:{person.public_id}"
