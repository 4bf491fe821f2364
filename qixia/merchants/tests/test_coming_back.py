"""Shops that come back, whose kind or papers went, and what may no longer be done then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse

from qixia.kernel import clock
from qixia.kernel.errors import Conflict
from qixia.merchants import errors, queries, services
from qixia.merchants.models import Merchant, Paper, Suspension
from qixia.merchants.tests import builders as made
from qixia.merchants.tests.examples import _new_shop
from qixia.merchants.tests.test_keepers import told
from qixia.merchants.tests.test_rider import phone
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.policy.queries import current
from qixia.policy.services import publish

pytestmark = pytest.mark.usefixtures("ground")


def apply_again(who, row, kind: str = "repair") -> None:
    services.apply(
        actor=who,
        organisation_id=row.organisation_id,
        kind=kind,
        address="东西路 8 号",
        lat=made.HERE[0],
        lng=made.HERE[1],
        opening=made.ALWAYS,
    )
    row.refresh_from_db()


def without_kind(slug: str) -> None:
    data = current("merchants.kinds").data.model_dump(mode="json")
    data["kinds"] = [one for one in data["kinds"] if one["slug"] != slug]
    publish("merchants.kinds", data, note="试", actor_ref=made.MAKER)


def paper_ended(row: Merchant, days: int) -> None:
    Paper.objects.filter(merchant=row).update(valid_until=clock.city_date(clock.now()) - timedelta(days=days))


class TestGoodPapers:
    def test_who_left_with_good_papers_is_checked_at_once_and_comes_in_again(self):
        judge = made.clerk()
        who, row = made.admitted(judge, "repair")
        services.leave(actor=who, merchant=row.public_id)
        apply_again(who, row)
        assert (row.state, queries.waiting_count(judge)) == ("checked", 1)
        assert (
            'data-testid="admit"' in phone(judge).get(reverse("merchants:case", args=[row.public_id])).content.decode()
        )
        services.admit(actor=judge, merchant=row.public_id)
        assert Merchant.objects.get().state == "active"

    def test_another_kind_needs_its_own_papers(self):
        judge = made.clerk()
        who, row = made.admitted(judge, "repair")
        services.leave(actor=who, merchant=row.public_id)
        apply_again(who, row, "canteen")
        assert row.state == "applied"
        assert queries.own_shop(who, row.public_id).to_hand_in == ["食品经营许可证"]

    def test_a_newer_paper_that_is_no_good_leaves_the_good_one(self):
        judge = made.clerk()
        who, row = made.checked(judge, "repair")
        (paper,) = made.handed_in(who, row)
        row.refresh_from_db()
        assert row.state == "papers_in"
        services.check_paper(actor=judge, paper=paper.public_id, accept=False, reason="看不清")
        row.refresh_from_db()
        assert row.state == "checked"

    def test_what_still_waits_is_looked_at_first(self):
        judge = made.clerk()
        who, row = made.applied("repair")
        made.handed_in(who, row, "food")
        (paper,) = made.handed_in(who, row, "licence")
        assert services.check_paper(actor=judge, paper=paper.public_id, accept=True).state == "papers_in"

    def test_the_only_paper_turned_down_is_asked_for_again(self):
        judge = made.clerk()
        who, row = made.applied("repair")
        (paper,) = made.handed_in(who, row)
        services.agree(actor=who, merchant=row.public_id, version=1)
        assert "都交齐了" in phone(who).get(reverse("merchants:own")).content.decode()
        services.check_paper(actor=judge, paper=paper.public_id, accept=False, reason="看不清")
        page = phone(who).get(reverse("merchants:own")).content.decode()
        assert "把证照拍好交上来" in page
        assert "都交齐了" not in page


class TestNothingMissing:
    def test_a_kind_that_policy_forgot_lets_nobody_in(self):
        judge = made.clerk()
        who, row = made.applied("canteen")
        without_kind("canteen")
        (paper,) = made.handed_in(who, row, "licence")
        assert services.check_paper(actor=judge, paper=paper.public_id, accept=True).state == "papers_in"
        services.agree(actor=who, merchant=row.public_id, version=1)
        Merchant.objects.update(state="checked")
        with pytest.raises(errors.KindGone):
            services.admit(actor=judge, merchant=row.public_id)
        assert Merchant.objects.get().state == "checked"

    def test_nobody_resumes_without_papers(self):
        judge = made.clerk()
        who, row = made.admitted(judge, "repair")
        services.suspend(actor=judge, merchant=row.public_id, reason="执照过期", until=clock.city_date(clock.now()))
        paper_ended(row, 1)
        with pytest.raises(errors.PapersOver):
            services.resume(actor=judge, merchant=row.public_id)
        with clock.at(clock.now() + timedelta(days=2)):
            assert [services.resume_due(), services.resume_due()] == [0, 0]
        assert Merchant.objects.get().state == "suspended"
        assert [title for title, _body in told(who)].count("你的店还没有恢复") == 1
        (paper,) = made.handed_in(who, row)
        with clock.at(clock.now() + timedelta(days=2)):
            services.check_paper(actor=judge, paper=paper.public_id, accept=True)
            assert services.resume_due() == 1
        assert Merchant.objects.get().state == "active"

    def test_one_that_stays_out_stops_no_other(self):
        judge, today = made.clerk(), clock.city_date(clock.now())
        (_a, first), (_b, second) = made.admitted(judge, "repair"), made.admitted(judge, "repair")
        for row in (first, second):
            services.suspend(actor=judge, merchant=row.public_id, reason="停业整改", until=today)
        without_kind("nothing of the sort")
        paper_ended(first, 1)
        with clock.at(clock.now() + timedelta(days=2)):
            assert services.resume_due() == 1
        second.refresh_from_db()
        assert second.state == "active"

    def test_who_shows_no_new_paper_is_out_after_its_days(self):
        judge = made.clerk()
        who, row = made.admitted(judge, "repair")
        paper_ended(row, 14)
        assert (services.suspend_over(), Merchant.objects.get().state) == (0, "active")
        paper_ended(row, 15)
        assert (services.suspend_over(), services.suspend_over()) == (1, 0)
        found = Suspension.objects.get()
        assert (Merchant.objects.get().state, found.until, "营业执照" in found.reason) == ("suspended", None, True)
        assert told(who)[-1][0] == "你的店暂停了"

    def test_a_paper_that_the_kind_does_not_need_suspends_nobody(self):
        judge = made.clerk()
        who, row = made.admitted(judge, "repair")
        (paper,) = made.handed_in(who, row, "food")
        services.check_paper(actor=judge, paper=paper.public_id, accept=True)
        Paper.objects.filter(kind="food").update(valid_until=clock.city_date(clock.now()) - timedelta(days=40))
        assert (services.suspend_over(), Merchant.objects.get().state) == (0, "active")


class TestOffice:
    def test_a_shop_that_was_refused_is_opened_again_as_it_is_said_now(self):
        judge = made.clerk()
        first = services.open_shop(actor=judge, said=_new_shop())
        assert services.open_shop(actor=judge, said=_new_shop()).pk == first.pk
        services.refuse(actor=judge, merchant=first.public_id, reason="地址不对")
        with clock.at(clock.now() + timedelta(minutes=1)):
            again = services.open_shop(actor=judge, said=replace(_new_shop(), address="东西路 10 号"))
        assert (again.pk, again.state, again.address) == (first.pk, "applied", "东西路 10 号")

    def test_a_shop_of_another_place_is_named_as_such(self):
        first = services.open_shop(actor=made.clerk(), said=_new_shop())
        Merchant.objects.filter(pk=first.pk).update(division=None, state="left")
        with pytest.raises(Conflict, match="别的社区"):
            services.open_shop(actor=made.clerk(), said=_new_shop())
        assert Merchant.objects.get().state == "left"

    def test_the_last_keeper_goes_once_the_shop_is_gone(self):
        judge = made.clerk()
        who, row = made.admitted(judge, "repair")
        with pytest.raises(errors.LastKeeper):
            services.remove_keeper(actor=judge, merchant=row.public_id, keeper=who.public_id)
        services.leave(actor=who, merchant=row.public_id)
        services.remove_keeper(actor=judge, merchant=row.public_id, keeper=who.public_id)
        assert not actor_for(who.person_id).has("merchant")

    def test_who_applies_again_waits_from_then_on(self):
        judge = made.clerk()
        who, early = made.applied("repair")
        _other, late = made.applied("repair")
        services.refuse(actor=judge, merchant=early.public_id, reason="不是这家店")
        with clock.at(clock.now() + timedelta(minutes=1)):
            apply_again(who, early)
            lines = queries.queue(judge, "waiting").items
        assert [line.public_id for line in lines] == [late.public_id, early.public_id]


def test_the_second_shop_applies_again_for_itself():
    judge = made.clerk()
    who, _first = made.admitted(judge, "repair")
    place = made.shop()
    people.grant_role(person_id=who.person_id, role="merchant", organisation_id=place.pk, actor=made.MAKER)
    both = actor_for(who.person_id)
    _mine, second = (
        both,
        services.apply(
            actor=both,
            organisation_id=place.pk,
            kind="repair",
            address="东西路 9 号",
            lat=made.HERE[0],
            lng=made.HERE[1],
        ),
    )
    services.refuse(actor=judge, merchant=second.public_id, reason="看不清")
    page = phone(both)
    link = f"{reverse('merchants:apply')}?shop={place.pk}"
    assert f'href="{link}"' in page.get(f"{reverse('merchants:own')}?shop={place.pk}").content.decode()
    assert page.get(link).status_code == 200


def test_a_pause_says_what_becomes_of_vouchers():
    judge = made.clerk()
    (one, first), (other, second) = made.admitted(judge, "repair"), made.admitted(judge, "repair")
    services.suspend(actor=judge, merchant=first.public_id, reason="停业整改")
    publish("rewards.closing", {"paused": "return", "gone": "return"}, note="试", actor_ref=made.MAKER)
    services.suspend(actor=judge, merchant=second.public_id, reason="停业整改")
    assert "券会延期" in phone(one).get(reverse("merchants:own")).content.decode()
    page = phone(other).get(reverse("merchants:own")).content.decode()
    assert "券会延期" not in page
    assert "积分都退" in page
