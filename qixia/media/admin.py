from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from qixia.media.models import Evidence
from qixia.ui.backroom import OwnFiltersOnly


@admin.register(Evidence)
class EvidenceAdmin(OwnFiltersOnly, admin.ModelAdmin):
    """To look at. Claims, measured place and file name are left out: they need a role of their own."""

    list_display = ["public_id", "state", "broken_reason", "format", "width", "height", "bytes", "created_at"]
    list_filter = ["state", "format"]
    search_fields = ["=public_id", "=owner_ref", "=digest"]
    fields = [
        "public_id",
        "owner_ref",
        "state",
        "broken_reason",
        "format",
        "width",
        "height",
        "bytes",
        "digest",
        "notes",
    ]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
