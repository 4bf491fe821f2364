from django.contrib import admin
from django.http import HttpRequest

from qixia.audit.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    """To look at; the database refuses changes anyway."""

    list_display = ["at", "action", "subject", "actor", "request_id"]
    list_filter = ["action"]
    search_fields = ["=subject", "=actor", "=request_id"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False
