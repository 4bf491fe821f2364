"""分 of money on the same books: what a payer's budget gives to a merchant, once by reference.

Money never waits for cover as points do: without it NoCover, nothing changed. No money moves here, the books say what is
to be paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.rewards import rules, sealing
from qixia.rewards.errors import KeyReused, NoCover
from qixia.rewards.models import Posting
from qixia.rewards.services import books, budgets, telling


@transaction.atomic
def settle_money(
    *,
    payee: str,
    fen: int,
    source: str,
    act: str,
    actor: str,
    payer: str = rules.CITY,
    at: datetime | None = None,
    params: Mapping[str, Any] | None = None,
) -> Posting:
    """Move `fen` from the payer's budget to the payee's settlement account, once by source and payee. A repetition returns
    the first posting; with another sum or other words it is KeyReused."""
    if not 1 <= fen <= rules.MOST:
        raise Invalid("金额要在 0.01 元以上。", field="fen")
    words = {"fen": fen, **(params or {})}
    key, content = sealing.stored_key(rules.posting_key("money", source, payee)), books.content_of(act, words)
    if (known := _known(key, content)) is not None:
        return known
    draft = books.Draft(
        key=key,
        kind=rules.SETTLE,
        rule="money",
        rule_version=0,
        act=act,
        source=sealing.stored_source(source),
        beneficiary=payee,
        actor=actor,
        at=at or clock.now(),
        points=0,
        nominal=fen,
        unit=rules.FEN,
        lines=[],
        available_after=0,
        params=words,
        content_hash=content,
    )
    try:
        with transaction.atomic():
            return _settle(draft, payer, source)
    except IntegrityError:
        if (known := _known(key, content)) is None:  # the same settlement from two sides at once
            raise
        return known


def _known(key: str, content: str) -> Posting | None:
    known = Posting.objects.filter(key=key).first()
    if known is not None and known.content_hash != content:
        raise KeyReused(field="source")
    return known


def _settle(draft: books.Draft, payer: str, source: str) -> Posting:
    fen, slot = draft.nominal, rules.slot_of(source)
    settlement = books.collecting(draft.beneficiary, rules.SETTLEMENT, unit=rules.FEN)
    cover = budgets.cover_of(payer, unit=rules.FEN)
    if not budgets.take(cover, [fen]):
        raise NoCover(field="fen")
    draft.lines = [books.move(cover.pot(source), -fen), books.move(settlement[slot], fen)]
    made: list[Posting] = books.write([draft])
    telling.recorded(made)
    return made[0]
