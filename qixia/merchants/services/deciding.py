"""Deciding about merchants: admit, refuse, suspend, resume.

Errors   PapersMissing, KindGone, NotAgreed, NoHours, PapersOver say what is not there; Invalid names "reason" or "until";
         OwnShop.
Retries  what is so already stays so, without a second line of history.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.merchants import access, errors, rules, states
from qixia.merchants.models import Agreement, Merchant, Paper, Suspension
from qixia.merchants.queries import has_kind, missing_papers
from qixia.merchants.services import telling
from qixia.merchants.services.moves import lock, must_be, take_step
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
    if not has_kind(row):
        raise errors.KindGone
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
    _suspend(row, actor, words, ends)


def suspend_over() -> int:
    """Suspend members that still lack a paper `suspend_days` after it ended, until somebody resumes them. Returns how many."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    last = clock.city_date(clock.now()) - timedelta(days=policy.suspend_days)
    over = Paper.objects.filter(state=states.ACCEPTED, valid_until__lt=last, merchant__state=states.ACTIVE)
    shops = over.order_by("merchant_id").values_list("merchant_id", flat=True).distinct()
    return sum(_suspend_over(pk, policy) for pk in list(shops))


@transaction.atomic
def _suspend_over(pk: int, policy: rules.KindsPolicy) -> bool:
    row = lock(pk)
    missing = missing_papers(row)
    if row.state != states.ACTIVE or not missing:
        return False
    titles = "、".join(policy.paper_title(slug) for slug in missing)
    _suspend(row, SYSTEM, f"证照过期了：{titles}。换了新的，社区看过就恢复。", None)
    return True


def _suspend(row: Merchant, actor: Actor, words: str, ends: datetime | None) -> None:
    take_step(row, "suspend")
    made = Suspension.objects.create(merchant=row, reason=words, since=clock.now(), until=ends, by=actor.ref)
    record("merchants.suspended", subject=row.ref, actor=actor.ref)
    rewards.close_merchant(merchant_id=row.organisation_id, actor=actor.ref)
    telling.suspended(row, made.pk, words, ends)


@transaction.atomic
def resume(*, actor: Actor, merchant: str) -> None:
    """Let riders see it again before its time. PapersOver, KindGone: what it needs is not in force."""
    row = access.judged(actor, merchant)
    if row.state == states.ACTIVE:
        return
    must_be(row, "resume")
    if not has_kind(row):
        raise errors.KindGone
    if missing_papers(row):
        raise errors.PapersOver
    _resume(row, actor)


def resume_due() -> int:
    """End the suspensions whose time is over, each for itself. A shop that lacks a paper stays out and hears so once; it
    goes on by itself when the paper is good. Returns how many go on."""
    due = Suspension.objects.filter(ended_at=None, until__lte=clock.now()).order_by("pk")
    return sum(_resume_due(pk, shop) for pk, shop in list(due.values_list("pk", "merchant_id")))


@transaction.atomic
def _resume_due(pk: int, shop: int) -> bool:
    row = lock(shop)
    if not Suspension.objects.filter(pk=pk, ended_at=None).exists():
        return False
    if not has_kind(row) or missing_papers(row):
        telling.stays_out(row, pk)
        return False
    _resume(row, SYSTEM)
    return True


def _resume(row: Merchant, actor: Actor) -> None:
    take_step(row, "resume")
    paused = Suspension.objects.filter(merchant=row, ended_at=None)
    key = paused.values_list("pk", flat=True).first() or 0
    paused.update(ended_at=clock.now())
    record("merchants.resumed", subject=row.ref, actor=actor.ref)
    rewards.open_merchant(merchant_id=row.organisation_id, actor=actor.ref)
    telling.resumed(row, key)
