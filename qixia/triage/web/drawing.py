"""What the model page draws: figures as words, curves as SVG paths, rows as templates want them. Reads nothing.

Units    a curve is drawn in a box of 100 × 40, stretched by the page; shares are shown in percent with their counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from qixia.codes.queries import class_name
from qixia.people.queries import staff_ever
from qixia.policy.queries import Published
from qixia.triage import comparing
from qixia.triage.active import Active
from qixia.triage.choice import SHIPPED
from qixia.triage.models import LearningRun
from qixia.triage.overview import ChangedPage, Corrections, Drift, ModelRow, Point

OTHER = 0.25  # from here on the mix of classes is another one (comparing.distance)
_STATES = {
    "used": ("fixed", gettext_noop("在用")),
    "past": ("back", gettext_noop("用过")),
    "draft": ("wait", gettext_noop("草稿")),
}
_FAULTS = {
    "killed": gettext_noop("跑训练的进程两次中途断了，多半是内存不够。"),
    "training": gettext_noop("训练出错了，原因在后台进程的日志里。"),
    "artefact": gettext_noop("模型文件读不出来。"),
}
# Key of the figures, label, and whether more is better.
_FIGURES = (
    ("macro_f1", gettext_noop("类别宏平均 F1"), True),
    ("severity_accuracy", gettext_noop("级别判对"), True),
    ("missed_danger", gettext_noop("特急漏报"), False),
    ("false_alarm", gettext_noop("虚惊"), False),
    ("coverage_shipped", gettext_noop("直接派单的比例"), True),
    ("precision_shipped", gettext_noop("直接派单里判对"), True),
)


def percent(value: float | None, digits: int = 0) -> str:
    return "—" if value is None else f"{value * 100:.{digits}f}%"


# ── models ────────────────────────────────────────────────────────────────────


def title_of(row: ModelRow) -> str:
    if row.is_shipped:
        return _("随系统发布的模型")
    return _("本地训练 %(code)s") % {"code": row.artefact[:8]}


def name_of(artefact: str, rows: Sequence[ModelRow]) -> str:
    found = next((row for row in rows if row.artefact == artefact), None)
    return title_of(found or ModelRow(artefact, "", "past", {}, {}))


def names() -> dict[str, str]:
    """Ref → name of everybody who is or was staff; one query for a whole page."""
    return {one.ref: one.name for one in staff_ever()}


def model_card(row: ModelRow, active: Active, people: Mapping[str, str]) -> dict[str, Any]:
    """What the card, the list and the heading say of one model."""
    key, label = _STATES[row.state]
    voices = _voices(row)
    corrections = _measured(row, "new", "corrections")
    return {
        "row": row,
        "title": title_of(row),
        "state_key": key,
        "state_label": _(label),
        "by": _who(row.made_by, people),
        "as_of": row.card.get("as_of", ""),
        "texts": row.card.get("texts"),
        "sources": len(row.card.get("sources", {})),
        "learnt": row.figures.get("learnt", 0),
        "vectors": row.card.get("vectors", True),
        "figures": [
            {"label": _(label), "value": percent(voices.get(name), 0 if up else 1)}
            for name, label, up in _FIGURES
            if voices
        ],
        "n": voices.get("n", 0),
        "f1": percent(voices.get("macro_f1")),
        "missed": percent(voices.get("missed_danger"), 1),
        "corrections": corrections,
        "corrections_right": percent(corrections.get("accuracy")) if corrections else "—",
        "fault": active.fault if row.state == "used" else "",
        "serving": active.serving,
    }


def _voices(row: ModelRow) -> Mapping[str, Any]:
    """Figures as the card has them: each writer held out in turn; else on the voices never learnt from."""
    found: Mapping[str, Any] = row.card.get("folds") or row.card.get("held_out") or _measured(row, "new", "voices")
    return found


def _measured(row: ModelRow, side: str, what: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (row.figures.get(side) or {}).get(what) or {}
    return found


def versus(row: ModelRow) -> list[dict[str, Any]]:
    """Figures of a trained model beside those of the one in use when it was trained; [] for the shipped one."""
    groups = []
    for what, title in (("voices", _("没学过的作者")), ("corrections", _("没学过的更正"))):
        new, now = _measured(row, "new", what), _measured(row, "now", what)
        if not new:
            continue
        lines = [
            {
                "label": _(label),
                "now": percent(now.get(name)),
                "new": percent(new.get(name)),
                "mark": _mark(now, new, name, up),
            }
            for name, label, up in _FIGURES
        ]
        groups.append({"title": title, "n": new.get("n", 0), "lines": lines})
    return groups


def _mark(now: Mapping[str, Any], new: Mapping[str, Any], name: str, up: bool) -> str:
    a, b = now.get(name), new.get(name)
    if a is None or b is None or round(a, 3) == round(b, 3):
        return ""
    return "up" if (b > a) is up else "down"


def history(versions: Sequence[Published], people: Mapping[str, str]) -> list[dict[str, Any]]:
    """Who switched to what when, and why; the newest first."""
    return [
        {
            "version": one.version,
            "at": one.valid_from,
            "is_first": one.version == 1,
            "name": _("随系统发布的模型")
            if one.data["artefact"] == SHIPPED
            else _("本地训练 %(code)s") % {"code": one.data["artefact"][:8]},
            "who": _who(one.published_by, people),
            "note": one.note,
        }
        for one in versions
    ]


def _who(ref: str, people: Mapping[str, str]) -> str:
    if not ref:
        return ""
    return _("系统") if ref.startswith("system:") else people.get(ref, _("已注销的人"))


# ── runs ──────────────────────────────────────────────────────────────────────


def run_line(run: LearningRun) -> dict[str, Any]:
    """What runs, how far it is. A training tells percent, a trial counts reports."""
    share = min(1.0, run.done / run.total) if run.total else 0.0
    if run.state == "waiting":
        text = _("排队中，后台有空就开始")
    elif run.kind == "train":
        text = _("%(share)s，通常几分钟") % {"share": percent(share)} if run.done else _("在读例句，通常几分钟")
    else:
        text = _("试了 %(done)s / %(total)s 件") % {"done": run.done, "total": run.total}
    title = _("正在训练") if run.kind == "train" else _("影子试跑：本地训练 %(code)s") % {"code": run.artefact[:8]}
    if run.kind == "shadow" and run.artefact == SHIPPED:
        title = _("影子试跑：随系统发布的模型")
    return {"kind": run.kind, "title": title, "text": text, "width": f"{round(share * 100)}%"}


def failure(run: LearningRun | None) -> str:
    """Why the latest training came to nothing, "" if it did not fail."""
    return _(_FAULTS.get(run.fault, _FAULTS["training"])) if run and run.state == "failed" else ""


# ── drift ─────────────────────────────────────────────────────────────────────


def tiles(drift: Drift) -> list[dict[str, Any]]:
    """Four curves with the figure of the last full week."""
    return [
        _tile(_("转人工"), drift.doubted, _("占当周上报"), lambda v: percent(v, 0), _counted),
        _tile(_("人改了类别"), drift.corrected, _("占人定过的"), lambda v: percent(v, 0), _counted),
        _tile(_("平均把握"), drift.confidence, _("机器自己的估计"), lambda v: percent(v, 0), _of_reports),
        _tile(
            _("类别分布变动"),
            drift.mix,
            _("和前四周比，虚线 0.25"),
            lambda v: "—" if v is None else f"{v:.2f}",
            _of_reports,
            top=0.5,
            goal=OTHER,
        ),
    ]


def _counted(point: Point) -> str:
    return _("%(part)s / %(whole)s 件") % {"part": round(point.part), "whole": point.whole}


def _of_reports(point: Point) -> str:
    return ngettext("%(n)s 件", "%(n)s 件", point.whole) % {"n": point.whole}


def _tile(
    label: str, points: list[Point], help_text: str, say: Any, count: Any, top: float = 1.0, goal: float = 0.0
) -> dict[str, Any]:
    full = points[:-1]
    last = next((point for point in reversed(full) if point.value is not None), None)
    known = [point.value for point in points if point.value is not None]
    known += [goal] if goal else []
    scale = max(top if max(known, default=0) > top * 0.6 else max(known, default=0) * 1.4, 1e-9)
    return {
        "label": label,
        "help": help_text,
        "value": say(last.value) if last else "—",
        "count": count(last) if last else "",
        "week": last.monday if last else None,
        "goal": f"M0 {38 - 36 * goal / scale:.1f}H100" if goal else "",
        "paths": _paths([point.value for point in points], scale),
        "ends": (points[0].monday, points[-1].monday),
        "spoken": "；".join(
            f"{point.monday:%m-%d} {say(point.value)}（{count(point)}）" for point in points if point.value is not None
        ),
    }


def _paths(values: Sequence[float | None], scale: float) -> list[str]:
    """A curve broken where there is nothing to say; a lone week is a dot."""
    step = 100 / max(1, len(values) - 1)
    runs: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{index * step:.1f} {38 - 36 * min(1.0, value / scale):.1f}")
    return [f"M{run[0]}h0.01" if len(run) == 1 else "M" + "L".join(run) for run in runs if run]


# ── corrections ───────────────────────────────────────────────────────────────


def pairs(found: Corrections, limit: int = 12) -> list[dict[str, Any]]:
    """The pairs that are confused most, each with its share of what the machine called so."""
    top = max((one.n for one in found.pairs), default=1)
    return [
        {
            "was": class_name(one.was),
            "cls": class_name(one.cls),
            "n": one.n,
            "of": one.of,
            "width": f"{round(100 * one.n / top)}%",
        }
        for one in found.pairs[:limit]
    ]


def grid(found: Corrections) -> dict[str, Any]:
    """Machine × person for the classes met most; a cell's step of colour follows its share of the row."""
    rows = []
    for was, counts in found.grid:
        whole = sum(counts)
        cells = [
            {"n": n, "is_same": was == cls, "step": min(4, 1 + int(4 * n / whole)) if n and whole else 0}
            for cls, n in zip(found.names, counts, strict=True)
        ]
        rows.append({"name": class_name(was), "cells": cells})
    return {"names": [class_name(name) for name in found.names], "rows": rows}


# ── a trial ───────────────────────────────────────────────────────────────────


def trial(run: LearningRun) -> dict[str, Any]:
    """The comparison: now → new, each with what it is a share of."""
    s = run.summary
    worse = comparing.misses_more(s)
    lines = [
        _versus_line(_("人定过的，机器也这么说"), s["person_now"], s["person_new"], s["person"], up=True),
        _versus_line(_("现场核实过、没人改过的"), s["verified_now"], s["verified_new"], s["verified"], up=True),
        _versus_line(_("特急漏报"), s["missed_now"], s["missed_new"], s["critical"], up=False),
        _versus_line(_("虚惊"), s["alarm_now"], s["alarm_new"], s["mild"], up=False),
        _versus_line(_("转人工"), s["doubt_now"], s["doubt_new"], s["n"], up=None),
    ]
    return {
        "run": run,
        "n": s["n"],
        "changed": s["changed"],
        "changed_share": percent(comparing.share(s["changed"], s["n"]), 1),
        "changed_cls": s["changed_cls"],
        "changed_severity": s["changed_severity"],
        "lines": lines,
        "worse": worse,
        "classes": [
            {
                "name": class_name(one["cls"]),
                **one,
                "now_share": percent(comparing.share(one["now"], one["n"])),
                "new_share": percent(comparing.share(one["new"], one["n"])),
            }
            for one in s["classes"]
        ],
        "moves": [{"before": _cls(one["before"]), "after": _cls(one["after"]), "n": one["n"]} for one in s["moves"]],
    }


def _versus_line(label: str, now: int, new: int, whole: int, *, up: bool | None) -> dict[str, Any]:
    mark = "" if up is None or now == new else "up" if (new > now) is up else "down"
    return {
        "label": label,
        "now": percent(comparing.share(now, whole)),
        "new": percent(comparing.share(new, whole)),
        "now_n": now,
        "new_n": new,
        "n": whole,
        "mark": mark,
    }


def _cls(slug: str) -> str:
    return class_name(slug) if slug else _("没读出类别")


def changed(page: ChangedPage) -> dict[str, Any]:
    rows = [
        {
            "shown": one.shown,
            "now": _cls(one.verdict.now_cls),
            "new": _cls(one.verdict.new_cls),
            "now_severity": one.verdict.now_severity,
            "new_severity": one.verdict.new_severity,
            "final": _cls(one.verdict.final_cls) if one.verdict.decided else "",
            "right": _right(one.verdict),
        }
        for one in page.rows
    ]
    return {"rows": rows, "hidden": page.hidden, "after": page.after}


def _right(verdict: Any) -> str:
    """Which of the two a person agreed with: "now", "new", "" neither or nobody."""
    if not verdict.decided or verdict.now_cls == verdict.new_cls:
        return ""
    return "new" if verdict.new_cls == verdict.final_cls else "now" if verdict.now_cls == verdict.final_cls else ""
