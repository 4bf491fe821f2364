"""Vouchers, and what a till turned away. `price`: whole points; `face_value_fen`: 分 of money."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.rewards import states
from qixia.rewards.models.catalogue import Item


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
    # The time that was booked, of an item that is taken by time.
    slot = models.ForeignKey(
        "rewards.Slot", on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("场次")
    )
    reminded_at = models.DateTimeField(null=True, editable=False)
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
