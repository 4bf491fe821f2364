from django.contrib import admin
from django.http import HttpRequest

from qixia.jobs.models import Job
from qixia.ui.backroom import OwnFiltersOnly


@admin.register(Job)
class JobAdmin(OwnFiltersOnly, admin.ModelAdmin):
    list_display = ["name", "attempts", "run_at", "quarantined_at", "last_error"]
    list_filter = ["name", ("quarantined_at", admin.EmptyFieldListFilter)]
    show_full_result_count = False

    # A hand-made job would run any task with any arguments, past every service's checks and history.
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False
