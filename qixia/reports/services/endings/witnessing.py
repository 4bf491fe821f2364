"""A second rider looks whether it is really fixed.

Offered  when a unit says done and the policy "reports.looks" wants it: a share that nobody can foresee, some classes,
         where the reporter can't be asked or said nothing, where the photos don't agree. Never of a matter that could
         name a person, never to the reporter's circle (circle.py).
Counts   within so many metres of the place, with a photo of now. What a phone says of where and when can be forged: the
         photo is compared with those before, and a clerk reads the result beside it.
Secrecy  who looked is sealed like who supports. The row has a day and no moment; history says "witness"; nothing carries
         the request's id. Points are booked from the next day on, many at one time and in drawn order.
Retries  one live offer a report, one look a rider and report; paying again changes nothing.
Errors   NotFound for whom it is not offered; TooFar, NotNow, NoPhoto, CopiedPhoto, NotForYou.
"""

from __future__ import annotations

import secrets as chance
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from qixia.audit.services import record
from qixia.codes.queries import class_name
from qixia.kernel import clock
from qixia.kernel.faults import kill_point
from qixia.kernel.geo import Point, distance_m
from qixia.kernel.keys import keys
from qixia.kernel.requests import without_request_id
from qixia.media.services import Received, Upload, keep, receive
from qixia.offers import queries as offers_made
from qixia.offers import services as offers
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, errors, rules
from qixia.reports.kinds import LOOK
from qixia.reports.models import Report, ReportPhoto, Support, Witness
from qixia.reports.policy import Looks
from qixia.reports.queries.shared import is_sensitive
from qixia.reports.sealing import ANONYMOUS, WITNESS, open_witness, seal_witness, supporter_index, witness_index
from qixia.reports.services.arriving.intake import Whereabouts, checked
from qixia.reports.services.arriving.looking import digests_before, refuse_copies
from qixia.reports.services.endings.answering import FIXED, REOPENED
from qixia.reports.services.endings.circle import circle_of
from qixia.reports.services.endings.reopening import reopened_told, reopening
from qixia.reports.services.moves import check_step, take_step
from qixia.reports.services.telling import news_told, reporter_told, tell_many
from qixia.rewards.queries import worth
from qixia.rewards.services import Award, award_many

RULE = "second-witness"
# States of a report in which a look may still say something new.
LOOKED_AT = ("resolved", "confirming", "closed")
_MOST_ACCURACY_M = 50  # of what a phone calls its error, so much is believed
PIECE = 200


# ── offering ──────────────────────────────────────────────────────────────────
@transaction.atomic
def offer_look(*, public_id: str, why: str) -> str:
    """Offer riders nearby to look at a report. `why`: resolved (then the policy chooses), unsure, silent. Returns the
    offer's public id, "" where none is wanted."""
    report = Report.objects.select_related("community").filter(public_id=public_id).first()
    policy: Looks = current("reports.looks").data
    if report is None or report.state not in LOOKED_AT or not _is_wanted(report, why, policy):
        return ""
    now = clock.now()
    return offers.make(
        kind=LOOK,
        subject=report.ref,
        title=class_name(report.cls),
        place=report.place,
        lat=report.lat,
        lng=report.lng,
        radius_m=policy.within_m,
        closes_at=now + timedelta(hours=policy.window_hours),
        points=worth(RULE),
        excluded=circle_of(report, least=policy.circle_from),
    )


def _is_wanted(report: Report, why: str, policy: Looks) -> bool:
    if is_sensitive(report) or report.part_of_id is not None or report.merged_into_id is not None:
        return False
    if why != "resolved":
        return bool({"unsure": policy.unsure, "silent": policy.silent}[why])
    anonymous = policy.anonymous and report.secrecy == ANONYMOUS
    return anonymous or report.cls in policy.classes or _is_drawn(report.public_id, policy.share)


def _is_drawn(public_id: str, share: float) -> bool:
    """Whether the report is of the share. Keyed: a unit can't know beforehand where nobody will look. All digits count,
    as a fraction of one: every report has the same chance, and a share may be as small as it likes."""
    drawn = keys().blind_index(public_id, purpose="look-sample")
    return bool(int(drawn, 16) / 16 ** len(drawn) < share)


@transaction.atomic
def withdraw_look(*, public_id: str) -> int:
    """Nobody needs to look any more: it is fixed, reopened, or not true."""
    return offers.withdraw(subject=f"report:{public_id}")


# ── looking ───────────────────────────────────────────────────────────────────
def look_again(
    *,
    actor: Actor,
    offer: str,
    fixed: bool,
    place: Whereabouts | None,
    photos: Sequence[Upload],
    claimed: Sequence[object] = (),
    text: str = "",
) -> None:
    """What a second rider saw: fixed ends the report, not fixed reopens it."""
    held = offers_made.must_hold(actor, offer)
    report = Report.objects.select_related("unit", "community").get(public_id=held.subject.removeprefix("report:"))
    policy: Looks = current("reports.looks").data
    words = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    _check_rider(actor, report)
    metres = _check_place(report, place, held.radius_m)
    if not photos:
        raise errors.NoPhoto(field="photos")
    step = "witness_fixed" if fixed else "witness_unfixed"
    check_step(report, step, access.PASSER_BY)
    with without_request_id(), receive(photos, field="photos", claimed=claimed) as taken:
        _check_fresh(taken, policy.fresh_minutes)
        refuse_copies(digests_before(report, "before", "after"), taken, field="photos")
        with transaction.atomic():
            offers.complete(actor=actor, public_id=offer)
            _keep_photos(report, taken)
            _write(actor, report, fixed=fixed, metres=metres)
            _step(report, step, words)
            kill_point("witness.written")


def _check_rider(actor: Actor, report: Report) -> None:
    """The offer keeps the circle away; what may have changed since it was taken is looked at again."""
    if "photo" not in actor.consents:
        raise errors.NeedsConsent(field="photos")
    if "place" not in actor.consents:
        raise errors.NeedsPlaceConsent(field="place")
    mine = Support.objects.filter(report=report, index=supporter_index(actor.public_id))
    # Whoever sees it as staff works for those who say that it is done.
    if access.is_own(actor, report) or mine.exists() or access.cases(actor).filter(pk=report.pk).exists():
        raise errors.NotForYou


def _check_place(report: Report, place: Whereabouts | None, within: int) -> int:
    """How far the phone is from the place, in metres. A place from the map or a photo is none of where one stands."""
    if place is None or place.source != "gps":
        raise errors.NoPlace(field="place")
    here = checked(place, "", "")
    metres = round(distance_m(Point(here["lat"], here["lng"]), Point(report.lat, report.lng)))
    if metres > within + min(here["accuracy_m"] or 0, _MOST_ACCURACY_M):
        raise errors.TooFar(field="place", distance=metres, within=within)
    return metres


def _check_fresh(taken: Sequence[Received], minutes: int) -> None:
    """Refuses what says itself that it is old; a photo that says nothing is judged like every other (media.provenance)."""
    oldest = clock.now() - timedelta(minutes=minutes)
    for photo in taken:
        at = _taken_at(photo)
        if at is not None and at < oldest:
            raise errors.NotNow(field="photos")


def _taken_at(photo: Received) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(photo.claimed["taken_at"]))
    except (KeyError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=clock.CITY_TZ)


def _keep_photos(report: Report, taken: list[Received]) -> None:
    now = clock.now()
    ReportPhoto.objects.bulk_create(
        ReportPhoto(report=report, evidence=row, role="later", position=index, by_reporter=False, at=now)
        for index, row in enumerate(keep(taken, owner_ref=report.ref))
    )


def _write(actor: Actor, report: Report, *, fixed: bool, metres: int) -> None:
    row = Witness(
        report=report,
        index=witness_index(actor.public_id),
        day=clock.city_date(clock.now()),
        fixed=fixed,
        distance_m=metres,
    )
    row.link = seal_witness(actor.public_id, witness=row.public_id)
    row.save(force_insert=True)


def _step(report: Report, step: str, words: str) -> None:
    fixed = step == "witness_fixed"
    changes: dict[str, Any] = {"ended_at": clock.now(), "validity": "valid"} if fixed else reopening()
    event = FIXED if fixed else REOPENED
    row = take_step(report, step, actor=access.PASSER_BY, text=words, changes=changes, event=event)
    if fixed:
        tell_many([*news_told(report, "report.fixed", f"fixed:{row.pk}"), *asked_to_rate(report, row.pk)])
        return
    key = f"reopened:{row.pk}"
    tell_many([*reopened_told(report, key), *reporter_told(report, "report.reopened", key)])


def asked_to_rate(report: Report, step: int) -> list[Any]:
    """The reporter is asked with one tap how it went."""
    told = reporter_told(report, "report.please_rate", f"rate:{step}")
    return [replace(one, link=f"/r/{report.public_id}/rate") for one in told]


# ── paying ────────────────────────────────────────────────────────────────────
def pay_witnesses() -> int:
    """Book what looks of past days earn, if enough riders wait or one waits long enough. Returns how many were paid."""
    policy, now = current("reports.merging").data, clock.now()
    today = clock.city_date(now)
    waiting = Witness.objects.filter(points=None, link__isnull=False, day__lt=today)
    riders = waiting.values("index").distinct().count()
    overdue = waiting.filter(day__lte=today - timedelta(days=_pay_days(policy)))
    if not riders or (riders < _pay_riders(policy) and not overdue.exists()):
        return 0
    ids = list(waiting.values_list("pk", flat=True))
    chance.SystemRandom().shuffle(ids)
    with clock.at(now), without_request_id():  # one time for all, however long it takes
        return sum(_pay(ids[start : start + PIECE]) for start in range(0, len(ids), PIECE))


def _pay_riders(policy: Any) -> int:
    return getattr(policy, "pay_riders", 3)


def _pay_days(policy: Any) -> int:
    return getattr(policy, "pay_days", 3)


@transaction.atomic
def _pay(ids: Sequence[int]) -> int:
    """Pay these in their order, in one transaction. The source names the look: what becomes of the report later takes
    nothing back from whoever looked honestly."""
    found = {row.pk: row for row in Witness.objects.select_for_update().filter(pk__in=ids, points=None).order_by("pk")}
    waiting = [found[pk] for pk in ids if pk in found and found[pk].link]
    awards = [
        Award(
            beneficiary=f"person:{open_witness(row.link, witness=row.public_id)}",
            rule=RULE,
            source=f"witness:{row.public_id}",
            act="reports.witnessed",
            actor="system:settle",
            at=clock.city_day(row.day)[1] - timedelta(seconds=1),  # caps count for the day of the look
        )
        for row in waiting
    ]
    for row, posting in zip(waiting, award_many(awards), strict=True):
        row.points = posting.points
    Witness.objects.bulk_update(waiting, ["points"])
    kill_point("witness.paid")
    if waiting:
        record("reports.witnesses_paid", subject="reports", actor="system:settle", count=len(waiting))
    return len(waiting)


@transaction.atomic
def forget_witness(*, person: str) -> int:
    """Somebody was erased: what was seen still counts, and leads to nobody. Idempotent."""
    gone = Witness.objects.filter(index=witness_index(person)).update(link=None, index=None)
    if gone:
        record("reports.witnesses_forgotten", subject="reports", actor="system:erasure", count=gone)
    return gone


__all__ = ["WITNESS", "asked_to_rate", "forget_witness", "look_again", "offer_look", "pay_witnesses", "withdraw_look"]
