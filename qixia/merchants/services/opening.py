"""The office opens the way in for a shop that has no account yet: organisation, keeper's account, application.

Truth    a shop is known by its keeper's phone and its name: the same two again are the same shop.
Errors   Invalid names "name", "keeper", "phone" and what `apply` names; NotAllowed for who is not in charge of the place.
Secrecy  whether the phone had an account before is not told: the account keeps its name, and gets the role besides.
Retries  the same form again gives the merchant that is there. One that was refused or left applies again with what was said.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel.errors import Conflict, Invalid, NotAllowed
from qixia.kernel.geo import Point
from qixia.kernel.ids import new_public_id
from qixia.merchants import access, errors, states
from qixia.merchants.models import Merchant
from qixia.merchants.services import telling
from qixia.merchants.services.applying import apply
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.queries import grants_of, person_id_by_phone, staff_of
from qixia.people.rules import mobile_number
from qixia.places.queries import locate

_NAME_MAX = 40


@dataclass(frozen=True, slots=True)
class NewShop:
    """What somebody at the desk writes down for a shop. `keeper_phone` is the one that codes to sign in go to."""

    name: str
    keeper: str
    keeper_phone: str
    kind: str
    address: str
    lat: float
    lng: float
    opening: str = ""
    phone: str = ""


@transaction.atomic
def open_shop(*, actor: Actor, said: NewShop) -> Merchant:
    """Make the organisation and its keeper's account, and apply for it. The keeper hands in papers and agrees."""
    community = locate(Point(said.lat, said.lng)).community
    if not actor.covers(community.path if community else "", *access.JUDGES):
        raise NotAllowed
    name = said.name.strip()
    if not 2 <= len(name) <= _NAME_MAX:
        raise Invalid("店名要 2 到 40 个字。", field="name")
    known = person_id_by_phone(mobile_number(said.keeper_phone, field="keeper_phone"))
    earlier = _earlier(known, name)
    if earlier is not None:
        return _again(actor, earlier, said)
    place = people.create_organisation(
        code=f"shop-{new_public_id().lower()}",
        name=name,
        kind="merchant",
        actor=actor.ref,
        division_id=community.pk if community else None,
    )
    keeper = known or _account(actor, said.keeper, said.keeper_phone)
    people.grant_role(person_id=keeper, role="merchant", organisation_id=place.pk, actor=actor.ref)
    return _applied(actor, place.pk, said)


def _again(actor: Actor, earlier: Merchant, said: NewShop) -> Merchant:
    if not access.judged_by(actor).filter(pk=earlier.pk).exists():
        raise Conflict("这个手机号下已经有一家同名的店，在别的社区。请到那边办。", field="keeper_phone")
    return earlier if earlier.state in states.OPEN else _applied(actor, earlier.organisation_id, said)


def _applied(actor: Actor, organisation_id: int, said: NewShop) -> Merchant:
    row = apply(
        actor=actor,
        organisation_id=organisation_id,
        kind=said.kind,
        address=said.address,
        lat=said.lat,
        lng=said.lng,
        opening=said.opening,
        phone=said.phone,
    )
    record("merchants.shop_opened", subject=row.ref, actor=actor.ref)
    telling.opened(row)
    return row


def _earlier(person_id: int | None, name: str) -> Merchant | None:
    if person_id is None:
        return None
    grants = [one for one in actor_for(person_id).grants if one.role == "merchant" and one.organisation_name == name]
    return Merchant.objects.filter(organisation_id__in=[one.organisation_id for one in grants]).first()


def _account(actor: Actor, name: str, phone: str) -> int:
    try:
        return people.create_person(display_name=name, phone=phone, actor=actor.ref).pk
    except Invalid as refusal:
        refusal.field = {"display_name": "keeper", "phone": "keeper_phone"}.get(refusal.field or "", refusal.field)
        raise


@transaction.atomic
def add_keeper(*, actor: Actor, merchant: str, keeper: str, keeper_phone: str) -> None:
    """Let one more person keep a shop, with an account if there is none for the phone. Again: nothing changes."""
    row = access.judged(actor, merchant)
    known = person_id_by_phone(mobile_number(keeper_phone, field="keeper_phone"))
    if known in {member.person_id for member in staff_of(row.organisation_id, "merchant")}:
        return
    person = known or _account(actor, keeper, keeper_phone)
    people.grant_role(person_id=person, role="merchant", organisation_id=row.organisation_id, actor=actor.ref)
    record("merchants.keeper_added", subject=row.ref, actor=actor.ref)


@transaction.atomic
def remove_keeper(*, actor: Actor, merchant: str, keeper: str) -> None:
    """Take the role of a person (public id) in this shop back. The last one stays while the shop is in or on its way: it
    must be reached."""
    row = access.judged(actor, merchant)
    members = staff_of(row.organisation_id, "merchant")
    found = next((member for member in members if member.public_id == keeper), None)
    if found is None:
        raise errors.NoSuchMerchant
    if row.state in states.OPEN and len({member.person_id for member in members}) == 1:
        raise errors.LastKeeper
    for grant in grants_of(found.person_id, row.organisation_id, "merchant"):
        people.revoke_role(grant=grant, actor=actor.ref)
    record("merchants.keeper_removed", subject=row.ref, actor=actor.ref)
