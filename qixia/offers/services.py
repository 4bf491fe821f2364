"""All writes to offers.

Taking   one conditional update: of a hundred who take at once one gets it, the others TakenByAnother. A lease that ran
         out counts as given back, whether or not the job has been there.
Secrecy  rows and history name no person and carry no request's id: a line of the log must not lead from a rider to what
         the offer is about. Who may not have it is named by keyed marks (sealing.py).
Retries  making the same offer twice is making it once; taking what one holds already is taking it once.
Errors   NotFound for whom it is not meant; HoldsAnother, TakenByAnother, NotHeld.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.faults import kill_point
from qixia.kernel.ids import new_public_id
from qixia.kernel.requests import without_request_id
from qixia.offers import access, errors, sealing, states
from qixia.offers.models import Offer
from qixia.offers.rules import OffersPolicy, lease_end
from qixia.people.access import SYSTEM, Actor
from qixia.policy.queries import current

_FREE = {"holder": None, "lease_until": None}


@transaction.atomic
def make(
    *,
    kind: str,
    subject: str,
    title: str,
    place: str,
    lat: float,
    lng: float,
    radius_m: int,
    closes_at: datetime,
    points: int,
    excluded: Iterable[str] = (),
    role: str = "rider",
) -> str:
    """Offer something; `excluded` are public ids of people who never get it. Returns the offer's public id, also of one
    that is live already for this kind and subject."""
    public_id = new_public_id()
    row = Offer(
        public_id=public_id,
        kind=kind,
        subject=subject,
        title=title[:80],
        place=place[:200],
        lat=lat,
        lng=lng,
        radius_m=radius_m,
        role=role,
        points=points,
        opens_at=clock.now(),
        closes_at=closes_at,
        excluded=sorted({sealing.mark(person, public_id) for person in excluded if person}),
    )
    with without_request_id():
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            return Offer.objects.get(kind=kind, subject=subject, state__in=states.LIVE).public_id
        record("offers.made", subject=row.ref, actor=SYSTEM.ref, kind=kind, role=role)
    kill_point("offers.made")
    return public_id


@transaction.atomic
def exclude(*, subject: str, person: str) -> int:
    """Keep somebody away from the live offers about `subject` from now on. Returns from how many."""
    rows = list(Offer.objects.select_for_update().filter(subject=subject, state__in=states.LIVE).order_by("pk"))
    with without_request_id():
        for row in rows:
            row.excluded = sorted({*row.excluded, sealing.mark(person, row.public_id)})
            row.save(update_fields=["excluded"])
            record("offers.narrowed", subject=row.ref, actor=SYSTEM.ref)
    return len(rows)


@transaction.atomic
def take(*, actor: Actor, public_id: str) -> Offer:
    """Have it alone for the minutes that the policy grants."""
    offer = access.offered(actor, public_id)
    holder, now = sealing.holder_index(actor.public_id), clock.now()
    mine = Offer.objects.filter(state=states.TAKEN, holder=holder)
    held = mine.filter(lease_until__gt=now).first()
    if held is not None:
        if held.pk == offer.pk:
            return held
        raise errors.HoldsAnother
    # An old lease of the same person, which nobody has cleared yet; never one that began since the look above.
    mine.filter(lease_until__lte=now).update(state=states.OPEN, **_FREE)
    policy: OffersPolicy = current("offers.offers").data
    until = lease_end(now, policy.lease_minutes)
    free = Q(state=states.OPEN) | Q(state=states.TAKEN, lease_until__lte=now)
    try:
        with transaction.atomic():
            taken = Offer.objects.filter(free, pk=offer.pk, closes_at__gt=now).update(
                state=states.TAKEN, holder=holder, lease_until=until
            )
    except IntegrityError as error:  # the same person took another one at this very moment
        raise errors.HoldsAnother from error
    if not taken:
        raise errors.TakenByAnother
    with without_request_id():
        record("offers.taken", subject=offer.ref, actor=sealing.TAKER)
    kill_point("offers.taken")
    offer.state, offer.holder, offer.lease_until = states.TAKEN, holder, until
    return offer


@transaction.atomic
def give_back(*, actor: Actor, public_id: str) -> None:
    """Let others have it. NotHeld if it is not in the actor's hands."""
    _let_go(actor, public_id, states.OPEN, "offers.given_back")


@transaction.atomic
def complete(*, actor: Actor, public_id: str) -> str:
    """It is done, in the transaction of the caller who did it. Returns the subject."""
    return _let_go(actor, public_id, states.DONE, "offers.done")


def _let_go(actor: Actor, public_id: str, state: str, act: str) -> str:
    row = access.held_by(actor).filter(public_id=public_id[:26]).first()
    if row is None:
        raise errors.NotHeld
    if not access.held_by(actor).filter(pk=row.pk).update(state=state, **_FREE):
        raise errors.NotHeld
    with without_request_id():
        record(act, subject=row.ref, actor=sealing.TAKER)
    return row.subject


@transaction.atomic
def withdraw(*, subject: str) -> int:
    """Nobody needs what was offered about `subject` any more. Returns how many offers that were."""
    rows = Offer.objects.filter(subject=subject, state__in=states.LIVE)
    gone = rows.update(state=states.WITHDRAWN, **_FREE)
    if gone:
        record("offers.withdrawn", subject="offers", actor=SYSTEM.ref, count=gone)
    return gone


@transaction.atomic
def expire() -> int:
    """Free what is held too long and end what is over. Returns how many rows changed."""
    now = clock.now()
    over = Offer.objects.filter(state__in=states.LIVE, closes_at__lte=now).update(state=states.EXPIRED, **_FREE)
    freed = Offer.objects.filter(state=states.TAKEN, lease_until__lte=now).update(state=states.OPEN, **_FREE)
    if over or freed:
        record("offers.expired", subject="offers", actor=SYSTEM.ref, over=over, freed=freed)
    return over + freed


@transaction.atomic
def forget_holder(*, person: str) -> int:
    """Somebody was erased: what he held is free again. Idempotent."""
    held = Offer.objects.filter(state=states.TAKEN, holder=sealing.holder_index(person))
    freed = held.update(state=states.OPEN, **_FREE)
    if freed:
        record("offers.freed", subject="offers", actor="system:erasure", count=freed)
    return freed
