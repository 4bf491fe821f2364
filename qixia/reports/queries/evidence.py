"""What the machine thinks of the photos of a case, in words for a clerk; units read only whether the places agree.

A person decides: no label here refuses anything. Whether an earlier photo came from the same rider is worked out from
keyed indexes while the page is made; nothing says who that is, and a report of the same rider is not named.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from qixia.media.access import picture_url
from qixia.people.access import Actor
from qixia.reports import access
from qixia.reports.models import Report, ReportPhoto

_MOST = 12  # photos with notes; a report has at most 9 of each role


@dataclass(frozen=True, slots=True)
class Said:
    """A chip and a sentence. `tone`: "good", "warn" or "" (says nothing either way)."""

    label: str
    tone: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """A report in which the same picture came before; for those who may see it."""

    public_id: str
    number: str


@dataclass(frozen=True, slots=True)
class PhotoNote:
    """What is thought of one photo. `place` is None but for a photo after, the unit's or a second rider's."""

    caption: str
    thumb_url: str
    source: Said | None
    signs: list[str]
    place: Said | None
    score: float | None
    earlier: list[Earlier] = field(default_factory=list)


def photo_notes(actor: Actor, report: Report, parties: Collection[str]) -> list[PhotoNote]:
    """Notes on the photos of one case, in their order: one query, and two more where a picture came before."""
    full = "clerk" in parties
    rows = list(
        ReportPhoto.objects.filter(report=report)
        .select_related("evidence")
        .only(
            "role", "by_reporter", "likeness", "likeness_score", "copied",
            "evidence__public_id", "evidence__state", "evidence__provenance", "evidence__provenance_signs",
        )
        .order_by("id")[:_MOST]
    )  # fmt: skip
    known = _reports_of([name for row in rows for name in _earlier_names(row)]) if full else {}
    named = _visible(actor, known.values()) if known else set()
    notes = [_note(row, report, full, known, named, actor.ref) for row in rows]
    return [note for note in notes if note.source or note.place]


def _note(
    row: ReportPhoto, report: Report, full: bool, known: dict[str, Report], named: set[int], viewer: str
) -> PhotoNote:
    evidence = row.evidence
    before = [known[name] for name in _earlier_names(row) if name in known]
    return PhotoNote(
        caption={"before": _("整改前"), "onsite": _("现场"), "after": _("整改后"), "later": _("骑手复核")}[row.role],
        thumb_url=picture_url(evidence.public_id, "thumb", viewer, state=evidence.state),
        source=_source(evidence.provenance, evidence.provenance_signs, row, report, before) if full else None,
        signs=_signs(evidence.provenance_signs) if full else [],
        place=_place(row),
        score=row.likeness_score,
        earlier=[
            Earlier(one.public_id, one.number) for one in before if one.pk in named and not _same_rider(report, one)
        ],
    )


def _earlier_names(row: ReportPhoto) -> list[str]:
    found: list[str] = (row.evidence.provenance_signs or {}).get("reused", {}).get("earlier", [])
    return found


def _reports_of(evidence: Sequence[str]) -> dict[str, Report]:
    """Evidence → its report, with no more of it than is needed to compare."""
    if not evidence:
        return {}
    rows = ReportPhoto.objects.filter(evidence__public_id__in=evidence).select_related("report", "evidence")
    only = rows.only("evidence__public_id", "report__public_id", "report__number", "report__reporter_index")
    return {row.evidence.public_id: row.report for row in only}


def _visible(actor: Actor, reports: Collection[Report]) -> set[int]:
    return set(access.cases(actor).filter(pk__in=[report.pk for report in reports]).values_list("pk", flat=True))


def _same_rider(report: Report, other: Report) -> bool:
    return report.reporter_index is not None and report.reporter_index == other.reporter_index


def _source(
    slug: str, signs: dict[str, Any], row: ReportPhoto, report: Report, before: Sequence[Report]
) -> Said | None:
    said = {
        "in_app": Said(_("现场拍摄"), "good", _("上报时用相机现拍，时间和地点没有对不上的。")),
        "album": Said(_("相册照片"), "", _("从相册选的，拍摄时间和地点与上报一致。")),
        "screenshot": Said(_("像是截图"), "warn", _("画面有手机截图的样子：平整的色块、横平竖直的边或状态栏。")),
        "screen": Said(_("像是翻拍屏幕"), "warn", _("画面上有对着屏幕拍才有的彩色波纹。")),
        "unknown": Said(_("看不出来源"), "", _("照片没有带够拍摄的时间和地点，无从比对。")),
    }
    if slug == "reused":
        return Said(_("以前用过"), "warn", _reused(row, report, before))
    if slug == "at_odds":
        return Said(_("时间地点对不上"), "warn", _at_odds(signs))
    return said.get(slug)


def _reused(row: ReportPhoto, report: Report, before: Sequence[Report]) -> str:
    if not row.by_reporter:
        return _("和另一件上报里更早的照片是同一张。")
    if any(_same_rider(report, other) for other in before):
        return _("和这位骑手更早报的一件用了同一张照片。")
    if before:
        return _("和别的骑手更早的一件上报用了同一张照片。")
    return _("和更早的一件上报用了同一张照片。")


def _at_odds(signs: dict[str, Any]) -> str:
    parts = []
    if signs.get("place") == "odds":
        parts.append(_("拍摄地点离上报的地点约 %(m)d 米") % {"m": signs.get("apart_m", 0)})
    if signs.get("time") == "odds":
        minutes = abs(signs.get("apart_min", 0))
        late = _("拍摄时间与上报相差约 %(h)d 小时") if minutes >= 120 else _("拍摄时间与上报相差约 %(m)d 分钟")
        parts.append(late % {"h": round(minutes / 60), "m": minutes})
    return _("，").join(parts) + _("。")


def _signs(signs: dict[str, Any]) -> list[str]:
    """What speaks for it, with scores; what could not be compared is left out."""
    if not signs:
        return []
    found = [
        _("像截图 %(score)s") % {"score": f"{signs['screenshot']['score']:.2f}"},
        _("像翻拍 %(score)s") % {"score": f"{signs['screen']['score']:.2f}"},
    ]
    words = {"fits": _("对得上"), "odds": _("对不上")}
    if signs.get("time"):
        found.append(_("时间%(word)s") % {"word": words[signs["time"]]})
    if signs.get("place"):
        found.append(_("地点%(word)s，相距约 %(m)d 米") % {"word": words[signs["place"]], "m": signs.get("apart_m", 0)})
    if "reused" in signs:
        found.append(
            _("文件相同")
            if signs["reused"]["exact"]
            else _("画面相同 %(n)d%%") % {"n": round(signs["reused"]["copied"] * 100)}
        )
    return found


def _place(row: ReportPhoto) -> Said | None:
    if row.copied:
        return Said(_("疑似复制"), "warn", _("和整改前的照片几乎一样，可能是同一张改了大小或剪裁。核实要写明依据。"))
    said = {
        "same": Said(_("同一地点"), "good", _("整改前后的画面对得上。")),
        "unsure": Said(_("拿不准"), "", _("光线、角度或画面变化太大，比不出来。")),
        "different": Said(_("不像同一地点"), "warn", _("整改前后的画面几乎没有相同的地方。")),
    }
    return said.get(row.likeness)
