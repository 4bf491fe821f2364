"""Taking a report in.

Truth    when `submit` returns, the report, its photos and its key are committed and the photos' files are on disk.
Retries  the same client key with the same content returns the first receipt; with other content KeyReused.
Cost     the request only writes; class, unit, points and pictures are the worker's (settle.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import IntegrityError, transaction

from qixia.audit.services import record
from qixia.codes.queries import triage_classes
from qixia.jobs.commands import body_hash, once
from qixia.jobs.registry import declare_event
from qixia.jobs.services import Ask, Happened, publish_many
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed
from qixia.kernel.faults import kill_point
from qixia.kernel.geo import DATUMS, Datum, Point, to_wgs84
from qixia.kernel.ids import new_number, new_public_id
from qixia.media.services import Received, Upload, copies_of, receive, write_rows
from qixia.people.access import Actor
from qixia.places.queries import in_city
from qixia.policy.queries import current
from qixia.reports import access, errors, rules
from qixia.reports.models import Report, ReportPhoto
from qixia.reports.sealing import REPORTER, SEALED, index_of, seal_link
from qixia.reports.services.arriving.looking import refuse_copies

RECEIVED = declare_event("reports.received")
_SOURCES = ("gps", "photo", "map")
_OLDEST = timedelta(days=30)
_DRAWS = 4


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the rider says it is. `accuracy_m` None: unknown."""

    lat: float
    lng: float
    datum: str = "wgs84"
    accuracy_m: float | None = None
    source: str = "gps"
    building: str = ""
    floor: str = ""
    spot: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the phone gets back at once."""

    public_id: str
    number: str
    repeated: bool = False


def submit(
    *,
    actor: Actor,
    client_key: str,
    place: Whereabouts | None,
    photos: Sequence[Upload],
    claimed: Sequence[object] = (),
    after_photos: Sequence[Upload] = (),
    after_claimed: Sequence[object] = (),
    clips: Sequence[Upload] = (),
    words: str = "",
    hint: str = "",
    self_handled: bool = False,
    name_hidden: bool = True,
    captured_at: datetime | None = None,
) -> Receipt:
    """Accept a report. Refusals name the field: photos, clip, after_photos, place, words, hint, client_key."""
    if not actor.has("rider"):
        raise NotAllowed
    _check_consents(actor, place)
    values = checked(place, words, hint) | {
        "self_handled": self_handled,
        "name_hidden": name_hidden,
        "captured_at": _believable(captured_at),
    }
    check_photos(photos, after_photos, self_handled, clips)
    with (
        receive(photos, field="photos", claimed=claimed) as before,
        receive(after_photos if self_handled else (), field="after_photos", claimed=after_claimed) as after,
        receive(clips, field="clip", clips=True) as films,
    ):
        return take_in(_Known(actor), client_key, values, Pictures(before, after, films))


class Source(Protocol):
    """Where a report comes from: what is kept of it, and how often it may come."""

    @property
    def history(self) -> str:
        """How audit and steps name it."""

    @property
    def sender(self) -> str:
        """Whose client keys are unique; kept as a keyed hash only."""

    def columns(self, public_id: str) -> dict[str, Any]:
        """What the report with this public id keeps of its source."""

    def check(self) -> None:
        """A DomainError if no report is taken from it now."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A rider who is signed in. The report is sealed."""

    actor: Actor
    history = REPORTER

    @property
    def sender(self) -> str:
        return self.actor.ref

    def columns(self, public_id: str) -> dict[str, Any]:
        return {
            "secrecy": SEALED,
            "reporter_link": seal_link(self.actor.public_id, report=public_id),
            "reporter_index": index_of(self.actor.public_id),
        }

    def check(self) -> None:
        limit, since = current("reports.limits").data.per_hour, clock.now() - timedelta(hours=1)
        # The report that is `limit` back: within the hour or not. One index step, however many there are.
        mine = access.own_reports(self.actor).order_by("-id").values_list("received_at", flat=True)
        if any(received > since for received in mine[limit - 1 : limit]):
            raise errors.TooManyReports(limit=limit, retry_after=600)


@dataclass(frozen=True, slots=True)
class Pictures:
    """What came with a report, files in place."""

    before: Sequence[Received]
    after: Sequence[Received] = ()
    clips: Sequence[Received] = ()

    @property
    def all(self) -> list[Received]:
        return [*self.before, *self.after, *self.clips]

    @property
    def digests(self) -> list[list[str]]:
        """For the comparison of a retry with the first try."""
        parts = [self.before, self.after, self.clips] if self.clips else [self.before, self.after]
        return [[one.digest for one in part] for part in parts]


def take_in(source: Source, client_key: str, values: dict[str, Any], pictures: Pictures) -> Receipt:
    """Write a report whose files are in place. Among 10^8 numbers one may be taken: the unique index says so, and
    another is drawn."""
    kill_point("intake.files_kept")
    refuse_copies({photo.digest for photo in pictures.before}, pictures.after, field="after_photos")
    for _attempt in range(_DRAWS - 1):
        with suppress(IntegrityError):
            receipt = _write(source, client_key, values, pictures)
            break
    else:
        receipt = _write(source, client_key, values, pictures)
    kill_point("intake.committed")
    return receipt


@transaction.atomic
def _write(source: Source, client_key: str, values: dict[str, Any], pictures: Pictures) -> Receipt:
    receipt = Receipt(new_public_id(), new_number())
    digest = body_hash(values, *pictures.digests)
    result = {"public_id": receipt.public_id, "number": receipt.number}
    first = once(actor=source.sender, key=client_key, body_hash=digest, result=result)
    if first is not None:
        return Receipt(first["public_id"], first["number"], repeated=True)
    source.check()
    now = clock.now()
    report = Report.objects.create(
        public_id=receipt.public_id,
        number=receipt.number,
        received_at=now,
        answer_due=now + rules.ANSWER_LIMIT,
        **source.columns(receipt.public_id),
        **values,
    )
    derive = _attach(report, pictures, now)
    record("reports.received", subject=report.ref, actor=source.history, photos=len(pictures.all))
    publish_many(
        [Happened(RECEIVED, report.ref)], also=[Ask("reports.settle", {"id": report.pk}, priority=10), *derive]
    )
    kill_point("intake.written")
    return receipt


def _attach(report: Report, pictures: Pictures, now: datetime) -> list[Ask]:
    """Write the photos; returns the job that makes their copies, to be asked for together with the others. A clip is
    shown by its key frames only, see filming.py."""
    rows = write_rows(pictures.all, owner_ref=report.ref)
    shown = len(pictures.before) + len(pictures.after)
    ReportPhoto.objects.bulk_create(
        ReportPhoto(
            report=report,
            evidence=row,
            role="before" if index < len(pictures.before) else "after",
            position=index,
            at=now,
        )
        for index, row in enumerate(rows[:shown])
    )
    return [copies_of(rows)]


def checked(place: Whereabouts | None, words: str, hint: str) -> dict[str, Any]:
    """Columns of the report, or the first refusal."""
    if hint and hint not in triage_classes():
        raise errors.UnknownClass(field="hint")
    return {
        **_checked_place(place),
        "words": rules.clean_text(words, field="words", limit=rules.WORDS_MAX),
        "hint": hint,
    }


def _checked_place(place: Whereabouts | None) -> dict[str, Any]:
    if place is None:
        raise errors.NoPlace(field="place")
    if place.datum not in DATUMS or place.source not in _SOURCES:
        raise Invalid("定位的坐标系不认识。", field="place")
    datum: Datum = place.datum  # type: ignore[assignment]
    point = to_wgs84(place.lat, place.lng, datum) if datum != "wgs84" else Point(place.lat, place.lng)
    in_city(point)
    accuracy = place.accuracy_m
    return {
        "lat": round(point.lat, 6),
        "lng": round(point.lng, 6),
        "accuracy_m": round(accuracy, 1) if accuracy is not None and 0 <= accuracy < 100_000 else None,
        "datum": place.datum,
        "place_source": place.source,
        "building": rules.clean_text(place.building, field="building", limit=rules.PLACE_MAX, one_line=True),
        "floor": rules.clean_text(place.floor, field="floor", limit=rules.PLACE_MAX, one_line=True),
        "spot": rules.clean_text(place.spot, field="spot", limit=rules.PLACE_MAX, one_line=True),
    }


def _believable(captured_at: datetime | None) -> datetime | None:
    """The claimed time of capture, if it is not in the future and not older than a month."""
    now = clock.now()
    if captured_at is None or captured_at.tzinfo is None:
        return None
    return captured_at if now - _OLDEST <= captured_at <= now + timedelta(minutes=10) else None


def _check_consents(actor: Actor, place: Whereabouts | None) -> None:
    """A photo needs consent; a position read from the phone does too, one that was tapped on the map does not."""
    if "photo" not in actor.consents:
        raise errors.NeedsConsent(field="photos")
    if place is not None and place.source != "map" and "place" not in actor.consents:
        raise errors.NeedsPlaceConsent(field="place")


def check_photos(
    photos: Sequence[Upload], after: Sequence[Upload], self_handled: bool, clips: Sequence[Upload] = ()
) -> None:
    if not photos and not clips:
        raise errors.NoPhoto(field="photos")
    if len(clips) > rules.CLIPS_MAX:
        raise errors.TooManyClips(field="clip", limit=rules.CLIPS_MAX, given=len(clips))
    if len(photos) > rules.PHOTOS_MAX:
        raise errors.TooManyPhotos(field="photos", limit=rules.PHOTOS_MAX, given=len(photos))
    if self_handled and not after:
        raise errors.NeedsAfterPhoto(field="after_photos")
    if len(after) > rules.PHOTOS_MAX:
        raise errors.TooManyPhotos(field="after_photos", limit=rules.PHOTOS_MAX, given=len(after))
