"""Archives: one text or one list, and the photos that it names.

Safety   counted before and while it is unpacked, in memory only: members, bytes, how far a member swells. Encrypted ones
         and archives in archives are not opened; folders in names mean nothing.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field

from qixia.reports.importing.decoding import without_controls
from qixia.reports.importing.limits import (
    MB,
    MEMBERS,
    PHOTO_BYTES,
    PHOTOS,
    RATIO,
    TABLE_BYTES,
    TEXT_BYTES,
    UNPACKED_BYTES,
    BadFile,
)

_PHOTO = (".jpg", ".jpeg", ".png", ".webp", ".heic")
_TEXT = (".txt", ".text", ".log")
_TABLE = (".xlsx", ".csv", ".tsv")
_ENCRYPTED = 0x1
_UTF8 = 0x800


@dataclass(slots=True)
class Archive:
    """`name` and `content` of the text or list; photos by the last part of their names."""

    name: str
    content: bytes
    photos: dict[str, bytes] = field(default_factory=dict)


def is_zip(data: bytes) -> bool:
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def is_workbook(data: bytes) -> bool:
    """A zip that is an Excel file."""
    if not is_zip(data):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, OSError):
        return False


def check_archive(data: bytes) -> list[str]:
    """Names of the members. BadFile for what is no archive, or too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise BadFile("压缩包打不开，可能没有传完整。") from error
    if len(infos) > MEMBERS:
        raise BadFile("压缩包里的文件太多：最多 %(most)d 个。", most=MEMBERS)
    if any(info.flag_bits & _ENCRYPTED for info in infos):
        raise BadFile("压缩包或表格有密码，打不开。请去掉密码再传。")
    if sum(info.file_size for info in infos) > UNPACKED_BYTES or any(_swells(info) for info in infos):
        raise BadFile("压缩包展开后太大：最多 %(most)d MB。", most=UNPACKED_BYTES // MB)
    return [_name(info) for info in infos]


def _swells(info: zipfile.ZipInfo) -> bool:
    return info.file_size > MB and info.file_size > RATIO * max(info.compress_size, 1)


def read_archive(data: bytes) -> Archive:
    """The largest text, or the only list, with all photos beside it."""
    check_archive(data)
    photos: dict[str, bytes] = {}
    mains: list[tuple[int, str, zipfile.ZipInfo]] = []
    left = UNPACKED_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                name = _name(info)
                if info.is_dir() or not name or name.startswith(("._", "~$")):
                    continue
                ending = name[name.rfind(".") :].lower() if "." in name else ""
                if ending in _PHOTO and len(photos) < PHOTOS:
                    photos[name] = _read(archive, info, min(PHOTO_BYTES, left))
                    left -= len(photos[name])
                elif ending in _TEXT + _TABLE:
                    mains.append((info.file_size, name, info))
            if not mains:
                raise BadFile("压缩包里没有聊天记录（.txt）或表格（.xlsx）。")
            _size, name, info = max(mains, key=lambda one: one[:2])
            content = _read(archive, info, TABLE_BYTES if name.lower().endswith(_TABLE) else TEXT_BYTES)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise BadFile("压缩包打不开，可能没有传完整。") from error
    return Archive(name, content, photos)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """A member, however large it says that it is."""
    with archive.open(info) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise BadFile("压缩包展开后太大：最多 %(most)d MB。", most=UNPACKED_BYTES // MB)
    return content


def _name(info: zipfile.ZipInfo) -> str:
    """The last part of a member's name, in the encoding that Chinese Windows wrote it in."""
    name = info.filename
    if not info.flag_bits & _UTF8:
        try:
            name = name.encode("cp437").decode("gb18030")
        except (UnicodeEncodeError, UnicodeDecodeError):
            name = info.filename
    name = without_controls(name)
    return name.replace("\\", "/").rsplit("/", 1)[-1] if not name.startswith("xl/") else name
