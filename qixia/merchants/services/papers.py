"""Papers: a photo comes in, a person looks at it and says yes or no.

Truth    one paper of a kind is in force and one may wait; a newer one takes the place of the one that waits.
Errors   Invalid names "kind", "photo", "reason" or "valid_until"; media's refusals of photos; Stale for a second verdict.
Retries  the same verdict by anybody again: nothing.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, Stale
from qixia.media.services import Upload, keep, receive
from qixia.merchants import access, errors, rules, states
from qixia.merchants.models import Merchant, Paper
from qixia.merchants.services import telling
from qixia.merchants.services.moves import lock, must_be, step_if_complete, take_step
from qixia.people.access import SYSTEM, Actor
from qixia.policy.queries import current


def hand_in_paper(*, actor: Actor, merchant: str, kind: str, photo: Upload) -> Paper:
    """Take in the photo of a licence. Opens its own transaction once the file is durable."""
    row = access.kept(actor, merchant)
    must_be(row, "hand_in_paper")
    policy: rules.KindsPolicy = current("merchants.kinds").data
    if kind not in {one.slug for one in policy.papers}:
        raise Invalid("请选择是哪种证照。", field="kind")
    with receive([photo], field="photo") as received, transaction.atomic():
        take_step(row, "hand_in_paper")
        Paper.objects.filter(merchant=row, kind=kind, state=states.HANDED_IN).update(state=states.REPLACED)
        (evidence,) = keep(received, owner_ref=row.ref)
        paper = Paper.objects.create(merchant=row, kind=kind, evidence=evidence)
        record("merchants.paper_handed_in", subject=row.ref, actor=actor.ref, kind=kind, paper=paper.public_id)
    return paper


@transaction.atomic
def check_paper(
    *, actor: Actor, paper: str, accept: bool, reason: str = "", valid_until: date | None = None
) -> Merchant:
    """Say whether a paper is good, and until when. The last one that was needed makes the merchant `checked`."""
    about = Paper.objects.select_related("merchant").filter(public_id=paper).first()
    if about is None:
        raise errors.NoSuchMerchant
    row = lock(access.judged(actor, about.merchant.public_id).pk)
    found = Paper.objects.select_for_update().get(pk=about.pk)
    must_be(row, "check_paper")
    new = states.ACCEPTED if accept else states.TURNED_DOWN
    if found.state == new:
        step_if_complete(row)
        return row
    if found.state != states.HANDED_IN:
        raise Stale
    words = "" if accept else rules.check_reason(reason)
    if accept and valid_until is not None and valid_until < clock.city_date(clock.now()):
        raise Invalid("这张证照已经过期。", field="valid_until")
    if accept:
        Paper.objects.filter(merchant=row, kind=found.kind, state=states.ACCEPTED).update(state=states.REPLACED)
    Paper.objects.filter(pk=found.pk).update(
        state=new,
        reason=words,
        valid_until=valid_until if accept else None,
        checked_at=clock.now(),
        checked_by=actor.ref,
    )
    record("merchants.paper_checked", subject=row.ref, actor=actor.ref, paper=found.public_id, accepted=accept)
    step_if_complete(row)
    telling.paper_judged(row, found, accept=accept, reason=words)
    return row


def warn_of_ending(*, batch: int = 200) -> int:
    """Tell the keepers of members which papers end within `warn_days`, once a paper. Returns how many papers."""
    told = 0
    while found := _warn(batch):
        told += found
    return told


@transaction.atomic
def _warn(limit: int) -> int:
    policy: rules.KindsPolicy = current("merchants.kinds").data
    last = clock.city_date(clock.now()) + timedelta(days=policy.warn_days)
    due = Paper.objects.filter(
        state=states.ACCEPTED, warned_at=None, valid_until__lte=last, merchant__state__in=states.MEMBERS
    )
    rows = due.select_related("merchant__organisation").select_for_update(skip_locked=True, of=("self",))
    found = list(rows.order_by("pk")[:limit])
    Paper.objects.filter(pk__in=[paper.pk for paper in found]).update(warned_at=clock.now())
    for paper in found:
        telling.paper_ends(paper.merchant, paper)
        record("merchants.paper_ends", subject=paper.merchant.ref, actor=SYSTEM.ref, paper=paper.public_id)
    return len(found)
