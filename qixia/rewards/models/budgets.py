"""What covers points: budgets for a period, with a cap, handed out in slices.

Truth    `cap` = `rest` + what lies in the slices + what was used. What was used is the sum of the entries of the budget's
         own accounts (`account_ref`), so `qixia rewards audit` proves it. Awards change one slice, never this row.
Owed     points that were earned while there was no cover; they name a posting and its rider, as a posting does.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel.ids import new_public_id
from qixia.rewards import rules, states
from qixia.rewards.models.books import Posting


class Budget(models.Model):
    """What one payer may give of one unit between two days. `rest` is what no slice has got yet."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    owner_ref = models.CharField(_("出资方"), max_length=64)
    unit = models.CharField(_("单位"), max_length=16, default=rules.POINTS)
    starts_on = models.DateField(_("开始"))
    ends_on = models.DateField(_("结束"))
    cap = models.BigIntegerField(_("上限"))
    rest = models.BigIntegerField(_("未分出"))
    # The highest percentage of the cap that administrators were told of.
    warned = models.PositiveSmallIntegerField(_("已提醒"), default=0)

    class Meta:
        verbose_name = _("积分预算")
        verbose_name_plural = _("积分预算")
        constraints = (
            models.UniqueConstraint(fields=["owner_ref", "unit", "starts_on"], name="rewards_budget_once"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="rewards_budget_ends_after_start"),
            models.CheckConstraint(condition=Q(rest__gte=0) & Q(cap__gte=F("rest")), name="rewards_budget_rest_in_cap"),
        )

    def __str__(self) -> str:
        return f"{self.owner_ref} {self.unit} {self.starts_on}"

    @property
    def account_ref(self) -> str:
        return f"budget:{self.public_id}"


class Slice(models.Model):
    """A part of a budget that awards take from. Whoever needs one takes any that nobody else has locked."""

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="slices")
    slot = models.PositiveSmallIntegerField(_("分片"))
    left = models.BigIntegerField(_("剩余"), default=0)

    class Meta:
        verbose_name = _("预算分片")
        verbose_name_plural = _("预算分片")
        constraints = (
            models.UniqueConstraint(fields=["budget", "slot"], name="rewards_slice_once"),
            models.CheckConstraint(condition=Q(left__gte=0), name="rewards_slice_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.slot} {self.left}"


class Owed(models.Model):
    """Points that were earned without cover. `posting` promised them; they are paid, oldest first, or dropped."""

    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, related_name="owed", verbose_name=_("记账"))
    payer = models.CharField(_("出资方"), max_length=64)
    points = models.PositiveIntegerField(_("积分"))
    since = models.DateField(_("日期"))
    state = models.CharField(_("状态"), max_length=10, default=states.WAITING)
    # Signals that hold the award once there is cover, sealed; empty: none.
    sealed_signals = models.BinaryField(default=b"")

    class Meta:
        verbose_name = _("待补积分")
        verbose_name_plural = _("待补积分")
        indexes = (
            models.Index(fields=["payer", "id"], condition=Q(state=states.WAITING), name="rewards_owed_waiting"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(state__in=states.OWED_STATES), name="rewards_owed_state_known"),
            models.CheckConstraint(condition=Q(points__gte=1), name="rewards_owed_has_points"),
        )

    def __str__(self) -> str:
        return f"{self.points} {self.state}"


class BudgetChange(models.Model):
    """A cap that was changed, and why."""

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="changes")
    before = models.BigIntegerField(_("之前"))
    after = models.BigIntegerField(_("之后"))
    reason = models.CharField(_("理由"), max_length=200)
    by = models.CharField(_("经手"), max_length=64)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("预算改动")
        verbose_name_plural = _("预算改动")

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
