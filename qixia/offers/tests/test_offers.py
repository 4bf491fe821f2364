"""Offers: who sees them, one holder, leases, the table of states, and that nothing names a rider."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.kernel.geo import Point
from qixia.offers import errors, queries, retention, rules, services, states
from qixia.offers.models import Offer
from qixia.offers.tests.builders import HERE, leave_out, offer, riders
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.policy.queries import current

pytestmark = pytest.mark.usefixtures("rules")


def row() -> Offer:
    return Offer.objects.get()


def ids(actor, here=None) -> list[str]:
    return [card.public_id for card in queries.offers_near(actor, here)]


class TestWhoSees:
    def test_nearest_first_and_nothing_beyond_the_policy(self):
        (rider,) = riders(1)
        far = offer("report:far", lat=HERE[0] + 0.01)
        near = offer("report:near", lat=HERE[0] + 0.001)
        offer("report:away", lat=HERE[0] + 0.1)
        here = Point(*HERE)
        cards = queries.offers_near(rider, here)
        assert [card.public_id for card in cards] == [near, far]
        assert [card.distance_m for card in cards] == pytest.approx([111, 1112], abs=2)
        assert len(ids(rider)) == 3, "without a position all are listed"

    def test_the_list_is_one_query_however_long(self, django_assert_num_queries):
        (rider,) = riders(1)
        for number in range(12):
            offer(f"report:{number}")
        ids(rider)
        with django_assert_num_queries(1):
            assert len(ids(rider, Point(*HERE))) == 12

    def test_whom_it_must_not_reach_it_does_not_exist_for(self):
        kept_away, other = riders(2)
        public_id = offer(excluded=[kept_away.public_id])
        assert (ids(kept_away), ids(other)) == ([], [public_id])
        with pytest.raises(NotFound):
            services.take(actor=kept_away, public_id=public_id)
        assert row().state == "open"

    def test_one_may_be_kept_away_later(self):
        (rider,) = riders(1)
        offer()
        services.exclude(subject="report:one", person=rider.public_id)
        assert ids(rider) == []

    def test_marks_of_one_person_have_nothing_in_common(self):
        (rider,) = riders(1)
        for subject in ("report:one", "report:two"):
            offer(subject, excluded=[rider.public_id])
        first, second = Offer.objects.values_list("excluded", flat=True)
        assert len(first) == len(second) == 1
        assert first != second

    def test_not_to_see_one_says_nothing_because_a_share_of_everybody_does_not(self):
        leave_out(0.5)
        rider, other = riders(2)
        for number in range(28):  # fewer than a rider is shown at most
            offer(f"report:{number}")
        missing = [28 - len(ids(one)) for one in (rider, other)]
        assert all(3 <= count <= 25 for count in missing), missing
        assert ids(rider) == ids(rider), "who looks again learns no more"
        assert set(ids(rider)) != set(ids(other)), "everybody misses others"
        (gone, *_rest) = {row.public_id for row in Offer.objects.all()} - set(ids(rider))
        with pytest.raises(NotFound):
            services.take(actor=rider, public_id=gone)
        assert not Offer.objects.exclude(excluded=[]).exists(), "the rows do not tell who that is"

    def test_who_misses_one_offer_misses_every_later_one_about_the_same(self):
        leave_out(0.5)
        (rider,) = riders(1)
        seen = []
        for number in range(20):
            first = offer(f"report:{number}")
            seen.append(ids(rider))
            services.withdraw(subject=f"report:{number}")
            offer(f"report:{number}")
            assert bool(ids(rider)) == bool(seen[-1])
            services.withdraw(subject=f"report:{number}")
            assert first
        assert {bool(one) for one in seen} == {True, False}

    def test_what_ships_leaves_a_share_out(self):
        leave_out(None)
        assert current("offers.offers").data.left_out >= 0.2

    def test_only_the_role_that_it_is_for(self):
        (rider,) = riders(1)
        offer(role="clerk")
        assert ids(rider) == []


class TestTaking:
    def test_one_has_it_and_it_leaves_the_list(self):
        first, second = riders(2)
        public_id = offer()
        services.take(actor=first, public_id=public_id)
        assert services.take(actor=first, public_id=public_id).public_id == public_id, "twice is once"
        assert ids(second) == []
        with pytest.raises(errors.TakenByAnother):
            services.take(actor=second, public_id=public_id)
        assert queries.held_offer(first).public_id == public_id
        assert queries.held_offer(second) is None

    def test_one_at_a_time(self):
        (rider,) = riders(1)
        services.take(actor=rider, public_id=offer())
        other = offer("report:two")
        with pytest.raises(errors.HoldsAnother):
            services.take(actor=rider, public_id=other)
        assert Offer.objects.get(public_id=other).state == "open"

    def test_given_back_it_is_for_others(self):
        first, second = riders(2)
        public_id = offer()
        services.take(actor=first, public_id=public_id)
        services.give_back(actor=first, public_id=public_id)
        services.take(actor=second, public_id=public_id)
        with pytest.raises(errors.NotHeld):
            services.give_back(actor=first, public_id=public_id)
        assert queries.held_offer(second) is not None

    @pytest.mark.parametrize("is_cleared", [True, False])
    def test_a_lease_that_ran_out_is_free_whether_or_not_the_job_was_there(self, is_cleared):
        first, second = riders(2)
        public_id = offer()
        services.take(actor=first, public_id=public_id)
        with clock.at(clock.now() + timedelta(hours=2)):
            if is_cleared:
                assert services.expire() == 1
            with pytest.raises(errors.NotHeld):
                services.complete(actor=first, public_id=public_id)
            services.take(actor=second, public_id=public_id)
            assert queries.held_offer(second) is not None

    def test_the_own_old_lease_keeps_nobody_from_another_one(self):
        (rider,) = riders(1)
        services.take(actor=rider, public_id=offer())
        other = offer("report:two")
        with clock.at(clock.now() + timedelta(hours=2)):
            services.take(actor=rider, public_id=other)
            assert queries.held_offer(rider).public_id == other

    def test_when_the_window_is_over_nobody_gets_it(self):
        (rider,) = riders(1)
        public_id = offer()
        with clock.at(clock.now() + timedelta(days=1)), pytest.raises(NotFound):
            services.take(actor=rider, public_id=public_id)
        assert row().state == "open"

    def test_done_it_says_what_it_was_about(self):
        (rider,) = riders(1)
        public_id = offer()
        services.take(actor=rider, public_id=public_id)
        assert services.complete(actor=rider, public_id=public_id) == "report:one"
        with pytest.raises(errors.NotHeld):
            services.complete(actor=rider, public_id=public_id)

    def test_a_subject_may_be_offered_again_when_the_first_is_over(self):
        first = offer()
        services.withdraw(subject="report:one")
        assert offer() != first


def act(step: str, rider, public_id: str) -> None:
    with clock.at(clock.now() + timedelta(days=2)) if step == "expire" else clock.at(clock.now()):
        {
            "take": lambda: services.take(actor=rider, public_id=public_id),
            "give_back": lambda: services.give_back(actor=rider, public_id=public_id),
            "complete": lambda: services.complete(actor=rider, public_id=public_id),
            "expire": services.expire,
            "withdraw": lambda: services.withdraw(subject="report:one"),
        }[step]()


_WAY = {"open": [], "taken": ["take"], "done": ["take", "complete"], "expired": ["expire"], "withdrawn": ["withdraw"]}


# The holder's own repetition of taking is TestTaking's.
CELLS = [(step, state) for step in states.STEPS for state in states.STATES if (step, state) != ("take", "taken")]


@pytest.mark.parametrize(("step", "state"), CELLS)
def test_every_step_in_every_state(step, state):
    (rider,) = riders(1)
    public_id = offer()
    for before in _WAY[state]:
        act(before, rider, public_id)
    assert row().state == state
    if states.may(step, state):
        act(step, rider, public_id)
        assert row().state == states.STEPS[step][1]
        return
    events = AuditEvent.objects.count()
    if step in ("expire", "withdraw"):
        act(step, rider, public_id)
    else:
        with pytest.raises((NotFound, errors.NotHeld)):
            act(step, rider, public_id)
    assert (row().state, AuditEvent.objects.count()) == (state, events)


class TestNothingNamesARider:
    def test_neither_rows_nor_history(self):
        kept_away, taker = riders(2)
        public_id = offer(excluded=[kept_away.public_id])
        services.take(actor=taker, public_id=public_id)
        services.give_back(actor=taker, public_id=public_id)
        services.take(actor=taker, public_id=public_id)
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM offers_offer")
            shown = str(cursor.fetchall())
            cursor.execute("SELECT * FROM audit_auditevent WHERE subject LIKE 'offer%'")
            shown += str(cursor.fetchall())
        for actor in (kept_away, taker):
            assert actor.public_id not in shown
        services.complete(actor=taker, public_id=public_id)
        assert (row().holder, row().lease_until) == (None, None)

    def test_a_lease_ends_on_a_mark_that_does_not_tell_when_it_was_taken(self):
        ends = {rules.lease_end(datetime(2026, 11, 22, 4, minute, 7, tzinfo=UTC), 40) for minute in range(1, 10)}
        assert ends == {datetime(2026, 11, 22, 4, 50, tzinfo=UTC)}
        on_it = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)
        assert rules.lease_end(on_it, 40) == on_it + timedelta(minutes=40)


def test_what_is_over_goes_after_its_time():
    offer()
    services.withdraw(subject="report:one")
    now = clock.now()
    assert retention.oldest() is not None
    assert retention.purge(now, 10) == 0
    assert retention.purge(now + timedelta(days=31), 10) == 1
    assert retention.oldest() is None


class TestPages:
    def phone(self, actor) -> Client:
        client = Client()
        client.force_login(Person.objects.get(pk=actor.person_id), backend=BACKEND)
        return client

    def test_take_and_give_back(self):
        rider, other = riders(2)
        public_id = offer()
        phone = self.phone(rider)
        page = phone.get(reverse("offers:near"), {"lat": HERE[0], "lng": HERE[1]}).content.decode()
        assert "去看一眼：井盖" in page
        assert "report:one" not in page
        assert phone.post(reverse("offers:take", args=[public_id])).status_code == 303
        assert 'data-testid="give-back"' in phone.get(reverse("offers:near")).content.decode()
        refused = self.phone(other).post(reverse("offers:take", args=[public_id]), follow=True)
        assert "刚刚被别人接走了" in refused.content.decode()
        phone.post(reverse("offers:give_back", args=[public_id]))
        assert row().state == "open"

    @pytest.mark.parametrize("lat", ["", "nan", "inf", "91", "x", "24.9'"])
    def test_a_position_that_is_none_lists_all(self, lat):
        (rider,) = riders(1)
        offer()
        answer = self.phone(rider).get(reverse("offers:near"), {"lat": lat, "lng": "118.6"})
        assert "去看一眼：井盖" in answer.content.decode()

    def test_an_unknown_offer_is_refused_in_words(self):
        (rider,) = riders(1)
        answer = self.phone(rider).post(reverse("offers:take", args=["nothing"]), follow=True)
        assert answer.status_code == 200
        assert Offer.objects.count() == 0
