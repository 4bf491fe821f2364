"""Donors and what they promise.

Errors   Invalid names the field. Retries  a donor of the same name is the one that is there.
"""

from __future__ import annotations

from django.db import transaction

from qixia.audit.services import record
from qixia.gifts import access, errors, states
from qixia.gifts.models import Donation, Donor
from qixia.gifts.rules import forms
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid
from qixia.people.access import Actor
from qixia.people.queries import organisation_by_code


@transaction.atomic
def register_donor(*, actor: Actor, name: str, organisation: str = "", thanks: str = "") -> Donor:
    """Note who gives, under a name that the public may read, with the code of the organisation if it is known here."""
    access.must_organise(actor)
    words = forms.text(name, 2, 60, field="name")
    said = forms.text(thanks, 0, 200, field="thanks")
    known = organisation_by_code(organisation) if organisation else None
    if organisation and known is None:
        raise Invalid("没有这个单位。", field="organisation")
    found, is_new = Donor.objects.get_or_create(
        name=words, defaults={"organisation_id": known.id if known else None, "thanks": said}
    )
    if not is_new and said and _is_ours(actor, found):
        Donor.objects.filter(pk=found.pk).update(thanks=said)
        found.thanks = said
    record("gifts.donor_registered", subject=f"donor:{found.public_id}", actor=actor.ref, new=is_new)
    return found


def _is_ours(actor: Actor, donor: Donor) -> bool:
    """Whether the actor organises where one of the donor's gifts goes: others don't write on a public page."""
    paths = Donation.objects.filter(donor=donor).values_list("campaign__division__path", flat=True)
    return any(actor.covers(path, *access.ORGANISERS) for path in paths.distinct())


@transaction.atomic
def record_donation(*, actor: Actor, form: forms.DonationForm) -> Donation:
    """Write down what a donor gives for a campaign. Kits count when they are received."""
    forms.check_donation(form, clock.city_date(clock.now()))
    campaign = access.locked(actor, form.campaign)
    if campaign.state == states.ENDED:
        raise Conflict("活动已经结束，不能再加捐赠。")
    donor = Donor.objects.filter(public_id=form.donor).first()
    if donor is None:
        raise errors.NoSuchThing
    made = Donation.objects.create(
        donor=donor,
        campaign=campaign,
        what=form.what.strip(),
        count=form.count,
        value_fen=form.value_fen,
        for_whom=forms.text(form.for_whom, 0, 200, field="for_whom"),
        paper=forms.text(form.paper, 0, 80, field="paper"),
        given_on=form.given_on,
    )
    record("gifts.donated", subject=campaign.ref, actor=actor.ref, donation=made.public_id, count=made.count)
    return made
