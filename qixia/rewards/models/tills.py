"""Phones at tills that take vouchers without network, and what they took so. `fen`: 分 of money; times are UTC.

Truth    an `OfflineScan` is written once for each number a phone counts (`seq`), with its answer; the voucher's own rows say
         what was booked. Only a loss that waits for a budget changes once more, when it is settled.
Secrecy  a phone knows the voucher's signed code and never whose it is; nothing here names a rider.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.rewards import offline
from qixia.rewards.models.vouchers import Voucher


class TillDevice(models.Model):
    """One browser on one phone of one shop: its public key, and until when it may take vouchers without network."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    merchant = models.ForeignKey(
        "people.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("商家")
    )
    label = models.CharField(_("名称"), max_length=20)
    # The point of P-256 as WebCrypto exports it, base64url. A second phone cannot have the same.
    public_key = models.CharField(max_length=100, unique=True)
    # The newest one, as the phone has it; a phone may still send what it took under an earlier one.
    certificate = models.TextField(blank=True)
    valid_until = models.DateTimeField(_("证书到"))
    enrolled_by = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    enrolled_at = models.DateTimeField(_("登记时间"), default=clock.now)
    seen_at = models.DateTimeField(_("上次联网"), default=clock.now)
    revoked_at = models.DateTimeField(_("停用时间"), null=True)
    # The highest number that arrived: what is missing below it was not shown to us.
    last_seq = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("收券手机")
        verbose_name_plural = _("收券手机")
        indexes = (models.Index(fields=["merchant", "-id"], name="rewards_till_of_merchant"),)

    def __str__(self) -> str:
        return self.label


class OfflineScan(models.Model):
    """What a phone took without network, as it arrived: booked, lost to somebody who was faster, or refused."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    device = models.ForeignKey(TillDevice, on_delete=models.PROTECT, related_name="scans")
    seq = models.PositiveIntegerField()
    # SHA-256 of what the phone signed: the same number with other words is no repetition.
    digest = models.CharField(max_length=64)
    key = models.CharField(max_length=64)  # the `redeem_key` of the use that it became
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT, null=True, related_name="+")
    tail = models.CharField(_("尾号"), max_length=4, blank=True)
    # What the phone took, and what of it the voucher still had: times, or 分 where a voucher is a sum.
    units = models.PositiveIntegerField(_("份数"))
    fen = models.PositiveIntegerField(_("金额（分）"), default=0)
    booked_units = models.PositiveIntegerField(default=0)
    booked_fen = models.PositiveIntegerField(default=0)
    # What the city would pay for it (`settling.worth_of`): caps count this, not the face value.
    worth_fen = models.PositiveIntegerField(default=0, db_default=0)
    taken_at = models.DateTimeField(_("收券时间"), help_text=_("按手机的时钟"))
    received_at = models.DateTimeField(_("上传时间"))
    by = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(
        _("结果"), max_length=10, choices=[(key, _(label)) for key, label in offline.LABELS.items()]
    )
    reason = models.CharField(_("原因"), max_length=16, blank=True)
    borne_by = models.CharField(_("谁承担"), max_length=10, blank=True)
    # The part of what was not booked that somebody else than the shop bears, and what the city pays for that part.
    borne_units = models.PositiveIntegerField(default=0, db_default=0)
    loss_fen = models.PositiveIntegerField(default=0, db_default=0)
    # What the merchant is paid of the loss although no voucher covered it, and what the rider paid in points.
    borne_fen = models.PositiveIntegerField(_("承担金额（分）"), default=0)
    borne_points = models.PositiveIntegerField(_("承担积分"), default=0)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("离线收券")
        verbose_name_plural = _("离线收券")
        indexes = (
            models.Index(fields=["device", "received_at"], name="rewards_scan_of_device"),
            models.Index(fields=["received_at"], name="rewards_scan_lost", condition=Q(state=offline.LOST)),
            models.Index(fields=["voucher"], name="rewards_scan_of_voucher", condition=Q(voucher__isnull=False)),
            models.Index(
                fields=["id"], name="rewards_loss_waits", condition=Q(borne_by=offline.CITY, settled_at__isnull=True)
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=["device", "seq"], name="rewards_scan_once_per_seq"),
            models.CheckConstraint(condition=Q(state__in=offline.STATES), name="rewards_scan_state_known"),
            models.CheckConstraint(condition=Q(borne_by__in=("", *offline.BEARERS)), name="rewards_scan_bearer_known"),
            models.CheckConstraint(condition=Q(booked_units__lte=F("units")), name="rewards_scan_books_no_more"),
            models.CheckConstraint(
                condition=Q(state=offline.ACCEPTED, reason="", booked_units=F("units"))
                | (~Q(state=offline.ACCEPTED) & ~Q(reason="")),
                name="rewards_scan_says_why",
            ),
            models.CheckConstraint(
                condition=Q(state=offline.LOST) | Q(borne_by="", borne_fen=0, borne_points=0),
                name="rewards_only_a_loss_is_borne",
            ),
        )

    def __str__(self) -> str:
        return f"{self.device_id} {self.seq}"
