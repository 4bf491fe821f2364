"""A colleague stands in: what is done meanwhile is recorded for whom, and the page that sets it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.reports import errors, queries, services
from qixia.reports.tests.test_desk_web import desk
from qixia.reports.tests.town import MAKER, reach, the


def second_clerk(town):
    """Somebody at the clerk's desk who is no clerk."""
    person = people.create_person(display_name="小秋", username="xiaoqiu", actor=MAKER)
    place = next(grant.organisation_id for grant in town.clerk.grants)
    people.grant_role(person_id=person.pk, role="worker", organisation_id=place, actor=MAKER)
    town.people["second"] = person
    return person


def test_a_step_by_a_borrowed_role_says_for_whom(town):
    person, now = second_clerk(town), clock.now()
    receipt = reach(town, "resolved")
    people.set_deputy(
        actor=town.clerk,
        person=town.clerk.public_id,
        deputy=person.public_id,
        starts_at=now,
        ends_at=now + timedelta(days=2),
    )
    services.verify(actor=actor_for(person), public_id=receipt.public_id)
    step = the(receipt).steps.get(step="verify")
    assert (step.actor, step.data["for"]) == (f"person:{person.public_id}", town.clerk.ref)
    event = AuditEvent.objects.get(action="reports.verify")
    assert event.data["on_behalf_of"] == town.clerk.ref
    shown = queries.case(town.clerk, receipt.public_id).events
    assert any("代班" in item.title for item in shown)
    assert not any("代班" in item.title for item in queries.rider_report(town.rider, receipt.public_id).events)


def test_an_own_role_acts_for_nobody(town):
    receipt = reach(town, "accepted")
    assert "for" not in the(receipt).steps.get(step="accept").data


def test_notices_go_to_both(town):
    person, now = second_clerk(town), clock.now()
    people.set_deputy(
        actor=town.clerk,
        person=town.clerk.public_id,
        deputy=person.public_id,
        starts_at=now,
        ends_at=now + timedelta(days=2),
    )
    reach(town, "resolved")
    told = set(Notice.objects.filter(template="report.resolved").values_list("person_id", flat=True))
    assert {town.clerk.person_id, person.pk} <= told


def test_who_stands_in_for_a_watcher_is_told_what_the_watcher_is(town):
    """Also where nothing had to be lent; only for that time, not of an own step, and not of what he may not see."""
    now, told = clock.now(), Notice.objects.filter(template="case.watched")
    receipt, elsewhere = reach(town, "accepted"), reach(town, "accepted")
    services.watch(actor=town.worker, public_id=receipt.public_id)
    services.watch(actor=town.worker, public_id=elsewhere.public_id)
    start = now + timedelta(hours=1)
    people.set_deputy(
        actor=town.worker,
        person=town.worker.public_id,
        deputy=town.colleague.public_id,
        starts_at=start,
        ends_at=start + timedelta(hours=2),
    )
    services.answer_for(actor=town.clerk, public_id=receipt.public_id, text="在办")
    assert set(told.values_list("person_id", flat=True)) == {town.worker.person_id}
    with clock.at(start):
        services.answer_for(actor=town.clerk, public_id=receipt.public_id, text="在办")
        assert told.filter(person_id=town.colleague.person_id).count() == 1
        services.answer(actor=town.colleague, public_id=receipt.public_id, text="快了")
        assert told.filter(person_id=town.colleague.person_id).count() == 1
        assert told.filter(person_id=town.worker.person_id).count() == 3
        services.return_report(actor=town.worker, public_id=elsewhere.public_id, reason="归环卫", to="huanwei")
        services.accept(actor=town.cleaner, public_id=elsewhere.public_id)
        before = told.count()
        services.answer(actor=town.cleaner, public_id=elsewhere.public_id, text="快了")
        assert told.count() == before
    before = told.filter(person_id=town.colleague.person_id).count()
    with clock.at(start + timedelta(hours=2)):
        services.answer_for(actor=town.clerk, public_id=receipt.public_id, text="在办")
    assert told.filter(person_id=town.colleague.person_id).count() == before


def test_the_page_sets_and_ends_it(town):
    person = second_clerk(town)
    client = desk(town, "clerk")
    day = clock.city_date(clock.now()).isoformat()
    form = {"person": town.clerk.public_id, "deputy": person.public_id, "starts": day, "ends": day}
    assert client.post("/desk/deputies/", form).status_code == 303
    assert actor_for(person).has("clerk")
    page = client.get("/desk/deputies/").content.decode()
    assert "小秋" in page
    ending = page.split('name="end" value="')[1].split('"')[0]
    client.post("/desk/deputies/", {"end": ending})
    assert not actor_for(person).has("clerk")


def test_whoever_says_it_is_done_does_not_look_whether_it_is(town):
    """Not as a clerk of the same place, and not for the clerk who did it; nor the clerk, when it was done for him."""
    place = next(grant.organisation_id for grant in town.clerk.grants)
    people.grant_role(person_id=town.worker.person_id, role="clerk", organisation_id=place, actor=MAKER)
    both, receipt = town.fresh("worker"), reach(town, "resolved")
    with pytest.raises(errors.OwnWork):
        services.verify(actor=both, public_id=receipt.public_id)
    assert the(receipt).state == "resolved"
    page = desk(town, "worker").get(f"/desk/case/{receipt.public_id}/").content.decode()
    assert ('data-testid="own-work"' in page, 'data-testid="verify"' in page) == (True, False)
    assert "send_back" in queries.case(both, receipt.public_id).steps, "to send it back is no favour to oneself"
    page = desk(town, "clerk").get(f"/desk/case/{receipt.public_id}/").content.decode()
    assert ('data-testid="own-work"' in page, 'data-testid="verify"' in page) == (False, True)
    person, now = second_clerk(town), clock.now()
    people.set_deputy(
        actor=town.admin,
        person=both.public_id,
        deputy=person.public_id,
        starts_at=now,
        ends_at=now + timedelta(days=2),
    )
    with pytest.raises(errors.OwnWork):
        services.verify(actor=actor_for(person), public_id=receipt.public_id)
    services.verify(actor=town.clerk, public_id=receipt.public_id)
    assert the(receipt).state == "confirming"


def test_nobody_judges_an_own_report(town):
    """A clerk who rides as well neither checks it nor calls it true; another clerk does."""
    place = next(grant.organisation_id for grant in town.clerk.grants)
    people.grant_role(person_id=town.rider.person_id, role="supervisor", organisation_id=place, actor=MAKER)
    both, receipt = town.fresh("rider"), reach(town, "resolved")
    before = the(receipt).steps.count()
    for judge in (services.verify, services.validate):
        with pytest.raises(errors.OwnReport):
            judge(actor=both, public_id=receipt.public_id)
    assert {"verify", "validate"}.isdisjoint(queries.case(both, receipt.public_id).steps)
    assert (the(receipt).state, the(receipt).steps.count()) == ("resolved", before)
    services.reject(actor=town.clerk, public_id=receipt.public_id, reason="现场没有这回事")
    services.appeal(actor=both, public_id=receipt.public_id, text="就在路口")
    with pytest.raises(errors.OwnReport):
        services.grant_appeal(actor=both, public_id=receipt.public_id, text="是真的")
    services.grant_appeal(actor=town.supervisor, public_id=receipt.public_id, text="是真的")
