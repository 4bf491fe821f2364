"""Last month's statements of the demo's shops, each in another state: one is paid, one agreed, one has an objection that waits,
one was corrected and runs again. Its own dice: the rest of the history stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from random import Random

from qixia.demo.cast import Cast
from qixia.demo.history import History
from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.people.access import Actor
from qixia.rewards import services
from qixia.rewards.models import Dispute, Item, Statement
from qixia.rewards.settling import first_of, last_month

CAP_FEN = 8_000_000
TRIES = 14  # a shop
# Whose statement stands how; the merchant who signs in has one to answer.
PAID, AGREED, DISPUTED, CORRECTED = "nantang-canteen", "yunfan-repair", "shigu-market", "rongyin-canteen"
SAID = (PAID, AGREED, DISPUTED, CORRECTED)
BEGIN_DAYS = 55
# Who has points from the beginning on: the day's cap allows five times twenty.
RIDERS, GIVEN_DAYS = 10, 3
WORKED_DAYS = 6  # from the issue to the moment of the demo at least


def plan(history: History) -> None:
    """Money for the shops, some more uses in the month, the day of issue and what follows."""
    rng, issue = Random(20261103), issue_day(history.until)
    history.plan(history.until - timedelta(days=BEGIN_DAYS), partial(_fund, history))
    riders = history.cast.riders[1 : 1 + RIDERS]
    for day in range(GIVEN_DAYS):
        history.plan(history.until - timedelta(days=BEGIN_DAYS - day), partial(_give, riders, day))
    month = last_month(clock.city_date(issue))
    begin = max(clock.city_day(month)[0], history.until - timedelta(days=BEGIN_DAYS - GIVEN_DAYS))
    span = (clock.city_day(first_of(clock.city_date(issue)))[0] - begin).total_seconds()
    for number in range(TRIES * len(SAID)):
        at = begin + timedelta(seconds=rng.uniform(0, span - 7200))
        shop, rider = SAID[number % len(SAID)], rng.choice(riders)
        if number < len(SAID):  # each shop has one for certain: by a rider who has all his points still
            at, rider = begin + timedelta(minutes=number), riders[number]
        history.plan(at, partial(_use, history.cast, shop, rider, number))
    history.plan(issue, _issue)
    history.plan(issue + timedelta(days=1), partial(_answer_to, history.cast, month))
    history.plan(issue + timedelta(days=4), partial(_pay, history.cast, month))
    # Yesterday, so that the time to object is not over whatever the day of the month.
    history.plan(history.until - timedelta(hours=20), partial(_correct, history.cast, month))


def issue_day(until: datetime) -> datetime:
    """Ten in the morning of the latest 3rd that lies long enough before the demo's moment."""
    day = clock.city_date(until - timedelta(days=WORKED_DAYS))
    third = day.replace(day=3) if day.day >= 3 else last_month(day).replace(day=3)
    return clock.city_day(third)[0] + timedelta(hours=10)


def _fund(history: History) -> None:
    assert history.cast.admin is not None
    today, last = clock.city_date(clock.now()), clock.city_date(history.until)
    try:
        services.open_budget(
            actor=history.cast.admin,
            owner_ref="city",
            unit="fen",
            starts_on=today,
            ends_on=date(last.year + 1, 12, 31),
            cap=CAP_FEN,
        )
    except DomainError:
        return  # there is one already


def _give(riders: Sequence[Actor], day: int) -> None:
    """Points that a few riders have brought along."""
    services.award_many(
        [
            services.Award(rider.ref, "road-collapse", f"{rider.ref}:opening:{day}:{n}", "demo.opening", "system:demo")
            for rider in riders
            for n in range(5)
        ]
    )


def _use(cast: Cast, shop: str, rider: Actor, number: int) -> None:
    free = Item.objects.filter(has_slots=False, eligibility__isnull=True, stock__gt=3, face_value_fen__gt=0)
    item = free.filter(merchant_id=cast.shops[shop].pk).order_by("price").first()
    if item is None:
        return
    try:
        voucher = services.reserve(actor=rider, item=item.public_id, client_key=f"demo-month-{number:04d}")
        services.redeem(actor=cast.merchants[shop], text=voucher.number, redeem_key=f"demo-month-{number:04d}")
    except DomainError:
        return  # too few points, or the shop is closed: nothing happened


def _issue() -> None:
    services.issue_due()


def _answer_to(cast: Cast, month: date) -> None:
    """What shops say the day after: two agree, two object."""
    rows = {row.merchant_id: row for row in Statement.objects.filter(month=month, state="issued")}
    by_shop = {code: rows[cast.shops[code].pk] for code in SAID if cast.shops[code].pk in rows}
    for code, row in by_shop.items():
        keeper = cast.merchants[code]
        if code in (PAID, AGREED):
            services.agree(actor=keeper, statement=row.public_id)
        elif code == DISPUTED:
            line = row.lines.order_by("pk").values_list("pk", flat=True).first()
            services.dispute(actor=keeper, statement=row.public_id, reason="这天的券面值应该按新价签算", line=line)
        else:
            services.dispute(actor=keeper, statement=row.public_id, reason="月底那天停过电，少算了一笔")


def _pay(cast: Cast, month: date) -> None:
    row = Statement.objects.filter(month=month, state="agreed", merchant_id=cast.shops[PAID].pk).first()
    if row is not None and cast.admin is not None:
        today = clock.city_date(clock.now())
        services.record_payment(
            actor=cast.admin,
            statement=row.public_id,
            fen=row.due_fen,
            paid_on=today,
            bank_ref=f"DEMO{today:%Y%m%d}0001",
        )


def _correct(cast: Cast, month: date) -> None:
    found = Dispute.objects.filter(statement__month=month, state="open", line=None).order_by("pk").first()
    if found is not None and cast.admin is not None:
        services.answer_dispute(actor=cast.admin, dispute=found.public_id, answer="核对了收券记录，补上一笔", fen=1500)
