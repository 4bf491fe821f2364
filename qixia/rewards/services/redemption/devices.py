"""Phones that may take vouchers without network: enrol, renew, revoke.

Truth    the `TillDevice` row; a certificate (offline.Certificate, signed with Ed25519) is what the phone and a later scan show
         of it. A phone that is revoked, or that nobody brings online, ends by its certificate.
Keys     the phone makes its own and never gives the private one away; here is the public one alone.
Retries  the same key is the same phone. Renewing and revoking are idempotent.
Errors   NotAMerchant, NoSuchPhone, PhoneRevoked, TooManyPhones, Invalid ("public_key", "label"): nothing changed.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import IntegrityError, connection, transaction

from qixia.audit.services import record
from qixia.kernel import clock, p256, tokens
from qixia.kernel.errors import Invalid
from qixia.people.access import Actor
from qixia.people.queries import organisations_by_id
from qixia.policy import queries as policy
from qixia.rewards import offline
from qixia.rewards.access import kept_phone, merchant_ids
from qixia.rewards.errors import NoSuchPhone, NotAMerchant, PhoneRevoked, TooManyPhones
from qixia.rewards.models import TillDevice

LONGEST_LABEL = 20


@transaction.atomic
def enrol_device(*, actor: Actor, merchant: int, public_key: str, label: str) -> TillDevice:
    """Let one phone take vouchers of one shop (id of its organisation) without network. `public_key`: base64url of the
    point."""
    if actor.person_id is None or merchant not in merchant_ids(actor):
        raise NotAMerchant
    words = " ".join(label.split())
    if not 1 <= len(words) <= LONGEST_LABEL:
        raise Invalid("给这部手机起个名字，%(most)d 个字以内。", field="label", most=LONGEST_LABEL)
    _check_key(public_key)
    known = TillDevice.objects.filter(public_key=public_key).first()
    if known is not None:
        return _again(known, merchant)
    terms = _terms()
    lock_shop(merchant)
    if TillDevice.objects.filter(merchant_id=merchant, revoked_at__isnull=True).count() >= terms.phones:
        raise TooManyPhones(most=terms.phones)
    row = TillDevice(merchant_id=merchant, label=words, public_key=public_key, enrolled_by_id=actor.person_id)
    _certify(row, terms)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return _again(TillDevice.objects.get(public_key=public_key), merchant)  # the same tap twice
    record("rewards.till_enrolled", subject=f"till:{row.public_id}", actor=actor.ref, merchant=merchant, label=words)
    return row


@transaction.atomic
def renew_device(*, actor: Actor, device: str) -> TillDevice:
    """A new certificate with the terms of today, for a phone that is online. PhoneRevoked if it was stopped."""
    row = kept_phone(actor, device, lock=True)
    if row.merchant_id not in merchant_ids(actor):
        raise NoSuchPhone
    if row.revoked_at is not None:
        raise PhoneRevoked
    _certify(row, _terms())
    row.seen_at = clock.now()
    row.save(update_fields=["certificate", "valid_until", "seen_at"])
    record("rewards.till_renewed", subject=f"till:{row.public_id}", actor=actor.ref, until=row.valid_until.isoformat())
    return row


@transaction.atomic
def revoke_device(*, actor: Actor, device: str) -> TillDevice:
    """Stop a phone: nothing that it sends from now on is booked. By the shop, or by an administrator."""
    row = kept_phone(actor, device, lock=True)
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        row.save(update_fields=["revoked_at"])
        record("rewards.till_revoked", subject=f"till:{row.public_id}", actor=actor.ref, label=row.label)
    return row


def lock_shop(merchant: int) -> None:
    """Until the transaction ends, nobody else counts this shop's phones or its losses. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"till:{merchant}"])


def read_certificate(text: str, row: TillDevice) -> offline.Certificate | None:
    """A certificate that we signed for this phone, of today or of before; None for anything else."""
    try:
        raw = tokens.verify_offline(tokens.unb64(text), public=tokens.public_key(offline.PURPOSE))
        paper = offline.Certificate.model_validate_json(raw)
    except (tokens.BadToken, ValueError):
        return None
    return paper if (paper.device, paper.key) == (row.public_id, row.public_key) else None


def _terms() -> offline.OfflinePolicy:
    found: offline.OfflinePolicy = policy.current(offline.KIND).data
    return found


def _again(known: TillDevice, merchant: int) -> TillDevice:
    if known.merchant_id != merchant:
        raise Invalid("这部手机已经登记在另一家店，请清除浏览器数据后再试。", field="public_key")
    if known.revoked_at is not None:
        raise PhoneRevoked
    return known


def _check_key(text: str) -> None:
    try:
        raw = tokens.unb64(text)
    except tokens.BadToken:
        raw = b""
    # One spelling a key: the unique column compares texts.
    if not p256.is_key(raw) or tokens.b64(raw) != text:
        raise Invalid("这部手机的密钥不对，请刷新页面再试。", field="public_key")


def _certify(row: TillDevice, terms: offline.OfflinePolicy) -> None:
    shop = organisations_by_id([row.merchant_id])[row.merchant_id]
    paper = offline.certificate(terms, device=row.public_id, merchant=shop.code, key=row.public_key, now=clock.now())
    signed = tokens.sign_offline(paper.model_dump_json().encode(), purpose=offline.PURPOSE)
    row.certificate, row.valid_until = tokens.b64(signed), datetime.fromtimestamp(paper.until, UTC)
