"""Nothing of an upload lies on a disk as it is: not while it comes in, not when it breaks off, not when we are killed."""

from __future__ import annotations

import gc
import secrets
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.handlers.wsgi import WSGIRequest
from django.http import UnreadablePostError
from django.test import RequestFactory
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from qixia.kernel.errors import DomainError
from qixia.media import files, services
from qixia.media.models import Evidence
from qixia.media.services import receive, store_uploads
from qixia.media.tests import made
from qixia.media.uploads import SealedUpload

FilesIn = Callable[[str], list[Path]]
OWNER = "report:a"

pytestmark = pytest.mark.usefixtures("media_dir")


def marked(mark: bytes, size: int = 900_000) -> bytes:
    """A JPEG that holds `mark` again and again in its comments."""
    comment = (mark * 4000)[:60_000]
    picture = made.jpeg(640, 480)
    while len(picture) < size:
        picture = made.with_segment(picture, 0xFE, comment)
    return picture


def posted(*contents: bytes, cut: int | None = None) -> WSGIRequest:
    """A form with files as it comes over the wire; `cut` bytes of it, then the sender is gone."""
    body = encode_multipart(BOUNDARY, {"photos": [named(content) for content in contents]})
    wire = {"wsgi.input": BytesIO(body) if cut is None else Wire(body[:cut])}
    return RequestFactory().generic("POST", "/", body, content_type=MULTIPART_CONTENT, **wire)


def named(content: bytes) -> BytesIO:
    file = BytesIO(content)
    file.name = "IMG_1.jpg"
    return file


class Wire(BytesIO):
    """Gives what came and then breaks."""

    def read(self, size: int | None = -1) -> bytes:
        part = super().read(size)
        if not part:
            raise OSError("connection reset by peer")
        return part


def where_found(mark: bytes, folder: Path) -> list[Path]:
    """Files below `folder` that hold the mark."""
    return [path for path in folder.rglob("*") if path.is_file() and mark in path.read_bytes()]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, for this test below `tmp_path`, so that a search of that finds them too."""
    folder = tmp_path / "system-tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_the_search_finds_what_lies_open_in_temporary_files_too(tmp_path: Path):
    mark = secrets.token_bytes(12)
    with tempfile.NamedTemporaryFile() as file:  # as Django's own handler writes them
        file.write(marked(mark))
        file.flush()
        assert where_found(mark, tmp_path) == [Path(file.name)]


def test_only_our_handler_takes_uploads():
    assert settings.FILE_UPLOAD_HANDLERS == ["qixia.media.uploads.SealingUploadHandler"]


def test_small_files_stay_in_memory(files_in: FilesIn):
    [upload] = posted(made.jpeg()).FILES.getlist("photos")
    assert isinstance(upload, InMemoryUploadedFile)
    assert upload.read() == made.jpeg()
    assert not files_in("")


def test_a_large_file_is_sealed_on_disk_and_reads_as_it_was(files_in: FilesIn, tmp_path: Path):
    mark = secrets.token_bytes(12)
    content = marked(mark)
    request = posted(content)
    [upload] = request.FILES.getlist("photos")
    assert isinstance(upload, SealedUpload)
    assert (upload.size, upload.name, upload.content_type) == (len(content), "IMG_1.jpg", "image/jpeg")
    [part] = files_in("incoming")
    assert part.stat().st_mode & 0o077 == 0
    assert where_found(mark, tmp_path) == []
    assert b"".join(upload.chunks()) == content
    assert b"".join(upload.chunks(1000)) == content
    upload.seek(0)
    assert Image.open(upload).size == (640, 480)
    assert upload.open().read() == content
    request.close()
    assert not files_in("")


def test_what_one_request_holds_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, files_in: FilesIn):
    monkeypatch.setattr(settings, "FILE_UPLOAD_MAX_MEMORY_SIZE", 250_000)
    photos = [marked(secrets.token_bytes(12), 100_000) for _ in range(5)]
    uploads = posted(*photos).FILES.getlist("photos")
    assert [isinstance(upload, SealedUpload) for upload in uploads] == [False, False, True, True, True]
    assert [upload.read() for upload in uploads] == photos
    assert len(files_in("incoming")) == 3


@pytest.mark.django_db
def test_a_large_upload_becomes_the_original_without_being_written_again(files_in: FilesIn, tmp_path: Path):
    mark = secrets.token_bytes(12)
    request = posted(marked(mark), made.jpeg(seed=3))
    uploads = request.FILES.getlist("photos")
    before = {path.stat().st_ino for path in files_in("incoming")}
    rows = store_uploads(uploads, owner_ref=OWNER)
    request.close()
    assert not files_in("incoming")
    first = files.original_path(rows[0].storage_name)
    assert first.stat().st_ino in before
    assert files.read_original(rows[0].storage_name, rows[0].file_key) == marked(mark)
    assert files.read_original(rows[1].storage_name, rows[1].file_key) == made.jpeg(seed=3)
    assert where_found(mark, tmp_path) == []


@pytest.mark.django_db
def test_large_and_small_ways_of_one_photo_have_one_digest():
    content = marked(b"0123456789ab")
    big = store_uploads(posted(content).FILES.getlist("photos"), owner_ref=OWNER)[0]
    small = services.store_upload(named_upload(content), owner_ref=OWNER)
    assert (big.digest, big.bytes) == (small.digest, small.bytes)
    assert bytes(big.wrapped_key) != bytes(small.wrapped_key)


def named_upload(content: bytes) -> InMemoryUploadedFile:
    return InMemoryUploadedFile(BytesIO(content), "photos", "a.jpg", "image/jpeg", len(content), None)


@pytest.mark.django_db
def test_a_refused_large_upload_leaves_nothing(files_in: FilesIn):
    request = posted(marked(b"0123456789ab"), marked(b"ba9876543210")[:-3000])
    with pytest.raises(DomainError):
        store_uploads(request.FILES.getlist("photos"), owner_ref=OWNER)
    request.close()
    assert not files_in("")
    assert not Evidence.objects.exists()


def test_an_upload_that_was_handed_over_gives_nothing_more():
    [upload] = posted(marked(b"0123456789ab")).FILES.getlist("photos")
    with receive([upload]) as photos:
        assert len(photos) == 1
        with pytest.raises(ValueError, match="closed"):
            upload.read()
        with pytest.raises(ValueError, match="handed over"):
            upload.hand_over()
        upload.close()
        assert files.original_path(photos[0].name).exists()


def is_broken_off(request: WSGIRequest) -> bool:
    try:
        _ = request.FILES
    except UnreadablePostError:
        return True
    return False


@pytest.mark.parametrize("cut", [300_000, 700_000, 1_200_000, 1_700_000])
def test_a_sender_who_goes_away_leaves_nothing(cut: int, files_in: FilesIn, tmp_path: Path):
    mark = secrets.token_bytes(12)
    request = posted(marked(mark), marked(mark), cut=cut)
    assert is_broken_off(request)
    assert where_found(mark, tmp_path) == []
    request.close()
    del request
    gc.collect()  # Django tells the handler nothing; it tidies up when it is forgotten
    assert files_in("") == []


def test_a_full_disk_leaves_nothing(files_in: FilesIn, monkeypatch: pytest.MonkeyPatch):
    real = files.Draft.write

    def full(self: files.Draft, chunk: bytes) -> None:
        if self.size > 600_000:
            raise OSError(28, "No space left on device")
        real(self, chunk)

    monkeypatch.setattr(files.Draft, "write", full)
    request = posted(marked(b"0123456789ab"))
    assert is_refused_by_disk(request)
    request.close()
    del request
    gc.collect()
    assert files_in("") == []


def is_refused_by_disk(request: WSGIRequest) -> bool:
    try:
        _ = request.FILES
    except OSError as error:
        return error.errno == 28
    return False
