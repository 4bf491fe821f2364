"""Budgets and proofs of the books, for the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Min, Sum
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.people.queries import display_names_for, organisations
from qixia.rewards import rules, states, terms
from qixia.rewards.models import Acknowledgement, Batch, Budget, BudgetChange, Owed, Posting, Replay, Slice

PERIODS = 24
REPLAYS = 30
FINDINGS = {
    "drifted": "余额和分录不符的账户",
    "broken_chains": "逐笔余额接不上的账户",
    "wrong_limits": "上下限被改过的账户",
    "wrong_lots": "到期批次和余额不符的账户",
    "held_without_voucher": "券里的积分对不上的骑手",
    "pending_without_hold": "在看的积分对不上的骑手",
    "unbalanced_postings": "借贷不平的记账",
    "mistold_postings": "说的和记的不一样的记账",
    "lost_promises": "答应了没有下文的积分",
    "wrong_uses": "和收券记录对不上的记账",
    "wrong_vouchers": "和收券记录对不上的券",
    "wrong_losses": "和账本对不上的离线损失",
    "wrong_statements": "和账本对不上的商家账单",
    "wrong_budgets": "对不上的预算",
    "wrong_campaigns": "合计对不上的活动",
    "broken_batches": "断开的封存批次",
    "edited_postings": "封存后被改动的记账",
    "smuggled_postings": "绕过账本插进来的记账",
    "changed_rules": "和公布时不一样的规则版本",
    "unsealed_postings": "一个多小时没有封存的记账",
    "unsigned_postings": "不是程序写下的记账",
}


# Findings whose ids are those of postings.
OF_POSTINGS = frozenset(
    (
        "unbalanced_postings",
        "mistold_postings",
        "lost_promises",
        "wrong_uses",
        "edited_postings",
        "smuggled_postings",
        "unsealed_postings",
        "unsigned_postings",
    )
)


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One period of one payer. Amounts count `unit`; `handed_out` lies in slices and waits to be used."""

    public_id: str
    payer: str
    unit: str
    starts_on: date
    ends_on: date
    cap: int
    used: int
    handed_out: int
    rest: int
    forecast: int
    owed: int
    state: str
    changes: list[BudgetChange]

    @property
    def percent(self) -> int:
        return min(self.used * 100 // self.cap, 100) if self.cap else 100

    @property
    def is_short(self) -> bool:
        return self.state == "now" and (self.forecast > self.cap or bool(self.owed))

    def amount(self, value: int) -> str:
        if self.unit != rules.FEN:
            return f"{value:,}"
        return _("%(n)s 元") % {"n": f"{value // 100:,}" if value % 100 == 0 else f"{value / 100:,.2f}"}

    @property
    def shown(self) -> dict[str, str]:
        names = ("cap", "used", "handed_out", "rest", "forecast", "owed")
        return {name: self.amount(getattr(self, name)) for name in names}


def budget_lines() -> list[BudgetLine]:
    """The latest periods, current ones first. Four statements; none reads entries, of which a year has many."""
    today = clock.city_date(clock.now())
    rows = list(Budget.objects.order_by("-ends_on", "owner_ref", "unit")[:PERIODS])
    slices = _sums(Slice.objects.filter(budget__in=rows).values_list("budget_id").annotate(total=Sum("left")))
    owed = _sums(Owed.objects.filter(state=states.WAITING).values_list("payer").annotate(total=Sum("points")))
    changes: dict[int, list[BudgetChange]] = {}
    for change in BudgetChange.objects.filter(budget__in=rows).order_by("-pk"):
        changes.setdefault(change.budget_id, []).append(change)
    names = {one.public_id: one.name for one in organisations()} if any(r.owner_ref != rules.CITY for r in rows) else {}
    lines = []
    for row in rows:
        state = "past" if row.ends_on < today else "planned" if row.starts_on > today else "now"
        handed_out = slices.get(row.pk, 0)
        spent = row.cap - row.rest - handed_out
        waits = owed.get(row.owner_ref, 0) if state == "now" and row.unit == rules.POINTS else 0
        lines.append(
            BudgetLine(
                public_id=row.public_id,
                payer=payer_name(row.owner_ref, names),
                unit=row.unit,
                starts_on=row.starts_on,
                ends_on=row.ends_on,
                cap=row.cap,
                used=spent,
                handed_out=handed_out,
                rest=row.rest,
                forecast=terms.forecast(spent, row.starts_on, row.ends_on, today) if state == "now" else spent,
                owed=waits,
                state=state,
                changes=changes.get(row.pk, [])[:3],
            )
        )
    return sorted(lines, key=lambda line: ("now", "planned", "past").index(line.state))


def _sums(rows: Any) -> dict[Any, int]:
    return {key: int(total or 0) for key, total in rows.order_by()}


def payer_name(ref: str, names: Mapping[str, str] | None = None) -> str:
    """The city, an organisation by its name, or what is left of a ref that names neither."""
    public_id = ref.partition(":")[2]
    return _("全市") if ref == rules.CITY else (names or {}).get(public_id, public_id)


def payers() -> list[tuple[str, str]]:
    """Whose budget may be opened: the city's, or that of an organisation that pays for points of its own."""
    found = [(f"organisation:{one.public_id}", one.name) for one in organisations() if one.kind != "merchant"]
    return [(rules.CITY, _("全市")), *found]


@dataclass(frozen=True, slots=True)
class SealState:
    """The chain's end and what it has not reached yet."""

    number: int
    head: str
    sealed_on: date | None
    sealed: int
    waiting: int
    waits_since: datetime | None

    @property
    def lag_seconds(self) -> float:
        return max((clock.now() - self.waits_since).total_seconds(), 0.0) if self.waits_since else 0.0

    @property
    def lag_minutes(self) -> int:
        return int(self.lag_seconds // 60)


def seal_state() -> SealState:
    """Two statements; the second reads no further back than the next batch does."""
    last = Batch.objects.order_by("-number").first()
    floor = last.through - terms.SEAL_WINDOW if last else 0
    unsealed = Posting.objects.filter(link__isnull=True, pk__gt=floor)
    waiting = unsealed.aggregate(n=Count("pk"), since=Min("created_at"))
    if last is None:
        return SealState(0, "", None, 0, waiting["n"], waiting["since"])
    return SealState(last.number, last.hash, last.sealed_on, last.last, waiting["n"], waiting["since"])


@dataclass(frozen=True, slots=True)
class ReplayLine:
    """One night's proof."""

    at: datetime
    seconds: float
    accounts: int
    postings: int
    entries: int
    sealed: int
    head: str
    sound: bool
    whole: bool
    findings: list[tuple[str, Sequence[Any], bool]]  # what, ids, whether they are postings
    late: list[int]  # postings that wait for an auditor's word


def latest_is_sound() -> bool:
    """Whether the last proof found everything fit; also when there was none yet. One statement."""
    found: bool | None = Replay.objects.order_by("-at", "-pk").values_list("sound", flat=True).first()
    return found is not False


@dataclass(frozen=True, slots=True)
class Word:
    """What an auditor said of a late posting."""

    posting: int
    reason: str
    by: str
    at: datetime


def acknowledgements() -> list[Word]:
    """The latest of them, with the names of who said so. Two statements."""
    rows = list(Acknowledgement.objects.order_by("-pk")[:REPLAYS])
    names = display_names_for(row.by.partition(":")[2] for row in rows) if rows else {}
    return [Word(row.posting_id, row.reason, names.get(row.by.partition(":")[2], row.by), row.at) for row in rows]


def replays() -> list[ReplayLine]:
    """The latest proofs, newest first; only the newest one's late postings can still wait. Two statements."""
    rows = list(Replay.objects.order_by("-at", "-pk")[:REPLAYS])
    found = rows[0].findings if rows else {}
    late = sorted({*found.get("smuggled_postings", []), *found.get("unsigned_postings", [])})
    told = set(Acknowledgement.objects.filter(posting__in=late).values_list("posting_id", flat=True)) if late else set()
    return [
        ReplayLine(
            row.at,
            row.seconds,
            row.accounts,
            row.postings,
            row.entries,
            row.sealed,
            row.head,
            row.sound,
            row.whole,
            [(_(FINDINGS.get(kind, kind)), ids, kind in OF_POSTINGS) for kind, ids in row.findings.items()],
            [pk for pk in late if pk not in told] if row is rows[0] else [],
        )
        for row in rows
    ]
