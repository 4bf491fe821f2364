"""Papers that are in force no more go with their photos after a year, ratings after two."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from qixia.audit.retention import Kind, register
from qixia.kernel import clock
from qixia.media.services import destroy_originals
from qixia.merchants import states
from qixia.merchants.models import Merchant, Paper, Rating


def _over() -> QuerySet[Paper]:
    over = Q(state__in=(states.TURNED_DOWN, states.REPLACED)) | Q(merchant__state__in=(states.LEFT, states.REFUSED))
    return Paper.objects.filter(over)


def purge(before: datetime, limit: int) -> int:
    old = _over().filter(handed_in_at__lt=before).order_by("handed_in_at").values_list("pk", "evidence__public_id")
    found = list(old[:limit])
    destroy_originals([photo for _pk, photo in found], actor="system:retention", reason="retention", copies=True)
    Paper.objects.filter(pk__in=[pk for pk, _photo in found]).delete()
    return len(found)


def oldest() -> datetime | None:
    found: datetime | None = _over().order_by("handed_in_at").values_list("handed_in_at", flat=True).first()
    return found


@transaction.atomic
def purge_ratings(before: datetime, limit: int) -> int:
    """What was published of them is taken from the sums with them: those that nobody has seen yet still wait for a group."""
    old = Rating.objects.filter(month__lt=clock.city_date(before)).order_by("month", "pk")
    gone: dict[int, set[int]] = {}
    for shop, pk in old.values_list("merchant_id", "pk")[:limit]:
        gone.setdefault(shop, set()).add(pk)
    for row in Merchant.objects.select_for_update(no_key=True).filter(pk__in=gone).order_by("pk"):
        published = Rating.objects.filter(merchant=row).order_by("pk").values_list("pk", "stars")[: row.stars_count]
        taken = [stars for pk, stars in published if pk in gone[row.pk]]
        left = {"stars_count": row.stars_count - len(taken), "stars_sum": max(row.stars_sum - sum(taken), 0)}
        Merchant.objects.filter(pk=row.pk).update(**left)
        Rating.objects.filter(pk__in=gone[row.pk]).delete()
    return sum(map(len, gone.values()))


def oldest_rating() -> datetime | None:
    found = Rating.objects.order_by("month").values_list("month", flat=True).first()
    return clock.city_day(found)[0] if found else None


register(Kind("merchant-papers", "商家的旧证照", 365, purge, oldest))
register(Kind("merchant-ratings", "给商家打的分", 730, purge_ratings, oldest_rating))
