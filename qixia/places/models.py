"""The city's ground: grid cells, sites with their buildings and gates, roads, and what else the map draws.

Units    degrees WGS-84, [lng, lat] inside geometries (GeoJSON text); metres for widths.
Truth    these rows. The index in memory (`queries`) and the base map are made from them and named by `MapVersion`.
"""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from qixia.kernel.ids import new_public_id
from qixia.places.rules import GRID_CODE, KINDS, ROAD_KINDS, SHAPE_KINDS


class Bounded(models.Model):
    """A geometry with its bounding box in columns, so that both databases can narrow a search without an extension."""

    geometry = models.TextField(_("几何（GeoJSON）"))
    west = models.FloatField(editable=False)
    south = models.FloatField(editable=False)
    east = models.FloatField(editable=False)
    north = models.FloatField(editable=False)

    class Meta:
        abstract = True


class DivisionArea(Bounded):
    """Where a division lies. The city's edge is the area of the root division."""

    division = models.OneToOneField("codes.Division", models.CASCADE, related_name="+", verbose_name=_("行政区划"))

    class Meta:
        verbose_name = _("区划范围")
        verbose_name_plural = _("区划范围")

    def __str__(self) -> str:
        return f"area of {self.division_id}"


class GridCell(Bounded):
    """A 单元网格 (GB/T 47678.3): the smallest area that somebody is on duty for."""

    code = models.CharField(_("网格编码"), max_length=15, unique=True, validators=[RegexValidator(GRID_CODE)])
    community = models.ForeignKey("codes.Division", models.PROTECT, related_name="+", verbose_name=_("社区"))
    # H3 cell (resolution 9) of an inner point: to group by neighbourhood in SQL. Containment is asked of the index.
    h3_cell = models.CharField(max_length=15, db_index=True, editable=False)

    class Meta:
        ordering = ("code",)
        verbose_name = _("单元网格")
        verbose_name_plural = _("单元网格")

    def __str__(self) -> str:
        return self.code


class Site(models.Model):
    """A place with a name: an estate, an office tower, a school, a bus stop."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    key = models.CharField(_("来源键"), max_length=40, unique=True)
    kind = models.CharField(_("类型"), max_length=16, choices=[(key, _(label)) for key, label in KINDS.items()])
    name = models.CharField(_("名称"), max_length=60)
    community = models.ForeignKey("codes.Division", models.PROTECT, related_name="+", verbose_name=_("社区"))
    address = models.CharField(_("门牌"), max_length=80, blank=True)
    lat = models.FloatField(_("纬度"))
    lng = models.FloatField(_("经度"))
    h3_cell = models.CharField(max_length=15, db_index=True, editable=False)
    geometry = models.TextField(_("范围（GeoJSON）"), blank=True)
    # A site that a new survey no longer has stays for the reports that name it.
    is_active = models.BooleanField(_("在用"), default=True)

    class Meta:
        ordering = ("key",)
        verbose_name = _("场所")
        verbose_name_plural = _("场所")
        constraints = (models.CheckConstraint(condition=models.Q(kind__in=list(KINDS)), name="places_site_kind_known"),)

    def __str__(self) -> str:
        return self.name


class Building(models.Model):
    """A block of a site: 3栋, A座."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="buildings", verbose_name=_("场所"))
    name = models.CharField(_("楼栋"), max_length=20)
    floors = models.PositiveSmallIntegerField(_("层数"))
    geometry = models.TextField(_("轮廓（GeoJSON）"))

    class Meta:
        ordering = ("site", "id")
        verbose_name = _("楼栋")
        verbose_name_plural = _("楼栋")
        constraints = (models.UniqueConstraint(fields=["site", "name"], name="places_building_once"),)

    def __str__(self) -> str:
        return self.name


class Gate(models.Model):
    """Where one gets into a site: 东门."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="gates", verbose_name=_("场所"))
    name = models.CharField(_("门"), max_length=20)
    lat = models.FloatField(_("纬度"))
    lng = models.FloatField(_("经度"))

    class Meta:
        ordering = ("site", "id")
        verbose_name = _("出入口")
        verbose_name_plural = _("出入口")
        constraints = (models.UniqueConstraint(fields=["site", "name"], name="places_gate_once"),)

    def __str__(self) -> str:
        return self.name


class Road(models.Model):
    """A road from its number 1 onwards."""

    key = models.CharField(_("来源键"), max_length=40, unique=True)
    name = models.CharField(_("名称"), max_length=40)
    kind = models.CharField(_("等级"), max_length=8, choices=[(key, _(label)) for key, label in ROAD_KINDS.items()])
    width_m = models.FloatField(_("宽（米）"))
    number_step_m = models.FloatField(_("每个门牌的路长（米）"))
    geometry = models.TextField(_("中心线（GeoJSON）"))

    class Meta:
        ordering = ("key",)
        verbose_name = _("道路")
        verbose_name_plural = _("道路")
        constraints = (
            models.CheckConstraint(condition=models.Q(kind__in=list(ROAD_KINDS)), name="places_road_kind_known"),
            models.CheckConstraint(condition=models.Q(number_step_m__gt=0), name="places_road_step_positive"),
        )

    def __str__(self) -> str:
        return self.name


class MapShape(models.Model):
    """Something that is drawn but is no site: water, green, houses without a name, trees, paths, a running track."""

    key = models.CharField(_("来源键"), max_length=40, unique=True)
    kind = models.CharField(_("类型"), max_length=8, choices=[(kind, kind) for kind in SHAPE_KINDS])
    name = models.CharField(_("名称"), max_length=40, blank=True)
    geometry = models.TextField(_("几何（GeoJSON）"))

    class Meta:
        ordering = ("key",)
        verbose_name = _("底图图形")
        verbose_name_plural = _("底图图形")

    def __str__(self) -> str:
        return self.name or self.key


class MapVersion(models.Model):
    """One row: which state of the tables above every process should have in memory."""

    version = models.CharField(max_length=16)
    code = models.CharField(max_length=24)
    name = models.CharField(max_length=60)
    is_demo = models.BooleanField(default=False)
    loaded_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(pk=1), name="places_one_map_version"),)

    def __str__(self) -> str:
        return self.version
