"""The bar of acts of a case: every step of a desk has its place, one act leads, what takes something away comes last."""

from __future__ import annotations

import pytest

from qixia.reports import states
from qixia.reports.web.bar import BESIDE, ORDER, arranged

# Not buttons of a case: what machines and riders do, and what has a page of its own.
OTHERS = {"system", "rider", "witness"}
OWN_PAGES = {"merge", "unmerge", "acknowledge", "transfer", "measure_result"}


def test_every_step_of_a_desk_has_its_place():
    at_desks = {name for name, step in states.STEPS.items() if step.who not in OTHERS}
    assert set(ORDER) == at_desks - OWN_PAGES


@pytest.mark.parametrize(
    ("own", "elsewhere", "arrived", "near", "more"),
    [
        (["accept", "answer"], ["refer", "return"], False, ["accept", "answer"], ["return", "refer"]),
        (["resolve", "arrive", "answer", "assign"], ["pause"], False, ["arrive", "resolve", "answer"], ["assign", "pause"]),
        (["resolve", "arrive", "answer", "assign"], [], True, ["resolve", "arrive", "answer"], ["assign"]),
        (["reject", "verify", "send_back"], ["set_aside"], False, ["verify", "send_back"], ["set_aside", "reject"]),
        (["redirect"], ["deny_extension", "grant_extension"], False,
         ["grant_extension", "deny_extension", "redirect"], []),
        ([], ["split", "pause"], False, ["split", "pause"], []),
        (["reject"], [], False, [], ["reject"]),
    ],
)  # fmt: skip
def test_the_next_step_leads_and_what_takes_away_is_in_the_menu(own, elsewhere, arrived, near, more):
    bar = arranged(own, elsewhere, has_arrived=arrived)
    assert ([act.step for act in bar.near], [act.step for act in bar.more]) == (near, more)
    assert len(bar.near) <= BESIDE + 1
    assert [act.is_main for act in bar.all].count(True) <= 1
    assert not any(act.is_warn for act in bar.near)


def test_no_two_acts_of_one_bar_share_a_key():
    for state in {state for step in states.STEPS.values() for state in step.sources}:
        offered = [name for name in ORDER if state in states.STEPS[name].sources and not name.endswith("_handled")]
        parties = {states.STEPS[name].who for name in offered}
        for party in parties:
            keys = [ORDER[name].key for name in offered if states.STEPS[name].who == party and ORDER[name].key]
            assert len(keys) == len(set(keys)), (state, party, keys)
