from django.contrib import admin

from qixia.jobs.models import Job


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    list_display = ["name", "attempts", "run_at", "quarantined_at", "last_error"]
    list_filter = ["name", ("quarantined_at", admin.EmptyFieldListFilter)]
    show_full_result_count = False
