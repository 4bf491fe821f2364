"""The draw, step by step: two people enter the public value, then a job numbers, chooses, allots and tells.

Fair     rules/draw.py says how; the database does the same in sets, and the published file proves that it did.
Size     a batch a transaction, each with its place in `Draw.cursor`: a job that is killed goes on where it was, and one
         batch done twice does nothing twice. Memory is that of one batch.
Errors   TooEarly, TwoPeople, ValuesDiffer, NotNow; Invalid names "value".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import SHA256, Concat

from qixia.audit.rows import insert_many
from qixia.audit.services import record
from qixia.gifts import access, errors, states
from qixia.gifts.models import Allotment, Campaign, Draw, Entry, Ticket
from qixia.gifts.queries.draws import terms_of
from qixia.gifts.rules import SharingPolicy, forms, lane_shares, need_shares
from qixia.gifts.rules import draw as rules
from qixia.gifts.services.allotting import Gift, allot
from qixia.gifts.services.entering import start_freezing
from qixia.gifts.services.moves import draw_must_be, must_be, take_step, turn
from qixia.gifts.services.planning import SEALING, must_leave_time, promise
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid
from qixia.kernel.keys import keys
from qixia.notices.services import Tell, tell_many
from qixia.people.access import SYSTEM, Actor
from qixia.policy.queries import current

log = logging.getLogger("qixia.gifts")
BATCH = 5_000
NUMBERED_AT_ONCE = 50_000


class Sha256(SHA256):
    """Hex digits, on PostgreSQL by a function of its own: Django's would need the extension pgcrypto."""

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "ENCODE(SHA256(CONVERT_TO(%(expressions)s, 'UTF8')), 'hex')"
        return self.as_sql(compiler, connection, template=template, **extra)


@transaction.atomic
def enter_value(*, actor: Actor, draw: str, value: str) -> None:
    """The first of two people enters the public value; before the second one it can be entered anew."""
    row = _held(actor, draw)
    draw_must_be(row, "enter_value")
    if clock.now() < row.source_at:
        raise errors.TooEarly(when=f"{clock.city_time(row.source_at):%Y-%m-%d %H:%M}")
    turn(row, states.VALUED, value=rules.normal(value, row.numbers), valued_by=actor.ref)
    record("gifts.value_entered", subject=row.ref, actor=actor.ref)


@transaction.atomic
def confirm_value(*, actor: Actor, draw: str, value: str) -> None:
    """The second person enters it without seeing the first one's. The secret comes out and the seed follows."""
    row = _held(actor, draw)
    draw_must_be(row, "confirm_value")
    if row.valued_by == actor.ref:
        raise errors.TwoPeople
    if rules.normal(value, row.numbers) != row.value:
        raise errors.ValuesDiffer(field="value")
    until = _leave_time(row.campaign)
    secret = keys().open(bytes(row.sealed_secret), purpose=f"gifts.draw:{row.public_id}").decode()
    seed = rules.seed_of(secret, row.list_hash, row.value)
    turn(
        row,
        states.CONFIRMED,
        confirmed_by=actor.ref,
        confirmed_at=clock.now(),
        secret=secret,
        seed=seed,
        cursor=0,
    )
    record("gifts.value_confirmed", subject=row.ref, actor=actor.ref, seed=seed, collect_until=until.isoformat())


def _leave_time(campaign: Campaign) -> datetime:
    """Whoever is drawn late has the days to collect that the policy promises."""
    policy: SharingPolicy = current("gifts.sharing").data
    until = max(campaign.collect_until, clock.now() + timedelta(days=policy.collect_days))
    Campaign.objects.filter(pk=campaign.pk).update(collect_until=until)
    return until


@transaction.atomic
def draw_again(
    *, actor: Actor, campaign: str, source: str, source_at: datetime, collect_until: datetime, numbers: int = 7
) -> Draw:
    """A second draw of what was not collected, among those who have none yet. Its promise comes before its value."""
    row = access.locked(actor, campaign)
    if row.way != states.BY_DRAW:
        raise Conflict("这个活动不摇号。")
    if row.usable <= row.allotted:
        raise Conflict("没有剩下的，不用再摇。")
    must_be(row, "draw_again")
    if row.collect_until > clock.now():
        raise errors.TooEarly(when=f"{clock.city_time(row.collect_until):%Y-%m-%d %H:%M}")
    made = _promise_next(row, source, source_at, collect_until, numbers)
    take_step(row, "draw_again", collect_until=collect_until)
    start_freezing(row, made)
    record("gifts.drawn_again", subject=row.ref, actor=actor.ref, kits=made.kits)
    return made


@transaction.atomic
def promise_anew(
    *,
    actor: Actor,
    campaign: str,
    source: str,
    source_at: datetime,
    collect_until: datetime,
    reason: str,
    numbers: int = 7,
) -> Draw:
    """A draw that can't go on (its list was sealed too late, its value never came out) is void, and everybody reads why;
    another one with a new promise takes its place, among the same entrants."""
    row = access.locked(actor, campaign)
    must_be(row, "promise_anew")
    words = forms.reason(reason)
    old = Draw.objects.select_for_update(of=("self",)).filter(campaign=row).latest("number")
    draw_must_be(old, "promise_anew")
    made = _promise_next(row, source, source_at, collect_until, numbers)
    turn(old, states.VOID, void_why=words)
    Campaign.objects.filter(pk=row.pk).update(collect_until=collect_until)
    start_freezing(row, made)
    record(
        "gifts.promised_anew", subject=row.ref, actor=actor.ref, void=old.public_id, reason=words, draw=made.public_id
    )
    return made


def _promise_next(row: Campaign, source: str, source_at: datetime, collect_until: datetime, numbers: int) -> Draw:
    if source_at < clock.now() + SEALING:
        raise Invalid("公开数要在一小时以后才产生，名单才来得及封存。", field="source_at")
    must_leave_time(source_at, collect_until)
    return promise(row, Draw.objects.filter(campaign=row).count() + 1, source, source_at, numbers)


def carry_on() -> bool:
    """One batch of the oldest draw that is under way, or of the next one where that fails. False when nothing was done."""
    for pk in list(Draw.objects.filter(state__in=states.AT_WORK).order_by("pk").values_list("pk", flat=True)[:50]):
        try:
            if _carry(pk):
                return True
        except Exception:  # one draw that can't go on must not stop the others
            log.exception("a draw can't go on", extra={"draw": pk})
    return False


@transaction.atomic
def _carry(pk: int) -> bool:
    rows = Draw.objects.select_for_update(of=("self",), skip_locked=True).filter(state__in=states.AT_WORK)
    row = rows.filter(pk=pk).first()
    if row is None:
        return False
    _STEPS[row.state](row)
    return True


# ── freezing the list ───────────────────────────────────────────────────────


def _freeze(row: Draw) -> None:
    """Copy a batch of entries into the list, as codes; the last one seals it."""
    has_one = Allotment.objects.filter(campaign_id=OuterRef("campaign_id"), person_id=OuterRef("person_id"))
    entries = Entry.objects.filter(~Exists(has_one), campaign_id=row.campaign_id, pk__gt=row.cursor)
    by_place = row.terms["by"] == "community"
    columns = ("pk", "code", "need", "need_state", "place__division__code", "platform")
    found = list(entries.exclude(person=None).order_by("pk").values_list(*columns)[:BATCH])
    if not found:
        _seal_list(row)
        return
    labels = {key: label for label, key in row.lanes.items()}
    needs = {slug for slug, _percent, _title in row.terms["needs"]}  # one that came later was not promised
    tickets = []
    for _pk, code, need, need_state, community, platform in found:
        key = community if by_place else platform
        lane = labels.setdefault(key, str(len(labels) + 1)) if key else ""
        tickets.append((row.pk, code, need if need_state == states.SURE and need in needs else "", lane, "", ""))
    insert_many(Ticket, ("draw_id", "code", "need", "lane", "number", "won"), tickets)
    turn(row, states.FREEZING, cursor=found[-1][0], lanes={label: key for key, label in labels.items()})


def _seal_list(row: Draw) -> None:
    listed = rules.list_hash(terms_of(row), entrants_of(row))
    count, now = row.tickets.count(), clock.now()
    said = {"list_hash": listed, "entrants": count, "frozen_at": now, "cursor": 0}
    if now >= row.source_at:
        # Whoever runs the computer could have known the value while entries still changed.
        turn(row, states.VOID, void_why="名单封存的时候，公开数已经产生了。", **said)
        record("gifts.draw_void", subject=row.ref, actor=SYSTEM.ref, list=listed, entrants=count)
        return
    turn(row, states.FROZEN, **said)
    record("gifts.list_frozen", subject=row.ref, actor=SYSTEM.ref, list=listed, entrants=count, kits=row.kits)


def entrants_of(row: Draw) -> Iterator[rules.Entrant]:
    """The frozen list in the order of its codes; pages by key."""
    after = ""
    while True:
        page = list(
            Ticket.objects.filter(draw=row, code__gt=after)
            .order_by("code")
            .values_list("code", "need", "lane")[:NUMBERED_AT_ONCE]
        )
        for code, need, lane in page:
            yield rules.Entrant(code, need, lane)
        if len(page) < NUMBERED_AT_ONCE:
            return
        after = page[-1][0]


# ── numbers and results ─────────────────────────────────────────────────────


def _number(row: Draw) -> None:
    """Every code's number follows from the seed; the database computes it."""
    ids = Ticket.objects.filter(draw=row, pk__gt=row.cursor).order_by("pk").values_list("pk", flat=True)
    last = ids[NUMBERED_AT_ONCE - 1 : NUMBERED_AT_ONCE].first() or ids.last()
    if last is None:
        turn(row, states.NUMBERED, cursor=0)
        return
    batch = Ticket.objects.filter(draw=row, pk__gt=row.cursor, pk__lte=last)
    batch.update(number=Sha256(Concat(Value(f"{row.seed}:"), F("code"))))
    turn(row, states.CONFIRMED, cursor=last)


def _choose(row: Draw) -> None:
    """One group after the other, each in a transaction of its own: needs, lanes, the rest, all others."""
    needs = [(slug, percent) for slug, percent, _title in row.terms["needs"]]
    if row.cursor < len(needs):
        _choose_need(row, needs, row.cursor)
    elif row.cursor == len(needs):
        _choose_lanes(row)
    elif row.cursor == len(needs) + 1:
        _mark(_waiting(row), row.kits - _won(row), states.BY_REST)
    else:
        _waiting(row).update(won=states.NONE)
        turn(row, states.CHOSEN, cursor=0)
        record("gifts.drawn", subject=row.ref, actor=SYSTEM.ref, won=_won(row))
        return
    turn(row, states.NUMBERED, cursor=row.cursor + 1)


def _choose_need(row: Draw, needs: list[tuple[str, int]], step: int) -> None:
    """Everybody of the group counts for its share, as in rules.results."""
    slug = needs[step][0]
    share = need_shares(row.kits, needs, {slug: Ticket.objects.filter(draw=row, need=slug).count()})[slug]
    _mark(_waiting(row).filter(need=slug), share, states.BY_NEED)


def _choose_lanes(row: Draw) -> None:
    waiting = dict(
        _waiting(row).exclude(lane="").order_by().values_list("lane").annotate(n=Count("pk")).values_list("lane", "n")
    )
    pool = min(row.kits * row.terms["lanes"] // 100, row.kits - _won(row))
    for lane, share in lane_shares(pool, waiting).items():
        _mark(_waiting(row).filter(lane=lane), share, states.BY_LANE)


def _waiting(row: Draw) -> QuerySet[Ticket]:
    return Ticket.objects.filter(draw=row, won="")


def _won(row: Draw) -> int:
    return Ticket.objects.filter(draw=row, won__in=states.WON).count()


def _mark(rows: QuerySet[Ticket], count: int, why: str) -> None:
    if count > 0:
        first = rows.order_by("number", "code").values("pk")[:count]
        Ticket.objects.filter(pk__in=first).update(won=why)


# ── allotting and telling ───────────────────────────────────────────────────


def _allot(row: Draw) -> None:
    """A batch of those who were drawn get theirs and are told."""
    won = Ticket.objects.filter(draw=row, won__in=states.WON, pk__gt=row.cursor).order_by("pk")
    batch = dict(won.values_list("code", "won")[:BATCH])
    if not batch:
        turn(row, states.TOLD, cursor=0)
        return
    last = won.values_list("pk", flat=True)[len(batch) - 1]
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=row.campaign_id)
    # The codes are asked for by where they stand, not one by one: five thousand values in a statement cost seconds.
    codes = won.filter(pk__lte=last).order_by().values("code")
    entries = list(
        Entry.objects.filter(code__in=codes).exclude(person=None).values_list("code", "person_id", "place_id")
    )
    made = [Gift(person, batch[code], row.pk, place) for code, person, place in entries if person is not None]
    allot(campaign, made)
    tell_many(_tells(campaign, row, [one.person_id for one in made], "gift.won"))
    turn(row, states.CHOSEN, cursor=last)


def _tell_others(row: Draw) -> None:
    """Who got none is told too, and where to check it; then the result is out."""
    lost = Ticket.objects.filter(draw=row, won=states.NONE, pk__gt=row.cursor).order_by("pk")
    batch = list(lost.values_list("pk", flat=True)[:BATCH])
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=row.campaign_id)
    if not batch:
        turn(row, states.DONE, cursor=0, done_at=clock.now())
        take_step(campaign, "publish")
        record("gifts.published", subject=row.ref, actor=SYSTEM.ref)
        return
    codes = lost.filter(pk__lte=batch[-1]).order_by().values("code")
    people = Entry.objects.filter(code__in=codes).exclude(person=None).values_list("person_id", flat=True)
    tell_many(_tells(campaign, row, [person or 0 for person in people], "gift.lost"))
    turn(row, states.TOLD, cursor=batch[-1])


def _tells(campaign: Campaign, row: Draw, people: list[int], template: str) -> Iterator[Tell]:
    link = f"/gifts/{campaign.public_id}"
    params = {"name": campaign.title, "day": f"{clock.city_time(campaign.collect_until):%Y-%m-%d}"}
    for person in people:
        yield Tell(person, template, params, link, f"gift:{row.public_id}:{template}:{person}")


def _held(actor: Actor, draw: str) -> Draw:
    """The draw, held, for who is in charge of its campaign."""
    row = Draw.objects.select_for_update(of=("self",)).select_related("campaign").filter(public_id=draw).first()
    if row is None:
        raise errors.NoSuchThing
    access.locked(actor, row.campaign.public_id, *access.DESK)
    return row


_STEPS: dict[str, Callable[[Draw], None]] = {
    states.FREEZING: _freeze,
    states.CONFIRMED: _number,
    states.NUMBERED: _choose,
    states.CHOSEN: _allot,
    states.TOLD: _tell_others,
}
