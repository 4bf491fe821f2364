"""What people were told. A notice keeps which template and which facts, not words: words are made when it is read."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import PUBLIC_ID_LENGTH, new_public_id


class Notice(models.Model):
    """One line in somebody's inbox. Facts and link are sealed and `key` is a keyed hash of what it is about: without
    the master key a row says who was told and by which template, not of which report."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="+", db_index=False)
    template = models.CharField(max_length=40)
    sealed = models.BinaryField()  # see rules.pack
    key = models.CharField(max_length=120, unique=True)
    created_at = models.DateTimeField(default=clock.now)
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["person", "-id"], name="notices_inbox"),
            models.Index(fields=["person"], condition=Q(read_at=None), name="notices_unread"),
        ]
        verbose_name = _("消息")
        verbose_name_plural = _("消息")

    def __str__(self) -> str:
        return self.template


class Message(models.Model):
    """One message that leaves the house. Neither number nor text is kept, only whether it went out."""

    QUEUED, SENT, FAILED = "queued", "sent", "failed"

    key = models.CharField(max_length=120, unique=True)
    channel = models.CharField(max_length=8, default="sms")
    sender = models.CharField(max_length=20)
    state = models.CharField(max_length=8, default=QUEUED, choices=[(s, s) for s in (QUEUED, SENT, FAILED)])
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True)
    provider_ref = models.CharField(max_length=80, blank=True)
    error = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name = _("短信")
        verbose_name_plural = _("短信")

    def __str__(self) -> str:
        return f"{self.channel} {self.state}"
