"""What riders find and see: open and near first, pages by key, numbers of the alliance, stars after use."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import cos, radians, sin
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.geo import Frame, Point
from qixia.merchants import queries, rules, services
from qixia.merchants.models import Merchant, Perk, Rating
from qixia.merchants.queries.words import now_of
from qixia.merchants.tests import builders as made
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.places import queries as places
from qixia.policy.queries import current
from qixia.rewards.tests.conftest import publish_table

pytestmark = pytest.mark.usefixtures("ground")

NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)  # Friday, twelve in the city


def next_noon() -> datetime:
    """For pages: whoever signs in has the role from now on."""
    return clock.city_day(clock.city_date(clock.now()) + timedelta(days=1))[0] + timedelta(hours=12)


HERE = Point(*made.HERE)
DAYTIME = "Mo-Su 08:00-20:00"
NIGHT = "Mo-Su 20:00-02:00"


@pytest.fixture(autouse=True)
def _rules_are_known(ground):
    """A busy process has read them."""
    current("merchants.kinds")
    current("merchants.life_list")
    places.city_bounds()


def phone(actor) -> Client:
    client = Client()
    client.force_login(Person.objects.get(pk=actor.person_id), backend=BACKEND)
    return client


def names(page) -> list[str]:
    return [card.name for card in page.items]


def perk(row: Merchant, **more) -> Perk:
    said = {"kind": "percent", "title": "全场八折", "percent_off": 20, "starts_on": date(2026, 11, 1)} | more
    return Perk.objects.create(merchant=row, **said)


class TestFinding:
    def test_open_ones_first_then_near_ones(self):
        made.members(1, "canteen", "夜店", hours=NIGHT)
        made.members(1, "canteen", "远店", hours=DAYTIME, lat=made.HERE[0] - 0.003)
        made.members(1, "canteen", "近店", hours=DAYTIME)
        made.members(1, "canteen", "停店", hours=DAYTIME, state="suspended")
        with clock.at(NOON):
            assert names(queries.shops(queries.Wish(here=HERE))) == ["近店0", "远店0", "夜店0"]
            assert names(queries.shops(queries.Wish(here=HERE, open_only=True))) == ["近店0", "远店0"]
            cards = queries.shops(queries.Wish(here=HERE)).items
            assert [card.metres for card in cards] == pytest.approx([0, 334, 0], abs=2)
            assert names(queries.shops(queries.Wish())) == ["远店0", "近店0", "夜店0"]

    def test_by_need_and_by_kind(self):
        for kind in ("canteen", "chain", "pharmacy", "health", "repair"):
            made.members(1, kind, kind)
        wishes = {"eat": ["canteen0", "chain0"], "health": ["pharmacy0", "health0"], "vehicle": ["repair0"]}
        for need, found in wishes.items():
            assert names(queries.shops(queries.Wish(need=need))) == found
        assert names(queries.shops(queries.Wish(need="eat", kind="chain"))) == ["chain0"]

    def test_what_is_beyond_the_policy_only_if_asked_for(self):
        far = {"lat": made.HERE[0] + 0.05, "cell": rules.cell_of(made.HERE[0] + 0.05, made.HERE[1])}
        made.members(1, "canteen", "远店", **far)
        assert names(queries.shops(queries.Wish(here=HERE))) == []
        assert names(queries.shops(queries.Wish(here=HERE, anywhere=True))) == ["远店0"]

    @pytest.mark.parametrize("bearing", range(0, 360, 45))
    def test_the_cells_hold_all_ground_that_is_near(self, bearing):

        lat = HERE.lat + 3000 * cos(radians(bearing)) / 111_320
        lng = HERE.lng + 3000 * sin(radians(bearing)) / 111_320 / cos(radians(HERE.lat))
        for start in (HERE, Point(HERE.lat + 0.007, HERE.lng + 0.009)):
            shifted = Point(lat + start.lat - HERE.lat, lng + start.lng - HERE.lng)
            assert rules.cell_of(shifted.lat, shifted.lng) in rules.cells_around(start, 3000)

    def test_pages_by_key_and_three_queries_however_many(self, django_assert_num_queries):
        made.members(45, "canteen", hours=DAYTIME)
        made.members(2, "canteen", "夜店", hours=NIGHT)
        seen, after = [], ""
        with clock.at(NOON):
            for _page in range(3):
                with django_assert_num_queries(3):
                    page = queries.shops(queries.Wish(here=HERE), after)
                seen += names(page)
                after = page.after
            assert after is None
            assert (len(seen), len(set(seen))) == (47, 47)
            assert seen[-2:] == ["夜店0", "夜店1"]
            assert len(queries.shops(queries.Wish(), "nonsense").items) == 20

    def test_the_map_counts_what_it_does_not_list(self, django_assert_num_queries):
        made.members(30, "canteen")
        made.members(1, "repair", "独店", lat=made.HERE[0] - 0.004, lng=made.HERE[1] - 0.004)
        frame = Frame.of("118.59,24.89,118.61,24.91", "15")
        with django_assert_num_queries(2):
            shown = queries.on_map(queries.Wish(), frame)
        assert sum(one["count"] for one in shown["clusters"]) + len(shown["points"]) == 31
        assert [one["title"] for one in shown["points"]] == ["独店0"]
        assert shown["points"][0]["state"] == "fixed"
        with pytest.raises(Invalid):
            Frame.of("1,2,3", "15")


class TestWords:
    @pytest.mark.parametrize(
        ("hours", "said"),
        [
            (DAYTIME, (True, "营业到 20:00")),
            (NIGHT, (False, "20:00 开门")),
            ("24/7", (True, "全天营业")),
            ("Mo-Su 10:00-02:00", (True, "营业到 次日 02:00")),
            ("Mo-Su 08:00-11:00", (False, "明天 08:00 开门")),
            ("Mo 09:00-18:00", (False, "周一 09:00 开门")),
        ],
    )
    def test_open_now_and_what_comes_next(self, hours, said):
        now = now_of(hours, NOON)
        assert (now.is_open, now.words) == said

    def test_a_week_with_equal_days_together(self):
        found = queries.week_of("Mo-Fr 08:00-20:00; Sa 10:00-18:00")
        assert found == [("周一至周五", "08:00–20:00"), ("周六", "10:00–18:00"), ("周日", "休息")]

    def test_perks_from_a_metre_away(self):
        (row,) = made.members(1, "canteen")
        perk(row)
        perk(row, kind="price", percent_off=None, price_fen=1250, usual_fen=1800)
        perk(row, kind="free", percent_off=None)
        perk(row, title="没开始", starts_on=date(2026, 11, 21))
        perk(row, title="过去了", ends_on=date(2026, 11, 19))
        perk(row, title="停了", ended_at=NOON)
        with clock.at(NOON):
            found = queries.perks_of([row.pk])[row.pk]
        assert [(one.big, one.usual) for one in found] == [("8 折", ""), ("¥12.50", "¥18"), ("免费", "")]


class TestNumbers:
    """What the district announced, on our pages."""

    def test_an_alliance_of_71(self):
        judge = made.clerk()
        alliance = services.found_alliance(actor=judge, division=made.COMMUNITY, name="小社区友好商家联盟")
        rows = [row for kind in ("restaurant", "repair", "supermarket") for row in made.members(24, kind, kind)]
        for row in rows[:71]:
            alliance.members.create(merchant=row)
        view = queries.shop(made.rider(), rows[0].public_id)
        assert view.alliances == [("小社区友好商家联盟", 71)]
        Merchant.objects.filter(pk=rows[1].pk).update(state="suspended")
        assert queries.shop(made.rider(), rows[0].public_id).alliances[0][1] == 70, "who is suspended is not counted"

    def test_77_canteens_85_pharmacies_18_for_the_old(self, django_assert_num_queries):
        for count, kind in ((77, "canteen"), (85, "pharmacy"), (18, "elder_canteen")):
            made.members(count, kind, kind)
        current("merchants.kinds")
        with django_assert_num_queries(1):
            counts = {one.slug: one.count for one in queries.kind_counts()}
        assert (counts["canteen"], counts["pharmacy"], counts["elder_canteen"]) == (77, 85, 18)
        client = phone(made.rider())
        page = client.get(reverse("merchants:shops"), {"need": "eat"}).content.decode()
        assert "小哥食堂 <small>77</small>" in page
        assert "长者食堂 <small>18</small>" in page
        health = client.get(reverse("merchants:shops"), {"need": "health"}).content.decode()
        assert "小哥药房 <small>85</small>" in health

    def test_twenty_percent_off_at_a_chain_and_a_price_for_riders_at_a_canteen_for_the_old(self):
        (chain,), (canteen,) = made.members(1, "chain", "连锁"), made.members(1, "elder_canteen", "长者")
        perk(chain)
        perk(canteen, kind="price", percent_off=None, price_fen=1000, usual_fen=1500, title="骑手价午餐")
        client = phone(made.rider())
        with clock.at(next_noon()):
            assert "8 折" in client.get(reverse("merchants:shop", args=[chain.public_id])).content.decode()
            page = client.get(reverse("merchants:shop", args=[canteen.public_id])).content.decode()
        assert "¥10" in page
        assert "<s>¥15</s>" in page

    def test_the_ten_things(self, django_assert_num_queries):
        made.members(3, "canteen")
        made.members(2, "chain")
        with django_assert_num_queries(1):
            lines = queries.list_of_ten()
        assert len(lines) == 10
        assert {one.slug: one.count for one in lines}["meal"] == 3
        client = phone(made.rider())
        page = client.get(reverse("merchants:ten")).content.decode()
        assert page.count('data-testid="ten"') == 10
        for one in lines:
            address = one.link or f"{reverse('merchants:shops')}?{one.query}"
            assert client.get(address).status_code == 200, one.slug


class TestPages:
    def test_the_list_needs_few_queries_with_and_without_htmx(self, django_assert_max_num_queries):
        for row in made.members(25, "canteen"):
            perk(row, starts_on=date(2020, 1, 1))
        client = phone(made.rider())
        at = {"lat": made.HERE[0], "lng": made.HERE[1]}
        client.get(reverse("merchants:shops"), at)
        with django_assert_max_num_queries(8):
            page = client.get(reverse("merchants:shops"), at).content.decode()
        assert page.count('data-testid="shop"') == 20
        assert "3 公里内 25 家" in page
        part = client.get(reverse("merchants:shops"), at, headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in part
        after = queries.shops(queries.Wish(here=HERE)).after
        rest = client.get(reverse("merchants:shops"), at | {"after": after}, headers={"HX-Request": "true"})
        assert rest.content.decode().count('data-testid="shop"') == 5

    def test_one_shop_with_hours_route_and_what_to_show(self, django_assert_max_num_queries):
        (row,) = made.members(1, "chain", "云帆便利", hours=DAYTIME)
        perk(row, starts_on=date(2020, 1, 1), show="工服或头盔", conditions="酒水除外")
        client = phone(made.rider())
        with clock.at(next_noon()), django_assert_max_num_queries(10):
            page = client.get(reverse("merchants:shop", args=[row.public_id])).content.decode()
        for words in ("云帆便利", "营业到 20:00", "每天", "08:00–20:00", "工服或头盔", "酒水除外", "geo:24.90"):
            assert words in page
        Merchant.objects.update(state="suspended")
        assert client.get(reverse("merchants:shop", args=[row.public_id])).status_code == 404

    def test_stars_after_use(self):
        publish_table()
        seller, row = made.admitted(made.clerk())
        rider = made.rider()
        used = made.used_voucher(rider, seller, row)
        client, address = phone(rider), reverse("merchants:shop", args=[row.public_id])
        assert 'data-testid="rate"' in client.get(address).content.decode()
        post = {"voucher": used.public_id, "stars": "9", "words": "汤热"}
        refused = client.post(reverse("merchants:rate", args=[row.public_id]), post)
        assert (refused.status_code, Rating.objects.count()) == (422, 0)
        assert "汤热" in refused.content.decode()
        assert client.post(reverse("merchants:rate", args=[row.public_id]), post | {"stars": "5"}).status_code == 303
        assert 'data-testid="rate"' not in client.get(address).content.decode()
        assert Rating.objects.get().stars == 5

    def test_the_map_answers_its_script(self):
        made.members(2, "canteen")
        client = phone(made.rider())
        assert client.get(reverse("merchants:map"), {"need": "eat"}).status_code == 200
        frame = {"bbox": "118.59,24.89,118.61,24.91", "zoom": "15"}
        assert client.get(reverse("merchants:map_data"), frame).json()["clusters"][0]["count"] == 2
        assert client.get(reverse("merchants:map_data"), {"bbox": "x", "zoom": "1"}).status_code == 422


def test_ratings_are_shown_in_groups():
    (row,) = made.members(1, "canteen")
    for number in range(6):
        row.ratings.create(use=f"u{number}", stars=5 if number < 5 else 1, month=clock.city_date(clock.now()))
    assert queries.stars_of(row) == []
    Merchant.objects.update(stars_count=5, stars_sum=25)
    row.refresh_from_db()
    assert queries.stars_of(row) == [(5, 5), (4, 0), (3, 0), (2, 0), (1, 0)]


def test_an_old_use_is_not_asked_about():
    nobody = SimpleNamespace(person_id=None, organisation_ids=lambda *_roles: frozenset())
    (row,) = made.members(1, "canteen")
    with clock.at(clock.now() + timedelta(days=1)):
        assert queries.uses_to_rate(nobody, row) == []
