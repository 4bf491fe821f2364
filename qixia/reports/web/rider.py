"""The rider's pages: snap, receipt, timeline, my records. Thin: forms in, services called, frozen views out.

Answers  a phone with script asks for JSON and gets the address of the receipt or problem+json; a plain form gets a
         redirect, or the form again with the refusal at its field.
Retries  the client key goes through to the service: the same form sent twice is one report.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.codes import queries as codes
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import DomainError, Invalid
from qixia.kernel.geo import Point
from qixia.kernel.ids import parse_number, show_number
from qixia.media.transfers import collect
from qixia.people.passes import rider_pass
from qixia.places import queries as places
from qixia.reports import queries, services
from qixia.reports.errors import NoPlace
from qixia.reports.queries.aftermath import rider_aftermath
from qixia.reports.queries.measures import praised_count
from qixia.reports.queries.supports import my_supports
from qixia.reports.web import forms
from qixia.triage import queries as triage
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_fragment, wants_json

SUGGESTIONS = 4
PAGE_SIZE = 20
# (older than so many seconds, ask again after so many): quick while the answer is a moment away, then patient.
POLLING = ((20, 1), (120, 5), (600, 15))
SLOWEST_S = 60
SUPPORTED = "supported"  # of the filters of my records: what others reported and the rider supports


# ── snap ──────────────────────────────────────────────────────────────────────
@never_cache
@require_http_methods(["GET", "POST"])
@allow("rider")
def snap(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _submit(request)
    return _snap_page(request, forms.SnapForm(initial={"client_key": forms.new_key(), "hide_name": True}))


def _submit(request: HttpRequest) -> HttpResponse:
    form = forms.bound(request.POST, request.FILES)
    try:
        _check_way(form.cleaned_data)
        report = _send(request, form.cleaned_data)
    except DomainError as refusal:
        if wants_json(request):
            raise
        form.refuse(refusal.field, message_of(refusal))
        return _snap_page(request, form, status=refusal.status)
    receipt_url = reverse("reports:receipt", args=[report.public_id])
    if wants_json(request):
        number = show_number(report.number)
        return JsonResponse({"location": receipt_url, "public_id": report.public_id, "number": number}, status=201)
    return HttpResponseRedirect(receipt_url, status=303)


def _check_way(data: dict[str, Any]) -> None:
    """What was meant to be anonymous is never taken in under a name."""
    if data["secrecy"] == "anonymous":
        raise Invalid("这一条没有交：匿名上报不能从这里交。请刷新页面再试，或改用密封上报。", field="secrecy")


def _send(request: HttpRequest, data: dict[str, Any]) -> services.Receipt:
    pieces = collect(owner=request.actor.ref, named=forms.uploaded(data["uploaded"]))
    data = {**data, **{field: [*data[field], *getattr(pieces, field)] for field in ("photos", "after_photos", "clip")}}
    taken = forms.claims(data["claimed"], len(data["photos"]))
    return services.submit(
        actor=request.actor,
        client_key=data["client_key"],
        place=_whereabouts(data),
        photos=data["photos"],
        claimed=taken,
        after_photos=data["after_photos"],
        clips=data["clip"],
        after_claimed=forms.claims(data["after_claimed"], len(data["after_photos"])),
        words=data["words"],
        hint=data["cls"] or data["cls_plain"],
        self_handled=data["onsite"],
        name_hidden=data["hide_name"],
        captured_at=_captured_at(taken),
    )


def _whereabouts(data: dict[str, Any]) -> services.Whereabouts | None:
    """A page without script knows no position: then the first photo's own is taken."""
    given = forms.whereabouts(data)
    if given is not None or not data["photos"]:
        return given
    found = forms.place_in_photo(data["photos"][0])
    return forms.whereabouts({**data, "lat": found[0], "lng": found[1], "place_source": "photo"}) if found else None


def _captured_at(taken: list[dict[str, Any]]) -> datetime | None:
    """When the first photo says that it was taken. Most cameras write their wall clock without a zone: the city's."""
    try:
        moment = datetime.fromisoformat(taken[0]["taken_at"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=clock.CITY_TZ)


def _snap_page(request: HttpRequest, form: forms.SnapForm, status: int = 200) -> HttpResponse:
    chosen = form["cls"].value() or ""
    context = {
        "form": form,
        "tab": "snap",
        "chips": _chips(str(form["words"].value() or "")),
        "chosen": chosen,
        "families": _families(),
        "may_photo": "photo" in request.actor.consents,
        "may_locate": "place" in request.actor.consents,
        "may_name": "name" in request.actor.consents,
        "rider_pass": rider_pass() if "photo" in request.actor.consents else "",
        "max_bytes": get_config().max_photo_mb * 1024 * 1024,
        "max_clip_bytes": get_config().max_clip_mb * 1024 * 1024,
    }
    return render(request, "reports/rider/snap.html", context, status=status)


def _chips(words: str) -> list[dict[str, str]]:
    return [{"slug": one.cls, "name": one.name} for one in triage.suggest(words, limit=SUGGESTIONS)]


def _families() -> list[tuple[str, list[dict[str, str]]]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for slug, row in codes.triage_classes().items():
        groups.setdefault(_(row.family), []).append({"slug": slug, "name": codes.class_name(slug)})
    return list(groups.items())


@require_safe
@allow("rider")
def suggest(request: HttpRequest) -> HttpResponse:
    """Chips for the words typed so far. What was chosen is kept by the page."""
    chips = _chips(request.GET.get("words", ""))
    return render(request, "reports/rider/_chips.html", {"chips": chips, "chosen": request.GET.get("cls", "")})


@require_safe
@allow("rider")
def place(request: HttpRequest) -> HttpResponse:
    """In words, where a position is. 422 when it is none or outside the city."""
    location = places.locate(_point(request.GET.get("lat", ""), request.GET.get("lng", "")))
    parts = [location.community.name if location.community else "", location.site.name if location.site else ""]
    detail = " ".join(dict.fromkeys(part for part in parts if part and part not in location.describe))
    return JsonResponse({"title": location.describe, "detail": detail})


def _point(lat: str, lng: str) -> Point:
    try:
        return Point(float(lat), float(lng))
    except ValueError:
        raise NoPlace(field="place") from None


# ── receipt ───────────────────────────────────────────────────────────────────
@never_cache
@require_safe
@allow("rider")
def receipt(request: HttpRequest, public_id: str) -> HttpResponse:
    """The number and what happens next; the part that changes asks for itself until the report is settled."""
    report = queries.rider_report(request.actor, public_id)
    wait_s = _wait_s((clock.now() - report.received_at).total_seconds())
    context = {"report": report, "wait_s": wait_s, "number_shown": show_number(report.number)}
    if wants_fragment(request):
        if not report.settled and request.GET.get("wait") == str(wait_s):
            return HttpResponse(status=204)  # nothing new: nothing is drawn or read out again
        return render(request, "reports/rider/_receipt_state.html", context)
    return render(request, "reports/rider/receipt.html", context)


def _wait_s(age_s: float) -> int:
    return next((every for older, every in POLLING if age_s < older), SLOWEST_S)


# ── timeline ──────────────────────────────────────────────────────────────────
@never_cache
@require_safe
@allow("rider")
def timeline(request: HttpRequest, public_id: str) -> HttpResponse:
    return _timeline_page(request, public_id, forms.AnswerForm())


def _timeline_page(request: HttpRequest, public_id: str, answer: forms.AnswerForm, status: int = 200) -> HttpResponse:
    report = queries.rider_report(request.actor, public_id)
    before, after = next(iter(report.before), None), next(iter(report.after), None)
    today = all(clock.city_date(item.at) == clock.city_date(clock.now()) for item in report.events)
    context = {
        "report": report,
        "before": before,
        "after": after,
        "rest": [*report.before[1:], *report.onsite, *report.after[1:], *report.later]
        if before
        else list(report.onsite),
        "time_format": "H:i" if today else "m-d H:i",
        "answer_form": answer,
        "aftermath": rider_aftermath(request.actor, public_id),
        # Archived because the rider said nothing: the last word is still to be had.
        "can_reopen": report.state in ("closed", "fixed"),
        "show_unsolved": answer.is_bound or "unsolved" in request.GET,
    }
    return render(request, "reports/rider/timeline.html", context, status=status)


@require_POST
@allow("rider")
def answer(request: HttpRequest, public_id: str) -> HttpResponse:
    """The reporter's last word: solved, or not and why. Said twice it is said once."""
    form = forms.AnswerForm(request.POST, request.FILES)
    form.full_clean()
    try:
        _answer(request, public_id, form.cleaned_data)
    except DomainError as refusal:
        if wants_json(request) or refusal.status in (403, 404):
            raise
        form.refuse(refusal.field, message_of(refusal))
        return _timeline_page(request, public_id, form, status=refusal.status)
    return HttpResponseRedirect(reverse("reports:timeline", args=[public_id]), status=303)


def _answer(request: HttpRequest, public_id: str, data: dict[str, Any]) -> None:
    if data.get("solved") == "yes":
        services.confirm_solved(actor=request.actor, public_id=public_id)
        messages.success(request, _("记下了，谢谢你跑这一眼。"))
        return
    if data.get("solved") != "no":
        raise Invalid("请选“已解决”或“未解决”。", field="text")
    services.say_unsolved(
        actor=request.actor,
        public_id=public_id,
        text=data["text"],
        photos=data["photos"],
        claimed=forms.claims(data["claimed"], len(data["photos"])),
    )
    messages.success(request, _("已退回重办，办到哪一步会告诉你。"))


# ── my records ────────────────────────────────────────────────────────────────
@never_cache
@require_safe
@allow("rider")
def mine(request: HttpRequest) -> HttpResponse:
    state, before, typed = (request.GET.get(name, "") for name in ("state", "before", "q"))
    found = _by_number(request, typed) if typed else ""
    if found:
        return HttpResponseRedirect(found)
    listed = my_supports if state == SUPPORTED else partial(queries.my_reports, state=state)
    page = listed(request.actor, before_key=before, limit=PAGE_SIZE)
    address = reverse("reports:mine")
    context = {
        "tab": "me",
        "page": page,
        "more_url": f"{address}?{urlencode({'state': state, 'before': page.next_key})}",
        "filters": _filters(state, address),
        "is_filtered": bool(state),
        "praised": 0 if wants_fragment(request) else praised_count(request.actor),
        "all_url": address,
        "snap_url": reverse("reports:snap"),
        "q": typed,
        "q_error": _("没有这个编号，或者不是你报的。") if typed else "",
    }
    name = "_cards.html" if wants_fragment(request) else "mine.html"
    return render(request, f"reports/rider/{name}", context)


def _by_number(request: HttpRequest, typed: str) -> str:
    """The address of one of my own reports, "" if there is none with this number."""
    number = parse_number(typed)
    public_id = queries.my_report_by_number(request.actor, number) if number else None
    return reverse("reports:timeline", args=[public_id]) if public_id else ""


def _filters(state: str, address: str) -> list[dict[str, Any]]:
    labels = (
        ("", _("全部")),
        ("doing", _("处置中")),
        ("confirm", _("待我确认")),
        ("fixed", _("已修好")),
        ("invalid", _("不属实或不受理")),
        (SUPPORTED, _("我支持的")),
    )
    return [
        {"label": label, "url": f"{address}?{urlencode({'state': key})}" if key else address, "on": key == state}
        for key, label in labels
    ]
