"""A rider says that a report which is open is what he sees too: he follows it, and earns a little.

Offer    only what was offered to this rider can be supported (queries/similar.py): the offer is sealed, names both, and
         dies after two hours. So nobody works through the city's reports from home.
Secrecy  who supports is sealed like who reported; the row has no time but the day, and nothing of it carries the
         request's id: a line of the log must not lead from one to the other.
Points   once for each rider and matter; not for the own report, not beyond `paid_riders`; 0 is an answer too. Booked from
         the next day on, in drawn order and all at one time, once enough riders wait or one waits long enough: neither
         the moment of a posting nor its place tells which report was supported; its source is the support, since what
         the reporter gets has the report's and a time. Caps count for the day of the support. What supporters of a
         matter got that was found not true goes back with the next batch.
Retries  supporting twice is supporting once, whatever the client key; a key once used gives the first answer for as long as
         it is kept, and KeyReused for another offer. Paying again changes nothing.
"""

from __future__ import annotations

import json
import secrets as chance
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from qixia.audit.services import record
from qixia.jobs.commands import body_hash, once
from qixia.jobs.registry import declare_event
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.kernel.errors import NotAllowed
from qixia.kernel.faults import kill_point
from qixia.kernel.keys import BadSeal, keys
from qixia.kernel.requests import without_request_id
from qixia.kernel.tokens import BadToken, unb64
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, errors, states
from qixia.reports.models import Report, Support
from qixia.reports.queries.shared import is_sensitive
from qixia.reports.queries.similar import OFFER, OFFER_S
from qixia.reports.sealing import SUPPORTER, open_support, seal_support, supporter_index
from qixia.reports.services.arriving.suspecting import Supporters
from qixia.reports.services.duplicates.joining import lock_groups, riders_of, support_award
from qixia.rewards.services import award_many, reverse

SUPPORTED = declare_event("reports.supported")
PIECE = 200
LOOKED_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Supported:
    """What the phone gets back at once. `public_id` is the support's, for the rider's own page of it."""

    public_id: str
    number: str
    repeated: bool = False


def support(*, actor: Actor, offer: str, client_key: str = "") -> Supported:
    """Support what was offered. OfferGone if it can't be any more; TooManySupports; KeyReused."""
    if not actor.has("rider"):
        raise NotAllowed
    public_id, is_fresh = _offered(offer, actor)
    with without_request_id(), transaction.atomic():
        if client_key and _is_known(actor, client_key, offer, public_id):
            first = access.own_supports(actor).filter(report__public_id=public_id).select_related("report").first()
            if first is not None:
                return Supported(first.public_id, first.report.number, repeated=True)
        if not is_fresh:
            raise errors.OfferGone(field="offer")
        return _support(actor, public_id)


def _is_known(actor: Actor, client_key: str, offer: str, public_id: str) -> bool:
    """Claims the key for this offer; whether it had been."""
    digest = body_hash("support", offer)
    return once(actor=actor.ref, key=client_key, body_hash=digest, result={"report": public_id}) is not None


def _offered(offer: str, actor: Actor) -> tuple[str, bool]:
    """The report that was offered to this rider, and whether the offer still stands."""
    try:
        given = json.loads(keys().open(unb64(offer[:400]), purpose=OFFER))
    except (BadToken, BadSeal, ValueError) as error:
        raise errors.OfferGone(field="offer") from error
    if given["to"] != actor.public_id:
        raise errors.OfferGone(field="offer")
    return str(given["report"]), given["at"] + OFFER_S >= clock.now().timestamp()


def _support(actor: Actor, public_id: str) -> Supported:
    report = Report.objects.select_related("merged_into").get(public_id=public_id)
    mine = access.own_supports(actor)
    if first := mine.filter(report=report).first():
        return Supported(first.public_id, report.number, repeated=True)
    lead = report.merged_into or report
    if lead.state not in states.MERGEABLE or is_sensitive(lead) or access.is_own(actor, report):
        raise errors.OfferGone(field="offer")
    limit, today = current("reports.merging").data.supports_a_day, clock.city_date(clock.now())
    index = supporter_index(actor.public_id)
    _one_at_a_time(index)
    if mine.filter(day=today).count() >= limit:
        raise errors.TooManySupports(limit=limit, retry_after=3600)
    row = Support(report=report, index=index, day=today)
    row.link = seal_support(actor.public_id, support=row.public_id)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        first = mine.get(report=report)  # the same rider, at the same moment
        return Supported(first.public_id, report.number, repeated=True)
    record("reports.supported", subject=report.ref, actor=SUPPORTER)
    publish(SUPPORTED, report.ref, {"number": report.number})
    kill_point("support.written")
    return Supported(row.public_id, report.number)


def _one_at_a_time(index: str) -> None:
    """Let what one rider does wait for what he did a moment ago, until the transaction ends, so that a day's limit holds.
    A lock that is nowhere stored: a row of the rider would carry this very transaction. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [index])


def pay_supports() -> int:
    """Book what supports of past days earn, if enough riders wait or one waits long enough, and take back what they earned
    for what is not true. Returns how many earned something."""
    now = clock.now()
    with clock.at(now), without_request_id():  # one time for all, however long it takes
        _take_back(now)
        return _pay_waiting(now)


@transaction.atomic
def _take_back(now: datetime) -> None:
    """The points of supports whose matter was found not true lately."""
    untrue = Report.objects.filter(state="invalid", ended_at__gte=now - LOOKED_BACK).values("pk")
    rows = Support.objects.filter(Q(report__in=untrue) | Q(report__merged_into__in=untrue), points__gt=0)
    found = list(rows.order_by("pk").values_list("pk", "public_id"))
    if not found:
        return
    chance.SystemRandom().shuffle(found)
    sources = [_source(public_id) for _pk, public_id in found]
    reverse(source=sources[0], also=sources[1:], reason="核查后认定不属实", actor="system:settle")
    Support.objects.filter(pk__in=[pk for pk, _public_id in found]).update(points=0)


def _source(public_id: str) -> str:
    return f"support:{public_id}"


def _pay_waiting(now: datetime) -> int:
    policy, today = current("reports.merging").data, clock.city_date(now)
    waiting = Support.objects.filter(points=None, link__isnull=False, day__lt=today)
    riders = waiting.values("index").distinct().count()
    overdue = waiting.filter(day__lte=today - timedelta(days=policy.pay_days))
    if not riders or (riders < policy.pay_riders and not overdue.exists()):
        return 0
    ids = list(waiting.values_list("pk", flat=True))
    chance.SystemRandom().shuffle(ids)
    signs = Supporters()
    return sum(_pay(ids[start : start + PIECE], signs) for start in range(0, len(ids), PIECE))


@transaction.atomic
def _pay(ids: Sequence[int], signs: Supporters) -> int:
    """Pay these in their order, in one transaction."""
    found = Support.objects.select_related("report").in_bulk(ids)
    waiting = [found[pk] for pk in ids if found[pk].points is None and found[pk].link]
    if not waiting:
        return 0
    # Reports before purses, as everywhere; who is found not true meanwhile earns nothing.
    rows = lock_groups({row.report.merged_into_id or row.report_id for row in waiting})
    groups = riders_of(
        {rows[row.report_id].merged_into_id or row.report_id for row in waiting if row.report_id in rows},
        without_supports=[row.pk for row in waiting],
    )
    awards = []
    for row in waiting:
        report = rows.get(row.report_id, row.report)
        lead = rows.get(report.merged_into_id or 0, report)
        row.points = 0
        person = open_support(row.link, support=row.public_id)
        if groups[lead.pk].take(person) and lead.state != "invalid":
            # The ledger is for ever, and a matter may turn out sensitive later: no place beside a supporter.
            link, at = f"/supported/{row.public_id}/", clock.city_day(row.day)[1] - timedelta(seconds=1)
            source = _source(row.public_id)
            award = support_award(report, person, link, source=source, place="", at=at)
            awards.append((row, replace(award, signals=signs.signs_on(person))))
    for (row, _award), posting in zip(awards, award_many([award for _row, award in awards]), strict=True):
        row.points = posting.points or posting.promised  # held or owed: what is not true is taken back all the same
    Support.objects.bulk_update(waiting, ["points"])
    kill_point("support.paid")
    return sum(bool(row.points) for row in waiting)


@transaction.atomic
def forget_supporter(*, person: str) -> int:
    """Somebody was erased: the supports still count, and lead to nobody. Idempotent."""
    mine = Support.objects.filter(index=supporter_index(person))
    gone = mine.update(link=None, index=None)
    if gone:
        record("reports.supports_forgotten", subject="reports", actor="system:erasure", count=gone)
    return gone


__all__ = ["Supported", "forget_supporter", "pay_supports", "support"]
