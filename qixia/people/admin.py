"""Roles and organisations in Django's admin. Every save goes through the services, so it leaves its trace in history.

People are shown without phone and real name; nothing here opens a sealed field.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as _auth_admin  # noqa: F401 — registers the groups, before ours lets go of them
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from qixia.kernel.errors import NotAllowed
from qixia.people import services
from qixia.people.models import Organisation, Person, RoleGrant
from qixia.people.services import sign_in
from qixia.ui.backroom import OwnFiltersOnly


def to_staff_sign_in(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """The admin has no door of its own: a password alone must not open it."""
    if request.actor.is_signed_in:
        raise NotAllowed
    query = urlencode({"next": request.GET.get("next", reverse("admin:index"))})
    return redirect(f"{reverse('staff-sign-in')}?{query}")


# Roles are grants on organisations and places; Django's groups would promise rights that nothing gives.
admin.site.unregister(Group)
admin.site.login = to_staff_sign_in  # type: ignore[method-assign]


def to_own_password(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """The admin's own form asks for no second factor."""
    return redirect("own-password")


admin.site.password_change = to_own_password  # type: ignore[method-assign,assignment]


def _ref(request: HttpRequest) -> str:
    ref: str = request.actor.ref
    return ref


class NoDelete:
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Organisation)
class OrganisationAdmin(NoDelete, admin.ModelAdmin):
    list_display = ("name", "code", "kind", "division", "is_active")
    list_filter = ("kind", "is_active")
    search_fields = ("name", "code")
    autocomplete_fields = ("parent",)
    raw_id_fields = ("division",)
    list_select_related = ("division",)
    fields = ("code", "name", "kind", "division", "parent", "families", "duties", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: Organisation | None = None) -> tuple[str, ...]:
        return ("code", "kind") if obj else ("is_active",)

    def save_model(
        self, request: HttpRequest, obj: Organisation, form: forms.ModelForm[Organisation], change: bool
    ) -> None:
        if change:
            changes = {f"{n}_id" if n in ("division", "parent") else n: None for n in form.changed_data}
            services.change_organisation(
                organisation_id=obj.pk, actor=_ref(request), **{name: getattr(obj, name) for name in changes}
            )
            return
        made = services.create_organisation(
            code=obj.code,
            name=obj.name,
            kind=obj.kind,
            division_id=obj.division_id,
            parent_id=obj.parent_id,
            families=obj.families,
            duties=obj.duties,
            actor=_ref(request),
        )
        obj.pk = made.pk


@admin.register(RoleGrant)
class RoleGrantAdmin(NoDelete, OwnFiltersOnly, admin.ModelAdmin):
    list_display = ("person", "role", "organisation", "division", "valid_until", "revoked_at")
    list_filter = ("role",)
    search_fields = ("person__display_name", "person__username", "organisation__name")
    list_select_related = ("person", "organisation", "division")
    autocomplete_fields = ("person", "organisation")
    raw_id_fields = ("division",)
    fields = ("person", "role", "organisation", "division", "valid_from", "valid_until")
    actions = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: RoleGrant | None = None) -> bool:
        # A grant is history: it is revoked, and another one given.
        return obj is None and request.user.is_staff

    def save_model(self, request: HttpRequest, obj: RoleGrant, form: forms.ModelForm[RoleGrant], change: bool) -> None:
        made = services.grant_role(
            person_id=obj.person_id,
            role=obj.role,
            organisation_id=obj.organisation_id,
            division_id=obj.division_id,
            valid_from=obj.valid_from,
            valid_until=obj.valid_until,
            actor=_ref(request),
        )
        obj.pk = made.pk

    @admin.action(description=_("收回角色"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[RoleGrant]) -> None:
        for grant in queryset:
            services.revoke_role(grant=grant.public_id, actor=_ref(request))
        messages.success(request, _("角色已收回。"))


@admin.register(Person)
class PersonAdmin(NoDelete, OwnFiltersOnly, admin.ModelAdmin):
    list_display = ("display_name", "username", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("display_name", "username", "public_id")
    fields = readonly_fields = (
        "public_id",
        "display_name",
        "username",
        "is_active",
        "language",
        "created_at",
        "last_login",
    )
    actions = ("reset_second_factor", "close")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description=_("重置动态码"))
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[Person]) -> None:
        for person in queryset:
            sign_in.reset_totp(person_id=person.pk, actor=_ref(request))
        messages.success(request, _("动态码已重置，下次登录重新绑定。"))

    @admin.action(description=_("停用账号"))
    def close(self, request: HttpRequest, queryset: QuerySet[Person]) -> None:
        for person in queryset:
            services.close_account(person_id=person.pk, actor=_ref(request))
        messages.success(request, _("账号已停用。"))
