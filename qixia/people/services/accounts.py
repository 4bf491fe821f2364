"""Writes to people, organisations, roles and consent. Signing in is in sign_in.py, beside this.

Truth    see models.py. Every change leaves an audit event in the same transaction; history holds refs, never a name
         or a number.
Errors   subclasses of DomainError that name the field; nothing has changed then.
Retries  a repeated call gives the first result: same grant, same consent, same organisation.
"""

from __future__ import annotations

from datetime import date, datetime

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qixia.audit.services import record
from qixia.jobs.registry import declare_event
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid, NotFound, Stale
from qixia.media import files
from qixia.people import holds, queries, rules, vault
from qixia.people.access import actor_for
from qixia.people.models import (
    Consent,
    DataExport,
    Device,
    Organisation,
    Person,
    PersonKey,
    Rider,
    RoleGrant,
    SignInCode,
    Throttle,
    TotpDevice,
)

CONSENT_CHANGED = declare_event("people.consent_changed")  # ref person, payload {kind, given}
ERASED = declare_event("people.erased")  # ref person: forget what is kept of it

ERASED_NAME = "已注销"


class OrganisationCodeTaken(Conflict):
    code = "people.organisation_code_taken"
    message = "这个单位代码已经有别的单位在用。"


class BadPassword(Invalid):
    code = "people.bad_password"
    message = "密码太容易猜：%(why)s"


# ── persons ─────────────────────────────────────────────────────────────────


def create_person(
    *,
    display_name: str,
    actor: str,
    username: str = "",
    password: str = "",
    phone: str = "",
    real_name: str = "",
    language: str = "zh-hans",
    is_demo: bool = False,
) -> Person:
    """A new person, with sealed phone and real name. Staff have `username` and `password`, riders a phone.

    PhoneTaken, UsernameTaken: there is such a person already; nothing has changed.
    """
    person = Person(
        display_name=rules.nickname(display_name, field="display_name"),
        username=rules.username(username) if username else None,
        language=language,
        is_demo=is_demo,
    )
    _set_password(person, password)
    wrapped = vault.new_wrapped_key()
    _seal(person, wrapped, phone=rules.mobile_number(phone) if phone else "", real_name=rules.real_name(real_name))
    try:
        with transaction.atomic():
            person.save(force_insert=True)
            PersonKey.objects.create(person=person, wrapped=wrapped)
            record("people.person_created", subject=_ref(person), actor=actor)
    except IntegrityError as error:
        raise _taken(person) from error
    return person


def _taken(person: Person) -> Conflict:
    if person.phone_index and Person.objects.filter(phone_index=person.phone_index).exists():
        return rules.PhoneTaken(field="phone")
    return rules.UsernameTaken(field="username")


def _set_password(person: Person, password: str) -> None:
    if not password:
        person.set_unusable_password()
        return
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise BadPassword(field="password", why="".join(error.messages)) from error
    person.set_password(password)


def _seal(person: Person, wrapped: bytes, *, phone: str, real_name: str) -> None:
    owner = person.public_id
    if phone:
        person.sealed_phone = vault.seal(phone, wrapped=wrapped, owner=owner, field="phone")
        person.phone_index = vault.phone_index(phone)
    if real_name:
        person.sealed_real_name = vault.seal(real_name, wrapped=wrapped, owner=owner, field="real_name")


@transaction.atomic
def set_display_name(*, person_id: int, display_name: str, actor: str) -> None:
    """Change what a person is called."""
    person = _person(person_id)
    person.display_name = rules.nickname(display_name, field="display_name")
    person.save(update_fields=["display_name"])
    record("people.renamed", subject=_ref(person), actor=actor)


@transaction.atomic
def set_language(*, person_id: int, language: str, actor: str) -> None:
    """The language of a person's pages and notices: "zh-hans" or "en"."""
    if language not in ("zh-hans", "en"):
        raise Invalid("没有这种语言。", field="language")
    person = _person(person_id)
    Person.objects.filter(pk=person_id).update(language=language)
    record("people.language_set", subject=_ref(person), actor=actor, language=language)


@transaction.atomic
def set_password(*, person_id: int, password: str, actor: str) -> None:
    """A new password for staff; every session of the person ends."""
    person = _person(person_id)
    _set_password(person, password)
    person.save(update_fields=["password"])
    record("people.password_set", subject=_ref(person), actor=actor)


@transaction.atomic
def close_account(*, person_id: int, actor: str) -> None:
    """Nobody can sign in with it from the next request on. Nothing is deleted. Idempotent."""
    person = _person(person_id)
    if Person.objects.filter(pk=person_id, is_active=True).update(is_active=False):
        record("people.account_closed", subject=_ref(person), actor=actor)


@transaction.atomic
def erase_person(*, person_id: int, actor: str) -> None:
    """Forget who somebody was; LegalHold while something still runs that concerns the person.

    The data key goes, so phone and real name are noise wherever a copy of them is left; so do name, number, devices, sessions,
    codes and counters. The row and its public id stay, because reports and postings refer to them, and name nobody.
    Whoever keeps more hears `people.erased` (ref person). Idempotent; there is no way back.
    """
    person = _locked(person_id)
    if Person.objects.filter(pk=person_id, erased_at__isnull=False).exists():
        return
    refuse_held(person)
    at = clock.now()
    _forget_ways_in(person)
    exports = list(
        DataExport.objects.filter(person=person).exclude(storage_name="").values_list("storage_name", flat=True)
    )
    DataExport.objects.filter(person=person).delete()
    transaction.on_commit(lambda: files.remove(queries.export_path(name) for name in exports))
    Rider.objects.filter(person=person).delete()
    RoleGrant.objects.filter(person=person, revoked_at=None).update(revoked_at=at)
    RoleGrant.objects.filter(acting_for=person.public_id, revoked_at=None).update(revoked_at=at)
    Consent.objects.filter(person=person, withdrawn_at=None).update(withdrawn_at=at)
    Person.objects.filter(pk=person.pk).update(
        display_name=ERASED_NAME,
        username=None,
        password=make_password(None),
        language="zh-hans",
        last_login=None,
        is_active=False,
        sealed_phone=None,
        sealed_real_name=None,
        phone_index=None,
        erased_at=at,
    )
    record("people.person_erased", subject=_ref(person), actor=actor)
    publish(ERASED, _ref(person))


def _forget_ways_in(person: Person) -> None:
    """Everything that says how somebody signed in, and the key of the sealed fields."""
    PersonKey.objects.filter(person=person).delete()
    SignInCode.objects.filter(person=person).delete()
    if person.phone_index:
        SignInCode.objects.filter(phone_index=person.phone_index).delete()
        Throttle.objects.filter(who=person.phone_index).delete()
    Throttle.objects.filter(who=str(person.pk)).delete()
    Device.objects.filter(person=person).delete()
    TotpDevice.objects.filter(person=person).delete()
    _end_sessions(person.pk)


def _end_sessions(person_id: int) -> None:
    """Delete every session of a person. Sessions name their person inside, so all are looked through: a rare walk."""
    found = [
        session.session_key
        for session in Session.objects.iterator(chunk_size=500)
        if str(session.get_decoded().get(SESSION_KEY, "")) == str(person_id)
    ]
    for start in range(0, len(found), 500):
        Session.objects.filter(session_key__in=found[start : start + 500]).delete()


def refuse_held(person: Person) -> None:
    """LegalHold with the first reason, if anything still runs that concerns the person."""
    for hold in holds.holds_on(actor_for(person)):
        raise rules.LegalHold(why=_(hold.reason) % {"count": hold.count} + _(hold.until))


def enrol_rider(*, person_id: int, platform: str, actor: str, rider_no: str = "", since: date | None = None) -> Rider:
    """Make a person a rider of the platform or courier with the organisation code `platform`. Idempotent."""
    organisation = queries.organisation_by_code(platform)
    if organisation is None or organisation.kind not in rules.EMPLOYER_KINDS:
        raise Invalid("请从列表里选择平台。", field="platform")
    with transaction.atomic():
        rider, is_new = Rider.objects.get_or_create(
            person_id=person_id,
            defaults={
                "platform_id": organisation.id,
                "rider_no": rider_no.strip()[:32],
                "since": since or clock.city_date(clock.now()),
            },
        )
        if is_new:
            grant_role(person_id=person_id, role="rider", organisation_id=organisation.id, actor=actor)
            record("people.rider_enrolled", subject=_ref(_person(person_id)), actor=actor, platform=platform)
    return rider


# ── organisations and roles ─────────────────────────────────────────────────


def create_organisation(
    *,
    code: str,
    name: str,
    kind: str,
    actor: str,
    division_id: int | None = None,
    parent_id: int | None = None,
    families: str = "",
    duties: str = "",
    is_demo: bool = False,
) -> Organisation:
    """A new organisation. The same code with the same name and kind gives the one that exists."""
    if kind not in rules.ORGANISATION_KINDS:
        raise Invalid("没有这种单位。", field="kind")
    if not name.strip() or len(name) > 80:
        raise Invalid("单位名称要 1 到 80 个字。", field="name")
    with transaction.atomic():
        row, is_new = Organisation.objects.get_or_create(
            code=code,
            defaults={
                "name": name.strip(),
                "kind": kind,
                "division_id": division_id,
                "parent_id": parent_id,
                "families": families,
                "duties": duties,
                "is_demo": is_demo,
            },
        )
        if not is_new and (row.name, row.kind) != (name.strip(), kind):
            raise OrganisationCodeTaken(field="code")
        if is_new:
            record("people.organisation_created", subject=f"organisation:{row.public_id}", actor=actor, code=code)
    queries.forget_organisations()
    return row


@transaction.atomic
def change_organisation(*, organisation_id: int, actor: str, **changes: object) -> Organisation:
    """Set `name`, `division_id`, `parent_id`, `families`, `duties` or `is_active`. The code and kind stay."""
    unknown = changes.keys() - {"name", "division_id", "parent_id", "families", "duties", "is_active"}
    if unknown:
        raise Invalid("这一项不能改。", field=sorted(unknown)[0])
    row = Organisation.objects.select_for_update().filter(pk=organisation_id).first()
    if row is None:
        raise NotFound
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))
    record("people.organisation_changed", subject=f"organisation:{row.public_id}", actor=actor, fields=sorted(changes))
    queries.forget_organisations()
    transaction.on_commit(queries.forget_organisations)
    return row


@transaction.atomic
def grant_role(
    *,
    person_id: int,
    role: str,
    organisation_id: int,
    actor: str,
    division_id: int | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> RoleGrant:
    """Give a role in an organisation, in `division_id` and below (None: wherever the organisation is).

    Granting again returns the grant that is there, with `valid_until` as asked now. Nobody grants to themselves: an
    administrator could else become the data officer and open who reported.
    """
    if role not in rules.ROLES:
        raise Invalid("没有这个角色。", field="role")
    start = valid_from or clock.now()
    if valid_until and valid_until <= start:
        raise Invalid("到期要晚于生效。", field="valid_until")
    person = _person(person_id)
    if actor == _ref(person):
        raise rules.OwnRole(field="person")
    # A role of one's own takes the place of the same one held for a colleague.
    borrowed = RoleGrant.objects.filter(
        person=person,
        role=role,
        organisation_id=organisation_id,
        division_id=division_id,  # type: ignore[misc]  # None is IS NULL, which the stubs do not know
        revoked_at=None,
    )
    borrowed.exclude(acting_for="").update(revoked_at=clock.now())
    grant, is_new = RoleGrant.objects.get_or_create(
        person=person,
        role=role,
        organisation_id=organisation_id,
        division_id=division_id,  # type: ignore[misc]  # None is IS NULL, which the stubs do not know
        revoked_at=None,
        defaults={"valid_from": start, "valid_until": valid_until},
    )
    if not is_new and grant.valid_until == valid_until:
        return grant
    if not is_new:
        grant.valid_until = valid_until
        grant.save(update_fields=["valid_until"])
    record("people.role_granted", subject=_ref(person), actor=actor, role=role, grant=grant.public_id)
    return grant


@transaction.atomic
def revoke_role(*, grant: str, actor: str) -> None:
    """Take a role back, from the next request on; `grant` is its public id. The row stays as history. Idempotent."""
    row = RoleGrant.objects.select_related("person").filter(public_id=grant).first()
    if row is None:
        raise NotFound
    now = clock.now()
    if RoleGrant.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now):
        RoleGrant.objects.filter(
            acting_for=row.person.public_id,
            role=row.role,
            organisation_id=row.organisation_id,
            division_id=row.division_id,  # type: ignore[misc]  # as in `grant_role`
            revoked_at=None,
        ).update(revoked_at=now)
        record("people.role_revoked", subject=_ref(row.person), actor=actor, role=row.role, grant=grant)


# ── consent ─────────────────────────────────────────────────────────────────


@transaction.atomic
def give_consent(*, person_id: int, kind: str, version: int, actor: str) -> None:
    """Note a yes to the text that was shown. Stale if the text has changed since. A repeated yes is one yes."""
    text = queries.consent_rules().text(kind)
    if version != text.version:
        raise Stale("这段文字刚刚更新，请看过新的再选。", field=kind)
    person = _locked(person_id)
    live = Consent.objects.filter(person=person, kind=kind, withdrawn_at=None).first()
    if live and live.version == version:
        return
    first = not Consent.objects.filter(person=person, kind=kind).exists()
    if live:
        Consent.objects.filter(pk=live.pk).update(withdrawn_at=clock.now())
    Consent.objects.create(person=person, kind=kind, version=version, given_at=clock.now())
    record("people.consent_given", subject=_ref(person), actor=actor, kind=kind, version=version)
    # The first yes is given on the page that asks; a notice about it would say nothing new.
    if not first:
        publish(CONSENT_CHANGED, _ref(person), {"kind": kind, "given": True})


@transaction.atomic
def withdraw_consent(*, person_id: int, kind: str, actor: str) -> None:
    """Note that a yes has ended; what was done under it before stays. Idempotent."""
    queries.consent_rules().text(kind)
    person = _locked(person_id)
    if Consent.objects.filter(person=person, kind=kind, withdrawn_at=None).update(withdrawn_at=clock.now()):
        record("people.consent_withdrawn", subject=_ref(person), actor=actor, kind=kind)
        publish(CONSENT_CHANGED, _ref(person), {"kind": kind, "given": False})


# ── shared ──────────────────────────────────────────────────────────────────


def _person(person_id: int) -> Person:
    person = Person.objects.filter(pk=person_id).first()
    if person is None:
        raise NotFound
    return person


def _locked(person_id: int) -> Person:
    """The person, locked until the end of the transaction: two taps on a switch come one after the other."""
    person = Person.objects.select_for_update().filter(pk=person_id).first()
    if person is None:
        raise NotFound
    return person


def _ref(person: Person) -> str:
    return f"person:{person.public_id}"
