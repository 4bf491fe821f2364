"""How refs read on these pages: staff by name, reports by number, everybody else by a pseudonym.

Riders never get a name here. That is what keeps "who opened this report" from becoming "who reported it".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from qixia.kernel.ids import show_number
from qixia.people.queries import Staff, pseudonym, staff_ever
from qixia.people.rules import ROLE_LABELS
from qixia.reports.queries.export import numbers_of


@dataclass(frozen=True, slots=True)
class Who:
    """One actor as shown: a name and the roles in small print."""

    name: str
    roles: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """All names that one page needs, fetched in two queries."""

    staff: dict[str, Staff] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)

    def actor(self, ref: str) -> Who:
        kind, _colon, rest = ref.partition(":")
        if ref in self.staff:
            known = self.staff[ref]
            return Who(known.name, "、".join(_(ROLE_LABELS[role]) for role in known.roles))
        if kind == "system":
            return Who(_("系统"), rest)
        if ref == "anonymous":
            return Who(_("匿名上报人"))
        return Who(_("上报人") if ref == "reporter" else _("骑手 %(code)s") % {"code": pseudonym(rest)})

    def subject(self, ref: str) -> str:
        kind, _colon, rest = ref.partition(":")
        if kind == "report":
            return _("上报 %(number)s") % {"number": show_number(self.numbers[rest])} if rest in self.numbers else ref
        if kind == "person":
            return self.staff[ref].name if ref in self.staff else _("人员 %(code)s") % {"code": pseudonym(rest)}
        return _("查阅记录") if ref == "log:accesses" else ref


def names_for(subjects: Iterable[str]) -> Names:
    reports = [ref.partition(":")[2] for ref in subjects if ref.startswith("report:")]
    return Names({staff.ref: staff for staff in staff_ever()}, numbers_of(reports) if reports else {})
