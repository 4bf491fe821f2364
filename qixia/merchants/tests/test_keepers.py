"""What keepers are told, and how the office opens the way in for a shop that has no account."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, NotAllowed, NotFound
from qixia.merchants import errors, services
from qixia.merchants.models import Merchant, Paper
from qixia.merchants.tests import builders as made
from qixia.merchants.tests.examples import _new_shop
from qixia.merchants.tests.test_rider import phone
from qixia.notices.queries import inbox
from qixia.people.access import actor_for
from qixia.people.models import Organisation, Person
from qixia.people.queries import person_id_by_phone
from qixia.rewards import services as rewards
from qixia.rewards.errors import VoucherRefused
from qixia.rewards.tests.conftest import publish_table

pytestmark = pytest.mark.usefixtures("ground")


def told(actor) -> list[tuple[str, str]]:
    """Titles and bodies, the first one first."""
    days = inbox(actor.person_id, language="zh-hans").days
    return [(line.words.title, line.words.body) for day in days for line in day.items][::-1]


class TestTold:
    def test_from_the_papers_to_the_end_every_keeper_hears_each_thing_once(self):
        judge = made.clerk()
        who, row = made.applied("repair", name="云帆维修")
        second = made.keeper(row.organisation)
        (paper,) = made.handed_in(who, row)
        services.check_paper(actor=judge, paper=paper.public_id, accept=False, reason="拍糊了")
        (paper,) = made.handed_in(who, row)
        ends = clock.city_date(clock.now()) + timedelta(days=20)
        for _twice in range(2):
            services.check_paper(actor=judge, paper=paper.public_id, accept=True, valid_until=ends)
        services.agree(actor=who, merchant=row.public_id, version=1)
        services.admit(actor=judge, merchant=row.public_id)
        assert (services.warn_of_ending(), services.warn_of_ending()) == (1, 0)
        today = clock.city_date(clock.now())
        services.suspend(actor=judge, merchant=row.public_id, reason="没有兑现", until=today)
        with clock.at(clock.city_day(today)[1]):
            services.resume_due()
            services.leave(actor=judge, merchant=row.public_id)
        found = told(who)
        assert [title for title, _body in found] == [
            "证照要重交一张：营业执照",
            "证照看过了，有效：营业执照",
            "你的店是友好商家了",
            "证照快到期了：营业执照",
            "你的店暂停了",
            "你的店恢复了",
            "你的店已经移出友好商家",
        ]
        assert "理由：拍糊了。" in found[0][1]
        assert f"有效到 {ends}。" in found[3][1]
        assert f"理由：没有兑现。暂停到 {today}" in found[4][1]
        assert told(second) == found
        assert told(judge) == []

    def test_refused_twice_is_told_twice_and_leaving_oneself_is_not_told(self):
        judge = made.clerk()
        who, row = made.applied("repair")
        for reason in ("不是这家店", "还是不行"):
            services.refuse(actor=judge, merchant=row.public_id, reason=reason)
            services.apply(
                actor=who,
                organisation_id=row.organisation_id,
                kind="repair",
                address="东西路 8 号",
                lat=made.HERE[0],
                lng=made.HERE[1],
            )
        services.leave(actor=who, merchant=row.public_id)
        assert [body for _title, body in told(who)] == [
            "理由：不是这家店。改好以后可以再申请。",
            "理由：还是不行。改好以后可以再申请。",
        ]

    def test_a_paper_without_end_or_far_from_it_warns_nobody(self):
        judge = made.clerk()
        made.admitted(judge, "repair")
        assert services.warn_of_ending() == 0
        far = clock.city_date(clock.now()) + timedelta(days=31)
        Paper.objects.update(valid_until=far)
        assert services.warn_of_ending() == 0
        with clock.at(clock.now() + timedelta(days=1)):
            assert services.warn_of_ending() == 1


def test_vouchers_follow_their_shop():
    publish_table()
    judge = made.clerk()
    seller, row = made.admitted(judge)
    rider = made.rider()
    made.give(rider, 100)
    good = made.item(row.organisation)
    held = rewards.reserve(actor=rider, item=good.public_id, client_key="client-key-1")
    services.suspend(actor=judge, merchant=row.public_id, reason="停业整改")
    with pytest.raises(VoucherRefused):
        rewards.redeem(actor=seller, text=held.number, redeem_key="till-key-1")
    services.resume(actor=judge, merchant=row.public_id)
    rewards.redeem(actor=seller, text=held.number, redeem_key="till-key-1")
    rewards.reserve(actor=rider, item=good.public_id, client_key="client-key-2")
    services.leave(actor=seller, merchant=row.public_id)
    assert rewards.end_of_closed() == 1
    services.apply(
        actor=seller,
        organisation_id=row.organisation_id,
        kind="canteen",
        address="东西路 8 号",
        lat=made.HERE[0],
        lng=made.HERE[1],
        opening=made.ALWAYS,
    )
    for paper in made.handed_in(seller, row):
        services.check_paper(actor=judge, paper=paper.public_id, accept=True)
    services.admit(actor=judge, merchant=row.public_id)
    again = rewards.reserve(actor=rider, item=good.public_id, client_key="client-key-3")
    rewards.redeem(actor=seller, text=again.number, redeem_key="till-key-3")
    assert [title for title, _body in told(rider) if "券" in title or "积分退回" in title][-1].startswith("券已使用")


class TestOpening:
    def test_the_office_opens_and_the_keeper_goes_on(self):
        judge = made.clerk()
        row = services.open_shop(actor=judge, said=_new_shop())
        again = services.open_shop(actor=judge, said=_new_shop())
        assert (again.pk, Organisation.objects.filter(name="东西面馆").count()) == (row.pk, 1)
        keeper = actor_for(person_id_by_phone("13700000099") or 0)
        assert keeper.display_name == "陈店主"
        assert told(keeper)[0][0] == "社区替你的店申请了友好商家"
        services.hand_in_paper(actor=keeper, merchant=row.public_id, kind="licence", photo=made.photo())
        trace = set(AuditEvent.objects.filter(actor=judge.ref).values_list("action", flat=True))
        assert {
            "people.organisation_created",
            "people.person_created",
            "people.role_granted",
            "merchants.applied",
            "merchants.shop_opened",
        } <= trace
        assert "13700000099" not in str(list(AuditEvent.objects.values_list("subject", "data")))

    def test_an_account_that_is_there_keeps_its_name_and_gets_the_role(self):
        rider = made.rider()
        Person.objects.filter(pk=rider.person_id).update(display_name="原来的名字")
        number = "13912345678"
        made.people.create_person(display_name="老陈", phone=number, actor=made.MAKER)
        services.open_shop(actor=made.clerk(), said=replace(_new_shop(), keeper_phone=number))
        keeper = actor_for(person_id_by_phone(number) or 0)
        assert (keeper.display_name, keeper.has("merchant")) == ("老陈", True)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("name", {"name": "面"}),
            ("keeper", {"keeper": "陈" * 17}),
            ("keeper_phone", {"keeper_phone": "123"}),
            ("kind", {"kind": "castle"}),
            ("phone", {"phone": "123"}),
            ("hours", {"opening": "有空就开"}),
            ("place", {"lat": 0.0, "lng": 0.0}),
        ],
    )
    def test_bad_input_is_named_and_nothing_is_made(self, field, changes):
        judge = made.clerk()
        before = (Person.objects.count(), Organisation.objects.count(), AuditEvent.objects.count())
        with pytest.raises(DomainError) as refused:
            services.open_shop(actor=judge, said=replace(_new_shop(), **changes))
        assert refused.value.field == field
        assert (Person.objects.count(), Organisation.objects.count(), AuditEvent.objects.count()) == before
        assert Merchant.objects.count() == 0

    def test_nobody_else_opens_a_shop(self):
        for actor in (made.rider(), made.keeper(made.shop())):
            with pytest.raises(NotAllowed):
                services.open_shop(actor=actor, said=_new_shop())
        assert Merchant.objects.count() == 0

    def test_a_clerk_makes_no_shop_for_himself(self):
        judge = made.clerk()
        own = "13712345678"
        second = made.people.create_person(display_name="某办事员", phone=own, actor=made.MAKER)
        grant = next(one for one in judge.grants if one.role == "clerk")
        made.people.grant_role(
            person_id=second.pk, role="clerk", organisation_id=grant.organisation_id, actor=made.MAKER
        )
        before = Organisation.objects.count()
        with pytest.raises(DomainError, match="自己"):
            services.open_shop(actor=actor_for(second.pk), said=replace(_new_shop(), keeper_phone=own))
        assert (Merchant.objects.count(), Organisation.objects.count()) == (0, before)

    def test_by_the_form_with_a_number_that_the_map_has(self):
        desk = phone(made.clerk())
        said = {
            "name": "东西面馆",
            "kind": "restaurant",
            "address": "东西路 8 号",
            "opening": "每天 8:00-20:00",
            "phone": "0595 2212 3456",
            "keeper": "陈店主",
            "keeper_phone": "13700000097",
        }
        at = reverse("merchants:new")
        assert 'data-testid="open"' in desk.get(at).content.decode()
        wrong = desk.post(at, said | {"address": "月亮背面"})
        assert (wrong.status_code, Merchant.objects.count()) == (422, 0)
        assert "地图上没有这个门牌" in wrong.content.decode()
        assert desk.post(at, said | {"keeper_phone": "1"}).status_code == 422
        assert desk.post(at, said).status_code == 303
        row = Merchant.objects.get()
        assert (row.phone, row.state) == ("0595-22123456", "applied")
        assert phone(made.rider()).get(at).status_code == 403


class TestKeepers:
    def test_the_desk_adds_one_and_the_last_one_stays(self):
        judge = made.clerk()
        who, row = made.applied()
        desk, case = phone(judge), reverse("merchants:decide", args=[row.public_id])
        only = {"act": "remove_keeper", "keeper": who.public_id}
        refused = desk.post(case, only)
        assert (refused.status_code, refused.content.decode().count("只剩这一位店员")) == (409, 1)
        assert actor_for(who.person_id).has("merchant")
        assert (
            desk.post(case, {"act": "add_keeper", "keeper": "小王", "keeper_phone": "13700000096"}).status_code == 303
        )
        events = AuditEvent.objects.count()
        services.add_keeper(actor=judge, merchant=row.public_id, keeper="小王", keeper_phone="13700000096")
        assert AuditEvent.objects.count() == events
        assert desk.post(case, only).status_code == 303
        assert not actor_for(who.person_id).has("merchant")
        assert actor_for(person_id_by_phone("13700000096") or 0).has("merchant")

    def test_keepers_do_not_choose_keepers(self):
        who, row = made.applied()
        with pytest.raises(NotFound):
            services.add_keeper(actor=who, merchant=row.public_id, keeper="小王", keeper_phone="13700000096")
        with pytest.raises(NotFound):
            services.remove_keeper(actor=who, merchant=row.public_id, keeper=who.public_id)
        judge = made.clerk()
        both = replace(judge, grants=(*judge.grants, *who.grants), roles=judge.roles | who.roles)
        with pytest.raises(errors.OwnShop):
            services.add_keeper(actor=both, merchant=row.public_id, keeper="小王", keeper_phone="13700000096")
        assert person_id_by_phone("13700000096") is None


def test_the_phone_of_a_shop_by_its_form_and_as_a_link_for_riders():
    seller, row = made.admitted(made.clerk())
    page, at = phone(seller), reverse("merchants:phone", args=[row.public_id])
    assert page.post(at, {"phone": "12"}).status_code == 422
    assert Merchant.objects.get().phone == ""
    shop = reverse("merchants:shop", args=[row.public_id])
    rider = phone(made.rider())
    assert "tel:" not in rider.get(shop).content.decode()
    assert page.post(at, {"phone": "0595-22123456"}).status_code == 303
    assert 'href="tel:059522123456"' in rider.get(shop).content.decode()
    page.post(at, {"phone": ""})
    assert Merchant.objects.get().phone == ""
