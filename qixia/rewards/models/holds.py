"""Points that somebody looks at before a rider can spend them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel.ids import new_public_id
from qixia.rewards import states
from qixia.rewards.models.books import Posting


class Hold(models.Model):
    """One award that a signal holds: its points lie in the rider's `pending` account until it ends (states.py).

    Names its posting, which names the rider; what it was for stands as a keyed hash there, and the evidence is sealed.
    """

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, related_name="hold", verbose_name=_("记账"))
    owner_ref = models.CharField(_("户主"), max_length=64)
    payer = models.CharField(_("出资方"), max_length=64)
    points = models.PositiveIntegerField(_("积分"))
    given = models.PositiveIntegerField(_("给了"), default=0)
    state = models.CharField(_("状态"), max_length=10, default=states.OPEN)
    # Kinds of the signals, with commas: what they are is in the policy "rewards.holds".
    signals = models.CharField(_("情形"), max_length=200)
    sealed_evidence = models.BinaryField(_("依据"), default=b"")
    opened_on = models.DateField(_("开始"))
    due_on = models.DateField(_("最晚"))
    ended_on = models.DateField(_("结束"), null=True)
    decided_by = models.CharField(_("决定人"), max_length=64, blank=True)
    sealed_reason = models.BinaryField(_("理由"), default=b"")

    class Meta:
        verbose_name = _("先看后给")
        verbose_name_plural = _("先看后给")
        indexes = (
            models.Index(fields=["due_on", "id"], condition=Q(state=states.OPEN), name="rewards_hold_open"),
            models.Index(fields=["owner_ref", "id"], name="rewards_hold_of_owner"),
            models.Index(fields=["ended_on", "id"], condition=~Q(state=states.OPEN), name="rewards_hold_decided"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(state__in=states.HOLD_STATES), name="rewards_hold_state_known"),
            models.CheckConstraint(condition=Q(points__gte=1), name="rewards_hold_has_points"),
            models.CheckConstraint(condition=Q(given__lte=models.F("points")), name="rewards_hold_gives_no_more"),
            models.CheckConstraint(
                condition=Q(state=states.OPEN, ended_on__isnull=True)
                | (~Q(state=states.OPEN) & Q(ended_on__isnull=False)),
                name="rewards_ended_hold_says_when",
            ),
        )

    def __str__(self) -> str:
        return f"{self.points} {self.state}"
