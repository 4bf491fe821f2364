"""Rules for administrators: all kinds, and one kind with its versions and the form that publishes the next.

Rules are written as YAML. A fault is named with its place and nothing is published; of two editors of one version the
second is told.
"""

from __future__ import annotations

import difflib
from datetime import datetime
from typing import Any

import yaml
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid, NotAllowed, NotFound
from qixia.policy import kinds, queries, services
from qixia.policy.models import RuleVersion
from qixia.ui.access import allow

YAML_MAX = 200_000


@never_cache
@require_safe
@allow("admin")
def index(request: HttpRequest) -> HttpResponse:
    """All kinds of rule with the version in force."""
    latest: dict[str, RuleVersion] = {}
    for row in RuleVersion.objects.order_by("kind", "version").defer("data"):
        latest[row.kind] = row
    rows = [{"kind": kind, "latest": latest.get(kind.name)} for kind in kinds.all_kinds()]
    return render(request, "policy/index.html", {"rows": rows})


@never_cache
@require_http_methods(["GET", "POST"])
@allow("admin")
def kind(request: HttpRequest, kind: str) -> HttpResponse:
    """One kind: what holds, what held, and the draft of the next version."""
    try:
        found = kinds.get(kind)
    except KeyError:
        raise NotFound from None
    if request.method == "POST":
        if found.page:
            raise NotAllowed
        return _publish(request, found)
    return _page(request, found, {})


def _publish(request: HttpRequest, found: kinds.Kind) -> HttpResponse:
    given = {name: request.POST.get(name, "") for name in ("data", "note", "valid_from", "after")}
    try:
        data = _yaml(given["data"])
        if not given["note"].strip():
            raise Invalid("请写一句为什么改。", field="note")
        services.publish(
            found.name,
            data,
            note=given["note"].strip()[:300],
            actor_ref=request.actor.ref,  # type: ignore[attr-defined]
            valid_from=_moment(given["valid_from"]),
            after=int(given["after"]) if given["after"].isdigit() else None,
        )
    except DomainError as refusal:
        draft = given | {"error": _(refusal.message) % refusal.context, "field": refusal.field}
        return _page(request, found, draft, status=refusal.status)
    return HttpResponseRedirect(reverse("policy:kind", args=[found.name]), status=303)


def _yaml(text: str) -> object:
    if len(text) > YAML_MAX:
        raise Invalid("规则太长。", field="data")
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise Invalid("第 %(line)s 行读不懂。", field="data", line=mark.line + 1 if mark else "?") from error


def _moment(text: str) -> datetime | None:
    """From a datetime-local field, in the city's time; empty is now. Never in the past: what was paid stands."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=clock.CITY_TZ)
    except ValueError as error:
        raise Invalid("生效时间读不懂。", field="valid_from") from error
    if moment < clock.now():
        raise Invalid("生效时间不能早于现在。", field="valid_from")
    return moment


def _page(request: HttpRequest, found: kinds.Kind, draft: dict[str, Any], status: int = 200) -> HttpResponse:
    rows = list(RuleVersion.objects.filter(kind=found.name).order_by("version"))
    texts = [yaml.safe_dump(row.data, allow_unicode=True, sort_keys=False, width=120) for row in rows]
    history = [
        {"row": row, "diff": _diff(texts[index - 1] if index else "", texts[index]) if index else []}
        for index, row in enumerate(rows)
    ]
    context = {
        "kind": found,
        "current": queries.current(found.name) if rows else None,
        "history": history[::-1],
        "text": draft.get("data") or (texts[-1] if texts else ""),
        "latest": rows[-1].version if rows else 0,
        "draft": draft,
    }
    return render(request, "policy/kind.html", context, status=status)


def _diff(old: str, new: str) -> list[dict[str, str]]:
    """Changed lines only, with a sign: what a reader of the history wants."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return [{"sign": line[0], "text": line[1:]} for line in changed[:200]]
