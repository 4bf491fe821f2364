"""What anybody may see of a draw: promise, sealed list, seed, sums, and the file that proves it. No person in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count
from django.utils.translation import gettext as _

from qixia.gifts import errors, states
from qixia.gifts.models import Draw, Ticket
from qixia.gifts.rules import draw as rules

_PIECE = 20_000


@dataclass(frozen=True, slots=True)
class Check:
    """A draw as it is published, step by step; what is not known yet is empty."""

    public_id: str
    number: int
    state: str
    label: str
    commitment: str
    committed_at: datetime
    source: str
    source_at: datetime
    numbers: int
    void_why: str
    list_hash: str
    entrants: int
    kits: int
    frozen_at: datetime | None
    value: str
    confirmed_at: datetime | None
    secret: str
    seed: str
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class CheckPage:
    """`sums` are (why, how many) in the order of choosing; `needs` (title, percent)."""

    check: Check
    campaign: str
    title: str
    what: str
    sums: list[tuple[str, int]]
    needs: list[tuple[str, int]]
    lanes_percent: int
    by: str
    rest_percent: int
    is_done: bool


def check_row(row: Draw) -> Check:
    """The value comes out with the secret: until then a second person has to enter it unseen."""
    is_out = row.state in states.REVEALED
    return Check(
        public_id=row.public_id,
        number=row.number,
        state=row.state,
        label=_(states.DRAW_LABELS[row.state]),
        commitment=row.commitment,
        committed_at=row.committed_at,
        source=row.source,
        source_at=row.source_at,
        numbers=row.numbers,
        void_why=row.void_why,
        list_hash=row.list_hash,
        entrants=row.entrants,
        kits=row.kits,
        frozen_at=row.frozen_at,
        value=row.value if is_out else "",
        confirmed_at=row.confirmed_at,
        secret=row.secret,
        seed=row.seed,
        done_at=row.done_at,
    )


def check_of(public_id: str) -> CheckPage:
    row = _row(public_id)
    is_done = row.state == states.DONE
    sums = []
    if is_done:
        counted = dict(row.tickets.order_by().values_list("won").annotate(n=Count("pk")).values_list("won", "n"))
        sums = [(_(states.WHY[why]), counted.get(why, 0)) for why in (*states.WON, states.NONE)]
    needs = [(_(title), percent) for _slug, percent, title in row.terms.get("needs", ())]
    lanes = row.terms.get("lanes", 0)
    return CheckPage(
        check=check_row(row),
        campaign=row.campaign.public_id,
        title=row.campaign.title,
        what=row.campaign.what,
        sums=sums,
        needs=needs,
        lanes_percent=lanes,
        by=_("社区") if row.terms.get("by") == "community" else _("平台"),
        rest_percent=100 - lanes - sum(percent for _title, percent in needs),
        is_done=is_done,
    )


def file_lines(public_id: str) -> Iterator[str]:
    """The published file of a finished draw, in pieces; NoSuchThing before it is finished."""
    row = _row(public_id)
    if row.state != states.DONE:
        raise errors.NoSuchThing
    facts = {
        "campaign": row.campaign.title,
        "draw": f"{row.public_id} {row.number}",
        "commitment": row.commitment,
        "source": row.source,
        "promised_at": _utc(row.committed_at),
        "sealed_at": _utc(row.frozen_at or row.committed_at),
        "value_from": _utc(row.source_at),
        "list": row.list_hash,
        "secret": row.secret,
        "value": row.value,
        "seed": row.seed,
        "entrants": str(row.entrants),
    }
    return _lines(row, facts, terms_of(row))


def terms_of(row: Draw) -> rules.Terms:
    """What was promised, with the kits that there were when entering closed."""
    needs = tuple((slug, percent) for slug, percent, _title in row.terms["needs"])
    return rules.Terms(row.kits, needs, row.terms["lanes"])


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _lines(row: Draw, facts: dict[str, str], terms: rules.Terms) -> Iterator[str]:
    yield "".join(rules.head_lines(facts, terms))
    after = ""
    while True:
        page = list(
            Ticket.objects.filter(draw=row, code__gt=after)
            .order_by("code")
            .values_list("code", "need", "lane", "won")[:_PIECE]
        )
        yield "".join(f"{code}\t{need}\t{lane}\t{won}\n" for code, need, lane, won in page)
        if len(page) < _PIECE:
            return
        after = page[-1][0]


def _row(public_id: str) -> Draw:
    row = Draw.objects.select_related("campaign").filter(public_id=public_id).first()
    if row is None or row.campaign.state == states.DRAFT:
        raise errors.NoSuchThing
    return row
