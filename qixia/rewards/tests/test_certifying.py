"""Acts that a worker confirms by a list of phone numbers: read line by line, paid at once and once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed
from qixia.people.access import actor_for
from qixia.people.models import Person
from qixia.people.services import grant_role
from qixia.people.sessions import BACKEND
from qixia.policy.services import publish_seeds
from qixia.rewards import queries, services
from qixia.rewards.models import Posting
from qixia.rewards.queries import certifying
from qixia.rewards.tests.builders import organisation, person, phone_of, rider_by_phone

MORNING = datetime(2026, 3, 2, 8, tzinfo=clock.CITY_TZ)
TODAY = MORNING.date()


@pytest.fixture(autouse=True)
def _shipped(db):
    publish_seeds()
    with clock.at(MORNING):
        yield


@pytest.fixture
def worker():
    return person("clerk", organisation("jintang", "community"))


def certify(worker, text, rule="care.meal", day=TODAY):
    return services.certify(actor=worker, rule=rule, day=day, text=text)


def test_points_are_there_at_once_and_say_where(worker):
    rider = rider_by_phone(1)
    done = certify(worker, phone_of(1))
    assert (done.riders, done.acts, done.points, done.left_out) == (1, 1, 10, 0)
    assert queries.balance(rider.ref) == 10
    row = Posting.objects.get(beneficiary=rider.ref)
    assert (row.rule, row.actor, row.params["place"]) == ("care.meal", worker.ref, "jintang 食堂")


def test_a_list_that_grew_adds_what_is_new(worker):
    rider = rider_by_phone(1)
    certify(worker, phone_of(1))
    done = certify(worker, f"{phone_of(1)} 3")
    assert (done.acts, done.repeated) == (2, 1)
    assert queries.balance(rider.ref) == 30


def test_another_organisation_confirms_other_acts(worker):
    rider = rider_by_phone(1)
    certify(worker, phone_of(1))
    certify(person("clerk", organisation("yunxi", "community")), phone_of(1))
    assert queries.balance(rider.ref) == 20


def test_what_a_day_gives_at_most_holds(worker):
    rider = rider_by_phone(1)
    done = certify(worker, f"{phone_of(1)} 8")
    assert (done.acts, done.points, queries.balance(rider.ref)) == (8, 60, 60)


@pytest.mark.parametrize(
    ("line", "times"),
    [("{} 3", 3), ("{}\t3", 3), ("{}，3次", 3), ("{} × 3 份", 3), ("+86 {} ", 1), ("{},12", 12)],
)
def test_lines_as_people_write_them(worker, line, times):
    rider_by_phone(1)
    (found,) = certifying.checked(worker, rule="care.meal", day=TODAY, text=line.format(phone_of(1))).lines
    assert (found.verdict, found.times, found.why) == ("good", times, "")


def test_lines_that_are_left_out_say_why(worker):
    rider_by_phone(1)
    text = f"{phone_of(1)}\n\n{phone_of(1)}\n{phone_of(2)}\n1380000\n{phone_of(1)} 21"
    lines = certifying.checked(worker, rule="care.meal", day=TODAY, text=text).lines
    assert [(line.number, line.verdict) for line in lines] == [
        (1, "good"), (3, "wrong"), (4, "wrong"), (5, "wrong"), (6, "wrong")
    ]  # fmt: skip
    assert [line.why[:8] for line in lines] == [
        "",
        "这个号上面已经写",
        "没有骑手用这个号",
        "手机号要 11 ",
        "一行最多 20 ",
    ]
    assert all(phone_of(1) not in line.said for line in lines)
    done = certify(worker, text)
    assert (done.acts, done.left_out) == (1, 4)


def test_nobody_certifies_for_oneself():
    rider, office = rider_by_phone(1), organisation("jintang", "community")
    grant_role(person_id=rider.person_id, role="clerk", organisation_id=office.pk, actor="person:chief")
    with pytest.raises(Invalid) as refusal:
        certify(actor_for(rider.person_id), phone_of(1))
    assert refusal.value.field == "riders"
    assert not Posting.objects.exists()


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("rule", {"rule": "manhole"}),
        ("rule", {"rule": "gone"}),
        ("day", {"day": TODAY + timedelta(days=1)}),
        ("day", {"day": TODAY - timedelta(days=15)}),
        ("riders", {"text": " \n "}),
        ("riders", {"text": "\n".join(["1"] * 201)}),
        ("riders", {"text": "13900000000"}),
    ],
)
def test_what_is_wrong_is_named_and_leaves_no_trace(worker, field, asked):
    rider_by_phone(1)
    before = AuditEvent.objects.count()
    with pytest.raises(Invalid) as refusal:
        certify(worker, **{"text": phone_of(1)} | asked)
    assert refusal.value.field == field
    assert not Posting.objects.exists()
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("role", ["rider", "merchant", "worker"])
def test_others_certify_nothing(role):
    rider_by_phone(1)
    with pytest.raises(NotAllowed):
        certify(person(role), phone_of(1))


class TestPage:
    @pytest.fixture
    def desk(self, worker):
        client = Client()
        client.force_login(Person.objects.get(pk=worker.person_id), backend=BACKEND)
        return client

    def test_looked_at_then_paid(self, desk, worker):
        rider = rider_by_phone(1)
        asked = {"rule": "care.meal", "day": TODAY.isoformat(), "riders": f"{phone_of(1)} 2\n{phone_of(2)}"}
        page = desk.post(reverse("rewards:certify"), asked | {"act": "look"}).content.decode()
        assert "1 位骑手，2 次" in page
        assert "第 2 行：没有骑手用这个号登记。" in page
        assert not Posting.objects.exists()
        answer = desk.post(reverse("rewards:certify"), asked | {"act": "pay"}, follow=True)
        assert "确认了 1 位骑手的 2 次，共 20 分。" in answer.content.decode()
        assert queries.balance(rider.ref) == 20
        assert answer.content.decode().count('data-testid="earlier"') == 1

    def test_what_was_typed_stays(self, desk):
        asked = {"rule": "care.meal", "day": "", "riders": phone_of(1), "act": "look"}
        answer = desk.post(reverse("rewards:certify"), asked)
        assert answer.status_code == 422
        assert phone_of(1) in answer.content.decode()
        assert "请选日期。" in answer.content.decode()

    def test_long_lists_cost_no_query_a_line(self, desk, django_assert_max_num_queries):
        for n in range(30):
            rider_by_phone(n)
        asked = {"rule": "care.meal", "day": TODAY.isoformat(), "act": "look"}
        desk.post(reverse("rewards:certify"), asked | {"riders": phone_of(1)})
        with django_assert_max_num_queries(40) as few:
            desk.post(reverse("rewards:certify"), asked | {"riders": phone_of(1)})
        most = len(few)
        with django_assert_max_num_queries(most):
            desk.post(reverse("rewards:certify"), asked | {"riders": "\n".join(phone_of(n) for n in range(30))})
