"""The unit goes to the place and looks before it mends: a photo, where it was taken, how far from where it was reported.

The photo shows how it is before the fix; the distance is shown to everybody who may see the case, and refuses nothing: the
reported place may be wrong, and saying so is what the visit is for. The rider's own picture is no photo of a visit.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.kernel.geo import Point, distance_m
from qixia.media.services import Upload, keep, receive
from qixia.people.access import Actor
from qixia.reports import access, errors, rules
from qixia.reports.models import Report, ReportPhoto
from qixia.reports.services.arriving.intake import Whereabouts, checked
from qixia.reports.services.arriving.looking import digests_before, refuse_copies
from qixia.reports.services.moves import check_step, take_step

INSPECTED = declare_event("reports.inspected")


def inspect(
    *,
    actor: Actor,
    public_id: str,
    text: str,
    place: Whereabouts | None,
    photos: Sequence[Upload],
    claimed: Sequence[object] = (),
    announced: bool | None = None,
) -> Report:
    """What was found on site. `announced`: whether who is looked at knew of it; None: nobody said. Needs a photo, a place and words for the reporter; the first words stop the 24-hour clock."""
    report = access.case(actor, public_id)
    words = rules.required_text(text, field="text")
    check_step(report, "inspect", actor)
    here = checked(place, "", "")
    metres = round(distance_m(Point(here["lat"], here["lng"]), Point(report.lat, report.lng)))
    if not photos:
        raise errors.NoPhoto(field="photos")
    data = {"distance_m": metres, "accuracy_m": here["accuracy_m"], "source": here["place_source"]}
    data |= {"announced": announced} if announced is not None else {}
    with receive(photos, field="photos", claimed=claimed) as taken, transaction.atomic():
        refuse_copies(digests_before(report), taken, field="photos")  # who sends the rider's picture was not there
        now = clock.now()
        ReportPhoto.objects.bulk_create(
            ReportPhoto(report=report, evidence=row, role="onsite", position=index, by_reporter=False, at=now)
            for index, row in enumerate(keep(taken, owner_ref=report.ref))
        )
        changes = {} if report.answered_at else {"answered_at": now}
        by = report.unit.name if report.unit else ""
        take_step(report, "inspect", actor=actor, by=by, text=words, changes=changes, data=data, event=INSPECTED)
    return report
