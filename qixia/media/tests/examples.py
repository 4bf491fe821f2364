"""How the services of media are called. A photo's own row is its record; what changes it later is history."""

import os
from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.media import files, services
from qixia.media.models import Evidence
from qixia.media.tests.made import jpeg
from qixia.policy.services import publish_seeds
from tests.examples import example, exempt

OWNER = "report:00000000000000000000000001"
ROW = "the photo's row says who brought it, when and its hash; the owner's service leaves the audit event"

for name in ("store_upload", "store_uploads", "keep", "write_rows", "copies_of", "receive", "limits"):
    exempt(f"media.services.{name}", ROW)
exempt("media.services.give_to", "the caller's act names the photos, as with taking them in")
exempt("media.services.judge_provenance", "a machine's advice, made anew at will; the row of the photo holds it")
exempt("media.services.develop_evidence", "only a failure is history (media.broken); a success is the state of the row")


def stored() -> Evidence:
    publish_seeds()
    photo = SimpleUploadedFile("IMG_1.jpg", jpeg(), "image/jpeg")
    return services.store_upload(photo, owner_ref=OWNER)


@example("media.services.sweep")
def clear_away_a_file_without_row() -> None:
    row = stored()
    Evidence.objects.all().delete()
    long_ago = (clock.now() - timedelta(days=1)).timestamp()
    for path in get_config().media.rglob("*"):
        if path.is_file() and path.name.startswith(row.storage_name[:8]):
            os.utime(path, (long_ago, long_ago))
    assert services.sweep() >= 1


@example("media.services.open_original")
def open_what_came() -> None:
    original = services.open_original(
        public_id=stored().public_id, actor="person:a", basis="law", reason="法院调取令第五号"
    )
    assert original.content == jpeg()


@example("media.services.destroy_originals")
def destroy_what_came() -> None:
    row = stored()
    assert services.destroy_originals([row.public_id], actor="system:privacy", reason="retention") == 1


@example("media.services.seal_plain_originals")
def seal_a_file_from_before() -> None:
    row = stored()
    files.original_path(row.storage_name).write_bytes(jpeg())
    Evidence.objects.filter(pk=row.pk).update(wrapped_key=None, key_id="", state="broken", broken_reason="decoder")
    assert services.seal_plain_originals() == 1


@example("media.services.set_boxes")
def cover_a_face_that_the_detectors_missed() -> None:
    row = stored()
    services.develop_evidence(row.pk)
    row.refresh_from_db()
    box = {"kind": "face", "x": 4, "y": 4, "w": 20, "h": 20}
    assert services.set_boxes(public_id=row.public_id, boxes=[box], actor="person:a", revision=row.revision) == 1


@example("media.services.redact_again")
def make_copies_anew_that_nobody_searched() -> None:
    row = stored()
    Evidence.objects.filter(pk=row.pk).update(sizes={"full": [96, 64, 900]})
    assert services.redact_again() == 1
