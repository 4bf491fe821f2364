"""Administrators' pages: what was handed over, robots of units, the words of templates."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel.errors import DomainError, NotFound
from qixia.notices import queries, rules, services
from qixia.notices.channels import CHANNELS
from qixia.people import queries as people
from qixia.policy.queries import current
from qixia.ui.access import allow

CHANNEL_NAMES = {
    "push": gettext_lazy("手机推送"),
    "robot": gettext_lazy("群机器人"),
    "email": gettext_lazy("邮件"),
    "sms": gettext_lazy("短信"),
}
CHANNEL_ICONS = {"push": "device-mobile", "robot": "users", "email": "mail", "sms": "message-2"}
GAPS = {
    "push": gettext_lazy("还没有人打开推送"),
    "robot": gettext_lazy("还没接机器人"),
    "email": gettext_lazy("没有设邮件服务器"),
    "sms": gettext_lazy("短信只写到控制台，没有接网关"),
}
STATE_NAMES = {
    "queued": gettext_lazy("等着发"),
    "sent": gettext_lazy("已送出"),
    "failed": gettext_lazy("送不到"),
    "given_up": gettext_lazy("不再试"),
}
# What the picture of a group shows.
ROBOT_SAYS = ("unit.new_case", "clock.resolve_soon")
KIND_NAMES = {"wecom": gettext_lazy("企业微信"), "dingtalk": gettext_lazy("钉钉")}
# What a template's facts look like in the preview.
SAMPLE: dict[str, Any] = {
    "number": "407188235",
    "matter": {"zh": "井盖缺失", "en": "Missing manhole cover"},
    "place": {"zh": "云帆路 18 号东门", "en": "East gate, 18 Yunfan Road"},
    "unit": {"zh": "市政养护所", "en": "Road maintenance"},
    "units": {"zh": "市政养护所、城管中队", "en": "Road maintenance, City management"},
    "text": {"zh": "今天下午去换", "en": "We replace it this afternoon"},
    "reason": {"zh": "同一件事报了两次", "en": "The same matter was reported twice"},
    "title": {"zh": "上报井盖缺失", "en": "A missing manhole cover reported"},
    "step": {"zh": "已派单", "en": "Sent on"},
    "day": "11-25",
    "until": "12-31",
    "at": "11-22 14:05",
    "points": 15,
    "nominal": 20,
    "name": {"zh": "保温杯", "en": "Thermos"},
    "shop": {"zh": "云溪便利店", "en": "Yunxi corner shop"},
    "what": {"zh": "上午的小结", "en": "Morning summary"},
    "now": {"zh": "已同意", "en": "agreed"},
    "role": {"zh": "社区专员", "en": "the community clerk"},
    "basis": {"zh": "核实情况", "en": "checking the matter"},
    "device": "Chrome / Android",
}
# Where the same name stands for something else.
OTHER_SAMPLES: dict[str, dict[str, Any]] = {"consent.changed": {"what": {"zh": "精确位置", "en": "Exact place"}}}
FIELDS = ("zh_title", "zh_body", "en_title", "en_body", "zh_outside", "en_outside")


@never_cache
@require_safe
@allow("admin")
def deliveries(request: HttpRequest) -> HttpResponse:
    """The log, with counts of the last seven days."""
    channel, state = request.GET.get("channel", ""), request.GET.get("state", "")
    page = queries.deliveries(
        language=get_language() or "zh-hans",
        channel=channel,
        state=state,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
    )
    rows = [(line, CHANNEL_NAMES[line.channel], STATE_NAMES[line.state]) for line in page.items]
    context = {
        "page": page,
        "rows": rows,
        "ways": _ways(),
        "channel": channel if channel in CHANNELS else "",
        "state": state if state in STATE_NAMES else "",
        "states": STATE_NAMES,
    }
    return render(request, "notices/deliveries.html", context)


def _ways() -> list[dict[str, Any]]:
    """The channels of the last days: how much went, what share of it arrived, and why one carries nothing."""
    gaps = queries.gaps()
    return [
        {
            "key": one.channel,
            "name": CHANNEL_NAMES[one.channel],
            "icon": CHANNEL_ICONS[one.channel],
            "count": one,
            "share": one.share,
            "gap": GAPS[one.channel] if one.channel in gaps else "",
        }
        for one in queries.delivery_counts()
    ]


@never_cache
@require_http_methods(["GET", "POST"])
@allow("admin")
def robots(request: HttpRequest) -> HttpResponse:
    """Robots in the chat groups of units, and the form for another one."""
    given, refusal = request.POST, None
    if request.method == "POST":
        try:
            services.add_robot(
                organisation=given.get("organisation", ""),
                kind="dingtalk" if given.get("kind") == "dingtalk" else "wecom",
                label=given.get("label", ""),
                url=given.get("url", "").strip()[:500],
                secret=given.get("secret", "").strip()[:200],
                language="en" if given.get("language") == "en" else "zh-hans",
                actor=request.actor.ref,  # type: ignore[attr-defined]
            )
            return HttpResponseRedirect(reverse("notices:robots"), status=303)
        except DomainError as error:
            refusal = error
    context = {
        "rows": [(robot, KIND_NAMES[robot.kind]) for robot in queries.robots()],
        "kinds": KIND_NAMES,
        "units": people.organisations(),
        "limit": queries.channel_rules().robot_per_minute,
        "said": [queries.outside(name, language=get_language() or "zh-hans") for name in ROBOT_SAYS],
        "given": {name: given.get(name, "") for name in ("organisation", "kind", "label", "language")},
        "error": _words(refusal),
        "field": (refusal.field or "url") if refusal else "",
    }
    return render(request, "notices/robots.html", context, status=refusal.status if refusal else 200)


@require_POST
@allow("admin")
def stop_robot(request: HttpRequest) -> HttpResponse:
    services.stop_robot(public_id=request.POST.get("robot", "")[:26], actor=request.actor.ref)  # type: ignore[attr-defined]
    return HttpResponseRedirect(reverse("notices:robots"), status=303)


@never_cache
@require_safe
@allow("admin")
def templates(request: HttpRequest) -> HttpResponse:
    """Every template in both languages, with facts of an example, by the kind of news."""
    words, policy = queries.templates(), queries.channel_rules()
    language = get_language() or "zh-hans"
    found: dict[str, list[dict[str, Any]]] = {key: [] for key in policy.groups}
    for name in words.notices:
        found[policy.group_of(name)].append({"name": name, **_preview(words, name)})
    groups = [
        {
            "key": key,
            "title": policy.groups[key].title.words(language),
            "channels": [CHANNEL_NAMES[one] for one in CHANNELS if one in policy.groups[key].channels],
            "is_critical": policy.groups[key].critical,
            "rows": rows,
        }
        for key, rows in found.items()
        if rows
    ]
    return render(request, "notices/templates.html", {"groups": groups})


@never_cache
@require_http_methods(["GET", "POST"])
@allow("admin")
def template(request: HttpRequest, name: str) -> HttpResponse:
    """One template: preview, and the form that publishes its next version."""
    words = queries.templates()
    if name not in words.notices:
        raise NotFound
    given, refusal, preview = _fields(words.notices[name]), None, _preview(words, name)
    if request.method == "POST":
        given = {field: request.POST.get(field, "") for field in FIELDS}
        after = request.POST.get("after", "")
        try:
            services.reword(
                template=name,
                wording=services.Wording(**given),
                note=request.POST.get("note", ""),
                after=int(after) if after.isdigit() and len(after) < 9 else -1,
                actor=request.actor.ref,  # type: ignore[attr-defined]
            )
            return HttpResponseRedirect(reverse("notices:template", args=[name]), status=303)
        except DomainError as error:
            refusal = error
    context = {
        "name": name,
        "given": given,
        "note": request.POST.get("note", ""),
        "preview": preview,
        "places": sorted(queries.places_of(name)),
        "version": current(queries.TEMPLATES).version,
        "error": _words(refusal),
        "field": (refusal.field or "note") if refusal else "",
    }
    return render(request, "notices/template.html", context, status=refusal.status if refusal else 200)


def _fields(found: rules.NoticeTemplate) -> dict[str, str]:
    return {
        "zh_title": found.zh.title,
        "zh_body": found.zh.body,
        "en_title": found.en.title,
        "en_body": found.en.body,
        "zh_outside": found.outside.zh,
        "en_outside": found.outside.en,
    }


def _preview(words: rules.TemplateRules, name: str) -> dict[str, Any]:
    samples = SAMPLE | OTHER_SAMPLES.get(name, {})
    facts = {place: samples.get(place, 3) for place in queries.places_of(name)}
    return {
        language: {
            "inside": rules.render(words, name, facts, language),
            "outside": rules.outside(words, name, language),
        }
        for language in ("zh", "en")
    }


def _words(refusal: DomainError | None) -> str:
    return str(_(refusal.message) % refusal.context) if refusal else ""
