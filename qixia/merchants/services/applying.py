"""A shop applies, agrees, keeps its hours right, and leaves.

Truth    one merchant an organisation; the community is the one on whose ground the point lies.
Errors   Invalid names "kind", "address", "place", "hours" or "phone"; NotNow for a step that the state does not allow.
Retries  applying again with the same words, agreeing again, setting the same hours or phone: nothing changes.
"""

from __future__ import annotations

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel import clock, hours
from qixia.kernel.errors import Conflict, Invalid, NotAllowed
from qixia.kernel.geo import Point
from qixia.merchants import access, errors, rules, states
from qixia.merchants.models import Agreement, Membership, Merchant, Suspension
from qixia.merchants.services import telling
from qixia.merchants.services.moves import must_be, step_if_complete, take_step
from qixia.people.access import Actor
from qixia.people.queries import organisations_by_id
from qixia.places.queries import locate
from qixia.policy.queries import current
from qixia.rewards.services import close_merchant

_ADDRESS_MAX = 120


@transaction.atomic
def apply(
    *,
    actor: Actor,
    organisation_id: int,
    kind: str,
    address: str,
    lat: float,
    lng: float,
    opening: str = "",
    phone: str = "",
) -> Merchant:
    """Ask to be in. By a keeper of the shop, or by who is in charge of the place on the shop's behalf. Papers that are good
    still need no second look."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    if policy.kind(kind) is None:
        raise Invalid("请选择店的种类。", field="kind")
    words = address.strip()
    if not 2 <= len(words) <= _ADDRESS_MAX:
        raise Invalid("地址要 2 到 120 个字。", field="address")
    community = locate(Point(lat, lng)).community
    _must_apply_for(actor, organisation_id, community.path if community else "")
    said = {
        "kind": kind,
        "address": words,
        "lat": lat,
        "lng": lng,
        "cell": rules.cell_of(lat, lng),
        "division_id": community.pk if community else None,
        "hours": hours.parse(opening) if opening.strip() else "",
        "phone": rules.shop_phone(phone),
    }
    row = Merchant.objects.select_for_update().filter(organisation_id=organisation_id).first()
    if row is None:
        row = Merchant.objects.create(organisation_id=organisation_id, **said)
    elif row.state in states.OPEN:
        if all(getattr(row, name) == value for name, value in said.items()):
            return row
        raise Conflict("这家店已经申请过了。")
    else:
        take_step(row, "apply", applied_at=clock.now(), reason="", **said)
    record("merchants.applied", subject=row.ref, actor=actor.ref, kind=kind)
    step_if_complete(row)
    return row


def _must_apply_for(actor: Actor, organisation_id: int, path: str) -> None:
    found = organisations_by_id([organisation_id]).get(organisation_id)
    if found is None or found.kind != "merchant":
        raise errors.NoSuchMerchant
    if organisation_id not in actor.organisation_ids("merchant") and not actor.covers(path, *access.JUDGES):
        raise NotAllowed


@transaction.atomic
def agree(*, actor: Actor, merchant: str, version: int) -> None:
    """Say yes to the agreement as it reads now. Only the shop itself can; Conflict for a text that is not in force."""
    row = access.own(actor).filter(public_id=merchant).first()
    if row is None:
        raise errors.NoSuchMerchant
    must_be(row, "agree")
    if version != current("merchants.agreement").version:
        raise Conflict("约定刚刚改过，请看过新的再同意。")
    _said, is_new = Agreement.objects.get_or_create(merchant=row, version=version, defaults={"by": actor.ref})
    if is_new:
        record("merchants.agreed", subject=row.ref, actor=actor.ref, version=version)


@transaction.atomic
def set_hours(*, actor: Actor, merchant: str, opening: str) -> str:
    """Set the opening hours from what somebody typed; returns the expression."""
    row = access.kept(actor, merchant)
    must_be(row, "set_hours")
    found = hours.parse(opening)
    if found != row.hours:
        take_step(row, "set_hours", hours=found)
        record("merchants.hours_set", subject=row.ref, actor=actor.ref)
    return found


@transaction.atomic
def set_phone(*, actor: Actor, merchant: str, phone: str) -> str:
    """Set the number that riders may call; empty takes it away. Returns it as it is shown."""
    row = access.kept(actor, merchant)
    must_be(row, "set_phone")
    found = rules.shop_phone(phone)
    if found != row.phone:
        take_step(row, "set_phone", phone=found)
        record("merchants.phone_set", subject=row.ref, actor=actor.ref)
    return found


@transaction.atomic
def leave(*, actor: Actor, merchant: str) -> None:
    """The shop goes, or who is in charge of the place takes it out. Its alliances lose it, its vouchers
    end as policy says; papers go after their time."""
    row = access.kept(actor, merchant)
    if row.state == states.LEFT:
        return
    was_member = row.state in states.MEMBERS
    take_step(row, "leave")
    now = clock.now()
    Membership.objects.filter(merchant=row, left_at=None).update(left_at=now)
    Suspension.objects.filter(merchant=row, ended_at=None).update(ended_at=now)
    record("merchants.left", subject=row.ref, actor=actor.ref)
    if was_member:
        close_merchant(merchant_id=row.organisation_id, actor=actor.ref, final=True)
    if row.organisation_id not in actor.organisation_ids("merchant"):
        telling.taken_out(row)
