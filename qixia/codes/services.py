"""The only code that writes reference data.

Truth    the shipped files for the national codes; a class that the city edited stays as edited.
Errors   UnknownParent, CircularDivision, BadClassEdit (422): nothing was written.
Retries  every service here may be repeated: what is already so is left alone and leaves no audit event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from qixia.audit.services import record
from qixia.codes import queries, reference
from qixia.codes.models import Division, StandardCode, TriageClass
from qixia.codes.rules import SEVERITIES, BadCode, path_of
from qixia.kernel.errors import Invalid, NotFound

_EDITABLE = ("name_zh", "name_en", "family", "severity_floor", "raise_when", "default_unit", "icon", "active", "order")


class UnknownParent(Invalid):
    code = "codes.unknown_parent"
    message = "区划 %(code)s 的上级 %(parent)s 不存在。"


class CircularDivision(Invalid):
    code = "codes.circular_division"
    message = "区划 %(code)s 不能是自己的上级。"


class BadDivision(Invalid):
    code = "codes.bad_division"
    message = "区划代码“%(code)s”不能使用。"


class UnknownClass(NotFound):
    code = "codes.unknown_class"
    message = "没有这个类别。"


class BadClassEdit(Invalid):
    code = "codes.bad_class_edit"
    message = "这一项不能这样修改。"


@dataclass(frozen=True, slots=True)
class DivisionRow:
    """A division as a list names it; `parent` is a code, "" for a root."""

    code: str
    name: str
    level: str
    parent: str = ""
    order: int = 0
    is_demo: bool = False


def load_reference(*, actor_ref: str = "system:setup") -> dict[str, int]:
    """Load the shipped codes and classes. Returns what changed: {"codes": new or changed, "classes": likewise}."""
    with transaction.atomic():
        changed = {"codes": _load_codes(), "classes": _load_classes()}
        if any(changed.values()):
            record("codes.reference_loaded", subject="codes:reference", actor=actor_ref, **changed)
    queries.forget()
    return changed


def _load_codes() -> int:
    have = {(row.edition, row.kind, row.code): row for row in StandardCode.objects.all()}
    rows = [*reference.national_codes(), *reference.local_codes()]
    changed = [row for row in rows if row.key not in have or _differs(have[row.key], row)]
    StandardCode.objects.bulk_create(
        [
            StandardCode(
                edition=row.edition,
                kind=row.kind,
                code=row.code,
                main_class=row.main_class,
                name=row.name,
                is_local=row.is_local,
                how_sure=row.how_sure,
            )
            for row in changed
        ],
        update_conflicts=True,
        unique_fields=["edition", "kind", "code"],
        update_fields=["main_class", "name", "is_local", "how_sure"],
    )
    return len(changed)


def _differs(have: StandardCode, row: reference.CodeRow) -> bool:
    return (have.main_class, have.name, have.is_local, have.how_sure) != (
        row.main_class,
        row.name,
        row.is_local,
        row.how_sure,
    )


def _load_classes() -> int:
    codes = {(row.kind, row.code): row for row in StandardCode.objects.filter(edition="2026")}
    have = {row.slug: row for row in TriageClass.objects.select_related("default_standard")}
    changed = 0
    for row in reference.class_rows():
        known = have.get(row.slug)
        if known is not None and (known.is_edited or _shipped_values(known) == _row_values(row)):
            continue
        values = {**_row_values(row), "default_standard": codes[row.kind, row.standard_code]}
        values.pop("default")
        saved, _ = TriageClass.objects.update_or_create(slug=row.slug, defaults=values)
        saved.standard_codes.set(codes[pair] for pair in row.standard_codes)
        changed += 1
    return changed


def _row_values(row: reference.ClassRow) -> dict[str, Any]:
    return {
        "name_zh": row.name,
        "name_en": row.name_en,
        "family": row.family,
        "severity_floor": row.severity_floor,
        "raise_when": row.raise_when,
        "default_unit": row.default_unit,
        "icon": row.icon,
        "order": row.order,
        "default": (row.kind, row.standard_code),
    }


def _shipped_values(row: TriageClass) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _EDITABLE if name != "active"}
    return {**values, "default": (row.default_standard.kind, row.default_standard.code)}


def edit_class(slug: str, changes: dict[str, Any], *, actor_ref: str) -> TriageClass:
    """Change a class; from then on `load_reference` leaves it alone. The audit event keeps before and after."""
    unknown = set(changes) - set(_EDITABLE)
    if unknown:
        raise BadClassEdit(field=min(unknown))
    if changes.get("severity_floor", "low") not in SEVERITIES:
        raise BadClassEdit(field="severity_floor")
    with transaction.atomic():
        row = TriageClass.objects.select_for_update().filter(slug=slug).first()
        if row is None:
            raise UnknownClass
        diff = {name: [getattr(row, name), new] for name, new in changes.items() if getattr(row, name) != new}
        if diff:
            for name, (_, new) in diff.items():
                setattr(row, name, new)
            row.is_edited = True
            row.save()
            record("codes.class_edited", subject=f"triage-class:{slug}", actor=actor_ref, changes=diff)
    queries.forget()
    return row


@transaction.atomic
def upsert_divisions(rows: Iterable[DivisionRow], *, actor_ref: str) -> dict[str, Division]:
    """Add or change divisions, in any order of the rows; parents are named by code. Returns them by code.

    A division that moves takes everything below it along.
    """
    wanted = {row.code: row for row in rows}
    have = {row.code: row for row in Division.objects.select_related("parent")}
    changed = 0
    for row in _parents_first(wanted, set(have)):
        changed += _save_division(row, have)
    if changed:
        record("codes.divisions_changed", subject="codes:divisions", actor=actor_ref, count=changed)
    return {code: have[code] for code in wanted}


def _parents_first(wanted: dict[str, DivisionRow], have: set[str]) -> list[DivisionRow]:
    ordered: dict[str, DivisionRow] = {}
    for row in wanted.values():
        chain: list[DivisionRow] = []
        while row.code not in ordered:
            if row in chain:
                raise CircularDivision(field="parent", code=row.code)
            chain.append(row)
            if row.parent in wanted:
                row = wanted[row.parent]
                continue
            if row.parent and row.parent not in have:
                raise UnknownParent(field="parent", code=row.code, parent=row.parent)
            break
        ordered.update((step.code, step) for step in reversed(chain))
    return list(ordered.values())


def _save_division(row: DivisionRow, have: dict[str, Division]) -> bool:
    parent = have[row.parent] if row.parent else None
    try:
        path = path_of(row.code, parent.path if parent else "")
    except BadCode as error:
        raise BadDivision(field="code", code=row.code) from error
    node = have.get(row.code)
    if node is not None and parent is not None and parent.path.startswith(node.path):
        raise CircularDivision(field="parent", code=row.code)
    values = {
        "name": row.name,
        "level": row.level,
        "parent": parent,
        "path": path,
        "order": row.order,
        "is_demo": row.is_demo,
    }
    if node is None:
        have[row.code] = Division.objects.create(code=row.code, **values)
        return True
    if all(getattr(node, name) == value for name, value in values.items()):
        return False
    _move_below(node.path, path, have)
    for name, value in values.items():
        setattr(node, name, value)
    node.save()
    return True


def _move_below(old: str, new: str, have: dict[str, Division]) -> None:
    if old == new:
        return
    below = [row for row in have.values() if row.path.startswith(old) and row.path != old]
    for row in below:
        row.path = new + row.path[len(old) :]
    Division.objects.bulk_update(below, ["path"], batch_size=500)
