"""The access log and the history as data officer and auditor see them: complete, filtered, and without riders' names."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client

from qixia.audit.models import AccessRecord
from qixia.audit.services import record, record_access
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.people import queries as people
from qixia.people import services
from qixia.people.sessions import BACKEND
from qixia.people.tests import build
from qixia.policy.services import publish_seeds
from qixia.reports.tests.town import send
from qixia.site.privacy import history as history_page

LOG, CSV, HISTORY = "/privacy/accesses/", "/privacy/accesses/csv", "/privacy/history/"
WHY = "派出所来函调取上报人"


@pytest.fixture
def ground(db):
    publish_seeds()


def watcher(role: str = "data_officer", name: str = "沈书仪"):
    person = build.staff(username=f"w{role[:6]}", role=role)
    services.set_display_name(person_id=person.pk, display_name=name, actor=build.ACTOR)
    return person


def client_of(person) -> Client:
    client = Client()
    client.force_login(person, backend=BACKEND)
    return client


def opened(actor: str, subject: str = "report:nosuch", *, kind="reporter", basis="law", reason=WHY) -> None:
    record_access(kind=kind, subject=subject, actor=actor, basis=basis, reason=reason)


@pytest.mark.parametrize("role", ["worker", "unit_lead", "clerk", "admin"])
def test_nobody_else_reads_the_logs(ground, role):
    client = client_of(build.staff(role=role))
    assert [client.get(address).status_code for address in (LOG, HISTORY)] == [403, 403]
    assert client.post(CSV, {"reason": WHY}).status_code == 403
    assert AccessRecord.objects.count() == 0


@pytest.mark.parametrize("role", ["data_officer", "auditor"])
def test_both_roles_read_reasons_and_start_here(ground, role):
    clerk = build.staff(role="clerk")
    opened(f"person:{clerk.public_id}")
    client = client_of(watcher(role))
    assert client.get("/").headers["Location"] == LOG
    html = client.get(LOG).content.decode()
    assert WHY in html
    assert "阿松" in html
    assert "社区专员" in html
    assert "上报人身份" in html


def test_filters_narrow_and_pages_go_on(ground, monkeypatch):
    monkeypatch.setattr("qixia.site.privacy.accesses.PAGE", 2)
    clerk = build.staff(role="clerk")
    ref = f"person:{clerk.public_id}"
    for number in range(3):
        opened(ref, reason=f"第{number}次核对整改情况", basis="check", kind="original")
    opened(ref, kind="phone", basis="safety", reason="骑手失联需要回拨")
    client = client_of(watcher())
    first = client.get(LOG)
    assert [line["access"].reason for line in first.context["lines"]] == ["骑手失联需要回拨", "第2次核对整改情况"]
    second = client.get(LOG, {"after": first.context["page"].after})
    assert [line["access"].reason for line in second.context["lines"]] == ["第1次核对整改情况", "第0次核对整改情况"]
    assert (second.context["page"].after, client.get(LOG, {"after": "x"}).status_code) == (None, 422)
    back = client.get(LOG, {"before": second.context["page"].before})
    assert [line["access"].reason for line in back.context["lines"]] == ["骑手失联需要回拨", "第2次核对整改情况"]
    assert [line["access"].kind for line in client.get(LOG, {"basis": "safety"}).context["lines"]] == ["phone"]
    yesterday = clock.city_date(clock.now()) - timedelta(days=1)
    assert client.get(LOG, {"last": yesterday.isoformat()}).context["lines"] == []
    assert client.get(LOG, {"number": "123456789"}).context["lines"] == []
    assert client.get(LOG, {"actor": "person:nobody"}).context["lines"] == []


def test_a_day_with_too_many_is_marked(ground):
    busy, calm = build.staff(role="clerk"), build.staff(username="calm", role="clerk")
    limit = people.privacy_rules().accesses_a_day
    for _ in range(limit):
        opened(f"person:{calm.public_id}")
    for _ in range(limit + 1):
        opened(f"person:{busy.public_id}")
    page = client_of(watcher()).get(LOG)
    assert [(mark["ref"], mark["count"]) for mark in page.context["busy"]] == [(f"person:{busy.public_id}", limit + 1)]
    marked = {line["access"].actor for line in page.context["lines"] if line["busy"]}
    assert marked == {f"person:{busy.public_id}"}
    assert page.context["weeks"][-1]["n"] == 2 * limit + 1


def test_taking_the_log_away_wants_a_reason_and_stands_in_it(ground):
    clerk = build.staff(role="clerk")
    opened(f"person:{clerk.public_id}", reason="=HYPERLINK(请看这里)")
    opened(f"person:{clerk.public_id}", kind="phone", basis="safety", reason="骑手失联需要回拨")
    client = client_of(watcher())
    refused = client.post(CSV, {"reason": "看看", "kind": "reporter"})
    assert (refused.status_code, AccessRecord.objects.count()) == (422, 2)
    assert "请写明缘由" in refused.content.decode()
    given = client.post(CSV, {"reason": "季度内部审计抽查", "kind": "reporter"})
    rows = list(csv.reader(io.StringIO(given.content.decode("utf-8-sig"))))
    assert [row[-1] for row in rows[1:]] == ["'=HYPERLINK(请看这里)"]
    made = AccessRecord.objects.latest("pk")
    assert (made.kind, made.subject, made.basis, made.data) == ("export", "log:accesses", "check", {"lines": 1})


def test_the_log_costs_the_same_with_many_lines(ground, django_assert_max_num_queries):
    clerk = build.staff(role="clerk")
    client = client_of(watcher())
    opened(f"person:{clerk.public_id}")
    client.get(LOG)
    with django_assert_max_num_queries(12) as few:
        client.get(LOG)
    for _ in range(20):
        opened(f"person:{clerk.public_id}")
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(LOG)


# ── riders ──────────────────────────────────────────────────────────────────


@pytest.fixture
def town(standing_town, tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    return standing_town


def test_no_page_lays_a_rider_beside_a_report(town):
    receipt = send(town.rider)
    rider = town.people["rider"]
    services.note_sign_in(person_id=rider.pk, device="d" * 24, label="Chrome / Android")
    clerk = build.staff(role="clerk")
    opened(f"person:{clerk.public_id}", f"report:{receipt.public_id}")
    opened(f"person:{clerk.public_id}", f"person:{rider.public_id}", kind="phone", basis="safety")
    record_access(kind="export", subject=f"person:{rider.public_id}", actor=f"person:{rider.public_id}", basis="self")
    client = client_of(watcher("auditor", "陆砚"))
    for address in (LOG, HISTORY):
        html = client.get(address).content.decode()
        assert rider.display_name not in html
        assert rider.public_id not in html
    assert client.get(HISTORY, {"actor": f"person:{rider.public_id}"}).context["lines"] == []
    assert people.pseudonym(rider.public_id) in client.get(LOG).content.decode()


def test_the_history_shows_staff_and_leaves_out_what_riders_do_in_their_account(town):
    receipt = send(town.rider)
    clerk = build.staff(role="clerk")
    rider = town.people["rider"]
    record("people.signed_in", subject=f"person:{rider.public_id}", actor=f"person:{rider.public_id}")
    record("rewards.award", subject=f"report:{receipt.public_id}", actor="system:settle", beneficiary="person:x")
    record(
        "reports.verify", subject=f"report:{receipt.public_id}", actor=f"person:{clerk.public_id}", before="a", who="x"
    )
    client = client_of(watcher("auditor", "陆砚"))
    lines = client.get(HISTORY, {"number": receipt.number}).context["lines"]
    assert "reports.verify" in [line["action"] for line in lines]
    assert "rewards.award" not in [line["action"] for line in lines]
    assert next(line for line in lines if line["action"] == "reports.verify")["facts"] == "before a"
    everything = client.get(HISTORY).context["lines"]
    assert "people.signed_in" not in [line["action"] for line in everything]
    by_clerk = client.get(HISTORY, {"actor": f"person:{clerk.public_id}"}).context["lines"]
    assert [line["action"] for line in by_clerk] == ["reports.verify"]
    assert client.get(HISTORY, {"number": "123456789"}).context["lines"] == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"before": "dispatched", "after": "accepted", "photos": 1}, ["待签收 → 已签收", "照片 1"]),
        ({"before": "accepted", "after": "accepted"}, []),
        ({"before": "v1", "after": "v2"}, ["before v1", "after v2"]),
    ],
)
def test_the_history_speaks_of_states_in_the_words_of_the_desk(facts, words):
    assert history_page._facts(facts) == words


@pytest.mark.parametrize("address", [LOG, HISTORY])
def test_whoever_reads_a_log_sees_their_name_and_can_sign_out_there(ground, address):
    html = client_of(watcher("auditor", "陆砚")).get(address, {"actor": "system"}).content.decode()
    foot = html[html.index("qx-side") :]
    assert "陆砚" in foot
    assert 'name="csrf-token"' in html
    assert 'value="system" selected' in html or address == LOG
