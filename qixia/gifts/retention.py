"""Who entered and who got one is forgotten after the campaign; codes, sums and moves stay and name nobody."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from qixia.audit.retention import Kind, register
from qixia.gifts import states
from qixia.gifts.models import Allotment, Entry, Guess, PaperList


def _entries() -> QuerySet[Entry]:
    return Entry.objects.order_by("campaign__collect_until", "pk")


def _gifts() -> QuerySet[Allotment]:
    return Allotment.objects.exclude(state=states.OPEN).order_by("campaign__collect_until", "pk")


def purge_entries(before: datetime, limit: int) -> int:
    found = list(_entries().filter(campaign__collect_until__lt=before).values_list("pk", flat=True)[:limit])
    Entry.objects.filter(pk__in=found).delete()
    return len(found)


def oldest_entry() -> datetime | None:
    found: datetime | None = _entries().values_list("campaign__collect_until", flat=True).first()
    return found


def purge_gifts(before: datetime, limit: int) -> int:
    found = list(_gifts().filter(campaign__collect_until__lt=before).values_list("pk", flat=True)[:limit])
    Allotment.objects.filter(pk__in=found).delete()
    return len(found)


def oldest_gift() -> datetime | None:
    found: datetime | None = _gifts().values_list("campaign__collect_until", flat=True).first()
    return found


def _papers() -> QuerySet[PaperList]:
    return PaperList.objects.filter(sealed__isnull=False).order_by("at", "pk")


def purge_papers(before: datetime, limit: int) -> int:
    """What was typed goes, noted or not; that there was such a file stays, so that it is not noted twice."""
    found = list(_papers().filter(at__lt=before).values_list("pk", flat=True)[:limit])
    PaperList.objects.filter(pk__in=found).update(sealed=None)
    return len(found)


def oldest_paper() -> datetime | None:
    found: datetime | None = _papers().values_list("at", flat=True).first()
    return found


def purge_guesses(before: datetime, limit: int) -> int:
    found = list(Guess.objects.filter(at__lt=before).order_by("at").values_list("pk", flat=True)[:limit])
    Guess.objects.filter(pk__in=found).delete()
    return len(found)


def oldest_guess() -> datetime | None:
    found: datetime | None = Guess.objects.order_by("at").values_list("at", flat=True).first()
    return found


register(Kind("gift-entries", "礼包摇号的报名", 180, purge_entries, oldest_entry))
register(Kind("gift-handings", "礼包的领取记录", 730, purge_gifts, oldest_gift))
register(Kind("gift-papers", "导入的礼包收发单", 60, purge_papers, oldest_paper))
register(Kind("gift-guesses", "发放点输错的号", 7, purge_guesses, oldest_guess))
