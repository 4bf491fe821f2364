"""Campaigns: drafted, opened with the promise of a draw, ended.

Errors   Invalid names the field; NotAllowed for who is not in charge of the place.
Promise  open_campaign picks the secret and publishes its hash, before anybody has entered.
Retries  opening or ending again: NotNow, nothing changes.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from qixia.audit.services import record
from qixia.codes.queries import division as division_by_code
from qixia.gifts import access, errors, states
from qixia.gifts.models import Allotment, Campaign, Draw
from qixia.gifts.rules import SharingPolicy, draw, forms
from qixia.gifts.services.moves import must_be, take_step
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid
from qixia.kernel.ids import new_public_id
from qixia.kernel.keys import keys
from qixia.people.access import SYSTEM, Actor
from qixia.people.queries import employers
from qixia.policy.queries import current

SEALING = timedelta(hours=1)  # between the end of entering and the public value


@transaction.atomic
def draft_campaign(*, actor: Actor, form: forms.CampaignForm, campaign: str = "") -> Campaign:
    """Write a campaign down, or (public id) write a draft anew."""
    policy: SharingPolicy = current("gifts.sharing").data
    forms.check_campaign(form, frozenset(one.slug for one in policy.kinds))
    place = division_by_code(form.division)
    if place is None:
        raise Invalid("没有这个区划。", field="division")
    access.must_lead(actor, place.path)
    if not {one.code for one in employers()}.issuperset(form.platforms):
        raise Invalid("没有这个平台。", field="platforms")
    said = {
        "title": form.title.strip(),
        "kind": form.kind,
        "way": form.way,
        "what": form.what.strip(),
        "division": place,
        "platforms": sorted(form.platforms),
        "starts_at": form.starts_at,
        "ends_at": form.ends_at,
        "collect_until": form.collect_until,
        **_reach(form),
    }
    if campaign:
        row = access.locked(actor, campaign)
        must_be(row, "open_campaign")
        Campaign.objects.filter(pk=row.pk).update(**said)
        row.refresh_from_db()
    else:
        row = Campaign.objects.create(**said)
    record("gifts.drafted", subject=row.ref, actor=actor.ref, way=row.way)
    return row


def _reach(form: forms.CampaignForm) -> dict[str, object]:
    """Who joined before: nothing of it where there is a draw."""
    reach = form.reach if form.way == states.ON_JOINING else states.FROM_NOW
    return {"reach": reach, "joined_since": form.joined_since if reach == states.SINCE else None}


@transaction.atomic
def open_campaign(
    *, actor: Actor, campaign: str, source: str = "", source_at: datetime | None = None, numbers: int = 7
) -> Campaign:
    """Let riders in. For a draw: `source` says which public value will count, `source_at` from when it is known, `numbers`
    how many it has."""
    row = access.locked(actor, campaign)
    must_be(row, "open_campaign")
    if row.collect_until <= clock.now():
        raise Invalid("领取的时间已经过去了，先改日期。", field="collect_until")
    if row.way == states.BY_DRAW:
        if source_at is None or source_at < row.ends_at + SEALING:
            raise Invalid("公开数要在报名截止一小时以后才产生，名单才来得及封存。", field="source_at")
        must_leave_time(source_at, row.collect_until)
        promise(row, 1, source, source_at, numbers)
    take_step(row, "open_campaign")
    record("gifts.opened", subject=row.ref, actor=actor.ref)
    return row


def must_leave_time(source_at: datetime, collect_until: datetime) -> None:
    policy: SharingPolicy = current("gifts.sharing").data
    if collect_until < source_at + timedelta(days=policy.collect_days):
        raise Invalid("公开数产生以后，至少要留 %(days)s 天给人领。", field="source_at", days=policy.collect_days)


def terms_now() -> dict[str, Any]:
    """The shares of the policy in force, as they are promised."""
    policy: SharingPolicy = current("gifts.sharing").data
    return {
        "needs": [[one.slug, one.percent, one.title] for one in policy.needs],
        "lanes": policy.lanes.percent,
        "by": policy.lanes.by,
    }


def promise(row: Campaign, number: int, source: str, source_at: datetime, numbers: int) -> Draw:
    """A new draw with its secret sealed, its hash and its terms in the clear."""
    words = " ".join(forms.text(source, 4, 200, field="source").split())
    if not 3 <= numbers <= 50:
        raise Invalid("公开数要有 3 到 50 个号码。", field="numbers")
    terms = terms_now()
    secret, public_id = secrets.token_hex(32), new_public_id()
    made = Draw.objects.create(
        public_id=public_id,
        campaign=row,
        number=number,
        sealed_secret=keys().seal(secret.encode(), purpose=f"gifts.draw:{public_id}"),
        commitment=draw.commit(secret),
        source=words,
        source_at=source_at,
        numbers=numbers,
        terms=terms,
    )
    record("gifts.promised", subject=made.ref, actor="system:gifts", commitment=made.commitment, terms=terms)
    return made


@transaction.atomic
def end_due() -> int:
    """Campaigns whose last day is long over end by themselves. Returns how many."""
    policy: SharingPolicy = current("gifts.sharing").data
    past = Campaign.objects.filter(collect_until__lt=clock.now() - timedelta(days=policy.end_days))
    due = past.filter(Q(state=states.GIVING) | Q(state=states.OPEN, way=states.ON_JOINING))
    waits = Allotment.objects.filter(campaign=OuterRef("pk"), state=states.OPEN)
    found = list(due.filter(~Exists(waits)).order_by("pk").values_list("public_id", flat=True)[:20])
    for public_id in found:
        end_campaign(actor=SYSTEM, campaign=public_id)
    return len(found)


@transaction.atomic
def end_campaign(*, actor: Actor, campaign: str) -> None:
    """It is over: nothing is handed over any more. Conflict while somebody may still collect."""
    row = access.locked(actor, campaign)
    must_be(row, "end_campaign")
    if row.state == states.OPEN and row.way == states.BY_DRAW:
        raise errors.NotNow(state="进行中")
    waiting = Allotment.objects.filter(campaign=row, state=states.OPEN).count()
    if waiting:
        raise Conflict("还有 %(count)s 份等人来领，领完或收回以后才能结束。", count=waiting)
    take_step(row, "end_campaign")
    record("gifts.ended", subject=row.ref, actor=actor.ref)
