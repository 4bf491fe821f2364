"""Standard texts (rule "reports.standard_texts") as forms offer them: for one case and step, the places filled.

A text of the class stands before one of the family, and that before one for everything; the language is the reader's,
since the writer looks it over before it is sent. {places} that nobody knows stay as they are, for a person to fill.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from django.utils.translation import get_language

from qixia.codes.queries import class_name, triage_classes
from qixia.kernel import clock
from qixia.kernel.ids import show_number
from qixia.policy.queries import current
from qixia.reports.models import Report
from qixia.reports.texts import StandardText

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Wording:
    """One text to choose. `key` names it in an address; it holds as long as the rule is not published anew."""

    key: str
    title: str
    text: str


def wordings(report: Report) -> dict[str, list[Wording]]:
    """Step → what its form offers for this case."""
    family = getattr(triage_classes().get(report.cls), "family", "")
    fitting = [
        (place, row)
        for place, row in enumerate(_rows())
        if row.cls in (None, report.cls) and row.family in (None, family)
    ]
    fitting.sort(key=lambda one: (one[1].cls is None, one[1].family is None, one[0]))
    found: dict[str, list[Wording]] = defaultdict(list)
    for place, row in fitting:
        offered = Wording(str(place), _title(row), fill(_said(row), report))
        for step in row.step:
            found[step].append(offered)
    return dict(found)


def wordings_for_many(step: str) -> list[Wording]:
    """What fits any case, its places open: a bulk act fills them for each."""
    return [
        Wording(str(place), _title(row), _said(row))
        for place, row in enumerate(_rows())
        if step in row.step and row.cls is None and row.family is None
    ]


def fill(text: str, report: Report) -> str:
    """`text` with what is known of the report in its places."""
    today = clock.city_time(clock.now())
    known = {
        "number": show_number(report.number),
        "unit": report.unit.name if report.unit else "",
        "place": report.place,
        "matter": class_name(report.cls) if report.cls else "",
        "date": f"{today.month} 月 {today.day} 日",
    }
    return _PLACE.sub(lambda found: known.get(found[1]) or found[0], text)


def _rows() -> list[StandardText]:
    rows: list[StandardText] = current("reports.standard_texts").data.rows
    return rows


def _said(row: StandardText) -> str:
    return row.en if _is_english() and row.en else row.zh


def _title(row: StandardText) -> str:
    return row.title_en if _is_english() and row.title_en else row.title


def _is_english() -> bool:
    return (get_language() or "").startswith("en")
