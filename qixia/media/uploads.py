"""Uploads on their way in: small ones in memory, large ones sealed in media/incoming. Django's own handler would write
them as they are into the system's folder for temporary files.

Key      lives in this process only, until the file is handed over; a killed process leaves noise, which the sweep takes.
Memory   what one request holds in memory is settings.FILE_UPLOAD_MAX_MEMORY_SIZE in all; files beyond that go to disk.
Errors   OSError (disk full) passes: nothing is left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from qixia.media import files
from qixia.media.sealed import FRAME


class SealedUpload(UploadedFile):
    """A large upload. Reads as any file does; its bytes on disk open only with the key that this object holds."""

    def __init__(self, written: files.Written, name: str, content_type: str, charset: str | None) -> None:
        super().__init__(None, name, content_type, written.size, charset)
        self._written: files.Written | None = written
        self.file: Any = files.open_temp(written)

    def open(self, *args: Any, **kwargs: Any) -> SealedUpload:
        """From the start again. ValueError once it was handed over or closed, as files do."""
        self.file.seek(0)
        return self

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        self.seek(0)
        while part := self.read(chunk_size or FRAME):
            yield part

    def hand_over(self) -> files.Written:
        """Give the file away as it is; this object reads no more and removes nothing."""
        written, self._written = self._written, None
        if written is None:
            raise ValueError("this upload was handed over or closed")
        self.file.close()
        return written

    def close(self) -> None:
        """Django closes all files of a request at its end: what nobody took goes."""
        self.file.close()
        if self._written is not None:
            files.remove([self._written.path])
            self._written = None


class SealingUploadHandler(FileUploadHandler):
    """The only upload handler; one object takes all files of one request, one after the other."""

    chunk_size = FRAME

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._room = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        self._memory = BytesIO()
        self._draft: files.Draft | None = None
        self._done: list[SealedUpload] = []

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._memory, self._draft = BytesIO(), None

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self._draft is None and len(raw_data) <= self._room:
            self._room -= len(raw_data)
            self._memory.write(raw_data)
            return
        if self._draft is None:
            self._draft = files.Draft()
            self._draft.write(self._memory.getvalue())
            self._room += self._memory.tell()
            self._memory = BytesIO()
        self._draft.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        name, kind = self.file_name or "", self.content_type or ""
        if self._draft is None:
            self._memory.seek(0)
            return InMemoryUploadedFile(
                self._memory, self.field_name, name, kind, file_size, self.charset, self.content_type_extra
            )
        written, self._draft = self._draft.finish(), None
        upload = SealedUpload(written, name, kind, self.charset)
        self._done.append(upload)
        return upload

    def upload_interrupted(self) -> None:
        """The sender went away, or another file of the request failed."""
        if self._draft is not None:
            self._draft.drop()
            self._draft = None
        for upload in self._done:
            upload.close()
