"""The books in the console: budgets with their caps, and the proof that every balance fits."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel.errors import DomainError
from qixia.rewards import queries, rules, services
from qixia.rewards.access import must_keep_budgets
from qixia.ui.access import allow
from qixia.ui.errors import message_of


class PeriodFields(forms.Form):
    """A period of one payer; money is asked for in 元."""

    payer = forms.ChoiceField(label=gettext_lazy("出资方"), required=False)
    unit = forms.ChoiceField(
        label=gettext_lazy("单位"),
        choices=[(rules.POINTS, gettext_lazy("积分")), (rules.FEN, gettext_lazy("补贴（元）"))],
    )
    starts_on = forms.DateField(label=gettext_lazy("从"), widget=forms.DateInput(attrs={"type": "date"}))
    ends_on = forms.DateField(label=gettext_lazy("到"), widget=forms.DateInput(attrs={"type": "date"}))
    cap = forms.IntegerField(label=gettext_lazy("上限"), min_value=0, max_value=rules.MOST // 100)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["payer"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = queries.payers()

    def as_period(self) -> dict[str, Any]:
        data = dict(self.cleaned_data)
        data["owner_ref"] = data.pop("payer") or rules.CITY
        if data["unit"] == rules.FEN:
            data["cap"] *= 100
        return data


@never_cache
@allow("admin", "auditor")
@require_http_methods(["GET", "HEAD", "POST"])
def budgets(request: HttpRequest) -> HttpResponse:
    """All periods, which auditors read; POST opens one by hand."""
    if request.method == "POST":
        must_keep_budgets(request.actor)
    form = PeriodFields(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.open_budget(actor=request.actor, **form.as_period())
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, message_of(error))
                status = error.status
            else:
                messages.success(request, _("已开新一期。"))
                return HttpResponseRedirect(reverse("rewards:budgets"), status=303)
    return _budgets(request, {"form": form, "form_open": status != 200}, status)


def _budgets(request: HttpRequest, context: dict[str, object], status: int = 200) -> HttpResponse:
    keeps = request.actor.has("admin")
    context = {"form": PeriodFields(), "lines": queries.budget_lines(), "keeps": keeps, **context}
    return render(request, "rewards/desk/budgets.html", context, status=status)


@allow("admin")
@require_POST
def change_cap(request: HttpRequest, public_id: str) -> HttpResponse:
    """Raise or lower a cap, with a reason."""
    typed, reason = request.POST.get("cap", "").strip(), request.POST.get("reason", "")[:200]
    in_yuan = request.POST.get("unit") == rules.FEN
    most = rules.MOST // (100 if in_yuan else 1)
    plain = typed.replace(",", "").replace("，", "")
    refused: dict[str, object] = {"id": public_id, "cap": typed, "reason": reason}
    if not (plain.isascii() and plain.isdigit() and len(plain) < 16 and int(plain) <= most):
        words = _("上限要写整数，最多 %(most)s。") % {"most": f"{most:,}"}
        return _budgets(request, {"refused": refused | {"words": words, "field": "cap"}}, 422)
    try:
        cap = int(plain) * (100 if in_yuan else 1)
        services.change_cap(actor=request.actor, budget=public_id, cap=cap, reason=reason)
    except DomainError as error:
        more = {"words": message_of(error), "field": error.field}
        return _budgets(request, {"refused": refused | more}, error.status)
    messages.success(request, _("上限已改。"))
    return HttpResponseRedirect(reverse("rewards:budgets"), status=303)


@never_cache
@allow("admin", "auditor")
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """The chain's end, its lag, what the nights' proofs found, and what an auditor said of late postings."""
    return _audit(request, {})


def _audit(request: HttpRequest, more: dict[str, object], status: int = 200) -> HttpResponse:
    replays = queries.replays()
    late = replays[0].late if replays and request.actor.has("auditor") else []
    context = {"seal": queries.seal_state(), "replays": replays, "late": late, "words": queries.acknowledgements()}
    return render(request, "rewards/desk/audit.html", {**context, **more}, status=status)


@allow("auditor")
@require_POST
def acknowledge(request: HttpRequest) -> HttpResponse:
    """An auditor says why one late posting may stand."""
    typed, reason = request.POST.get("posting", ""), request.POST.get("reason", "")[:200]
    number = int(typed) if re.fullmatch(r"-?[0-9]{1,18}", typed) else 0
    try:
        services.acknowledge(actor=request.actor, posting=number, reason=reason)
    except DomainError as error:
        return _audit(request, {"refused": {"posting": number, "words": message_of(error)}}, error.status)
    messages.success(request, _("记下了，下一批会封存这一笔。"))
    return HttpResponseRedirect(reverse("rewards:audit"), status=303)
