"""The pages: what a person chooses, and what administrators see and may change."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pydantic import SecretStr

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.tokens import b64
from qixia.notices import digests, push, queries, services
from qixia.notices.models import Delivery, MailAddress, Notice, PushSubscription, Robot
from qixia.people import queries as people
from qixia.people.sessions import BACKEND
from qixia.people.tests import build
from qixia.policy.models import RuleVersion
from qixia.policy.queries import current
from qixia.policy.services import fill_calendar, publish, publish_seeds, set_day

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc"


def signed_in(person):
    client = Client()
    client.force_login(person, backend=BACKEND)
    return client


@pytest.fixture
def seeds(db):
    publish_seeds()
    people.forget_organisations()


@pytest.fixture
def rider(seeds):
    return build.rider()


@pytest.fixture
def admin(seeds):
    return signed_in(build.staff("the-admin", role="admin"))


def form(**more):
    return {"endpoint": ENDPOINT, "p256dh": push.new_key_pair().public, "auth": b64(bytes(16)), **more}


class TestOwnSettings:
    def test_a_rider_sees_no_work_and_no_mail(self, rider):
        text = signed_in(rider).get(reverse("notices:settings")).content.decode()
        assert "push.progress" in text
        assert "push.work" not in text
        assert "收邮件的地址" not in text

    def test_switches_and_hours_are_kept(self, rider):
        client = signed_in(rider)
        sent = {"push.points": "on", "quiet": "own", "quiet_start": "21:30", "quiet_end": "06:15"}
        assert client.post(reverse("notices:settings"), sent).status_code == 303
        wish = queries.wishes_of([rider.pk])[rider.pk]
        assert wish.chosen[("push", "points")]
        assert not wish.chosen[("push", "progress")]
        assert (wish.quiet.start, wish.quiet.end) == (time(21, 30), time(6, 15))
        client.post(reverse("notices:settings"), {"quiet": "city"})
        assert queries.wishes_of([rider.pk])[rider.pk].quiet is None

    @pytest.mark.parametrize(("start", "end"), [("", "06:00"), ("25:00", "06:00"), ("x", "y"), ("21:00", "")])
    def test_hours_that_are_none_change_nothing(self, rider, start, end):
        sent = {"push.points": "on", "quiet": "own", "quiet_start": start, "quiet_end": end}
        answer = signed_in(rider).post(reverse("notices:settings"), sent)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.content.decode()
        assert queries.wishes_of([rider.pk])[rider.pk].chosen == {}

    def test_a_browser_is_added_and_removed_by_its_owner_alone(self, rider):
        client = signed_in(rider)
        agent = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/131 Mobile Safari/537.36"
        sent = form(key=services.push_key())
        assert client.post(reverse("notices:add-device"), sent, HTTP_USER_AGENT=agent).status_code == 303
        row = PushSubscription.objects.get()
        assert row.label in client.get(reverse("notices:settings")).content.decode()
        stranger = signed_in(build.staff("stranger"))
        for given in ({"device": row.public_id}, {"endpoint": ENDPOINT}):
            stranger.post(reverse("notices:remove-device"), given)
        assert PushSubscription.objects.count() == 1
        client.post(reverse("notices:remove-device"), {"endpoint": ENDPOINT})
        assert PushSubscription.objects.count() == 0

    @pytest.mark.parametrize(
        "wrong",
        [{"endpoint": "https://10.0.0.1/x"}, {"endpoint": ""}, {"p256dh": "x"}, {"auth": "x"}, {"key": "another"}],
    )
    def test_a_browser_that_makes_no_sense_is_refused(self, rider, wrong):
        sent = form(key=services.push_key()) | wrong
        assert signed_in(rider).post(reverse("notices:add-device"), sent).status_code == 422
        assert PushSubscription.objects.count() == 0

    def test_somebody_at_work_gives_an_address(self, seeds, monkeypatch):
        monkeypatch.setattr(get_config(), "mail_server", SecretStr("mailto://127.0.0.1:1/?from=q@city.example"))
        person = build.staff("at-work", role="clerk")
        client = signed_in(person)
        assert client.post(reverse("notices:mail"), {"mail": "not one"}).status_code == 422
        assert client.post(reverse("notices:mail"), {"mail": "a@city.example"}).status_code == 303
        link = queries.confirm_path(person.pk, "a@city.example")
        assert "确认这个邮箱" in client.get(link).content.decode()
        assert MailAddress.objects.get().confirmed_at is None  # looking is not confirming
        client.post(reverse("notices:mail"), {"act": "confirm", "token": link.partition("confirm=")[2]})
        assert queries.mail_address(person.pk) == "a@city.example"

    def test_riders_give_none(self, rider):
        assert signed_in(rider).post(reverse("notices:mail"), {"mail": "a@city.example"}).status_code == 403
        assert MailAddress.objects.count() == 0

    def test_the_worker_shows_pushes(self, seeds):
        text = Client().get("/sw.js").content.decode()
        for needed in ('"push"', '"notificationclick"', "showNotification", "self.location.origin"):
            assert needed in text


class TestLog:
    def _some(self, person, many=3):
        services.add_device(
            person_id=person.pk,
            address=push.Address(**form()),
            key=services.push_key(),
            label="",
            actor=f"person:{person.public_id}",
        )
        for n in range(many):
            services.tell(person.pk, "report.fixed", params={"number": "407188235"}, key=f"k{n}", link="/r/secret/")
        with clock.at(NOON):
            services.fan_out()

    def test_it_names_nobody_and_no_minute_of_a_person(self, admin, rider):
        self._some(rider)
        Delivery.objects.update(sent_at=datetime(2026, 11, 23, 4, 41, tzinfo=UTC), state="sent")
        text = admin.get(reverse("notices:deliveries")).content.decode()
        assert "手机推送" in text
        for hidden in (rider.public_id, rider.display_name, "407", "secret", "12:41", "12:00"):
            assert hidden not in text

    def test_pages_by_key_and_filters(self, rider):
        self._some(rider, 5)
        Delivery.objects.filter(pk__in=Delivery.objects.values("pk")[:1]).update(state="failed")
        first = queries.deliveries(language="zh", size=2)
        second = queries.deliveries(language="zh", size=2, after=first.after)
        third = queries.deliveries(language="zh", size=2, after=second.after)
        shown = [line.public_id for page in (first, second, third) for line in page.items]
        assert shown == list(Delivery.objects.order_by("-pk").values_list("public_id", flat=True))
        assert (first.before, third.after) == (None, None)
        assert queries.deliveries(language="zh", size=2, before=third.items[0].public_id).items == second.items
        assert len(queries.deliveries(language="zh", state="failed").items) == 1
        assert len(queries.deliveries(language="zh", channel="sms").items) == 0
        assert len(queries.deliveries(language="zh", channel="nonsense", state="?", after="?").items) == 5

    def test_the_cost_does_not_grow(self, admin, rider):
        self._some(rider, 2)

        def cost():
            with CaptureQueriesContext(connection) as seen:
                assert admin.get(reverse("notices:deliveries")).status_code == 200
            return len(seen)

        cost()
        before = cost()
        self._some(rider, 20)
        assert cost() == before


class TestRobotsPage:
    GOOD = {
        "organisation": "unit-a",
        "kind": "wecom",
        "label": "班组",
        "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=secret-key",
    }

    def test_its_address_is_never_shown_again(self, admin):
        assert admin.post(reverse("notices:robots"), self.GOOD).status_code == 303
        text = admin.get(reverse("notices:robots")).content.decode()
        assert "班组" in text
        assert "secret-key" not in text
        admin.post(reverse("notices:stop-robot"), {"robot": Robot.objects.get().public_id})
        assert not Robot.objects.get().is_active

    @pytest.mark.parametrize(
        "wrong",
        [
            {"url": "https://evil.example/?key=a"},
            {"url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"},
            {"url": "https://qyapi.weixin.qq.com@evil.example/?key=a"},
            {"url": ""},
            {"label": " "},
            {"organisation": "nobody"},
        ],
    )
    def test_what_is_no_robot_is_refused(self, admin, wrong):
        answer = admin.post(reverse("notices:robots"), self.GOOD | wrong)
        assert answer.status_code == 422
        assert "secret-key" not in answer.content.decode()
        assert Robot.objects.count() == 0


class TestWords:
    GOOD = {
        "zh_title": "修好啦",
        "zh_body": "编号 {number}。",
        "en_title": "Fixed",
        "en_body": "Number {number}.",
        "zh_outside": "有结果了。",
        "en_outside": "There is a result.",
        "note": "短一点",
        "after": "1",
    }

    def test_all_are_listed_in_both_languages(self, admin):
        text = admin.get(reverse("notices:templates")).content.decode()
        for name, one in queries.templates().notices.items():
            assert reverse("notices:template", args=[name]) in text
            assert "{" not in one.outside.zh

    def test_a_new_version_is_what_people_read(self, admin, rider):
        services.tell(rider.pk, "report.fixed", params={"number": "407188235"}, key="k")
        assert admin.post(reverse("notices:template", args=["report.fixed"]), self.GOOD).status_code == 303
        assert queries.latest(rider.pk, language="zh")[0].words.title == "修好啦"
        stale = admin.post(reverse("notices:template", args=["report.fixed"]), self.GOOD)
        assert stale.status_code == 409

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("zh_body", "编号 {phone}。", "{phone}"),
            ("en_title", "For {reporter}", "{reporter}"),
            ("en_body", "Number {number", "{{}"),
            ("zh_title", " ", "标题不能空着"),
            ("zh_body", "长" * 301, "太长了"),
            ("zh_outside", "编号 {number}", "不能有变量"),
            ("en_outside", "Case 407", "不能有变量"),
            ("note", "", "为什么改"),
        ],
    )
    def test_the_field_is_named_and_nothing_changes(self, admin, field, value, said):
        before = RuleVersion.objects.count()
        answer = admin.post(reverse("notices:template", args=["report.fixed"]), self.GOOD | {field: value})
        text = answer.content.decode()
        assert answer.status_code == 422
        assert said in text
        (marked,) = [tag for tag in re.findall("<[^>]+>", text) if 'aria-invalid="true"' in tag]
        assert f'name="{field}"' in marked
        assert RuleVersion.objects.count() == before

    def test_no_such_template(self, admin):
        assert admin.get(reverse("notices:template", args=["no.such"])).status_code == 404


class TestDigests:
    MORNING = datetime(2026, 11, 23, 0, 35, tzinfo=UTC)  # 08:35

    @pytest.fixture
    def counted(self, monkeypatch):
        counts = {}
        monkeypatch.setattr(digests, "_counters", {"test": lambda person: counts.get(person, digests.Counts(0, 0, 0))})
        return counts

    def test_each_is_told_once_and_who_has_nothing_is_told_nothing(self, seeds, counted):
        with clock.at(self.MORNING - timedelta(days=1)):
            busy, idle = build.staff("busy-clerk", role="clerk"), build.staff("idle-clerk", role="clerk")
        counted[busy.pk] = digests.Counts(3, 2, 1)
        with clock.at(self.MORNING):
            assert [services.tell_digests() for _again in range(3)] == [1, 0, 0]
        (one,) = queries.latest(busy.pk, language="zh")
        assert one.words.title == "上午的小结：等着办的事"
        assert one.words.body == "新来 3 件，今天到期 2 件，逾期 1 件。"
        assert queries.latest(idle.pk, language="zh") == []
        letter = queries.outside_by_mail(Notice.objects.get(), language="en")
        assert letter == "Morning summary: work to do\n3 new, 2 due today, 1 overdue."

    def test_not_before_its_time_and_not_long_after(self, seeds, counted):
        with clock.at(self.MORNING - timedelta(days=1)):
            person = build.staff("busy-clerk", role="clerk")
        counted[person.pk] = digests.Counts(1, 0, 0)
        for hour, minute in ((0, 29), (1, 0), (5, 59)):
            with clock.at(self.MORNING.replace(hour=hour, minute=minute)):
                assert services.tell_digests() == 0
        with clock.at(self.MORNING.replace(hour=6, minute=0)):
            assert services.tell_digests() == 1

    def _somebody_busy(self, counted):
        """At work since the year began, whose holidays are known."""
        with clock.at(datetime(2026, 1, 5, tzinfo=UTC)):
            fill_calendar(date(2026, 1, 1))
            counted[build.staff("busy-clerk", role="clerk").pk] = digests.Counts(1, 0, 0)

    @pytest.mark.parametrize(
        ("day", "told"),
        [("2026-09-30", 1), ("2026-10-01", 0), ("2026-09-20", 1), ("2026-11-21", 0), ("2026-11-22", 0)],
        ids=["a Wednesday", "the National Day", "a Sunday that is worked", "a Saturday", "a Sunday"],
    )
    def test_they_follow_the_working_calendar(self, seeds, counted, day, told):
        """The State Council's notice for 2026 gives 1 October off and lets 20 September be worked."""
        self._somebody_busy(counted)
        with clock.at(datetime.fromisoformat(f"{day}T08:35+08:00")):
            assert services.tell_digests() == told

    def test_a_calendar_that_is_changed_holds_at_once(self, seeds, counted):
        self._somebody_busy(counted)
        with clock.at(self.MORNING):
            set_day(day=date(2026, 11, 28), kind="workday", note="换一天", actor_ref="system:test")
        with clock.at(datetime.fromisoformat("2026-11-28T08:35+08:00")):  # a Saturday
            assert services.tell_digests() == 1

    def test_the_rule_may_want_them_every_day(self, seeds, counted):
        self._somebody_busy(counted)
        rules = current("notices.channels").data.model_dump(mode="json")
        rules["digests"] = [one | {"days": "all"} for one in rules["digests"]]
        with clock.at(self.MORNING):
            publish("notices.channels", rules, note="每天都发", actor_ref="system:test")
        with clock.at(datetime.fromisoformat("2026-11-28T08:35+08:00")):  # a Saturday
            assert services.tell_digests() == 1

    def test_riders_get_none(self, rider, counted):
        counted[rider.pk] = digests.Counts(1, 1, 1)
        with clock.at(self.MORNING):
            assert services.tell_digests() == 0
