"""Times that can be booked, and who waits for what is gone. Places and times; moments are UTC."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.rewards import states


class Slot(models.Model):
    """A stretch of time of one item with places. `taken` counts vouchers that hold one and places that are kept for
    somebody who waited; it changes by conditional updates only."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    item = models.ForeignKey("rewards.Item", on_delete=models.PROTECT, related_name="+", verbose_name=_("兑换品"))
    starts_at = models.DateTimeField(_("开始"))
    ends_at = models.DateTimeField(_("结束"))
    capacity = models.PositiveSmallIntegerField(_("名额"))
    taken = models.PositiveSmallIntegerField(_("已约"), default=0)
    closed_at = models.DateTimeField(_("取消于"), null=True)
    closed_why = models.CharField(_("取消原因"), max_length=60, blank=True)

    class Meta:
        ordering = ("starts_at", "id")
        verbose_name = _("场次")
        verbose_name_plural = _("场次")
        indexes = (models.Index(fields=["starts_at"], name="rewards_slot_by_time"),)
        constraints = (
            models.UniqueConstraint(fields=["item", "starts_at"], name="rewards_slot_once_a_time"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="rewards_slot_ends_after_start"),
            models.CheckConstraint(condition=Q(taken__lte=F("capacity")), name="rewards_slot_not_overbooked"),
            models.CheckConstraint(condition=Q(taken__gte=0), name="rewards_slot_taken_not_negative"),
        )

    def __str__(self) -> str:
        return f"{clock.city_time(self.starts_at):%m-%d %H:%M}"


class Waiting(models.Model):
    """A rider's place in the line for an item, or for one slot of it. Whoever came first has the smallest id. While it
    is `offered`, one piece is kept: it counts neither in the item's stock nor among a slot's free places."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    item = models.ForeignKey("rewards.Item", on_delete=models.PROTECT, related_name="+")
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, null=True, related_name="+")
    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="+")
    state = models.CharField(
        _("状态"),
        max_length=8,
        default=states.IN_LINE,
        choices=[(key, _(label)) for key, label in states.WAITING_LABELS.items()],
    )
    since = models.DateTimeField(_("从何时起"), default=clock.now)
    offered_until = models.DateTimeField(_("留到"), null=True)
    ended_at = models.DateTimeField(_("结束时间"), null=True)

    class Meta:
        verbose_name = _("排队")
        verbose_name_plural = _("排队")
        indexes = (
            models.Index(fields=["item", "slot", "state", "id"], name="rewards_waiting_line"),
            models.Index(fields=["state", "offered_until"], name="rewards_waiting_offered"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["person", "item"],
                condition=Q(slot__isnull=True, state__in=states.WAITING_OPEN),
                name="rewards_waits_once_an_item",
            ),
            models.UniqueConstraint(
                fields=["person", "slot"],
                condition=Q(state__in=states.WAITING_OPEN),
                name="rewards_waits_once_a_slot",
            ),
            models.CheckConstraint(condition=Q(state__in=states.WAITING_STATES), name="rewards_waiting_state_known"),
            models.CheckConstraint(
                condition=~Q(state=states.OFFERED) | Q(offered_until__isnull=False),
                name="rewards_offer_says_until_when",
            ),
            models.CheckConstraint(
                condition=Q(state__in=states.WAITING_OPEN, ended_at__isnull=True)
                | (~Q(state__in=states.WAITING_OPEN) & Q(ended_at__isnull=False)),
                name="rewards_waiting_says_when_it_ended",
            ),
        )

    def __str__(self) -> str:
        return self.public_id
