"""How holds ended, and so how often a sign was right: for who decides about them, and for auditors.

Secrecy  what the signs said, without reports, places or anybody's name; the reason is the sentence that its rider read.
Precise  of a sign's cases that a person decided, the share in which less than all was given. What nobody looked at says
         nothing about a sign, nor what ended because its report did not hold; a case with two signs counts for both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext as _

from qixia.people.access import Actor
from qixia.people.queries import display_names_for
from qixia.policy import queries as policy
from qixia.rewards import rules, states
from qixia.rewards.access import may_read_decided
from qixia.rewards.models import Hold
from qixia.rewards.queries.reasons import opened, said_of
from qixia.rewards.queries.rulebook import rule_title

PAGE = 30
WHOLE, PART, VOID, TIMED_OUT, TAKEN = "whole", "part", "void", "timed_out", "taken"
ENDS = {WHOLE: "全给", PART: "给了一部分", VOID: "没有给", TIMED_OUT: "到期没人看", TAKEN: "上报不算了"}
GLYPHS = {WHOLE: "fixed", PART: "doing", VOID: "back", TIMED_OUT: "wait", TAKEN: "back"}
_REVERSED = "rewards.reversed"
_REASON = "hold-reason"


@dataclass(frozen=True, slots=True)
class Decided:
    """One hold that ended. `said`: each sign's title and sentence."""

    posting: int
    title: str
    points: int
    given: int
    end: str
    opened_on: date
    ended_on: date
    by: str
    reason: str
    said: list[tuple[str, str]]

    @property
    def label(self) -> str:
        return _(ENDS[self.end])

    @property
    def glyph(self) -> str:
        return GLYPHS[self.end]


@dataclass(slots=True)
class SignCount:
    """How the cases of one sign ended."""

    kind: str
    title: str
    whole: int = 0
    part: int = 0
    void: int = 0
    timed_out: int = 0
    taken: int = 0

    @property
    def all(self) -> int:
        return self.whole + self.part + self.void + self.timed_out + self.taken

    @property
    def precision(self) -> int | None:
        """Percent; None where nobody decided."""
        looked = self.whole + self.part + self.void
        return round((self.part + self.void) * 100 / looked) if looked else None


@dataclass(frozen=True, slots=True)
class Sought:
    """Which of them; empty: all. `month` is its first day."""

    month: date | None = None
    sign: str = ""
    end: str = ""

    def rows(self) -> QuerySet[Hold]:
        found = Hold.objects.exclude(state=states.OPEN)
        if self.month:
            after = (self.month + timedelta(days=32)).replace(day=1)
            found = found.filter(ended_on__gte=self.month, ended_on__lt=after)
        if self.sign:
            one = self.sign
            alone = Q(signals=one) | Q(signals__startswith=f"{one},")
            found = found.filter(alone | Q(signals__endswith=f",{one}") | Q(signals__contains=f",{one},"))
        return found.filter(_ENDED[self.end]) if self.end else found


_TAKEN = Q(state=states.VOIDED, posting__paid_by__act=_REVERSED)
_ENDED = {
    WHOLE: Q(state=states.POSTED, given=F("points")),
    PART: Q(state=states.POSTED, given__lt=F("points")),
    VOID: Q(state=states.VOIDED) & ~_TAKEN,
    TIMED_OUT: Q(state=states.TIMED_OUT),
    TAKEN: _TAKEN,
}


def decided_holds(actor: Actor, sought: Sought, *, before: int = 0) -> tuple[list[Decided], int | None]:
    """A page, the newest first, and the key of the next; nothing for who may not read it. Two statements."""
    if not may_read_decided(actor):
        return [], None
    rows = sought.rows().filter(pk__lt=before) if before else sought.rows()
    found = list(rows.select_related("posting__paid_by").order_by("-pk")[: PAGE + 1])
    following = found[PAGE - 1].pk if len(found) > PAGE else None
    names = display_names_for(_who(row) for row in found) if found else {}
    return [_decided(row, names.get(_who(row), "")) for row in found[:PAGE]], following


def _who(row: Hold) -> str:
    kind, _sep, public_id = row.decided_by.partition(":")
    return public_id if kind == "person" else ""


def _decided(row: Hold, name: str) -> Decided:
    return Decided(
        posting=row.posting_id,
        title=rule_title(row.posting.rule, row.posting.params.get("title", "")),
        points=row.points,
        given=row.given,
        end=_end(row),
        opened_on=row.opened_on,
        ended_on=row.ended_on or row.due_on,
        by=name,
        reason=opened(row.sealed_reason, _REASON),
        said=said_of(row),
    )


def _end(row: Hold) -> str:
    if row.state == states.POSTED:
        return PART if row.given < row.points else WHOLE
    if row.state == states.TIMED_OUT:
        return TIMED_OUT
    ending = getattr(row.posting, "paid_by", None)
    return TAKEN if ending and ending.act == _REVERSED else VOID


def sign_counts(actor: Actor, sought: Sought) -> list[SignCount]:
    """How the cases of each sign ended, what there is most of first. One statement, which reads no evidence."""
    if not may_read_decided(actor):
        return []
    rows = sought.rows().order_by().values_list("signals", "state")
    less, taken = Q(state=states.POSTED, given__lt=F("points")), _TAKEN
    counted = rows.annotate(n=Count("pk"), less=Count("pk", filter=less), taken=Count("pk", filter=taken))
    found: dict[str, SignCount] = {}
    titles = dict(signs())
    for kinds, state, n, in_part, taken_back in counted:
        for kind in kinds.split(","):
            one = found.setdefault(kind, SignCount(kind, titles.get(kind, kind)))
            _add(one, state, n, in_part, taken_back)
    return sorted((one for one in found.values() if not sought.sign or one.kind == sought.sign), key=lambda o: -o.all)


def _add(one: SignCount, state: str, n: int, in_part: int, taken: int) -> None:
    if state == states.POSTED:
        one.part += in_part
        one.whole += n - in_part
    elif state == states.VOIDED:
        one.taken += taken
        one.void += n - taken
    else:
        one.timed_out += n


def signs() -> list[tuple[str, str]]:
    """Kinds of signs that the rules know, with their titles."""
    data: rules.HoldsPolicy = policy.current("rewards.holds").data
    return [(kind, _(one.title)) for kind, one in data.signals.items()]


def months_decided(actor: Actor) -> list[date]:
    """Months in which some ended, the newest first; two years at most. One statement."""
    if not may_read_decided(actor):
        return []
    rows: Iterable[date] = (
        Hold.objects.exclude(state=states.OPEN)
        .annotate(month=TruncMonth("ended_on"))
        .order_by("-month")
        .values_list("month", flat=True)
        .distinct()[:24]
    )
    return list(rows)
