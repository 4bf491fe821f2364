"""Points of anonymous reports on their way to whoever shows the secret. No row names both a report and a person."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel.ids import new_public_id


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
