"""What may be rated, and what others see of ratings."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count

from qixia.kernel import clock
from qixia.merchants import rules, sealing
from qixia.merchants.models import Merchant, Rating
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.rewards.queries import Use, redeemed_vouchers_of

__all__ = ["Use", "published_of", "stars_of", "uses_to_rate"]


def uses_to_rate(actor: Actor, row: Merchant) -> list[Use]:
    """The actor's uses here that are not rated yet, the latest first. Two queries."""
    if row.organisation_id in actor.organisation_ids("merchant"):
        return []
    policy: rules.KindsPolicy = current("merchants.kinds").data
    since = clock.now() - timedelta(days=policy.rate_within_days)
    marks = {sealing.use_mark(use.public_id): use for use in redeemed_vouchers_of(actor, row.organisation_id, since)}
    rated = set(Rating.objects.filter(use__in=marks).values_list("use", flat=True)) if marks else set()
    return [use for mark, use in marks.items() if mark not in rated]


def published_of(row: Merchant, policy: rules.KindsPolicy) -> tuple[int, str]:
    """(how many, their average) of the ratings that may be shown: the first so many by row, never fewer than a group."""
    if row.stars_count < policy.fewest_ratings:
        return 0, ""
    return row.stars_count, f"{row.stars_sum / row.stars_count:.1f}"


def stars_of(row: Merchant) -> list[tuple[int, int]]:
    """(stars, how many), five first, in the groups in which sums are published; [] while there are too few."""
    many, _average = published_of(row, current("merchants.kinds").data)
    if not many:
        return []
    shown = Rating.objects.filter(merchant=row).order_by("pk").values_list("pk", flat=True)[:many]
    counted = dict(Rating.objects.filter(pk__in=list(shown)).order_by().values_list("stars").annotate(n=Count("pk")))
    return [(stars, counted.get(stars, 0)) for stars in range(5, 0, -1)]
