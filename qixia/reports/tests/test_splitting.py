"""One matter for several units: parts with clocks of their own, and a whole that waits for them."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.people.passes import rider_pass
from qixia.reports import access, errors, queries, services
from qixia.reports.models import Report
from qixia.reports.queries.pulse import pulse
from qixia.reports.tests.test_services import counts
from qixia.reports.tests.town import MAKER, at, photo, photo_after, reach, send, the
from qixia.rewards.models import Promise
from qixia.rewards.queries import balance

TWO = [services.PartAsked("shizheng", "换井盖"), services.PartAsked("huanwei", "清掉周围的垃圾", severity="low")]


def split(town, state="dispatched"):
    receipt = reach(town, state)
    parts = services.split(actor=town.clerk, public_id=receipt.public_id, parts=TWO)
    return the(receipt), parts


def done(actor, part):
    services.accept(actor=actor, public_id=part.public_id)
    services.resolve(actor=actor, public_id=part.public_id, text="办好了", photos=[photo_after()])


def test_each_unit_gets_its_part_with_the_clocks_of_the_whole(town):
    whole, (first, second) = split(town)
    assert (whole.state, whole.unit.code) == ("split", "shizheng")
    assert [part.unit.code for part in (first, second)] == ["shizheng", "huanwei"]
    assert [part.words for part in (first, second)] == ["换井盖", "清掉周围的垃圾"]
    assert first.received_at == second.received_at == whole.received_at
    assert first.resolve_due == whole.resolve_due
    assert second.resolve_due > whole.resolve_due  # less urgent, so it has longer
    assert (first.secrecy, first.reporter_link, first.reporter_index, first.claim_hash) == ("none", None, None, None)
    told = Notice.objects.filter(template="unit.new_case").values_list("person_id", flat=True)
    assert {town.worker.person_id, town.cleaner.person_id} <= set(told)


def test_the_whole_goes_on_when_the_last_part_is_done(town):
    whole, (first, second) = split(town)
    done(town.worker, first)
    assert the(whole).state == "split"
    done(town.cleaner, second)
    report = the(whole)
    assert report.state == "resolved"
    assert None not in (report.resolved_at, report.verify_due, report.answered_at)
    step = report.steps.get(step="gather")
    assert step.data == {"done": 2, "rejected": 0, "set_aside": 0}
    resolved = Notice.objects.filter(template="report.resolved", person_id=town.rider.person_id)
    assert resolved.count() == 1  # not for each part


def test_a_part_that_is_not_true_is_counted_and_holds_nothing_up(town):
    whole, (first, second) = split(town)
    services.reject(actor=town.clerk, public_id=second.public_id, reason="没有垃圾")
    done(town.worker, first)
    assert the(whole).steps.get(step="gather").data == {"done": 1, "rejected": 1, "set_aside": 0}
    assert (the(whole).validity, balance(town.rider.ref)) == ("undecided", 15)


def test_a_whole_without_any_true_part_waits_for_a_decision(town):
    whole, parts = split(town)
    for part in parts:
        services.reject(actor=town.clerk, public_id=part.public_id, reason="没有")
    assert the(whole).state == "returned"


def test_a_part_sent_back_takes_the_whole_back(town):
    whole, (first, second) = split(town)
    done(town.worker, first)
    done(town.cleaner, second)
    services.verify(actor=town.clerk, public_id=whole.public_id)
    services.send_back(actor=town.clerk, public_id=second.public_id, text="还有一袋")
    assert (the(whole).state, the(whole).resolved_at, the(second).state) == ("split", None, "working")
    services.resolve(actor=town.cleaner, public_id=second.public_id, text="清了", photos=[photo_after(602)])
    assert the(whole).state == "resolved"


def test_the_parts_are_filed_with_the_whole(town):
    whole, (first, second) = split(town)
    done(town.worker, first)
    done(town.cleaner, second)
    services.verify(actor=town.clerk, public_id=whole.public_id)
    services.confirm_solved(actor=town.rider, public_id=whole.public_id)
    assert the(whole).state == "fixed"
    assert [the(part).state for part in (first, second)] == ["closed", "closed"]


def test_what_is_not_true_as_a_whole_ends_its_parts(town):
    whole, parts = split(town)
    services.reject(actor=town.clerk, public_id=whole.public_id, reason="没有这回事")
    assert [the(part).state for part in parts] == ["closed", "closed"]


def test_the_first_answer_about_a_part_is_one_about_the_whole(town):
    whole, (_first, second) = split(town)
    services.answer(actor=town.cleaner, public_id=second.public_id, text="下午来清")
    assert the(whole).answered_at == the(second).answered_at is not None
    assert Notice.objects.filter(template="report.answered", person_id=town.rider.person_id).count() == 1


@pytest.mark.parametrize(
    ("parts", "refusal"),
    [
        (TWO[:1], errors.WrongParts),
        (TWO * 4, errors.WrongParts),
        ([TWO[0], TWO[0]], errors.PartsAlike),
        ([TWO[0], services.PartAsked("huanwei", "  ")], errors.Invalid),
        ([TWO[0], services.PartAsked("nobody", "清")], errors.UnknownUnit),
        ([TWO[0], services.PartAsked("huanwei", "清", cls="no-such")], errors.UnknownClass),
        ([TWO[0], services.PartAsked("huanwei", "清", severity="worst")], errors.Invalid),
    ],
)
def test_bad_parts_are_refused_whole(town, parts, refusal):
    receipt = reach(town, "dispatched")
    before = counts()
    with pytest.raises(refusal):
        services.split(actor=town.clerk, public_id=receipt.public_id, parts=parts)
    assert counts() == before


def test_what_belongs_to_the_whole_is_refused_on_a_part(town):
    whole, (first, _second) = split(town)
    other = send(town.other_rider)
    before = counts()
    for act in (
        lambda: services.split(actor=town.clerk, public_id=first.public_id, parts=TWO),
        lambda: services.merge(actor=town.clerk, public_id=first.public_id, into=other.public_id),
        lambda: services.merge(actor=town.clerk, public_id=other.public_id, into=first.public_id),
    ):
        with pytest.raises(errors.PartOfCase):
            act()
    done(town.worker, first)
    with pytest.raises(errors.PartOfCase):
        services.verify(actor=town.clerk, public_id=first.public_id)
    assert counts()[0] == before[0]
    assert the(whole).state == "split"


def test_parts_are_work_for_units_and_nothing_for_figures(town):
    whole, (first, second) = split(town)
    assert set(access.cases(town.cleaner)) == {second}
    assert pulse(clock.now()).states["dispatched"] == 0
    assert [one.number for one in queries.my_reports(town.rider, "", "", 10).items] == [whole.number]
    done(town.worker, first)
    assert queries.list_counts(town.clerk)["checks"] == 0
    assert queries.case_page(town.clerk, queries.Filter(list="checks")).items == []


def test_a_part_can_have_no_reporter(town):
    whole, (first, _second) = split(town)
    with pytest.raises(IntegrityError), transaction.atomic():
        Report.objects.filter(pk=first.pk).update(
            secrecy="sealed", reporter_link=whole.reporter_link, reporter_index=whole.reporter_index
        )


def test_a_true_part_promises_what_an_anonymous_whole_earns(town):
    receipt = services.submit_anonymous(
        rider_pass=rider_pass(),
        claim_hash="ab" * 32,
        client_key="phone-key-split",
        place=at(),
        photos=[photo(77)],
        words="井盖没了，人能掉下去",
    )
    run_pending()
    part = services.split(actor=town.clerk, public_id=receipt.public_id, parts=TWO)[0]
    assert not Promise.objects.exists()
    services.validate(actor=town.clerk, public_id=part.public_id, text="看见了", ground="seen")
    assert the(receipt).validity == "valid"
    assert Promise.objects.get().claim_hash == "ab" * 32


def test_nobody_looks_whether_the_own_part_is_done(town):
    whole, (first, second) = split(town)
    people.grant_role(
        person_id=town.worker.person_id, role="clerk", organisation_id=town.clerk.grants[0].organisation_id, actor=MAKER
    )
    both = town.fresh("worker")
    done(both, first)
    done(town.cleaner, second)
    with pytest.raises(errors.OwnWork):
        services.verify(actor=both, public_id=whole.public_id)
    assert the(whole).state == "resolved"
