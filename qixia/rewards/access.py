"""Who may see and do what with points, vouchers and the catalogue. No actor means no.

- A ledger and a voucher belong to one person; to anybody else they do not exist (NotFound, never NotAllowed).
- A merchant's staff takes vouchers of the shops in which they hold the role "merchant".
- Phones of a shop that take vouchers without network are seen and stopped by that staff, and by administrators.
- The catalogue, the rules and budgets are edited by administrators. Auditors read rules, budgets, postings and proofs of the
  books, and they alone acknowledge a late posting.
- Points that a signal holds, and appeals, are decided about by administrators and by supervisors of the whole city, since
  evidence may lie anywhere. Never about one's own, and never about what one decided oneself. How holds ended is read by
  auditors too, without the reports.
- What riders did for people is confirmed by clerks, supervisors and administrators, for their organisation; never their own.
- Statements of a shop are seen, and objected to, by whoever holds the role "merchant" there; its keeper, who has held it
  longest, agrees. Administrators settle for the city, auditors read; to anybody else a statement does not exist.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from qixia.kernel.errors import NotAllowed
from qixia.people.access import Actor, Grant
from qixia.people.queries import keeper_of
from qixia.rewards import closing, settling
from qixia.rewards.errors import (
    NoSuchItem,
    NoSuchPhone,
    NoSuchStatement,
    NoSuchVoucher,
    NoSuchWaiting,
    NotTheKeeper,
)
from qixia.rewards.models import Closure, Item, Statement, TillDevice, Voucher, Waiting

CERTIFIERS = ("clerk", "supervisor", "admin")


def certifying(actor: Actor) -> Grant:
    """The role by which somebody confirms what riders did."""
    found = next((grant for role in CERTIFIERS for grant in actor.grants if grant.role == role), None)
    if found is None:
        raise NotAllowed
    return found


def own_vouchers(actor: Actor) -> QuerySet[Voucher]:
    if actor.person_id is None:
        return Voucher.objects.none()
    pauses = waiting_shops().filter(merchant_id=OuterRef("merchant_id"))
    mine = Voucher.objects.filter(person_id=actor.person_id).select_related("item", "merchant", "person", "slot")
    return mine.annotate(shop_pauses=Exists(pauses))


def own_voucher(actor: Actor, public_id: str) -> Voucher:
    found = own_vouchers(actor).filter(public_id=public_id).first()
    if found is None:
        raise NoSuchVoucher
    return found


def shown_items() -> QuerySet[Item]:
    shown = Item.objects.filter(active=True).exclude(merchant_id__in=closed_shops())
    return shown.select_related("merchant", "photo")


def closed_shops() -> QuerySet[Closure, int]:
    """Keys of shops whose things are hidden now, for a query."""
    return Closure.objects.filter(ended_at=None).values_list("merchant_id", flat=True)


def closure_of(merchant_id: int) -> Closure | None:
    """How a shop is closed to vouchers now; None for one that is open."""
    return Closure.objects.filter(merchant_id=merchant_id, ended_at=None).first()


def waiting_shops() -> QuerySet[Closure]:
    """Shops that pause, and whose vouchers wait for them."""
    return Closure.objects.filter(ended_at=None, vouchers=closing.EXTEND)


def shown_item(public_id: str) -> Item:
    """An item on offer; one that was taken down is gone for riders (their vouchers stay)."""
    found = shown_items().filter(public_id=public_id).first()
    if found is None:
        raise NoSuchItem
    return found


def own_waitings(actor: Actor) -> QuerySet[Waiting]:
    if actor.person_id is None:
        return Waiting.objects.none()
    return Waiting.objects.filter(person_id=actor.person_id).select_related("item__merchant", "item__photo", "slot")


def own_waiting(actor: Actor, public_id: str) -> Waiting:
    found = own_waitings(actor).filter(public_id=public_id).first()
    if found is None:
        raise NoSuchWaiting
    return found


def merchant_ids(actor: Actor) -> list[int]:
    """Shops in which the actor takes vouchers, in a stable order."""
    return sorted(actor.organisation_ids("merchant"))


def kept_phones(actor: Actor) -> QuerySet[TillDevice]:
    """Phones of the actor's shops; of all shops for administrators. To others they do not exist."""
    rows = TillDevice.objects.select_related("merchant")
    return rows if actor.has("admin") else rows.filter(merchant_id__in=merchant_ids(actor))


def kept_phone(actor: Actor, public_id: str, *, lock: bool = False) -> TillDevice:
    """One of them. Locked before any voucher, so that what one phone sends twice at once comes one after the other."""
    rows = kept_phones(actor)
    found = (rows.select_for_update(of=("self",), no_key=True) if lock else rows).filter(public_id=public_id).first()
    if found is None:
        raise NoSuchPhone
    return found


def must_keep_catalogue(actor: Actor) -> None:
    if not actor.has("admin"):
        raise NotAllowed


def must_keep_budgets(actor: Actor) -> None:
    if not actor.has("admin"):
        raise NotAllowed


def must_acknowledge(actor: Actor) -> None:
    """What the books are trusted with is an auditor's word; who runs them has none."""
    if not actor.has("auditor"):
        raise NotAllowed


def may_decide_holds(actor: Actor) -> bool:
    return actor.has("admin") or "" in actor.paths("supervisor")


def may_read_decided(actor: Actor) -> bool:
    """How holds ended: whoever decides about them, and auditors."""
    return may_decide_holds(actor) or actor.has("auditor")


def must_read_books(actor: Actor) -> None:
    """Every posting, without whom points for a report went to."""
    if not (actor.has("admin") or actor.has("auditor")):
        raise NotAllowed


def must_decide_holds(actor: Actor, owner_ref: str, decided_by: str = "") -> None:
    """`decided_by`: who made what is looked at again."""
    if not may_decide_holds(actor) or actor.ref in (owner_ref, decided_by):
        raise NotAllowed


def own_statements(actor: Actor) -> QuerySet[Statement]:
    """What the actor's shops were sent."""
    return Statement.objects.filter(merchant_id__in=merchant_ids(actor), state__in=settling.SHOWN)


def must_see_statement(actor: Actor, public_id: str) -> None:
    if not own_statements(actor).filter(public_id=public_id).exists():
        raise NoSuchStatement


def keeps_shop(actor: Actor, organisation_id: int) -> bool:
    return actor.person_id is not None and keeper_of(organisation_id) == actor.person_id


def must_keep_shop(actor: Actor, organisation_id: int) -> None:
    if not keeps_shop(actor, organisation_id):
        raise NotTheKeeper


def must_settle(actor: Actor) -> None:
    if not actor.has("admin"):
        raise NotAllowed
