"""Stars after use.

Who      a rider with a redeemed voucher at this merchant, once a voucher; nobody rates a shop that he keeps.
Secrecy  neither the row nor history says who it was, nor when in the month.
Sums     are published in groups of `fewest_ratings`, so that no single rating shows in the difference.
Retries  the same use again: nothing changes.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count, Sum
from django.db.models.functions import Abs, Coalesce

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.requests import without_request_id
from qixia.merchants import errors, rules, sealing, states
from qixia.merchants.models import Merchant, Rating
from qixia.merchants.services.moves import must_be
from qixia.people.access import SYSTEM, Actor
from qixia.policy.queries import current
from qixia.rewards.queries import redeemed_vouchers_of


@transaction.atomic
def rate(*, actor: Actor, merchant: str, voucher: str, stars: int, words: str = "") -> None:
    """One to five stars for the use of one voucher (public id). NothingUsed for what is not the actor's use here."""
    row = Merchant.objects.filter(public_id=merchant, state__in=states.MEMBERS).first()
    if row is None:
        raise errors.NoSuchMerchant
    if row.organisation_id in actor.organisation_ids("merchant"):
        raise errors.OwnShop
    must_be(row, "rate")
    said = rules.check_stars(stars, words)
    policy: rules.KindsPolicy = current("merchants.kinds").data
    since = clock.now() - timedelta(days=policy.rate_within_days)
    if voucher not in {use.public_id for use in redeemed_vouchers_of(actor, row.organisation_id, since)}:
        raise errors.NothingUsed
    month = clock.city_date(clock.now()).replace(day=1)
    try:
        with transaction.atomic():
            Rating.objects.create(
                merchant=row,
                use=sealing.use_mark(voucher),
                stars=stars,
                sealed_words=sealing.seal_words(said),
                month=month,
            )
    except IntegrityError:
        return
    with without_request_id():
        record("merchants.rated", subject=row.ref, actor="rider")


@transaction.atomic
def count_ratings() -> int:
    """Publish the sums of merchants for which enough new ratings have come. Returns how many merchants that were."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    counted = (
        Merchant.objects.annotate(n=Count("ratings"), total=Coalesce(Sum("ratings__stars"), 0))
        .annotate(news=Abs(Coalesce(Count("ratings"), 0) - Coalesce("stars_count", 0)))
        .filter(news__gte=policy.fewest_ratings)
        .values_list("pk", "n", "total", "stars_count")
    )
    found = list(counted)
    for pk, count, total, before in found:  # retention may take some away meanwhile: then tomorrow
        Merchant.objects.filter(pk=pk, stars_count=before).update(stars_count=count, stars_sum=total)
    if found:
        record("merchants.ratings_counted", subject="merchants", actor=SYSTEM.ref, count=len(found))
    return len(found)
