"""The one bar of acts of a case: the main next step first, what is near beside it, the rest in a menu. Pure but for words.

Which acts there are is said by states, ways, clocks and appeals; this table only puts them in order. What an act asks for
stands in its dialog, `step-<name>`. An act without a row here has a page of its own (merging, the alarm).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qixia.reports import states
from qixia.reports.queries.aftermath import CaseAftermath
from qixia.reports.queries.desk import CaseView
from qixia.reports.queries.ways import ACTS as WAYS

BESIDE = 2  # what fits beside the main act in the pane of the list and on a phone


class _Row(NamedTuple):
    icon: str = ""
    key: str = ""
    main: bool = False  # may stand first, in the full colour
    rare: bool = False  # in the menu, unless there is nothing else
    warn: bool = False  # takes something away from somebody: last in the menu
    label: str = ""  # where the button says something else than the table of states


# What is most pressing first. A key may stand twice where both acts are never offered together.
ORDER: dict[str, _Row] = {
    "grant_appeal": _Row("gavel", "", main=True),
    "deny_appeal": _Row(),
    "grant_extension": _Row("clock-up", "", main=True),
    "deny_extension": _Row(),
    "decide": _Row("gavel", "d", main=True),
    "sort": _Row("sparkles", "c", main=True, label=gettext_noop("去分拣")),
    "sort_handled": _Row("sparkles", "c", main=True, label=gettext_noop("去分拣")),
    "verify": _Row("eye-check", "v", main=True),
    "verify_handled": _Row("eye-check", "v", main=True),
    "send_back": _Row("", "b"),
    "accept": _Row("checks", "a", main=True),
    "help_done": _Row("checks", "e", main=True),
    "help": _Row(),
    "arrive": _Row("map-pin", "s", main=True),
    "resolve": _Row("check", "e", main=True),
    "answer": _Row("", "m"),
    "assign": _Row("", "g"),
    "answer_for": _Row(),
    "redirect": _Row("", "d"),
    "validate": _Row("", "y"),
    "inspect": _Row("map-search"),
    "ask_help": _Row("users", rare=True),
    "waive_help": _Row("x", rare=True),
    "promise": _Row("calendar-event", rare=True),
    "split": _Row("layers-subtract", rare=True),
    "ask_extension": _Row("clock-up", rare=True),
    "pause": _Row("clock-pause", rare=True),
    "resume": _Row("clock"),
    "measure": _Row("gavel", rare=True),
    "praise": _Row("award", rare=True),
    "return": _Row("arrow-back-up", "r", warn=True),
    "object": _Row("message-report", warn=True),
    "refer": _Row("message-question", warn=True),
    "set_aside": _Row("archive", warn=True),
    "reject": _Row("ban", "n", warn=True),
}


@dataclass(frozen=True, slots=True)
class Act:
    """One button. `has_page`: the act also has a page of its own, for browsers without scripts."""

    step: str
    label: str
    icon: str
    key: str
    is_main: bool
    is_warn: bool
    has_page: bool

    @property
    def test(self) -> str:
        return self.step.removesuffix("_handled")


@dataclass(frozen=True, slots=True)
class Bar:
    near: list[Act]  # the main one first, if there is one
    more: list[Act]

    @property
    def may_join(self) -> bool:
        """Whoever may ask another unit for help may also begin something that several units do together."""
        return any(act.step == "ask_help" for act in self.all)

    @property
    def all(self) -> list[Act]:
        return [*self.near, *self.more]


def bar_of(case: CaseView | None, aftermath: CaseAftermath | None) -> Bar:
    """The acts that the reader may take on this case, in order."""
    if case is None:
        return Bar([], [])
    own = [step for step in case.steps if not (step == "validate" and case.validity == "valid")]
    elsewhere = (
        {act.step for act in case.ways.acts}
        | set(case.panel.acts)
        | set(case.measures.acts)
        | set(aftermath.steps if aftermath else ())
    )
    return arranged(own, elsewhere, has_arrived=case.row.state == "working")


def arranged(own: Iterable[str], elsewhere: Iterable[str], *, has_arrived: bool = False) -> Bar:
    """`own`: steps with a page of their own; `elsewhere`: those that only have a dialog. Who has arrived is to resolve."""
    pages, offered = set(own) - set(elsewhere), set(own) | set(elsewhere)
    acts: list[Act] = []
    for step, row in ORDER.items():
        if step in offered:
            may_lead = row.main and not (step == "arrive" and has_arrived)
            is_main = may_lead and not any(act.is_main for act in acts)
            acts.append(_act(step, row, is_main=is_main, has_page=step in pages))
    acts.sort(key=lambda act: (not act.is_main, act.is_warn))  # stable: the order of the table stays within
    daily = [act for act in acts if not ORDER[act.step].rare and not act.is_warn]
    near = (daily or [act for act in acts if not act.is_warn])[: BESIDE + bool(acts and acts[0].is_main)]
    return Bar(near, [act for act in acts if act not in near])


def _act(step: str, row: _Row, *, is_main: bool, has_page: bool) -> Act:
    label = row.label or (WAYS[step][0] if step in WAYS else states.STEPS[step].label)
    return Act(step, _(label), row.icon, row.key, is_main, row.warn, has_page)
