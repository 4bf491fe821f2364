from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from qixia.codes import services
from qixia.codes.models import Division, StandardCode, TriageClass


class ReadOnlyAdmin(admin.ModelAdmin):
    """To look at. Divisions and codes are changed by lists (services), not by hand: paths and keys hang on them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Division)
class DivisionAdmin(ReadOnlyAdmin):
    list_display = ["code", "name", "level", "parent", "is_demo"]
    list_filter = ["level", "is_demo"]
    list_select_related = ["parent"]
    search_fields = ["=code", "name"]


@admin.register(StandardCode)
class StandardCodeAdmin(ReadOnlyAdmin):
    list_display = ["code", "kind", "name", "main_class", "edition", "is_local"]
    list_filter = ["edition", "kind", "is_local", "main_class"]
    search_fields = ["=code", "name"]


@admin.register(TriageClass)
class TriageClassAdmin(admin.ModelAdmin):
    """Edits go through `services.edit_class`, so each leaves its before and after in the history."""

    list_display = ["slug", "name_zh", "family", "severity_floor", "default_unit", "active", "is_edited"]
    list_filter = ["family", "severity_floor", "active", "is_edited"]
    search_fields = ["=slug", "name_zh", "name_en"]
    readonly_fields = ["slug", "default_standard", "standard_codes"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a new class needs words, a floor and codes: it comes with a release

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # reports name it; switch it off instead

    def save_model(self, request: HttpRequest, obj: TriageClass, form: ModelForm, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        services.edit_class(obj.slug, changes, actor_ref=request.actor.ref)
