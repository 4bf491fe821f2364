"""Deciding about merchants: admit, refuse, suspend, resume.

Errors   PapersMissing, NotAgreed, NoHours say what is not there; Invalid names "reason" or "until"; OwnShop.
Retries  what is so already stays so, without a second line of history.
"""

from __future__ import annotations

from datetime import date

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.merchants import access, errors, rules, states
from qixia.merchants.models import Agreement, Merchant, Suspension
from qixia.merchants.queries import missing_papers
from qixia.merchants.services import telling
from qixia.merchants.services.moves import must_be, take_step
from qixia.people.access import SYSTEM, Actor
from qixia.policy.queries import current
from qixia.rewards import services as rewards


@transaction.atomic
def admit(*, actor: Actor, merchant: str) -> None:
    """Riders see it from now on."""
    row = access.judged(actor, merchant)
    if row.state == states.ACTIVE:
        return
    must_be(row, "admit")
    if missing_papers(row):
        raise errors.PapersMissing
    if not Agreement.objects.filter(merchant=row, version=current("merchants.agreement").version).exists():
        raise errors.NotAgreed
    if not row.hours:
        raise errors.NoHours
    now = clock.now()
    take_step(row, "admit", admitted_at=now)
    record("merchants.admitted", subject=row.ref, actor=actor.ref)
    rewards.open_merchant(merchant_id=row.organisation_id, actor=actor.ref)
    telling.admitted(row, now)


@transaction.atomic
def refuse(*, actor: Actor, merchant: str, reason: str) -> None:
    """No, and why. The shop may apply again."""
    row = access.judged(actor, merchant)
    words = rules.check_reason(reason)
    if row.state == states.REFUSED and row.reason == words:
        return
    take_step(row, "refuse", reason=words)
    record("merchants.refused", subject=row.ref, actor=actor.ref)
    telling.refused(row, words)


@transaction.atomic
def suspend(*, actor: Actor, merchant: str, reason: str, until: date | None = None) -> None:
    """Take it out of the riders' lists, through the day `until` or until somebody resumes it. The shop reads the reason."""
    row = access.judged(actor, merchant)
    words, now = rules.check_reason(reason), clock.now()
    if until is not None and until < clock.city_date(now):
        raise Invalid("暂停到哪天，不能早于今天。", field="until")
    ends = clock.city_day(until)[1] if until else None
    if row.state == states.SUSPENDED:
        open_ones = Suspension.objects.filter(merchant=row, ended_at=None, reason=words, until=ends)
        if open_ones.exists():
            return
    take_step(row, "suspend")
    made = Suspension.objects.create(merchant=row, reason=words, since=now, until=ends, by=actor.ref)
    record("merchants.suspended", subject=row.ref, actor=actor.ref)
    rewards.close_merchant(merchant_id=row.organisation_id, actor=actor.ref)
    telling.suspended(row, made.pk, words, ends)


@transaction.atomic
def resume(*, actor: Actor, merchant: str) -> None:
    """Let riders see it again before its time."""
    row = access.judged(actor, merchant)
    if row.state == states.ACTIVE:
        return
    _resume(row, actor)


@transaction.atomic
def resume_due() -> int:
    """End the suspensions whose time is over. Returns how many."""
    due = Suspension.objects.filter(ended_at=None, until__lte=clock.now()).select_related("merchant__organisation")
    found = [one.merchant for one in due.order_by("pk")[:200]]
    for row in found:
        _resume(row, SYSTEM)
    return len(found)


def _resume(row: Merchant, actor: Actor) -> None:
    take_step(row, "resume")
    paused = Suspension.objects.filter(merchant=row, ended_at=None)
    key = paused.values_list("pk", flat=True).first() or 0
    paused.update(ended_at=clock.now())
    record("merchants.resumed", subject=row.ref, actor=actor.ref)
    rewards.open_merchant(merchant_id=row.organisation_id, actor=actor.ref)
    telling.resumed(row, key)
