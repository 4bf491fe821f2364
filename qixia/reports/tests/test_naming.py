"""Which units may be named for a case, and what a unit that once helped still sees."""

from __future__ import annotations

import pytest

from qixia.reports import access, errors, services
from qixia.reports.tests.test_services import counts
from qixia.reports.tests.town import Town, reach, the

NAMING = {
    "return": (
        "accepted",
        lambda t, i, code: services.return_report(actor=t.worker, public_id=i, reason="归他们", to=code),
    ),
    "ask_help": (
        "accepted",
        lambda t, i, code: services.ask_help(actor=t.worker, public_id=i, unit_code=code, words="来"),
    ),
    "decide": (
        "returned",
        lambda t, i, code: services.decide(actor=t.supervisor, public_id=i, unit_code=code, reason="归他们"),
    ),
    "split": (
        "dispatched",
        lambda t, i, code: services.split(
            actor=t.clerk, public_id=i, parts=[services.PartAsked("huanwei", "一"), services.PartAsked(code, "二")]
        ),
    ),
}


@pytest.mark.parametrize("step", NAMING)
def test_nobody_names_a_unit_that_can_not_act(town: Town, step: str) -> None:
    """A platform, or a unit where nobody would read it: the case would lie there and its clocks run out."""
    state, name = NAMING[step]
    receipt = reach(town, state)
    before = counts()
    for code, refusal in (("yunpao", errors.UnknownUnit), ("yuanlin", errors.NobodyThere)):
        with pytest.raises(refusal):
            name(town, receipt.public_id, code)
    assert counts() == before
    assert (the(receipt).state, the(receipt).unit.code) == (state, "shizheng")
    name(town, receipt.public_id, "huanwei") if step != "split" else name(town, receipt.public_id, "shizheng")


def test_who_is_let_off_sees_the_case_no_more(town: Town) -> None:
    receipt = reach(town, "accepted")
    services.ask_help(actor=town.worker, public_id=receipt.public_id, unit_code="huanwei", words="先把垃圾清开")
    assert access.cases(town.cleaner).filter(public_id=receipt.public_id).exists()
    services.waive_help(actor=town.worker, public_id=receipt.public_id, unit_code="huanwei", reason="问错了")
    assert not access.cases(town.cleaner).filter(public_id=receipt.public_id).exists()


def test_who_has_helped_still_sees_what_came_of_it(town: Town) -> None:
    receipt = reach(town, "accepted")
    services.ask_help(actor=town.worker, public_id=receipt.public_id, unit_code="huanwei", words="先把垃圾清开")
    services.add_help(actor=town.cleaner, public_id=receipt.public_id, text="清开了", done=True)
    assert access.cases(town.cleaner).filter(public_id=receipt.public_id).exists()
