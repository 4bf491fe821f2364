"""Alliances: the friendly merchants of a place under one name.

Errors   Invalid names "name", "division" or "since"; NotAllowed for who is not in charge of the place.
Retries  founding the same one again gives the one that is there; joining again changes nothing.
"""

from __future__ import annotations

from datetime import date

from django.db import IntegrityError, transaction

from qixia.audit.services import record
from qixia.codes.queries import division as division_by_code
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid
from qixia.merchants import access, errors
from qixia.merchants.models import Alliance, Membership
from qixia.merchants.services.moves import must_be
from qixia.people.access import Actor


@transaction.atomic
def found_alliance(*, actor: Actor, division: str, name: str, since: date | None = None) -> Alliance:
    """Found an alliance for a division (its code) and everything below."""
    place = division_by_code(division)
    if place is None:
        raise Invalid("没有这个区划。", field="division")
    access.must_lead(actor, place.path)
    words, today = name.strip(), clock.city_date(clock.now())
    if not 2 <= len(words) <= 40:
        raise Invalid("联盟名称要 2 到 40 个字。", field="name")
    if since is not None and since > today:
        raise Invalid("成立日期不能在以后。", field="since")
    made, is_new = Alliance.objects.get_or_create(division=place, name=words, defaults={"since": since or today})
    if is_new:
        record("merchants.alliance_founded", subject=f"alliance:{made.public_id}", actor=actor.ref)
    return made


@transaction.atomic
def join_alliance(*, actor: Actor, alliance: str, merchant: str) -> None:
    """Put a merchant of the alliance's place into it."""
    found = Alliance.objects.select_related("division").filter(public_id=alliance).first()
    if found is None:
        raise errors.NoSuchMerchant
    access.must_lead(actor, found.division.path)
    row = access.judged_by(actor).select_related("division").filter(public_id=merchant).first()
    if row is None:
        raise errors.NoSuchMerchant
    must_be(row, "join_alliance")
    if row.division is None or not row.division.path.startswith(found.division.path):
        raise Conflict("这家店不在联盟所在的片区。")
    if Membership.objects.filter(alliance=found, merchant=row, left_at=None).exists():
        return
    try:
        with transaction.atomic():
            Membership.objects.create(alliance=found, merchant=row)
    except IntegrityError:
        return
    record("merchants.joined", subject=row.ref, actor=actor.ref, alliance=found.public_id)
