"""Places where kits lie, and the volunteers who hand over there.

Errors   Invalid names the field; NotAllowed for who is not in charge of the place.
Retries  naming a helper again, or ending it again: nothing.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction

from qixia.audit.services import record
from qixia.gifts import access, errors
from qixia.gifts.models import Helper, Place, Stock
from qixia.gifts.rules import forms
from qixia.kernel import clock, hours
from qixia.kernel.errors import Conflict, Invalid
from qixia.kernel.geo import Point
from qixia.people.access import Actor
from qixia.people.queries import organisation_by_code, person_id_by_phone
from qixia.people.rules import mobile_number
from qixia.places.queries import locate


@transaction.atomic
def set_place(*, actor: Actor, form: forms.PlaceForm, place: str = "", is_active: bool = True) -> Place:
    """Add a place, or (public id) change it. A place with is_active=False takes and hands over nothing new."""
    forms.check_place(form)
    organisation = organisation_by_code(form.organisation)
    if organisation is None:
        raise Invalid("没有这个单位。", field="organisation")
    community = locate(Point(form.lat, form.lng)).community
    if community is None:
        raise Invalid("这个位置不在任何社区里。", field="lat")
    access.must_lead(actor, community.path)
    said = {
        "name": form.name.strip(),
        "kind": form.kind,
        "organisation_id": organisation.id,
        "division_id": community.pk,
        "address": form.address.strip(),
        "lat": form.lat,
        "lng": form.lng,
        "hours": hours.parse(form.opening, field="opening"),
        "is_active": is_active,
    }
    try:
        with transaction.atomic():
            if place:
                row = access.led_place(actor, place)
                _may_change(row, community.pk, is_active=is_active)
                Place.objects.filter(pk=row.pk).update(**said)
                row.refresh_from_db()
            else:
                row = Place.objects.create(**said)
    except IntegrityError as error:
        raise Conflict("这个社区已经有同名的地方。", field="name") from error
    record("gifts.place_set", subject=f"place:{row.public_id}", actor=actor.ref, active=is_active)
    return row


def _may_change(row: Place, division: int, *, is_active: bool) -> None:
    """Kits stay in books of the place's community, and nobody is sent to a place that is no longer there."""
    lies = Stock.objects.filter(place=row, count__gte=1).exists()
    if lies and division != row.division_id:
        raise Conflict("这里还有货。先调走，才能搬到别的社区。", field="lat")
    if lies and row.is_active and not is_active:
        raise Conflict("这里还有货。先调走或退还，才能停用。", field="is_active")


@transaction.atomic
def add_helper(*, actor: Actor, place: str, phone: str) -> Helper:
    """Name a volunteer (by phone number) who may hand over at a place."""
    row = access.led_place(actor, place)
    person_id = person_id_by_phone(mobile_number(phone, field="phone"))
    if person_id is None:
        raise Invalid("没有用这个手机号登记的人。", field="phone")
    found, is_new = Helper.objects.get_or_create(place=row, person_id=person_id, ended_at=None)
    if is_new:
        record("gifts.helper_added", subject=f"place:{row.public_id}", actor=actor.ref, helper=found.public_id)
    return found


@transaction.atomic
def end_helper(*, actor: Actor, helper: str) -> None:
    found = Helper.objects.select_related("place").filter(public_id=helper).first()
    if found is None:
        raise errors.NoSuchThing
    access.led_place(actor, found.place.public_id)
    if Helper.objects.filter(pk=found.pk, ended_at=None).update(ended_at=clock.now()):
        record("gifts.helper_ended", subject=f"place:{found.place.public_id}", actor=actor.ref, helper=helper)
