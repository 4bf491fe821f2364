"""Metrics, the page that explains them, the trace of a request: who may see them, and what they say."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from qixia.audit.services import record
from qixia.jobs import services as jobs
from qixia.jobs.models import Job, Worker
from qixia.kernel.config import PROJECT_DIR, get_config
from qixia.kernel.requests import with_request_id
from qixia.people import services as people
from qixia.people import sessions
from qixia.people.models import Person
from qixia.site.backup import mark
from qixia.site.ops import figures, requests, watch
from qixia.site.ops.figures import Figure
from qixia.triage.services import ask_opinion
from qixia.triage.tests.opining import answering

ALERTS = PROJECT_DIR / "deploy" / "prometheus" / "alerts.yml"
TOKEN = "a-token-of-the-monitoring"


@pytest.fixture
def admin(db: None) -> Client:
    return signed_in("admin")


def signed_in(role: str, username: str = "boss") -> Client:
    person = people.create_person(
        display_name="某人", username=username, password="correct horse 7", actor="system:test"
    )
    office = people.create_organisation(code=f"office-{username}", name="区里", kind="unit", actor="system:test")
    people.grant_role(person_id=person.pk, role=role, organisation_id=office.pk, actor="system:test")
    client = Client()
    client.force_login(person, backend=sessions.BACKEND)
    return client


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(get_config(), "metrics_token", TOKEN)
    return TOKEN


def values(content: bytes) -> dict[str, float]:
    lines = (line for line in content.decode().splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


class TestWhoMayRead:
    def test_without_a_token_strangers_find_nothing(self, client: Client, db: None) -> None:
        assert client.get("/metrics").status_code == 404

    def test_with_a_token_strangers_are_asked_for_it(self, client: Client, db: None, token: str) -> None:
        answer = client.get("/metrics")
        assert (answer.status_code, answer["WWW-Authenticate"], answer.content) == (401, "Bearer", b"")

    @pytest.mark.parametrize(
        "given", ["Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer ", f"Bearer {TOKEN} ", "Bearer 口令"]
    )
    def test_another_token_is_refused(self, client: Client, db: None, token: str, given: str) -> None:
        assert client.get("/metrics", headers={"Authorization": given}).status_code == 401

    def test_the_token_opens(self, client: Client, db: None, token: str) -> None:
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain; version=")

    def test_an_empty_token_in_the_settings_opens_nothing(self, client: Client, db: None) -> None:
        assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404

    def test_an_administrator_may(self, admin: Client) -> None:
        assert admin.get("/metrics").status_code == 200

    @pytest.mark.parametrize("role", ["clerk", "auditor", "data_officer"])
    def test_other_staff_may_not(self, db: None, role: str) -> None:
        client = signed_in(role)
        assert client.get("/metrics").status_code == 404
        assert client.get("/ops/").status_code == 403

    def test_the_trace_is_for_auditors_too(self, db: None) -> None:
        assert signed_in("auditor").get("/ops/trace/").status_code == 200
        assert signed_in("clerk", "clerk").get("/ops/trace/").status_code == 403


class TestWhatIsSaid:
    def test_jobs_workers_backups_and_disks(
        self, admin: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(get_config(), "var_dir", tmp_path)
        now = timezone.now()
        Job.objects.all().delete()
        due = {"name": "x", "created_at": now, "run_at": now - timedelta(seconds=90)}
        Job.objects.bulk_create([Job(**due), Job(**due, quarantined_at=now), Job(name="y", created_at=now, run_at=now)])
        Worker.objects.create(lease="a", pid=1, host="h", started_at=now, seen_at=now - timedelta(seconds=40))
        mark.write(get_config(), archive=tmp_path / "a.tar", size=1, seconds=1.0)
        found = values(admin.get("/metrics").content)
        assert found["qixia_database_up"] == 1
        assert found["qixia_jobs_waiting"] == 2
        assert found["qixia_jobs_quarantined"] == 1
        assert 90 <= found["qixia_jobs_overdue_seconds"] < 120
        assert 40 <= found["qixia_worker_heartbeat_age_seconds"] < 70
        assert found["qixia_workers"] == 0
        assert abs(found["qixia_backup_last_success_timestamp_seconds"] - time.time()) < 60
        assert 0 < found['qixia_disk_free_ratio{place="media"}'] < 1
        assert found['qixia_disk_free_bytes{place="var"}'] > 0
        assert found["qixia_database_bytes"] > 10_000
        assert found['qixia_reports{state="received"}'] == 0
        assert found['qixia_evidence{state="held"}'] == 0
        assert found["qixia_old_master_keys"] == 0

    def test_no_worker_at_all_is_endless_silence(self, admin: Client) -> None:
        Worker.objects.all().delete()
        assert values(admin.get("/metrics").content)["qixia_worker_heartbeat_age_seconds"] == float("inf")

    def test_a_database_that_does_not_answer_is_a_figure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def gone() -> None:
            raise DatabaseError

        monkeypatch.setattr(figures.jobs, "queue_state", gone)
        monkeypatch.setattr(connection, "close", lambda: None)
        found = {figure.name: figure for figure in figures.figures()}
        assert found["qixia_database_up"].samples == {"": 0.0}
        assert "qixia_jobs_waiting" not in found
        assert "qixia_disk_free_bytes" in found

    def test_requests_are_counted_by_pattern_not_by_path(self, admin: Client) -> None:
        def counts() -> dict[str, float]:
            return {name: n for name, n in values(admin.get("/metrics").content).items() if "_requests_total" in name}

        before = counts()
        admin.get("/r/01jd0000000000000000000000/")
        admin.get("/r/01jd0000000000000000000001/")
        admin.get("/wp-login.php")
        admin.generic("BREW", "/healthz")
        after = counts()
        new = {name: n - before.get(name, 0) for name, n in after.items() if n != before.get(name, 0)}
        route = [n for name, n in new.items() if 'route="/r/<slug:public_id>/"' in name]
        assert route == [2]
        assert [n for name, n in new.items() if 'route="(none)"' in name] == [1]
        assert [n for name, n in new.items() if 'method="other"' in name] == [1]
        assert not [name for name in after if "01jd" in name or "wp-login" in name]

    def test_second_opinions_are_counted_by_outcome(self, admin: Client) -> None:
        with answering('{"class": "manhole", "severity": "low"}'):
            ask_opinion(ref="report:1", words="路上有个洞", pictures=[b"webp"])
        with answering("不知道"):
            ask_opinion(ref="report:2", words="路上有个洞", pictures=[b"webp"])
        content = admin.get("/metrics").content.decode()
        for line in ('qixia_opinions{outcome="asked"} 2.0', 'qixia_opinions{outcome="ok"} 1.0'):
            assert line in content
        assert 'qixia_opinions{outcome="answer"} 1.0' in content
        assert 'qixia_opinions{outcome="timeout"} 0.0' in content
        assert "qixia_opinions_failed_today 1.0" in content
        page = admin.get("/ops/").content.decode()
        row = page[page.index("没问成的第二意见") :].split("</li>")[0]
        assert "<b>1</b>" in row

    def test_a_scrape_costs_a_fixed_number_of_statements(self, admin: Client, django_assert_max_num_queries) -> None:
        with django_assert_max_num_queries(17):
            assert admin.get("/metrics").status_code == 200

    def test_nothing_personal_is_in_it(self, admin: Client) -> None:
        people.create_person(display_name="林一川", phone="13900001234", actor="system:test")
        content = admin.get("/metrics").content.decode()
        assert "林一川" not in content
        assert "13900001234" not in content
        for public_id in Person.objects.values_list("public_id", flat=True):
            assert public_id not in content
        labels = set(re.findall(r"[{,](\w+)=", content))
        assert labels <= {"place", "state", "release", "outcome", "method", "route", "status", "le"}


class TestThePage:
    def test_it_says_what_is_wrong_first(self, admin: Client) -> None:
        Worker.objects.all().delete()
        page = admin.get("/ops/").content.decode()
        titles = [row.title for row in watch.WATCHES]
        assert all(title in page for title in titles)
        assert page.index("后台进程</h2>") < page.index("搁下的事</h2>")  # bad before good
        assert "要处理" in page

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(0.0, "good"), (29.9, "good"), (30.0, "watch"), (119, "watch"), (120.0, "act"), (9e9, "act")],
    )
    def test_limits_of_a_value_that_must_stay_low(self, value: float, expected: str) -> None:
        assert watch.level(named("qixia_worker_heartbeat_age_seconds"), value) == expected

    @pytest.mark.parametrize(
        ("value", "expected"), [(0.5, "good"), (0.2, "good"), (0.19, "watch"), (0.1, "watch"), (0.09, "act")]
    )
    def test_limits_of_a_value_that_must_stay_high(self, value: float, expected: str) -> None:
        assert watch.level(named("qixia_disk_free_ratio"), value) == expected

    def test_the_worst_of_several_counts(self) -> None:
        disks = Figure("qixia_disk_free_ratio", "", {"media": 0.05, "var": 0.9}, "place")
        (reading,) = (one for one in watch.read([disks], (0, 0)) if one.watch.metric == "qixia_disk_free_ratio")
        assert (reading.level, reading.value) == ("act", "5.0%")

    def test_one_label_of_several_counts(self) -> None:
        pictures = Figure("qixia_evidence", "", {"ready": 10_000, "held": 3}, "state")
        (reading,) = (one for one in watch.read([pictures], (0, 0)) if one.watch.metric == "qixia_evidence")
        assert (reading.level, reading.value) == ("good", "3")

    def test_no_backup_ever_is_worst(self) -> None:
        never = Figure("qixia_backup_last_success_timestamp_seconds", "", {"": 0})
        (reading,) = (one for one in watch.read([never], (0, 0)) if one.watch.unit == "age")
        assert (reading.level, reading.value) == ("act", "没有")

    def test_errors_are_a_share(self) -> None:
        (reading,) = (one for one in watch.read([], (3, 100)) if one.watch.metric == "qixia_http_errors_ratio")
        assert (reading.level, reading.value) == ("act", "3.0%")

    def test_what_is_not_known_is_not_called_good(self) -> None:
        assert {one.level for one in watch.read([], (0, 0))} == {"unknown"}

    @pytest.mark.parametrize(
        ("seconds", "shown"),
        [(0, "0 秒"), (119, "119 秒"), (120, "2 分钟"), (7200, "2 小时"), (93_600, "26 小时"), (180_000, "2 天")],
    )
    def test_durations(self, seconds: float, shown: str) -> None:
        assert watch.span(seconds) == shown


def named(metric: str) -> watch.Watch:
    return next(one for one in watch.WATCHES if one.metric == metric)


class TestTheRules:
    """deploy/prometheus/alerts.yml speaks of metrics that exist, with the page's limits."""

    @pytest.fixture
    def rules(self) -> list[dict[str, object]]:
        return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]

    def test_every_metric_exists(self, admin: Client, rules: list[dict[str, str]]) -> None:
        content = admin.get("/metrics").content.decode()
        content = content + admin.get("/metrics").content.decode()  # the second knows of the first
        there = set(re.findall(r"^(qixia_\w+)", content, re.MULTILINE))
        wanted = {name for rule in rules for name in re.findall(r"qixia_\w+", rule["expr"])}
        assert len(wanted) > 8
        assert wanted - there == set()

    def test_the_limits_are_those_of_the_page(self, rules: list[dict[str, str]]) -> None:
        severities = {"watch": "warning", "act": "critical"}
        for one in watch.WATCHES:
            metric = one.metric.replace("qixia_http_errors_ratio", "qixia_http_requests_total")
            for level, severity in severities.items():
                limit = getattr(one, level)
                if level == "watch" and limit == one.act:
                    continue  # nothing to watch before it is time to act
                sign = "<" if one.low else ">="
                fitting = [
                    rule
                    for rule in rules
                    if metric in rule["expr"]
                    and rule["expr"].endswith(f"{sign} {limit:g}")
                    and rule["labels"]["severity"] == severity
                ]
                assert len(fitting) == 1, (one.metric, level)

    def test_every_rule_is_whole(self, rules: list[dict[str, object]]) -> None:
        names = [rule["alert"] for rule in rules]
        assert len(set(names)) == len(names)
        assert all(rule["annotations"]["summary"] for rule in rules)  # type: ignore[index]


class TestTrace:
    @pytest.fixture
    def traced(self, db: None) -> str:
        rider = people.create_person(display_name="骑手甲", phone="13900001235", actor="system:test")
        with with_request_id("trace-1234567") as ident:
            record("reports.received", subject="report:r1", actor="reporter")
            record("people.something", subject=f"person:{rider.public_id}", actor=f"person:{rider.public_id}")
            jobs.publish("reports.received", "report:r1", {"x": f"person:{rider.public_id}"})
            jobs.enqueue("reports.settle", {"who": f"person:{rider.public_id}"})
        with with_request_id("another-1234567"):
            record("reports.other", subject="report:r2", actor="system:x")
        return ident

    def test_all_that_a_request_left_in_order(self, admin: Client, traced: str) -> None:
        page = admin.get("/ops/trace/", {"id": traced}).content.decode()
        for word in ("reports.received", "people.something", "reports.settle", "report:r1", "上报人"):
            assert word in page
        assert "report:r2" not in page
        assert page.index("people.something") < page.index("<code>reports.settle</code>")

    def test_a_rider_stands_in_it_without_a_name(self, admin: Client, traced: str) -> None:
        page = admin.get("/ops/trace/", {"id": traced}).content.decode()
        rider = Person.objects.get(display_name="骑手甲")
        assert rider.public_id not in page
        assert "骑手（已隐去）" in page

    def test_staff_stand_in_it(self, admin: Client) -> None:
        boss = Person.objects.get(username="boss")
        with with_request_id("trace-7654321"):
            record("reports.verify", subject="report:r1", actor=f"person:{boss.public_id}")
        page = admin.get("/ops/trace/", {"id": "trace-7654321"}).content.decode()
        assert '<td data-label="经手">某人</td>' in page
        assert boss.public_id not in page

    @pytest.mark.parametrize("wrong", ["x", "a" * 65, "' OR 1=1 --", "../../etc"])
    def test_what_is_no_id_is_said(self, admin: Client, wrong: str) -> None:
        answer = admin.get("/ops/trace/", {"id": wrong})
        assert answer.status_code == 200
        assert "请求编号是 8 到 64 个" in answer.content.decode()

    def test_an_empty_id_finds_nothing(self, admin: Client, traced: str) -> None:
        """Rows of background work have no request id; they are not one big request."""
        record("system.something", subject="x:y", actor="system:x")
        assert "system.something" not in admin.get("/ops/trace/", {"id": ""}).content.decode()

    def test_a_fixed_number_of_statements(self, admin: Client, traced: str, django_assert_max_num_queries) -> None:
        with django_assert_max_num_queries(16):  # the bar of alarms and the numbers beside the menu are nine
            admin.get("/ops/trace/", {"id": traced})


def test_counts_of_several_processes_are_added_up(tmp_path: Path) -> None:
    """As under granian: each process counts for itself, one scrape shows the sum."""
    program = (
        "import os, sys; from qixia.site.ops.folder import NAME; os.environ[NAME] = sys.argv[1]\n"
        "from qixia.site.ops import requests\n"
        "requests._requests.labels('GET', '/x', sys.argv[2]).inc(int(sys.argv[3]))\n"
        "print(requests.server_errors())"
    )
    for status, count in (("200", "3"), ("500", "2"), ("200", "5")):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), status, count], capture_output=True, text=True, check=True
        )
    assert done.stdout.strip() == "(2.0, 10.0)"
    assert requests._folder == ""  # this process counts in memory
