"""Reference data: administrative divisions, standard codes, triage classes.

Truth    `data/*.csv` is what ships; a city's edits in the admin win over it (load_reference never overwrites an edited
         class). Divisions come from the city.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from qixia.codes.rules import EDITIONS, KINDS, SEVERITIES, SEVERITY_LABELS


class Division(models.Model):
    """A place in the tree of administration; `path` names it and everything above it ("350000/350500/")."""

    code = models.CharField(_("代码"), max_length=24, unique=True)
    name = models.CharField(_("名称"), max_length=60)
    # Not an enumeration in the database: a city may have levels between ours (see rules.LEVELS).
    level = models.CharField(_("层级"), max_length=16)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级")
    )
    path = models.CharField(max_length=240, unique=True, editable=False)
    order = models.PositiveIntegerField(_("次序"), default=0)
    is_demo = models.BooleanField(_("演示数据"), default=False)

    class Meta:
        ordering = ("path",)
        verbose_name = _("行政区划")
        verbose_name_plural = _("行政区划")

    def __str__(self) -> str:
        return self.name


class StandardCode(models.Model):
    """One line of GB/T 47678.5-2026 or of its predecessor of 2013, or a local extension of it."""

    edition = models.CharField(_("版本"), max_length=4, choices=[(e, e) for e in EDITIONS])
    kind = models.CharField(_("种类"), max_length=8, choices=[(k, k) for k in KINDS])
    code = models.CharField(_("代码"), max_length=8)
    main_class = models.CharField(_("大类"), max_length=40)
    name = models.CharField(_("名称"), max_length=80)
    is_local = models.BooleanField(_("自定义"), default=False)
    how_sure = models.CharField(_("可信程度"), max_length=120, blank=True)

    class Meta:
        ordering = ("-edition", "kind", "code")
        verbose_name = _("标准代码")
        verbose_name_plural = _("标准代码")
        constraints = (
            # Parts and matters reuse the same digits, so the kind belongs to the key.
            models.UniqueConstraint(fields=["edition", "kind", "code"], name="codes_standard_code_once"),
            models.CheckConstraint(condition=models.Q(edition__in=EDITIONS), name="codes_edition_known"),
            models.CheckConstraint(condition=models.Q(kind__in=KINDS), name="codes_kind_known"),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class TriageClass(models.Model):
    """One of the classes that riders' reports are sorted into."""

    slug = models.SlugField(_("标识"), max_length=32, unique=True)
    name_zh = models.CharField(_("名称"), max_length=40)
    name_en = models.CharField(_("英文名称"), max_length=80)
    family = models.CharField(_("门类"), max_length=16, db_index=True)
    standard_codes = models.ManyToManyField(
        StandardCode, blank=True, related_name="triage_classes", verbose_name=_("标准代码")
    )
    default_standard = models.ForeignKey(
        StandardCode, on_delete=models.PROTECT, related_name="+", verbose_name=_("缺省代码")
    )
    severity_floor = models.CharField(
        _("最低等级"), max_length=8, choices=[(key, _(label)) for key, label in SEVERITY_LABELS.items()]
    )
    raise_when = models.CharField(_("升级条件"), max_length=120, blank=True)
    default_unit = models.CharField(_("缺省处置单位"), max_length=24)
    icon = models.CharField(_("图标"), max_length=40)
    active = models.BooleanField(_("启用"), default=True)
    order = models.PositiveIntegerField(_("次序"), default=0)
    # Set by an edit in the console; from then on the shipped file no longer changes the row.
    is_edited = models.BooleanField(_("本地修改"), default=False, editable=False)

    class Meta:
        ordering = ("order", "slug")
        verbose_name = _("分拣类别")
        verbose_name_plural = _("分拣类别")
        constraints = (
            models.CheckConstraint(condition=models.Q(severity_floor__in=SEVERITIES), name="codes_floor_known"),
        )

    def __str__(self) -> str:
        return self.name_zh
