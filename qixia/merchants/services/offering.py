"""What riders get at a merchant.

Errors   Invalid names the field of the form.
Retries  a perk with the same words that runs already is not set twice; ending it again changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.merchants import access, errors, rules
from qixia.merchants.models import Perk
from qixia.merchants.services.moves import must_be
from qixia.people.access import Actor


@transaction.atomic
def set_perk(*, actor: Actor, merchant: str, form: rules.PerkForm) -> Perk:
    """Offer something to riders from one day on. What has ended is offered anew, not changed."""
    row = access.kept(actor, merchant)
    must_be(row, "set_perk")
    rules.check_perk(form)
    said = asdict(form) | {"title": form.title.strip()}
    same = Perk.objects.filter(merchant=row, ended_at=None, **said).first()
    if same is not None:
        return same
    perk = Perk.objects.create(merchant=row, **said)
    record("merchants.perk_set", subject=row.ref, actor=actor.ref, perk=perk.public_id, kind=perk.kind)
    return perk


@transaction.atomic
def end_perk(*, actor: Actor, perk: str) -> None:
    """Offer it no longer, from now on."""
    found = Perk.objects.select_related("merchant").filter(public_id=perk).first()
    if found is None:
        raise errors.NoSuchMerchant
    row = access.kept(actor, found.merchant.public_id)
    must_be(row, "end_perk")
    if Perk.objects.filter(pk=found.pk, ended_at=None).update(ended_at=clock.now()):
        record("merchants.perk_ended", subject=row.ref, actor=actor.ref, perk=found.public_id)
