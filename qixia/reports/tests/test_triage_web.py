"""The triage queue: what stands in it and in which order, what a decision does, who may decide, and what nobody is told."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from qixia.codes.models import Division
from qixia.codes.queries import triage_classes
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.people.queries import organisation_by_code
from qixia.people.sessions import BACKEND
from qixia.reports import services
from qixia.reports.models import MergeProposal, Report
from qixia.reports.queries import queue_head
from qixia.reports.tests.town import MAKER, Town, accepted, photo_after, reach, send, the
from qixia.reports.web import triage
from qixia.triage.models import Correction
from qixia.triage.queries import kept_figures
from qixia.triage.services import counting
from qixia.triage.verdicts import Chance

QUEUE = reverse("reports:triage")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def town(town: Town) -> Town:
    """With somebody who works for the units that are named here: nobody sends a case where nobody reads it."""
    person = people.create_person(display_name="圆丁", username="yuanding", actor=MAKER)
    for code in ("yuanlin", "chengguan"):
        unit = organisation_by_code(code)
        assert unit is not None
        people.grant_role(person_id=person.pk, role="worker", organisation_id=unit.id, actor=MAKER)
    return town


def desk(town: Town, name: str = "clerk") -> Client:
    client = Client()
    client.force_login(town.people[name], backend=BACKEND)
    return client


def doubtful(town: Town, *, severity: str = "low", waited: int = 1, **columns: Any) -> Report:
    """A report that waits for a clerk, with what the machine is to have said of it."""
    report = the(send(town.rider, "这个"))
    assert report.state == "sorting"
    received = clock.now() - timedelta(minutes=waited)
    said = {"cls": "green", "confidence": 0.41, "severity": severity, "received_at": received}
    Report.objects.filter(pk=report.pk).update(**(said | columns))
    report.refresh_from_db()
    return report


def address(report: Report, name: str = "triage_case") -> str:
    return reverse(f"reports:{name}", args=[report.public_id])


def listed(html: str) -> list[str]:
    """The cases of the queue, in their order."""
    return re.findall(r'data-row data-case="(\w+)"', html)


def shown(html: str) -> str:
    found = re.search(r'id="triage-now"[^>]*data-case="(\w+)"', html)
    return found[1] if found else ""


def confirm(client: Client, report: Report, **form: str) -> Any:
    """What Enter sends, as htmx does it unless `headers` says otherwise."""
    given = {"cls": report.cls, "severity": report.severity, "unit": "", "other": "", "key": key(report)} | form
    return client.post(address(report, "triage_sort"), given, headers=HTMX)


def key(report: Report) -> str:
    rank = {"critical": 0, "high": 2, "normal": 3}.get(report.severity, 4)
    return f"{rank}~{report.received_at.isoformat()}~{report.pk}"


@pytest.fixture
def few_chances(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that read green, a bin or an open manhole into whatever it is told."""
    told = [Chance("green", 0.64, "low"), Chance("bin-overflow", 0.21, "normal"), Chance("manhole", 0.09, "critical")]
    rest = [Chance(slug, 0.0, "low") for slug in sorted({*triage_classes()} - {one.cls for one in told})]
    monkeypatch.setattr("qixia.reports.queries.triage.chances", lambda words, hint=None: [*told, *rest])


# ── who ───────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("who", "status"), [("clerk", 200), ("admin", 200), ("worker", 403), ("cleaner", 403), ("rider", 403)]
)
def test_clerks_and_administrators_open_it_and_nobody_else(town: Town, who: str, status: int) -> None:
    report = doubtful(town)
    client = desk(town, who)
    assert client.get(QUEUE).status_code == status
    assert client.get(address(report)).status_code == status
    if status == 403:
        assert confirm(client, report).status_code == 403
        assert the_same(report)


def the_same(report: Report) -> bool:
    """Nothing of a report, its history or what is learnt from it has changed."""
    now = Report.objects.get(pk=report.pk)
    same = all(getattr(now, field.attname) == getattr(report, field.attname) for field in Report._meta.concrete_fields)
    return same and now.steps.count() == 2 and not Correction.objects.exists()


def test_whoever_is_not_signed_in_is_sent_to_do_so(town: Town) -> None:
    report = doubtful(town)
    assert Client().get(QUEUE).status_code == 302
    assert Client().post(address(report, "triage_sort"), {"cls": "green"}).status_code in (302, 401, 403)
    assert the_same(report)


def test_a_clerk_of_elsewhere_finds_nothing(town: Town) -> None:
    report = doubtful(town)
    client = Client()
    client.force_login(far_clerk(town), backend=BACKEND)
    assert listed(client.get(QUEUE).content.decode()) == []
    assert client.get(address(report)).status_code == 404
    assert confirm(client, report).status_code == 404
    assert the_same(report)


def far_clerk(town: Town) -> Any:
    elsewhere = Division.objects.create(
        code="990103001001", name="别处", level="community", path="990000/990103/990103001001/"
    )
    person = people.create_person(display_name="远方", username="yuanfang", actor=MAKER)
    city = next(grant.organisation_id for grant in town.clerk.grants)
    people.grant_role(person_id=person.pk, role="clerk", organisation_id=city, division_id=elsewhere.pk, actor=MAKER)
    return person


def test_who_is_clerk_there_and_in_a_unit_here_sorts_nothing_here(town: Town) -> None:
    """A unit sees what may become its own; to sort it is the clerk's of the place."""
    report = doubtful(town, unit_id=next(grant.organisation_id for grant in town.worker.grants))
    person = far_clerk(town)
    people.grant_role(person_id=person.pk, role="unit_lead", organisation_id=report.unit_id, actor=MAKER)
    client = Client()
    client.force_login(person, backend=BACKEND)
    assert client.get(reverse("reports:case", args=[report.public_id])).status_code == 200
    assert listed(client.get(QUEUE).content.decode()) == []
    assert client.get(address(report)).status_code == 404


@pytest.mark.parametrize("secrecy", ["sealed", "anonymous"])
def test_nothing_says_who_reported(town: Town, secrecy: str) -> None:
    """Not even the nickname that the rider lets clerks see elsewhere."""
    people.give_consent(person_id=town.rider.person_id, kind="name", version=1, actor=town.rider.ref)
    report = the(send(town.rider, "这个", name_hidden=False))
    if secrecy == "anonymous":
        Report.objects.filter(pk=report.pk).update(
            secrecy="anonymous", reporter_link=None, reporter_index=None, claim_hash="a" * 64
        )
    client = desk(town)
    assert (
        secrecy == "anonymous"
        or town.rider.display_name in client.get(reverse("reports:case", args=[report.public_id])).content.decode()
    )
    pages = [client.get(QUEUE), client.get(address(report)), client.get(address(report), headers=HTMX)]
    for answer in pages:
        html = answer.content.decode()
        assert shown(html) == report.public_id
        assert town.people["rider"].display_name not in html
        assert town.people["rider"].public_id not in html
        assert "骑手，已隐名" in html


# ── the queue ─────────────────────────────────────────────────────────────────
def test_only_what_the_machine_was_not_sure_of_stands_in_it(town: Town) -> None:
    waiting = doubtful(town)
    reach(town, "dispatched")
    reach(town, "returned")
    html = desk(town).get(QUEUE).content.decode()
    assert listed(html) == [waiting.public_id]
    assert shown(html) == waiting.public_id


def test_what_units_sent_back_has_a_list_of_its_own(town: Town) -> None:
    sent_back = reach(town, "returned")
    doubtful(town)
    html = desk(town).get(reverse("reports:returned")).content.decode()
    assert html.count("data-row ") == 1
    assert sent_back.public_id in html


def test_critical_first_then_who_has_waited_longest(town: Town) -> None:
    short, long = doubtful(town, waited=3), doubtful(town, waited=50)
    high = doubtful(town, severity="high", waited=2)
    young, old = doubtful(town, severity="critical", waited=1), doubtful(town, severity="critical", waited=9)
    order = [one.public_id for one in (old, young, high, long, short)]
    assert listed(desk(town).get(QUEUE).content.decode()) == order


def test_the_figures_over_it_are_counted(town: Town) -> None:
    doubtful(town, waited=24)
    sorted_already = doubtful(town, waited=90)
    confirm(desk(town), sorted_already)
    reach(town, "dispatched")
    doubtful(town, waited=8 * 24 * 60)  # before the last seven days
    html = desk(town).get(QUEUE).content.decode()
    assert "近 7 天 3 件里进来 2 件" in html
    assert "2 件在等，最久 8 天" in html


def test_in_a_large_city_they_are_those_of_within_the_hour(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    doubtful(town, waited=24)
    reach(town, "dispatched")
    doubtful(town, waited=8 * 24 * 60)
    services.count_lately()
    assert kept_figures("reports.lately") is None
    heads = {who: queue_head(who) for who in (town.clerk, town.admin, actor_for(far_clerk(town)), town.worker)}
    assert (heads[town.clerk].came, heads[town.clerk].of) == (1, 2)
    monkeypatch.setattr(counting, "LIVE", 1)
    services.count_lately()
    assert {who: queue_head(who) for who in heads} == heads
    reach(town, "dispatched")
    with CaptureQueriesContext(connection) as seen:
        assert queue_head(town.clerk).of == 2
    assert len(seen.captured_queries) == 2
    assert not any("reports_reportstep" in one["sql"] for one in seen.captured_queries)


def test_a_long_queue_goes_on_behind_a_key(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triage, "PAGE", 2)
    # Three came in one moment: only their keys tell them apart.
    now = clock.now()
    cases = [doubtful(town, received_at=now) for _ in range(3)] + [doubtful(town, received_at=now)]
    order = [one.public_id for one in cases]
    first = desk(town).get(QUEUE).content.decode()
    assert listed(first) == order[:2]
    more = re.search(r'href="(/desk/triage/\?after=[^"]+)"', first)
    assert more
    assert listed(desk(town).get(more[1]).content.decode()) == order[2:]


@pytest.mark.parametrize(
    "after",
    [
        "%00",
        "0~2026-01-01T00:00:00%2B00:00~%C2%B2",
        "9~2026-01-01T00:00:00%2B00:00~1",
        "0~0001-01-01T00:00:00%2B14:00~1",
        "0~x~1",
        "~~",
        "0~2026-01-01T00:00:00%2B00:00~" + "9" * 40,
    ],
)
def test_a_forged_key_is_a_queue_and_not_a_failure(town: Town, after: str) -> None:
    report = doubtful(town)
    assert listed(desk(town).get(f"{QUEUE}?after={after}").content.decode()) == [report.public_id]
    assert desk(town).get(f"{address(report)}?after={after}&from={after}").status_code == 200


def test_a_queue_of_twelve_costs_as_many_queries_as_one_of_three(
    town: Town, django_assert_max_num_queries: Any
) -> None:
    client, first = desk(town), doubtful(town, waited=100)
    for _ in range(2):
        doubtful(town)
    pages = {QUEUE: {}, address(first): HTMX}
    costs = {}
    for page, headers in pages.items():
        client.get(page, headers=headers)
        with django_assert_max_num_queries(30) as few:
            client.get(page, headers=headers)
        costs[page] = len(few.captured_queries)
    for _ in range(9):
        doubtful(town)
    for page, headers in pages.items():
        client.get(page, headers=headers)  # organisations, too
        with django_assert_max_num_queries(costs[page]):
            assert client.get(page, headers=headers).status_code == 200
    assert costs[address(first)] < costs[QUEUE]


# ── one case ──────────────────────────────────────────────────────────────────
@pytest.mark.usefixtures("few_chances")
def test_the_case_shows_words_with_their_evidence_and_three_classes_with_chances(town: Town) -> None:
    marks = [{"start": 0, "end": 2, "kind": "place"}, {"start": 3, "end": 5, "kind": "class"}]
    report = doubtful(
        town,
        words="门口 垃圾 割了脚 <b>",
        finding="“垃圾”指向绿地脏乱。",
        evidence_words=[*marks, {"start": 6, "end": 9, "kind": "danger"}],
    )
    html = desk(town).get(address(report)).content.decode()
    assert '<mark class="qx-ev qx-ev-place">门口</mark> <mark class="qx-ev">垃圾</mark>' in html
    assert '<mark class="qx-ev qx-ev-sev">割了脚</mark> &lt;b&gt;”' in html
    assert "“垃圾”指向绿地脏乱。" in html
    keys = re.findall(r'name="cls" value="([\w-]+)" data-key="(\d)"', html)
    assert keys == [("green", "1"), ("bin-overflow", "2"), ("manhole", "3")]
    assert [int(one) for one in re.findall(r"<b>(\d+)%</b></label>", html)] == [64, 21, 9]
    assert re.search(r'value="green"[^>]* checked', html)
    assert re.search(r'value="low" required checked', html)
    assert "qx-box" not in html  # no detector, no boxes


@pytest.mark.usefixtures("few_chances")
def test_what_the_rider_tapped_has_a_key_and_says_so(town: Town) -> None:
    report = doubtful(town, hint="streetlight")
    html = desk(town).get(address(report)).content.decode()
    assert re.findall(r'name="cls" value="([\w-]+)"', html) == ["green", "streetlight", "bin-overflow"]
    assert html.count("骑手选的") == 1


def test_nothing_is_chosen_beforehand_if_nothing_was_read(town: Town) -> None:
    report = doubtful(town, words="", cls="other", confidence=0.0)
    html = desk(town).get(address(report)).content.decode()
    assert "类别未定" in html
    assert not re.search(r'name="cls"[^>]* checked', html)
    assert len(re.findall(r'name="cls" value=', html)) == 3
    answer = confirm(desk(town), report, cls="")
    assert answer.status_code == 422
    assert the_same(report)


def test_unit_and_level_that_would_follow_stand_at_each_class(town: Town) -> None:
    report = doubtful(town, words="花坛")
    html = desk(town).get(address(report)).content.decode()
    assert '<option value="manhole" data-severity="high" data-unit="shizheng单位"' in html
    assert '<option value="green" data-severity="low" data-unit="yuanlin单位"' in html
    assert len(re.findall(r"<option value=\"[\w-]+\" data-severity=", html)) == 60


def test_a_picture_is_shown_as_it_was_covered(town: Town) -> None:
    report = doubtful(town)
    html = desk(town).get(address(report)).content.decode()
    pictures = set(re.findall(r'src="(/pic/[^"]+)"', html))
    assert pictures
    assert all(desk(town).get(one).headers["Content-Type"] in ("image/webp", "image/svg+xml") for one in pictures)


def test_another_report_of_the_same_place_stands_beside_it(town: Town) -> None:
    lead, report = the(send(town.other_rider)), doubtful(town)
    propose(report, lead)
    html = desk(town).get(QUEUE).content.decode()
    assert "可能重复" in html
    assert 'data-key="m"' in html
    assert 'data-key="n"' in html


def propose(report: Report, lead: Report) -> MergeProposal:
    MergeProposal.objects.all().delete()
    return MergeProposal.objects.create(
        report=report, lead=lead, score=0.7, distance_m=11, minutes_apart=16, signs=[], at=clock.now()
    )


# ── decisions ─────────────────────────────────────────────────────────────────
def test_accepting_sends_it_to_the_unit_of_the_directory_and_counts_as_a_confirmation(town: Town) -> None:
    report, behind = doubtful(town, waited=9), doubtful(town)
    answer = confirm(desk(town), report)
    report.refresh_from_db()
    assert (report.state, report.unit.code, report.sorted_by_person) == ("dispatched", "yuanlin", True)
    learnt = Correction.objects.get(ref=report.ref)
    assert (learnt.was_cls, learnt.cls, learnt.was_severity, learnt.severity) == ("green", "green", "low", "low")
    html = answer.content.decode()
    assert shown(html) == behind.public_id
    assert listed(html) == [behind.public_id]
    assert answer.headers["HX-Push-Url"] == address(behind)
    assert "已派给yuanlin单位" in html


def test_another_class_is_learnt_from(town: Town) -> None:
    report = doubtful(town)
    confirm(desk(town), report, cls="manhole", severity="critical")
    report.refresh_from_db()
    assert (report.cls, report.severity, report.rings, report.unit.code) == ("manhole", "critical", True, "shizheng")
    assert report.resolve_due == report.received_at + timedelta(minutes=240)
    learnt = Correction.objects.get(ref=report.ref)
    assert (learnt.was_cls, learnt.cls, learnt.was_severity, learnt.severity) == (
        "green",
        "manhole",
        "low",
        "critical",
    )


def test_a_class_of_the_whole_list_overrules_those_with_a_key(town: Town) -> None:
    report = doubtful(town)
    confirm(desk(town), report, other="streetlight", severity="normal")
    report.refresh_from_db()
    assert (report.cls, report.unit.code) == ("streetlight", "shizheng")


def test_the_clerk_may_name_another_unit(town: Town) -> None:
    report = doubtful(town)
    confirm(desk(town), report, unit="chengguan")
    report.refresh_from_db()
    assert report.unit.code == "chengguan"


def test_what_the_rider_put_right_goes_to_be_looked_at(town: Town) -> None:
    receipt = accepted(town.rider, "这个", self_handled=True, after_photos=[photo_after()])
    run_pending()
    report = the(receipt)
    assert report.state == "sorting"
    html = confirm(desk(town), report, cls="green").content.decode()
    report.refresh_from_db()
    assert report.state == "resolved"
    assert "等核实" in html


@pytest.mark.parametrize(
    "form",
    [
        {"cls": "no-such-class"},
        {"cls": ""},
        {"severity": "worst"},
        {"severity": ""},
        {"unit": "nobody"},
        {"other": "\x00"},
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(town: Town, form: dict[str, str]) -> None:
    report = doubtful(town)
    assert confirm(desk(town), report, **form).status_code == 422
    assert the_same(report)
    plain = {"cls": report.cls, "severity": report.severity, "unit": ""} | form
    answer = desk(town).post(address(report, "triage_sort"), plain, follow=True)
    assert answer.redirect_chain == [(address(report), 303)]
    assert 'data-kind="error"' in answer.content.decode()
    assert the_same(report)


def test_after_the_last_one_there_is_nothing_left(town: Town) -> None:
    answer = confirm(desk(town), doubtful(town))
    assert "都分拣完了" in answer.content.decode()
    assert answer.headers["HX-Push-Url"] == QUEUE


def test_the_next_one_is_the_one_behind_and_after_the_end_the_first_again(town: Town) -> None:
    first, second, third = doubtful(town, waited=30), doubtful(town, waited=20), doubtful(town, waited=10)
    client = desk(town)
    assert shown(confirm(client, second).content.decode()) == third.public_id  # the first was passed over on purpose
    assert shown(confirm(client, third).content.decode()) == first.public_id


def test_without_scripts_the_same_happens_page_by_page(town: Town) -> None:
    report, behind = doubtful(town, waited=9), doubtful(town)
    form = {"cls": "green", "severity": "low", "unit": "", "other": "", "key": key(report)}
    answer = desk(town).post(address(report, "triage_sort"), form, follow=True)
    assert answer.redirect_chain == [(address(behind), 303)]
    assert the_state(report) == "dispatched"
    assert "已派给yuanlin单位" in answer.content.decode()


def the_state(report: Report) -> str:
    return Report.objects.values_list("state", flat=True).get(pk=report.pk)


# ── two at once ───────────────────────────────────────────────────────────────
@pytest.mark.parametrize("is_htmx", [True, False])
def test_the_second_of_two_is_told_and_gets_the_next_one(town: Town, is_htmx: bool) -> None:
    report, behind = doubtful(town, waited=9), doubtful(town)
    services.sort(
        actor=town.admin, public_id=report.public_id, cls="manhole", severity="high", unit_code="shizheng"
    )  # fmt: skip
    taken = Report.objects.get(pk=report.pk)
    form = {"cls": "green", "severity": "low", "unit": "", "key": key(report)}
    answer = desk(town).post(address(report, "triage_sort"), form, headers=HTMX if is_htmx else {}, follow=not is_htmx)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "已经有人分拣了，现在是“待签收”" in html
    assert shown(html) == behind.public_id
    now = Report.objects.get(pk=report.pk)
    assert (now.cls, now.severity, now.unit_id) == (taken.cls, taken.severity, taken.unit_id)
    assert now.steps.filter(step="sort").count() == 1
    assert Correction.objects.get(ref=report.ref).cls == "manhole"


def test_whoever_opens_a_case_that_is_sorted_gets_the_next_one(town: Town) -> None:
    report, behind = doubtful(town, waited=9), doubtful(town)
    confirm(desk(town, "admin"), report)
    answer = desk(town).get(address(report), follow=True)
    assert answer.redirect_chain == [(address(behind), 303)]
    assert "已经有人分拣了" in answer.content.decode()
    fragment = desk(town).get(address(report), headers=HTMX)
    assert shown(fragment.content.decode()) == behind.public_id
    assert fragment.headers["HX-Push-Url"] == address(behind)


def test_after_a_refusal_one_goes_on_from_where_one_was(town: Town) -> None:
    _first, second, third = doubtful(town, waited=30), doubtful(town, waited=20), doubtful(town, waited=10)
    html = desk(town).get(address(second)).content.decode()
    back = re.search(r'action="/desk/case/\w+/reject">.*?name="back" value="([^"]+)"', html, re.DOTALL)
    assert back
    form = {"text": "现场没有这回事", "next": "1", "back": back[1].replace("&amp;", "&")}
    answer = desk(town).post(reverse("reports:step", args=[second.public_id, "reject"]), form, follow=True)
    assert the_state(second) == "invalid"
    html = answer.content.decode()
    assert shown(html) == third.public_id
    assert "刚办的一件现在是“不属实”" in html


def test_after_a_merge_one_goes_on_too(town: Town) -> None:
    lead = the(send(town.other_rider))
    report, behind = doubtful(town, waited=20), doubtful(town, waited=10)
    proposal = propose(report, lead)
    html = desk(town).get(address(report)).content.decode()
    back = re.search(rf"{proposal.public_id}/merge\".*?name=\"back\" value=\"([^\"]+)\"", html, re.DOTALL)
    assert back
    address_of_merge = reverse("reports:duplicate_act", args=[proposal.public_id, "merge"])
    answer = desk(town).post(address_of_merge, {"back": back[1].replace("&amp;", "&")}, follow=True)
    assert the_state(report) == "merged"
    assert shown(answer.content.decode()) == behind.public_id


# ── ways in ───────────────────────────────────────────────────────────────────
def test_the_side_navigation_counts_what_waits(town: Town) -> None:
    doubtful(town)
    doubtful(town)
    reach(town, "returned")
    html = desk(town).get(reverse("reports:all")).content.decode()
    assert re.search(r'href="/desk/triage/"[^>]*>.*?分拣队列<b class="is-hot">2</b>', html)
    assert re.search(r'href="/desk/returned"[^>]*>.*?待定主办<b>1</b>', html)


def test_a_case_that_waits_leads_there_from_other_lists(town: Town) -> None:
    report = doubtful(town)
    assert address(report) in desk(town).get(f"{reverse('reports:all')}?q={report.number}").content.decode()


def test_history_says_who_sorted(town: Town) -> None:
    report = doubtful(town)
    confirm(desk(town), report)
    step = report.steps.get(step="sort")
    assert step.actor == town.clerk.ref
    events = apps.get_model("audit", "AuditEvent").objects.filter(subject=report.ref, action="reports.sort")
    assert [event.actor for event in events] == [town.clerk.ref]


@pytest.mark.parametrize("is_htmx", [True, False])
def test_what_was_raised_since_the_page_was_drawn_is_looked_at_again(town: Town, is_htmx: bool) -> None:
    report = doubtful(town, severity="high")
    client = desk(town)
    assert '<input type="hidden" name="seen" value="high">' in client.get(address(report)).content.decode()
    Report.objects.filter(pk=report.pk).update(severity="critical", rings=True)  # by a merge
    form = {"cls": "green", "severity": "high", "unit": "", "key": key(report), "seen": "high"}
    answer = client.post(address(report, "triage_sort"), form, headers=HTMX if is_htmx else {}, follow=not is_htmx)
    html = answer.content.decode()
    assert "别人刚刚处理过这一件" in html
    assert shown(html) == report.public_id
    now = Report.objects.get(pk=report.pk)
    assert (now.state, now.severity, now.rings) == ("sorting", "critical", True)


def test_a_report_is_taken_before_the_purse_that_is_paid(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever merges locks reports before purses; the other way round the two would wait for each other."""
    report, found = doubtful(town), []
    monkeypatch.setattr(
        "qixia.reports.services.desk.checking.pay_dispatch", lambda one: found.append(the_state(one)) or 7
    )
    services.sort(
        actor=town.admin, public_id=report.public_id, cls="manhole", severity="high", unit_code="shizheng"
    )  # fmt: skip
    assert found == ["dispatched"]
    assert Report.objects.get(pk=report.pk).points == 7


def test_a_clerk_decides_also_where_the_model_fails(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    report, client = doubtful(town), desk(town)

    def fail(*_args: object, **_more: object) -> None:
        raise RuntimeError("engine")

    for used in ("qixia.triage.judging.see", "qixia.triage.duplicates.reading.see"):
        monkeypatch.setattr(used, fail)
    assert client.get(address(report)).status_code == 200
    assert confirm(client, report, cls="manhole", severity="critical").status_code == 200
    assert the_state(report) == "dispatched"
