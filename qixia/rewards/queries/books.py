"""The books for who audits them: totals by pot, postings by key, one posting with all that it says.

Secrecy  whom points for a report went to is on none of these pages, as in the back room: neither name nor stand-in. In
         other postings a rider is the pseudonym of the access log. A rider's balances and numbers of accounts are left
         out everywhere: two of them beside each other would say what came between. Sealed words stay sealed.
Units    amounts of an account's unit: points, or 分 of money, which are shown in 元.
Truth    entries. `totals` adds all of them up: seconds with millions, so that page asks for it by itself.
Errors   NotAllowed for who may not read the books, NoSuchEntry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import yaml
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _

from qixia.codes.queries import class_name, triage_classes
from qixia.people.access import Actor
from qixia.people.queries import organisations, pseudonym, staff_ever
from qixia.policy import queries as policy
from qixia.rewards import rules
from qixia.rewards.access import must_read_books
from qixia.rewards.errors import NoSuchEntry
from qixia.rewards.models import Batch, Budget, Entry, Posting
from qixia.rewards.queries.budgets import payer_name
from qixia.rewards.queries.money import yuan
from qixia.rewards.sealing import is_hidden

PAGE = 50
SHEET = 10_000  # rows of one file: more would keep a worker for long
_SOME = 500

KINDS = {
    rules.AWARD: "入账",
    rules.HOLD: "先看再给",
    rules.VOID: "没有给",
    rules.REVERSAL: "收回",
    rules.SPEND: "换券",
    rules.RETURN: "退回",
    rules.EXPIRE: "过期",
    rules.REDEEM: "收券",
    rules.SETTLE: "结算",
    rules.PAY: "付款",
}
POTS = {
    rules.AVAILABLE: "骑手可用",
    rules.DEBT: "骑手欠分",
    rules.HELD: "在券里",
    rules.PENDING: "在看",
    rules.BUDGET: "预算",
    rules.SETTLEMENT: "欠商家",
    rules.FORFEITED: "过期作废",
    rules.PAID_OUT: "已付商家",
    rules.RETIRED: "已核销",
}
ACTS = {
    **rules.ACTS,
    "rewards.certified": "已确认",
    "rewards.paid_later": "有了预算补上",
    "rewards.reversed": "收回",
    "rewards.hold_posted": "看过，给了",
    "rewards.hold_voided": "看过，没给",
    "rewards.hold_timed_out": "到期没人看",
    "rewards.voucher_reserved": "换券",
    "rewards.voucher_used": "用了一部分",
    "rewards.voucher_redeemed": "用完",
    "rewards.voucher_expired": "券过期",
    "rewards.voucher_cancelled": "退券",
    "rewards.expired": "积分到期",
    "rewards.offline_loss": "离线损失",
    "rewards.settled": "结算",
    "rewards.corrected": "更正",
    "rewards.paid_out": "付款",
    "rewards.payment_reversed": "撤回付款",
}
_RULES = {
    "voucher.reserve": "换券",
    "voucher.use": "用一部分",
    "voucher.redeem": "用完",
    "voucher.expire": "券过期",
    "voucher.cancel": "退券",
    "voucher.offline": "离线收券",
    "lot.expire": "积分到期",
    "money": "补贴",
    "correction": "更正",
    "payment": "付款",
    "statement": "对账单",
}


def is_for_report(posting: Posting) -> bool:
    """Whether its rider must not stand beside it."""
    return is_hidden(posting.source) or posting.rule == rules.ANONYMOUS


def shown(amount: int, unit: str, *, signed: bool = True) -> str:
    """So much of a unit, for people."""
    sign = "−" if amount < 0 else "+" if signed and amount > 0 else ""
    if unit == rules.FEN:
        return _("%(n)s 元") % {"n": f"{sign}{yuan(abs(amount))}"}
    return f"{sign}{abs(amount):,}"


# ── totals ────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Total:
    """All accounts of one kind and unit. `balance` is the sum of its entries."""

    pot: str
    kind: str
    unit: str
    entries: int
    balance: int

    @property
    def amount(self) -> str:
        return shown(self.balance, self.unit, signed=False)


def totals(actor: Actor, moment: datetime | None = None, *, unit: str = "") -> list[Total]:
    """Every pot of each unit at `moment`, or now, with what was booked by then. The totals of one unit sum to zero. One
    statement over all entries."""
    must_read_books(actor)
    return totals_at(moment, unit=unit)


def totals_at(moment: datetime | None, *, unit: str = "") -> list[Total]:
    """The same for the command line, whose user has the database anyway."""
    entries = Entry.objects.order_by()
    if moment is not None:
        entries = entries.filter(posting__created_at__lte=moment)
    if unit:
        entries = entries.filter(account__unit=unit)
    rows = entries.values_list("account__kind", "account__unit").annotate(n=Count("pk"), total=Sum("amount"))
    found = [Total(_(POTS[kind]), kind, of, n, int(total)) for kind, of, n, total in rows]
    return sorted(found, key=lambda one: (rules.UNITS.index(one.unit), rules.KINDS.index(one.kind)))


# ── postings ──────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shows; empty: all. Days are those that postings count for."""

    kind: str = ""
    act: str = ""
    since: date | None = None
    until: date | None = None

    def rows(self) -> QuerySet[Posting]:
        found = Posting.objects.all()
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.act:
            found = found.filter(act=self.act)
        if self.since and self.since == self.until:  # said so, its index gives the day's postings in their order
            return found.filter(day=self.since)
        if self.since:
            found = found.filter(day__gte=self.since)
        if self.until:
            found = found.filter(day__lte=self.until)
        return found


@dataclass(frozen=True, slots=True)
class PostingLine:
    """One posting in a list. `moved`: what went from account to account, by unit."""

    id: int
    at: datetime
    day: date
    kind: str
    label: str
    act: str
    rule: str
    code: str
    version: int
    source: str
    whom: str
    unit: str
    points: int
    nominal: int
    promised: int
    moved: dict[str, int]
    position: int | None

    @property
    def moved_words(self) -> str:
        return "，".join(shown(amount, unit, signed=False) for unit, amount in sorted(self.moved.items()))


def postings_page(
    actor: Actor, wanted: Wanted, *, before: int = 0, size: int = PAGE
) -> tuple[list[PostingLine], int | None]:
    """A page, the newest first, and the key of the next. Three statements."""
    must_read_books(actor)
    rows = wanted.rows().filter(pk__lt=before) if before else wanted.rows()
    found = list(rows.select_related("link").order_by("-pk")[: size + 1])
    following = found[size - 1].pk if len(found) > size else None
    return _lines(found[:size], Whom()), following


def every_posting(actor: Actor, wanted: Wanted, *, most: int = SHEET) -> Iterator[PostingLine]:
    """The newest `most` of them, read some at a time."""
    must_read_books(actor)
    names, before, left = Whom(), 0, most
    while left > 0:
        rows = wanted.rows().filter(pk__lt=before) if before else wanted.rows()
        found = list(rows.select_related("link").order_by("-pk")[: min(_SOME, left)])
        if not found:
            return
        yield from _lines(found, names)
        before, left = found[-1].pk, left - len(found)


def _lines(postings: Sequence[Posting], names: Whom) -> list[PostingLine]:
    moved: dict[int, dict[str, int]] = {}
    out = Entry.objects.filter(posting__in=postings, amount__gt=0).order_by()
    for pk, unit, total in out.values_list("posting_id", "account__unit").annotate(total=Sum("amount")):
        moved.setdefault(pk, {})[unit] = total
    return [_line(one, names, moved.get(one.pk, {})) for one in postings]


def _line(one: Posting, names: Whom, moved: dict[str, int]) -> PostingLine:
    link = getattr(one, "link", None)
    return PostingLine(
        id=one.pk,
        at=one.at,
        day=one.day,
        kind=one.kind,
        label=_(KINDS[one.kind]),
        act=act_words(one.act),
        rule=rule_words(one.rule),
        code=one.rule,
        version=one.rule_version,
        source=_source(one),
        whom=names.of(one.beneficiary, hides=is_for_report(one)),
        unit=one.unit,
        points=one.points,
        nominal=one.nominal,
        promised=one.promised,
        moved=moved,
        position=link.position if link else None,
    )


def act_words(act: str) -> str:
    return _(ACTS[act]) if act in ACTS else act


def rule_words(rule: str) -> str:
    """What a rule is called today; its code if it is gone."""
    if rule in _RULES:
        return _(_RULES[rule])
    if rule in triage_classes():
        return class_name(rule)
    line = policy.current("rewards.points").data.rules.get(rule)
    return _(line.title) if line and line.title else rule


def _source(one: Posting) -> str:
    """As it is stored: a report's is a hash. A rider's own one is the rider."""
    return _("骑手本人") if one.source.startswith("person:") else one.source


class Whom:
    """Whose an account is, in words. Names are read once, when the first is needed."""

    def __init__(self) -> None:
        self._shops: dict[str, str] | None = None
        self._budgets: dict[str, str] = {}
        self._staff: dict[str, str] | None = None

    def of(self, ref: str, *, hides: bool) -> str:
        kind, _sep, public_id = ref.partition(":")
        if kind == "person":
            return _("骑手（已隐去）") if hides else _("骑手 %(sign)s") % {"sign": pseudonym(public_id)}
        if kind == "organisation":
            return self._shop(public_id)
        if kind == "budget":
            return self._budget(public_id)
        return payer_name(ref)

    def actor(self, ref: str, *, hides: bool) -> str:
        """Who did it: staff by name, as history names them; a program by its code; nobody else."""
        kind, _sep, public_id = ref.partition(":")
        if kind != "person":
            return ref
        if self._staff is None:
            self._staff = {one.public_id: one.name for one in staff_ever()}
        return self._staff.get(public_id) or self.of(ref, hides=hides)

    def _shop(self, public_id: str) -> str:
        if self._shops is None:
            self._shops = {one.public_id: one.name for one in organisations()}
        return self._shops.get(public_id, public_id)

    def _budget(self, public_id: str) -> str:
        if public_id not in self._budgets:
            row = Budget.objects.filter(public_id=public_id).first()
            whose = self.of(row.owner_ref, hides=True) if row else public_id
            period = f" {row.starts_on:%Y-%m-%d} – {row.ends_on:%Y-%m-%d}" if row else ""
            self._budgets[public_id] = f"{whose}{period}"
        return self._budgets[public_id]


# ── one posting ───────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class EntryLine:
    """One entry. `after` is empty for accounts that only collect, and for a rider's."""

    id: int
    whose: str
    pot: str
    slot: int | None
    amount: str
    after: str
    until: date | None


@dataclass(frozen=True, slots=True)
class BatchLine:
    number: int
    first: int
    last: int
    hash: str
    sealed_on: date


@dataclass(frozen=True, slots=True)
class PostingView:
    """All that one posting says. `rule_text` is empty where no version of the table stands behind it, None where its
    version is gone."""

    line: PostingLine
    act_code: str
    key: str
    content_hash: str
    who: str
    booked_at: datetime
    rule_text: str | None
    in_force: datetime | None
    quality: str
    campaign: str
    bonus: int
    entries: list[EntryLine]
    related: list[tuple[str, int]]
    sealed_hash: str
    batch: BatchLine | None
    word: str  # what an auditor said of a late one
    sums: dict[str, int] = field(default_factory=dict)

    @property
    def is_balanced(self) -> bool:
        return not any(self.sums.values())


def posting(actor: Actor, number: int) -> PostingView:
    """One posting by its number. At most nine statements, whatever it says."""
    must_read_books(actor)
    rows = Posting.objects.select_related("link", "reversed_by", "paid_by", "acknowledged")
    one = rows.filter(pk=number).first()
    if one is None:
        raise NoSuchEntry
    names, hides, link = Whom(), is_for_report(one), getattr(one, "link", None)
    found = list(Entry.objects.filter(posting=one).select_related("account").order_by("pk"))
    (line,) = _lines([one], names)
    text, since = _rule_text(one)
    said = getattr(one, "acknowledged", None)
    return PostingView(
        line=line,
        act_code=one.act,
        key=one.key,
        content_hash=one.content_hash,
        who=names.actor(one.actor, hides=hides),
        booked_at=one.created_at,
        rule_text=text,
        in_force=since,
        quality=one.quality or "",
        campaign=one.campaign or "",
        bonus=one.bonus or 0,
        entries=[_entry(row, names, hides) for row in found],
        related=_related(one),
        sealed_hash=link.hash if link else "",
        batch=_batch(link.position) if link else None,
        word=said.reason if said else "",
        sums=_sums(found),
    )


def _sums(entries: Iterable[Entry]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in entries:
        sums[row.account.unit] = sums.get(row.account.unit, 0) + row.amount
    return sums


def _entry(row: Entry, names: Whom, hides: bool) -> EntryLine:
    account = row.account
    is_rider = account.owner_ref.startswith("person:")
    after = None if is_rider else row.balance_after
    return EntryLine(
        id=row.pk,
        whose=names.of(account.owner_ref, hides=hides),
        pot=_(POTS[account.kind]),
        slot=None if is_rider else account.slot,
        amount=shown(row.amount, account.unit),
        after="" if after is None else shown(after, account.unit, signed=False),
        until=row.expires_on,
    )


def _related(one: Posting) -> list[tuple[str, int]]:
    undone, paid = getattr(one, "reversed_by", None), getattr(one, "paid_by", None)
    named = (
        (_("收回的是"), one.reverses_id),
        (_("后来收回"), undone.pk if undone else None),
        (_("兑现的是"), one.pays_id),
        (_("后来兑现"), paid.pk if paid else None),
    )
    return [(words, pk) for words, pk in named if pk is not None]


def _batch(position: int) -> BatchLine | None:
    row = Batch.objects.filter(first__lte=position, last__gte=position).order_by("first").first()
    return BatchLine(row.number, row.first, row.last, row.hash, row.sealed_on) if row else None


def _rule_text(one: Posting) -> tuple[str | None, datetime | None]:
    """What the table said in that version about this rule, as it is written there."""
    if not one.rule_version:
        return "", None
    known = {version.version: version for version in policy.versions("rewards.points")}
    version = known.get(one.rule_version)
    if version is None:
        return None, None
    said = _said(version.data, one)
    return yaml.safe_dump(said, allow_unicode=True, sort_keys=False), version.valid_from


def _said(table: rules.PointsPolicy, one: Posting) -> dict[str, Any]:
    """Lines as they were written, numbers that hold for all also where the table left them out."""
    if one.rule.startswith("voucher."):
        return {"cancel_returns": table.cancel_returns, "expiry_returns": table.expiry_returns}
    data = {"qualities": {}, "campaigns": {}} | table.model_dump(mode="json", exclude_unset=True)
    data |= table.model_dump(include={"default_points", "day_cap", "week_cap"}, exclude_none=True)
    line = data["rules"].get(one.rule)
    said: dict[str, Any] = {"rules": {one.rule: line}} if line else {"default_points": data["default_points"]}
    said |= {name: data[name] for name in ("day_cap", "week_cap") if name in data}
    facts = [fact for fact in (one.quality or "").split(",") if fact in data["qualities"]]
    if facts:
        said["qualities"] = {fact: data["qualities"][fact] for fact in facts}
    if one.campaign in data["campaigns"]:
        said["campaigns"] = {one.campaign: data["campaigns"][one.campaign]}
    return said
