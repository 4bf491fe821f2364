"""The points' table in the console: read it, draft the next version, see what it would have paid last month, publish.

A draft lives in the form alone. Whole lines are added and taken away in the table's text (/desk/rules/), with which this
page shares its versions; the numbers and campaigns that change often are fields here. A campaign names its matters and its
division by choosing them; nobody has to know a code.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from pydantic import ValidationError

from qixia.kernel import clock
from qixia.kernel.errors import DomainError, NotAllowed
from qixia.kernel.ids import new_public_id
from qixia.rewards import queries, rules, services
from qixia.ui.access import allow
from qixia.ui.errors import message_of

_TOTALS = {
    "default_points": gettext_lazy("没有单列的类别"),
    "day_cap": gettext_lazy("每人每天最多"),
    "week_cap": gettext_lazy("每人每周最多"),
    "cancel_returns": gettext_lazy("退券退回"),
    "expiry_returns": gettext_lazy("过期退回"),
}
_LINE = ("points", "day_cap", "week_cap")
_LINE_WORDS = {
    "points": gettext_lazy("分"),
    "day_cap": gettext_lazy("每天最多"),
    "week_cap": gettext_lazy("每周最多"),
}
_CAMPAIGN = ("title", "note", "first", "last", "division", "percent", "bonus", "person_cap", "total_cap")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin", "auditor")
def table(request: HttpRequest) -> HttpResponse:
    """Show the table, which auditors read; `?edit=1` opens the form; POST shows a draft's effect or publishes it."""
    keeps = request.actor.has("admin")
    latest = queries.latest_table()
    if request.method == "POST":
        if not keeps:
            raise NotAllowed
        return _draft(request, latest)
    shown = latest.data.model_dump(mode="json")
    return _page(request, latest, shown, {"editing": keeps and request.GET.get("edit") == "1"})


def _draft(request: HttpRequest, latest: queries.Latest) -> HttpResponse:
    given = request.POST
    note, after = given.get("note", "").strip()[:300], given.get("after", "")
    more: dict[str, Any] = {"editing": True, "note": note, "seen": after}
    data = _data(request, latest.data)
    status = 200
    try:
        draft = queries.parse_table(data)
        if given.get("act") == "publish":
            seen = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else 0
            made = services.publish_table(actor=request.actor, data=data, note=note, after=seen)
            messages.success(request, _("积分规则第 %(n)d 版已经生效。") % {"n": made})
            return HttpResponseRedirect(reverse("rewards:table"), status=303)
        more["effect"] = queries.draft_effect(draft, latest.data)
    except DomainError as refusal:
        if refusal.status == 403:
            raise
        more["wrong"] = _wrong(refusal.__cause__, data, latest.data)
        more["refused"], status = "" if more["wrong"] else message_of(refusal), refusal.status
    return _page(request, latest, data, more, status=status)


def _page(
    request: HttpRequest, latest: queries.Latest, data: dict[str, Any], more: dict[str, Any], status: int = 200
) -> HttpResponse:
    today = clock.city_date(clock.now())
    families: dict[str, list[dict[str, Any]]] = {}
    for line in queries.table_lines(latest.data):
        shown = {"slug": line.slug, "title": line.title, "note": line.note} | _of_line(data, line.slug)
        families.setdefault(line.family, []).append(shown)
    campaigns = [{**one, "slug": slug} for slug, one in data["campaigns"].items()]
    show = _with_choices if more["editing"] else _with_names
    blank = {"slug": f"c-{new_public_id()[-8:].lower()}"}
    *campaigns, blank = show([*campaigns, blank], latest.data)
    context = {
        "keeps": request.actor.has("admin"),
        "version": latest.version,
        "totals": [(name, words, data.get(name)) for name, words in _TOTALS.items()],
        "families": families.items(),
        "qualities": data["qualities"].items(),
        "campaigns": [one | {"running": one["first"] <= today.isoformat() <= one["last"]} for one in campaigns],
        "blank": blank,
    } | more
    return render(request, "rewards/desk/table.html", context, status=status)


def _with_choices(campaigns: list[dict[str, Any]], table: rules.PointsPolicy) -> list[dict[str, Any]]:
    """Each with the choices of its form. What was chosen and is not there stays, so that it can be seen and taken away."""
    chosen = {rule for one in campaigns for rule in one.get("rules", ())}
    families = queries.matters(table, chosen)
    known = {slug for lines in families.values() for slug, _title in lines}
    places = queries.campaign_places([one.get("division", "") for one in campaigns])
    return [
        one
        | {
            "families": families,
            "places": places,
            "unknown": [rule for rule in one.get("rules", ()) if rule not in known],
            "elsewhere": one.get("division", "") if one.get("division", "") not in places else "",
        }
        for one in campaigns
    ]


def _with_names(campaigns: list[dict[str, Any]], table: rules.PointsPolicy) -> list[dict[str, Any]]:
    """Each with the names of what it holds for; a code that is not there as it is."""
    chosen = {rule for one in campaigns for rule in one.get("rules", ())}
    titles = {slug: title for lines in queries.matters(table, chosen).values() for slug, title in lines}
    places = queries.place_names(one.get("division", "") for one in campaigns)
    return [
        one
        | {
            "titles": [titles.get(rule, rule) for rule in one.get("rules", ())],
            "place": places.get(one.get("division", ""), one.get("division", "")),
        }
        for one in campaigns
    ]


def _wrong(shape: BaseException | None, data: dict[str, Any], base: rules.PointsPolicy) -> dict[str, str]:
    """What the shape refuses, by the fields of the form: name → whose it is and what to write. Empty if some fault is in
    none of them; the whole message is shown then."""
    found: dict[str, str] = {}
    if not isinstance(shape, ValidationError):
        return found
    titles = {line.slug: line.title for line in queries.table_lines(base)}
    for fault in shape.errors():
        match fault["loc"]:
            case (str(name),) if name in _TOTALS:
                key, whose = name, str(_TOTALS[name])
            case ("rules", str(slug), str(name)) if slug in titles and name in _LINE_WORDS:
                key, whose = f"{slug}:{name}", f"{titles[slug]} {_LINE_WORDS[name]}"
            case ("qualities", str(slug), "percent") if slug in data["qualities"]:
                key, whose = f"quality:{slug}", _(data["qualities"][slug]["title"])
            case _:
                return {}
        found[key] = _("%(whose)s：%(what)s") % {"whose": whose, "what": _to_write(fault["type"], fault.get("ctx", {}))}
    return found


def _to_write(kind: str, bounds: dict[str, Any]) -> str:
    if kind == "less_than_equal":
        return _("最多 %(n)s") % {"n": bounds["le"]}
    if kind == "greater_than_equal":
        return _("最少 %(n)s") % {"n": bounds["ge"]}
    return _("要写整数")


def _of_line(data: dict[str, Any], slug: str) -> dict[str, Any]:
    return {name: data["rules"].get(slug, {}).get(name) for name in _LINE}


# ── the form as a table ───────────────────────────────────────────────────────
def _data(request: HttpRequest, base: rules.PointsPolicy) -> dict[str, Any]:
    """The form over the version that it was made from. What is no number stays as it was typed: the shape names it."""
    data: dict[str, Any] = base.model_dump(mode="json")
    get = request.POST.get
    for name in _TOTALS:
        if name in request.POST:
            data[name] = _number(get(name, ""))
    data["rules"] = {
        slug: line | {name: _number(get(f"{slug}:{name}", "")) for name in _LINE if f"{slug}:{name}" in request.POST}
        for slug, line in data.get("rules", {}).items()
    }
    data["qualities"] = {
        slug: one.model_dump() | {"percent": _number(get(f"quality:{slug}", str(one.percent)))}
        for slug, one in base.qualities.items()
    }
    data["campaigns"] = _campaigns(request)
    return data


def _campaigns(request: HttpRequest) -> dict[str, Any]:
    """Those of the form that have a title and are not struck out. A name that is there already keeps its campaign under
    one that the shape refuses: nothing is dropped in silence."""
    post = request.POST
    found: dict[str, Any] = {}
    for index in dict.fromkeys(post.getlist("campaign")):
        typed = {name: post.get(f"{index}:{name}", "").strip() for name in (*_CAMPAIGN, "slug")}
        if not typed["title"] or post.get(f"{index}:struck"):
            continue
        kept: dict[str, Any] = {name: typed[name] for name in ("title", "note", "first", "last", "division")}
        kept |= {name: _number(typed[name]) for name in ("percent", "bonus", "person_cap", "total_cap") if typed[name]}
        kept["rules"] = [
            one for one in dict.fromkeys(rule.strip()[:40] for rule in post.getlist(f"{index}:rules")) if one
        ]
        again = sum(slug.partition(" ")[0] == typed["slug"] for slug in found)
        found[f"{typed['slug']} ({again + 1})" if again else typed["slug"]] = kept
    return found


def _number(text: str) -> Any:
    """A whole number; nothing for no limit; else what was typed."""
    text = text.strip()[:12]
    return int(text) if text.isascii() and text.isdigit() else text or None
