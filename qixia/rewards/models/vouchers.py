"""Vouchers, their uses, and what a till turned away.

Units    `price` and `points`: whole points; `face_value_fen` and `fen`: 分 of money; `total`, `used` and `units`: times,
         or 分 of a voucher that is taken by amount.
Truth    `Use` rows, append-only; each names its posting. `Voucher.used` is their sum (`qixia rewards audit` compares).
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.rewards import rules, states
from qixia.rewards.models.books import Posting
from qixia.rewards.models.catalogue import Item


class Voucher(models.Model):
    """A person's right to one item at one merchant. Name, price, value, hours and terms are those of the day of
    reserving."""

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
    settle_fen = models.PositiveIntegerField(_("结算价（分）"), null=True)
    rule_version = models.PositiveIntegerField(_("规则版本"))
    created_at = models.DateTimeField(_("兑换时间"))
    expires_at = models.DateTimeField(_("有效到"))
    ended_at = models.DateTimeField(_("结束时间"), null=True)
    returned = models.PositiveIntegerField(_("退回积分"), default=0)
    # The time that was booked, of an item that is taken by time.
    slot = models.ForeignKey(
        "rewards.Slot", on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("场次")
    )
    reminded_at = models.DateTimeField(null=True, editable=False)
    client_key = models.CharField(max_length=64)
    by_amount = models.BooleanField(_("按金额分次用"), default=False, db_default=False)
    total = models.PositiveIntegerField(_("共可用"), default=1, db_default=1)
    used = models.PositiveIntegerField(_("已用"), default=0, db_default=0)
    opens_at = models.DateTimeField(_("几时起可用"), null=True, help_text=_("空：马上"))
    windows = models.CharField(_("可用时段"), max_length=300, blank=True, default="", db_default="")
    terms = models.TextField(_("使用说明"), max_length=400, blank=True, default="", db_default="")

    # A phone had taken of it without network before it came back: its owner had the goods, whatever its state says.
    taken_offline = models.BooleanField(default=False, db_default=False, editable=False)

    # What counts against an item's limit per person.
    COUNTS = Q(state__in=states.COUNTED) | Q(used__gt=0) | Q(taken_offline=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("兑换券")
        verbose_name_plural = _("兑换券")
        indexes = (
            models.Index(fields=["state", "expires_at"], name="rewards_voucher_due"),
            models.Index(fields=["person", "-id"], name="rewards_voucher_of_person"),
        )
        constraints = (
            models.UniqueConstraint(fields=["person", "client_key"], name="rewards_voucher_once_per_key"),
            models.CheckConstraint(condition=Q(state__in=states.STATES), name="rewards_voucher_state_known"),
            models.CheckConstraint(
                condition=Q(state=states.RESERVED, used=0)
                | Q(state=states.PART_USED, used__gte=1, used__lt=F("total"))
                | Q(state=states.REDEEMED, used=F("total"))
                | Q(state__in=(states.EXPIRED, states.CANCELLED), used__lt=F("total")),
                name="rewards_voucher_used_as_it_says",
            ),
            models.CheckConstraint(
                condition=Q(state__in=states.USABLE, ended_at__isnull=True)
                | (~Q(state__in=states.USABLE) & Q(ended_at__isnull=False)),
                name="rewards_over_voucher_says_when",
            ),
        )

    def __str__(self) -> str:
        return self.number

    @property
    def waits(self) -> bool:
        """Its shop pauses. Known only of rows that `access.own_vouchers` brought."""
        return bool(getattr(self, "shop_pauses", False))

    @property
    def left(self) -> int:
        """What can still be taken: times, or 分."""
        return self.total - self.used

    @property
    def points_left(self) -> int:
        """Points that lie in what was not used."""
        return self.price - rules.share_of(self.total, 0, self.used, self.price)

    @property
    def asks_units(self) -> bool:
        """Whether a till has to say how much it takes."""
        return self.by_amount or self.total > 1

    @property
    def redeemed_at(self) -> datetime | None:
        """When the last of it was taken."""
        return self.ended_at if self.state == states.REDEEMED else None


class Use(models.Model):
    """One taking of a voucher, or of a part of it. Append-only."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT, related_name="uses", verbose_name=_("兑换券"))
    merchant = models.ForeignKey(
        "people.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("商家"), db_index=False
    )
    by = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+", verbose_name=_("收券人"))
    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, related_name="use", verbose_name=_("记账"))
    units = models.PositiveIntegerField(_("用掉"))
    points = models.PositiveIntegerField(_("积分"))
    fen = models.PositiveIntegerField(_("金额（分）"))
    # When it happened, by the clock of the phone that took it; and when the server heard of it.
    taken_at = models.DateTimeField(_("收券时间"))
    at = models.DateTimeField(_("入账时间"))
    # The merchant's phone sends its own key, so a repeated "confirm" is told "done" and not "already used".
    redeem_key = models.CharField(max_length=64)
    offline = models.BooleanField(_("离线收的"), default=False)
    device = models.ForeignKey("rewards.TillDevice", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("收券")
        verbose_name_plural = _("收券")
        indexes = (models.Index(fields=["merchant", "at"], name="rewards_use_of_merchant"),)
        constraints = (
            models.UniqueConstraint(fields=["merchant", "redeem_key"], name="rewards_use_once_per_key"),
            models.CheckConstraint(condition=Q(units__gte=1), name="rewards_use_takes_something"),
        )

    def __str__(self) -> str:
        return f"{self.voucher_id} {self.units}"


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
