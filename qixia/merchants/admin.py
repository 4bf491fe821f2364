"""Read-only views for the administrator's back room: a shop moves by its steps, never by hand. Ratings are not shown: few
of them beside a time would be enough for a guess."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from qixia.merchants.models import Alliance, Merchant, Paper, Suspension
from qixia.ui.backroom import OwnFiltersOnly


class ReadOnly(OwnFiltersOnly, admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Merchant)
class MerchantAdmin(ReadOnly):
    list_display = ("organisation", "kind", "state", "address", "applied_at", "admitted_at")
    list_filter = ("state", "kind")
    list_select_related = ("organisation",)
    search_fields = ("organisation__name", "=public_id")


@admin.register(Paper)
class PaperAdmin(ReadOnly):
    """What was said about a paper; its photo is looked at on the case, where looking leaves a trace."""

    list_display = ("merchant", "kind", "state", "valid_until", "handed_in_at", "checked_by")
    list_filter = ("state", "kind")
    list_select_related = ("merchant",)
    fields = ("merchant", "kind", "state", "valid_until", "reason", "handed_in_at", "checked_at", "checked_by")


@admin.register(Suspension)
class SuspensionAdmin(ReadOnly):
    list_display = ("merchant", "reason", "since", "until", "ended_at", "by")
    list_select_related = ("merchant",)


@admin.register(Alliance)
class AllianceAdmin(ReadOnly):
    list_display = ("name", "division", "since")
    list_select_related = ("division",)
