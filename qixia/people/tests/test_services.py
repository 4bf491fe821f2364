"""Persons, organisations, roles and consent; what is sealed and what a request costs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from qixia.audit.models import AuditEvent
from qixia.codes.models import Division
from qixia.jobs.models import Event
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid, NotFound, Stale
from qixia.people import access, queries, rules, services, vault
from qixia.people.models import Consent, Organisation, Person, PersonKey, RoleGrant
from qixia.people.tests import build

pytestmark = pytest.mark.usefixtures("seeded")
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


@pytest.fixture
def places(seeded):
    """A district, a street in it, a community in that."""
    parent, made = None, []
    for code, level in (("350503", "district"), ("350503001", "street"), ("350503001001", "community")):
        path = f"{parent.path if parent else ''}{code}/"
        parent = Division.objects.create(code=code, name=code, level=level, parent=parent, path=path)
        made.append(parent)
    return made


# ── sealed fields ───────────────────────────────────────────────────────────


def _dump() -> bytes:
    """Every value of every table, as the database holds it."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                for value in row:
                    found.append(bytes(value) if isinstance(value, bytes | memoryview) else repr(value).encode())
    return b"\n".join(found)


def test_no_table_holds_a_phone_or_a_real_name():
    build.organisation()
    person = services.create_person(display_name="一川", phone=build.PHONE, real_name="林某某", actor=build.ACTOR)
    build.challenge()
    everything = _dump()
    assert "一川".encode() in everything  # the search does see what is there
    assert build.PHONE.encode() not in everything
    assert "林某某".encode() not in everything
    assert queries.own_card(person.pk).real_name == "林某某"
    assert queries.phone_for_message(person.pk) == build.PHONE


def test_equal_phones_have_equal_indexes_and_are_refused():
    first = services.create_person(display_name="一川", phone="+86 138 0000 0001", actor=build.ACTOR)
    assert first.phone_index == vault.phone_index("13800000001")
    assert first.phone_index != vault.phone_index("13800000002")
    with pytest.raises(rules.PhoneTaken) as caught:
        services.create_person(display_name="别人", phone="13800000001", actor=build.ACTOR)
    assert caught.value.field == "phone"
    assert Person.objects.count() == PersonKey.objects.count() == 1


def test_two_sealed_equal_phones_look_different():
    one, two = (vault.new_wrapped_key() for _ in range(2))
    sealed = {vault.seal("13800000001", wrapped=w, owner="a", field="phone") for w in (one, one, two)}
    assert len(sealed) == 3


def test_a_sealed_field_opens_only_in_its_place():
    person = build.rider()
    other = services.create_person(display_name="别人", phone="13900000000", actor=build.ACTOR)
    Person.objects.filter(pk=other.pk).update(sealed_phone=Person.objects.get(pk=person.pk).sealed_phone)
    with pytest.raises(Exception, match="does not open"):
        queries.own_card(other.pk)


def test_an_erased_person_is_forgotten_and_stays_referable():
    person = build.rider()
    sealed = bytes(Person.objects.get(pk=person.pk).sealed_phone)
    services.give_consent(person_id=person.pk, kind="place", version=1, actor=build.ACTOR)
    for _ in range(2):
        services.erase_person(person_id=person.pk, actor=build.ACTOR)
    card = queries.own_card(person.pk)
    assert (card.display_name, card.phone, card.real_name) == ("已注销", "", "")
    assert not PersonKey.objects.exists()
    assert sealed not in _dump()
    assert access.load(person.pk) is None
    assert queries.consents_of(person.pk)[0].is_given is False
    assert services.create_person(display_name="新人", phone=build.PHONE, actor=build.ACTOR).pk != person.pk


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"phone": "138"}, "phone"),
        ({"display_name": " "}, "display_name"),
        ({"real_name": "7"}, "real_name"),
        ({"username": "Ö"}, "username"),
    ],
)
def test_a_refused_person_leaves_nothing(wrong, field):
    with pytest.raises(DomainError) as caught:
        services.create_person(**({"display_name": "一川", "actor": build.ACTOR} | wrong))
    assert caught.value.field == field
    assert Person.objects.count() == AuditEvent.objects.filter(action="people.person_created").count() == 0


def test_usernames_are_one_each():
    build.staff()
    with pytest.raises(rules.UsernameTaken):
        services.create_person(display_name="二", username="YANGFU", password=build.PASSWORD, actor=build.ACTOR)


# ── roles ───────────────────────────────────────────────────────────────────


def test_an_actor_knows_roles_organisation_and_place(places, django_assert_num_queries):
    _district, street, community = places
    unit = build.organisation("unit-a", "unit", division_id=street.pk)
    person = build.rider()
    services.grant_role(person_id=person.pk, role="worker", organisation_id=unit.pk, actor=build.ACTOR)
    services.grant_role(
        person_id=person.pk, role="clerk", organisation_id=unit.pk, division_id=community.pk, actor=build.ACTOR
    )
    with django_assert_num_queries(1):
        actor = access.actor_for(person)
    assert actor.ref == f"person:{person.public_id}"
    assert actor.roles == {"rider", "worker", "clerk"}
    assert [(g.role, g.organisation_code, g.path) for g in actor.grants] == [
        ("rider", "platform-a", ""),
        ("worker", "unit-a", street.path),
        ("clerk", "unit-a", community.path),
    ]
    assert actor.organisation_ids("worker", "clerk") == {unit.pk}
    assert actor.covers(community.path, "worker")
    assert not actor.covers(street.path, "clerk")
    assert actor.organisation_name == "单位 unit-a"


def test_a_grant_holds_from_until_and_ends_when_revoked():
    person, unit = build.staff(role="clerk"), Organisation.objects.get(code="unit-a")
    services.grant_role(
        person_id=person.pk,
        role="worker",
        organisation_id=unit.pk,
        valid_from=NOW + timedelta(days=100),
        valid_until=NOW + timedelta(days=200),
        actor=build.ACTOR,
    )
    seen = []
    for days in (99, 100, 199, 200):
        with clock.at(NOW + timedelta(days=days)):
            seen.append("worker" in access.actor_for(person.pk).roles)
    assert seen == [False, True, True, False]
    grant = RoleGrant.objects.get(role="clerk")
    services.revoke_role(grant=grant.public_id, actor=build.ACTOR)
    services.revoke_role(grant=grant.public_id, actor=build.ACTOR)
    assert access.actor_for(person.pk).roles == frozenset()
    assert AuditEvent.objects.filter(action="people.role_revoked").count() == 1


def test_granting_twice_is_one_grant_and_after_revoking_a_new_one():
    person, unit = build.staff(), Organisation.objects.get(code="unit-a")
    again = services.grant_role(person_id=person.pk, role="worker", organisation_id=unit.pk, actor=build.ACTOR)
    assert RoleGrant.objects.count() == 1
    services.revoke_role(grant=again.public_id, actor=build.ACTOR)
    services.grant_role(person_id=person.pk, role="worker", organisation_id=unit.pk, actor=build.ACTOR)
    assert RoleGrant.objects.count() == 2
    assert AuditEvent.objects.filter(action="people.role_granted").count() == 2


def test_unknown_roles_and_persons_are_refused():
    person, unit = build.staff(), Organisation.objects.get(code="unit-a")
    with pytest.raises(Invalid):
        services.grant_role(person_id=person.pk, role="king", organisation_id=unit.pk, actor=build.ACTOR)
    with pytest.raises(NotFound):
        services.grant_role(person_id=0, role="worker", organisation_id=unit.pk, actor=build.ACTOR)
    with pytest.raises(NotFound):
        services.revoke_role(grant="nosuch", actor=build.ACTOR)
    assert RoleGrant.objects.count() == 1


@pytest.mark.parametrize("role", ["data_officer", "auditor", "worker"])
def test_nobody_grants_a_role_to_themselves(role):
    """An administrator who makes themselves data officer could open who reported."""
    person, unit = build.staff(role="admin"), Organisation.objects.get(code="unit-a")
    with pytest.raises(rules.OwnRole):
        services.grant_role(person_id=person.pk, role=role, organisation_id=unit.pk, actor=f"person:{person.public_id}")
    assert [grant.role for grant in RoleGrant.objects.all()] == ["admin"]


def test_nobody_and_the_closed_have_no_roles():
    person = build.staff()
    services.close_account(person_id=person.pk, actor=build.ACTOR)
    for actor in (access.actor_for(person), access.actor_for(0), access.ANONYMOUS):
        assert not actor.is_signed_in
        assert actor.roles == frozenset()
        assert not actor.covers("350503/", "worker")
    assert access.SYSTEM.is_system
    assert not access.SYSTEM.is_signed_in


def test_staff_of_an_organisation_leaves_riders_and_others_out():
    build.rider()
    person = build.staff()
    unit = Organisation.objects.get(code="unit-a")
    assert [(m.name, m.role) for m in queries.staff_of(unit.pk)] == [("阿松", "worker")]
    assert queries.staff_of(unit.pk, "unit_lead") == []
    assert queries.staff_of(Organisation.objects.get(code="platform-a").pk) == []
    services.close_account(person_id=person.pk, actor=build.ACTOR)
    assert queries.staff_of(unit.pk) == []


def test_people_in_charge_of_a_place_and_of_those_above(places):
    district, street, community = places
    office = build.organisation("office", "community", division_id=community.pk)
    city = build.organisation("city", "city")
    made = {}
    for name, role, org, division in (
        ("小满", "clerk", office, None),
        ("区里", "clerk", office, district.pk),
        ("全市", "clerk", city, None),
        ("工人", "worker", office, None),
    ):
        made[name] = services.create_person(display_name=name, actor=build.ACTOR)
        services.grant_role(
            person_id=made[name].pk, role=role, organisation_id=org.pk, division_id=division, actor=build.ACTOR
        )
    assert {m.name for m in queries.people_in_charge(community.path, "clerk")} == {"小满", "区里", "全市"}
    assert {m.name for m in queries.people_in_charge(street.path, "clerk")} == {"区里", "全市"}
    assert {m.name for m in queries.people_in_charge("999999/", "clerk")} == {"全市"}


# ── organisations ───────────────────────────────────────────────────────────


def test_organisations_are_found_by_code_without_asking_again(django_assert_num_queries):
    row = build.organisation("unit-a", "unit", families="road, water")
    first = queries.organisation_by_code("unit-a")
    assert (first.id, first.families) == (row.pk, ("road", "water"))
    with django_assert_num_queries(0):
        assert queries.organisation_by_code("unit-a") == first
    services.change_organisation(organisation_id=row.pk, name="新名字", actor=build.ACTOR)
    assert queries.organisation_by_code("unit-a").name == "新名字"
    assert queries.organisation_by_code("nosuch") is None


def test_creating_an_organisation_twice_is_one_and_another_is_a_conflict():
    build.organisation("unit-a", "unit")
    build.organisation("unit-a", "unit")
    with pytest.raises(services.OrganisationCodeTaken):
        services.create_organisation(code="unit-a", name="别的", kind="unit", actor=build.ACTOR)
    with pytest.raises(Invalid):
        services.create_organisation(code="x", name="x", kind="castle", actor=build.ACTOR)
    assert Organisation.objects.count() == 1


def test_only_some_things_of_an_organisation_change():
    row = build.organisation("unit-a", "unit")
    with pytest.raises(Invalid):
        services.change_organisation(organisation_id=row.pk, code="other", actor=build.ACTOR)
    assert Organisation.objects.get().code == "unit-a"


# ── consent ─────────────────────────────────────────────────────────────────


def _answers(person):
    return {state.text.kind: state.is_given for state in queries.consents_of(person.pk)}


def test_consents_are_apart_and_their_history_is_kept():
    person = build.rider()
    assert _answers(person) == {"place": False, "photo": False, "name": False}
    with clock.at(NOW):
        services.give_consent(person_id=person.pk, kind="place", version=1, actor=build.ACTOR)
        services.give_consent(person_id=person.pk, kind="place", version=1, actor=build.ACTOR)
    assert _answers(person) == {"place": True, "photo": False, "name": False}
    with clock.at(NOW + timedelta(days=1)):
        services.withdraw_consent(person_id=person.pk, kind="place", actor=build.ACTOR)
        services.withdraw_consent(person_id=person.pk, kind="place", actor=build.ACTOR)
    assert not queries.has_consent(person.pk, "place")
    with clock.at(NOW + timedelta(days=2)):
        services.give_consent(person_id=person.pk, kind="place", version=1, actor=build.ACTOR)
    days = [
        ((e.given_at - NOW).days, e.withdrawn_at and (e.withdrawn_at - NOW).days)
        for e in queries.consent_history(person.pk)
    ]
    assert days == [(2, None), (0, 1)]
    assert queries.who_consented([person.pk, 0], "place") == {person.pk}
    told = Event.objects.filter(name="people.consent_changed").order_by("pk")
    assert [event.payload["given"] for event in told] == [False, True]


def test_a_yes_to_an_older_text_is_refused():
    person = build.rider()
    for version in (0, 2):
        with pytest.raises(Stale):
            services.give_consent(person_id=person.pk, kind="photo", version=version, actor=build.ACTOR)
    with pytest.raises(Invalid):
        services.give_consent(person_id=person.pk, kind="blood", version=1, actor=build.ACTOR)
    assert Consent.objects.count() == 0


def test_names_are_set_and_found_by_public_id():
    person = build.rider()
    services.set_display_name(person_id=person.pk, display_name="大川", actor=build.ACTOR)
    services.set_language(person_id=person.pk, language="en", actor=build.ACTOR)
    assert queries.display_name_for(person.public_id) == "大川"
    assert queries.display_name_for("nosuch") == ""
    assert access.actor_for(person.pk).language == "en"
    with pytest.raises(Invalid):
        services.set_language(person_id=person.pk, language="tlh", actor=build.ACTOR)


def test_a_weak_password_is_refused(settings):
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"}]
    person = build.staff()
    before = Person.objects.get(pk=person.pk).password
    with pytest.raises(services.BadPassword) as caught:
        services.set_password(person_id=person.pk, password="12345678901", actor=build.ACTOR)
    assert caught.value.field == "password"
    assert Person.objects.get(pk=person.pk).password == before
