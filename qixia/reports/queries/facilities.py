"""What riders asked for and is there now: the finished undertakings that have a place, for everybody.

Public   title, amount, place, day and the words of the result, which were written for those who asked. Neither the aim nor
         the tasks, which are between units; no report, no rider; how many asked only from the policy's `public_from` on.
Which    those that answer at least one rider's report of a matter that is not sensitive.
Bounded  by the frame of the map and MOST, or by pages in order of their keys; the index holds what is done, by place.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.kernel.geo import Frame
from qixia.kernel.ids import is_row_key
from qixia.policy.queries import current
from qixia.reports.figures import rounded
from qixia.reports.models import Undertaking, UndertakingReport
from qixia.reports.queries.undertakings import amount_of
from qixia.reports.sealing import ANONYMOUS, SEALED

MOST = 100  # on one view of the map, the latest
PAGE = 20


@dataclass(frozen=True, slots=True)
class FacilityView:
    """One point. `amount`: "200 个车位", or "" where nobody counted."""

    title: str
    amount: str
    place: str
    since: date
    lat: float
    lng: float
    url: str


@dataclass(frozen=True, slots=True)
class FacilityStory:
    """The page of one. `asked`: how many riders' reports it answers, rounded; None for few."""

    facility: FacilityView
    result: str
    lead: str
    units: list[str]
    asked: int | None


def facilities_in(view: Frame) -> list[dict[str, Any]]:
    """For the map, the latest first, days as 2026-11-22. One query."""
    inside = _made().filter(lat__gte=view.south, lat__lte=view.north, lng__gte=view.west, lng__lte=view.east)
    return [asdict(_view(row)) | {"since": _since(row).isoformat()} for row in inside.order_by("-pk")[:MOST]]


def facilities(before: str = "") -> tuple[list[FacilityView], str]:
    """All of them, the latest first, and the key of the next page. One query."""
    rows = _made().order_by("-pk")
    if is_row_key(before):
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: PAGE + 1])
    page = found[:PAGE]
    return [_view(row) for row in page], str(page[-1].pk) if len(found) > PAGE else ""


def facility_story(public_id: str) -> FacilityStory:
    """One of them. NotFound for every other undertaking."""
    row = _made().select_related("lead").filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    names = row.tasks.order_by("unit__name").values_list("unit__name", flat=True)
    asked = UndertakingReport.objects.filter(undertaking=row, report__secrecy__in=(SEALED, ANONYMOUS)).count()
    return FacilityStory(
        facility=_view(row),
        result=row.result,
        lead=row.lead.name,
        units=[name for name in dict.fromkeys(names) if name != row.lead.name],
        asked=rounded(asked, current("reports.decisions").data.public_from),
    )


def _made() -> QuerySet[Undertaking]:
    links = UndertakingReport.objects.filter(undertaking=OuterRef("pk"), report__secrecy__in=(SEALED, ANONYMOUS))
    wished = links.exclude(report__cls__in=current("reports.secrecy").data.sensitive)
    done = Undertaking.objects.filter(state="done", lat__isnull=False, lng__isnull=False)
    return done.filter(Exists(wished)).select_related("site")


def _since(row: Undertaking) -> date:
    return clock.city_date(row.ended_at or row.started_at)


def _view(row: Undertaking) -> FacilityView:
    return FacilityView(
        title=row.title,
        amount=amount_of(row),
        place=row.site.name if row.site else "",
        since=_since(row),
        lat=round(row.lat or 0.0, 6),
        lng=round(row.lng or 0.0, 6),
        url=reverse("reports:facility", args=[row.public_id]),
    )
