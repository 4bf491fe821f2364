"""What points buy, vouchers, and what a till turned away. `price`: whole points; `face_value_fen`: 分 of money."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.rewards import states


class Item(models.Model):
    """Something that points buy at one merchant."""

    class Kind(models.TextChoices):
        MEAL = "meal", _("餐食")
        GOODS = "goods", _("实物")
        SERVICE = "service", _("服务")
        DISCOUNT = "discount", _("折扣")
        PRIVILEGE = "privilege", _("优先")

    class Need(models.TextChoices):
        """What a rider looks for; the chips of the catalogue."""

        FOOD = "food", _("吃饭")
        VEHICLE = "vehicle", _("车辆")
        HEALTH = "health", _("健康")
        FAMILY = "family", _("家人")
        DAILY = "daily", _("日用")

    class Picture(models.TextChoices):
        MEAL = "meal", _("热饭")
        CHARGE = "charge", _("充电")
        REPAIR = "repair", _("修车")
        MARKET = "market", _("超市")
        THERAPY = "therapy", _("理疗")
        KIT = "kit", _("药包")

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    name = models.CharField(_("名称"), max_length=30)
    summary = models.CharField(_("一句话说明"), max_length=40, blank=True)
    kind = models.CharField(_("种类"), max_length=12, choices=Kind.choices)
    need = models.CharField(_("归类"), max_length=12, choices=Need.choices)
    price = models.PositiveIntegerField(_("积分价"))
    face_value_fen = models.PositiveIntegerField(_("面值（分）"), null=True, blank=True)
    stock = models.PositiveIntegerField(_("库存"))
    limit_per_person = models.PositiveIntegerField(_("每人限兑"), null=True, blank=True)
    limit_days = models.PositiveIntegerField(_("限兑周期（天）"), null=True, blank=True, help_text=_("空：一直算"))
    merchant = models.ForeignKey(
        "people.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("商家")
    )
    valid_days = models.PositiveIntegerField(_("有效天数"), default=14)
    picture = models.CharField(_("图画"), max_length=12, choices=Picture.choices)
    terms = models.TextField(_("使用说明"), max_length=400, blank=True)
    active = models.BooleanField(_("上架"), default=True)
    order = models.PositiveIntegerField(_("次序"), default=0)
    # Counts edits in the console, so that two administrators cannot overwrite each other unseen.
    revision = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering = ("order", "id")
        verbose_name = _("兑换品")
        verbose_name_plural = _("兑换品")
        constraints = (
            models.CheckConstraint(condition=Q(price__gte=1), name="rewards_item_has_a_price"),
            models.CheckConstraint(condition=Q(valid_days__gte=1), name="rewards_item_is_valid_for_days"),
            models.CheckConstraint(condition=Q(stock__gte=0), name="rewards_stock_not_negative"),
        )

    def __str__(self) -> str:
        return self.name


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
