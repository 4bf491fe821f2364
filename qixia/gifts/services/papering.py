"""Lists that were kept on paper: brought in from Excel, looked at row by row, noted when somebody says so.

Truth    PaperList holds what was typed, sealed; moves and hand-overs are written by `note_paper` alone, all rows that are good
         then or none. Rows that aren't stay where they are, with the reason.
Errors   Invalid or BadFile with field "file"; Conflict when the rows are not those that were looked at any more.
Retries  the same file: the same list. Noting again: nothing. The same slip in another file, or somebody who has the kit
         already: known, and left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db import IntegrityError, transaction
from django.db.models import F

from qixia.audit.rows import insert_many
from qixia.audit.services import Act, record, record_many
from qixia.gifts import access, errors, states
from qixia.gifts.models import Allotment, Campaign, HandOver, PaperList
from qixia.gifts.queries.papers import GOOD, Judged, judge, rows_in
from qixia.gifts.rules import papers as rules
from qixia.gifts.services.stocking import Line, put_many
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid, Stale
from qixia.kernel.ids import new_public_id
from qixia.kernel.keys import keys
from qixia.notices.services import Tell, tell_many
from qixia.people.access import Actor
from qixia.reports.importing.archives import is_workbook
from qixia.reports.importing.limits import MB, TABLE_BYTES, BadFile
from qixia.reports.importing.sheets import lines_of_excel

_HANDED = (
    "public_id",
    "allotment_id",
    "place_id",
    "donation_id",
    "by",
    "at",
    "is_signed",
    "to_deputy",
    "paper_id",
    "undone_by",
    "reason",
)


class Upload(Protocol):
    """A file as a web request holds it."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Brought:
    """The list of a file; `repeated` if it came before."""

    public_id: str
    repeated: bool = False


def bring_in(*, actor: Actor, campaign: str, kind: str, file: Upload | None) -> Brought:
    """Take a file in. Nothing is noted yet."""
    row = access.led(actor, campaign)
    if kind not in states.PAPERS:
        raise Invalid("请选择是收货单还是签领单。", field="kind")
    if row.state == states.ENDED:
        raise errors.NotNow(state="已结束")
    data = file.read(TABLE_BYTES + 1) if file is not None else b""
    if not data:
        raise BadFile("先选一个文件。")
    if len(data) > TABLE_BYTES:
        raise BadFile("文件太大：最多 %(most)d MB。请分几次导入。", most=TABLE_BYTES // MB)
    digest = keys().blind_index(hashlib.sha256(data).hexdigest(), purpose="gifts.paper")
    same = PaperList.objects.filter(campaign=row, kind=kind, digest=digest).exclude(state=states.DROPPED)
    before = same.values_list("public_id", flat=True).first()
    if before is not None:
        return Brought(before, repeated=True)
    if not is_workbook(data):
        raise BadFile("请用 .xlsx 文件。别的格式先在 Excel 里另存为 .xlsx。")
    rows = rules.rows_of(kind, lines_of_excel(data))
    try:
        return Brought(_keep(actor, row, kind, digest, rows))
    except IntegrityError:  # the same file, a moment ago
        return Brought(same.values_list("public_id", flat=True).get(), repeated=True)


@transaction.atomic
def _keep(actor: Actor, row: Campaign, kind: str, digest: str, rows: Sequence[rules.Row]) -> str:
    public_id = new_public_id()
    sealed = keys().seal(rules.pack(rows), purpose=f"gifts.paper:{public_id}")
    made = PaperList.objects.create(
        public_id=public_id, campaign=row, kind=kind, digest=digest, sealed=sealed, count=len(rows), by=actor.ref
    )
    record("gifts.paper_brought", subject=row.ref, actor=actor.ref, paper=made.public_id, kind=kind, rows=len(rows))
    return public_id


@transaction.atomic
def note_paper(*, actor: Actor, campaign: str, paper: str, good: int) -> int:
    """Write down the rows that are good, if they are as many as somebody looked at. Returns how many."""
    row = access.locked(actor, campaign)
    found = _held(row, paper)
    if found.state == states.NOTED:
        return found.noted
    if row.state == states.ENDED or found.sealed is None:
        raise errors.NotNow(state="已结束")
    judged = [one for one in judge(actor, row, found.kind, rows_in(found)) if one.verdict == GOOD]
    if len(judged) != good:
        raise Conflict("和刚才看到的不一样了：现在能记的有 %(count)s 行。请再看一遍。", count=len(judged))
    if not judged:
        raise Conflict("没有能记的行。改好表格再传一次。")
    now = clock.now()
    PaperList.objects.filter(pk=found.pk).update(state=states.NOTED, done_at=now, noted=len(judged))
    if found.kind == states.PAPER_RECEIVED:
        _receive(actor, row, judged)
    else:
        _hand_over(actor, row, found, judged)
    record(
        "gifts.paper_noted", subject=row.ref, actor=actor.ref, paper=found.public_id, kind=found.kind, rows=len(judged)
    )
    return len(judged)


@transaction.atomic
def drop_paper(*, actor: Actor, campaign: str, paper: str) -> None:
    """Throw a list away that was not noted; its file may come again."""
    row = access.locked(actor, campaign)
    found = _held(row, paper)
    if found.state != states.READY:
        raise Conflict("已经记了，不能删掉。记错的去库存或发放记录里改。")
    PaperList.objects.filter(pk=found.pk).update(state=states.DROPPED, sealed=None)
    record("gifts.paper_dropped", subject=row.ref, actor=actor.ref, paper=found.public_id)


def _held(row: Campaign, paper: str) -> PaperList:
    rows = PaperList.objects.select_for_update(of=("self",)).filter(campaign=row, public_id=paper)
    found = rows.exclude(state=states.DROPPED).first()
    if found is None:
        raise errors.NoSuchThing
    return found


def _lines(judged: Sequence[Judged], keys_: Sequence[str]) -> list[Line]:
    lines = []
    for one, key in zip(judged, keys_, strict=True):
        assert one.place is not None
        assert one.donation is not None
        lines.append(Line(one.place, one.donation, one.read.count or 1, key, one.at, _note(one)))
    return lines


def _note(one: Judged) -> str:
    return " ".join(word for word in (one.read.slip, one.read.note) if word)


def _receive(actor: Actor, row: Campaign, judged: Sequence[Judged]) -> None:
    put_many(row, states.RECEIVED, _lines(judged, [one.key for one in judged]), by=actor.ref)
    came = sum(one.read.count for one in judged)
    Campaign.objects.filter(pk=row.pk).update(usable=F("usable") + came, swept=0)


def _hand_over(actor: Actor, row: Campaign, paper: PaperList, judged: Sequence[Judged]) -> None:
    gifts = [one.gift for one in judged if one.gift is not None]
    opened = Allotment.objects.filter(pk__in=[gift.pk for gift in gifts], state=states.OPEN)
    changed = opened.update(state=states.HANDED, deputy_number=None, deputy_until=None)
    if changed != len(judged):
        raise Stale  # one of them went over a counter just now; nothing is written
    ids = [new_public_id() for _one in judged]
    lines = _lines(judged, [f"given:{public_id}" for public_id in ids])
    insert_many(
        HandOver,
        _HANDED,
        [
            (
                public_id,
                gift.pk,
                line.place.pk,
                line.donation.pk,
                actor.ref,
                one.at,
                False,
                one.is_deputy,
                paper.pk,
                "",
                "",
            )
            for one, public_id, gift, line in zip(judged, ids, gifts, lines, strict=True)
        ],
    )
    put_many(row, states.GIVEN, lines, by=actor.ref)
    record_many(
        Act("gifts.handed_over", gift.ref, actor.ref, {"place": line.place.public_id, "paper": paper.public_id})
        for gift, line in zip(gifts, lines, strict=True)
    )
    tell_many(_tells(row, judged, ids))


def _tells(row: Campaign, judged: Sequence[Judged], ids: Sequence[str]) -> list[Tell]:
    found = []
    for one, public_id in zip(judged, ids, strict=True):
        assert one.gift is not None
        assert one.place is not None
        if one.gift.person_id:
            template = "gift.deputy" if one.is_deputy else "gift.handed"
            facts = {"name": row.title, "place": one.place.name}
            link = f"/gifts/mine/{one.gift.public_id}"
            found.append(Tell(one.gift.person_id, template, facts, link, f"handed:{public_id}"))
    return found
