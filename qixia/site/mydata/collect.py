"""A person's whole data in one ZIP: `data.json`, what the words in it mean, and the pictures that the person gave.

Memory   a picture is copied in pieces; reports and postings of one person are held whole (thousands, not millions).
Secrecy  the ZIP is never plain on disk: it is written into a sealed temp file as it grows.
"""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime
from typing import Any, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from django.utils.translation import gettext as _

from qixia.audit.queries import accesses_about
from qixia.audit.rules import BASES, KINDS
from qixia.gifts.takeout import export_of as gifts_of
from qixia.kernel import clock
from qixia.media import files
from qixia.media.takeout import own_files
from qixia.notices.takeout import export_of as notices_of
from qixia.notices.takeout import settings_of as reminders_of
from qixia.people.access import Actor
from qixia.people.queries import export_of as person_of
from qixia.reports.queries.aftermath import export_of_looks
from qixia.reports.queries.export import export_of as reports_of
from qixia.reports.queries.export import holding_of, own_pictures
from qixia.reports.queries.supports import export_of_supports
from qixia.rewards.takeout import export_of as rewards_of

_PIECE = 1 << 18
ACCESSES_MAX = 1000


class _Sink:
    """A draft as something that ZipFile can write to: forward only."""

    def __init__(self, draft: files.Draft) -> None:
        self._draft = draft

    def write(self, data: bytes) -> int:
        self._draft.write(bytes(data))
        return len(data)

    def flush(self) -> None:
        """A draft is whole when it is finished."""


def data_of(actor: Actor) -> dict[str, Any]:
    """Everything in plain words and values."""
    return {
        "made_at": clock.now(),
        "person": person_of(actor),
        "reports": reports_of(actor),
        "supports": export_of_supports(actor),
        "looks": export_of_looks(actor),
        "points": rewards_of(actor),
        "gifts": gifts_of(actor),
        "notices": notices_of(actor.person_id or 0, language=actor.language),
        "reminders": reminders_of(actor.person_id or 0),
        "who_looked": [
            {"at": line.at, "what": _(KINDS[line.kind]), "why": _(BASES[line.basis])}
            for line in accesses_about((actor.ref, *holding_of(actor).refs), limit=ACCESSES_MAX)
        ],
    }


def write_export(actor: Actor) -> files.Written:
    """The sealed ZIP, under a temporary name."""
    draft = files.Draft()
    try:
        with ZipFile(cast(BinaryIO, _Sink(draft)), "w", ZIP_DEFLATED) as archive:
            archive.writestr("说明.txt", _words())
            archive.writestr("data.json", json.dumps(data_of(actor), ensure_ascii=False, indent=1, default=_plain))
            _add_pictures(archive, actor)
    except BaseException:
        draft.drop()
        raise
    return draft.finish()


def _add_pictures(archive: ZipFile, actor: Actor) -> None:
    names = {}
    for position, picture in enumerate(own_pictures(actor), start=1):
        names[picture.evidence] = f"photos/{picture.report}-{picture.role}-{position}"
    for file in own_files(names):
        original = file.original()
        if original is not None:
            with (
                original,
                archive.open(ZipInfo(f"{names[file.public_id]}.{file.ending}", _now()), "w", force_zip64=True) as out,
            ):
                shutil.copyfileobj(original, out, _PIECE)
        if file.shown is not None:
            archive.write(file.shown, f"{names[file.public_id]}-shown.webp", compress_type=ZIP_STORED)


def _now() -> tuple[int, int, int, int, int, int]:
    at = clock.city_time(clock.now())
    return at.year, at.month, at.day, at.hour, at.minute, at.second


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(clock.CITY_TZ).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"not for export: {type(value).__name__}")


def _words() -> str:
    return "\n".join(
        (
            _("这是骑侠保存的关于你的全部内容。"),
            "",
            _(
                "data.json：账号、同意、登录设备、上报、支持的上报、积分、券、礼包、消息，以及谁查阅过。时间是北京时间。"
            ),
            _(
                "photos：你拍的照片和视频。带 -shown 的是别人看到的遮挡版，另一份是你交上来的原件；过了保存期的原件已经销毁。"
            ),
            _("匿名上报不在里面：系统没有保存它和你的联系，凭据只在你的手机上。"),
            "",
            _("文件里有你的个人信息，请妥善保管。"),
            "",
        )
    )
