"""The history, to look at. It must not answer who reported what: that needs a reason, and the rider is told."""

from __future__ import annotations

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from qixia.audit.models import AuditEvent
from qixia.ui.backroom import OwnFiltersOnly

# What riders do with their own reports and entries. Everything that staff does keeps its actor.
BY_REPORTERS = frozenset({"reports.received", "reports.confirm", "reports.dispute", "rewards.appealed"})
# Whose line alone says that somebody reported anonymously.
NOT_SHOWN = ("rewards.claimed",)
HIDDEN = _("骑手（已隐去）")


def _names_reporter(event: AuditEvent) -> bool:
    about_report = event.subject.startswith(("report:", "report~"))  # "report~": as the ledger stores it
    return event.action in BY_REPORTERS or (about_report and event.action == "rewards.award")


@admin.register(AuditEvent)
class AuditEventAdmin(OwnFiltersOnly, admin.ModelAdmin):
    """To look at; the database refuses changes anyway."""

    list_display = ["at", "action", "subject", "who", "request_id"]
    list_filter = ["action"]
    fields = ["at", "action", "subject", "who", "details", "request_id"]
    # Not by actor: the list of a person's acts would name the reports again.
    search_fields = ["=subject", "=request_id"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        return super().get_queryset(request).exclude(action__in=NOT_SHOWN)

    @admin.display(description=_("经手"))
    def who(self, event: AuditEvent) -> str:
        return str(HIDDEN) if _names_reporter(event) and event.actor.startswith("person:") else event.actor

    @admin.display(description=_("内容"))
    def details(self, event: AuditEvent) -> str:
        shown = dict(event.data)
        if "beneficiary" in shown:  # beside rule and time a guess at the report; beside "anonymous" a fact too many
            shown["beneficiary"] = str(HIDDEN)
        return json.dumps(shown, ensure_ascii=False)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False
