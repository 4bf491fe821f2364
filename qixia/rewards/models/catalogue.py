"""What points buy. `price`: whole points; `face_value_fen`: 分 of money."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel.ids import new_public_id


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
        REHAB = "rehab", _("康复")
        CARE = "care", _("照护")
        COAT = "coat", _("雨衣")
        HELMET = "helmet", _("头盔")

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    name = models.CharField(_("名称"), max_length=30)
    summary = models.CharField(_("一句话说明"), max_length=40, blank=True)
    kind = models.CharField(_("种类"), max_length=12, choices=Kind.choices)
    need = models.CharField(_("归类"), max_length=12, choices=Need.choices)
    price = models.PositiveIntegerField(_("积分价"))
    face_value_fen = models.PositiveIntegerField(_("面值（分）"), null=True, blank=True)
    # What the city pays the merchant for one; empty: the face value.
    settle_fen = models.PositiveIntegerField(_("结算价（分）"), null=True, blank=True)
    stock = models.PositiveIntegerField(_("库存"))
    # How many times one voucher can be used; or, by amount, its face value is a sum that is taken bit by bit.
    parts = models.PositiveIntegerField(_("可用次数"), default=1, db_default=1)
    by_amount = models.BooleanField(_("按金额分次用"), default=False, db_default=False)
    # When in the week it can be used (kernel.hours); empty: always.
    windows = models.CharField(_("可用时段"), max_length=300, blank=True, default="", db_default="")
    limit_per_person = models.PositiveIntegerField(_("每人限兑"), null=True, blank=True)
    limit_days = models.PositiveIntegerField(_("限兑周期（天）"), null=True, blank=True, help_text=_("空：一直算"))
    merchant = models.ForeignKey(
        "people.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("商家")
    )
    valid_days = models.PositiveIntegerField(_("有效天数"), default=14)
    picture = models.CharField(_("图画"), max_length=12, choices=Picture.choices)
    terms = models.TextField(_("使用说明"), max_length=400, blank=True)
    active = models.BooleanField(_("上架"), default=True)
    # Booked for a time: stock is what there is in all, the slots say when.
    has_slots = models.BooleanField(_("要约时间"), default=False, db_default=False)
    where = models.CharField(_("在店里哪儿"), max_length=60, blank=True, default="", db_default="")
    percent_off = models.PositiveSmallIntegerField(_("优惠百分之几"), null=True, blank=True)
    least_fen = models.PositiveIntegerField(_("满多少可用（分）"), null=True, blank=True)
    # An eligibility.Eligibility; none: everybody.
    eligibility = models.JSONField(_("谁能换"), null=True, blank=True)
    # Of a thing, so everybody may see it; the drawn picture stands in while it is being made ready.
    photo = models.ForeignKey(
        "media.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("照片")
    )
    photo_alt = models.CharField(_("照片上是什么"), max_length=60, blank=True, default="", db_default="")
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
            models.CheckConstraint(
                condition=Q(by_amount=False, parts__gte=1)
                | Q(by_amount=True, parts=1, face_value_fen__isnull=False, face_value_fen__gte=1),
                name="rewards_item_has_parts",
                violation_error_message=_("按金额分次用的要写面值，次数留 1"),
            ),
            models.CheckConstraint(
                condition=Q(percent_off__isnull=True) | Q(percent_off__gte=1, percent_off__lte=100),
                name="rewards_percent_off_is_a_percentage",
            ),
        )

    def __str__(self) -> str:
        return self.name
