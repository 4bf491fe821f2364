"""Standing in for a colleague: what the deputy may do meanwhile, and when it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed, NotFound
from qixia.people import queries, services
from qixia.people.access import actor_for
from qixia.people.models import Deputy, Organisation, RoleGrant
from qixia.people.tests import build
from qixia.policy.services import publish_seeds

pytestmark = pytest.mark.django_db
MAKER = "system:test"


@pytest.fixture
def office():
    """A lead who goes away, a worker of the same unit, somebody of another unit, an administrator."""
    publish_seeds()
    queries.forget_organisations()
    lead = build.staff(username="lead", role="unit_lead")
    other = services.create_organisation(code="unit-b", name="乙", kind="unit", actor=MAKER)
    unit = Organisation.objects.get(code="unit-a")
    made = {"lead": lead}
    for name, role, where in (("worker", "worker", unit), ("stranger", "worker", other), ("admin", "admin", other)):
        made[name] = services.create_person(display_name=name, username=f"d-{name}", actor=MAKER)
        services.grant_role(person_id=made[name].pk, role=role, organisation_id=where.pk, actor=MAKER)
    return made


def stand_in(office, by="lead", deputy="worker", start=timedelta(), days=3):
    now = clock.now()
    return services.set_deputy(
        actor=actor_for(office[by]),
        person=office["lead"].public_id,
        deputy=office[deputy].public_id,
        starts_at=now + start,
        ends_at=now + start + timedelta(days=days),
    )


def test_the_deputy_has_the_role_for_that_time_alone(office):
    stand_in(office)
    worker = actor_for(office["worker"])
    assert worker.has("unit_lead")
    (lent,) = [grant for grant in worker.grants if grant.role == "unit_lead"]
    assert worker.acts_for([lent]) == f"person:{office['lead'].public_id}"
    assert worker.acts_for(worker.grants) == ""
    with clock.at(clock.now() + timedelta(days=4)):
        assert not actor_for(office["worker"]).has("unit_lead")
    members = {member.person_id for member in queries.staff_of(lent.organisation_id, "unit_lead")}
    assert members == {office["lead"].pk, office["worker"].pk}


def test_it_begins_when_it_says(office):
    stand_in(office, start=timedelta(days=2))
    assert not actor_for(office["worker"]).has("unit_lead")
    with clock.at(clock.now() + timedelta(days=2, minutes=1)):
        assert actor_for(office["worker"]).has("unit_lead")


def test_back_early(office):
    made = stand_in(office)
    services.end_deputy(actor=actor_for(office["lead"]), public_id=made.public_id)
    services.end_deputy(actor=actor_for(office["lead"]), public_id=made.public_id)
    assert not actor_for(office["worker"]).has("unit_lead")
    assert AuditEvent.objects.filter(action="people.deputy_ended").count() == 1
    stand_in(office)
    assert actor_for(office["worker"]).has("unit_lead")


@pytest.mark.parametrize("who", ["worker", "stranger"])
def test_nobody_else_names_a_deputy(office, who):
    with pytest.raises(NotFound):
        stand_in(office, by=who)
    assert (Deputy.objects.count(), RoleGrant.objects.exclude(acting_for="").count()) == (0, 0)


def test_an_administrator_may_and_a_borrowed_lead_may_not(office):
    made = stand_in(office, by="admin")
    with pytest.raises(NotFound):
        services.end_deputy(actor=actor_for(office["worker"]), public_id=made.public_id)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"deputy": "stranger"}, services.NoColleague),
        ({"deputy": "lead"}, services.NoColleague),
        ({"days": 0}, Invalid),
        ({"days": 91}, Invalid),
        ({"start": -timedelta(days=1)}, Invalid),
    ],
)
def test_what_is_no_standing_in(office, given, refusal):
    with pytest.raises(refusal):
        stand_in(office, **given)
    assert (Deputy.objects.count(), RoleGrant.objects.exclude(acting_for="").count()) == (0, 0)


def test_one_at_a_time(office):
    stand_in(office)
    with pytest.raises(services.AlreadyDeputed):
        stand_in(office, start=timedelta(days=1))


def test_an_administrator_lends_nothing(office):
    now = clock.now()
    with pytest.raises(NotAllowed):
        services.set_deputy(
            actor=actor_for(office["admin"]),
            person=office["admin"].public_id,
            deputy=office["stranger"].public_id,
            starts_at=now,
            ends_at=now + timedelta(days=1),
        )


def test_what_is_held_for_somebody_ends_with_that_persons_role(office):
    stand_in(office)
    own = RoleGrant.objects.get(person=office["lead"], role="unit_lead")
    services.revoke_role(grant=own.public_id, actor=MAKER)
    assert not actor_for(office["worker"]).has("unit_lead")


def test_an_own_role_takes_the_place_of_a_borrowed_one(office):
    stand_in(office)
    unit = Organisation.objects.get(code="unit-a")
    services.grant_role(person_id=office["worker"].pk, role="unit_lead", organisation_id=unit.pk, actor=MAKER)
    with clock.at(clock.now() + timedelta(days=10)):
        assert actor_for(office["worker"]).has("unit_lead")


class TestALeadForAMember:
    """The lead of a unit names who stands in for somebody of it."""

    def lent(self):
        return sorted(RoleGrant.objects.exclude(acting_for="").values_list("role", "organisation__code"))

    def ask(self, office, by, person, deputy):
        now = clock.now()
        return services.set_deputy(
            actor=actor_for(office[by]),
            person=office[person].public_id,
            deputy=office[deputy].public_id,
            starts_at=now,
            ends_at=now + timedelta(days=1),
        )

    def third(self, office):
        unit = Organisation.objects.get(code="unit-a")
        office["third"] = services.create_person(display_name="third", username="d-third", actor=MAKER)
        services.grant_role(person_id=office["third"].pk, role="worker", organisation_id=unit.pk, actor=MAKER)
        return unit

    def test_lends_what_is_held_in_that_unit_and_no_oversight(self, office):
        unit, other = self.third(office), Organisation.objects.get(code="unit-b")
        for role, where in (("clerk", unit), ("supervisor", other), ("unit_lead", other), ("unit_lead", unit)):
            services.grant_role(person_id=office["worker"].pk, role=role, organisation_id=where.pk, actor=MAKER)
        self.ask(office, "lead", "worker", "third")
        assert self.lent() == [("unit_lead", "unit-a")]

    def test_all_of_it_is_lent_by_the_person(self, office):
        unit = self.third(office)
        services.grant_role(person_id=office["worker"].pk, role="clerk", organisation_id=unit.pk, actor=MAKER)
        self.ask(office, "worker", "worker", "third")
        assert self.lent() == [("clerk", "unit-a")]

    def test_what_the_person_lent_beyond_the_unit_the_lead_cannot_end(self, office):
        unit = self.third(office)
        services.grant_role(person_id=office["worker"].pk, role="clerk", organisation_id=unit.pk, actor=MAKER)
        made = self.ask(office, "worker", "worker", "third")
        with pytest.raises(NotFound):
            services.end_deputy(actor=actor_for(office["lead"]), public_id=made.public_id)
        assert self.lent() == [("clerk", "unit-a")]
        services.end_deputy(actor=actor_for(office["worker"]), public_id=made.public_id)
        assert not RoleGrant.objects.exclude(acting_for="").filter(revoked_at=None).exists()

    def test_never_to_the_lead(self, office):
        self.third(office)
        with pytest.raises(services.NotYourself):
            self.ask(office, "lead", "worker", "lead")
        assert (Deputy.objects.count(), self.lent()) == (0, [])

    def test_not_for_a_clerk_who_does_no_work_of_the_unit(self, office):
        unit = self.third(office)
        clerk = office["clerk"] = services.create_person(display_name="c", username="d-clerk", actor=MAKER)
        services.grant_role(person_id=clerk.pk, role="clerk", organisation_id=unit.pk, actor=MAKER)
        with pytest.raises(NotFound):
            self.ask(office, "lead", "clerk", "third")
        assert self.lent() == []
