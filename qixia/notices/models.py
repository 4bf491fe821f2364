"""What people were told. A notice keeps which template and which facts, not words: words are made when it is read."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import PUBLIC_ID_LENGTH, new_public_id
from qixia.notices.channels import CHANNELS


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
    # Nobody has looked yet by which channels it goes out; rows from before there were channels never wait.
    waits = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes = [
            models.Index(fields=["person", "-id"], name="notices_inbox"),
            models.Index(fields=["id"], condition=Q(waits=True), name="notices_waiting"),
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


class Delivery(models.Model):
    """One notice on its way out by one channel to one address. It names neither matter nor number; whom, the notice does.

    queued → sent · failed (the other side refused for good) · given_up (tried too often, too late, or read meanwhile).
    `attempt` is the id of the try under way: the receiver gets it, and only its owner writes the result.
    """

    QUEUED, SENT, FAILED, GIVEN_UP = "queued", "sent", "failed", "given_up"

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="+", db_index=False)
    channel = models.CharField(max_length=8, choices=[(c, c) for c in CHANNELS])
    address = models.CharField(
        max_length=PUBLIC_ID_LENGTH, blank=True
    )  # of a subscription or robot; "": the person's own
    state = models.CharField(max_length=8, default=QUEUED, choices=[(s, s) for s in (QUEUED, SENT, FAILED, GIVEN_UP)])
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    is_critical = models.BooleanField(default=False, db_default=False)  # goes before all others, at any hour
    attempt = models.CharField(max_length=PUBLIC_ID_LENGTH, blank=True)
    provider_ref = models.CharField(max_length=80, blank=True)
    error = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel", "address"], name="notices_delivery_once"),
        ]
        indexes = [
            # The order in which they go: of the critical ones the first that is due, then of the others.
            models.Index(
                fields=["is_critical", "next_try_at", "id"], condition=Q(state="queued"), name="notices_delivery_order"
            ),
            models.Index(fields=["address", "next_try_at"], condition=Q(state="queued"), name="notices_delivery_to"),
            models.Index(fields=["created_at"], name="notices_delivery_age"),
        ]
        verbose_name = _("外发记录")
        verbose_name_plural = _("外发记录")

    def __str__(self) -> str:
        return f"{self.channel} {self.state}"


class PushKey(models.Model):
    """A key pair that signs our web pushes (VAPID). One is in force; older ones stay while devices use them."""

    public = models.CharField(max_length=100, unique=True)  # uncompressed point, base64url
    sealed = models.BinaryField()  # the private number, 32 bytes
    created_at = models.DateTimeField(default=clock.now)
    is_current = models.BooleanField(default=True)

    class Meta:
        constraints = [
            # Of two workers that make the first one, one wins.
            models.UniqueConstraint(fields=["is_current"], condition=Q(is_current=True), name="notices_one_push_key"),
        ]

    def __str__(self) -> str:
        return self.public[:12]


class PushSubscription(models.Model):
    """A browser that shows pushes. Address and keys are sealed: who holds them can wake that phone."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="+")
    key = models.ForeignKey(PushKey, on_delete=models.CASCADE, related_name="+")
    index = models.CharField(max_length=40, unique=True)  # keyed hash of the endpoint: one browser, one row
    sealed = models.BinaryField()  # JSON: endpoint, p256dh, auth
    # Keyed hash of the cookie by which sign-in knows a browser; "" if it has none. Whoever signs out or in there finds it.
    device = models.CharField(max_length=40, blank=True, default="", db_default="")
    label = models.CharField(max_length=60, blank=True)  # such as "Chrome / Android"
    created_at = models.DateTimeField(default=clock.now)
    last_sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["device"], name="notices_push_device")]

    def __str__(self) -> str:
        return self.label


class MailAddress(models.Model):
    """Where a member of staff gets e-mail. Nothing is sent before its owner has confirmed it."""

    person = models.OneToOneField("people.Person", on_delete=models.CASCADE, primary_key=True, related_name="+")
    sealed = models.BinaryField()
    confirmed_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return "mail address"


class Robot(models.Model):
    """A robot in a unit's chat group. Its address is a secret: whoever has it speaks there."""

    KINDS = ("wecom", "dingtalk")

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    organisation = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=[(k, k) for k in KINDS])
    label = models.CharField(max_length=40)
    sealed = models.BinaryField()  # JSON: url, secret
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=8, default="zh-hans")
    spoken = models.JSONField(default=list)  # epoch seconds of what counts against its limit
    spoken_version = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.label


class Choice(models.Model):
    """A person's yes or no to one channel for one group of templates. No row: as the policy says."""

    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=8)
    group = models.CharField(max_length=16)
    is_wanted = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "channel", "group"], name="notices_choice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.group}"


class QuietHours(models.Model):
    """A person's own quiet hours, in the city's time. Equal ends: none. No row: the city's."""

    person = models.OneToOneField("people.Person", on_delete=models.CASCADE, primary_key=True, related_name="+")
    start = models.TimeField()
    end = models.TimeField()

    def __str__(self) -> str:
        return f"{self.start}–{self.end}"
