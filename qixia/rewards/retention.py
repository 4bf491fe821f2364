"""What was said about points goes: evidence and reasons of holds a year after they ended, appeals with their answers two years.
So do places in lines, half a year after they ended, and words about statements after five years.

The rows stay, for they are part of the books; only the sealed words are emptied. What is open keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db.models import Model, Q, QuerySet

from qixia.audit.retention import Kind, register
from qixia.kernel import clock
from qixia.rewards import states
from qixia.rewards.models import Dispute, Hold, Owed, PointsAppeal, Waiting


def _told(model: type[Model], words: tuple[str, ...]) -> QuerySet[Model]:
    """Rows that are over and still say something."""
    kept = Q()
    for name in words:
        kept |= ~Q(**{name: b""})
    return model._default_manager.exclude(state__in=(states.OPEN, states.WAITING)).filter(kept)


def _words_of(
    model: type[Model], day: str, words: tuple[str, ...]
) -> tuple[Callable[[datetime, int], int], Callable[[], datetime | None]]:
    """`purge` and `oldest` for the sealed words of rows that ended on `day`."""

    def purge(before: datetime, limit: int) -> int:
        old = _told(model, words).filter(**{f"{day}__lt": clock.city_date(before)}).order_by(day, "pk")
        found = list(old.values_list("pk", flat=True)[:limit])
        model._default_manager.filter(pk__in=found).update(**dict.fromkeys(words, b""))
        return len(found)

    def oldest() -> datetime | None:
        found = _told(model, words).order_by(day).values_list(day, flat=True).first()
        return clock.city_day(found)[0] if found else None

    return purge, oldest


register(
    Kind(
        "points-holds", "先看后给的依据和理由", 365, *_words_of(Hold, "ended_on", ("sealed_evidence", "sealed_reason"))
    )
)
register(Kind("points-owed", "待补积分的依据", 365, *_words_of(Owed, "since", ("sealed_signals",))))
register(
    Kind(
        "points-appeals",
        "积分申诉的说法和答复",
        730,
        *_words_of(PointsAppeal, "ended_on", ("sealed_words", "sealed_answer")),
    )
)


def _purge_lines(before: datetime, limit: int) -> int:
    old = Waiting.objects.filter(ended_at__lt=before).order_by("ended_at", "pk")
    gone, _by_table = Waiting.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()
    return gone


def _oldest_line() -> datetime | None:
    return (
        Waiting.objects.filter(ended_at__isnull=False).order_by("ended_at").values_list("ended_at", flat=True).first()
    )


register(Kind("points-lines", "排队的记录", 180, _purge_lines, _oldest_line))


def _told_disputes() -> QuerySet[Dispute]:
    """Answered objections that still say something."""
    return Dispute.objects.filter(answered_at__isnull=False).exclude(reason="", answer="")


def _purge_disputes(before: datetime, limit: int) -> int:
    old = _told_disputes().filter(answered_at__lt=before).order_by("answered_at", "pk")
    found = list(old.values_list("pk", flat=True)[:limit])
    Dispute.objects.filter(pk__in=found).update(reason="", answer="")
    return len(found)


def _oldest_dispute() -> datetime | None:
    return _told_disputes().order_by("answered_at").values_list("answered_at", flat=True).first()


# Statements, their lines and payments are part of the books and stay; what people wrote about them goes.
register(Kind("settlement-words", "对账异议的说法和答复", 1826, _purge_disputes, _oldest_dispute))
