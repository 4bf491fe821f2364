"""The points' table in the console: a draft shows what it would have paid, then it is published or forgotten."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from qixia.codes.models import Division
from qixia.kernel import clock
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.policy.models import RuleVersion
from qixia.policy.queries import forget
from qixia.policy.services import publish
from qixia.rewards import queries
from qixia.rewards.errors import NoSuchMatter, NoSuchPlace
from qixia.rewards.services import award, publish_table
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
    with django_assert_max_num_queries(14):  # one of them for the divisions to choose from
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


@pytest.fixture
def places(db):
    """A city of one district."""
    city = Division.objects.create(code="350500", name="南浦市", level="city", path="350500/")
    Division.objects.create(code="350504", name="云溪区", level="district", parent=city, path="350500/350504/")


def winter(first=5, last=11, **changes):
    """A campaign that begins in `first` days, as the form sends it."""
    today = clock.city_date(clock.now())
    days = {"first": today + timedelta(days=first), "last": today + timedelta(days=last)}
    fields = {"slug": "c-1", "title": "暖冬", "percent": "100", "bonus": "5", **days, **changes}
    return {"campaign": "0", **{f"0:{name}": value for name, value in fields.items()}, "manhole:points": "15"}


@pytest.mark.parametrize("act", ["preview", "publish"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rules": ["manhole", "井盖"]}, "活动“暖冬”的“只算这些事项”：没有“井盖”。"),
        ({"division": "云溪区"}, "活动“暖冬”的“只在这个区划”：没有“云溪区”。"),
    ],
)
def test_a_campaign_that_names_what_there_is_not_is_refused(month, places, act, wrong, said):
    page = client_of(person("admin")).post(reverse("rewards:table"), form(act=act, **winter(**wrong)))
    assert (page.status_code, page.context["refused"], page.context.get("effect")) == (422, said, None)
    assert RuleVersion.objects.filter(kind="rewards.points").count() == 1
    body, [sent] = page.content.decode(), wrong.values()
    assert all(f'value="{value}"' in body for value in ([sent] if isinstance(sent, str) else sent))


def test_neither_the_text_of_the_table_nor_the_service_lets_it_through(month, places):
    data = queries.latest_table().data.model_dump(mode="json")
    today = clock.city_date(clock.now()).isoformat()
    one = {"title": "暖冬", "first": today, "last": today, "bonus": 5}
    for wrong, refusal in (({"rules": ["井盖"]}, NoSuchMatter), ({"division": "云溪区"}, NoSuchPlace)):
        sent = data | {"campaigns": {"c-1": one | wrong}}
        with pytest.raises(refusal):
            publish("rewards.points", sent, note="试", actor_ref="system:test")
        with pytest.raises(refusal):
            publish_table(actor=person("admin"), data=sent, note="试", after=1)
        past = one | wrong | {"first": "2026-01-01", "last": "2026-01-02"}
        queries.parse_table(data | {"campaigns": {"c-1": past}})  # long over: it stops nothing
    assert RuleVersion.objects.filter(kind="rewards.points").count() == 1


def test_a_campaign_is_made_by_choosing_and_its_choices_stay(month, places, django_assert_max_num_queries):
    client, url = client_of(person("admin")), reverse("rewards:table")
    chosen = winter(rules=["manhole", "gas"], division="350504")
    body = client.post(url, form(**chosen)).content.decode()
    for kept in ('value="manhole" checked', 'value="gas" checked', '<option value="350504" selected>'):
        assert kept in body
    assert client.post(url, form(act="publish", **chosen)).status_code == 303
    made = queries.latest_table().data.campaigns["c-1"]
    assert (made.rules, made.division) == (("manhole", "gas"), "350504")
    with django_assert_max_num_queries(13):  # one of them for the name of the division
        body = client.get(url).content.decode()
    assert "只在云溪区" in body
    assert "井盖缺失破损移位、" in body


def test_a_campaign_to_come_is_counted_as_if_it_had_run(month):
    client = client_of(person("admin"))
    page = client.post(reverse("rewards:table"), form(**winter(last=5 + 13)))
    effect = page.context["effect"]
    assert [(one.title, one.days) for one in effect.supposed] == [("暖冬", 14)]
    assert (effect.paid, effect.least, effect.would) == (120, 160, 160)
    assert "如果上个月就办了这个活动" in page.content.decode()
    # What was reported lies ten days back: a campaign of a week would not have met it.
    assert client.post(reverse("rewards:table"), form(**winter())).context["effect"].would == 120


def test_a_campaign_for_one_division_says_a_range(month, places, django_assert_max_num_queries):
    client = client_of(person("admin"))
    with django_assert_max_num_queries(16):  # two for the division: is it there, and its name
        page = client.post(reverse("rewards:table"), form(**winter(last=40, division="350504")))
    effect = page.context["effect"]
    assert (effect.paid, effect.least, effect.would, effect.changed) == (120, 120, 160, 6)
    assert [(one.title, one.place) for one in effect.unsure] == [("暖冬", "云溪区")]
    assert [(line.least, line.would) for line in effect.lines] == [(120, 160)]
    assert "120 – 160" in page.content.decode()


def test_riders_never_read_an_unknown_matter_as_all_of_them(table):
    data = queries.latest_table().data.model_dump(mode="json")
    today = clock.city_date(clock.now()).isoformat()
    one = {"title": "暖冬", "first": today, "last": today, "bonus": 5, "rules": ["closed-class"]}
    # A version from before anything was refused, or whose class was closed since.
    times = {"valid_from": clock.now(), "published_at": clock.now()}
    RuleVersion.objects.create(
        kind="rewards.points", version=2, data=data | {"campaigns": {"c-1": one}}, published_by="system:test", **times
    )
    forget()
    assert [one.rules for one in queries.rule_book().campaigns] == [["closed-class"]]


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
