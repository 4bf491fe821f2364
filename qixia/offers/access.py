"""Who may see and take an offer: whoever has its role and is not kept away from it. To all others it does not exist."""

from __future__ import annotations

from django.db.models import QuerySet

from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.offers import sealing, states
from qixia.offers.models import Offer
from qixia.offers.rules import OffersPolicy
from qixia.people.access import Actor
from qixia.policy.queries import current


def on_offer(actor: Actor) -> QuerySet[Offer]:
    """What is live now and meant for one of the actor's roles; `fits` says of each whether it is for this person."""
    now = clock.now()
    rows = Offer.objects.filter(state__in=states.LIVE, opens_at__lte=now, closes_at__gt=now)
    return rows.filter(role__in=actor.roles) if actor.person_id is not None else rows.none()


def fits(actor: Actor, offer: Offer) -> bool:
    """Not for whom its maker keeps away, nor for a share of all others: not to see an offer must say nothing about whom
    it is kept from, and why."""
    policy: OffersPolicy = current("offers.offers").data
    if sealing.is_left_out(actor.public_id, offer.subject, policy.left_out):
        return False
    return sealing.mark(actor.public_id, offer.public_id) not in offer.excluded


def offered(actor: Actor, public_id: str) -> Offer:
    """One live offer that the actor may take or holds; NotFound for every other."""
    found = on_offer(actor).filter(public_id=public_id).first() if len(public_id) <= 26 else None
    if found is None or not fits(actor, found):
        raise NotFound
    return found


def held_by(actor: Actor) -> QuerySet[Offer]:
    """What the actor holds now."""
    if actor.person_id is None:
        return Offer.objects.none()
    holder = sealing.holder_index(actor.public_id)
    return Offer.objects.filter(state=states.TAKEN, holder=holder, lease_until__gt=clock.now())
