import ast
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

import qixia.notices
from qixia.jobs.services import Job
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import Config
from qixia.kernel.keys import BadSeal, keys
from qixia.notices import checks, queries, senders, services, tasks
from qixia.notices.models import Message, Notice
from qixia.notices.queries import reading
from qixia.people import queries as people
from qixia.people import services as people_services
from qixia.people.services import sign_in
from qixia.people.tests import build
from qixia.policy.queries import current
from qixia.policy.services import publish, publish_seeds

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture
def person(db):
    publish_seeds()
    people.forget_organisations()
    return build.rider()


def _tell(person, key, template="report.fixed", **more):
    services.tell(person.pk, template, params={"number": "407188235"}, key=key, **more)


def test_the_same_key_tells_once(person):
    for _ in range(3):
        _tell(person, "report:a:fixed")
    _tell(person, "report:b:fixed")
    assert queries.unread_count(person.pk) == 2


def test_an_unknown_template_is_the_callers_mistake(person):
    with pytest.raises(services.UnknownTemplate):
        _tell(person, "k", template="no.such")
    assert Notice.objects.count() == 0


def test_what_a_newer_release_tells_needs_no_new_words_of_the_city(person):
    """A city keeps its words at an upgrade; the first notice that they lack must not stop what it tells of."""
    data = current("notices.templates").data.model_dump(mode="json")
    del data["notices"]["report.merged"]
    data["notices"]["report.fixed"]["zh"]["title"] = "修好啦"
    publish("notices.templates", data, note="旧版", actor_ref="system:test")
    _tell(person, "a", template="report.merged")
    _tell(person, "b")
    told = [item.words.title for item in queries.latest(person.pk, language="zh-hans")]
    assert told == ["修好啦", "和已有的一件并在一起办"]


@pytest.mark.parametrize(
    ("link", "kept"), [("/r/abc/", "/r/abc/"), ("//evil.example/", ""), ("https://evil.example", "")]
)
def test_links_lead_nowhere_else(person, link, kept):
    _tell(person, "k", link=link)
    assert queries.link_of(person.pk, Notice.objects.get().public_id) == kept


def test_a_stored_notice_names_no_report(person):
    _tell(person, "report:x7k:fixed", link="/r/x7k/")
    row = Notice.objects.get()
    stored = f"{row.key} {bytes(row.sealed)!r}"
    for plain in ("x7k", "407188235", "/r/", "report:"):
        assert plain not in stored
    with pytest.raises(BadSeal):
        keys().open(bytes(row.sealed), purpose="phone")
    assert "407-188-235" in queries.latest(person.pk, language="zh")[0].words.body


def test_nothing_about_a_notice_is_sent_but_the_words_for_outside(person, monkeypatch):
    """By text message; test_sending.py looks at the other ways."""
    sent = []

    class Recorder:
        name = "recorder"

        def send(self, phone, text):
            sent.append(text)
            return ""

    monkeypatch.setattr(senders, "sender_for", lambda config: Recorder())
    facts = dict.fromkeys(("number", "matter", "place", "unit", "text", "title", "reason", "name"), "秘密之事")
    for template in queries.templates().notices:
        services.tell(person.pk, template, key=f"out:{template}", params=facts, link="/r/secret/")
        for group in queries.channel_rules().groups:
            services.choose(person_id=person.pk, wanted={("sms", group): True}, actor="person:x")
    with clock.at(NOW):
        services.fan_out()
        services.send_due()
    assert len(sent) > 1
    allowed = {queries.outside(t, language=lang) for t in queries.templates().notices for lang in ("zh", "en")}
    assert set(sent) <= allowed
    services.send_code(build.PHONE, "135790", key="sign-in:x")
    assert sent[-1] not in allowed, "the recorder hears what is sent"


# Where texts leave the package: (file, what is called). A new way out has to come by this list.
WAYS_OUT = [
    ("push.py", "send"),  # the encrypted message that services/sending.py made
    ("sending.py", "messengers.say"),
    ("sending.py", "messengers.send_mail"),
    ("sending.py", "messengers.send_mail"),  # the question whether an address is right
    ("sending.py", "push.post"),
    ("sending.py", "sender.send"),
    ("telling.py", "sender.send"),  # codes
]


def test_texts_leave_the_package_at_known_places_only():
    calls = []
    for path in sorted(Path(qixia.notices.__file__).parent.rglob("*.py")):
        if "tests" not in path.parts:
            called = [
                node.func
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call)
            ]
            names = [ast.unparse(one) for one in called]
            calls += [(path.name, one) for one in names if one.split(".")[-1] in ("send", "say", "send_mail", "post")]
    assert sorted(calls) == WAYS_OUT


@pytest.mark.django_db(transaction=True)
def test_the_migration_seals_what_was_there(transactional_db):
    """Forward over rows in plain: they read as before, and their keys still make a repetition a repetition."""
    publish_seeds()
    person = build.rider()
    executor = MigrationExecutor(connection)
    executor.migrate([("notices", "0001_initial")])
    old = executor.loader.project_state([("notices", "0001_initial")]).apps.get_model("notices", "Notice")
    try:
        for n in range(3):
            old.objects.create(
                person_id=person.pk,
                template="report.fixed",
                params={"number": "407188235", "place": "云帆路"},
                link=f"/r/{n}/",
                key=f"report:{n}:fixed",
            )
    finally:
        MigrationExecutor(connection).migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())
    told = queries.latest(person.pk, language="zh", size=9)
    assert [item.words.body for item in told] == ["云帆路，谢谢你。编号 407-188-235。"] * 3
    assert queries.link_of(person.pk, told[0].public_id) == "/r/2/"
    _tell(person, "report:1:fixed")
    assert queries.unread_count(person.pk) == 3


def test_opening_a_page_of_the_inbox_costs_microseconds_a_notice(person):
    """200 µs is thirty times what it takes: the bound catches a key derived or a file read for each notice."""
    for n in range(30):
        _tell(person, f"k{n}", link="/r/x7k/")
    rows = list(Notice.objects.all())
    started = time.perf_counter()
    for row in rows:
        reading._opened(row)
    assert (time.perf_counter() - started) / len(rows) < 200e-6


def test_many_are_one_statement(person, django_assert_num_queries):
    queries.templates()
    tells = [services.Tell(person.pk, "report.fixed", {}, "", f"k{n}") for n in range(50)]
    with django_assert_num_queries(1):
        services.tell_many(tells)
    assert queries.unread_count(person.pk) == 50


@pytest.mark.django_db(transaction=True)
def test_twenty_workers_tell_once(transactional_db):
    publish_seeds()
    people.forget_organisations()
    person = build.rider()
    failed = []

    def work():
        try:
            _tell(person, "report:a:fixed")
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert Notice.objects.count() == 1


def test_the_inbox_is_by_day_in_pages(person, django_assert_num_queries):
    for hours in range(70):
        with clock.at(NOW - timedelta(hours=hours)):
            _tell(person, f"k{hours}")
    # Notices are in the order of writing: turn it, as in life.
    with clock.at(NOW):
        queries.templates()
        with django_assert_num_queries(1):
            first = queries.inbox(person.pk, language="zh-hans", size=30)
        second = queries.inbox(person.pk, language="zh-hans", after=first.after, size=30)
        third = queries.inbox(person.pk, language="zh-hans", after=second.after, size=30)
        back = queries.inbox(person.pk, language="zh-hans", before=third.before, size=30)
    sizes = [sum(len(day.items) for day in page.days) for page in (first, second, third)]
    assert sizes == [30, 30, 10]
    assert (first.before, third.after) == (None, None)
    assert back.days == second.days
    seen = {item.public_id for page in (first, second, third) for day in page.days for item in day.items}
    assert len(seen) == 70


def test_days_are_the_citys(person):
    with clock.at(datetime(2026, 11, 21, 15, 59, tzinfo=UTC)):  # 23:59 there
        _tell(person, "late")
    with clock.at(datetime(2026, 11, 21, 16, 1, tzinfo=UTC)):  # 00:01 of the next day
        _tell(person, "early")
    with clock.at(NOW):
        page = queries.inbox(person.pk, language="zh-hans")
    assert [(str(day.day), day.distance, len(day.items)) for day in page.days] == [
        ("2026-11-22", 0, 1),
        ("2026-11-21", 1, 1),
    ]


def test_reading_is_for_the_owner_and_once(person):
    _tell(person, "k")
    other = people_services.create_person(display_name="别人", phone="13900000000", actor=build.ACTOR)
    public_id = Notice.objects.get().public_id
    services.mark_read(person_id=other.pk, public_id=public_id)
    assert queries.unread_count(person.pk) == 1
    with clock.at(NOW):
        services.mark_read(person_id=person.pk, public_id=public_id)
    services.mark_read(person_id=person.pk, public_id=public_id)
    assert Notice.objects.get().read_at == NOW
    assert services.mark_all_read(person_id=person.pk) == 0


def test_words_follow_the_reader(person):
    _tell(person, "k")
    titles = [queries.latest(person.pk, language=language)[0].words.title for language in ("zh-hans", "en")]
    assert titles == ["确认修好了", "Confirmed: it is fixed"]


# ── codes by text message ───────────────────────────────────────────────────


@pytest.fixture
def outbox(monkeypatch, tmp_path):
    path = tmp_path / "outbox" / "sms.jsonl"
    monkeypatch.setattr(senders, "sender_for", lambda config: senders.FileSender(path))
    return path


def _sent(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def test_a_code_goes_out_once_and_is_forgotten(person, outbox):
    asked = sign_in.request_sign_in_code(phone=build.PHONE, address="192.0.2.1")
    code = people.code_message(asked.public_id)[1]
    assert _sent(outbox) == []  # nothing leaves inside the request
    job = Job.objects.get(name="notices.send_code")
    assert job.args == {"code": asked.public_id}
    tasks.send_code(code=asked.public_id)
    tasks.send_code(code=asked.public_id)
    assert [(m["phone"], code in m["text"]) for m in _sent(outbox)] == [(build.PHONE, True)]
    assert people.code_message(asked.public_id) is None
    assert Message.objects.values_list("state", "tries").get() == ("sent", 1)
    assert oct(outbox.stat().st_mode)[-3:] == "600"


def test_a_failed_message_is_noted_and_tried_again(person, outbox, monkeypatch):
    asked = sign_in.request_sign_in_code(phone=build.PHONE, address="192.0.2.1")

    class Down:
        name = "down"

        def send(self, phone, text):
            raise senders.SendFailed("gateway 502")

    with monkeypatch.context() as patch:
        patch.setattr(senders, "sender_for", lambda config: Down())
        with pytest.raises(senders.SendFailed):
            tasks.send_code(code=asked.public_id)
    assert Message.objects.values_list("state", "tries", "error").get() == ("failed", 1, "gateway 502")
    tasks.send_code(code=asked.public_id)
    assert Message.objects.values_list("state", "tries", "error").get() == ("sent", 2, "")
    assert len(_sent(outbox)) == 1


def test_an_expired_code_is_not_sent(person, outbox):
    with clock.at(NOW):
        asked = sign_in.request_sign_in_code(phone=build.PHONE, address="192.0.2.1")
    with clock.at(NOW + timedelta(minutes=6)):
        tasks.send_code(code=asked.public_id)
    assert _sent(outbox) == []
    assert Message.objects.count() == 0


def test_the_console_hides_codes_in_production(capsys):
    senders.ConsoleSender(hide=True).send(build.PHONE, "验证码 123456")
    senders.ConsoleSender(hide=False).send(build.PHONE, "验证码 654321")
    shown = capsys.readouterr().err
    assert "123456" not in shown
    assert shown.count(build.PHONE) == 1
    assert "654321" in shown


def test_consent_and_new_devices_are_told(person):
    services_of = people_services
    services_of.give_consent(person_id=person.pk, kind="name", version=1, actor=build.ACTOR)
    services_of.withdraw_consent(person_id=person.pk, kind="name", actor=build.ACTOR)
    for device in ("a" * 32, "b" * 32):
        sign_in.note_sign_in(person_id=person.pk, device=device, label="Chrome / Android")
    run_pending()
    run_pending()
    told = [(item.template, item.words.body) for item in queries.latest(person.pk, language="zh-hans")]
    assert [template for template, _body in told] == ["sign_in.new_device", "consent.changed"]
    assert told[1][1].startswith("让社区专员看到你的称呼：已收回")


@pytest.mark.parametrize(("sender", "found"), [("console", ["qixia.E040"]), ("file", [])])
def test_a_deployment_must_send_codes_to_somebody(monkeypatch, sender, found):
    monkeypatch.setattr(checks, "get_config", lambda: Config(sms_sender=sender))
    assert [message.id for message in checks.check_sender(None)] == found
