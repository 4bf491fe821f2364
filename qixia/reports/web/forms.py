"""What the rider's phone sends, turned into values. Nothing is decided here: limits and refusals belong to the services.

Units    degrees, metres; texts as typed. A number that is none becomes None, and the service asks for what is missing.
Claims   `claimed` and `after_claimed` are JSON lists in the order of the photos. What cannot be read is dropped, because
         a claim must never cost a report.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict
from PIL import Image

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.media.pictures import read_exif
from qixia.reports.services import Whereabouts

MAX_CLAIMS_CHARS = 20_000


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """All files of one name, as a list; the media room judges them."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, list | tuple) else [data]
        return [one for one in files if one]


class Raw(forms.CharField):
    """Text as it came. Django's own field would refuse a NUL byte in words of its own; the service cleans and judges."""

    def clean(self, value: Any) -> str:
        return str(value or "")


class LooseFloat(forms.CharField):
    """A number if it is one, else None: "abc", "NaN" and "1e999" are no positions."""

    def clean(self, value: Any) -> float | None:  # type: ignore[override]
        try:
            number = float(str(value).strip())
        except ValueError:
            return None
        return number if math.isfinite(number) else None


class SnapForm(forms.Form):
    client_key = Raw(required=False)
    photos = PhotosField(required=False)
    after_photos = PhotosField(required=False)
    clip = PhotosField(required=False)
    uploaded = Raw(required=False)
    claimed = Raw(required=False)
    after_claimed = Raw(required=False)
    lat = LooseFloat(required=False)
    lng = LooseFloat(required=False)
    accuracy_m = LooseFloat(required=False)
    datum = Raw(required=False)
    place_source = Raw(required=False)
    building = Raw(required=False)
    floor = Raw(required=False)
    spot = Raw(required=False)
    cls = Raw(required=False)
    cls_plain = Raw(required=False)  # the same question on a page without script
    words = Raw(required=False)
    onsite = forms.BooleanField(required=False)
    hide_name = forms.BooleanField(required=False)
    secrecy = Raw(required=False)

    @property
    def place_error(self) -> str:
        """Whatever is wrong with where it is, said in one spot of the page."""
        return next((str(self.errors[name][0]) for name in ("place", "lat", "lng") if name in self.errors), "")

    @property
    def hint_error(self) -> str:
        return str(self.errors["hint"][0]) if "hint" in self.errors else ""

    def refuse(self, field: str | None, text: str) -> None:
        """Show a service's refusal at the field that it names."""
        self.errors.setdefault(field if field in SHOWN_AT else NON_FIELD_ERRORS, self.error_class()).append(text)


SHOWN_AT = frozenset({*SnapForm.base_fields, "place", "hint"})


class AnswerForm(forms.Form):
    solved = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")])
    text = Raw(required=False)
    photos = PhotosField(required=False)
    claimed = Raw(required=False)

    def refuse(self, field: str | None, text: str) -> None:
        self.errors.setdefault("photos" if field == "photos" else "text", self.error_class()).append(text)


def new_key() -> str:
    """A client key for a page without script."""
    return new_public_id()


def uploaded(text: str) -> object:
    """The files that came in pieces, as the phone names them; see media.transfers.collect."""
    if not text:
        return []
    try:
        return json.loads(text[:MAX_CLAIMS_CHARS])
    except ValueError:
        return None


def claims(text: str, count: int) -> list[dict[str, Any]]:
    """What the phone read from each photo, exactly `count` entries."""
    empty: list[dict[str, Any]] = [{} for _ in range(count)]
    if not text or len(text) > MAX_CLAIMS_CHARS:
        return empty
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return empty
    if not isinstance(given, list):
        return empty
    found = [one if isinstance(one, dict) else {} for one in cast(Sequence[Any], given[:count])]
    return found + empty[len(found) :]


def place_in_photo(photo: UploadedFile) -> tuple[float, float] | None:
    """Latitude and longitude that a camera wrote, for pages without script: there nobody else can know the place.

    Only JPEG: Pillow reads its directory without decoding a pixel.
    """
    try:
        with Image.open(photo, formats=["JPEG"]) as picture:
            found = read_exif(picture, clock.now())
    except Exception:  # whatever is wrong with the file, the media room says it better
        return None
    finally:
        photo.seek(0)
    return (found["lat"], found["lng"]) if "lat" in found and "lng" in found else None


def whereabouts(data: dict[str, Any]) -> Whereabouts | None:
    """Where the form says that it is; None if it doesn't."""
    if data["lat"] is None or data["lng"] is None:
        return None
    return Whereabouts(
        lat=data["lat"],
        lng=data["lng"],
        datum=data["datum"] or "wgs84",
        accuracy_m=data["accuracy_m"],
        source=data["place_source"] or "gps",
        building=data["building"],
        floor=data["floor"],
        spot=data["spot"],
    )


def bound(data: MultiValueDict[str, str], files: MultiValueDict[str, UploadedFile]) -> SnapForm:
    form = SnapForm(data, files)
    form.full_clean()
    return form
