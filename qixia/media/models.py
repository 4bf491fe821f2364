"""One photo that somebody gave as evidence. The file lies in the media directory, see `files`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id


class Evidence(models.Model):
    """`owner_ref` is the record that the photo belongs to ("report:<public id>"), never a person: who gave it is known
    to the owner only. `claimed` is what the phone said, `measured` what the file says; neither is shown without a role.
    `width` and `height` are as stored until the picture is ready, then upright."""

    class State(models.TextChoices):
        PENDING = "pending", _("处理中")
        READY = "ready", _("可查看")
        BROKEN = "broken", _("打不开")

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    owner_ref = models.CharField(max_length=64, db_index=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    format = models.CharField(max_length=8)
    notes = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    broken_reason = models.CharField(max_length=40, blank=True, default="")
    storage_name = models.CharField(max_length=40, unique=True)
    claimed = models.JSONField(default=dict, blank=True)
    measured = models.JSONField(default=dict, blank=True)
    phash = models.BigIntegerField(null=True, blank=True, db_index=True)
    colour = models.CharField(max_length=7, blank=True, default="")
    sizes = models.JSONField(default=dict, blank=True)  # size → [width, height, bytes] of the copy
    revision = models.PositiveSmallIntegerField(default=0)  # goes up when the copies are made anew; part of the ETag
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("照片")
        verbose_name_plural = _("照片")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "ready", "broken"]), name="media_evidence_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state="broken") ^ models.Q(broken_reason=""), name="media_evidence_broken_has_reason"
            ),
            models.CheckConstraint(
                condition=models.Q(width__gt=0, height__gt=0, bytes__gt=0), name="media_evidence_has_size"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id
