"""What is covered in a picture of a report, for those who may change it: a clerk of the place, an administrator, the
data officer. Everybody else: NotFound."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from qixia.kernel.errors import NotFound
from qixia.media.access import picture_url
from qixia.media.queries import covering
from qixia.media.redaction import MACHINE
from qixia.people.access import Actor
from qixia.reports import access
from qixia.reports.models import Report, ReportPhoto


@dataclass(frozen=True, slots=True)
class BoxView:
    kind: str
    x: int
    y: int
    w: int
    h: int
    score: str
    who: str


@dataclass(frozen=True, slots=True)
class CoveringView:
    """One picture and its boxes, in pixels of the upright original of `width` × `height`."""

    report: str
    number: str
    picture: str
    state: str
    width: int
    height: int
    revision: int
    url: str
    boxes: list[BoxView]
    by_person: bool
    has_original: bool


def coverable(actor: Actor, public_id: str, picture: str) -> Report:
    """The report, if the actor may settle the boxes of this picture of it."""
    report = Report.objects.select_related("community").filter(public_id=public_id[:26]).first()
    if report is None or not (actor.has(access.REVEAL_ROLE) or "clerk" in access.parties(actor, report)):
        raise NotFound
    if not ReportPhoto.objects.filter(report=report, evidence__public_id=picture[:26]).exists():
        raise NotFound
    return report


def covered_picture(actor: Actor, public_id: str, picture: str) -> CoveringView:
    report = coverable(actor, public_id, picture)
    found = covering(picture)
    if found is None:
        raise NotFound
    boxes = [_box(box, actor) for box in found.boxes]
    return CoveringView(
        report=report.public_id,
        number=report.number,
        picture=found.public_id,
        state=found.state,
        width=found.width,
        height=found.height,
        revision=found.revision,
        url=picture_url(found.public_id, "full", actor.ref, state=f"{found.state}{found.revision}"),
        boxes=boxes,
        by_person=found.boxes_by == "person",
        has_original=found.has_original,
    )


def _box(box: dict[str, object], actor: Actor) -> BoxView:
    by = box["by"]
    who = _("系统") if by == MACHINE else _("你") if by == actor.ref else _("同事")
    place = {side: int(str(box[side])) for side in ("x", "y", "w", "h")}
    score = f"{float(str(box['score'])):.2f}" if by == MACHINE else ""
    return BoxView(kind=str(box["kind"]), score=score, who=who, **place)
