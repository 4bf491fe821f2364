"""What the services of gifts promise: stock, entering, the draw, hand-over, undo, lapsing, forgetting. Refusals change nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from qixia.audit.models import AuditEvent
from qixia.gifts import errors, queries, services, states
from qixia.gifts.models import Allotment, Campaign, Draw, Entry, HandOver, Move, Stock, Ticket
from qixia.gifts.retention import purge_entries, purge_gifts
from qixia.gifts.rules import draw as rules
from qixia.gifts.takeout import export_of
from qixia.gifts.tests import builders as made
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.rewards import qr as vouchers

pytestmark = pytest.mark.usefixtures("ground")


def lies(row: made.Round, place=None) -> int:
    found = Stock.objects.filter(campaign=row.campaign, place=place or row.place)
    return sum(found.values_list("count", flat=True))


def put(row: made.Round, count: int, **more):
    return services.receive(
        **{"actor": row.clerk, "donation": row.donation.public_id, "place": row.place.public_id, "count": count}
        | {"key": made.new_key()}
        | more
    )


class TestStock:
    def test_sums_follow_the_moves(self):
        row = made.opened(kits=0, riders=0)
        type(row.donation).objects.update(count=20)
        other = made.point(row.clerk)
        about = {"actor": row.clerk, "donation": row.donation.public_id, "place": row.place.public_id}
        put(row, 10)
        services.move(**about, to=other.public_id, count=4, key=made.new_key())
        services.write_off(**about, count=1, kind="broken", key=made.new_key(), note="压坏了")
        services.write_off(**about, count=2, kind="returned", key=made.new_key(), note="多送的")
        assert (lies(row), lies(row, other), row.now().usable) == (3, 4, 7)
        assert sum(Move.objects.values_list("delta", flat=True)) == 7

    def test_the_same_key_is_the_same_move(self):
        row = made.opened(kits=0, riders=0)
        put(row, 1, key="same-key-1")
        put(row, 1, key="same-key-1")
        assert (lies(row), row.now().usable, Move.objects.count()) == (1, 1, 1)

    def test_never_below_nought_nor_above_what_was_given(self):
        row = made.opened(kits=3, riders=0)
        before = Move.objects.count()
        about = {"actor": row.clerk, "donation": row.donation.public_id, "place": row.place.public_id}
        with pytest.raises(errors.NotEnough):
            services.write_off(**about, count=4, kind="broken", key=made.new_key(), note="压坏了")
        with pytest.raises(errors.NotEnough):
            services.move(**about, to=made.point(row.clerk).public_id, count=4, key=made.new_key())
        with pytest.raises(Conflict):
            put(row, 1)
        with pytest.raises(Invalid):
            put(row, 0)
        assert (lies(row), row.now().usable, Move.objects.count()) == (3, 3, before)

    def test_the_database_refuses_what_services_would_not_do(self):
        made.opened(kits=3, riders=0)
        with pytest.raises(IntegrityError), transaction.atomic():
            Stock.objects.update(count=-1)
        with pytest.raises(DatabaseError), transaction.atomic():
            Move.objects.update(delta=5)
        with pytest.raises(DatabaseError), transaction.atomic():
            Move.objects.all().delete()
        with pytest.raises(IntegrityError), transaction.atomic():
            first = Move.objects.first()
            assert first is not None
            first.pk, first.key, first.delta = None, "wrong-sign", -3
            first.save()

    def test_only_who_is_in_charge_of_the_place(self):
        row = made.opened(kits=0, riders=0)
        for stranger in (made.rider(), row.second):
            with pytest.raises((NotAllowed, NotFound)):
                put(row, 1, actor=stranger)
        assert lies(row) == 0


class TestEntering:
    def test_once_with_a_code_and_changes_keep_it(self):
        row, who = made.opened(riders=0), made.rider()
        first = services.enter(actor=who, campaign=row.id, place=row.place.public_id, need="family")
        assert first.need_state == "said"
        services.confirm_need(actor=row.clerk, code=first.code, accept=True)
        other = made.point(row.clerk)
        again = services.enter(actor=who, campaign=row.id, place=other.public_id, need="family")
        assert (again.code, again.need_state, again.place_id) == (first.code, "sure", other.pk)
        assert Entry.objects.count() == 1

    def test_refusals(self):
        row, who = made.opened(riders=0), made.rider()
        for wrong in ({"place": "nowhere"}, {"need": "hunger"}):
            with pytest.raises(Invalid):
                services.enter(**{"actor": who, "campaign": row.id, "place": row.place.public_id} | wrong)
        with pytest.raises(errors.NotForYou):
            services.enter(actor=row.clerk, campaign=row.id, place=row.place.public_id)
        with made.later(row, minutes=1), pytest.raises(errors.NotNow):
            services.enter(actor=who, campaign=row.id, place=row.place.public_id)
        with clock.at(clock.now() - timedelta(hours=2)), pytest.raises(errors.TooEarly):
            services.enter(actor=who, campaign=row.id, place=row.place.public_id)
        assert Entry.objects.count() == 0

    def test_newcomers_by_their_date(self):
        row, who = (
            made.opened(
                riders=0, ends_at=clock.now() + timedelta(days=200), collect_until=clock.now() + timedelta(days=300)
            ),
            made.rider(),
        )
        assert (
            services.enter(actor=who, campaign=row.id, place=row.place.public_id, need="newcomer").need_state == "sure"
        )
        with clock.at(clock.now() + timedelta(days=120)), pytest.raises(Invalid):
            services.enter(actor=who, campaign=row.id, place=row.place.public_id, need="newcomer")

    def test_only_for_some_platforms(self):
        people.create_organisation(code="fengli", name="fengli", kind="platform", actor=made.MAKER)
        row = made.opened(riders=0, platforms=("fengli",))
        with pytest.raises(errors.NotForYou):
            services.enter(actor=made.rider("yunpao"), campaign=row.id, place=row.place.public_id)
        services.enter(actor=made.rider("fengli"), campaign=row.id, place=row.place.public_id)
        assert Entry.objects.count() == 1

    def test_nobody_judges_the_own_need_and_no_one_closes_early(self):
        row = made.opened(riders=1)
        entry = Entry.objects.get()
        Entry.objects.update(need="family", need_state="said", person_id=row.clerk.person_id)
        with pytest.raises(Conflict):
            services.confirm_need(actor=row.clerk, code=entry.code, accept=True)
        with pytest.raises(errors.TooEarly):
            services.close_entries(actor=row.clerk, campaign=row.id)
        assert (Entry.objects.get().need_state, row.now().state) == ("said", "open")


class TestDraw:
    def test_the_published_file_proves_what_the_database_did(self):
        row = made.opened(kits=7, riders=14)
        for number, code in enumerate(Entry.objects.order_by("pk").values_list("code", flat=True)):
            need = {0: "night", 1: "newcomer", 2: "family"}.get(number % 5, "")
            Entry.objects.filter(code=code).update(need=need, need_state="sure" if need else "")
        made.frozen(row)
        made.finish(row)
        found = rules.verify("".join(queries.file_lines(row.draw().public_id)).splitlines(keepends=True))
        assert (found.entrants, found.kits, found.won) == (14, 7, 7)
        assert (row.campaign.state, row.campaign.allotted, len(row.gifts())) == ("giving", 7, 7)
        won = set(Ticket.objects.filter(won__in=states.WON).values_list("code", flat=True))
        holders = {gift.person_id for gift in row.gifts()}
        assert set(Entry.objects.filter(code__in=won).values_list("person_id", flat=True)) == holders
        assert Notice.objects.filter(template="gift.won").count() == 7
        assert Notice.objects.filter(template="gift.lost").count() == 7

    def test_batches_and_a_kill_between_them_change_nothing(self, monkeypatch):
        row = made.opened(kits=4, riders=9)
        monkeypatch.setattr("qixia.gifts.services.drawing.BATCH", 2)
        monkeypatch.setattr("qixia.gifts.services.drawing.NUMBERED_AT_ONCE", 4)
        real, calls = services.drawing.turn, []

        def dies(*args, **kwargs):
            real(*args, **kwargs)
            calls.append(1)
            if len(calls) % 2:
                raise RuntimeError("killed before the commit")

        def carried():
            while services.carry_on() or len(calls) % 2:
                pass

        with made.later(row, minutes=1):
            services.close_entries(actor=row.clerk, campaign=row.id)
            monkeypatch.setattr("qixia.gifts.services.drawing.turn", dies)
            carried()
        draw = row.draw()
        with clock.at(draw.source_at + timedelta(minutes=1)):
            monkeypatch.setattr("qixia.gifts.services.drawing.turn", real)
            services.enter_value(actor=row.clerk, draw=draw.public_id, value=made.VALUE)
            services.confirm_value(actor=row.second, draw=draw.public_id, value=made.VALUE)
            monkeypatch.setattr("qixia.gifts.services.drawing.turn", dies)
            carried()
        assert len(calls) > 20
        assert (row.now().state, row.campaign.allotted, len(row.gifts())) == ("giving", 4, 4)
        assert rules.verify("".join(queries.file_lines(draw.public_id)).splitlines(keepends=True)).won == 4
        assert Notice.objects.filter(template__in=("gift.won", "gift.lost")).count() == 9

    def test_the_secret_is_promised_first_and_comes_out_last(self):
        row = made.frozen(made.opened(riders=3))
        draw = row.draw()
        assert (draw.secret, draw.seed) == ("", "")
        promised = AuditEvent.objects.get(action="gifts.promised")
        assert promised.data["commitment"] == draw.commitment
        check = queries.check_of(draw.public_id).check
        assert (check.secret, check.value, check.list_hash) == ("", "", draw.list_hash)
        with pytest.raises(NotFound):
            queries.file_lines(draw.public_id)
        made.finish(row)
        assert rules.commit(row.draw().secret) == promised.data["commitment"]

    def test_two_people_one_value_after_its_time(self):
        row = made.frozen(made.opened(riders=3))
        draw = row.draw().public_id
        with pytest.raises(errors.TooEarly):
            services.enter_value(actor=row.clerk, draw=draw, value=made.VALUE)
        with clock.at(row.draw().source_at + timedelta(minutes=1)):
            with pytest.raises(errors.NotNow):
                services.confirm_value(actor=row.second, draw=draw, value=made.VALUE)
            services.enter_value(actor=row.clerk, draw=draw, value=made.VALUE)
            assert queries.check_of(draw).check.value == ""
            with pytest.raises(errors.TwoPeople):
                services.confirm_value(actor=row.clerk, draw=draw, value=made.VALUE)
            with pytest.raises(errors.ValuesDiffer):
                services.confirm_value(actor=row.second, draw=draw, value="1 2 3 4 5 6 7")
            with pytest.raises(NotFound):
                services.confirm_value(actor=made.rider(), draw=draw, value=made.VALUE)
            assert (row.draw().state, row.draw().seed) == ("valued", "")
            services.confirm_value(actor=row.second, draw=draw, value=f"  {made.VALUE} ")
        assert row.draw().state == "confirmed"
        with pytest.raises(IntegrityError), transaction.atomic():
            Draw.objects.update(confirmed_by=row.clerk.ref)

    def test_second_draw_of_what_nobody_collected_and_nobody_twice(self):
        row = made.drawn(kits=3, riders=8)
        first = {gift.person_id for gift in row.gifts()}
        services.hand_over(actor=row.clerk, text=row.gifts()[0].number, place=row.place.public_id)
        with clock.at(row.campaign.collect_until + timedelta(hours=1)):
            assert services.lapse_due() == 2
            assert row.now().allotted == 1
            now = clock.now()
            about = {"source": "双色球 2026140 期", "source_at": now + timedelta(days=1)}
            services.draw_again(actor=row.clerk, campaign=row.id, collect_until=now + timedelta(days=9), **about)
            made.carried()
        assert (row.draw().number, row.draw().entrants, row.draw().kits) == (2, 5, 2)
        made.finish(row, "03 04 05 06 07 08 09")
        new = {gift.person_id for gift in row.gifts() if gift.draw_id == row.draw().pk}
        assert (len(new), new & first, row.campaign.allotted) == (2, set(), 3)

    def test_a_need_that_was_not_agreed_to_goes_into_the_list_without(self):
        row = made.opened(riders=0)
        who = made.rider()
        entry = services.enter(actor=who, campaign=row.id, place=row.place.public_id, need="family")
        services.confirm_need(actor=row.clerk, code=entry.code, accept=False)
        made.frozen(row)
        assert Ticket.objects.get().need == ""


class TestJoining:
    def test_as_long_as_there_are_kits_and_once_a_person(self):
        row = made.opened(kits=2, way="joining")
        riders = [made.rider() for _ in range(3)]
        given = [len(services.allot_joining(person=who.public_id)) for who in (*riders, riders[0])]
        assert (given, row.now().allotted) == ([1, 1, 0, 0], 2)
        assert Notice.objects.filter(template="gift.joining").count() == 2

    def test_not_for_staff_and_not_after_the_end(self):
        row = made.opened(kits=2, way="joining")
        assert services.allot_joining(person=row.clerk.public_id) == []
        with made.later(row, minutes=1):
            assert services.allot_joining(person=made.rider().public_id) == []
        assert row.now().allotted == 0


class TestHandingOver:
    def test_scanned_once(self):
        row, who, gift = made.joined()
        text = made.shown(gift)
        assert services.check(actor=row.clerk, text=text, place=row.place.public_id).is_signed
        done = services.hand_over(actor=row.clerk, text=text, place=row.place.public_id)
        assert (lies(row), done.is_signed, done.to_deputy) == (1, True, False)
        again = services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
        assert again.pk == done.pk
        other = made.point(row.clerk)
        with pytest.raises(errors.GiftRefused) as refused:
            services.hand_over(actor=row.clerk, text=text, place=other.public_id)
        assert (refused.value.reason, HandOver.objects.count(), lies(row)) == ("handed", 1, 1)
        assert Notice.objects.filter(person_id=who.person_id, template="gift.handed").count() == 1

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("QX2.abc", "forged"),
            ("https://example.org/1234567890", "forged"),
            ("123", "unknown"),
            ("407188235", "unknown"),
        ],
    )
    def test_what_is_no_code(self, text, reason):
        row, _who, _gift = made.joined()
        with pytest.raises(errors.GiftRefused) as refused:
            services.hand_over(actor=row.clerk, text=text, place=row.place.public_id)
        assert (refused.value.reason, HandOver.objects.count()) == (reason, 0)

    def test_a_code_of_yesterday_and_one_of_another_purpose(self):
        row, _who, gift = made.joined()
        text = made.shown(gift)
        facts = vouchers.Facts(gift.public_id, gift.number, 0, "gift", int(gift.until.timestamp()))
        voucher = vouchers.issue(facts, vouchers.CodesPolicy()).text(clock.now())
        for code, minutes, reason in ((text, 3, "over"), (voucher, 0, "forged")):
            with clock.at(clock.now() + timedelta(minutes=minutes)), pytest.raises(errors.GiftRefused) as refused:
                services.hand_over(actor=row.clerk, text=code, place=row.place.public_id)
            assert refused.value.reason == reason
        assert Allotment.objects.get().state == "open"

    def test_a_place_without_kits_hands_over_none(self):
        row, _who, gift = made.joined()
        empty = made.point(row.clerk)
        for act in (services.check, services.hand_over):
            with pytest.raises(errors.GiftRefused) as refused:
                act(actor=row.clerk, text=gift.number, place=empty.public_id)
            assert refused.value.reason == "empty"
        assert (Allotment.objects.get().state, HandOver.objects.count()) == ("open", 0)

    def test_volunteers_at_their_place_only_and_strangers_nowhere(self):
        row, who, gift = made.joined()
        helper = made.rider()
        with pytest.raises(NotFound):
            services.hand_over(actor=helper, text=gift.number, place=row.place.public_id)
        phone = f"139{int(helper.display_name[1:]):08d}"
        named = services.add_helper(actor=row.clerk, place=row.place.public_id, phone=phone)
        with pytest.raises(NotFound):
            services.hand_over(actor=helper, text=gift.number, place=made.point(row.clerk).public_id)
        services.end_helper(actor=row.clerk, helper=named.public_id)
        with pytest.raises(NotFound):
            services.hand_over(actor=helper, text=gift.number, place=row.place.public_id)
        services.add_helper(actor=row.clerk, place=row.place.public_id, phone=phone)
        assert services.hand_over(actor=helper, text=gift.number, place=row.place.public_id).by == helper.ref
        assert who.person_id == Allotment.objects.get().person_id

    def test_a_deputy_with_consent_for_a_time(self):
        row, who, gift = made.joined()
        with pytest.raises(NotFound):
            services.set_deputy(actor=made.rider(), gift=gift.public_id)
        gift = services.set_deputy(actor=who, gift=gift.public_id)
        number = gift.deputy_number or ""
        assert services.set_deputy(actor=who, gift=gift.public_id).deputy_number == number
        with clock.at(clock.now() + timedelta(hours=49)), pytest.raises(errors.GiftRefused):
            services.hand_over(actor=row.clerk, text=number, place=row.place.public_id)
        services.set_deputy(actor=who, gift=gift.public_id, on=False)
        with pytest.raises(errors.GiftRefused):
            services.hand_over(actor=row.clerk, text=number, place=row.place.public_id)
        number = services.set_deputy(actor=who, gift=gift.public_id).deputy_number or ""
        assert services.hand_over(actor=row.clerk, text=number, place=row.place.public_id).to_deputy
        assert Notice.objects.filter(template="gift.deputy").count() == 1

    def test_undone_within_a_day_by_a_supervisor_with_a_reason(self):
        row, _who, gift = made.joined()
        done = services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
        about = {"hand_over": done.public_id, "reason": "扫错了人"}
        with pytest.raises(NotAllowed):
            services.undo(actor=row.clerk, **about)
        with pytest.raises(Invalid):
            services.undo(actor=row.second, **about | {"reason": ""})
        with clock.at(clock.now() + timedelta(hours=25)), pytest.raises(Conflict):
            services.undo(actor=row.second, **about)
        assert (lies(row), Allotment.objects.get().state) == (1, "handed")
        services.undo(actor=row.second, **about)
        assert (lies(row), Allotment.objects.get().state) == (2, "open")
        with pytest.raises(Conflict):
            services.undo(actor=row.second, **about)
        services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
        assert (lies(row), HandOver.objects.count(), row.now().allotted) == (1, 2, 1)

    def test_lapsed_is_not_handed_over_and_goes_back(self):
        row, _who, gift = made.joined()
        with clock.at(row.campaign.collect_until + timedelta(minutes=1)):
            with pytest.raises(errors.GiftRefused) as refused:
                services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
            assert refused.value.reason == "lapsed"
            assert (services.lapse_due(), services.lapse_due()) == (1, 0)
        assert (row.now().allotted, Allotment.objects.get().state, lies(row)) == (0, "lapsed", 2)


class TestEnds:
    def test_every_step_only_from_its_states(self):
        row = made.opened(kits=1, riders=1)
        acts = {
            "open_campaign": lambda: services.open_campaign(actor=row.clerk, campaign=row.id),
            "enter": lambda: services.enter(actor=row.riders[0], campaign=row.id, place=row.place.public_id),
            "withdraw": lambda: services.withdraw(actor=row.riders[0], campaign=row.id),
            "close_entries": lambda: services.close_entries(actor=row.clerk, campaign=row.id),
            "end_campaign": lambda: services.end_campaign(actor=row.clerk, campaign=row.id),
        }
        for step, act in acts.items():
            for state in set(states.STATES) - set(states.STEPS[step]):
                Campaign.objects.update(state=state)
                with pytest.raises(DomainError):
                    act()
                assert row.now().state == state

    def test_not_while_somebody_may_still_collect(self):
        row = made.drawn(kits=1, riders=1)
        with pytest.raises(Conflict):
            services.end_campaign(actor=row.clerk, campaign=row.id)
        services.hand_over(actor=row.clerk, text=row.gifts()[0].number, place=row.place.public_id)
        services.end_campaign(actor=row.clerk, campaign=row.id)
        assert row.now().state == "ended"

    def test_an_erased_person_is_in_no_row(self):
        row = made.drawn(kits=2, riders=3)
        who = next(one for one in row.riders if one.person_id == row.gifts()[0].person_id)
        services.forget_person(person=who.public_id)
        services.forget_person(person=who.public_id)
        assert not Allotment.objects.filter(person_id=who.person_id).exists()
        assert not Entry.objects.filter(person_id=who.person_id).exists()
        assert (row.now().allotted, row.gifts()[0].state) == (1, "lapsed")
        assert rules.verify("".join(queries.file_lines(row.draw().public_id)).splitlines(keepends=True)).won == 2

    def test_retention_takes_people_and_leaves_sums(self):
        row = made.drawn(kits=1, riders=2)
        services.hand_over(actor=row.clerk, text=row.gifts()[0].number, place=row.place.public_id)
        long_after = row.campaign.collect_until + timedelta(days=1)
        early = row.campaign.collect_until - timedelta(days=1)
        assert (purge_entries(early, 10), purge_gifts(early, 10)) == (0, 0)  # not over yet
        assert (purge_entries(long_after, 10), purge_gifts(long_after, 10)) == (2, 1)
        assert (Entry.objects.count(), Allotment.objects.count(), HandOver.objects.count()) == (0, 0, 0)
        assert Move.objects.filter(kind="given").count() == 1

    def test_own_data(self):
        row, who, gift = made.joined()
        services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
        found = export_of(who)["gifts"]
        assert (found[0]["campaign"], found[0]["handed_over"]["place"]) == (row.campaign.title, row.place.name)
        assert export_of(made.rider()) == {"entries": [], "gifts": []}

    def test_the_policy_may_share_by_platform(self):
        data = current("gifts.sharing").data.model_dump(mode="json")
        publish("gifts.sharing", data | {"lanes": {"by": "platform", "percent": 70}}, note="试", actor_ref=made.MAKER)
        row = made.opened(riders=0)
        for platform in ("yunpao", "fengli", "yunpao"):
            services.enter(actor=made.rider(platform), campaign=row.id, place=row.place.public_id)
        made.frozen(row)
        assert sorted(row.draw().lanes.values()) == ["fengli", "yunpao"]

    def test_no_person_beside_a_ticket(self):
        columns = {
            column.name
            for column in connection.introspection.get_table_description(connection.cursor(), "gifts_ticket")
        }
        assert columns == {"id", "draw_id", "code", "need", "lane", "number", "won"}
