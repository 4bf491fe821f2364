"""Signs of cheating on reports and supports, looked for where it is known who sent them, before they are paid.

Sealed   an account's reports are found by its keyed index and never named; what leaves here are signals whose evidence
         holds reports, places and times (cheats.py). Supporters' links are opened to see who supports whom, in memory.
Cost     three statements in a savepoint for any number of reports, one more where a photo was sent before; supports: two
         for a run. What is merged costs two more in a batch, and a reading of all edges where two often go together.
Errors   never: what fails here is written to the log and counts as "no signs". A dispatch does not wait for suspicion.
Not seen anonymous reports: they are worth one sum each, and nobody can say which are of one account. Nor is a picture
         compared with theirs: a hold names its rider, and its evidence would lay that rider beside the report.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F, QuerySet

from qixia.kernel import clock
from qixia.kernel.geo import Point
from qixia.media.queries import same_files
from qixia.policy.queries import current
from qixia.reports import cheats
from qixia.reports.models import Report, Support
from qixia.reports.policy import Cheats
from qixia.reports.sealing import ANONYMOUS, SEALED, index_of, open_link, open_support, supporter_index
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


def signs_on_joined(pairs: Sequence[tuple[Report, Report]]) -> dict[int, tuple[Signal, ...]]:
    """Report id → signals, of reports that go on in a lead: (report, lead). Their own, and who often goes with whom."""
    found = signs_on([report for report, _lead in pairs])
    sealed = [(report, lead) for report, lead in pairs if report.secrecy == lead.secrecy == SEALED]
    none: dict[int, tuple[Signal, ...]] = {}
    rings = _safely(lambda: _rings(sealed), none) if sealed else none
    return {pk: found.get(pk, ()) + rings.get(pk, ()) for pk in found.keys() | rings.keys()}


def _rings(pairs: Sequence[tuple[Report, Report]]) -> dict[int, tuple[Signal, ...]]:
    """Asks who supports whom only where these two went together before."""
    policy: Cheats = current(KIND).data
    since = clock.now() - timedelta(days=policy.mutual.days)
    leads = {lead.reporter_index for _report, lead in pairs}
    merged = _merged(since).filter(reporter_index__in={report.reporter_index for report, _lead in pairs})
    before = Counter(merged.filter(merged_into__reporter_index__in=leads).values_list(*_PAIR))
    names = {
        supporter_index(open_link(one.reporter_link, report=one.public_id)): one.reporter_index for one, _ in pairs
    }
    supports = Support.objects.filter(
        index__in=names, day__gte=clock.city_date(since), report__reporter_index__in=leads
    )
    before.update(
        (names[index or ""], getter) for index, getter in supports.values_list("index", "report__reporter_index")
    )
    often = [one for one, lead in pairs if before[one.reporter_index, lead.reporter_index] >= policy.mutual.each]
    known = Supporters() if often else None
    return {one.pk: signs for one in often if known and (signs := known.of_index(one.reporter_index or ""))}


_PAIR = ("reporter_index", "merged_into__reporter_index")


def _merged(since: datetime) -> QuerySet[Report]:
    """Reports of riders that go on in another rider's."""
    rows = Report.objects.filter(secrecy=SEALED, merged_into__secrecy=SEALED, received_at__gte=since)
    return rows.exclude(reporter_index=F("merged_into__reporter_index")).order_by("-pk")


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
        return self.of_index(index_of(person))

    def of_index(self, who: str) -> tuple[Signal, ...]:
        """The same of whose reports are found by this index."""
        if who not in self._known:
            found = cheats.mutual_support(self._edges, who, self.policy)
            self._known[who] = (found,) if found else ()
        return self._known[who]


def _edges(policy: Cheats) -> Counter[tuple[str, str]]:
    since = clock.city_date(clock.now()) - timedelta(days=policy.mutual.days)
    rows = Support.objects.filter(day__gte=since, link__isnull=False, report__secrecy=SEALED).order_by("-pk")
    columns = rows.values_list("public_id", "link", "index", "report__reporter_index")
    found = _counted(columns[: policy.mutual.read_most])
    merged = _merged(clock.now() - timedelta(days=policy.mutual.days)).values_list(*_PAIR)
    found.update((giver, getter) for giver, getter in merged[: policy.mutual.read_most] if giver and getter)
    return found


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
