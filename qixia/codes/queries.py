"""Reads of the reference data. Classes are kept per process for a few seconds, so asking costs no query.

Another process sees an edit after at most `KEEP_S` seconds. Before `load_reference` has run, the list that ships with
Qixia answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qixia.codes import rules
from qixia.codes.models import Division, StandardCode, TriageClass
from qixia.codes.reference import ClassRow, class_rows

KEEP_S = 30.0

severity_label = rules.severity_label

_kept: tuple[float, dict[str, ClassRow]] | None = None


def triage_classes() -> dict[str, ClassRow]:
    """Slug → class, the active ones, in their order. Do not change the dictionary: it is shared."""
    global _kept
    if _kept is None or time.monotonic() - _kept[0] > KEEP_S:
        _kept = (time.monotonic(), _read_classes())
    return _kept[1]


def class_name(slug: str) -> str:
    """The name of a class in the reader's language; the slug itself for a class that is gone."""
    row = triage_classes().get(slug)
    if row is None:
        return slug
    return row.name_en if (get_language() or "").startswith("en") else row.name


def class_names(slug: str) -> dict[str, str]:
    """The name of a class in every language, for what is written now and read later; empty for a class that is gone."""
    row = triage_classes().get(slug)
    return {"zh": row.name, "en": row.name_en} if row else {"zh": "", "en": ""}


def families() -> dict[str, list[ClassRow]]:
    """Family → its classes, both in their order; names in the reader's language."""
    found: dict[str, list[ClassRow]] = {}
    for row in triage_classes().values():
        found.setdefault(_(row.family), []).append(replace(row, name=class_name(row.slug)))
    return found


def forget() -> None:
    """Read everything anew at the next question: after an edit, and between tests."""
    global _kept
    _kept = None


def _read_classes() -> dict[str, ClassRow]:
    rows = TriageClass.objects.filter(active=True).select_related("default_standard").prefetch_related("standard_codes")
    found = {row.slug: _as_row(row) for row in rows}
    if not found and not TriageClass.objects.exists():
        return {row.slug: row for row in class_rows()}
    return found


def _as_row(row: TriageClass) -> ClassRow:
    return ClassRow(
        slug=row.slug,
        name=row.name_zh,
        name_en=row.name_en,
        family=row.family,
        standard_code=row.default_standard.code,
        kind=row.default_standard.kind,
        severity_floor=row.severity_floor,
        raise_when=row.raise_when,
        default_unit=row.default_unit,
        icon=row.icon,
        order=row.order,
        standard_codes=tuple((code.kind, code.code) for code in row.standard_codes.all()),
    )


def standard_code(kind: str, code: str, edition: str = "2026") -> StandardCode | None:
    return StandardCode.objects.filter(edition=edition, kind=kind, code=code).first()


def division(code: str) -> Division | None:
    return Division.objects.filter(code=code).first()


def divisions_by_code(codes: Iterable[str]) -> dict[str, Division]:
    """Code → division, for those that exist; one query."""
    return {row.code: row for row in Division.objects.filter(code__in=list(codes))}


def subtree(root: Division, *, level: str | None = None) -> list[Division]:
    """The division and everything below it, the whole before its parts."""
    rows = Division.objects.filter(path__startswith=root.path)
    return list(rows.filter(level=level) if level else rows)


def divisions_under(paths: Iterable[str], *levels: str) -> list[Division]:
    """The divisions of these levels that lie in one of the places `paths` ("" is everywhere), by their path; one query."""
    inside = Q()
    for path in paths:
        inside |= Q(path__startswith=path)
    return list(Division.objects.filter(inside, level__in=levels).order_by("path")) if inside else []


def ancestors(node: Division, *, with_self: bool = False) -> list[Division]:
    """From the root down; one query."""
    codes = rules.ancestor_codes(node.path)
    rows = Division.objects.filter(code__in=codes if with_self else codes[:-1])
    # A path only ever grows, so its length is the depth.
    return sorted(rows, key=lambda row: len(row.path))


def ancestor_at(node: Division, level: str) -> Division | None:
    """The ancestor of that level, the division itself included."""
    return next((row for row in ancestors(node, with_self=True) if row.level == level), None)


def full_name(node: Division) -> str:
    """ "南浦市江安区安海街道青榕社区" """
    return "".join(row.name for row in ancestors(node, with_self=True))


def roots() -> list[Division]:
    return list(Division.objects.filter(parent=None))
