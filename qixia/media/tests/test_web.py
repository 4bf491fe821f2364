"""Who gets to see a picture, and with which headers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp

import pytest
from django.contrib.admin import site
from django.core.files.base import ContentFile
from django.http import HttpResponse
from django.test import RequestFactory
from PIL import Image

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.media import access, files
from qixia.media.access import ANYONE, PERIOD_S, picture_url
from qixia.media.admin import EvidenceAdmin
from qixia.media.models import Evidence
from qixia.media.rules import SIZES
from qixia.media.services import store_upload
from qixia.media.tests import made
from qixia.media.web.views import picture
from tests.standing import stands

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_dir")]


@dataclass(frozen=True)
class Someone:
    ref: str
    is_signed_in: bool = True


RIDER, OTHER = Someone("person:rider"), Someone("person:other")
NOBODY = Someone("anyone", is_signed_in=False)


def get(url: str, actor: Someone | None = RIDER, method: str = "get", etag: str = "") -> HttpResponse:
    request = getattr(RequestFactory(), method)(url, headers={"If-None-Match": etag} if etag else {})
    request.actor = actor
    return picture(request, url.partition("?")[0].rpartition("/")[2])


@stands
def standing_picture() -> tuple[int, Path]:
    """A photo with its copies, worked on once; its files lie in a folder of their own."""
    folder = Path(mkdtemp(dir=get_config().var_dir))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(get_config(), "media_dir", folder)
        row = store_upload(ContentFile(made.jpeg(1000, 700)), owner_ref="report:a")
        run_pending()
    return row.pk, folder


@pytest.fixture
def ready(standing_picture: tuple[int, Path], media_dir: Path) -> Evidence:
    pk, folder = standing_picture
    copytree(folder, media_dir)
    return Evidence.objects.get(pk=pk)


@pytest.mark.parametrize(("size", "shape"), [("thumb", (240, 168)), ("phone", (960, 672)), ("full", (1000, 700))])
def test_the_viewer_gets_each_size_as_webp(ready: Evidence, size: str, shape: tuple[int, int]):
    response = get(picture_url(ready.public_id, size, RIDER.ref))
    assert response.status_code == 200
    assert Image.open(BytesIO(response.content)).size == shape
    assert response["Content-Type"] == "image/webp"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Content-Disposition"] == "inline"
    assert response["Cache-Control"].startswith("private, max-age=")


def test_through_the_site_for_anyone(ready: Evidence, client, django_assert_num_queries):
    with django_assert_num_queries(1):
        response = client.get(picture_url(ready.public_id, "thumb", ANYONE))
    assert response.status_code == 200
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert client.post(picture_url(ready.public_id, "thumb", ANYONE)).status_code == 405
    assert client.get(picture_url(ready.public_id, "thumb", RIDER.ref)).status_code == 404


def test_the_view_declares_who_may_call_it():
    assert vars(picture)["qx_allow"] == frozenset({"anyone"})


def test_the_address_names_neither_viewer_nor_file_and_costs_no_query(ready: Evidence, django_assert_num_queries):
    with django_assert_num_queries(0):
        url = picture_url(ready.public_id, "thumb", RIDER.ref)
    assert RIDER.ref not in url
    assert "rider" not in url
    assert ready.storage_name not in url


def is_nothing(response: HttpResponse) -> bool:
    return response.status_code == 404 and not response.content and response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("actor", [OTHER, NOBODY, None, Someone(""), Someone("person:rider", is_signed_in=False)])
def test_another_viewer_gets_nothing(ready: Evidence, actor: Someone | None):
    assert is_nothing(get(picture_url(ready.public_id, "thumb", RIDER.ref), actor))


@pytest.mark.parametrize("actor", [RIDER, NOBODY, None])
def test_an_address_for_anyone_is_for_anyone(ready: Evidence, actor: Someone | None):
    assert get(picture_url(ready.public_id, "thumb", ANYONE), actor).status_code == 200


def test_an_address_of_a_viewer_cannot_be_turned_into_one_for_anyone(ready: Evidence):
    name, letter, period, _, mac = picture_url(ready.public_id, "thumb", RIDER.ref).rpartition("/")[2].split(".")
    assert is_nothing(get(f"/pic/{name}.{letter}.{period}.a.{mac}", NOBODY))
    name, letter, period, _, mac = picture_url(ready.public_id, "thumb", ANYONE).rpartition("/")[2].split(".")
    assert is_nothing(get(f"/pic/{name}.{letter}.{period}..{mac}", RIDER))


def test_every_changed_character_spoils_the_token(ready: Evidence):
    token = picture_url(ready.public_id, "thumb", RIDER.ref).rpartition("/")[2]
    assert get(f"/pic/{token}").status_code == 200
    for at, old in enumerate(token):
        new = "0" if old != "0" else "1"
        assert is_nothing(get(f"/pic/{token[:at]}{new}{token[at + 1 :]}")), at


def test_an_expired_address_cannot_be_prolonged(ready: Evidence):
    with clock.at(clock.now() - timedelta(days=2)):
        old = picture_url(ready.public_id, "thumb", RIDER.ref).split(".")
    now = picture_url(ready.public_id, "thumb", RIDER.ref).split(".")
    assert now[2] != old[2]
    assert is_nothing(get(".".join([*old[:2], now[2], *old[3:]])))


def test_the_size_cannot_be_switched(ready: Evidence):
    token = picture_url(ready.public_id, "thumb", RIDER.ref).rpartition("/")[2]
    assert is_nothing(get("/pic/" + token.replace(".t.", ".f.")))


@pytest.mark.parametrize("token", ["x", ".", "....", ".....", "a.b.c.d.e", "图.t.1..x", "%00", "a" * 5000, "..a.a."])
def test_noise_is_nothing(token: str):
    assert is_nothing(get(f"/pic/{token}"))


def test_addresses_last_between_six_and_twelve_hours(ready: Evidence):
    start = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)  # 6 h periods begin at midnight UTC
    for made_after, lives in ((0, 12), (5.9, 6.1)):
        made_at = start + timedelta(hours=made_after)
        with clock.at(made_at):
            url = picture_url(ready.public_id, "thumb", RIDER.ref)
        with clock.at(made_at + timedelta(hours=lives, seconds=-2)):
            response = get(url)
            assert response.status_code == 200
            assert response["Cache-Control"] in ("private, max-age=1", "private, max-age=2")
        with clock.at(made_at + timedelta(hours=lives, seconds=1)):
            assert is_nothing(get(url))


def test_addresses_are_equal_for_hours_so_that_phones_cache(ready: Evidence):
    start = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    with clock.at(start):
        first = picture_url(ready.public_id, "phone", RIDER.ref)
    with clock.at(start + timedelta(seconds=PERIOD_S - 1)):
        assert picture_url(ready.public_id, "phone", RIDER.ref) == first
    with clock.at(start + timedelta(seconds=PERIOD_S)):
        assert picture_url(ready.public_id, "phone", RIDER.ref) != first


def test_an_unchanged_picture_is_not_sent_again(ready: Evidence):
    url = picture_url(ready.public_id, "thumb", RIDER.ref)
    etag = get(url)["ETag"]
    response = get(url, etag=etag)
    assert (response.status_code, response.content) == (304, b"")
    assert response["ETag"] == etag
    assert response["Cache-Control"].startswith("private, max-age=")
    Evidence.objects.filter(pk=ready.pk).update(revision=2)
    assert get(url, etag=etag).status_code == 200


def test_a_head_request_and_a_post(ready: Evidence):
    url = picture_url(ready.public_id, "thumb", RIDER.ref)
    assert get(url, method="head").status_code == 200
    assert get(url, method="post").status_code == 405


def test_a_placeholder_while_pending_and_when_broken():
    row = store_upload(ContentFile(made.jpeg()), owner_ref="report:a")
    waiting = picture_url(row.public_id, "thumb", RIDER.ref, state="pending")
    response = get(waiting)
    assert response["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "照片处理中" in response.content.decode()
    assert waiting != picture_url(
        row.public_id, "thumb", RIDER.ref
    )  # else the page would show the placeholder for ever
    Evidence.objects.filter(pk=row.pk).update(state="broken", broken_reason="decoder")
    broken = get(picture_url(row.public_id, "thumb", RIDER.ref, state="broken"))
    assert "照片打不开" in broken.content.decode()
    assert broken["Cache-Control"] == "no-store"


def test_a_lost_copy_is_said_and_not_cached(ready: Evidence):
    files.copy_path(ready.storage_name, "thumb").unlink()
    response = get(picture_url(ready.public_id, "thumb", RIDER.ref))
    assert "照片打不开" in response.content.decode()
    assert response["Cache-Control"] == "no-store"


def test_a_deleted_photo_is_nothing(ready: Evidence):
    url = picture_url(ready.public_id, "thumb", RIDER.ref)
    ready.delete()
    assert is_nothing(get(url))


def test_an_address_needs_a_viewer_and_a_known_size():
    with pytest.raises(ValueError, match="viewer"):
        picture_url("a", "thumb", "")
    with pytest.raises(KeyError):
        picture_url("a", "original", "person:a")


def test_sizes_have_letters_of_their_own():
    assert len(set(access._LETTER.values())) == len(SIZES)


def test_the_admin_list_is_for_looking_and_shows_no_claims():
    admin = EvidenceAdmin(Evidence, site)
    request = RequestFactory().get("/")
    assert not admin.has_add_permission(request)
    assert not admin.has_change_permission(request)
    assert not admin.has_delete_permission(request)
    assert not {"claimed", "measured", "storage_name"} & {*admin.list_display, *(admin.fields or ())}
