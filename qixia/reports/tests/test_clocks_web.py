"""The supervisor's page and the clocks on the page of a case."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from django.test import Client

from qixia.kernel import clock
from qixia.kernel.clock import CITY_TZ
from qixia.people.sessions import BACKEND
from qixia.reports import services
from qixia.reports.queries.clocks import supervision
from qixia.reports.tests.town import reach, the

# The first morning from tomorrow on: people have their roles from now.
MORNING = datetime.combine(clock.city_date(clock.now()) + timedelta(days=1), time(9), tzinfo=CITY_TZ)


def client(town, name: str) -> Client:
    made = Client()
    made.force_login(town.people[name], backend=BACKEND)
    return made


def test_the_page_lists_what_is_late_what_is_asked_and_what_has_no_answer(town, django_assert_max_num_queries):
    with clock.at(MORNING):
        late, asked = reach(town, "accepted"), reach(town, "accepted")
        services.answer(actor=town.worker, public_id=late.public_id, text="马上到")
        services.ask_extension(actor=town.worker, public_id=asked.public_id, length="2 工作日", reason="要开挖路面")
    with clock.at(MORNING + timedelta(hours=19)):
        services.remind()
        with django_assert_max_num_queries(14):
            found = {one.key: [line.number for line in one.lines] for one in supervision(town.supervisor)}
    assert set(found["thrice"]) == {late.number, asked.number}
    assert found["answer"] == found["extension"] == [asked.number]
    assert found["over"] == found["returned"] == found["appeal"] == []


def test_the_supervisor_reads_it_and_decides(town):
    asked = reach(town, "accepted")
    services.ask_extension(actor=town.worker, public_id=asked.public_id, length="2 工作日", reason="要开挖路面")
    browser = client(town, "supervisor")
    assert "要开挖路面" in browser.get("/desk/supervision/").content.decode()
    shown = browser.get(f"/desk/case/{asked.public_id}/").content.decode()
    assert "同意延期" in shown
    assert "收到（时限从这里算）" in shown
    before = the(asked).resolve_due
    back = f"/desk/case/{asked.public_id}/"
    answer = browser.post(f"{back}clock/grant_extension", {"text": "同意", "back": back})
    assert answer.status_code == 303
    assert the(asked).resolve_due > before


@pytest.mark.parametrize("name", ["worker", "clerk", "rider"])
def test_others_have_no_such_page(town, name):
    assert client(town, name).get("/desk/supervision/").status_code in (302, 403)


def test_a_refusal_is_a_sentence_and_changes_nothing(town):
    report = reach(town, "accepted")
    before = the(report).resolve_due
    browser = client(town, "worker")
    sent = {"amount": "999", "unit": "工作日", "text": "要开挖", "back": f"/desk/case/{report.public_id}/"}
    shown = browser.post(f"/desk/case/{report.public_id}/clock/ask_extension", sent, follow=True).content.decode()
    assert "一次最多申请" in shown
    assert the(report).resolve_due == before
    assert browser.post(f"/desk/case/{report.public_id}/clock/nothing", sent).status_code == 404
