"""What the demo has to show whatever the hour, the weekday and the number of days, so that no page of it is empty.

Each line is a name and a query. A load tells which are missing; the tests want none. What an act of the demo plans without
anybody looking for it here may silently not happen: add a line with the act.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from qixia.demo.words import ON_THE_DESK
from qixia.gifts.models import Allotment, Campaign, Move
from qixia.kernel import clock
from qixia.merchants.models import Membership, Merchant, Perk
from qixia.offers.models import Offer
from qixia.reports import states
from qixia.reports.models import (
    Alarm,
    Appeal,
    ClockPause,
    Extension,
    Help,
    ImportBatch,
    MergeProposal,
    Rating,
    Report,
    ReportStep,
    Support,
    Undertaking,
    UndertakingReport,
    Witness,
)
from qixia.rewards.models import Dispute, Hold, PointsAppeal, Slot, Statement, TillDevice, Use, Voucher, Waiting

STEPS = (
    *("object", "decide", "refer", "transfer", "witness_fixed", "inspect", "promise", "ask_help", "cut", "absorb"),
    *("pause", "set_aside", "reject", "rate", "acknowledge"),
)
SHOPS = ("active", "suspended", "papers_in", "applied")


def missing() -> list[str]:
    """Names of what is not there, at the moment of the demo."""
    return [name for part in (_reports, _desk, _loop, _points, _shops, _gifts) for name in part()]


def _absent(what: str, wanted: Iterable[Any], rows: QuerySet[Any], column: str = "state") -> list[str]:
    """Values of a column that no row has."""
    found = set(rows.order_by().values_list(column, flat=True).distinct())
    return [f"{what} {value}" for value in wanted if value not in found]


def _fewer(what: str, rows: QuerySet[Any], least: int = 1) -> list[str]:
    found = rows.count()
    return [f"{what}: {found} of {least}"] if found < least else []


def _reports() -> list[str]:
    """What passes in a second is not looked for: received; nor what takes months: closed."""
    standing = [state for state in states.STATES if state not in ("received", "closed")]
    return [
        *_absent("report", standing, Report.objects.all()),
        *_absent("step", STEPS, ReportStep.objects.all(), "step"),
        *_fewer("anonymous report", Report.objects.filter(secrecy="anonymous"), 4),
        *_absent("import", ("ready", "done"), ImportBatch.objects.all()),
        *_fewer("support", Support.objects.all()),
        *_fewer("merge that a clerk is asked about", MergeProposal.objects.filter(state="open")),
    ]


def _desk() -> list[str]:
    """What plan_desk wants to stand; some of it is merged, and riders look at some of it."""
    return [
        one
        for state, (number, _hours) in ON_THE_DESK.items()
        for one in _fewer(f"report {state}", Report.objects.filter(state=state), number // 2)
    ]


def _loop() -> list[str]:
    late = Report.objects.filter(state__in=states.OPEN, clock_at__lte=clock.now() - timedelta(hours=1))
    alone = Report.objects.filter(state="split").exclude(pk__in=Report.objects.exclude(part_of=None).values("part_of"))
    return [
        *_absent("offer", ("open", "taken", "done"), Offer.objects.all()),
        *_fewer("witness", Witness.objects.filter(points__gt=0)),
        *_absent("appeal", ("open", "granted", "denied"), Appeal.objects.all()),
        *_absent("extension", (None, True, False), Extension.objects.all(), "granted"),
        *_fewer("pause", ClockPause.objects.filter(ended_at=None)),
        *_fewer("rating", Rating.objects.all(), 5),
        *_fewer("helper", Help.objects.filter(state="asked")),
        *[f"parts of {one.number}" for one in alone],
        *_absent("undertaking", ("open", "done"), Undertaking.objects.all()),
        *_fewer("report of an undertaking", UndertakingReport.objects.all(), 6),
        *_fewer("undertaking with 200 places", Undertaking.objects.filter(state="done", quantity=200)),
        *_fewer("alarm that rings", Alarm.objects.filter(ended_at=None)),
        *_fewer("alarm that was taken", Alarm.objects.exclude(acknowledged_by=None)),
        *[f"clock of {one.number}" for one in late],
    ]


def _points() -> list[str]:
    now = clock.now()
    today = Use.objects.filter(at__gte=clock.city_day(clock.city_date(now))[0])
    coming = Slot.objects.filter(starts_at__gt=now, taken__gt=0)
    return [
        *_absent("hold", ("open", "posted", "voided", "timed_out"), Hold.objects.all()),
        *_absent("waiting hold", ("impossible-speed", "reused-photo", "own-made"), _waiting_holds(), "signals"),
        *_absent("points appeal", ("open", "granted"), PointsAppeal.objects.all()),
        *_absent("voucher", ("reserved", "part_used", "redeemed", "expired", "cancelled"), Voucher.objects.all()),
        *_fewer("use of today", today),
        *_fewer("booked time to come", coming, 3),
        *_fewer("line for an item", Waiting.objects.filter(state="waiting", slot=None), 3),
        *_fewer("line for a time to come", Waiting.objects.filter(state="waiting", slot__starts_at__gt=now), 2),
    ]


def _waiting_holds() -> QuerySet[Hold]:
    return Hold.objects.filter(state="open", due_on__gte=clock.city_date(clock.now()))


def _shops() -> list[str]:
    return [
        *_absent("statement", ("issued", "disputed", "agreed", "paid"), Statement.objects.all()),
        *_absent("objection", ("open", "accepted"), Dispute.objects.all()),
        *_fewer("statement to agree to", Statement.objects.filter(state="issued", object_until__gt=clock.now())),
        *_fewer("phone at a till", TillDevice.objects.filter(revoked_at=None, valid_until__gt=clock.now()), 4),
        *_fewer("phone that was stopped", TillDevice.objects.exclude(revoked_at=None)),
        *_absent("shop", SHOPS, Merchant.objects.all()),
        *_fewer("member of the alliance", Membership.objects.all(), 12),
        *_fewer("perk", Perk.objects.all(), 12),
    ]


def _gifts() -> list[str]:
    return [
        *_absent("campaign", ("open", "giving"), Campaign.objects.all()),
        *_absent("gift", ("open", "handed"), Allotment.objects.all()),
        *_fewer("gift that broke", Move.objects.filter(kind="broken")),
    ]
