"""How much is read at most, and the refusal of everything that is not as it should be. Bytes and counts."""

from __future__ import annotations

from qixia.kernel.errors import Invalid

MB = 1024 * 1024
UPLOAD_BYTES = 60 * MB
TEXT_BYTES = 2 * MB
TABLE_BYTES = 8 * MB
UNPACKED_BYTES = 120 * MB  # of an archive, all together
PHOTO_BYTES = 20 * MB  # media has its own, smaller limit; this bounds what is unpacked
RATIO = 200  # unpacked to packed, of one member
MEMBERS = 600
PHOTOS = 300
ROWS = 1000
ROW_PHOTOS = 9
COLUMNS = 60
CELL = 2000  # characters
NAME = 40


class BadFile(Invalid):
    """The file cannot be read as it is. `field` is where the user gave it."""

    code = "reports.bad_import"
    message = "这个文件读不了。"

    def __init__(self, message: str, *, field: str = "file", **context: object) -> None:
        super().__init__(message, field=field, **context)
