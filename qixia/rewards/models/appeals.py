"""What riders say against an entry of theirs, and what somebody answered."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel.ids import new_public_id
from qixia.rewards import states
from qixia.rewards.models.books import Posting


class PointsAppeal(models.Model):
    """An appeal against one entry, once. Names its posting, which names the rider; the rider's words are sealed, for they
    may say what the entry was for. `shows` is the rider's leave to see the entry's number and place."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, related_name="appeal", verbose_name=_("记账"))
    state = models.CharField(_("状态"), max_length=10, default=states.OPEN)
    shows = models.BooleanField(_("同意看明细"), default=False)
    sealed_words = models.BinaryField(_("说法"), default=b"")
    sealed_answer = models.BinaryField(_("答复"), default=b"")
    opened_on = models.DateField(_("提出"))
    ended_on = models.DateField(_("答复日期"), null=True)
    decided_by = models.CharField(_("决定人"), max_length=64, blank=True)
    paid = models.OneToOneField(Posting, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("补记"))

    class Meta:
        verbose_name = _("积分申诉")
        verbose_name_plural = _("积分申诉")
        indexes = (models.Index(fields=["id"], condition=Q(state=states.OPEN), name="rewards_appeal_open"),)
        constraints = (
            models.CheckConstraint(condition=Q(state__in=states.APPEAL_STATES), name="rewards_appeal_state_known"),
            models.CheckConstraint(
                condition=Q(state=states.OPEN, ended_on__isnull=True)
                | (~Q(state=states.OPEN) & Q(ended_on__isnull=False)),
                name="rewards_ended_appeal_says_when",
            ),
            models.CheckConstraint(
                condition=Q(state=states.GRANTED, paid__isnull=False)
                | (~Q(state=states.GRANTED) & Q(paid__isnull=True)),
                name="rewards_granted_appeal_pays",
            ),
        )

    def __str__(self) -> str:
        return f"{self.public_id} {self.state}"
