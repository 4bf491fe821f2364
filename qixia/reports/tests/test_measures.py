"""Measures against who caused it, surprise visits, praise for who reported it: who may, what is kept, who reads it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from qixia.audit.models import AuditEvent
from qixia.jobs.models import Event
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, DomainError, Invalid, NotFound
from qixia.notices.models import Notice
from qixia.people.sessions import BACKEND
from qixia.reports import errors, queries, services
from qixia.reports.models import Measure, MeasureResult, Praise, Report, ReportStep
from qixia.reports.queries.figures import month_figures
from qixia.reports.queries.measures import praised_count
from qixia.reports.tests.test_aftermath import SECRET, anonymous
from qixia.reports.tests.town import AT_ROAD, at, photo_after, reach, the
from qixia.reports.web.measures import fen_of

TABLES = (Measure, MeasureResult, Praise, ReportStep, AuditEvent, Event, Notice)
FINE = {"kind": "fine", "document": "演综罚〔2026〕18 号", "fen": 50_000, "party": "QXPARTY小店"}


def counts() -> list[int]:
    return [model.objects.count() for model in TABLES]


def today():
    return clock.city_date(clock.now())


def fined(town, receipt, **more):
    given = FINE | {"day": today()} | more
    return services.take_measure(actor=town.worker, public_id=receipt.public_id, **given)


def phone(town, name) -> Client:
    client = Client()
    client.force_login(town.people[name], backend=BACKEND)
    return client


@pytest.mark.parametrize(("announced", "staff"), [(False, "突击检查"), (True, "事先通知后"), (None, "到现场核查")])
def test_staff_reads_how_the_visit_came_and_the_rider_only_that_it_was(town, announced, staff):
    receipt = reach(town, "accepted")
    given = {"text": "看过了", "place": at(AT_ROAD), "photos": [photo_after(41)], "announced": announced}
    services.inspect(actor=town.worker, public_id=receipt.public_id, **given)
    assert staff in queries.case(town.clerk, receipt.public_id).events[0].title
    assert queries.rider_report(town.rider, receipt.public_id).events[0].title.startswith("单位到现场核查")


# ── measures ──────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("worker", None),
        ("colleague", None),
        ("clerk", None),
        ("supervisor", None),
        ("admin", None),
        ("cleaner", NotFound),
        ("rider", NotFound),
        ("other_rider", NotFound),
    ],
)
def test_who_records_a_measure_and_its_result(town, who, refusal):
    receipt, actor = reach(town, "dispatched"), getattr(town, who)
    made = fined(town, receipt) if refusal else None
    before = counts()
    acts = [
        lambda: services.take_measure(actor=actor, public_id=receipt.public_id, **FINE, day=today()),
        lambda: services.add_measure_result(
            actor=actor,
            public_id=receipt.public_id,
            measure=(made or Measure.objects.latest("pk")).public_id,
            result="complied",
        ),
    ]
    for act in acts:
        if refusal is None:
            act()
        else:
            with pytest.raises(refusal):
                act()
    assert (counts() == before) == (refusal is not None)


def test_the_party_is_sealed_and_only_the_kind_reaches_the_rider(town):
    receipt = reach(town, "dispatched")
    made = fined(town, receipt)
    assert "QXPARTY" not in str(bytes(made.sealed_party))
    (shown,) = queries.case(town.clerk, receipt.public_id).measures.items
    assert (shown.party, shown.title, shown.yuan, shown.document) == ("QXPARTY小店", "罚款", "500", FINE["document"])
    assert queries.rider_report(town.rider, receipt.public_id).events[0].title == "已依法处理：罚款"
    page = phone(town, "rider").get(reverse("reports:timeline", args=[receipt.public_id])).content.decode()
    assert "已依法处理：罚款" in page
    assert not any(text in page for text in ("QXPARTY", FINE["document"], "500 元"))
    assert "QXPARTY" not in str(list(AuditEvent.objects.values())) + str(list(Event.objects.values()))
    assert AuditEvent.objects.filter(subject=the(receipt).ref, action="reports.measure").count() == 1
    assert Event.objects.filter(name="reports.measured").count() == 1


def test_whoever_helps_sees_the_measure_and_not_the_party(town):
    receipt = reach(town, "dispatched")
    services.ask_help(actor=town.worker, public_id=receipt.public_id, unit_code="huanwei", words="来清一下")
    fined(town, receipt)
    view = queries.case(town.cleaner, receipt.public_id).measures
    assert [(one.title, one.party) for one in view.items] == [("罚款", "")]
    assert (view.acts, view.results) == ([], {})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "exile"}, "kind"),
        ({"document": " "}, "document"),
        ({"document": "x" * 61}, "document"),
        ({"fen": None}, "amount"),
        ({"fen": 0}, "amount"),
        ({"kind": "warning"}, "amount"),  # which has none
        ({"party": "x" * 61}, "party"),
        ({"day": -1}, "day"),
        ({"day": 1}, "day"),
    ],
)
def test_what_is_missing_or_wrong_is_named_and_nothing_changes(town, change, field):
    receipt = reach(town, "dispatched")
    before = counts()
    if isinstance(change.get("day"), int):
        change = {"day": today() + timedelta(days=change["day"])}
    with pytest.raises(Invalid) as refused:
        fined(town, receipt, **change)
    assert (refused.value.field, counts()) == (field, before)


def test_a_wrong_one_is_corrected_once_by_a_new_one_and_never_changed(town):
    receipt = reach(town, "dispatched")
    wrong = fined(town, receipt)
    right = fined(town, receipt, kind="warning", fen=None, replaces=wrong.public_id)
    case = queries.case(town.clerk, receipt.public_id)
    assert [(one.title, one.is_corrected) for one in case.measures.items] == [("警告", False), ("罚款", True)]
    assert case.events[0].title == "更正：已依法处理：警告"
    before = counts()
    with pytest.raises(errors.SomebodyWasFaster):
        fined(town, receipt, replaces=wrong.public_id)
    other = reach(town, "dispatched")
    with pytest.raises(NotFound):
        fined(town, other, replaces=right.public_id)
    with pytest.raises(errors.SomebodyWasFaster):
        _result(town, receipt, wrong)
    assert counts()[:3] == before[:3]
    for change in (Measure.objects.filter(pk=wrong.pk).update, Measure.objects.filter(pk=wrong.pk)._raw_delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change(fen=1) if change.__name__ == "update" else change("default")


def _result(town, receipt, measure, result="complied", text=""):
    return services.add_measure_result(
        actor=town.worker, public_id=receipt.public_id, measure=measure.public_id, result=result, text=text
    )


def test_the_latest_result_stands_and_its_words_are_for_staff(town):
    receipt = reach(town, "dispatched")
    made = fined(town, receipt)
    _result(town, receipt, made, "pending")
    _result(town, receipt, made, "objected", "QXSAID要复议")
    case = queries.case(town.clerk, receipt.public_id)
    assert (case.measures.items[0].result, case.events[0].text) == ("有异议", "QXSAID要复议")
    assert "QXSAID" not in str(queries.rider_report(town.rider, receipt.public_id).events)
    before = counts()
    with pytest.raises(Invalid):
        _result(town, receipt, made, "vanished")
    assert counts() == before


def test_a_month_counts_what_stands_in_one_statement_more(town, django_assert_num_queries):
    for _ in range(2):
        receipt = reach(town, "dispatched")
        wrong = fined(town, receipt)
        fined(town, receipt, fen=30_050, replaces=wrong.public_id)
    month_figures(town.admin, today().replace(day=1))
    with django_assert_num_queries(6):
        found = month_figures(town.admin, today().replace(day=1))
    assert [(one.title, one.count, one.yuan) for one in found.measures] == [("罚款", 2, "601")]
    assert "601" in phone(town, "admin").get(reverse("reports:figures")).content.decode()


@pytest.mark.parametrize(
    ("text", "fen"),
    [("", None), ("500", 50_000), ("1,200.5", 120_050), ("0.05", 5), ("-1", 0), ("1.234", 0), ("五百", 0)],
)
def test_money_is_written_in_yuan(text, fen):
    if fen == 0:
        with pytest.raises(Invalid):
            fen_of(text)
    else:
        assert fen_of(text) == fen


# ── praise ────────────────────────────────────────────────────────────────────
def valid(town, state="dispatched"):
    receipt = reach(town, state)
    Report.objects.filter(public_id=receipt.public_id).update(validity="valid")
    return receipt


@pytest.mark.parametrize(
    ("who", "unit", "refusal"),
    [
        ("worker", "shizheng单位", None),
        ("clerk", "zhihui单位", None),
        ("supervisor", "zhihui单位", None),
        ("admin", "zhihui单位", None),
        ("cleaner", "", NotFound),
        ("rider", "", NotFound),
        ("other_rider", "", NotFound),
    ],
)
def test_who_praises_and_that_the_reporter_reads_it(town, who, unit, refusal):
    receipt, actor = valid(town), getattr(town, who)
    before = counts()
    if refusal:
        with pytest.raises(refusal):
            services.praise(actor=actor, public_id=receipt.public_id, text="谢谢")
        assert counts() == before
        return
    services.praise(actor=actor, public_id=receipt.public_id, text="多亏你看得细")
    event = queries.rider_report(town.rider, receipt.public_id).events[0]
    assert (event.title, event.text) == (f"{unit}表扬了你", "多亏你看得细")
    (told,) = Notice.objects.filter(template="report.praised")
    assert told.person_id == town.rider.person_id
    assert (praised_count(town.rider), praised_count(town.other_rider)) == (1, 0)
    assert "被表扬 1 次" in phone(town, "rider").get(reverse("reports:mine")).content.decode()
    shown = str(queries.case(actor, receipt.public_id))
    assert town.people["rider"].public_id not in shown
    assert town.people["rider"].display_name not in shown


def test_once_a_report_and_unit(town):
    receipt = valid(town)
    services.praise(actor=town.worker, public_id=receipt.public_id, text="谢谢")
    assert "praise" not in queries.case(town.colleague, receipt.public_id).measures.acts
    before = counts()
    with pytest.raises(Conflict):
        services.praise(actor=town.colleague, public_id=receipt.public_id, text="再谢")
    assert counts() == before
    services.praise(actor=town.clerk, public_id=receipt.public_id, text="社区也谢谢你")
    assert praised_count(town.rider) == 2


@pytest.mark.parametrize("change", [{"validity": "undecided"}, {"text": " "}, {"text": "好" * 201}, {"own": True}])
def test_only_what_is_valid_with_words_and_by_somebody_else(town, change):
    receipt = valid(town)
    if "validity" in change:
        Report.objects.filter(public_id=receipt.public_id).update(validity=change["validity"])
    if "own" in change:
        from qixia.reports.sealing import index_of  # noqa: PLC0415

        Report.objects.filter(public_id=receipt.public_id).update(reporter_index=index_of(town.worker.public_id))
    before = counts()
    with pytest.raises(DomainError):
        services.praise(actor=town.worker, public_id=receipt.public_id, text=change.get("text", "谢谢"))
    assert counts() == before


def test_an_anonymous_reporter_reads_it_with_the_secret(town):
    receipt = anonymous(town)
    assert queries.anonymous_status([SECRET])[0].praise == ""
    Report.objects.filter(public_id=receipt.public_id).update(validity="valid")
    services.praise(actor=town.worker, public_id=receipt.public_id, text="谢谢你")
    assert queries.anonymous_status([SECRET])[0].praise == "shizheng单位表扬了你：“谢谢你”"
    assert Notice.objects.filter(template="report.praised").count() == 0


def test_both_from_the_page_of_the_case(town):
    receipt = valid(town)
    desk, address = phone(town, "clerk"), reverse("reports:case", args=[receipt.public_id])
    page = desk.get(address).content.decode()
    assert 'data-testid="do-measure"' in page
    assert 'data-testid="do-praise"' in page
    sent = {"kind": "fine", "day": today().isoformat(), "amount": "abc", "document": "1 号"}
    to = reverse("reports:measure_act", args=[receipt.public_id, "measure"])
    desk.post(to, sent)
    assert Measure.objects.count() == 0
    desk.post(to, sent | {"amount": "1200.50"})
    assert Measure.objects.get().fen == 120_050
    desk.post(reverse("reports:measure_act", args=[receipt.public_id, "praise"]), {"text": "谢谢"})
    page = desk.get(address).content.decode()
    assert 'data-testid="measures"' in page
    assert "1,200.50" in page
    assert 'data-testid="do-praise"' not in page
    assert desk.post(reverse("reports:measure_act", args=[receipt.public_id, "nothing"])).status_code == 404
    assert phone(town, "rider").post(to, sent).status_code in (403, 404)
