"""The ways out, each to a real receiver: what arrives, what doesn't, and what stands in the row afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pydantic import SecretStr

from qixia.jobs.services import Job
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import Invalid, NotAllowed
from qixia.notices import push, queries, services, takeout, tasks
from qixia.notices.models import Delivery, MailAddress, Notice, PushKey, PushSubscription, Robot
from qixia.notices.tests import receivers
from qixia.outgoing.rules import Refused
from qixia.people import queries as people
from qixia.people import services as people_services
from qixia.people.tests import build
from qixia.policy.queries import current
from qixia.policy.services import publish, publish_seeds

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # 12:00 in the city, outside the quiet hours
NIGHT = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)  # 23:30
MORNING = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)  # 07:00
MOMENT = [0.0]  # of the hand-over under way: the receivers' threads don't see the pinned clock
SECRET = "云帆路 407-188-235 井盖缺失"


@pytest.fixture(autouse=True)
def _told_in_the_forenoon():
    """Whatever the day is on which the tests run."""
    with clock.at(NOON - timedelta(hours=3)):
        yield


@pytest.fixture
def web():
    with receivers.web(lambda: MOMENT[0]) as found:
        yield found


@pytest.fixture
def mail(monkeypatch):
    with receivers.mail() as found:
        server = f"mailto://{receivers.HERE}:{found.port}/?from=qixia@city.example&mode=insecure"
        monkeypatch.setattr(get_config(), "mail_server", SecretStr(server))
        yield found


@pytest.fixture
def place(db, web):
    """Rules that let the receivers be reached."""
    publish_seeds()
    people.forget_organisations()
    listed = {"scheme": "http", "host": receivers.HERE, "port": web.port, "private": True, "why": "测试用的服务"}
    publish("outgoing.destinations", {"exceptions": [listed]}, note="test", actor_ref="system:test")
    rules = current("notices.channels").data.model_dump(mode="json")
    rules |= {"push_hosts": [receivers.HERE], "robot_hosts": [receivers.HERE]}
    publish("notices.channels", rules, note="test", actor_ref="system:test")


@pytest.fixture
def rider(place):
    return build.rider()


def subscribe(person, web, name="phone", browser=None):
    browser = browser or receivers.Browser(web.port, name)
    device = services.add_device(
        person_id=person.pk,
        address=push.Address(**browser.form),
        key=services.push_key(),
        label="Chrome / Android",
        actor=f"person:{person.public_id}",
    )
    return browser, device


def tell(person, key="report:a:fixed", template="report.fixed"):
    facts = {"number": "407188235", "place": "云帆路", "text": SECRET}
    services.tell(person.pk, template, key=key, params=facts, link="/r/secret/")


def send(at=NOON):
    MOMENT[0] = at.timestamp()
    with clock.at(at):
        services.fan_out()
        return services.send_due()


def robot_for(organisation, web, kind="wecom", **more):
    path = "cgi-bin/webhook/send?key=abc-123" if kind == "wecom" else "robot/send?access_token=tok42"
    return services.add_robot(
        organisation=organisation,
        kind=kind,
        label="办公群",
        url=f"http://{receivers.HERE}:{web.port}/{path}",
        actor="system:test",
        **more,
    )


class TestPush:
    def test_a_browser_reads_what_it_was_sent(self, rider, web):
        """Signed by our key for this service, readable by this browser alone, and without a word about the matter."""
        browser, _device = subscribe(rider, web)
        with clock.at(NOON):
            tell(rider)
        assert send() == 1
        (one,) = web.heard
        claims = receivers.check_signature(one, services.push_key(), NOON.timestamp())
        assert claims["aud"] == f"http://{receivers.HERE}:{web.port}"
        assert SECRET.encode() not in one.body
        message = browser.read(one.body)
        row = Delivery.objects.get()
        notice = Notice.objects.get()
        assert message == {
            "id": row.public_id,
            "title": "骑侠",
            "body": queries.outside("report.fixed", language="zh"),
            "url": f"/inbox/{notice.public_id}",
        }
        assert (one.headers["ttl"], one.headers["topic"], one.headers["urgency"]) == ("86400", row.public_id, "normal")
        assert (row.state, row.tries, row.provider_ref, row.sent_at) == ("sent", 1, "1", NOON)

    def test_another_browser_reads_nothing(self, rider, web):
        subscribe(rider, web)
        with clock.at(NOON):
            tell(rider)
        send()
        with pytest.raises(Exception, match=r".*"):
            receivers.Browser(web.port, "other").read(web.heard[0].body)

    @pytest.mark.parametrize("status", [404, 410])
    def test_a_browser_that_left_is_forgotten(self, rider, web, status):
        subscribe(rider, web)
        tell(rider)
        web.answers = [(status, {}, b"")]
        assert send() == 0
        assert PushSubscription.objects.count() == 0
        assert Delivery.objects.get().state == "failed"
        tell(rider, key="another")
        assert send() == 0
        assert len(web.heard) == 1

    def test_a_busy_service_is_asked_again_after_the_pause_that_it_wants(self, rider, web):
        subscribe(rider, web)
        with clock.at(NOON):
            tell(rider)
        web.answers = [(429, {"Retry-After": "600"}, b""), (500, {}, b"")]
        assert send() == 0
        row = Delivery.objects.get()
        assert (row.state, row.next_try_at) == ("queued", NOON + timedelta(seconds=600))
        assert send(NOON + timedelta(seconds=599)) == 0
        assert send(NOON + timedelta(seconds=600)) == 0
        row.refresh_from_db()
        assert (row.tries, row.next_try_at) == (2, NOON + timedelta(seconds=900))
        assert send(NOON + timedelta(seconds=900)) == 1

    def test_it_is_given_up_in_the_end(self, rider, web):
        subscribe(rider, web)
        with clock.at(NOON):
            tell(rider)
        web.answers = [(500, {}, b"")] * 20
        at = NOON
        for _try in range(20):
            send(at)
            at = max(at, Delivery.objects.get().next_try_at)
        row = Delivery.objects.get()
        assert (row.state, row.tries) == ("given_up", 6)
        assert row.error

    def test_what_the_service_refuses_is_not_tried_again(self, rider, web):
        subscribe(rider, web)
        tell(rider)
        web.answers = [(403, {}, b"")]
        send()
        assert Delivery.objects.get().state == "failed"
        assert PushSubscription.objects.count() == 1

    def test_only_services_that_the_policy_names(self, rider, web):
        browser = receivers.Browser(web.port, "x")
        for endpoint in ("https://attacker.example/push", "http://169.254.169.254/latest", "https://user@127.0.0.1/x"):
            parts = browser.form | {"endpoint": endpoint}
            with pytest.raises(Refused):
                services.add_device(
                    person_id=rider.pk,
                    address=push.Address(**parts),
                    key=services.push_key(),
                    label="",
                    actor="person:x",
                )
        assert PushSubscription.objects.count() == 0

    @pytest.mark.parametrize("wrong", [{"p256dh": "AAAA"}, {"auth": "AAAA"}, {"p256dh": "?"}, {"auth": ""}])
    def test_keys_that_are_none_are_refused(self, rider, web, wrong):
        browser = receivers.Browser(web.port, "x")
        with pytest.raises(Refused):
            services.add_device(
                person_id=rider.pk,
                address=push.Address(**browser.form | wrong),
                key=services.push_key(),
                label="",
                actor="person:x",
            )
        assert PushSubscription.objects.count() == 0

    def test_a_browser_belongs_to_whoever_signed_in_last(self, rider, web):
        other = build.rider(phone=build.PHONE[:-1] + "7", name="阿东")
        browser, first = subscribe(rider, web)
        _browser, second = subscribe(other, web, browser=browser)
        assert first == second
        tell(rider)
        assert send() == 0
        tell(other, key="b")
        assert send() == 1
        assert browser.read(web.heard[0].body)["title"] == "骑侠"

    def test_what_waits_for_the_former_one_never_reaches_the_next(self, rider, web):
        """Queued at night for one rider; in the morning another one holds that phone."""
        other = build.rider(phone=build.PHONE[:-1] + "7", name="阿东")
        browser, _device = subscribe(rider, web)
        with clock.at(NIGHT):
            tell(rider)
            services.fan_out()
        subscribe(other, web, browser=browser)
        assert send(MORNING) == 0
        assert web.heard == []
        assert Delivery.objects.get().state == "failed"
        assert PushSubscription.objects.get().person_id == other.pk

    def test_a_closed_account_is_reached_nowhere(self, rider, web):
        subscribe(rider, web)
        tell(rider)
        people_services.close_account(person_id=rider.pk, actor="system:test")
        assert send() == 0
        assert Delivery.objects.count() == 0

    def test_after_a_rotation_old_devices_still_hear(self, rider, web):
        old = services.push_key()
        subscribe(rider, web)
        new = services.rotate_push_key(actor="system:test")
        assert services.push_key() == new != old
        with clock.at(NOON):
            tell(rider)
        assert send() == 1
        receivers.check_signature(web.heard[0], old, NOON.timestamp())
        subscribe(rider, web)  # the page was opened again
        services.rotate_push_key(actor="system:test")
        assert not PushKey.objects.filter(public=old).exists()

    def test_a_leaked_key_goes_with_its_devices(self, rider, web):
        subscribe(rider, web)
        services.rotate_push_key(actor="system:test", drop_old=True)
        assert (PushKey.objects.count(), PushSubscription.objects.count()) == (1, 0)

    def test_nothing_in_the_database_shows_where_a_phone_is_reached(self, rider, web):
        browser, _device = subscribe(rider, web)
        row = PushSubscription.objects.get()
        stored = f"{row.index} {bytes(row.sealed)!r} {row.label} {bytes(row.key.sealed)!r}"
        for plain in (browser.endpoint, browser.form["p256dh"], browser.form["auth"], "push/phone"):
            assert plain not in stored


class TestRobots:
    @pytest.fixture
    def workers(self, place):
        first = build.staff("worker-one", role="worker")
        second = build.staff("worker-two", role="worker")
        return first, second

    def test_one_message_for_all_that_is_due(self, workers, web):
        """Two people are told of three matters: the group hears each sentence once, in one message."""
        robot_for(_place_of(workers[0]), web)
        for n in range(3):
            for person in workers:
                tell(person, key=f"unit:{n}:{person.pk}", template="unit.new_case")
        tell(workers[0], key="back", template="unit.sent_back")
        assert send() == 7
        (text,) = web.said()
        allowed = [queries.outside(name, language="zh") for name in ("unit.new_case", "unit.sent_back")]
        assert text.splitlines() == [*allowed, f"{get_config().base_url}/inbox"]
        assert set(Delivery.objects.values_list("state", "provider_ref")) == {
            ("sent", web.heard[0].headers["x-qixia-attempt"])
        }

    def test_dingtalk_is_signed(self, workers, web):
        robot_for(_place_of(workers[0]), web, kind="dingtalk", secret="SECabc")
        tell(workers[0], template="unit.new_case")
        assert send() == 1
        assert "access_token=tok42&timestamp=" in web.heard[0].path
        assert "&sign=" in web.heard[0].path
        assert web.said()[0].startswith(queries.outside("unit.new_case", language="zh"))

    def test_twenty_a_minute_whatever_happens(self, workers, web):
        """A new matter every second for a minute and a half, two workers that look each second."""
        robot_for(_place_of(workers[0]), web)
        for second in range(90):
            at = NOON + timedelta(seconds=second)
            with clock.at(at):
                tell(workers[0], key=f"n{second}", template="unit.new_case")
            send(at)
            send(at)
        moments = [one.at for one in web.heard]
        assert max(sum(start <= one < start + 60 for one in moments) for start in moments) == 20
        send(NOON + timedelta(minutes=5))
        assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}

    def test_an_errcode_is_no_success(self, workers, web):
        """Both services answer 200 to what they throw away."""
        robot_for(_place_of(workers[0]), web)
        with clock.at(NOON):
            tell(workers[0], template="unit.new_case")
        web.answers = [(200, {}, b'{"errcode":93000,"errmsg":"invalid webhook url"}')]
        assert send() == 0
        row = Delivery.objects.get()
        assert (row.state, "93000" in row.error) == ("queued", True)
        assert "93000" in Robot.objects.get().last_error
        assert send(row.next_try_at) == 1
        assert Robot.objects.get().last_error == ""

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b'{"errcode":"x"}'])
    def test_an_answer_that_says_nothing_is_no_success(self, workers, web, body):
        robot_for(_place_of(workers[0]), web)
        tell(workers[0], template="unit.new_case")
        web.answers = [(200, {}, body)]
        assert send() == 0
        assert Delivery.objects.get().state == "queued"

    def test_too_often_waits_ten_minutes(self, workers, web):
        robot_for(_place_of(workers[0]), web)
        with clock.at(NOON):
            tell(workers[0], template="unit.new_case")
        web.answers = [(200, {}, b'{"errcode":45009,"errmsg":"api freq out of limit"}')]
        send()
        assert Delivery.objects.get().next_try_at == NOON + timedelta(seconds=600)

    def test_it_speaks_only_for_its_own_unit(self, workers, web):
        elsewhere = build.organisation("unit-else", "unit")
        other = people_services.create_person(
            display_name="阿柏", username="elsewhere", password=build.PASSWORD, actor=build.ACTOR
        )
        people_services.grant_role(person_id=other.pk, role="worker", organisation_id=elsewhere.pk, actor=build.ACTOR)
        robot_for(_place_of(workers[0]), web)
        tell(other, template="unit.new_case")
        assert send() == 0
        assert web.heard == []

    def test_addresses_elsewhere_are_refused(self, workers, web):
        for url in ("https://evil.example/cgi-bin/webhook/send?key=a", "http://127.0.0.1/x", "file:///etc/passwd"):
            with pytest.raises(Refused):
                services.add_robot(
                    organisation=_place_of(workers[0]), kind="wecom", label="x", url=url, actor="system:test"
                )
        assert Robot.objects.count() == 0

    def test_a_host_that_left_the_list_is_not_called(self, workers, web):
        robot_for(_place_of(workers[0]), web)
        rules = current("notices.channels").data.model_dump(mode="json") | {"robot_hosts": []}
        publish("notices.channels", rules, note="test", actor_ref="system:test")
        tell(workers[0], template="unit.new_case")
        assert send() == 0
        assert web.heard == []
        assert Delivery.objects.get().state == "failed"

    def test_a_stopped_robot_keeps_no_address(self, workers, web):
        robot = robot_for(_place_of(workers[0]), web)
        services.stop_robot(public_id=robot, actor="system:test")
        assert queries.robot_address(Robot.objects.get()).url == ""
        tell(workers[0], template="unit.new_case")
        assert send() == 0
        assert Delivery.objects.count() == 0


def _place_of(person):
    (place,) = people.workplaces_of([person.pk])[person.pk]
    return people.organisations_by_id([place])[place].code


class TestMail:
    @pytest.fixture
    def clerk(self, place, mail):
        return build.staff("clerk-m", role="clerk")

    def _confirm(self, person, mail):
        actor = f"person:{person.public_id}"
        services.set_mail(person_id=person.pk, address="yang@city.example", actor=actor)
        services.send_confirmation(person_id=person.pk)
        letter = mail.letters.pop()
        token = letter.get_content().split("confirm=")[1].strip()
        services.confirm_mail(person_id=person.pk, token=token, actor=actor)

    def _wants(self, person):
        services.choose(person_id=person.pk, wanted={("email", "work"): True}, actor="person:x")

    def test_a_letter_names_no_matter(self, clerk, mail):
        self._confirm(clerk, mail)
        self._wants(clerk)
        tell(clerk, template="clerk.uncertain")
        assert send() == 1
        (letter,) = mail.letters
        said = queries.outside("clerk.uncertain", language="zh")
        assert letter["subject"] == f"骑侠 · {said}"
        assert letter["to"] == "yang@city.example"
        assert letter["x-qixia-attempt"] == Delivery.objects.get().public_id
        notice = Notice.objects.get()
        assert letter.get_content().split() == f"{said} {get_config().base_url}/inbox/{notice.public_id}".split()

    def test_nothing_before_the_address_is_confirmed(self, clerk, mail):
        services.set_mail(person_id=clerk.pk, address="yang@city.example", actor=f"person:{clerk.public_id}")
        self._wants(clerk)
        tell(clerk, template="clerk.uncertain")
        assert send() == 0
        assert Delivery.objects.count() == 0

    def test_a_link_confirms_only_the_address_that_it_was_sent_to(self, clerk, mail):
        actor = f"person:{clerk.public_id}"
        with clock.at(NOON):
            services.set_mail(person_id=clerk.pk, address="yang@city.example", actor=actor)
            token = queries.confirm_path(clerk.pk, "yang@city.example").split("confirm=")[1]
        with clock.at(NOON + timedelta(minutes=2)):
            services.set_mail(person_id=clerk.pk, address="else@city.example", actor=actor)
            for wrong in (token, token[:-3] + "abc", "", queries.confirm_path(clerk.pk + 1, "else@city.example")):
                with pytest.raises(Invalid):
                    services.confirm_mail(person_id=clerk.pk, token=wrong.split("confirm=")[-1], actor=actor)
        assert MailAddress.objects.get().confirmed_at is None

    @pytest.mark.parametrize(
        "address", ["", "a", "a@b", "a@b.c\nBcc: x@y.zz", "a b@c.de", "<a@b.cd>", "a@b.cd,e@f.gh", "x" * 120 + "@b.cd"]
    )
    def test_what_is_no_address_is_refused(self, clerk, address):
        with pytest.raises(Invalid):
            services.set_mail(person_id=clerk.pk, address=address, actor=f"person:{clerk.public_id}")
        assert MailAddress.objects.count() == 0

    def test_riders_get_no_letters(self, rider, mail):
        with pytest.raises(NotAllowed):
            services.set_mail(person_id=rider.pk, address="r@city.example", actor=f"person:{rider.public_id}")

    def test_a_server_that_is_busy_is_asked_again(self, clerk, mail):
        self._confirm(clerk, mail)
        self._wants(clerk)
        with clock.at(NOON):
            tell(clerk, template="clerk.uncertain")
        mail.refuse = 1
        assert send() == 0
        assert mail.letters == []
        assert send(NOON + timedelta(minutes=1)) == 1
        assert len(mail.letters) == 1


class TestWhen:
    def test_quiet_hours_wait_for_the_morning_and_emergencies_do_not(self, rider, web):
        browser, _device = subscribe(rider, web)
        with clock.at(NIGHT):
            tell(rider)
            tell(rider, key="c", template="critical.ring")
        services.choose(person_id=rider.pk, wanted={("sms", "alarm"): False}, actor="person:x")
        assert send(NIGHT) == 1
        assert browser.read(web.heard[0].body)["body"] == queries.outside("critical.ring", language="zh")
        assert web.heard[0].headers["urgency"] == "high"
        assert send(MORNING - timedelta(seconds=1)) == 0
        assert send(MORNING) == 1

    def test_what_is_critical_goes_before_the_backlog_of_the_night(self, rider, web):
        """At seven a night's news is due; what rings a minute later goes first, then the others in their order."""
        browser, _device = subscribe(rider, web)
        services.choose(person_id=rider.pk, wanted={("sms", "alarm"): False}, actor="person:x")
        for n in range(4):
            with clock.at(NIGHT + timedelta(minutes=n)):
                tell(rider, key=f"n{n}")
                services.fan_out()
        with clock.at(MORNING + timedelta(minutes=1)):
            tell(rider, key="ring", template="critical.ring")
        assert send(MORNING + timedelta(minutes=1)) == 5
        heard = [browser.read(one.body)["url"].rpartition("/")[2] for one in web.heard]
        told = list(Notice.objects.order_by("pk").values_list("public_id", flat=True))
        assert heard == [told[4], *told[:4]]

    def test_a_critical_one_that_comes_up_meanwhile_is_next(self, rider, web, monkeypatch):
        """It waits for no more than the hand-over under way, however long the list was."""
        subscribe(rider, web)
        services.choose(person_id=rider.pk, wanted={("sms", "alarm"): False}, actor="person:x")
        with clock.at(NOON):
            for n in range(3):
                tell(rider, key=f"n{n}")
        posted = push.post

        def first_posts_then_rings(*args, **more):
            monkeypatch.setattr(push, "post", posted)
            tell(rider, key="ring", template="critical.ring")
            services.fan_out()
            return posted(*args, **more)

        monkeypatch.setattr(push, "post", first_posts_then_rings)
        assert send() == 4
        assert [one.headers["urgency"] for one in web.heard] == ["normal", "high", "normal", "normal"]

    def test_a_try_that_failed_waits_for_the_morning_too(self, rider, web):
        """22:00 is quiet: the pause of half an hour from 21:36 would end at 22:06."""
        subscribe(rider, web)
        services.choose(person_id=rider.pk, wanted={("sms", "alarm"): False}, actor="person:x")
        evening = NIGHT - timedelta(hours=2)  # 21:30
        with clock.at(evening):
            tell(rider)
            tell(rider, key="ring", template="critical.ring")
        web.answers = [(500, {}, b"")] * 6
        for minutes in (0, 1, 6):
            send(evening + timedelta(minutes=minutes))
        due = dict(Delivery.objects.values_list("is_critical", "next_try_at"))
        assert due == {True: evening + timedelta(minutes=36), False: MORNING}
        assert send(evening + timedelta(minutes=36)) == 1
        assert send(MORNING - timedelta(seconds=1)) == 0
        assert send(MORNING) == 1

    def test_a_morning_after_the_end_is_given_up(self, rider, web):
        """Whoever is quiet until the whole day is over hears nothing old."""
        subscribe(rider, web)
        services.set_quiet_hours(person_id=rider.pk, start=time(12, 1), end=time(12), actor="person:x")
        with clock.at(NOON):
            tell(rider)
        web.answers = [(500, {}, b"")]
        send()
        assert Delivery.objects.get().next_try_at == NOON + timedelta(hours=24)
        web.answers = [(500, {}, b"")]
        send(NOON + timedelta(hours=24))
        assert Delivery.objects.get().state == "given_up"

    def test_a_worker_that_stood_still_wakes_nobody_at_night(self, rider, web):
        """Due in the evening, taken at night: it waits, and that was no try. What is critical goes."""
        subscribe(rider, web)
        services.choose(person_id=rider.pk, wanted={("sms", "alarm"): False}, actor="person:x")
        with clock.at(NIGHT - timedelta(hours=3)):
            tell(rider)
            tell(rider, key="ring", template="critical.ring")
            services.fan_out()
        assert send(NIGHT) == 1
        waiting = Delivery.objects.get(state="queued")
        assert (waiting.is_critical, waiting.tries, waiting.next_try_at) == (False, 0, MORNING)
        assert send(MORNING) == 1

    def test_a_group_keeps_the_hours_of_the_city(self, place, web):
        """One of the unit works at night and wants to hear; the group sleeps, and what rings goes alone."""
        worker = build.staff("worker-night", role="worker")
        robot_for(_place_of(worker), web)
        services.set_quiet_hours(person_id=worker.pk, start=time(0), end=time(0), actor="person:x")
        services.choose(person_id=worker.pk, wanted={("sms", "alarm"): False}, actor="person:x")
        with clock.at(NIGHT - timedelta(hours=3)):
            tell(worker, key="late", template="unit.new_case")
            services.fan_out()
        with clock.at(NIGHT):
            tell(worker, key="night", template="unit.new_case")
            tell(worker, key="ring", template="critical.ring")
        assert send(NIGHT) == 1
        ring = queries.outside("critical.ring", language="zh")
        assert [text.splitlines()[0] for text in web.said()] == [ring]
        assert set(Delivery.objects.filter(state="queued").values_list("next_try_at", flat=True)) == {MORNING}
        assert send(MORNING) == 2

    def test_the_order_is_read_from_an_index(self, rider, web):
        """However many wait: the next one is the first row of a range, never the smallest of a sort."""
        subscribe(rider, web)
        with clock.at(NOON):
            tell(rider)
            services.fan_out()
            with CaptureQueriesContext(connection) as seen:
                queries.next_due()
        asked = [one["sql"] for one in seen if "ORDER BY" in one["sql"]]
        assert len(asked) == 2
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":  # a table of one row is read whole unless that is forbidden
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute("SET LOCAL enable_bitmapscan = off")
            for sql in asked:
                cursor.execute(("EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN ") + sql)
                plan = str(cursor.fetchall())
                assert "notices_delivery_order" in plan
                assert "Sort" not in plan
                assert "TEMP B-TREE" not in plan

    def test_what_was_read_meanwhile_is_not_sent(self, rider, web):
        subscribe(rider, web)
        tell(rider)
        with clock.at(NOON):
            services.fan_out()
        services.mark_all_read(person_id=rider.pk)
        assert send() == 0
        assert web.heard == []
        assert Delivery.objects.get().state == "given_up"

    def test_yesterdays_news_wakes_nobody(self, rider, web):
        subscribe(rider, web)
        with clock.at(NOON - timedelta(hours=24, seconds=1)):
            tell(rider)
        with clock.at(NOON - timedelta(hours=23)):
            tell(rider, key="b")
        assert send() == 1
        assert queries.unread_count(rider.pk) == 2

    def test_a_no_holds(self, rider, web):
        subscribe(rider, web)
        services.choose(person_id=rider.pk, wanted={("push", "progress"): False}, actor="person:x")
        tell(rider)
        assert send() == 0
        assert Delivery.objects.count() == 0
        assert queries.unread_count(rider.pk) == 1

    def test_fanning_out_twice_makes_one_delivery(self, rider, web):
        subscribe(rider, web)
        tell(rider)
        with clock.at(NOON):
            services.fan_out()
            Notice.objects.update(waits=True)  # as if the worker had died before this was written
            services.fan_out()
        assert Delivery.objects.count() == 1

    def test_a_claim_is_not_taken_twice(self, rider, web):
        """Another worker took it and is still at it: this one lets it be, until the claim has lapsed."""
        subscribe(rider, web)
        with clock.at(NOON):
            tell(rider)
            services.fan_out()
        Delivery.objects.update(next_try_at=NOON + timedelta(seconds=180), tries=1, attempt="another")
        assert send() == 0
        assert web.heard == []
        assert send(NOON + timedelta(seconds=180)) == 1

    def test_the_cost_does_not_grow_with_the_people(self, place, web):
        def cost(many):
            for n in range(many):
                person = build.rider(phone=f"1380013{8000 + Notice.objects.count() * 10 + n:04d}", name="某")
                subscribe(person, web, name=f"p{person.pk}")
                tell(person, key=f"k{person.pk}")
            with clock.at(NOON), CaptureQueriesContext(connection) as seen:
                services.fan_out()
            return len(seen)

        assert cost(1) == cost(6)

    def test_erasing_somebody_takes_devices_and_choices_along(self, rider, web):
        subscribe(rider, web)
        tell(rider)
        with clock.at(NOON):
            services.fan_out()
        services.forget_person(person_id=rider.pk)
        assert (PushSubscription.objects.count(), Delivery.objects.count(), Notice.objects.count()) == (0, 0, 0)


def test_the_work_of_a_worker(rider, web):
    """As the queue runs it: what was told is looked for, and sending waits for the slow worker."""
    subscribe(rider, web)
    with clock.at(NOON):
        tell(rider)
        tasks.fan_out()
        tasks.fan_out()
        assert list(Job.objects.filter(name="notices.send").values_list("key", "priority")) == [("notices.send", -1)]
        run_pending()
    assert Delivery.objects.get().state == "sent"


def test_the_copy_of_the_own_data_holds_no_address_of_a_browser(rider, web):
    browser, _device = subscribe(rider, web)
    services.choose(person_id=rider.pk, wanted={("push", "points"): False}, actor="person:x")
    copy = takeout.settings_of(rider.pk)
    assert copy["devices"] == ["Chrome / Android"]
    assert copy["chosen"] == [{"by": "push", "group": "points", "wanted": False}]
    assert browser.endpoint not in str(copy)


def test_a_language_of_the_own(place, web):
    person = build.rider()
    people_services.set_language(person_id=person.pk, language="en", actor=f"person:{person.public_id}")
    browser, _device = subscribe(person, web)
    tell(person)
    assert send() == 1
    assert browser.read(web.heard[0].body)["title"] == "Qixia"
