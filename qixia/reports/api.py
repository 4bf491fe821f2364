"""Reports over HTTP for apps: the same services as the pages. Refusals are problem+json (RFC 9457) with `code` and `field`.

A report is sent as multipart form: photos, after_photos and clip are files, the rest are fields. `client_key` makes a retry safe.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from ninja import File, Form, Query, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from qixia.codes.queries import triage_classes
from qixia.kernel.problem import Problem
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import pace, queries, services
from qixia.reports.queries.similar import Similar, similar_reports
from qixia.reports.queries.supports import SupportView, my_supports, support_view
from qixia.reports.web.forms import claims
from qixia.triage.queries import suggest as suggest_classes
from qixia.ui.access import allow

router = Router(tags=["reports"])
REFUSED = {401: Problem, 403: Problem, 409: Problem, 413: Problem, 422: Problem, 429: Problem}


class ReportIn(Schema):
    client_key: str = Field(description="made by the phone; the same key with the same content is one report")
    lat: float = Field(description="degrees in `datum`")
    lng: float
    datum: str = Field("wgs84", description="wgs84, gcj02 or bd09")
    accuracy_m: float | None = None
    place_source: str = Field("gps", description="gps, photo or map")
    building: str = ""
    floor: str = ""
    spot: str = ""
    words: str = ""
    cls: str = Field("", description="class that the rider chose, see GET /classes")
    self_handled: bool = False
    name_hidden: bool = True
    claimed: str = Field("", description="JSON list: what the phone read from each photo")
    after_claimed: str = ""


class ReceiptOut(Schema):
    public_id: str
    number: str = Field(description="nine digits, the last one checks the others")
    repeated: bool = Field(description="true if this key had been sent before")


class ReportOut(Schema):
    public_id: str
    number: str
    title: str
    place: str
    severity: str
    state: str
    state_label: str
    unit_name: str
    received_at: datetime


class ReportPage(Schema):
    items: list[ReportOut]
    next_key: str = Field(description="give it as `before` for the next page; empty at the end")


class EventOut(Schema):
    title: str
    at: datetime
    text: str


class ReportDetail(ReportOut):
    words: str
    points: int | None
    can_answer: bool
    calls: list[str] = Field(description="numbers to ring first, if life is in danger")
    events: list[EventOut]


class AnswerIn(Schema):
    solved: bool
    text: str = ""


class SimilarIn(Schema):
    lat: float = Field(description="degrees in `datum`")
    lng: float
    datum: str = Field("wgs84", description="wgs84, gcj02 or bd09")
    accuracy_m: float | None = None
    words: str = Field("", max_length=2000, description="with neither words nor class: all that is open right there")
    cls: str = ""


class SimilarOut(Schema):
    title: str
    severity: str
    state_key: str
    state_label: str
    distance_m: int
    received_at: datetime
    thumb_url: str | None
    others: int = Field(description="who reported it again or supports it")
    is_mine: bool
    offer: str = Field(
        description="give it to POST /supports within two hours; empty if it is mine or supported already"
    )
    url: str = Field(description="the own page of it, if it is mine or supported already")


class SupportIn(Schema):
    offer: str = Field(description="from GET /similar; for this rider alone")
    client_key: str = Field(description="made by the phone; the same key with the same offer is one support")


class SupportDetail(ReportOut):
    day: date
    points: int | None = Field(description="null until it was booked, which is a few days later")
    others: int
    events: list[EventOut]


class ClassOut(Schema):
    cls: str
    name: str
    family: str
    standard_code: str
    severity_floor: str


class SuggestionOut(Schema):
    cls: str
    name: str


@router.post("/reports", response={201: ReceiptOut, 200: ReceiptOut, **REFUSED}, summary="Report something")
@allow("rider")
def create_report(
    request: HttpRequest,
    data: Form[ReportIn],
    photos: File[list[UploadedFile]] = [],  # noqa: B006 — ninja copies defaults
    after_photos: File[list[UploadedFile]] = [],  # noqa: B006
    clip: File[list[UploadedFile]] = [],  # noqa: B006
) -> Status[services.Receipt]:
    place = services.Whereabouts(
        **data.dict(include={"lat", "lng", "datum", "accuracy_m", "building", "floor", "spot"}),
        source=data.place_source,
    )
    receipt = services.submit(
        actor=request.actor,  # type: ignore[attr-defined]
        client_key=data.client_key,
        place=place,
        photos=photos,
        claimed=claims(data.claimed, len(photos)),
        after_photos=after_photos,
        after_claimed=claims(data.after_claimed, len(after_photos)),
        clips=clip,
        words=data.words,
        hint=data.cls,
        self_handled=data.self_handled,
        name_hidden=data.name_hidden,
    )
    return Status(200 if receipt.repeated else 201, receipt)


@router.get("/reports", response={200: ReportPage, 401: Problem, 403: Problem, 422: Problem}, summary="Own reports")
@allow("rider")
def list_reports(
    request: HttpRequest, state: str = "", before: str = "", limit: int = Query(20, ge=1, le=100)
) -> queries.Page:
    return queries.my_reports(request.actor, state, before, limit)  # type: ignore[attr-defined]


@router.get(
    "/reports/{public_id}", response={200: ReportDetail, 401: Problem, 403: Problem, 404: Problem}, summary="One"
)
@allow("rider")
def show_report(request: HttpRequest, public_id: str) -> queries.RiderReport:
    return queries.rider_report(request.actor, public_id)  # type: ignore[attr-defined]


@router.post(
    "/reports/{public_id}/answer",
    response={200: ReportDetail, 404: Problem, **REFUSED},
    summary="Solved or not solved",
)
@allow("rider")
def answer_report(request: HttpRequest, public_id: str, data: AnswerIn) -> queries.RiderReport:
    actor: Any = request.actor  # type: ignore[attr-defined]
    if data.solved:
        services.confirm_solved(actor=actor, public_id=public_id)
    else:
        services.say_unsolved(actor=actor, public_id=public_id, text=data.text)
    return queries.rider_report(actor, public_id)


@router.get(
    "/similar",
    response={200: list[SimilarOut], 401: Problem, 403: Problem, 422: Problem},
    summary="What is open nearby, before reporting it again",
)
@allow("rider")
def list_similar(request: HttpRequest, data: Query[SimilarIn]) -> list[Similar]:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if not pace.may_ask(actor.ref, current("reports.merging").data.questions_a_minute):
        return []
    return similar_reports(actor, **data.dict())


@router.post(
    "/supports", response={201: ReceiptOut, 200: ReceiptOut, 404: Problem, **REFUSED}, summary="It is the same matter"
)
@allow("rider")
def create_support(request: HttpRequest, data: SupportIn) -> Status[services.Supported]:
    done = services.support(actor=request.actor, offer=data.offer, client_key=data.client_key)  # type: ignore[attr-defined]
    return Status(200 if done.repeated else 201, done)


@router.get("/supports", response={200: ReportPage, 401: Problem, 403: Problem, 422: Problem}, summary="Own supports")
@allow("rider")
def list_supports(request: HttpRequest, before: str = "", limit: int = Query(20, ge=1, le=100)) -> queries.Page:
    return my_supports(request.actor, before, limit)  # type: ignore[attr-defined]


@router.get(
    "/supports/{public_id}",
    response={200: SupportDetail, 401: Problem, 403: Problem, 404: Problem},
    summary="One that is supported",
)
@allow("rider")
def show_support(request: HttpRequest, public_id: str) -> SupportView:
    return support_view(request.actor, public_id)  # type: ignore[attr-defined]


@router.get("/classes", response=list[ClassOut], auth=None, summary="The classes that reports are sorted into")
@allow("anyone")
def list_classes(request: HttpRequest) -> list[dict[str, str]]:
    return [
        {
            "cls": row.slug,
            "name": row.name,
            "family": row.family,
            "standard_code": row.standard_code,
            "severity_floor": row.severity_floor,
        }
        for row in triage_classes().values()
    ]


@router.get("/suggest", response={200: list[SuggestionOut], 401: Problem, 403: Problem}, summary="Classes for words")
@allow("rider")
def suggest(request: HttpRequest, words: str = Query("", max_length=2000)) -> list[Any]:
    return suggest_classes(words, limit=4)
