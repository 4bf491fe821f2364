"""Signs of cheating on reports and supports, looked for where it is known who sent them, before they are paid.

Sealed   an account's reports are found by its keyed index and never named; what leaves here are signals whose evidence
         holds reports, places and times (cheats.py). Supporters' links are opened to see who supports whom, in memory.
Cost     three statements in a savepoint for any number of reports, one more where a photo was sent before; supports: one
         for a run.
Errors   never: what fails here is written to the log and counts as "no signs". A dispatch does not wait for suspicion.
Not seen anonymous reports: they are worth one sum each, and nobody can say which are of one account. Nor is a picture
         compared with theirs: a hold names its rider, and its evidence would lay that rider beside the report.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from django.db import transaction

from qixia.kernel import clock
from qixia.kernel.geo import Point
from qixia.media.queries import same_files
from qixia.policy.queries import current
from qixia.reports import cheats
from qixia.reports.models import Report, Support
from qixia.reports.policy import Cheats
from qixia.reports.sealing import ANONYMOUS, SEALED, index_of, open_support
from qixia.rewards.queries import worth
from qixia.rewards.rules import Signal

log = logging.getLogger("qixia.reports")
Found = TypeVar("Found")

KIND = "reports.cheats"
_COLUMNS = (
    "pk",
    "public_id",
    "number",
    "cls",
    "place",
    "lat",
    "lng",
    "received_at",
    "captured_at",
    "place_source",
    "accuracy_m",
    "resolved_at",
    "self_handled",
    "reporter_index",
)
_MOST_ACCURACY_M = 200.0  # a phone that calls its place worse than this is believed no more


def signs_on(reports: Sequence[Report]) -> dict[int, tuple[Signal, ...]]:
    """Report id → signals, of sealed reports that are about to be paid; those without any are missing."""
    sealed = [report for report in reports if report.secrecy == SEALED]
    return _safely(lambda: _signs_on(sealed), {}) if sealed else {}


def _safely(look: Callable[[], Found], otherwise: Found) -> Found:
    """What `look` finds; `otherwise` if it fails, with the caller's transaction as it was."""
    try:
        with transaction.atomic():
            return look()
    except Exception:
        log.exception("signs could not be looked for")
        return otherwise


def _signs_on(sealed: Sequence[Report]) -> dict[int, tuple[Signal, ...]]:
    policy: Cheats = current(KIND).data
    worths: dict[str, int] = {}
    past, photos = _past(sealed, policy, worths), _with_same_photos(sealed, worths)
    found = {}
    for report in sealed:
        now = _seen(report, worths)
        theirs = [one for one in past[report.reporter_index or ""] if one.public_id != report.public_id]
        if signals := cheats.signals(now, [one for one in theirs if one.at <= now.at], photos[report.ref], policy):
            found[report.pk] = signals
    return found


def _past(reports: Sequence[Report], policy: Cheats, worths: dict[str, int]) -> dict[str, list[cheats.Seen]]:
    """What each account sent lately, oldest first; what is settled in one batch sees each other."""
    since = clock.now() - timedelta(days=policy.own_made.days)
    indexes = {report.reporter_index for report in reports}
    rows = (
        Report.objects.filter(reporter_index__in=indexes, received_at__gte=since)
        .exclude(pk__in=[report.pk for report in reports])
        .exclude(state="invalid")
        .only(*_COLUMNS)
    )
    found: dict[str, list[cheats.Seen]] = defaultdict(list)
    for row in (*rows, *reports):
        found[row.reporter_index or ""].append(_seen(row, worths))
    for seen in found.values():
        seen.sort(key=lambda one: one.at)
    return found


def _with_same_photos(reports: Sequence[Report], worths: dict[str, int]) -> dict[str, list[cheats.Seen]]:
    """Report → earlier reports that came with the very same file, but for anonymous ones."""
    same = same_files([report.ref for report in reports])
    names = {ref.removeprefix("report:") for refs in same.values() for ref in refs}
    if not names:
        return defaultdict(list)
    earlier = Report.objects.filter(public_id__in=names).exclude(secrecy=ANONYMOUS)
    rows = {row.ref: row for row in earlier.only(*_COLUMNS)}
    found: dict[str, list[cheats.Seen]] = defaultdict(list)
    for ref, others in same.items():
        found[ref] = [_seen(rows[other], worths) for other in sorted(others) if other in rows]
    return found


def _seen(report: Report, worths: dict[str, int]) -> cheats.Seen:
    if report.cls and report.cls not in worths:
        worths[report.cls] = worth(report.cls)
    return cheats.Seen(
        public_id=report.public_id,
        number=report.number,
        cls=report.cls,
        place=report.place,
        point=Point(report.lat, report.lng),
        at=report.received_at,
        taken_at=report.captured_at,
        on_spot=report.place_source == "gps" and _is_exact(report.accuracy_m),
        accuracy_m=report.accuracy_m or 0.0,
        fixed_at=report.resolved_at,
        handled=report.self_handled,
        worth=worths.get(report.cls, 0),
    )


def _is_exact(accuracy_m: float | None) -> bool:
    """A place of unknown accuracy may be a cell of the network, kilometres wide."""
    return accuracy_m is not None and accuracy_m <= _MOST_ACCURACY_M


class Supporters:
    """Who supports whom, for one run of paying supports. Names are indexes of reporters and stay in here."""

    def __init__(self) -> None:
        self.policy: Cheats = current(KIND).data
        self._edges: Counter[tuple[str, str]] = _safely(lambda: _edges(self.policy), Counter())
        self._known: dict[str, tuple[Signal, ...]] = {}

    def signs_on(self, person: str) -> tuple[Signal, ...]:
        """What is odd about the supports of this person (public id)."""
        who = index_of(person)
        if who not in self._known:
            found = cheats.mutual_support(self._edges, who, self.policy)
            self._known[who] = (found,) if found else ()
        return self._known[who]


def _edges(policy: Cheats) -> Counter[tuple[str, str]]:
    since = clock.city_date(clock.now()) - timedelta(days=policy.mutual.days)
    rows = Support.objects.filter(day__gte=since, link__isnull=False, report__secrecy=SEALED).order_by("-pk")
    columns = rows.values_list("public_id", "link", "index", "report__reporter_index")
    return _counted(columns[: policy.mutual.read_most])


def _counted(rows: Iterable[tuple[str, Any, str | None, str | None]]) -> Counter[tuple[str, str]]:
    """A supporter's link is opened once: the index of supports is another one than that of reports."""
    names: dict[str, str] = {}
    found: Counter[tuple[str, str]] = Counter()
    for public_id, link, index, reporter in rows:
        if not index or not reporter:
            continue  # erased meanwhile
        if index not in names:
            names[index] = index_of(open_support(link, support=public_id))
        found[names[index], reporter] += 1
    return found
