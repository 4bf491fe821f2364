"""Stories of the seed articles at service level (INVENTORY 6, 8, 10); those of rows 2, 3 and 71 stand in test_undertaking, of
row 4 in test_importing, 12 in test_figures, 19 in test_clocking."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.reports import queries, services
from qixia.reports.models import Report
from qixia.reports.queries.rider import my_reports, own_counts
from qixia.reports.tests.examples.units import staff_of
from qixia.reports.tests.town import AT_ESTATE, accepted, at, merging, photo_after, send, the

WALL, LIFT = "外墙砖开裂，墙体破损往下掉渣", "电梯坏了，卡在三楼不动"
COLLAPSE, FIRE = "路面塌陷了一个大坑，车要掉进去", "消防通道被杂物堵死了"


def test_row_6_a_place_is_exact_to_the_floor_for_whoever_goes_there(town):
    """Two floors of one building are two matters, though one spot on the map."""
    merging(automatic=True)
    lift = send(town.rider, "货梯门口堆满纸箱", place=at(AT_ESTATE, building="3栋", floor="二楼", spot="货梯口"))
    words = "消防通道堆满纸箱，人都挤不过去"
    stairs = [
        send(rider, words, place=at(AT_ESTATE, building="3栋", floor=floor, spot="消防通道"))
        for rider, floor in ((town.rider, "12层"), (town.other_rider, "11层"))
    ]
    assert {the(one).state for one in (lift, *stairs)} <= {"dispatched", "sorting"}, "none went on in another"
    keeper = staff_of(the(stairs[0]).unit.code)
    case = queries.case(keeper, stairs[0].public_id)
    assert case.site == "锦澜花园"
    assert case.building == "3栋 12层 消防通道"
    assert case.row.place.endswith("3栋 12层 消防通道")
    assert queries.rider_report(town.rider, lift.public_id).place.endswith("3栋 二楼 货梯口")


def test_row_8_one_riders_record_of_twenty_one_findings(town):
    for number in range(21):
        accepted(town.rider, WALL if number % 3 else LIFT)
    accepted(town.other_rider, WALL)
    run_pending()
    first = my_reports(town.rider, "", "", 12)
    second = my_reports(town.rider, "", first.next_key, 12)
    assert [len(first.items), len(second.items), second.next_key] == [12, 9, ""]
    assert len({card.public_id for card in (*first.items, *second.items)}) == 21
    assert own_counts(town.rider).total == 21
    kinds = Counter(Report.objects.exclude(words=WALL).values_list("cls", flat=True))
    assert kinds == {"lift": 7}


def test_row_10_a_hundred_and_seventy_two_leads_go_round_one_loop(town):
    """From receipt to the reporter's last word; what is not solved comes back, what is not true is called so."""
    start = clock.now() - timedelta(hours=6)
    for number in range(172):
        with clock.at(start + timedelta(minutes=2 * number)):
            accepted(town.rider, FIRE if number % 2 else COLLAPSE)
    run_pending()
    leads = list(Report.objects.select_related("unit").order_by("pk"))
    assert Counter(lead.state for lead in leads) == {"dispatched": 172}
    assert {lead.cls for lead in leads} == {"road-collapse", "fire-lane"}
    units = {code: staff_of(code) for code in Report.objects.values_list("unit__code", flat=True).distinct()}
    for number, lead in enumerate(leads):
        _go_round(town, units[lead.unit.code], lead.public_id, number)
    assert Counter(Report.objects.values_list("state", flat=True)) == {"fixed": 12, "reopened": 2, "invalid": 2} | {
        "dispatched": 156
    }


def _go_round(town, unit: Actor, public_id: str, number: int) -> None:
    """Every eleventh goes the whole way here; that all others can is what the table of steps proves."""
    if number % 11:
        return
    if number % 88 == 11:
        services.reject(actor=town.clerk, public_id=public_id, reason="现场没有这回事")
        return
    services.accept(actor=unit, public_id=public_id)
    services.resolve(actor=unit, public_id=public_id, text="已处理", photos=[photo_after(number)])
    services.verify(actor=town.clerk, public_id=public_id)
    if number % 88 == 22:
        services.say_unsolved(actor=town.rider, public_id=public_id, text="坑还在")
    else:
        services.confirm_solved(actor=town.rider, public_id=public_id)
        assert queries.rider_report(town.rider, public_id).after
