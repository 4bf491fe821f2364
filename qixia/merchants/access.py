"""Who may do what with merchants. No actor means no.

- Shopkeepers hold the role "merchant" in the organisation; to everybody else's keepers a merchant's inside does not exist.
- Clerks and administrators judge merchants of the divisions that they are in charge of, never a shop of their own.
- Riders see what is a member and not suspended.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from qixia.kernel.errors import NotAllowed
from qixia.merchants import errors, states
from qixia.merchants.models import Merchant
from qixia.people.access import Actor

JUDGES = ("clerk", "admin")


def shown() -> QuerySet[Merchant]:
    """What riders see."""
    return Merchant.objects.filter(state=states.ACTIVE)


def own(actor: Actor) -> QuerySet[Merchant]:
    return Merchant.objects.filter(organisation_id__in=actor.organisation_ids("merchant"))


def judged_by(actor: Actor) -> QuerySet[Merchant]:
    """What the actor looks after at the desk."""
    rows, paths = Merchant.objects.all(), actor.paths(*JUDGES)
    if "" in paths and actor.has(*JUDGES):
        return rows
    place = Q(pk__in=())
    for path in paths:
        place |= Q(division__path__startswith=path)
    return rows.filter(place)


def kept(actor: Actor, public_id: str) -> Merchant:
    """A merchant that the actor keeps, or looks after at the desk."""
    for rows in (own(actor), judged_by(actor)):
        found = rows.filter(public_id=public_id).select_related("organisation").first()
        if found is not None:
            return found
    raise errors.NoSuchMerchant


def to_look_at(actor: Actor, public_id: str) -> Merchant:
    """A merchant on the actor's desk."""
    found = judged_by(actor).filter(public_id=public_id).select_related("organisation", "division").first()
    if found is None:
        raise errors.NoSuchMerchant
    return found


def judged(actor: Actor, public_id: str) -> Merchant:
    """A merchant that the actor decides about."""
    found = to_look_at(actor, public_id)
    if found.organisation_id in actor.organisation_ids("merchant"):
        raise errors.OwnShop
    return found


def must_lead(actor: Actor, path: str) -> None:
    """Alliances of a place are made by who is in charge of it."""
    if not actor.covers(path, *JUDGES):
        raise NotAllowed
