"""Seen before? What a rider is shown before sending, supporting it, and the pages of both sides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from qixia.audit.models import AuditEvent
from qixia.jobs.models import Event
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.errors import NotAllowed, NotFound
from qixia.kernel.keys import keys
from qixia.notices.models import Notice
from qixia.notices.queries import SEAL
from qixia.notices.rules import unpack
from qixia.people.access import actor_for
from qixia.people.sessions import BACKEND
from qixia.policy.services import publish
from qixia.reports import errors, pace, queries, services
from qixia.reports.models import MergeProposal, Report, Support
from qixia.reports.queries import duplicates
from qixia.reports.queries.export import holding_of
from qixia.reports.queries.similar import OFFER_S, Similar, similar_reports
from qixia.reports.queries.supports import export_of_supports, my_supports, support_view
from qixia.reports.sealing import open_support
from qixia.reports.services.duplicates import supporting
from qixia.reports.tests.test_merging import BESIDE, told
from qixia.reports.tests.town import AT_ROAD, Town, _rider, at, merging, photo, reach, send, the
from qixia.rewards.models import Hold, Posting
from qixia.rewards.queries import balance
from qixia.rewards.rules import Signal
from qixia.rewards.services import compare, time_out_holds

WORDS = "这里井盖不见了，人能掉下去"


@pytest.fixture(autouse=True)
def _quiet_phones() -> None:
    pace.forget()


@pytest.fixture
def open_case(town: Town) -> Report:
    return the(send(town.rider))


def offers(town: Town, who: str = "other_rider", **more: Any) -> list[Similar]:
    lat, lng = BESIDE
    return similar_reports(getattr(town, who), lat=lat, lng=lng, words=WORDS, **more)


def supported(town: Town) -> services.Supported:
    (one,) = offers(town)
    done = services.support(actor=town.other_rider, offer=one.offer)
    pay()
    return done


def pay(days: int = 9) -> int:
    """The daily batch, later."""
    run_pending()
    with clock.at(clock.now() + timedelta(days=days)):
        return services.pay_supports()


class TestOffer:
    def test_what_is_open_and_alike_is_shown_without_a_word_of_its_reporter(self, town, open_case):
        (one,) = offers(town)
        assert (one.title, one.state_label, one.distance_m, one.others) == ("井盖缺失破损移位", "待签收", 6, 0)
        assert (one.is_mine, one.url) == (False, "")
        shown = str(one)
        for hidden in (open_case.words, open_case.public_id, open_case.number, open_case.place):
            assert hidden not in shown

    def test_the_own_one_is_shown_as_the_own(self, town, open_case):
        (one,) = offers(town, "rider")
        assert (one.is_mine, one.offer, one.url) == (True, "", f"/r/{open_case.public_id}/")

    def test_of_a_merged_own_one_as_well(self, town, open_case):
        merging(automatic=True)
        mine = the(send(town.other_rider, place=at(BESIDE)))
        (one,) = offers(town)
        assert (one.is_mine, one.others, one.url) == (True, 1, f"/r/{mine.public_id}/")

    @pytest.mark.parametrize("state", ["resolved", "fixed", "invalid"])
    def test_what_is_done_is_not_offered(self, town, state):
        reach(town, state)
        assert offers(town) == []

    def test_a_sensitive_matter_is_not_offered_at_all(self, town, open_case):
        publish(
            "reports.secrecy",
            {"sensitive": ["manhole"], "cell_m": 500, "anonymous_per_hour": 5},
            note="试",
            actor_ref="system:test",
        )
        assert offers(town) == []
        assert len(offers(town, "rider")) == 1

    def test_nor_anything_where_the_city_wants_that(self, town, open_case):
        merging(offered=0)
        assert offers(town) == []

    def test_it_costs_the_same_however_many_there_are(self, town, open_case):
        def cost() -> int:
            with CaptureQueriesContext(connection) as seen:
                offers(town)
            return len(seen.captured_queries)

        cost()
        few = min(cost(), cost())
        for _ in range(3):
            send(town.rider, place=at(BESIDE))
        assert len(offers(town)) == 3
        assert min(cost(), cost()) == few


class TestPlaceAlone:
    """Without words, class or photo: what is open right there."""

    def near(self, town: Town, place: tuple[float, float] = BESIDE, **more: Any) -> list[Similar]:
        return similar_reports(town.other_rider, lat=place[0], lng=place[1], **more)

    def test_all_that_is_open_there_the_nearest_first(self, town, open_case):
        lamp = the(send(town.rider, "路灯不亮，整条路都黑", place=at(BESIDE)))
        assert [one.distance_m for one in self.near(town)] == [0, 6]
        services.reject(actor=town.clerk, public_id=lamp.public_id, reason="没有")
        (one,) = self.near(town)
        services.support(actor=town.other_rider, offer=one.offer)
        pay()
        assert (Support.objects.get().report_id, balance(town.other_rider.ref)) == (open_case.pk, 3)

    def test_not_what_is_further_than_the_policy_and_the_position_say(self, town, open_case):
        away = (BESIDE[0] + 60 / 111_195, BESIDE[1])
        assert self.near(town, away) == []
        assert len(self.near(town, away, accuracy_m=60)) == 1
        assert self.near(town, away, accuracy_m=-60) == []

    def test_nor_where_the_city_wants_that(self, town, open_case):
        merging(around_m=0)
        assert self.near(town, accuracy_m=50) == []

    def test_words_ask_for_what_is_alike(self, town, open_case):
        assert self.near(town, words="充电柜冒烟") == []
        assert len(self.near(town, words="   ")) == 1

    def test_a_sensitive_matter_is_not_offered_either(self, town, open_case):
        publish(
            "reports.secrecy",
            {"sensitive": ["manhole"], "cell_m": 500, "anonymous_per_hour": 5},
            note="试",
            actor_ref="system:test",
        )
        assert self.near(town) == []

    def test_the_page_does_not_call_it_alike(self, town, open_case):
        here = {"lat": BESIDE[0], "lng": BESIDE[1]}
        html = phone(town, "other_rider").get(reverse("reports:seen"), here).content.decode()
        assert "这里已有人报过，是同一件吗？" in html
        assert "data-support" in html


class TestSupport:
    def test_a_supporter_follows_and_earns_a_little(self, town, open_case):
        done = supported(town)
        row = Support.objects.get()
        assert (row.public_id, row.report_id, row.points, done.repeated) == (done.public_id, open_case.pk, 3, False)
        assert open_support(row.link, support=row.public_id) == town.other_rider.public_id
        assert balance(town.other_rider.ref) == 3
        services.accept(actor=town.worker, public_id=open_case.public_id)
        services.answer(actor=town.worker, public_id=open_case.public_id, text="马上到")
        assert told(town, "other_rider") == ["report.answered"]
        assert compare().is_sound

    def test_supporting_twice_is_supporting_once(self, town, open_case):
        (one,) = offers(town)
        first = supported(town)
        again = services.support(actor=town.other_rider, offer=one.offer)
        pay()
        assert (again.public_id, again.repeated) == (first.public_id, True)
        assert (Support.objects.count(), balance(town.other_rider.ref)) == (1, 3)
        assert offers(town)[0].url == f"/supported/{first.public_id}/"

    def test_an_offer_is_for_one_rider_for_two_hours_and_not_forged(self, town, open_case):
        (one,) = offers(town)
        for actor, offer, late in (
            (town.rider, one.offer, 0),
            (town.other_rider, one.offer, OFFER_S + 60),
            (town.other_rider, one.offer[:-4] + "AAAA", 0),
            (town.other_rider, "", 0),
            (town.other_rider, "井盖", 0),
        ):
            with clock.at(clock.now() + timedelta(seconds=late)), pytest.raises(errors.OfferGone):
                services.support(actor=actor, offer=offer)
        with pytest.raises(NotAllowed):
            services.support(actor=town.worker, offer=one.offer)
        assert not Support.objects.exists()

    def test_not_once_it_is_done(self, town, open_case):
        (one,) = offers(town)
        services.reject(actor=town.clerk, public_id=open_case.public_id, reason="没有")
        with pytest.raises(errors.OfferGone):
            services.support(actor=town.other_rider, offer=one.offer)
        assert Support.objects.count() == 0

    def test_no_more_in_a_day_than_the_policy_grants(self, town, open_case):
        merging(supports_a_day=1)
        supported(town)
        send(town.rider, place=at(BESIDE))
        offer = next(one.offer for one in offers(town) if one.offer)
        with pytest.raises(errors.TooManySupports):
            services.support(actor=town.other_rider, offer=offer)
        assert Support.objects.count() == 1

    def test_no_more_are_paid_than_the_policy_grants(self, town, open_case):
        merging(paid_riders=0)
        supported(town)
        assert (Support.objects.get().points, balance(town.other_rider.ref)) == (0, 0)

    def test_whoever_reported_in_the_group_earns_nothing_for_supporting(self, town, open_case):
        (one,) = offers(town)
        merging(automatic=True)
        send(town.other_rider, place=at(BESIDE))
        assert balance(town.other_rider.ref) == 3
        services.support(actor=town.other_rider, offer=one.offer)
        pay()
        assert (Support.objects.get().points, balance(town.other_rider.ref)) == (0, 3)

    def test_found_not_true_takes_it_back(self, town, open_case):
        supported(town)
        services.reject(actor=town.clerk, public_id=open_case.public_id, reason="没有")
        assert (balance(town.rider.ref), balance(town.other_rider.ref)) == (0, 3)  # not at the moment of the step
        assert pay() == 0
        assert (balance(town.other_rider.ref), Support.objects.get().points) == (0, 0)
        pay()
        assert balance(town.other_rider.ref) == 0
        assert compare().is_sound

    def test_what_a_sign_holds_is_taken_back_as_well(self, town, open_case, monkeypatch):
        monkeypatch.setattr(supporting.Supporters, "signs_on", lambda *_: (Signal("mutual-support"),))
        row = Support.objects.get(public_id=supported(town).public_id)
        assert (row.points, balance(town.other_rider.ref), Hold.objects.get().state) == (3, 0, "open")
        assert support_view(town.other_rider, row.public_id).points == 0
        services.reject(actor=town.clerk, public_id=open_case.public_id, reason="没有")
        pay()
        row.refresh_from_db()
        assert (row.points, Hold.objects.get().state) == (0, "voided")
        with clock.at(clock.now() + timedelta(days=30)):
            assert time_out_holds() == 0
        assert balance(town.other_rider.ref) == 0
        assert compare().is_sound

    def test_a_posting_shares_nothing_with_those_of_the_report(self, town, open_case):
        supported(town)
        mine, theirs = (
            Posting.objects.get(beneficiary=who.ref, rule=rule)
            for who, rule in ((town.other_rider, "support"), (town.rider, "manhole"))
        )
        assert mine.source.startswith("support~")
        assert mine.source.partition("~")[2] != theirs.source.partition("~")[2]

    def test_it_follows_into_the_lead(self, town, open_case):
        done = supported(town)
        lead = the(send(rider_three(town), place=at(BESIDE)))
        services.merge(actor=town.clerk, public_id=open_case.public_id, into=lead.public_id)
        services.accept(actor=town.worker, public_id=lead.public_id)
        services.answer(actor=town.worker, public_id=lead.public_id, text="马上到")
        assert told(town, "other_rider") == ["report.answered"]
        assert support_view(town.other_rider, done.public_id).events[0].text == "马上到"
        (notice,) = Notice.objects.filter(person=town.people["other_rider"], template="report.answered")
        assert opened(notice)["number"] == open_case.number  # what was supported, not the lead

    def test_nothing_of_it_carries_the_request(self, town, open_case):
        (one,) = offers(town)
        client = phone(town, "other_rider")
        client.post(reverse("reports:support"), {"offer": one.offer}, headers={"X-Request-Id": "a-request-id-1"})
        event = AuditEvent.objects.get(action="reports.supported")
        assert (event.actor, event.request_id) == ("supporter", "")
        assert set(Event.objects.filter(name="reports.supported").values_list("request_id", flat=True)) == {""}

    def test_an_erased_supporter_leaves_a_number(self, town, open_case):
        done = supported(town)
        assert services.forget_supporter(person=town.other_rider.public_id) == 1
        assert services.forget_supporter(person=town.other_rider.public_id) == 0
        row = Support.objects.get()
        assert (row.link, row.index) == (None, None)
        assert queries.rider_report(town.rider, open_case.public_id).supporters == 1
        with pytest.raises(NotFound):
            support_view(town.other_rider, done.public_id)
        services.accept(actor=town.worker, public_id=open_case.public_id)
        services.answer(actor=town.worker, public_id=open_case.public_id, text="马上到")
        assert told(town, "other_rider") == []

    def test_it_is_in_the_own_copy(self, town, open_case):
        supported(town)
        (row,) = export_of_supports(town.other_rider)
        assert (row["number"], row["points"], row["title"]) == (open_case.number, 3, "井盖缺失破损移位")
        assert holding_of(town.other_rider).count == 0


class TestPaid:
    """When supports are paid says nothing about what was supported."""

    def supporters(self, town: Town, n: int) -> list[Any]:
        """As many riders, each of whom supports another report, minutes apart."""
        found = [actor_for(_rider(f"骑{k}", f"1390000000{k}")) for k in range(n)]
        for k, rider in enumerate(found):
            place = (AT_ROAD[0], AT_ROAD[1] + k * 0.0015)
            with clock.at(clock.now() + timedelta(minutes=7 * k)):
                send(town.rider, place=at(place))
                (one,) = similar_reports(rider, lat=place[0], lng=place[1], words=WORDS)
                services.support(actor=rider, offer=one.offer)
                run_pending()
        return found

    def test_all_at_one_time_on_the_next_day_in_drawn_order(self, town, monkeypatch):
        riders = self.supporters(town, 3)
        assert [balance(rider.ref) for rider in riders] == [0, 0, 0]
        assert not Posting.objects.filter(rule="support").exists()
        monkeypatch.setattr(supporting.chance.SystemRandom, "shuffle", lambda _self, ids: ids.reverse())
        noted = AuditEvent.objects.order_by("-id").values_list("id", flat=True).first()
        assert pay(days=1) == 3
        rows = Posting.objects.filter(rule="support").order_by("id")
        assert [row.beneficiary for row in rows] == [rider.ref for rider in reversed(riders)]
        assert len({(row.at, row.created_at, row.request_id) for row in rows}) == 1
        after = AuditEvent.objects.filter(id__gt=noted)
        assert len({row.at for row in after}) == 1
        assert not any(row.subject.startswith("report:") for row in after)
        assert compare().is_sound

    def test_none_stands_alone_and_none_waits_for_ever(self, town):
        (rider,) = self.supporters(town, 1)
        assert (pay(days=0), pay(days=1), pay(days=2)) == (0, 0, 0)
        assert (pay(days=3), pay(days=4), balance(rider.ref)) == (1, 0, 3)

    def test_a_cap_counts_for_the_day_of_the_support(self, town):
        (rider,) = self.supporters(town, 1)
        with clock.at(clock.now() + timedelta(days=1)):
            place = (AT_ROAD[0], AT_ROAD[1] + 0.0015)
            send(town.rider, place=at(place))
            (one,) = similar_reports(rider, lat=place[0], lng=place[1], words=WORDS)
            services.support(actor=rider, offer=one.offer)
        assert pay() == 2
        days = Posting.objects.filter(rule="support").values_list("day", flat=True)
        assert sorted(days) == sorted(Support.objects.values_list("day", flat=True))
        assert len(set(days)) == 2


class TestPace:
    def test_a_phone_that_asks_too_often_sees_nothing_and_no_error(self, town, open_case):
        merging(questions_a_minute=2)
        client, (lat, lng) = phone(town, "other_rider"), BESIDE
        asked = {"lat": lat, "lng": lng, "words": WORDS}

        def answer(client: Client = client) -> tuple[int, bool]:
            got = client.get(reverse("reports:seen"), asked)
            return got.status_code, "data-support" in got.content.decode()

        assert [answer() for _ in range(4)] == [(200, True)] * 2 + [(200, False)] * 2
        assert answer(phone(town, "rider"))[0] == 200
        with clock.at(clock.now() + timedelta(seconds=61)):
            assert answer() == (200, True)


def opened(notice: Notice) -> dict[str, Any]:
    return unpack(keys().open(bytes(notice.sealed), purpose=SEAL))[0]


def rider_three(town: Town):
    return actor_for(_rider("三川", "13800000003"))


# ── pages ─────────────────────────────────────────────────────────────────────
def phone(town: Town, who: str) -> Client:
    client = Client()
    client.force_login(town.people[who], backend=BACKEND)
    return client


def test_the_block_and_the_way_through_it(town, open_case):
    client = phone(town, "other_rider")
    lat, lng = BESIDE
    html = client.get(reverse("reports:seen"), {"lat": lat, "lng": lng, "words": WORDS}).content.decode()
    assert "附近已有相似上报，是同一件吗？" in html
    offer = html.split('name="offer" value="')[1].split('"')[0]
    answer = client.post(reverse("reports:support"), {"offer": offer})
    assert answer.status_code == 303
    page = client.get(answer.url).content.decode()
    assert "井盖缺失破损移位" in page
    assert "+3" in page
    assert "积分从明天起到账" in page
    pay()
    page = client.get(answer.url).content.decode()
    assert "积分已到账" in page
    assert "+3" in page
    assert open_case.words not in page
    listed = client.get(reverse("reports:mine"), {"state": "supported"}).content.decode()
    assert answer.url in listed
    assert phone(town, "rider").get(answer.url).status_code == 404


@pytest.mark.parametrize(
    "query", [{}, {"lat": "x", "lng": "1"}, {"lat": "1", "lng": "1"}, {"lat": "nan", "lng": "inf"}]
)
def test_a_place_that_is_none_shows_nothing(town, open_case, query):
    answer = phone(town, "other_rider").get(reverse("reports:seen"), query)
    assert (answer.status_code, answer.content.decode().strip()) == (200, "")


def test_without_script_it_is_a_step_of_the_plain_form(town, open_case):
    client = phone(town, "other_rider")
    lat, lng = BESIDE
    sent = {"lat": lat, "lng": lng, "words": WORDS, "photos": [photo()]}
    html = client.post(reverse("reports:seen"), sent).content.decode()
    assert 'form="support"' in html
    assert 'id="support"' in html
    assert "还不知道在哪里" in client.post(reverse("reports:seen"), {"words": WORDS}).content.decode()
    assert reverse("reports:seen") in client.get(reverse("reports:snap")).content.decode()


def test_an_offer_that_is_gone_is_said(town, open_case):
    client = phone(town, "other_rider")
    refused = client.post(reverse("reports:support"), {"offer": "x"}, headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (409, "reports.offer_gone")
    assert client.post(reverse("reports:support"), {"offer": "x"}, follow=True).status_code == 200


class TestDesk:
    def test_a_clerk_merges_and_takes_it_back(self, town, open_case):
        second = the(send(town.other_rider, WORDS, place=at(BESIDE)))
        client, pair = phone(town, "clerk"), MergeProposal.objects.get()
        html = client.get(reverse("reports:duplicates")).content.decode()
        assert "可能是同一处" in html
        assert '<mark class="qx-ev">' in html
        act = reverse("reports:duplicate_act", args=[pair.public_id, "merge"])
        assert client.post(act, {"back": "/desk/duplicates/"}).url == "/desk/duplicates/"
        assert the_state(second) == "merged"
        assert "并进来 1 件" in client.get(reverse("reports:case", args=[open_case.public_id])).content.decode()
        page = client.get(reverse("reports:duplicate", args=[pair.public_id])).content.decode()
        assert "撤销并入" in page
        client.post(reverse("reports:duplicate_act", args=[pair.public_id, "undo"]), {"back": "//evil.example/"})
        assert the_state(second) == "dispatched"

    def test_signs_are_in_the_language_of_who_reads(self, town, open_case):
        send(town.other_rider, WORDS, place=at(BESIDE))
        pair = MergeProposal.objects.get()
        assert not any("label" in sign for sign in pair.signs)
        with override("en"):
            labels = [sign.label for sign in duplicates.proposal(town.clerk, pair.public_id).signs]
        assert "Class: Manhole cover missing, broken or displaced" in labels
        assert not any("\u4e00" <= char <= "\u9fff" for label in labels for char in label), labels

    def test_signs_of_before_are_still_shown(self, town, open_case):
        send(town.other_rider, WORDS, place=at(BESIDE))
        old = [
            {"kind": "distance", "value": 6.0, "weight": 1.0, "label": "相距 6 米"},
            {"kind": "class", "value": 1.0, "weight": 1.0, "label": "类别：井盖缺失破损移位"},
        ]
        MergeProposal.objects.update(signs=old)
        with override("en"):
            labels = [
                sign.label for sign in duplicates.proposal(town.clerk, MergeProposal.objects.get().public_id).signs
            ]
        assert labels == ["6 m apart", "类别：井盖缺失破损移位"]

    def test_a_list_of_many_costs_as_much_as_one_of_few(self, town, open_case):
        def cost(n: int) -> int:
            for _ in range(n):
                send(town.other_rider, WORDS, place=at(BESIDE))
            duplicates.proposals(town.clerk)
            with CaptureQueriesContext(connection) as seen:
                page = duplicates.proposals(town.clerk)
            assert len(page.items) > n - 1
            return len(seen.captured_queries)

        assert cost(1) == cost(5) == 2

    def test_pages_follow_each_other(self, town, open_case):
        for _ in range(3):
            send(town.other_rider, WORDS, place=at(BESIDE))
        first = duplicates.proposals(town.clerk, limit=2)
        rest = duplicates.proposals(town.clerk, before=first.next_key, limit=2)
        assert [len(first.items), len(rest.items), rest.next_key] == [2, 1, ""]
        assert len({one.public_id for one in [*first.items, *rest.items]}) == 3

    @pytest.mark.parametrize(("who", "status"), [("worker", 403), ("rider", 403)])
    def test_others_do_not_get_in(self, town, open_case, who, status):
        send(town.other_rider, WORDS, place=at(BESIDE))
        pair, client = MergeProposal.objects.get(), phone(town, who)
        for url in (reverse("reports:duplicates"), reverse("reports:duplicate", args=[pair.public_id])):
            assert client.get(url).status_code == status
        assert client.post(reverse("reports:duplicate_act", args=[pair.public_id, "merge"])).status_code == status
        assert MergeProposal.objects.get().state == "open"

    def test_supporters_are_a_number(self, town, open_case):
        supported(town)
        client = phone(town, "worker")
        html = client.get(reverse("reports:case", args=[open_case.public_id])).content.decode()
        assert "1 位骑手说是同一处" in html
        for hidden in (town.other_rider.public_id, town.other_rider.display_name):
            assert hidden not in html


def the_state(report: Report) -> str:
    return Report.objects.values_list("state", flat=True).get(pk=report.pk)


def test_supports_are_paged(town, open_case):
    supported(town)
    page = my_supports(town.other_rider, "", 1)
    assert (len(page.items), page.next_key, page.items[0].number) == (1, "", open_case.number)
    assert Notice.objects.filter(template="points.awarded", person=town.people["other_rider"]).count() == 1
