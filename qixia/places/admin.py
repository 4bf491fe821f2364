"""The ground in Django's admin: to look at, not to edit (it comes from the survey)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from qixia.places.models import GridCell, Road, Site


class ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(GridCell)
class GridCellAdmin(ReadOnly):
    list_display = ("code", "community")
    list_select_related = ("community",)
    search_fields = ("code", "community__name")
    exclude = ("geometry",)


@admin.register(Site)
class SiteAdmin(ReadOnly):
    list_display = ("name", "kind", "address", "community", "is_active")
    list_filter = ("kind", "is_active")
    list_select_related = ("community",)
    search_fields = ("name", "address")
    exclude = ("geometry",)


@admin.register(Road)
class RoadAdmin(ReadOnly):
    list_display = ("name", "kind", "width_m")
    list_filter = ("kind",)
    search_fields = ("name",)
    exclude = ("geometry",)
