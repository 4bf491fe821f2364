"""Who may do what with gifts. No actor means no.

- Clerks and administrators organise in the divisions that they are in charge of; supervisors look, draw and undo there.
- Kits are handed over by who works at the place, who is in charge of it, or a volunteer who was named for it.
- Riders see open campaigns and what is theirs. Donors' sheets and lists of draws are public and name nobody.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from qixia.gifts import errors, states
from qixia.gifts.models import Allotment, Campaign, Entry, Helper, Place
from qixia.kernel.errors import NotAllowed
from qixia.people.access import Actor

ORGANISERS = ("clerk", "admin")
SUPERVISORS = ("supervisor", "admin")
DESK = ("clerk", "admin", "supervisor")


def _inside(actor: Actor, roles: tuple[str, ...], field: str) -> Q:
    """The condition that a division (reached through `field`) is one that the actor is in charge of."""
    place = Q(pk__in=())
    for path in actor.paths(*roles):
        place |= Q(**{f"{field}__startswith": path})
    return place


def on_desk(actor: Actor) -> QuerySet[Campaign]:
    return Campaign.objects.filter(_inside(actor, DESK, "division__path"))


def seen(actor: Actor, public_id: str) -> Campaign:
    """A campaign on the actor's desk."""
    found = on_desk(actor).select_related("division").filter(public_id=public_id).first()
    if found is None:
        raise errors.NoSuchThing
    return found


def locked(actor: Actor, public_id: str, *roles: str) -> Campaign:
    """The same for who may change it, held until the transaction ends. The system may."""
    rows = Campaign.objects.select_for_update(of=("self",), no_key=True).select_related("division")
    found = rows.filter(public_id=public_id).first()
    if found is None:
        raise errors.NoSuchThing
    if not actor.is_system and not actor.covers(found.division.path, *(roles or ORGANISERS)):
        if actor.covers(found.division.path, *DESK):
            raise NotAllowed
        raise errors.NoSuchThing
    return found


def led(actor: Actor, public_id: str) -> Campaign:
    """The same for who organises there, to look at what only organisers may."""
    found = seen(actor, public_id)
    if not actor.covers(found.division.path, *ORGANISERS):
        raise NotAllowed
    return found


def must_lead(actor: Actor, path: str) -> None:
    if not actor.covers(path, *ORGANISERS):
        raise NotAllowed


def must_organise(actor: Actor) -> None:
    if not actor.has(*ORGANISERS):
        raise NotAllowed


def led_places(actor: Actor) -> QuerySet[Place]:
    return Place.objects.filter(_inside(actor, DESK, "division__path"))


def led_place(actor: Actor, public_id: str, *roles: str) -> Place:
    found = led_places(actor).select_related("division").filter(public_id=public_id).first()
    if found is None:
        raise errors.NoSuchThing
    if not actor.covers(found.division.path, *(roles or ORGANISERS)):
        raise NotAllowed
    return found


def hand_places(actor: Actor) -> QuerySet[Place]:
    """Where the actor may hand over."""
    works_at = [grant.organisation_id for grant in actor.grants if grant.role != "rider"]
    named = Helper.objects.filter(person_id=actor.person_id or 0, ended_at=None).values("place_id")
    may = Q(organisation_id__in=works_at) | Q(pk__in=named) | _inside(actor, DESK, "division__path")
    return Place.objects.filter(may, is_active=True) if actor.person_id else Place.objects.none()


def hand_place(actor: Actor, public_id: str) -> Place:
    found = hand_places(actor).filter(public_id=public_id).first()
    if found is None:
        raise errors.NoSuchThing
    return found


def own_gifts(actor: Actor) -> QuerySet[Allotment]:
    return Allotment.objects.filter(person_id=actor.person_id) if actor.person_id else Allotment.objects.none()


def own_entries(actor: Actor) -> QuerySet[Entry]:
    return Entry.objects.filter(person_id=actor.person_id) if actor.person_id else Entry.objects.none()


def platforms_of(actor: Actor) -> frozenset[str]:
    """Codes of the platforms that somebody rides for."""
    return frozenset(grant.organisation_code for grant in actor.grants if grant.role == "rider")


def is_for(campaign: Campaign, actor: Actor) -> bool:
    return actor.has("rider") and (not campaign.platforms or not platforms_of(actor).isdisjoint(campaign.platforms))


def shown(actor: Actor) -> QuerySet[Campaign]:
    """What a rider may look at: everything but drafts."""
    return Campaign.objects.exclude(state=states.DRAFT)
