"""Tables of the points ledger, the catalogue and the vouchers.

Units    `amount`, `balance`, `price`: whole points. `face_value_fen`: 分 of money.
Truth    `Entry` rows, append-only (triggers refuse UPDATE and DELETE on both databases), as are `Posting` rows.
         `Account.balance` of a person's account is their cached sum, changed in the same transaction under a lock;
         accounts that only collect (budget, settlement, forfeited) have no cached balance and are never updated.
Secrecy  no row joins a rider with a report: sources and keys are keyed hashes, words are sealed (sealing.py).
Limits   are constraints here, not only code: floor and ceiling of an account, stock ≥ 0, one reversal a posting,
         one posting a key, one voucher a client key, entries of a posting sum to zero per unit (PostgreSQL: trigger
         at the end of the inserting statement; SQLite: the service and `qixia rewards audit`).
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.rewards import rules, sealing, states


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
    actor = models.CharField(_("经手"), max_length=64)
    at = models.DateTimeField(_("时间"))
    # The city's calendar day of `at`: caps a day and sums a month are asked by it.
    day = models.DateField(_("日期"))
    created_at = models.DateTimeField(default=clock.now)
    request_id = models.CharField(max_length=64, blank=True)

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

    class Meta:
        verbose_name = _("分录")
        verbose_name_plural = _("分录")
        indexes = (models.Index(fields=["account", "id"], name="rewards_entry_by_account"),)
        constraints = (models.CheckConstraint(condition=~Q(amount=0), name="rewards_entry_not_zero"),)

    def __str__(self) -> str:
        return f"{self.amount:+d}"


class Item(models.Model):
    """Something that points buy at one merchant."""

    class Kind(models.TextChoices):
        MEAL = "meal", _("餐食")
        GOODS = "goods", _("实物")
        SERVICE = "service", _("服务")
        DISCOUNT = "discount", _("折扣")
        PRIVILEGE = "privilege", _("优先")

    class Need(models.TextChoices):
        """What a rider looks for; the chips of the catalogue."""

        FOOD = "food", _("吃饭")
        VEHICLE = "vehicle", _("车辆")
        HEALTH = "health", _("健康")
        FAMILY = "family", _("家人")
        DAILY = "daily", _("日用")

    class Picture(models.TextChoices):
        MEAL = "meal", _("热饭")
        CHARGE = "charge", _("充电")
        REPAIR = "repair", _("修车")
        MARKET = "market", _("超市")
        THERAPY = "therapy", _("理疗")
        KIT = "kit", _("药包")

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    name = models.CharField(_("名称"), max_length=30)
    summary = models.CharField(_("一句话说明"), max_length=40, blank=True)
    kind = models.CharField(_("种类"), max_length=12, choices=Kind.choices)
    need = models.CharField(_("归类"), max_length=12, choices=Need.choices)
    price = models.PositiveIntegerField(_("积分价"))
    face_value_fen = models.PositiveIntegerField(_("面值（分）"), null=True, blank=True)
    stock = models.PositiveIntegerField(_("库存"))
    limit_per_person = models.PositiveIntegerField(_("每人限兑"), null=True, blank=True)
    limit_days = models.PositiveIntegerField(_("限兑周期（天）"), null=True, blank=True, help_text=_("空：一直算"))
    merchant = models.ForeignKey(
        "people.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("商家")
    )
    valid_days = models.PositiveIntegerField(_("有效天数"), default=14)
    picture = models.CharField(_("图画"), max_length=12, choices=Picture.choices)
    terms = models.TextField(_("使用说明"), max_length=400, blank=True)
    active = models.BooleanField(_("上架"), default=True)
    order = models.PositiveIntegerField(_("次序"), default=0)
    # Counts edits in the console, so that two administrators cannot overwrite each other unseen.
    revision = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering = ("order", "id")
        verbose_name = _("兑换品")
        verbose_name_plural = _("兑换品")
        constraints = (
            models.CheckConstraint(condition=Q(price__gte=1), name="rewards_item_has_a_price"),
            models.CheckConstraint(condition=Q(valid_days__gte=1), name="rewards_item_is_valid_for_days"),
            models.CheckConstraint(condition=Q(stock__gte=0), name="rewards_stock_not_negative"),
        )

    def __str__(self) -> str:
        return self.name


class Voucher(models.Model):
    """A person's right to one item at one merchant. Name, price and value are those of the day of reserving."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    number = models.CharField(_("券号"), max_length=9, unique=True)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+", verbose_name=_("兑换品"))
    person = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+", verbose_name=_("持券人"))
    merchant = models.ForeignKey(
        "people.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("商家")
    )
    state = models.CharField(
        _("状态"),
        max_length=10,
        default=states.RESERVED,
        choices=[(key, _(label)) for key, label in states.LABELS.items()],
    )
    name = models.CharField(_("名称"), max_length=30)
    price = models.PositiveIntegerField(_("用去积分"))
    face_value_fen = models.PositiveIntegerField(_("面值（分）"), null=True)
    rule_version = models.PositiveIntegerField(_("规则版本"))
    created_at = models.DateTimeField(_("兑换时间"))
    expires_at = models.DateTimeField(_("有效到"))
    ended_at = models.DateTimeField(_("结束时间"), null=True)
    returned = models.PositiveIntegerField(_("退回积分"), default=0)
    redeemed_at = models.DateTimeField(_("使用时间"), null=True)
    redeemed_by = models.ForeignKey(
        "people.Person", on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("收券人")
    )
    client_key = models.CharField(max_length=64)
    # The merchant's phone sends its own key, so a repeated "confirm" is told "done" and not "already used".
    redeem_key = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("兑换券")
        verbose_name_plural = _("兑换券")
        indexes = (
            models.Index(fields=["state", "expires_at"], name="rewards_voucher_due"),
            models.Index(fields=["person", "-id"], name="rewards_voucher_of_person"),
            models.Index(fields=["merchant", "redeemed_at"], name="rewards_voucher_of_merchant"),
        )
        constraints = (
            models.UniqueConstraint(fields=["person", "client_key"], name="rewards_voucher_once_per_key"),
            models.CheckConstraint(condition=Q(state__in=states.STATES), name="rewards_voucher_state_known"),
            models.CheckConstraint(
                condition=Q(state=states.REDEEMED, redeemed_at__isnull=False, redeemed_by__isnull=False)
                | (~Q(state=states.REDEEMED) & Q(redeemed_at__isnull=True, redeemed_by__isnull=True)),
                name="rewards_redeemed_says_when_and_who",
            ),
            models.CheckConstraint(
                condition=Q(state=states.RESERVED, ended_at__isnull=True)
                | (~Q(state=states.RESERVED) & Q(ended_at__isnull=False)),
                name="rewards_ended_voucher_says_when",
            ),
        )

    def __str__(self) -> str:
        return self.number


class Refusal(models.Model):
    """A voucher that a merchant's staff member scanned or typed and that was not taken. Also counts wrong typing."""

    merchant = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(_("原因"), max_length=16)
    typed = models.BooleanField(_("手输"))
    tail = models.CharField(_("尾号"), max_length=4, blank=True)
    at = models.DateTimeField(_("时间"), default=clock.now)

    class Meta:
        verbose_name = _("拒收")
        verbose_name_plural = _("拒收")
        indexes = (
            models.Index(fields=["merchant", "at"], name="rewards_refusal_of_merchant"),
            models.Index(fields=["by", "at"], name="rewards_refusal_by_staff"),
        )

    def __str__(self) -> str:
        return f"{self.reason} {self.tail}"


class Promise(models.Model):
    """The hash of a claim secret that points were promised to, once for ever. Written with the promise and never
    touched again, so it says nothing about whether, when or by whom they were claimed."""

    claim_hash = models.CharField(max_length=64, primary_key=True)

    class Meta:
        verbose_name = _("匿名积分凭据")
        verbose_name_plural = _("匿名积分凭据")

    def __str__(self) -> str:
        return self.claim_hash[:8]


class Claim(models.Model):
    """Points that wait for whoever shows the secret. Names a report's claim hash and no person; gone when claimed."""

    claim_hash = models.CharField(max_length=64, primary_key=True)
    points = models.PositiveIntegerField(_("积分"))
    ready_on = models.DateField(_("可领日期"))

    class Meta:
        verbose_name = _("待领积分")
        verbose_name_plural = _("待领积分")
        constraints = (models.CheckConstraint(condition=Q(points__gte=1), name="rewards_claim_has_points"),)

    def __str__(self) -> str:
        return f"{self.points} {self.ready_on}"


class Payout(models.Model):
    """Claimed points that wait for the next batch. Names a person and no report. The key is random and the time is a
    day: neither rows nor their order lead back to what was claimed."""

    public_id = models.CharField(max_length=26, primary_key=True, default=new_public_id, editable=False)
    owner_ref = models.CharField(_("户主"), max_length=64)
    points = models.PositiveIntegerField(_("积分"))
    since = models.DateField(_("日期"))

    class Meta:
        verbose_name = _("待入账积分")
        verbose_name_plural = _("待入账积分")
        constraints = (models.CheckConstraint(condition=Q(points__gte=1), name="rewards_payout_has_points"),)

    def __str__(self) -> str:
        return f"{self.points} {self.since}"
