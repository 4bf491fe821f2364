"""The points' table in the console: a draft shows what it would have paid, then it is published or forgotten."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from qixia.kernel import clock
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.policy.models import RuleVersion
from qixia.rewards import queries
from qixia.rewards.services import award
from qixia.rewards.tests.builders import person

pytestmark = pytest.mark.django_db


def client_of(actor) -> Client:
    client = Client()
    client.force_login(Person.objects.get(pk=actor.person_id), backend=BACKEND)
    return client


@pytest.fixture
def month(table):
    """Six riders reported one manhole each ten days ago; the second of them two more, with a photo of the album."""
    riders = [person() for _ in range(6)]
    with clock.at(clock.now() - timedelta(days=10)):
        for number, rider in enumerate([*riders, riders[1], riders[1]]):
            award(
                beneficiary=rider.ref,
                rule="manhole",
                source=f"report:{number}",
                act="reports.dispatched",
                actor="system:test",
            )
    return riders


def form(**changes):
    shown = queries.latest_table()
    fields = {"after": shown.version, "note": "试一试", "act": "preview", "day_cap": "", "manhole:points": "20"}
    return fields | {"manhole:day_cap": "", "manhole:week_cap": ""} | changes


def test_a_draft_shows_what_it_would_have_paid(month, django_assert_max_num_queries):
    client = client_of(person("admin"))
    with django_assert_max_num_queries(13):
        page = client.post(reverse("rewards:table"), form())
    effect = page.context["effect"]
    assert (effect.paid, effect.would, effect.count, effect.riders, effect.changed) == (120, 160, 8, 6, 6)
    assert [(line.title, line.paid, line.would) for line in effect.lines] == [("井盖缺失破损移位", 120, 160)]
    assert effect.most_gained == round((15 + 5 * 4) / 5)
    # One rider alone gains more than ten points: that is not counted out.
    assert [band.riders for band in effect.bands] == [0, 0, 0, 5, None, 0]
    assert all(rider.ref not in page.content.decode() for rider in month)
    assert queries.latest_table().data.rules["manhole"].points == 15


def test_a_draft_is_published_once(month):
    client, before = client_of(person("admin")), queries.latest_table()
    sent = form(act="publish")
    assert client.post(reverse("rewards:table"), sent).status_code == 303
    assert queries.latest_table().data.rules["manhole"].points == 20
    again = client.post(reverse("rewards:table"), sent)
    assert again.status_code == 409
    assert queries.latest_table().version == before.version + 1


def campaigns(*slugs):
    today = clock.city_date(clock.now()).isoformat()
    sent = {"campaign": [f"n{n}" for n, _slug in enumerate(slugs)]}
    for n, slug in enumerate(slugs):
        one = {"slug": slug, "title": f"第 {n} 个", "first": today, "last": today, "percent": "100", "bonus": "1"}
        sent |= {f"n{n}:{name}": value for name, value in one.items()}
    return sent


def test_no_campaign_is_dropped_in_silence(month):
    client = client_of(person("admin"))
    twice = client.post(reverse("rewards:table"), form(act="publish", **campaigns("c-1", "c-2", "c-1")))
    assert (twice.status_code, queries.latest_table().data.campaigns) == (422, {})
    assert "c-1 (2)" in twice.content.decode()
    client.post(reverse("rewards:table"), form(act="publish", **campaigns(*(f"c-{n}" for n in range(25)))))
    assert len(queries.latest_table().data.campaigns) == 25


def test_a_campaign_is_added_and_pays(month):
    client, today = client_of(person("admin")), clock.city_date(clock.now())
    campaign = {"campaign": "new", "new:slug": "c-1", "new:title": "寒潮行动", "new:first": today, "new:last": today}
    sent = form(act="publish", **campaign, **{"new:percent": "100", "new:bonus": "5", "new:total_cap": "8"})
    assert client.post(reverse("rewards:table"), sent).status_code == 303
    paid = [
        award(beneficiary=rider.ref, rule="manhole", source=f"report:x{n}", act="reports.dispatched", actor="system:t")
        for n, rider in enumerate(month[:3])
    ]
    assert [(one.points, one.bonus, one.campaign) for one in paid] == [(25, 5, "c-1"), (23, 3, "c-1"), (20, None, None)]
    assert paid[0].params["why"] == {"base": 20, "percent": 100, "campaign": "寒潮行动", "bonus": 5}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"manhole:points": "viel"}, "井盖缺失破损移位 分：要写整数"),
        ({"day_cap": "-3"}, "每人每天最多：最少 0"),
        ({"manhole:day_cap": "4"}, "规则内容有误"),  # of no single field
    ],
)
def test_a_draft_that_is_no_table_says_where_and_changes_nothing(month, wrong, said):
    client = client_of(person("admin"))
    page = client.post(reverse("rewards:table"), form(act="publish", **wrong))
    assert page.status_code == 422
    assert said in page.content.decode()
    assert all(value in page.content.decode() for value in wrong.values())  # what was typed is kept
    assert RuleVersion.objects.filter(kind="rewards.points").count() == 1


def test_only_an_administrator_sees_it(table):
    assert client_of(person("clerk")).get(reverse("rewards:table")).status_code == 403
    assert client_of(person("admin")).get(reverse("rewards:table")).status_code == 200
