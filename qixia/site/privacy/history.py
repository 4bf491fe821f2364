"""What staff and the system did, for the auditor: by person, by report, by day.

Only acts of staff, of the system, and a reporter's own acts as "reporter" stand here. What riders do in their own
account (signing in, consents, points) is left out, and so is the id that joins the lines of one request: either would
let a careful reader lay a rider beside a report.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qixia.audit import queries as audit
from qixia.audit.queries import Deed, HistoryFilter
from qixia.audit.rules import BASES
from qixia.kernel.errors import Invalid
from qixia.kernel.ids import is_row_key
from qixia.people.rules import ROLE_LABELS
from qixia.reports.queries.export import public_id_of_number
from qixia.reports.states import LABELS
from qixia.site.privacy.accesses import NOBODY, WATCHERS, day_of
from qixia.site.privacy.names import Names, names_for
from qixia.ui.access import allow
from qixia.ui.paging import Page

PAGE = 50
SYSTEM = "system"
# Acts in a rider's own account, and the points that follow a report.
OWN_AFFAIRS = (
    "people.code_",
    "people.consent_",
    "people.person_created",
    "people.rider_enrolled",
    "people.renamed",
    "people.language_set",
    "people.phone_changed",
    "people.export_",
    "people.erasure_",
    "people.real_name_set",
    "rewards.award",
    "rewards.reverse",
    "rewards.reversal",
    "rewards.voucher_",
    "rewards.claim",
    "rewards.pay",
    "rewards.promise",
    "notices.",
)
# What a line may say beside its action: codes and counts. Everything else could name somebody.
SHOWN = frozenset(
    [
        "before",
        "after",
        "basis",
        "kind",
        "version",
        "role",
        "reason",
        "by",
        "photos",
        "lines",
        "count",
        "files",
        "bytes",
        "changed",
        "price",
        "returned",
        "is_demo",
        "rule",
        "code",
        "fields",
        "attempts",
    ]
)

# Words for what happens often; the rest keeps its code, which the documentation lists.
ACTIONS = {
    "access.reporter": "打开上报人身份",
    "access.original": "打开未遮挡原图",
    "access.phone": "打开手机号",
    "access.real_name": "打开真实姓名",
    "access.export": "导出数据",
    "access.boxes": "改动遮挡框",
    "people.signed_in": "登录",
    "people.password_right": "密码正确",
    "people.password_wrong": "密码错误",
    "people.password_set": "改密码",
    "people.totp_used": "动态码正确",
    "people.totp_enrolled": "绑定动态码",
    "people.totp_reset": "重置动态码",
    "people.role_granted": "授予角色",
    "people.role_revoked": "收回角色",
    "people.account_closed": "停用账号",
    "people.person_erased": "注销完成",
    "people.organisation_created": "新增单位",
    "people.organisation_changed": "修改单位",
    "policy.published": "发布规则",
    "reports.received": "收到上报",
    "reports.settle": "派单",
    "reports.doubt": "转人工分拣",
    "reports.sort": "人工分拣",
    "reports.redirect": "改派",
    "reports.accept": "签收",
    "reports.assign": "指派",
    "reports.answer": "答复",
    "reports.arrive": "到场",
    "reports.resolve": "单位办结",
    "reports.return": "退回",
    "reports.verify": "核实通过",
    "reports.send_back": "打回重办",
    "reports.validate": "认定属实",
    "reports.reject": "认定不属实",
    "reports.confirm": "上报人确认",
    "reports.dispute": "上报人说没解决",
    "reports.close": "归档",
    "media.destroyed": "销毁原图",
    "media.broken": "图片打不开",
    "audit.purged": "清理到期内容",
    "reports.original_told": "告诉上报人原图被看过",
    "reports.reveal_refused": "打开身份被拒",
}
FACTS = {"photos": "照片", "count": "件数", "files": "文件", "fields": "字段", "attempts": "次数", "version": "版本"}


@never_cache
@require_safe
@allow(*WATCHERS)
def history(request: HttpRequest) -> HttpResponse:
    names = names_for([])
    wanted, actor = _wanted(request, names)
    page = _page_of(wanted, request.GET.get("after", ""), request.GET.get("before", ""))
    named = names_for(event.subject for event in page.items)
    context = {
        "page": page,
        "lines": [_line(event, named) for event in page.items],
        "wanted": wanted,
        "chosen": actor,
        "number": request.GET.get("number", ""),
        "people": sorted((staff.name, staff.ref) for staff in names.staff.values()),
    }
    return render(request, "site/privacy/history.html", context)


def _wanted(request: HttpRequest, names: Names) -> tuple[HistoryFilter, str]:
    """Everybody who may be shown, or the one who was chosen from them: a rider's ref in the address finds nothing."""
    actor = request.GET.get("actor", "")[:80]
    actors: tuple[str, ...] = (*names.staff, "reporter", "anonymous")
    prefixes: tuple[str, ...] = ("system:",)
    if actor == SYSTEM:
        actors = ()
    elif actor:
        actors, prefixes = (actor,) if actor in names.staff else (), ()
    number = "".join(c for c in request.GET.get("number", "")[:20] if c.isdigit())
    public_id = public_id_of_number(number) if number else None
    return (
        HistoryFilter(
            actors=actors,
            actor_prefixes=prefixes,
            subject=(f"report:{public_id}" if public_id else NOBODY) if number else "",
            hidden_prefixes=OWN_AFFAIRS,
            since=day_of(request.GET.get("first", "")),
            until=day_of(request.GET.get("last", "")),
        ),
        actor,
    )


def _page_of(wanted: HistoryFilter, after: str, before: str) -> Page[Deed]:
    key = after or before
    if key and not is_row_key(key):
        raise Invalid("这一页的地址不对，请从头翻起。", field="after")
    if before and not after:
        found = audit.history(wanted, limit=PAGE + 1, newer_than=int(before))
        rows, has_newer = found[-PAGE:], len(found) > PAGE
        return Page(rows, after=str(rows[-1].id) if rows else None, before=str(rows[0].id) if has_newer else None)
    found = audit.history(wanted, limit=PAGE + 1, older_than=int(after) if after else None)
    rows = found[:PAGE]
    last = str(rows[-1].id) if len(found) > PAGE else None
    return Page(rows, after=last, before=str(rows[0].id) if after and rows else None)


def _line(event: Deed, names: Names) -> dict[str, Any]:
    facts = {key: value for key, value in event.data.items() if key in SHOWN and not _is_person(value)}
    return {
        "at": event.at,
        "who": names.actor(event.actor),
        "action": event.action,
        "words": _(ACTIONS[event.action]) if event.action in ACTIONS else "",
        "subject": names.subject(event.subject),
        "facts": "，".join(_facts(facts)),
    }


def _facts(facts: dict[str, object]) -> list[str]:
    """In the words of the desk: from which state to which, then the rest."""
    before, after = _state(facts.get("before")), _state(facts.get("after"))
    moved = []
    if before and after:
        moved = [] if before == after else [f"{before} → {after}"]
        facts = {key: value for key, value in facts.items() if key not in ("before", "after")}
    return moved + [_fact(key, value) for key, value in facts.items()]


def _state(value: object) -> str:
    return next((_(words[0]) for state, words in LABELS.items() if state == value), "")


def _fact(key: str, value: object) -> str:
    if key == "basis" and value in BASES:
        return _(BASES[str(value)])
    if key == "role" and value in ROLE_LABELS:
        return _(ROLE_LABELS[str(value)])
    return f"{_(FACTS[key]) if key in FACTS else key} {_short(value)}"


def _is_person(value: object) -> bool:
    return isinstance(value, str) and value.startswith("person:")


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:120]
