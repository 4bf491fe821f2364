"""Which units may be named for a case, and what a unit that once helped still sees."""

from __future__ import annotations

import pytest

from qixia.people import services as people
from qixia.people.models import Organisation
from qixia.people.queries import forget_organisations
from qixia.policy.services import publish
from qixia.reports import access, errors, services
from qixia.reports.services.desk import bulk
from qixia.reports.tests.test_services import counts
from qixia.reports.tests.town import MAKER, Town, reach, the

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
    "redirect": (
        "dispatched",
        lambda t, i, code: services.redirect(actor=t.clerk, public_id=i, unit_code=code, reason="归他们"),
    ),
    "sort": (
        "sorting",
        lambda t, i, code: services.sort(actor=t.clerk, public_id=i, cls="manhole", severity="high", unit_code=code),
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
    before, had = counts(), the(receipt).unit_id
    for code, refusal in (
        ("nobody", errors.UnknownUnit),
        ("yunpao", errors.DoesNotAct),
        ("yuanlin", errors.NobodyThere),
    ):
        with pytest.raises(refusal) as refused:
            name(town, receipt.public_id, code)
        assert refused.value.field == "unit"
    assert counts() == before
    assert (the(receipt).state, the(receipt).unit_id) == (state, had)
    name(town, receipt.public_id, "huanwei") if step != "split" else name(town, receipt.public_id, "shizheng")


def test_what_no_unit_is_for_is_sorted_to_whom_the_catalogue_names(town: Town) -> None:
    """The command centre is of another kind, and acts where the catalogue says so and somebody works for it."""
    receipt = reach(town, "sorting")
    Organisation.objects.filter(code="zhihui").update(kind="district")
    forget_organisations()
    rows = [{"unit": "zhihui"}, {"unit": "shizheng", "class": "manhole"}]
    publish("reports.routing", {"rows": rows}, note="试", actor_ref=MAKER)

    def sort(cls: str) -> None:
        services.sort(actor=town.clerk, public_id=receipt.public_id, cls=cls, severity="low", unit_code="zhihui")

    with pytest.raises(errors.DoesNotAct):
        sort("manhole")
    with pytest.raises(errors.NobodyThere):
        sort("green")
    place = Organisation.objects.get(code="zhihui").pk
    people.grant_role(person_id=town.clerk.person_id, role="worker", organisation_id=place, actor=MAKER)
    sort("green")
    assert the(receipt).unit.code == "zhihui"


def test_a_preview_says_that_a_unit_can_not_act(town: Town) -> None:
    receipt = reach(town, "dispatched")
    for code, words in (("yunpao", "不是办事的单位"), ("yuanlin", "还没有经办人"), ("huanwei", "")):
        given = bulk.Params(unit=code, text="归他们")
        (look,) = bulk.look_ahead(actor=town.clerk, act="redirect", public_ids=[receipt.public_id], given=given)
        assert words in look.why
        assert bool(look.why) == bool(words)
    with pytest.raises(errors.NobodyThere):
        bulk.run_bulk(
            actor=town.clerk,
            act="redirect",
            public_ids=[receipt.public_id],
            given=bulk.Params(unit="yuanlin", text="归他们"),
            key="key-of-a-page-1",
        )
    assert the(receipt).unit.code == "shizheng"


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
