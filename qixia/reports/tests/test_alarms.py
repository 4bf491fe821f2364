"""Something critical rings until a person has it: who is called when, who wins, what the page says and costs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from qixia.audit.models import AuditEvent
from qixia.codes.models import Division
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotFound
from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.sessions import BACKEND
from qixia.policy.queries import current
from qixia.reports import errors, services
from qixia.reports.models import Alarm, AlarmCall, Report, ReportStep
from qixia.reports.policy import AlarmRules
from qixia.reports.queries.alarms import rings_for
from qixia.reports.services.alarms.ringing import ring
from qixia.reports.tests.town import MAKER, Town, merging, reach, send, the
from qixia.reports.web.alarm import _moment
from qixia.ui.nav import sections_for

PAGE, CARDS = "/desk/alarm/", "/desk/alarm/cards"
DANGER = "井盖没了，人能掉下去"


def in_charge(town: Town, name: str, role: str, code: str) -> Actor:
    """Somebody in charge of one division."""
    person = people.create_person(display_name=name, username=f"user-{role}-{code}", actor=MAKER)
    desk = next(grant.organisation_id for grant in town.clerk.grants)
    division = Division.objects.get(code=code)
    people.grant_role(person_id=person.pk, role=role, organisation_id=desk, division_id=division.pk, actor=MAKER)
    town.people[name] = person
    return actor_for(person)


@pytest.fixture
def chain(town: Town) -> dict[str, Actor]:
    """Community, street and district have people of their own; above them is the town's clerk."""
    return {
        "community": in_charge(town, "社区甲", "clerk", "990102001001"),
        "street": in_charge(town, "街道乙", "supervisor", "990102001"),
        "district": in_charge(town, "区里丙", "supervisor", "990102"),
    }


def called(report: Report) -> list[tuple[int, str]]:
    rows = AlarmCall.objects.filter(alarm__report=report).order_by("rank", "person__display_name")
    return list(rows.values_list("rank", "person__display_name"))


def told(actor: Actor) -> list[str]:
    rows = Notice.objects.filter(person_id=actor.person_id, template__startswith="critical").order_by("pk")
    return list(rows.values_list("template", flat=True))


def desk(town: Town, who: str) -> Client:
    client = Client()
    client.force_login(town.people[who], backend=BACKEND)
    return client


# ── who is called ─────────────────────────────────────────────────────────────
def test_the_community_and_the_unit_are_called_at_once(town: Town, chain: dict[str, Actor]) -> None:
    report = the(send(town.rider, DANGER))
    assert called(report) == [(1, "何远"), (1, "方立"), (1, "社区甲")]
    assert told(chain["community"]) == told(town.worker) == ["critical.ring"]
    assert told(chain["street"]) == told(town.clerk) == []


def test_nobody_answers_and_level_after_level_is_called_once(town: Town, chain: dict[str, Actor]) -> None:
    report = the(send(town.rider, DANGER))
    rang = Alarm.objects.get().rang_at
    rules = current("reports.alarm").data
    at, expected = rang, called(report)
    for kind, names in (("community", ["街道乙"]), ("street", ["区里丙"]), ("district", ["督明", "知秋"])):
        at += timedelta(minutes=rules.wait(kind))
        with clock.at(at - timedelta(seconds=1)):
            assert services.call_next() == 0
        with clock.at(at):
            assert (services.call_next(), services.call_next()) == (1, 0)
        rank = expected[-1][0] + 1
        expected = [*expected, *((rank, name) for name in names)]
        assert called(report) == expected
    with clock.at(at + timedelta(hours=5)):
        assert services.call_next() == 0  # nobody is left above
    assert called(report) == expected
    assert told(chain["street"]) == told(town.clerk) == ["critical.unanswered"]
    assert told(chain["community"]) == ["critical.ring"]
    assert Alarm.objects.get().ended_at is None
    assert AuditEvent.objects.filter(action="reports.alarm_called", subject=report.ref).count() == 4


def test_levels_that_nobody_is_in_charge_of_are_passed_over(town: Town) -> None:
    report = the(send(town.rider, DANGER))
    assert called(report) == [(1, "何远"), (1, "方立"), (1, "督明"), (1, "知秋")]
    assert Alarm.objects.get().next_at is None


def test_ringing_again_calls_nobody_again(town: Town, chain: dict[str, Actor]) -> None:
    report = the(send(town.rider, DANGER))
    before = called(report), Notice.objects.count()
    assert ring([report], clock.now()) == []
    assert (called(report), Notice.objects.count()) == before


def test_what_is_not_critical_does_not_ring(town: Town) -> None:
    send(town.rider, "共享单车倒了一片", hint="shared-bike")
    assert not Alarm.objects.exists()
    assert not rings_for(town.clerk)


def test_a_clerk_who_calls_it_critical_lets_it_ring_and_one_who_does_not_ends_it(town: Town) -> None:
    report = the(reach(town, "sorting"))
    sort = {"public_id": report.public_id, "cls": "manhole", "unit_code": "shizheng"}
    services.sort(actor=town.clerk, severity="critical", **sort)
    assert called(report)[0] == (1, "何远")
    other = the(reach(town, "sorting"))
    Report.objects.filter(pk=other.pk).update(rings=True, severity="critical")
    ring([the_row(other)], clock.now())
    services.sort(actor=town.clerk, severity="low", **sort | {"public_id": other.public_id})
    assert Alarm.objects.get(report=other).ended_at is not None
    assert Alarm.objects.get(report=other).acknowledged_by is None


def the_row(report: Report) -> Report:
    return Report.objects.get(pk=report.pk)


# ── who has it ────────────────────────────────────────────────────────────────
def test_of_two_who_answer_one_has_it_and_the_other_is_told_who(town: Town, chain: dict[str, Actor]) -> None:
    receipt = send(town.rider, DANGER)
    services.acknowledge_alarm(actor=chain["community"], public_id=receipt.public_id)
    before = ReportStep.objects.count(), AuditEvent.objects.count()
    with pytest.raises(errors.AlarmTaken) as refused:
        services.acknowledge_alarm(actor=town.worker, public_id=receipt.public_id)
    assert refused.value.context["name"] == "社区甲"
    services.acknowledge_alarm(actor=chain["community"], public_id=receipt.public_id)  # again: nothing
    assert (ReportStep.objects.count(), AuditEvent.objects.count()) == before
    assert the(receipt).steps.filter(step="acknowledge").count() == 1
    assert the(receipt).state == "dispatched"
    with clock.at(clock.now() + timedelta(hours=1)):
        assert services.call_next() == 0


def test_a_unit_that_accepts_has_it(town: Town) -> None:
    receipt = send(town.rider, DANGER)
    services.accept(actor=town.worker, public_id=receipt.public_id)
    assert Alarm.objects.get().acknowledged_by_id == town.worker.person_id


@pytest.mark.parametrize("who", ["cleaner", "rider", "other_rider"])
def test_who_does_not_see_it_answers_nothing(town: Town, who: str) -> None:
    receipt = send(town.rider, DANGER)
    with pytest.raises(NotFound):
        services.acknowledge_alarm(actor=getattr(town, who), public_id=receipt.public_id)
    with pytest.raises(NotFound):
        services.transfer_alarm(actor=getattr(town, who), public_id=receipt.public_id, phone="119")
    assert Alarm.objects.get().ended_at is None
    assert not the(receipt).steps.filter(step__in=["acknowledge", "transfer"]).exists()


def test_what_never_rang_can_not_be_answered(town: Town) -> None:
    receipt = send(town.rider, "共享单车倒了一片", hint="shared-bike")
    with pytest.raises(errors.NoAlarm):
        services.acknowledge_alarm(actor=town.clerk, public_id=receipt.public_id)
    assert not the(receipt).steps.filter(step="acknowledge").exists()


def test_a_transfer_is_kept_with_number_time_and_reference_and_answers_the_alarm(town: Town) -> None:
    receipt = send(town.rider, DANGER)
    at = clock.now() - timedelta(minutes=3)
    given: dict[str, Any] = {"actor": town.clerk, "public_id": receipt.public_id, "at": at, "reference": " 2026-118 "}
    for _twice in range(2):
        services.transfer_alarm(**given, phone="119")
    services.transfer_alarm(**given, phone="120")
    steps = the(receipt).steps.filter(step="transfer").order_by("pk")
    minute = at.replace(second=0, microsecond=0).isoformat()
    assert [step.data for step in steps] == [
        {"phone": phone, "at": minute, "reference": "2026-118"} for phone in ("119", "120")
    ]
    assert Alarm.objects.get().acknowledged_by_id == town.clerk.person_id


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"phone": "12345"}, "phone"),
        ({"at": timedelta(hours=-25)}, "at"),
        ({"at": timedelta(minutes=5)}, "at"),
        ({"reference": "很" * 41}, "reference"),
    ],
)
def test_a_transfer_that_can_not_be_is_refused_at_its_field(town: Town, change: dict[str, Any], field: str) -> None:
    receipt = send(town.rider, DANGER)
    if "at" in change:
        change = {"at": clock.now() + change["at"]}
    given = {"phone": "119", "reference": ""} | change
    with pytest.raises(Invalid) as refused:
        services.transfer_alarm(actor=town.clerk, public_id=receipt.public_id, **given)
    assert refused.value.field == field
    assert Alarm.objects.get().ended_at is None


def test_what_ends_rings_no_longer(town: Town) -> None:
    receipt = send(town.rider, DANGER)
    services.reject(actor=town.clerk, public_id=receipt.public_id, reason="现场没有")
    assert not rings_for(town.clerk)
    services.call_next()
    assert Alarm.objects.get().ended_at is not None


def test_the_phone_for_the_matter_stands_first() -> None:
    rules = AlarmRules.model_validate(
        {
            "minutes": 3,
            "phones": [{"number": "110", "name": "公安"}, {"number": "119", "name": "消防"}],
            "first": [{"phone": "119", "family": "消防安全"}, {"phone": "110", "class": "fire"}],
        }
    )
    assert [one.number for one in rules.phones_for("smoke", "消防安全")] == ["119", "110"]
    assert [one.number for one in rules.phones_for("fire", "消防安全")] == ["110", "119"]
    assert [one.number for one in rules.phones_for("litter", "环境卫生")] == ["110", "119"]


# ── pages ─────────────────────────────────────────────────────────────────────
def test_the_card_says_what_where_since_when_and_who_was_called(town: Town, chain: dict[str, Actor]) -> None:
    receipt = send(town.rider, DANGER)
    Report.objects.update(evidence_words=[{"start": 5, "end": 10, "kind": "danger"}])
    html = desk(town, "社区甲").get(PAGE).content.decode()
    for part in ("打开声音", "云帆路", 'href="tel:110"', "我来处理", "社区甲（社区专员）", "没人接就叫上一级"):
        assert part in html, part
    assert '<mark class="qx-ev qx-ev-sev">人能掉下去</mark>' in html
    assert f"/desk/alarm/{receipt.public_id}/acknowledge" in html
    assert town.rider.display_name not in html
    assert "style=" not in html


def test_the_cards_are_304_until_something_is_new(town: Town, django_assert_max_num_queries: Any) -> None:
    receipt = send(town.rider, DANGER)
    client = desk(town, "clerk")
    first = client.get(CARDS)
    tag = first.headers["ETag"]
    with django_assert_max_num_queries(3):  # session, actor, the mark
        again = client.get(CARDS, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    services.acknowledge_alarm(actor=town.worker, public_id=receipt.public_id)
    later = client.get(CARDS, headers={"If-None-Match": tag})
    assert later.status_code == 200
    assert "何远 接手" in later.content.decode()


def test_a_page_of_ten_alarms_costs_as_much_as_one_of_two(town: Town, django_assert_max_num_queries: Any) -> None:
    client = desk(town, "clerk")
    for _ in range(2):
        send(town.rider, DANGER)
    client.get(CARDS)
    with django_assert_max_num_queries(12) as few:
        client.get(CARDS)
    most = len(few)
    for _ in range(8):
        send(town.rider, DANGER)
    client.get(CARDS)
    with django_assert_max_num_queries(most):
        client.get(CARDS)


def test_every_page_of_the_staff_has_a_red_bar_while_one_rings_in_reach(town: Town) -> None:
    receipt = send(town.rider, DANGER)
    bar = 'data-testid="alarm-bar"'
    for who, address, shown in (
        ("clerk", reverse("reports:all"), True),
        ("worker", reverse("reports:queue"), True),
        ("cleaner", reverse("reports:queue"), False),
        ("clerk", PAGE, False),
    ):
        assert (bar in desk(town, who).get(address).content.decode()) is shown, (who, address)
    services.acknowledge_alarm(actor=town.clerk, public_id=receipt.public_id)
    assert bar not in desk(town, "clerk").get(reverse("reports:all")).content.decode()


def test_the_bar_costs_one_statement(town: Town, django_assert_num_queries: Any) -> None:
    send(town.rider, DANGER)
    with django_assert_num_queries(1):
        assert rings_for(town.clerk)
    with django_assert_num_queries(0):
        assert not rings_for(town.rider)


def test_a_second_answer_is_told_on_the_page(town: Town) -> None:
    receipt = send(town.rider, DANGER)
    address = reverse("reports:alarm_acknowledge", args=[receipt.public_id])
    assert desk(town, "worker").post(address).status_code == 303
    answer = desk(town, "clerk").post(address, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "何远在" in answer.content.decode()
    assert the(receipt).steps.filter(step="acknowledge").count() == 1


def test_a_transfer_from_the_page_takes_the_citys_time(town: Town) -> None:
    receipt = send(town.rider, DANGER)
    address = reverse("reports:alarm_transfer", args=[receipt.public_id])
    client = desk(town, "clerk")
    bad = client.post(address, {"phone": "119", "at": "25:99"}, headers={"HX-Request": "true"})
    assert "几点:几分" in bad.content.decode()
    now = clock.city_time(clock.now())
    client.post(address, {"phone": "119", "at": f"{now:%H:%M}", "reference": "A-7"})
    assert the(receipt).steps.filter(step="transfer", data__reference="A-7").count() == 1
    Alarm.objects.update(ended_at=clock.now())
    assert "接警编号 A-7" in client.get(PAGE).content.decode()


def test_a_time_of_day_that_is_yet_to_come_was_yesterday() -> None:
    with clock.at(datetime(2026, 3, 1, 0, 5, tzinfo=clock.CITY_TZ)):
        assert _moment("23:58") == datetime(2026, 2, 28, 23, 58, tzinfo=clock.CITY_TZ)
        assert _moment("00:04") == datetime(2026, 3, 1, 0, 4, tzinfo=clock.CITY_TZ)
        assert _moment("") is None


def test_the_console_leads_to_the_page(town: Town) -> None:
    links = dict(sections_for(town.clerk, "reports:alarm"))["工作"]
    assert [link.url for link in links if link.current] == [PAGE]


# ── it goes to somebody else ──────────────────────────────────────────────────
def test_what_goes_to_another_unit_rings_again_from_the_first_level(town: Town, chain: dict[str, Actor]) -> None:
    receipt = send(town.rider, DANGER)
    services.accept(actor=town.worker, public_id=receipt.public_id)
    assert not rings_for(town.clerk)
    services.return_report(actor=town.worker, public_id=receipt.public_id, reason="归环卫", to="huanwei")
    alarm = Alarm.objects.get()
    assert (alarm.ended_at, alarm.acknowledged_by, alarm.level) == (None, None, 1)
    assert rings_for(town.cleaner)
    assert (1, "洁净") in called(the(receipt))
    assert told(town.cleaner) == ["critical.ring"]
    assert told(chain["community"]) == ["critical.ring", "critical.ring"]
    assert told(chain["street"]) == []
    with clock.at(alarm.next_at or clock.now()):
        services.call_next()
    assert told(chain["street"]) == ["critical.unanswered"]


@pytest.mark.parametrize("way", ["refer", "decide", "redirect"])
def test_nobody_has_what_goes_up_or_is_sent_elsewhere(town: Town, way: str) -> None:
    receipt = send(town.rider, DANGER)
    given: dict[str, Any] = {"public_id": receipt.public_id, "reason": "不归我们"}
    if way == "redirect":
        services.acknowledge_alarm(actor=town.worker, public_id=receipt.public_id)
        services.redirect(actor=town.clerk, unit_code="huanwei", **given)
    else:
        services.accept(actor=town.worker, public_id=receipt.public_id)
        services.refer(actor=town.worker, **given)
    if way == "decide":
        services.acknowledge_alarm(actor=town.supervisor, public_id=receipt.public_id)
        services.decide(actor=town.supervisor, unit_code="huanwei", **given)
    alarm = Alarm.objects.get()
    assert (alarm.ended_at, alarm.acknowledged_by) == (None, None)
    assert rings_for(town.clerk)
    assert ((1, "洁净") in called(the(receipt))) is (way != "refer")


def test_the_next_unit_is_called_while_it_still_rings(town: Town, chain: dict[str, Actor]) -> None:
    receipt = send(town.rider, DANGER)
    before = Alarm.objects.get()
    services.return_report(actor=town.worker, public_id=receipt.public_id, reason="归环卫", to="huanwei")
    after = Alarm.objects.get()
    assert (after.level, after.next_at) == (before.level, before.next_at), "the levels above are called when they were"
    assert told(town.cleaner) == ["critical.ring"]
    assert told(chain["community"]) == ["critical.ring"]


def test_what_does_not_ring_does_not_begin_to(town: Town) -> None:
    receipt = send(town.rider, "共享单车倒了一片", hint="shared-bike")
    services.redirect(actor=town.clerk, public_id=receipt.public_id, unit_code="huanwei", reason="归环卫")
    assert not Alarm.objects.exists()


def test_what_was_merged_and_is_critical_rings_when_it_stands_alone(town: Town) -> None:
    lead = send(town.other_rider)
    Report.objects.filter(public_id=lead.public_id).update(rings=True, severity="critical")
    merging(automatic=True)
    receipt = send(town.rider, "这里井盖不见了，太危险了，人能掉下去")
    merging(automatic=False)
    report = the(receipt)
    assert (report.state, report.rings) == ("merged", True)
    assert not Alarm.objects.filter(report=report).exists()
    services.unmerge(actor=town.clerk, public_id=receipt.public_id)
    assert Alarm.objects.get(report=report).ended_at is None
    assert (1, "何远") in called(report)
