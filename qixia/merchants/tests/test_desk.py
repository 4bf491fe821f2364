"""The shop's own page and the desk: from the application to the alliance by forms alone, and what each must not see."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from qixia.kernel import clock
from qixia.merchants import queries, sealing, services
from qixia.merchants.models import Alliance, Membership, Merchant, Paper, Perk
from qixia.merchants.tests import builders as made
from qixia.merchants.tests.test_rider import phone
from qixia.policy.queries import current

pytestmark = pytest.mark.usefixtures("ground")


def at(name: str, *args: str) -> str:
    return reverse(f"merchants:{name}", args=args)


def test_from_the_application_to_the_alliance_by_forms_alone():
    place = made.shop("云帆维修")
    seller, desk = phone(made.keeper(place)), phone(made.clerk())
    assert seller.get(at("own")).headers["Location"].startswith(at("apply"))
    said = {"shop": place.pk, "kind": "repair", "address": "东西路 8 号", "opening": "每天 8:00-20:00"}
    refused = seller.post(at("apply"), said | {"opening": "看心情"})
    assert (refused.status_code, Merchant.objects.count()) == (422, 0)
    assert "营业时间看不懂" in refused.content.decode()
    nowhere = seller.post(at("apply"), said | {"address": "月亮背面"})
    assert (nowhere.status_code, Merchant.objects.count()) == (422, 0)
    assert seller.post(at("apply"), said | {"lat": made.HERE[0], "lng": made.HERE[1]}).status_code == 303
    row = Merchant.objects.get()
    assert (row.hours, row.division.code) == ("Mo-Su 08:00-20:00", made.COMMUNITY)
    assert "营业执照" in seller.get(at("own")).content.decode()
    bad = seller.post(at("paper", row.public_id), {"kind": "licence"})
    assert (bad.status_code, Paper.objects.count()) == (422, 0)
    assert seller.post(at("paper", row.public_id), {"kind": "licence", "photo": made.photo()}).status_code == 303
    assert seller.post(at("agree", row.public_id), {"version": "1"}).status_code == 303
    assert "云帆维修" in desk.get(at("queue")).content.decode()
    paper, case = Paper.objects.get(), at("case", row.public_id)
    assert 'data-testid="accept"' in desk.get(case).content.decode()
    why = desk.post(at("check", row.public_id, paper.public_id), {"verdict": "refuse"})
    assert why.status_code == 422
    assert "请写明理由" in why.content.decode()
    desk.post(at("check", row.public_id, paper.public_id), {"verdict": "accept", "valid_until": "2999-01-01"})
    assert 'data-testid="admit"' in desk.get(case).content.decode()
    assert desk.post(at("decide", row.public_id), {"act": "admit"}).status_code == 303
    assert Merchant.objects.get().state == "active"
    desk.post(at("alliances"), {"division": made.COMMUNITY, "name": "小社区联盟"})
    joined = desk.post(at("decide", row.public_id), {"act": "join", "alliance": Alliance.objects.get().public_id})
    assert (joined.status_code, Membership.objects.count()) == (303, 1)
    assert "小社区联盟" in desk.get(at("alliances")).content.decode()


def test_perks_hours_and_leaving_by_forms():
    seller, row = made.admitted(made.clerk())
    page = phone(seller)
    said = {"kind": "percent", "title": "全场八折", "starts_on": "2026-11-01"}
    wrong = page.post(at("perk", row.public_id), said)
    assert (wrong.status_code, Perk.objects.count()) == (422, 0)
    assert "1 到 99" in wrong.content.decode()
    low = page.post(at("perk", row.public_id), said | {"kind": "price", "price": "12", "usual": "10"})
    assert "原价要比骑手价高" in low.content.decode()
    assert page.post(at("perk", row.public_id), said | {"percent_off": "20"}).status_code == 303
    assert "8 折" in page.get(at("own")).content.decode()
    assert page.post(at("end_perk", row.public_id, Perk.objects.get().public_id)).status_code == 303
    assert "8 折" not in page.get(at("own")).content.decode()
    page.post(at("hours", row.public_id), {"opening": "周一至周五 9:00-18:00"})
    assert Merchant.objects.get().hours == "Mo-Fr 09:00-18:00"
    page.post(at("leave", row.public_id))
    assert Merchant.objects.get().state == "left"
    assert "再申请" in page.get(at("own")).content.decode()


def test_a_suspended_shop_reads_why_and_until_when():
    judge = made.clerk()
    seller, row = made.admitted(judge)
    desk = phone(judge)
    assert desk.post(at("decide", row.public_id), {"act": "suspend", "reason": ""}).status_code == 422
    assert (
        desk.post(at("decide", row.public_id), {"act": "suspend", "reason": "停业", "until": "soon"}).status_code == 422
    )
    assert desk.post(at("decide", row.public_id), {"act": "explode"}).status_code == 422
    assert Merchant.objects.get().state == "active"
    last = clock.city_date(clock.now()) + timedelta(days=3)
    desk.post(at("decide", row.public_id), {"act": "suspend", "reason": "优惠没有兑现", "until": last.isoformat()})
    page = phone(seller).get(at("own")).content.decode()
    assert "优惠没有兑现" in page
    assert f"暂停到 {last.month} 月 {last.day} 日" in page
    assert "恢复" in desk.get(at("case", row.public_id)).content.decode()


def test_a_strangers_shop_does_not_exist():
    _seller, row = made.applied()
    stranger, elsewhere = phone(made.keeper(made.shop())), phone(made.clerk("990201001"))
    for name in ("agree", "leave", "hours", "perk"):
        post = {"version": "1", "opening": "24/7", "kind": "free", "title": "白送", "starts_on": "2026-11-01"}
        assert stranger.post(at(name, row.public_id), post).status_code == 404, name
    assert elsewhere.get(at("case", row.public_id)).status_code == 200, "the street is above the community"
    outside = made.clerk()
    Merchant.objects.update(division=None)
    assert phone(outside).get(at("case", row.public_id)).status_code == 404
    assert Merchant.objects.get().state == "applied"


def test_the_queue_is_few_queries_and_pages_by_key(django_assert_num_queries):
    made.members(45, "canteen", state="papers_in", admitted_at=None)
    judge = made.clerk()
    current("merchants.kinds")
    with django_assert_num_queries(1):
        first = queries.queue(judge, "waiting")
    rest = queries.queue(judge, "waiting", first.after)
    assert (len(first.items), len(rest.items), rest.after) == (40, 5, None)
    assert queries.waiting_count(judge) == 45
    assert queries.queue(made.clerk("990201"), "active").items == []


def test_alliances_count_members_by_kind(django_assert_num_queries):
    judge = made.clerk()
    alliance = services.found_alliance(actor=judge, division=made.COMMUNITY, name="小社区联盟")
    for count, kind in ((40, "restaurant"), (21, "supermarket"), (10, "repair")):
        for row in made.members(count, kind, kind):
            alliance.members.create(merchant=row)
    current("merchants.kinds")
    with django_assert_num_queries(2):
        (line,) = queries.alliances(judge)
    assert (line.count, line.kinds) == (71, [("餐馆", 40), ("修车充电", 10), ("超市", 21)])
    assert "71 家" in phone(judge).get(at("alliances")).content.decode()
    assert queries.alliances(made.rider()) == []


def test_papers_that_end_soon_are_listed(django_assert_num_queries):
    judge = made.clerk()
    who, row = made.applied("repair")
    (paper,) = made.handed_in(who, row)
    today = clock.city_date(clock.now())
    services.check_paper(actor=judge, paper=paper.public_id, accept=True, valid_until=today + timedelta(days=31))
    services.agree(actor=who, merchant=row.public_id, version=1)
    services.admit(actor=judge, merchant=row.public_id)
    assert queries.ending_papers(judge) == []
    with clock.at(clock.now() + timedelta(days=2)), django_assert_num_queries(1):
        assert [line.is_over for line in queries.ending_papers(judge)] == [False]
    with clock.at(clock.now() + timedelta(days=33)):
        assert [line.is_over for line in queries.ending_papers(judge)] == [True]


def test_the_keeper_sees_sums_without_words_and_the_desk_words_without_names():
    judge = made.clerk()
    seller, row = made.admitted(judge)

    for number in range(5):
        row.ratings.create(
            use=f"u{number}", stars=4, sealed_words=sealing.seal_words("汤凉了"), month=clock.city_date(clock.now())
        )
    assert queries.case(judge, row.public_id).words == []
    services.count_ratings()
    own = phone(seller).get(at("own")).content.decode()
    assert "4.0" in own
    assert "汤凉了" not in own
    assert "汤凉了" in phone(judge).get(at("case", row.public_id)).content.decode()
