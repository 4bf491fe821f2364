"""Tables of the books: accounts, lots, postings, entries.

Units    each account has one: whole points, or 分 of money. `amount` and `balance` count it.
Truth    `Entry` rows, append-only (triggers refuse UPDATE and DELETE on both databases), as are `Posting` rows.
         `Account.balance` of a person's account is their cached sum, changed in the same transaction under a lock;
         accounts that only collect (budget, settlement, forfeited) have no cached balance and are never updated.
Secrecy  no row joins a rider with a report: sources and keys are keyed hashes, words are sealed (sealing.py).
Limits   are constraints here, not only code: floor and ceiling of an account, lots ≥ 0, one reversal a posting,
         one posting a key, one end of a promise, entries of a posting sum to zero per unit (PostgreSQL: trigger
         at the end of the inserting statement; SQLite: the service and `qixia rewards audit`).
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.rewards import rules, sealing


class Account(models.Model):
    """A pot of one unit. `owner_ref` is opaque ("person:…", "organisation:…", "city").

    `slot` slices a collecting account: every posting touches the budget, and although no balance is updated there,
    PostgreSQL still locks the referenced row for each foreign key; sixteen rows share that load. Budgets with caps
    can later reserve in these slices without a change of shape.
    """

    owner_ref = models.CharField(_("户主"), max_length=64)
    kind = models.CharField(_("种类"), max_length=16)
    unit = models.CharField(_("单位"), max_length=16, default=rules.POINTS)
    slot = models.PositiveSmallIntegerField(_("分片"), default=0)
    balance = models.BigIntegerField(_("余额"), null=True, help_text=_("空：不缓存，由分录求和"))
    floor = models.BigIntegerField(_("下限"), null=True, help_text=_("空：不限"))
    ceiling = models.BigIntegerField(_("上限"), null=True, help_text=_("空：不限"))
    created_at = models.DateTimeField(_("开户时间"), default=clock.now)

    class Meta:
        verbose_name = _("账户")
        verbose_name_plural = _("账户")
        constraints = (
            models.UniqueConstraint(fields=["owner_ref", "kind", "unit", "slot"], name="rewards_account_once"),
            models.CheckConstraint(condition=Q(kind__in=rules.KINDS), name="rewards_account_kind_known"),
            models.CheckConstraint(
                condition=Q(floor__isnull=True) | Q(balance__gte=F("floor")), name="rewards_balance_above_floor"
            ),
            models.CheckConstraint(
                condition=Q(ceiling__isnull=True) | Q(balance__lte=F("ceiling")), name="rewards_balance_below_ceiling"
            ),
            # A limit needs a balance to compare with: NULL would pass both checks above.
            models.CheckConstraint(
                condition=Q(balance__isnull=False) | Q(floor__isnull=True, ceiling__isnull=True),
                name="rewards_limited_account_keeps_balance",
            ),
        )

    def __str__(self) -> str:
        return f"{self.owner_ref} {self.kind} {self.unit}"


class Lot(models.Model):
    """Points of a rider that end on one day: found by that day, never by a name. `left` of all lots of an account is its
    balance, and `left` of one is `opening` + the sum of the account's entries with its day."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lots", db_index=False)
    expires_on = models.DateField(_("可用到"))
    left = models.BigIntegerField(_("剩余"))
    # What was there before lots were kept; its entries have no day.
    opening = models.BigIntegerField(_("期初"), default=0)
    warned = models.BooleanField(_("已提醒"), default=False)

    class Meta:
        verbose_name = _("积分批次")
        verbose_name_plural = _("积分批次")
        indexes = (models.Index(fields=["expires_on", "id"], condition=Q(left__gt=0), name="rewards_lot_due"),)
        constraints = (
            models.UniqueConstraint(fields=["account", "expires_on"], name="rewards_lot_once"),
            models.CheckConstraint(condition=Q(left__gte=0), name="rewards_lot_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.expires_on} {self.left}"


class Posting(models.Model):
    """Why points moved: one act, once. Append-only but for the sealed words."""

    # Keyed hashes: see sealing.py.
    key = models.CharField(_("幂等键"), max_length=200, unique=True)
    content_hash = models.CharField(max_length=64)
    kind = models.CharField(_("种类"), max_length=12)
    rule = models.CharField(_("规则"), max_length=40)
    rule_version = models.PositiveIntegerField(_("规则版本"))
    act = models.CharField(_("行为"), max_length=40)
    source = models.CharField(_("来源"), max_length=80, db_index=True)
    beneficiary = models.CharField(_("受益人"), max_length=64)
    # What the beneficiary's spendable points and debt changed by together; 0 when the day's cap was reached.
    points = models.BigIntegerField(_("积分"))
    nominal = models.BigIntegerField(_("应得积分"))
    # Of an award: facts that a table of rules may weigh (rules.QUALITIES, with commas), and what of the points a campaign
    # gave. Null: none, or from before there were any.
    quality = models.CharField(_("情形"), max_length=60, null=True)  # noqa: DJ001 — added to an append-only table
    campaign = models.CharField(_("活动"), max_length=40, null=True)  # noqa: DJ001 — the same
    bonus = models.BigIntegerField(_("活动加分"), null=True)
    # The spendable balance right after, so that a page of the ledger needs no sums.
    available_after = models.BigIntegerField(_("之后可用"))
    # Words for the rider: title, place, number, link, reason. Sealed; `params` opens them.
    words = models.BinaryField(_("说明"), default=b"")
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="reversed_by", verbose_name=_("冲正")
    )
    # What `points`, `nominal` and `promised` count.
    unit = models.CharField(_("单位"), max_length=16, db_default=rules.POINTS, default=rules.POINTS)
    # Points that were earned and are not there yet: held for somebody's look, or owed until there is cover.
    promised = models.BigIntegerField(_("待给"), db_default=0, default=0)
    # The promise that this posting keeps, or ends: once.
    pays = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="paid_by", verbose_name=_("兑现")
    )
    actor = models.CharField(_("经手"), max_length=64)
    at = models.DateTimeField(_("时间"))
    # The city's calendar day of `at`: caps a day and sums a month are asked by it.
    day = models.DateField(_("日期"))
    created_at = models.DateTimeField(default=clock.now)
    request_id = models.CharField(max_length=64, blank=True)
    # Keyed hash of all but the number and the words, with the entries. Null: from before there was one.
    mac = models.CharField(max_length=sealing.MAC_CHARS, null=True)  # noqa: DJ001 — added to an append-only table

    class Meta:
        verbose_name = _("记账")
        verbose_name_plural = _("记账")
        indexes = (
            models.Index(fields=["beneficiary", "day"], name="rewards_posting_by_day"),
            models.Index(
                fields=["campaign", "beneficiary"],
                condition=Q(campaign__isnull=False),
                name="rewards_posting_of_campaign",
            ),
            # Lists for auditors: by day, and by what is rare, so that an award for a dispatch is in one of them only.
            models.Index(fields=["day", "id"], name="rewards_posting_of_day"),
            models.Index(fields=["kind", "id"], condition=~Q(kind=rules.AWARD), name="rewards_posting_of_kind"),
            models.Index(fields=["act", "id"], condition=~Q(act=rules.DISPATCHED), name="rewards_posting_of_act"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=rules.POSTING_KINDS), name="rewards_posting_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=rules.REVERSAL, reverses__isnull=False)
                | (~Q(kind=rules.REVERSAL) & Q(reverses__isnull=True)),
                name="rewards_reversal_names_its_posting",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.source}"  # the key would name the beneficiary

    @cached_property
    def params(self) -> dict[str, Any]:
        return sealing.open_words(bytes(self.words))


class Entry(models.Model):
    """One line of a posting. Append-only; ids rise within an account, because its writers hold its lock."""

    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="entries")
    # The index below begins with the account; a second one would only cost.
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries", db_index=False)
    amount = models.BigIntegerField(_("数额"))
    balance_after = models.BigIntegerField(_("之后余额"), null=True, help_text=_("空：汇集账户"))

    # Of points that can be spent: the last day on which they can, which is their lot.
    expires_on = models.DateField(_("可用到"), null=True)

    class Meta:
        verbose_name = _("分录")
        verbose_name_plural = _("分录")
        indexes = (models.Index(fields=["account", "id"], name="rewards_entry_by_account"),)
        constraints = (models.CheckConstraint(condition=~Q(amount=0), name="rewards_entry_not_zero"),)

    def __str__(self) -> str:
        return f"{self.amount:+d}"
