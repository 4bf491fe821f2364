"""A place is changed and counted on its page; stock never falls below nought and every count says why."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from qixia.audit.models import AuditEvent
from qixia.gifts import queries, services
from qixia.gifts.models import Campaign, Move, Place, Stock
from qixia.gifts.tests import builders as made
from qixia.kernel.errors import Conflict, Invalid, NotAllowed
from qixia.people.access import Actor
from qixia.people.models import Person
from qixia.people.sessions import BACKEND

pytestmark = pytest.mark.usefixtures("ground")


def counted(row: made.Round, lies: int, found: int, key: str = "", reason: str = "月底盘点") -> None:
    about = {"actor": row.clerk, "donation": row.donation.public_id, "place": row.place.public_id}
    services.correct(**about, lies=lies, counted=found, key=key or made.new_key(), reason=reason)


def books(row: made.Round) -> tuple[int, int, int]:
    return Stock.objects.get(place=row.place).count, row.now().usable, Move.objects.count()


def test_a_count_moves_stock_and_what_can_be_given():
    row = made.opened(kits=5, way="joining")
    key = made.new_key()
    counted(row, 5, 3, key)
    counted(row, 5, 3, key)  # again: nothing
    assert books(row) == (3, 3, 2)
    move = Move.objects.latest("pk")
    assert (move.kind, move.delta, move.note) == ("missing", -2, "月底盘点")
    counted(row, 3, 4)
    assert books(row) == (4, 4, 3)
    assert AuditEvent.objects.filter(action="gifts.corrected").count() == 2
    (given,) = queries.sheet_of(row.donation.donor.public_id).donations
    assert (given.left, given.lost, given.waiting) == (4, 1, 0)


@pytest.mark.parametrize(
    ("lies", "found", "reason", "error"),
    [
        (4, 3, "盘点", Conflict),
        (5, 5, "盘点", Conflict),
        (5, 6, "盘点", Conflict),
        (5, -1, "盘点", Invalid),
        (5, 3, "", Invalid),
    ],
)
def test_a_count_that_cannot_be(lies, found, reason, error):
    row = made.opened(kits=5, way="joining")
    before = books(row)
    with pytest.raises(error):
        counted(row, lies, found, reason=reason)
    assert books(row) == before


def test_only_who_organises_there_counts():
    row = made.opened(kits=5, way="joining")
    row.clerk, row.second = row.second, row.clerk
    with pytest.raises(NotAllowed):
        counted(row, 5, 4)
    assert books(row) == (5, 5, 1)


def phone(who: Actor) -> Client:
    page = Client()
    page.force_login(Person.objects.get(pk=who.person_id), backend=BACKEND)
    return page


def said(place: Place, **more: object) -> dict[str, object]:
    page = {"name": place.name, "kind": place.kind, "organisation": "canteen-x", "address": place.address}
    page |= {"opening": "周一至周五 9:00-18:00", "lat": place.lat, "lng": place.lng, "is_active": "on"}
    return page | more


def test_the_page_of_a_place():
    row = made.opened(kits=5, way="joining")
    address = reverse("gifts:place", args=[row.place.public_id])
    desk = phone(row.clerk)
    seen = desk.get(address)
    form = seen.context["form"].initial
    assert (form["organisation"], form["opening"]) == (seen.context["page"].organisation, "每天 09:00-21:00")
    code = form["organisation"]
    assert desk.post(address, said(row.place, organisation=code, opening="看心情")).status_code == 422
    assert desk.post(address, said(row.place, organisation=code, name="新食堂", address="新路 1 号")).status_code == 303
    row.place.refresh_from_db()
    assert (row.place.name, row.place.address, row.place.hours) == ("新食堂", "新路 1 号", "Mo-Fr 09:00-18:00")
    closed = said(row.place, organisation=code)
    del closed["is_active"]
    assert desk.post(address, closed).status_code == 422  # kits lie there
    assert phone(row.second).get(address).status_code == 200
    assert phone(row.second).post(address, said(row.place, organisation=code)).status_code == 403
    post = {"donation": row.donation.public_id, "lies": 5, "counted": "0", "key": made.new_key(), "reason": "都送走了"}
    count = reverse("gifts:count", args=[row.place.public_id])
    assert desk.post(count, post | {"counted": "9"}).status_code == 409
    assert desk.post(count, post | {"reason": ""}).status_code == 422
    assert desk.post(count, post).status_code == 303
    assert Stock.objects.get().count == 0
    assert desk.post(address, closed).status_code == 303
    row.place.refresh_from_db()
    assert row.place.is_active is False


def test_a_place_costs_the_same_however_much_lies_there(django_assert_max_num_queries):
    row = made.opened(kits=2, way="joining")
    for number in range(3):
        other = made.donated(row.clerk, row.campaign, 5, f"第{number}家")
        about = {"actor": row.clerk, "donation": other.public_id, "place": row.place.public_id}
        services.receive(**about, count=1, key=made.new_key())
    with django_assert_max_num_queries(3):
        page = queries.place_page(row.clerk, row.place.public_id)
    assert len(page.shelves) == 4
    assert Campaign.objects.get().usable == 5
