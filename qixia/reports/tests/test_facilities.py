"""What riders asked for and is there now, on the map and for everybody (INVENTORY 64, 71)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.kernel.geo import Frame
from qixia.people.sessions import BACKEND
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.reports import services
from qixia.reports.models import Report, Undertaking, UndertakingReport
from qixia.reports.queries import facilities
from qixia.reports.tests.test_undertaking import begun, end_tasks, finish, wish
from qixia.reports.tests.town import AT_ROAD, MAKER

HERE = Frame(AT_ROAD[1] - 0.01, AT_ROAD[0] - 0.01, AT_ROAD[1] + 0.01, AT_ROAD[0] + 0.01, 15)
ELSEWHERE = Frame(AT_ROAD[1] + 0.02, AT_ROAD[0] - 0.01, AT_ROAD[1] + 0.04, AT_ROAD[0] + 0.01, 15)


def made_of(town, receipt) -> Undertaking:
    made = begun(town, receipt)
    end_tasks(town, made)
    return finish(town, made)


def more_of(made, receipt, count) -> None:
    """As many finished ones, each for a report of its own: what a city has after years."""
    report = Report.objects.get(public_id=receipt.public_id)
    skipped = {"id": None, "pk": None}
    for n in range(count):
        values = {f.attname: getattr(made, f.attname) for f in made._meta.fields if f.attname not in skipped}
        row = Undertaking.objects.create(**values | {"public_id": f"{n:026d}", "title": f"第 {n} 处"})
        other = {f.attname: getattr(report, f.attname) for f in report._meta.fields if f.attname not in skipped}
        copied = Report.objects.create(**other | {"public_id": f"r{n:025d}", "number": f"{n:09d}"})
        UndertakingReport.objects.create(undertaking=row, report=copied)


def test_it_is_a_point_on_the_map_with_a_page_for_everybody(town):
    receipt = wish(town.rider)
    made = made_of(town, receipt)
    phone = Client()
    phone.force_login(town.people["rider"], backend=BACKEND)
    bbox = f"{HERE.west},{HERE.south},{HERE.east},{HERE.north}"
    (point,) = phone.get(reverse("reports:map_data"), {"bbox": bbox, "zoom": 15}).json()["facilities"]
    assert (point["title"], point["amount"]) == ("商圈骑手停车位", "200 个停车位")
    assert (point["lat"], point["lng"], point["since"]) == (*AT_ROAD, clock.city_date(clock.now()).isoformat())
    page = Client().get(point["url"]).content.decode()
    assert all(text in page for text in ("骑手提议", "200 个停车位", "两条路都划好了", "chengguan单位"))
    hidden = (receipt.number, receipt.public_id, town.people["rider"].public_id, made.aim, made.tasks.first().what)
    assert not any(text in page + str(point) for text in hidden)
    assert point["url"] in Client().get(reverse("reports:facilities")).content.decode()


@pytest.mark.parametrize("why", ["open", "dropped", "no place", "nobody asked", "sensitive", "elsewhere"])
def test_what_is_none_of_them_is_nowhere(town, why):
    made = begun(town, *[] if why == "nobody asked" else [wish(town.rider)])
    if why == "dropped":
        services.drop_undertaking(actor=town.clerk, public_id=made.public_id, reason="没有地方")
    elif why != "open":
        end_tasks(town, made)
        finish(town, made, **{"facility": services.Facility(200, "个车位")} if why == "no place" else {})
    if why == "sensitive":
        data = current("reports.secrecy").data.model_dump(mode="json")
        publish("reports.secrecy", data | {"sensitive": ["parking-need"]}, note="试", actor_ref=MAKER)
    if why == "elsewhere":
        assert facilities.facilities_in(ELSEWHERE) == []
        return
    assert facilities.facilities_in(HERE) == []
    assert facilities.facilities() == ([], "")
    with pytest.raises(NotFound):
        facilities.facility_story(made.public_id)


def test_few_who_asked_are_not_counted_in_public(town):
    receipt = wish(town.rider)
    made = made_of(town, receipt)
    assert facilities.facility_story(made.public_id).asked is None
    least = current("reports.decisions").data.public_from
    UndertakingReport.objects.filter(undertaking=made).delete()
    more_of(made, receipt, least)
    UndertakingReport.objects.update(undertaking=made)
    assert facilities.facility_story(made.public_id).asked == least


def test_a_view_and_a_page_cost_one_query_and_are_bounded(town, django_assert_num_queries, monkeypatch):
    receipt = wish(town.rider)
    made = made_of(town, receipt)
    more_of(made, receipt, 5)
    monkeypatch.setattr(facilities, "MOST", 4)
    monkeypatch.setattr(facilities, "PAGE", 4)
    facilities.facilities()
    with django_assert_num_queries(1):
        assert [one["title"] for one in facilities.facilities_in(HERE)] == ["第 4 处", "第 3 处", "第 2 处", "第 1 处"]
    with django_assert_num_queries(2):
        first, after = facilities.facilities()
        rest, end = facilities.facilities(after)
    assert [len(first), len(rest), end] == [4, 2, ""]
    assert len({one.url for one in first + rest}) == 6
