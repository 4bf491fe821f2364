"""Proving who one is: one-time codes for phones, passwords and a second factor for staff, limits on trying.

Units    seconds; limits come from the policy "people.sign_in".
Truth    SignInCode, TotpDevice and Throttle rows. A phone and an address are kept only as keyed hashes; the code and
         number on their way out are sealed and go as soon as they were sent or used.
Errors   CodeDead, WrongCode, WrongPassword, WrongTotp (422), TooOften (429), NotByPhone, AccountClosed (403).
Races    a try is counted by one conditional UPDATE before the code is compared, so 200 simultaneous wrong codes
         count as five; a code, a TOTP step, is spent by another, so only one of two right ones gets in.
Retries  registering again with the same code gives the same person.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

import pyotp
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F

from qixia.audit.services import record
from qixia.jobs.registry import declare_event
from qixia.jobs.services import enqueue, publish
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, NotFound
from qixia.kernel.ids import new_public_id
from qixia.kernel.keys import keys
from qixia.people import queries, rules, vault
from qixia.people.models import Device, Person, SignInCode, Throttle, TotpDevice
from qixia.people.services import accounts

NEW_DEVICE = declare_event("people.new_device")  # ref person, payload {device}: its key; the label would outlive it
RIDER_REGISTERED = declare_event("people.rider_registered")
SEND_CODE = "notices.send_code"  # a task of the layer above, by name

ACTOR = "system:sign-in"
TOTP_STEP_S = 30
PASSWORD_MAX = 200  # a longer one is wrong without being hashed


@dataclass(frozen=True, slots=True)
class Challenge:
    """A code is on its way; `public_id` is what the next step needs."""

    public_id: str
    phone_shown: str
    expires_at: datetime
    resend_at: datetime


@dataclass(frozen=True, slots=True)
class Verified:
    """The phone is proven. `person_id` is None for somebody who must register first."""

    challenge: str
    person_id: int | None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs: the secret, and the same as a QR code's text."""

    secret: str
    uri: str


# ── phone and code ──────────────────────────────────────────────────────────


def request_sign_in_code(*, phone: str, address: str) -> Challenge:
    """Send a one-time code. The answer is the same whether the phone is known or not."""
    number = rules.mobile_number(phone)
    policy, limits, at = queries.sign_in_rules(), queries.limits(), clock.now()
    index = vault.phone_index(number)
    resend_after = 0 if queries.demo_is_on() else policy.resend_after_s
    with transaction.atomic():
        _count("code_per_phone", index, limits.code_per_phone, at=at, field="phone")
        _count("code_per_address", _hash("address", address), limits.code_per_address, at=at, field="phone")
        _refuse_too_soon(index, at, resend_after)
        row = _new_code(number, index, at, policy)
        # Only the code's id travels in the job: nobody reads a phone or a code in the queue.
        enqueue(SEND_CODE, {"code": row.public_id}, key=f"send-code:{row.public_id}", priority=10)
        record("people.code_requested", subject=f"sign-in:{row.public_id}", actor=ACTOR)
    return Challenge(row.public_id, rules.masked_phone(number), row.expires_at, at + timedelta(seconds=resend_after))


def _refuse_too_soon(index: str, at: datetime, resend_after: int) -> None:
    """The counter's row is locked by now, so of two simultaneous requests the second sees the first one's code."""
    latest = SignInCode.objects.filter(phone_index=index).order_by("-created_at").values_list("created_at", flat=True)
    since = (at - latest[0]).total_seconds() if latest[:1] else resend_after
    if since < resend_after:
        raise rules.too_often(max(1, ceil(resend_after - since)), field="phone")


def _new_code(number: str, index: str, at: datetime, policy: rules.SignInRules) -> SignInCode:
    code = f"{secrets.randbelow(10**policy.code_digits):0{policy.code_digits}d}"
    public_id = new_public_id()
    return SignInCode.objects.create(
        public_id=public_id,
        phone_index=index,
        sealed_phone=keys().seal(number.encode(), purpose=f"people.code.phone:{public_id}"),
        sealed_code=keys().seal(code.encode(), purpose=f"people.code.code:{public_id}"),
        code_hash=_code_hash(public_id, code),
        created_at=at,
        expires_at=at + timedelta(seconds=policy.code_ttl_s),
    )


def send_again(*, challenge: str, address: str) -> Challenge:
    """Another code to the phone of `challenge`; RegistrationExpired once that one was used or forgotten."""
    row = SignInCode.objects.filter(public_id=challenge, used_at=None).first()
    if row is None or not row.sealed_phone:
        raise rules.RegistrationExpired(field="phone")
    phone = keys().open(bytes(row.sealed_phone), purpose=f"people.code.phone:{challenge}").decode()
    return request_sign_in_code(phone=phone, address=address)


def code_was_sent(*, code: str) -> None:
    """The message is out: forget what was in it. A demonstration keeps it to show it on the page until it expires."""
    if not queries.demo_is_on():
        SignInCode.objects.filter(public_id=code).update(sealed_code=None)


def verify_sign_in_code(*, challenge: str, code: str, address: str) -> Verified:
    """Prove a phone with the code sent for `challenge`. Refusals count as tries too."""
    policy, at = queries.sign_in_rules(), clock.now()
    typed = rules.typed_code(code, digits=policy.code_digits)
    with transaction.atomic():
        _count("guess_per_address", _hash("address", address), queries.limits().guess_per_address, at=at, field="code")
    outcome = _try_code(challenge, typed, at, policy)
    if isinstance(outcome, DomainError):
        raise outcome  # outside of the transaction, or the counted try would be rolled back
    return outcome


@transaction.atomic
def _try_code(challenge: str, typed: str, at: datetime, policy: rules.SignInRules) -> Verified | DomainError:
    live = SignInCode.objects.filter(public_id=challenge, used_at=None, expires_at__gt=at)
    if not live.filter(attempts__lt=policy.code_attempts).update(attempts=F("attempts") + 1):
        return rules.CodeDead(field="code")
    row = SignInCode.objects.get(public_id=challenge)
    if not hmac.compare_digest(row.code_hash, _code_hash(challenge, typed)):
        record("people.code_wrong", subject=f"sign-in:{challenge}", actor=ACTOR, attempts=row.attempts)
        left = policy.code_attempts - row.attempts
        return rules.WrongCode(field="code", left=left) if left else rules.CodeDead(field="code")
    if not live.update(used_at=at, sealed_code=None):
        return rules.CodeDead(field="code")
    record("people.code_used", subject=f"sign-in:{challenge}", actor=ACTOR)
    person = Person.objects.filter(phone_index=row.phone_index).first()
    if person is None:
        return Verified(challenge, None)
    SignInCode.objects.filter(pk=row.pk).update(person=person, sealed_phone=None)
    return _refusal(person) or Verified(challenge, person.pk)


def prove_new_phone(*, challenge: str, code: str, address: str) -> str:
    """The number that `challenge` went to, proven by its code and not yet anybody's. PhoneTaken if it is."""
    policy, at = queries.sign_in_rules(), clock.now()
    typed = rules.typed_code(code, digits=policy.code_digits)
    with transaction.atomic():
        _count("guess_per_address", _hash("address", address), queries.limits().guess_per_address, at=at, field="code")
    outcome = _try_code(challenge, typed, at, policy)
    if isinstance(outcome, rules.NotByPhone | rules.AccountClosed):
        raise rules.PhoneTaken(field="phone")
    if isinstance(outcome, DomainError):
        raise outcome
    if outcome.person_id is not None:
        raise rules.PhoneTaken(field="phone")
    row = SignInCode.objects.get(public_id=challenge)
    return keys().open(bytes(row.sealed_phone or b""), purpose=f"people.code.phone:{challenge}").decode()


def _refusal(person: Person) -> DomainError | None:
    if not person.is_active:
        return rules.AccountClosed(field="phone")
    if not rules.may_sign_in_by_phone(queries.roles_of(person.pk)):
        return rules.NotByPhone(field="phone")
    return None


@transaction.atomic
def register_rider(
    *, challenge: str, nickname: str, platform: str, real_name: str = "", language: str = "zh-hans"
) -> int:
    """Make the rider whose phone `challenge` has proven; returns the person's id.

    RegistrationExpired half an hour after the code. Sent twice, or with two codes of one phone: the same person.
    """
    since = clock.now() - rules.REGISTER_WITHIN
    row = SignInCode.objects.select_for_update().filter(public_id=challenge, used_at__gt=since).first()
    if row is None:
        raise rules.RegistrationExpired(field="phone")
    known = row.person or Person.objects.filter(phone_index=row.phone_index).first()
    if known:
        refusal = _refusal(known)
        if refusal:
            raise refusal
        return known.pk
    phone = keys().open(bytes(row.sealed_phone or b""), purpose=f"people.code.phone:{challenge}").decode()
    person = accounts.create_person(
        display_name=rules.nickname(nickname),
        phone=phone,
        real_name=real_name,
        language=language,
        actor=ACTOR,
    )
    accounts.enrol_rider(person_id=person.pk, platform=platform, actor=ACTOR)
    publish(RIDER_REGISTERED, f"person:{person.public_id}")
    SignInCode.objects.filter(pk=row.pk).update(person=person, sealed_phone=None)
    return person.pk


# ── name, password, second factor ───────────────────────────────────────────


def check_staff_password(*, username: str, password: str, address: str) -> int:
    """The person's id. WrongPassword costs the same time for an unknown name: one hash is computed either way."""
    name = username.strip().lower()[:64]
    who, at, limits = _hash("username", name), clock.now(), queries.limits()
    with transaction.atomic():
        _count("password_per_name", who, limits.password_per_name, at=at, field="password")
        _count("password_per_address", _hash("address", address), limits.password_per_address, at=at, field="password")
    person = Person.objects.filter(username=name, is_active=True).first() if name else None
    if _password_fits(person, password if len(password) <= PASSWORD_MAX else ""):
        assert person is not None
        with transaction.atomic():
            record("people.password_right", subject=f"person:{person.public_id}", actor=ACTOR)
        return person.pk
    with transaction.atomic():
        record("people.password_wrong", subject=f"sign-in:{who[:16]}", actor=ACTOR)
    raise rules.WrongPassword(field="password")


def change_own_password(*, person_id: int, current: str, new: str, code: str, address: str) -> None:
    """A new password by whoever knows the present one and has the second factor. Every session of the person ends.

    WrongPassword and WrongTotp count as tries, as in signing in.
    """
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is None or not person.username:
        raise NotFound
    if check_staff_password(username=person.username, password=current, address=address) != person_id:
        raise rules.WrongPassword(field="current")
    if new == current:
        raise accounts.BadPassword(field="new", why="和现在的一样。")
    _use_totp(person_id, code, confirmed=True)
    accounts.set_password(person_id=person_id, password=new, actor=f"person:{person.public_id}")


def _password_fits(person: Person | None, password: str) -> bool:
    if person is None or not person.has_usable_password():
        make_password(password)  # as slow as checking one
        return False
    return person.check_password(password)


@transaction.atomic
def enrol_totp(*, person_id: int) -> Enrolment:
    """A secret for the authenticator app: the same one until it is confirmed. NotFound once confirmed."""
    person = Person.objects.select_for_update().filter(pk=person_id, is_active=True).first()
    if person is None:
        raise NotFound
    device = TotpDevice.objects.filter(person=person).first()
    if device is None:
        sealed = keys().seal(pyotp.random_base32().encode(), purpose=_totp_purpose(person_id))
        device = TotpDevice.objects.create(person=person, sealed_secret=sealed)
        record("people.totp_enrolled", subject=f"person:{person.public_id}", actor=ACTOR)
    if device.confirmed_at:
        raise NotFound  # the secret is shown until the first right code and never again
    secret = _secret(device)
    return Enrolment(
        secret, pyotp.TOTP(secret).provisioning_uri(name=person.username or person.public_id, issuer_name="骑侠")
    )


def confirm_totp(*, person_id: int, code: str) -> None:
    """The first right code: from now on the second factor is asked."""
    _use_totp(person_id, code, confirmed=False)


def verify_totp(*, person_id: int, code: str) -> None:
    """Check the second factor; one step of drift is forgiven, a code is good once."""
    _use_totp(person_id, code, confirmed=True)


def _use_totp(person_id: int, code: str, *, confirmed: bool) -> None:
    at = clock.now()
    typed = rules.typed_code(code, digits=6)
    with transaction.atomic():
        _count("totp_per_person", f"{person_id}", queries.limits().totp_per_person, at=at, field="code")
    device = TotpDevice.objects.select_related("person").filter(
        person_id=person_id, confirmed_at__isnull=not confirmed
    ).first()  # fmt: skip
    step = _matching_step(_secret(device), typed, at) if device else None
    if device is None or step is None:
        raise rules.WrongTotp(field="code")
    with transaction.atomic():
        fresh = TotpDevice.objects.filter(person_id=person_id, last_step__lt=step)
        if not fresh.update(last_step=step, confirmed_at=device.confirmed_at or at):
            raise rules.WrongTotp(field="code")
        record("people.totp_used", subject=f"person:{device.person.public_id}", actor=ACTOR, first=not confirmed)


def _matching_step(secret: str, typed: str, at: datetime) -> int | None:
    """The time step whose code was typed: this one, or one beside it for clocks that drift."""
    totp, now = pyotp.TOTP(secret), int(at.timestamp()) // TOTP_STEP_S
    for step in (now, now - 1, now + 1):
        if hmac.compare_digest(totp.generate_otp(step), typed):
            return step
    return None


@transaction.atomic
def reset_totp(*, person_id: int, actor: str) -> None:
    """For a lost phone: the next sign-in enrols anew. Idempotent."""
    person = Person.objects.filter(pk=person_id).first()
    if person is None:
        raise NotFound
    if TotpDevice.objects.filter(person_id=person_id).delete()[0]:
        record("people.totp_reset", subject=f"person:{person.public_id}", actor=actor)


def totp_for_demo_page(person_id: int) -> str:
    """The current code of the second factor, for the demonstration's own page; "" everywhere else."""
    device = TotpDevice.objects.filter(person_id=person_id).first() if queries.demo_is_on() else None
    if device is None:
        return ""
    now = int(clock.now().timestamp()) // TOTP_STEP_S
    # A code used half a minute ago would be refused: show the next one, which the drift allows.
    return pyotp.TOTP(_secret(device)).generate_otp(max(now, min(device.last_step + 1, now + 1)))


def _secret(device: TotpDevice) -> str:
    return keys().open(bytes(device.sealed_secret), purpose=_totp_purpose(device.person_id)).decode()


def _totp_purpose(person_id: int) -> str:
    return f"people.totp:{person_id}"


# ── devices and limits ──────────────────────────────────────────────────────


@transaction.atomic
def note_sign_in(*, person_id: int, device: str, label: str) -> None:
    """Remember the browser that somebody signed in with (`device`: its random cookie). A further one is told of."""
    person = Person.objects.get(pk=person_id)
    at = clock.now()
    is_first = not Device.objects.filter(person=person).exists()
    row, is_new = Device.objects.get_or_create(
        person=person,
        index=keys().blind_index(device, purpose="people.device"),
        defaults={"label": label[:60], "first_seen": at, "last_seen": at},
    )
    if not is_new:
        Device.objects.filter(pk=row.pk).update(last_seen=at, label=label[:60])
    elif not is_first:
        publish(NEW_DEVICE, f"person:{person.public_id}", {"device": row.pk})
    record("people.signed_in", subject=f"person:{person.public_id}", actor=f"person:{person.public_id}", new=is_new)


def _count(scope: str, who: str, limits: tuple[rules.Limit, ...], *, at: datetime, field: str) -> None:
    """Count one try in every window, or TooOften. Rows are locked in the order given, the same in every caller."""
    for limit in limits:
        start = rules.window_start(at, limit.window_s)
        row, _is_new = Throttle.objects.get_or_create(scope=scope, who=who, window_s=limit.window_s, window_start=start)
        if not Throttle.objects.filter(pk=row.pk, count__lt=limit.count).update(count=F("count") + 1):
            over = start + timedelta(seconds=limit.window_s)
            raise rules.too_often(max(1, ceil((over - at).total_seconds())), field=field)


def _hash(what: str, value: str) -> str:
    return keys().blind_index(value, purpose=f"people.{what}")


def _code_hash(public_id: str, code: str) -> str:
    """Keyed: a million codes are tried in a second by whoever has only the database."""
    return keys().blind_index(f"{public_id}:{code}", purpose="people.code")
