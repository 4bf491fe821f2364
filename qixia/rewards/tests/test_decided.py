"""What became of held points: by month, sign and end, how often a sign was right, and the signs on an appeal against a void."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse

from qixia.kernel import clock
from qixia.rewards import queries, services
from qixia.rewards.models import Hold
from qixia.rewards.queries.decided import Sought, decided_holds, sign_counts
from qixia.rewards.rules import Signal
from qixia.rewards.tests.builders import person
from qixia.rewards.tests.test_deciding import PARAMS, SEEN, SPEED, hold
from qixia.rewards.tests.test_table import client_of

pytestmark = pytest.mark.usefixtures("table")
PHOTO = Signal("reused-photo", {"metres": 900})


@pytest.fixture
def ended():
    """One hold of each end: given, given in part, void, timed out, taken back with its report; and one that is open."""
    admin = person("admin")
    riders = [person() for _n in range(6)]
    held = [hold(rider, f"report:{n}") for n, rider in enumerate(riders)]
    services.post_hold(actor=admin, public_id=held[0].public_id)
    services.post_hold(actor=admin, public_id=held[1].public_id, points=5, reason="只认其中一件")
    services.void_hold(actor=admin, public_id=held[2].public_id, reason="两处来不及走到")
    services.reverse(source="report:4", reason="不属实", actor="system:test")
    Hold.objects.filter(pk=held[3].pk).update(due_on=clock.city_date(clock.now()) - timedelta(days=1))
    services.time_out_holds()
    return riders


def test_each_end_is_listed_and_found(ended):
    auditor = person("auditor")
    lines, following = decided_holds(auditor, Sought())
    assert [one.end for one in lines] == ["taken", "timed_out", "void", "part", "whole"]
    assert following is None
    for end in ("taken", "timed_out", "void", "part", "whole"):
        assert [one.end for one in decided_holds(auditor, Sought(end=end))[0]] == [end]
    month = clock.city_date(clock.now()).replace(day=1)
    assert len(decided_holds(auditor, Sought(month=month))[0]) == 5
    assert decided_holds(auditor, Sought(month=month - timedelta(days=31)))[0] == []
    assert decided_holds(auditor, Sought(sign="speed"))[0] == []  # no part of a name
    assert len(decided_holds(auditor, Sought(sign="impossible-speed"))[0]) == 5


def test_a_sign_is_as_precise_as_what_people_decided(ended):
    (one,) = sign_counts(person("auditor"), Sought())
    assert (one.whole, one.part, one.void, one.timed_out, one.taken) == (1, 1, 1, 1, 1)
    assert one.precision == 67  # two of the three that somebody looked at
    (one,) = sign_counts(person("auditor"), Sought(end="timed_out"))
    assert (one.all, one.precision) == (1, None)


def test_a_case_with_two_signs_counts_for_both(ended):
    act = {"rule": "manhole", "source": "report:9", "act": "reports.dispatched", "actor": "system:test"}
    (made,) = services.award_many([services.Award(beneficiary=person().ref, **act, signals=(SPEED, PHOTO))])
    services.void_hold(actor=person("admin"), public_id=Hold.objects.get(posting=made).public_id, reason="同一张")
    counts = {one.kind: one.void for one in sign_counts(person("auditor"), Sought())}
    assert counts == {"impossible-speed": 2, "reused-photo": 1}
    assert len(decided_holds(person("auditor"), Sought(sign="reused-photo"))[0]) == 1


def test_the_page_shows_signs_and_reasons_but_no_report_and_no_rider(ended, django_assert_max_num_queries):
    client = client_of(person("auditor"))
    address = reverse("rewards:holds-decided")
    client.get(address)
    with django_assert_max_num_queries(16):
        shown = client.get(address).content.decode()
    assert shown.count('data-testid="decided"') == 5
    for words in ("9000 米", "两处来不及走到", "67%", "上报不算了"):
        assert words in shown
    hidden = [SEEN["place"], SEEN["number"], PARAMS["place"], *(one.name for one in ended)]
    assert not [text for text in hidden if text in shown]
    assert 'method="post"' not in shown.partition("<main")[2]
    for odd in ("month=9999-12", "month=x", "sign=x&end=x&before=x"):
        assert client.get(f"{address}?{odd}").status_code == 200


@pytest.mark.parametrize(
    ("role", "status"), [("admin", 200), ("supervisor", 200), ("auditor", 200), ("clerk", 403), ("rider", 403)]
)
def test_who_reads_what_was_decided(role, status, table):
    client = client_of(person(role))
    assert client.get(reverse("rewards:holds-decided")).status_code == status
    if role == "auditor":
        assert client.get(reverse("rewards:holds")).status_code == 403  # evidence with places is for who decides


def test_a_supervisor_of_a_part_of_the_city_reads_nothing(ended):
    wide = person("supervisor")
    narrow = replace(wide, grants=tuple(replace(grant, path="350000/350500/") for grant in wide.grants))
    assert (decided_holds(narrow, Sought()), sign_counts(narrow, Sought())) == (([], None), [])
    assert len(decided_holds(wide, Sought())[0]) == 5


def test_an_appeal_against_a_void_shows_what_the_signs_said(table):
    rider, admin = person(), person("admin")
    given = services.void_hold(actor=admin, public_id=hold(rider).public_id, reason="两处来不及走到")
    services.appeal_points(actor=rider, entry=given.pk, text="我坐的是地铁")
    plain = services.award(beneficiary=rider.ref, rule="litter", source="report:7", act="x", actor="system:test")
    services.appeal_points(actor=rider, entry=plain.pk, text="应该是井盖")
    second = person("admin")
    (void, other), _following = queries.open_appeals(second)
    assert [said for _title, said in void.signs] == [
        "同一账号，两张现场照片相距 9000 米，只隔 3 分钟，合每小时 180 公里"
    ]
    assert other.signs == []
    shown = client_of(second).get(reverse("rewards:points-appeals")).content.decode()
    assert "9000 米" in shown
    assert not [text for text in (SEEN["place"], SEEN["number"], rider.name) if text in shown]
