"""Read-only views for the administrator's back room: the books are never edited by hand."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from qixia.rewards.models import Account, Item, Posting, Voucher
from qixia.rewards.queries.books import is_for_report
from qixia.ui.backroom import OwnFiltersOnly


class ReadOnly(OwnFiltersOnly, admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Account)
class AccountAdmin(ReadOnly):
    """Without riders' purses: whoever looks at them before and after a dispatch sees who was paid for it."""

    list_display = ("owner_ref", "kind", "unit", "slot", "balance")
    list_filter = ("kind",)
    search_fields = ("=owner_ref",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).exclude(owner_ref__startswith="person:")


@admin.register(Posting)
class PostingAdmin(ReadOnly):
    """Without whom points for a report went to, in columns, fields and search, and without the sealed words: rule and
    time beside a name would be enough for a guess."""

    list_display = ("at", "kind", "rule", "rule_version", "points", "whose", "source")
    list_filter = ("kind",)
    fields = (
        "at",
        "kind",
        "rule",
        "rule_version",
        "points",
        "nominal",
        "whose",
        "source",
        "reverses_id",
        "request_id",
    )
    search_fields = ("=source",)
    show_full_result_count = False

    @admin.display(description=_("受益人"))
    def whose(self, posting: Posting) -> str:
        return str(_("骑手（已隐去）")) if is_for_report(posting) else posting.beneficiary

    @admin.display(description=_("冲正"))
    def reverses_id(self, posting: Posting) -> str:
        return str(posting.reverses_id or "")


@admin.register(Item)
class ItemAdmin(ReadOnly):
    list_display = ("name", "merchant", "price", "stock", "active")


@admin.register(Voucher)
class VoucherAdmin(ReadOnly):
    list_display = ("number", "name", "merchant", "state", "created_at", "expires_at")
    list_filter = ("state",)
    search_fields = ("=number",)
    show_full_result_count = False
