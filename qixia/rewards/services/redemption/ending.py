"""Vouchers: give back, expire.

Locks    always in the order voucher → purses → item → slot → waiting, so no two steps wait for each other in a circle.
Points   of what was not used: held → purse, into the lots they came from (what is owed is repaid first), as far as the
         rules of the day of reserving say; the rest is forfeited. A piece that was begun does not come back into stock.
Retries  cancel of a cancelled voucher returns it. Expiry happens exactly once (conditional update).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.people.access import SYSTEM, Actor
from qixia.rewards import rules, states, terms
from qixia.rewards.access import own_voucher, waiting_shops
from qixia.rewards.errors import VoucherEnded
from qixia.rewards.models import Entry, Voucher
from qixia.rewards.queries.slots import percent_back
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books, telling
from qixia.rewards.services.redemption.posting import draft, key_of
from qixia.rewards.services.redemption.waiting import came_back

EXPIRE_BATCH = 200


@transaction.atomic
def cancel(*, actor: Actor, voucher: str) -> Voucher:
    """Give what is left of a voucher back for its points: by rule, all of them while its shop pauses. VoucherEnded if it
    was used up or has expired."""
    row = own_voucher(actor, voucher)
    if row.state == states.CANCELLED:
        return row
    now = clock.now()
    usable = Voucher.objects.filter(pk=row.pk, state__in=states.USABLE)
    usable = usable if row.waits else usable.filter(expires_at__gt=now)
    stepped = usable.update(state=states.result("cancel"), ended_at=now)
    row.refresh_from_db()
    if not stepped:
        if row.state == states.CANCELLED:
            return row
        known = states.EXPIRED if row.state in states.USABLE else row.state
        raise VoucherEnded(state=_(states.LABELS[known]))
    give_back([row], step="cancel", actor=actor.ref, percent=100 if row.waits else None)
    return row


@transaction.atomic
def expire_due(*, limit: int = EXPIRE_BATCH) -> int:
    """Expire up to `limit` vouchers whose time has come and give points back by rule. Returns how many. Those of a shop
    that pauses wait for it, but for times that were booked: they end, with all of their points."""
    now = clock.now()
    pausing = set(waiting_shops().values_list("merchant_id", flat=True))
    due = Voucher.objects.filter(state__in=states.USABLE, expires_at__lte=now).order_by("id")
    due = due.exclude(slot=None, merchant_id__in=pausing) if pausing else due
    rows = list(
        due.select_related("person", "merchant", "slot").select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    Voucher.objects.filter(pk__in=[row.pk for row in rows], state__in=states.USABLE).update(
        state=states.result("expire"), ended_at=now
    )
    for row in rows:
        row.state, row.ended_at = states.EXPIRED, now
    give_back([row for row in rows if row.merchant_id not in pausing], step="expire", actor=SYSTEM.ref)
    give_back([row for row in rows if row.merchant_id in pausing], step="expire", actor=SYSTEM.ref, percent=100)
    return len(rows)


def give_back(rows: Sequence[Voucher], *, step: str, actor: str, percent: int | None = None) -> None:
    """Points and stock of vouchers that ended with something left: `percent` of them, else by rule. Nobody takes of them
    any more: their rows are locked."""
    if not rows:
        return
    refs = {row.pk: f"person:{row.person.public_id}" for row in rows}
    purses = books.lock_purses(refs.values(), need=(rules.AVAILABLE, rules.HELD))
    forfeited = books.collecting(rules.CITY, rules.FORFEITED)
    came_from = _came_from(rows, refs)
    drafts = [
        _return_draft(row, purses[refs[row.pk]], came_from[row.pk], forfeited, step=step, actor=actor, percent=percent)
        for row in rows
    ]
    books.write(drafts)
    Voucher.objects.bulk_update(rows, ["returned"])
    came_back([row for row in rows if not row.used])
    telling.stepped(step, rows, actor=actor)


def _came_from(rows: Sequence[Voucher], refs: Mapping[int, str]) -> dict[int, list[tuple[date, int]]]:
    """Voucher → the lots that paid for it, as the entries of its posting say, none of them ending at once. One
    statement. What was paid before lots were kept lives as long as points of today."""
    keys = {key_of(row, "reserve", refs[row.pk]): row.pk for row in rows}
    found: dict[int, list[tuple[date, int]]] = {row.pk: [] for row in rows}
    policy_now, today = books_terms().lots, clock.city_date(clock.now())
    entries = Entry.objects.filter(posting__key__in=keys, account__kind=rules.AVAILABLE)
    for key, end, amount in entries.values_list("posting__key", "expires_on", "amount"):
        end = end or terms.last_day(policy_now, today)
        found[keys[key]].append((terms.with_grace(policy_now, end, today), -amount))
    return found


def _return_draft(
    row: Voucher,
    purse: books.Purse,
    came_from: Sequence[tuple[date, int]],
    forfeited: list[books.Pot],
    *,
    step: str,
    actor: str,
    percent: int | None,
) -> books.Draft:
    left = row.points_left
    back, lost = rules.share(left, percent_back(row, step) if percent is None else percent)
    lines = books.income_in_parts(purse, terms.last_in(back, came_from), purse.pots[rules.HELD]) if back else []
    if lost:
        lines += [
            books.move(purse.pots[rules.HELD], -lost),
            books.move(forfeited[rules.slot_of(purse.owner_ref)], lost),
        ]
    row.returned = back
    return draft(
        row,
        purse=purse,
        step=step,
        kind=rules.RETURN if step == "cancel" else rules.EXPIRE,
        actor=actor,
        points=back,
        nominal=left,
        lines=lines,
    )
