"""Files that come in pieces over a bad network: begun, added to, and taken into a report as if they had come at once.

Truth    a Transfer row says how much is here; each piece is a sealed file, durable before the row counts it.
Retries  a piece that is here already changes nothing; one at another place than the end is answered with where the end is.
         A finished transfer stays for two hours after a report took it, so that a phone which lost the answer may name it
         again; an unfinished one for a day.
Who      only who began it may add to it or use it. The row keeps a keyed hash of who, not who.
History  pieces leave no audit event: what becomes of them is in the report's.
Errors   Invalid and TooLarge name the field; TransferGone: begin anew; WrongOffset carries the right one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Count, Q, Sum

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import Conflict, Invalid, NotFound, TooLarge, TooMany
from qixia.kernel.keys import BadSeal, keys, new_data_key, open_with, seal_with
from qixia.media import files
from qixia.media.models import Transfer
from qixia.media.sealed import unwrap_key, wrap_key

PIECE_MAX = 1024 * 1024
PIECE_MIN = 32 * 1024  # all but the last: a file of a byte each would be a weapon
OPEN_MAX = 6
# Of one rider, with those that a report took: a refused report takes them too, so OPEN_MAX alone bounds no disk.
LIVING_MAX = 60
LIVING_BYTES = 1024 * 1024 * 1024
KEPT = timedelta(days=1)
KEPT_USED = timedelta(hours=2)


class TransferGone(NotFound):
    code = "media.transfer_gone"
    message = "上传了一半的文件已经不在，请重新上传。"


class WrongOffset(Conflict):
    """`context["offset"]` is where the next piece belongs."""

    code = "media.wrong_offset"
    message = "这一段接不上，请从 %(offset)s 字节处接着传。"


def begin(*, owner: str, size: int) -> Transfer:
    """A new transfer of `size` bytes for `owner` (an opaque ref)."""
    config = get_config()
    if size < 1:
        raise Invalid("文件大小不对。", field="size")
    if size > max(config.max_clip_mb, config.max_photo_mb) * 1_048_576:
        raise TooLarge(field="size")
    index = _index(owner)
    _check_room(index, size)
    row = Transfer(owner_index=index, size=size, key_id=keys().key_id)
    row.wrapped_key = wrap_key(new_data_key(), row.public_id)
    row.save(force_insert=True)
    return row


def _check_room(index: str, size: int) -> None:
    since = clock.now() - KEPT
    mine = Transfer.objects.filter(owner_index=index).aggregate(
        open=Count("pk", filter=Q(used_at=None, created_at__gt=since)), living=Count("pk"), bytes=Sum("size", default=0)
    )
    if mine["open"] >= OPEN_MAX:
        raise TooMany("同时上传的文件太多，请等前面的传完。", retry_after=60)
    if mine["living"] >= LIVING_MAX or mine["bytes"] + size > LIVING_BYTES:
        raise TooMany("这两小时里上传的文件太多，请过一会儿再传。", retry_after=600)


def add(*, owner: str, public_id: str, offset: int, piece: bytes) -> int:
    """Add one piece; returns how much is here now."""
    row = _own(owner, public_id)
    end = offset + len(piece)
    if end <= row.received and piece:
        return row.received  # came twice
    if offset != row.received:
        raise WrongOffset(offset=row.received)
    if not piece or len(piece) > PIECE_MAX or end > row.size or (len(piece) < PIECE_MIN and end < row.size):
        raise Invalid("这一段的大小不对。", field="piece")
    files.write_piece(_path(row, offset), seal_with(_key(row), piece, purpose=_purpose(row, offset)))
    if not Transfer.objects.filter(pk=row.pk, received=offset).update(received=end):
        raise WrongOffset(offset=_own(owner, public_id).received)
    return end


class Assembled:
    """A finished transfer as an upload; reads a piece at a time."""

    def __init__(self, row: Transfer) -> None:
        self._row = row

    def chunks(self) -> Iterator[bytes]:
        at = 0
        while at < self._row.size:
            try:
                piece = open_with(_key(self._row), _path(self._row, at).read_bytes(), purpose=_purpose(self._row, at))
            except (FileNotFoundError, BadSeal) as error:
                raise TransferGone(field="uploaded") from error
            yield piece
            at += len(piece)


@dataclass(frozen=True, slots=True)
class Collected:
    """What a form named, by field."""

    photos: list[Any]
    after_photos: list[Any]
    clip: list[Any]


def collect(*, owner: str, named: object) -> Collected:
    """The finished transfers that a report names: [{"id": …, "as": "photos" | "after_photos" | "clip"}]."""
    found = Collected([], [], [])
    if not isinstance(named, list) or len(named) > 20:
        raise Invalid("上传的文件清单读不懂。", field="uploaded")
    for one in named:
        field = one.get("as") if isinstance(one, dict) else None
        if field not in ("photos", "after_photos", "clip"):
            raise Invalid("上传的文件清单读不懂。", field="uploaded")
        row = _own(owner, str(one.get("id")))
        if row.received != row.size:
            raise Invalid("有文件还没有传完。", field="uploaded")
        Transfer.objects.filter(pk=row.pk, used_at=None).update(used_at=clock.now())
        upload = Assembled(row)
        # A photo is looked into before it is taken in (its place), so it must be readable as a file.
        whole = field != "clip" and row.size <= get_config().max_photo_mb * 1_048_576
        getattr(found, field).append(SimpleUploadedFile("x", b"".join(upload.chunks())) if whole else upload)
    return found


def sweep() -> int:
    """Remove what is too old, and folders that no row names."""
    now = clock.now()
    old = Transfer.objects.filter(Q(created_at__lt=now - KEPT) | Q(used_at__lt=now - KEPT_USED))
    names = list(old.values_list("public_id", flat=True)[:500])
    Transfer.objects.filter(public_id__in=names).delete()
    folder = _folder()
    here = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    known = set(Transfer.objects.filter(public_id__in=[path.name for path in here]).values_list("public_id", flat=True))
    orphans = [path for path in here if path.name not in known and _is_old(path, now.timestamp())]
    for path in orphans:
        shutil.rmtree(path, ignore_errors=True)
    return len(orphans)


def _is_old(path: Path, now: float) -> bool:
    """A folder may be a moment older than its row."""
    return now - path.stat().st_mtime > 60


def _own(owner: str, public_id: str) -> Transfer:
    row = Transfer.objects.filter(public_id=public_id[:26], owner_index=_index(owner)).first()
    if row is None:
        raise TransferGone(field="uploaded")
    return row


def _index(owner: str) -> str:
    return keys().blind_index(owner, purpose="media.transfer")


def _key(row: Transfer) -> bytes:
    return unwrap_key(row.wrapped_key, row.public_id)


def _purpose(row: Transfer, offset: int) -> str:
    return f"media.piece:{row.public_id}:{offset}"


def _folder() -> Path:
    return get_config().media / "transfers"


def _path(row: Transfer, offset: int) -> Path:
    return _folder() / row.public_id / f"{offset:010d}"
