"""SIGKILL while a rider takes an offer and looks, while looks are paid, an appeal is granted, what supporters lost is given
back, clocks are looked at and notices go out: what was acknowledged is there, nothing is half done, and done again it is done
once, points too. On both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.notices import services as notices
from qixia.notices.models import Delivery, Notice
from qixia.offers import services as offers
from qixia.offers.models import Offer
from qixia.people.access import Actor, actor_for
from qixia.places import queries as places
from qixia.reports import services
from qixia.reports.models import Appeal, ClockNote, Report, ReportPhoto, ReportStep, Support, Witness
from qixia.reports.sealing import supporter_index
from qixia.reports.services.duplicates.supporting import seal_support
from qixia.reports.tests.town import AT_ROAD, Town, _rider, at, build_town, merging, photo_later, reach, send, the
from qixia.rewards.queries import balance
from qixia.rewards.services import compare
from tests.harness.dying import until_killed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
LOOKERS = 3
NEAR = (AT_ROAD[0] + 0.0002, AT_ROAD[1])  # some 20 m


@pytest.fixture
def town(transactional_db, tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    places.forget()
    yield build_town()
    places.forget()


def rows() -> Counter[str]:
    """How many rows every table has."""
    return Counter(
        {model._meta.label: model._base_manager.count() for model in apps.get_models() if model._meta.managed}
    )


def riders(count: int = LOOKERS) -> list[Actor]:
    return [actor_for(_rider(f"骑{n}", f"1390000000{n}")) for n in range(count)]


def offered(town: Town) -> tuple[Report, str]:
    """A report that its unit calls done, and the offer to look at it."""
    report = the(reach(town, "resolved"))
    run_pending()
    return report, Offer.objects.get(subject=report.ref, state="open").public_id


def taking(rider: Actor, offer: str) -> Callable[[], Any]:
    return lambda: offers.take(actor=rider, public_id=offer).public_id


def looking(rider: Actor, offer: str, *, fixed: bool = True, seed: int = 171) -> Callable[[], Any]:
    def act() -> str:
        photos = [photo_later(seed)]
        services.look_again(actor=rider, offer=offer, fixed=fixed, place=at(NEAR), photos=photos, text="看过了")
        return offer

    return act


def test_an_offer_that_was_not_made_is_made_by_the_next_run_and_once(town):
    report = the(reach(town, "resolved"))
    before = rows()
    assert until_killed([run_pending], at="offers.made:1") == []
    assert Offer.objects.count() == 0
    assert (rows() - before)["offers.Offer"] == 0
    with clock.at(clock.now() + timedelta(minutes=1)):  # the lease of the dead worker is over
        run_pending()
        run_pending()
    assert Offer.objects.get().subject == report.ref


def test_who_was_told_that_it_is_his_has_it_and_a_taking_that_was_killed_left_it_free(town):
    (_first, one), (_second, two) = offered(town), offered(town)
    first, second, third = riders()
    assert until_killed([taking(first, one), taking(second, two)], at="offers.taken:2") == [one]
    assert dict(Offer.objects.values_list("public_id", "state")) == {one: "taken", two: "open"}
    assert taking(first, one)() == one, "a phone that heard nothing asks again"
    assert taking(third, two)() == two
    assert Offer.objects.filter(state="taken").count() == 2


@pytest.mark.parametrize(("fixed", "state"), [(True, "fixed"), (False, "reopened")])
def test_a_look_that_was_killed_left_nothing_and_sent_again_it_counts_once(town, fixed, state):
    report, offer = offered(town)
    (rider,) = riders(1)
    taking(rider, offer)()
    before = rows()
    assert until_killed([looking(rider, offer, fixed=fixed)], at="witness.written:1") == []
    assert rows() == before
    assert (Offer.objects.get().state, Report.objects.get(pk=report.pk).state) == ("taken", "resolved")

    looking(rider, offer, fixed=fixed)()
    assert (Offer.objects.get().state, Report.objects.get(pk=report.pk).state) == ("done", state)
    assert (Witness.objects.count(), ReportPhoto.objects.filter(role="later").count()) == (1, 1)
    assert ReportStep.objects.filter(step__startswith="witness").count() == 1


def test_of_looks_the_acknowledged_ones_stay(town):
    ways = [offered(town) for _ in range(LOOKERS)]
    people = riders()
    for rider, (_report, offer) in zip(people, ways, strict=True):
        taking(rider, offer)()
    acts = [
        looking(rider, offer, seed=171 + n) for n, (rider, (_r, offer)) in enumerate(zip(people, ways, strict=True))
    ]
    told = until_killed(acts, at=f"witness.written:{LOOKERS}")
    assert told == [offer for _report, offer in ways[:-1]]
    assert [Report.objects.get(pk=report.pk).state for report, _offer in ways] == ["fixed", "fixed", "resolved"]
    assert Witness.objects.count() == LOOKERS - 1


def test_looks_that_were_being_paid_are_paid_once(town):
    people = riders()
    for number, rider in enumerate(people):
        _report, offer = offered(town)
        taking(rider, offer)()
        looking(rider, offer, seed=171 + number)()
    run_pending()
    before = rows()
    with clock.at(clock.now() + timedelta(days=8)):
        assert until_killed([services.pay_witnesses], at="witness.paid:1") == []
        assert rows() == before
        assert set(Witness.objects.values_list("points", flat=True)) == {None}
        assert [services.pay_witnesses(), services.pay_witnesses()] == [LOOKERS, 0]
    assert [balance(rider.ref) for rider in people] == [5] * LOOKERS
    assert (rows() - before)["rewards.Posting"] == LOOKERS
    assert compare().is_sound


def appealed(town: Town) -> tuple[str, list[Support]]:
    """A report that was called untrue and appealed; supporters who were paid and lost it again."""
    merging(pay_riders=1)
    receipt, made = send(town.rider), []
    for rider in riders():
        row = Support(report=the(receipt), index=supporter_index(rider.public_id), day=clock.city_date(clock.now()))
        row.link = seal_support(rider.public_id, support=row.public_id)
        row.save()
        made.append(row)
    with clock.at(clock.now() + timedelta(days=2)):
        assert services.pay_supports() == LOOKERS
        services.reject(actor=town.clerk, public_id=receipt.public_id, reason="没有这回事")
        services.pay_supports()
        services.appeal(actor=town.rider, public_id=receipt.public_id, text="明明有")
    assert balance(town.rider.ref) == 0
    return receipt.public_id, made


def test_an_appeal_and_what_it_gives_back(town):
    public_id, supports = appealed(town)
    grant = lambda: services.grant_appeal(actor=town.supervisor, public_id=public_id, text="照片看得清").pk  # noqa: E731 — an act
    with clock.at(clock.now() + timedelta(days=3)):
        before = rows()
        assert until_killed([grant], at="appeal.granted:1") == []
        assert rows() == before
        assert (Appeal.objects.get().state, Report.objects.get(public_id=public_id).state) == ("open", "invalid")
        assert balance(town.rider.ref) == 0

        grant()
        assert (Appeal.objects.get().state, Report.objects.get(public_id=public_id).state) == ("granted", "sorting")
        assert balance(town.rider.ref) == 15

        before = rows()
        assert until_killed([services.restore_supports], at="appeal.restored:1") == []
        assert rows() == before
        assert [services.restore_supports(), services.restore_supports()] == [LOOKERS, 0]
    assert set(Support.objects.filter(pk__in=[row.pk for row in supports]).values_list("points", flat=True)) == {3}
    assert compare().is_sound


def test_clocks_that_were_being_looked_at_are_told_of_once(town):
    for _ in range(4):
        send(town.rider)
    with clock.at(clock.now() + timedelta(days=40)):
        assert until_killed([services.remind], at="clocks.looked:3") == []
        assert ClockNote.objects.values("report").distinct().count() == 2, "the third was not committed"
        assert until_killed([services.remind], at="clocks.looked:1") == []
        assert services.remind() == 2
        assert services.remind() == 0
    notes = Counter(ClockNote.objects.values_list("report", "clock", "at", "round"))
    assert set(notes.values()) == {1}
    told = Counter(Notice.objects.filter(template__startswith="clock.").values_list("person", "template"))
    assert told
    assert {count % 4 for count in told.values()} == {0}, "each of the four was told of as often as the others"


def test_notices_that_were_being_sent_on_go_out_once(town):
    for number in range(3):
        send(town.rider, f"井盖没了{number}")
    run_pending()
    Notice.objects.update(waits=True)
    Delivery.objects.all().delete()
    assert until_killed([notices.fan_out], at="deliver.fanned:1") == []
    assert (Delivery.objects.count(), Notice.objects.filter(waits=False).count()) == (0, 0)
    assert until_killed([notices.fan_out], at="deliver.queued:1") == []
    went = Delivery.objects.count()
    assert Notice.objects.filter(waits=True).count() == 0
    Notice.objects.update(waits=True)  # and were it asked again
    notices.fan_out()
    assert Delivery.objects.count() == went
