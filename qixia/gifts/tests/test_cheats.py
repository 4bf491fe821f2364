"""What an attacker tried: draws that can be steered, kits that vanish, numbers that are guessed, pages that say too much."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.codes.models import Division
from qixia.gifts import errors, queries, services
from qixia.gifts.models import Allotment, Donor, Guess, Move, Stock
from qixia.gifts.rules import draw as rules
from qixia.gifts.rules import suppressed
from qixia.gifts.tests import builders as made
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid
from qixia.people import services as people
from qixia.people.access import actor_for

pytestmark = pytest.mark.usefixtures("ground")
SOURCE = "双色球 2026140 期"


class TestDraw:
    @pytest.mark.parametrize("when", [{"days": -20}, {"minutes": 59}, {"days": 7}, {"days": 99}])
    def test_a_value_too_early_or_too_late_is_not_promised(self, when):
        clerk = made.staff()
        row = made.drafted(clerk)
        with pytest.raises(Invalid):
            services.open_campaign(
                actor=clerk, campaign=row.public_id, source=SOURCE, source_at=row.ends_at + timedelta(**when)
            )
        row.refresh_from_db()
        assert row.state == "draft"

    def test_whoever_is_drawn_late_has_days_to_collect(self):
        row = made.frozen(made.opened(3, 4))
        with clock.at(row.campaign.collect_until + timedelta(hours=1)):
            about = {"draw": row.draw().public_id, "value": made.VALUE}
            services.enter_value(actor=row.clerk, **about)
            services.confirm_value(actor=row.second, **about)
            made.carried()
            assert {gift.until >= clock.now() + timedelta(days=2) for gift in row.gifts()} == {True}
            assert services.lapse_due() == 0

    def test_terms_are_those_that_were_promised_and_sealed(self):
        row = made.opened(4, 9)
        terms = row.draw().terms
        made.frozen(row)
        assert row.draw().terms == terms
        made.finish(row)
        text = "".join(queries.file_lines(row.draw().public_id))
        assert rules.verify(text.splitlines(keepends=True)).won == 4
        for old, new in (("# kits: 4", "# kits: 3"), ("# lanes: 50", "# lanes: 40")):
            with pytest.raises(rules.BadFile, match="sealed"):
                rules.verify(text.replace(old, new).splitlines(keepends=True))

    def test_a_list_that_is_sealed_too_late_is_void_and_promised_anew(self):
        row = made.opened(2, 4)
        with clock.at(row.draw().source_at + timedelta(minutes=1)):
            services.close_entries(actor=row.clerk, campaign=row.id)
            made.carried()
            assert (row.draw().state, row.now().state) == ("void", "sharing")
            with pytest.raises(errors.NotNow):
                services.enter_value(actor=row.clerk, draw=row.draw().public_id, value=made.VALUE)
            now = clock.now()
            about = {"actor": row.clerk, "campaign": row.id, "source": SOURCE, "collect_until": now + timedelta(days=9)}
            with pytest.raises(Invalid):
                services.promise_anew(**about, source_at=now, reason="封存晚了")
            with pytest.raises(Invalid):
                services.promise_anew(**about, source_at=now + timedelta(days=1), reason="")
            services.promise_anew(**about, source_at=now + timedelta(days=1), reason="封存晚了")
            made.carried()
        assert (row.draw().number, row.draw().state, row.draw().entrants) == (2, "frozen", 4)
        made.finish(row)
        assert len(row.gifts()) == 2
        assert queries.check_of(row.campaign.draws.get(number=1).public_id).check.void_why == "封存晚了"

    def test_no_second_draw_while_people_may_still_collect(self):
        row = made.drawn(3, 2)
        now = clock.now()
        with pytest.raises(errors.TooEarly):
            services.draw_again(
                actor=row.clerk,
                campaign=row.id,
                source=SOURCE,
                source_at=now + timedelta(days=1),
                collect_until=now + timedelta(days=9),
            )
        assert (row.now().state, row.campaign.draws.count()) == ("giving", 1)

    def test_one_draw_that_cannot_go_on_does_not_stop_another(self):
        broken, other = made.opened(1, 2), made.opened(1, 2)
        with made.later(other, minutes=5):
            services.close_due()
            broken.campaign.draws.update(terms={})
            made.carried()
        assert (broken.draw().state, other.draw().state) == ("freezing", "frozen")

    def test_a_need_that_was_turned_down_does_not_come_back(self):
        row = made.opened(1, 0)
        who = made.rider()
        about = {"actor": who, "campaign": row.id, "place": row.place.public_id}
        entry = services.enter(**about, need="family")
        services.confirm_need(actor=row.clerk, code=entry.code, accept=False)
        services.enter(**about, need="")
        assert services.enter(**about, need="family").need_state == "not_sure"


class TestCounter:
    def test_guessing_ends(self):
        row, _who, gift = made.joined()
        for _ in range(10):
            with pytest.raises(errors.GiftRefused):
                services.check(actor=row.clerk, text="407188235", place=row.place.public_id)
        for act in (services.check, services.hand_over):
            with pytest.raises(errors.TooManyGuesses):
                act(actor=row.clerk, text=gift.number, place=row.place.public_id)
        assert (Guess.objects.count(), Allotment.objects.get().state) == (10, "open")
        with clock.at(clock.now() + timedelta(minutes=11)):
            assert services.check(actor=row.clerk, text=gift.number, place=row.place.public_id).gift == gift

    def test_nobody_undoes_the_own_kit(self):
        row, who, gift = made.joined()
        done = services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
        office = row.second.grants[0].organisation_id
        people.grant_role(person_id=who.person_id, role="supervisor", organisation_id=office, actor=made.MAKER)
        with pytest.raises(Conflict):
            services.undo(actor=actor_for(who.person_id), hand_over=done.public_id, reason="点错了")
        assert (Allotment.objects.get().state, Stock.objects.get().count) == ("handed", 1)

    def test_an_undo_after_the_last_day_leaves_a_day_to_come_again(self):
        row, _who, gift = made.joined()
        with clock.at(gift.until - timedelta(hours=1)):
            done = services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
        with clock.at(gift.until + timedelta(hours=2)):
            services.undo(actor=row.second, hand_over=done.public_id, reason="扫错了")
            assert services.lapse_due() == 0
            services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)


class TestKits:
    def test_a_page_sent_again_with_another_number_is_refused(self):
        row = made.opened(kits=0, way="joining")
        row.donation.count = 50
        row.donation.save()
        key = made.new_key()
        about = {"actor": row.clerk, "donation": row.donation.public_id, "place": row.place.public_id, "key": key}
        services.receive(**about, count=5)
        services.receive(**about, count=5)
        with pytest.raises(Conflict):
            services.receive(**about, count=40)
        assert (Stock.objects.get().count, Move.objects.count()) == (5, 1)

    def test_what_is_left_goes_back_when_all_is_over(self):
        row = made.opened(kits=3, way="joining")
        services.end_campaign(actor=row.clerk, campaign=row.id)
        about = {"actor": row.clerk, "donation": row.donation.public_id, "place": row.place.public_id}
        services.write_off(**about, count=3, kind="returned", key=made.new_key(), note="没有发完")
        assert Stock.objects.get().count == 0
        with pytest.raises(errors.NotNow):
            services.receive(**about, count=1, key=made.new_key())

    def test_one_joining_gift_of_a_kind_whoever_gives_it(self):
        one, other = made.opened(9, way="joining"), made.opened(9, way="joining", reach="all")
        who = made.rider()
        assert len(services.allot_joining(person=who.public_id)) == 1
        while services.allot_earlier():
            pass
        assert (len(one.gifts()), len(other.gifts())) == (1, 0)

    def test_a_campaign_ends_by_itself_when_nothing_waits(self):
        row, _who, _gift = made.joined()
        with clock.at(row.campaign.collect_until + timedelta(days=31)):
            assert services.end_due() == 0
            services.lapse_due()
            assert (services.end_due(), services.end_due()) == (1, 0)
        assert row.now().state == "ended"


class TestPages:
    def test_what_is_hidden_does_not_follow_from_the_rest(self):
        row, _who, gift = made.joined(kits=9)
        services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
        (one,) = queries.sheet_of(row.donation.donor.public_id).donations
        assert (one.handed, one.left, one.count, one.waiting) == (None, None, 9, 0)
        assert suppressed([1, 1, 10], 5) == [None, None, None]
        assert suppressed([3, 4, 10], 5) == [None, None, 10]
        assert suppressed([0, 6, 10], 5) == [0, 6, 10]

    def test_others_do_not_write_on_a_donors_page(self):
        row = made.opened(1, 0)
        other = Division.objects.create(code="990201009", name="另一处", level="street", path="9902/990201009/")
        office = people.create_organisation(
            code="elsewhere", name="别处", kind="community", actor=made.MAKER, division_id=other.pk
        )
        stranger = made.person("clerk", office.pk)
        services.register_donor(actor=stranger, name="暖阳公司", thanks="不是好公司")
        assert Donor.objects.get().thanks == "谢谢暖阳公司"
        services.register_donor(actor=row.clerk, name="暖阳公司", thanks="多谢")
        assert Donor.objects.get().thanks == "多谢"

    def test_old_campaigns_do_not_hide_a_new_one(self, monkeypatch):
        monkeypatch.setattr("qixia.gifts.queries.rider._MOST", 2)
        long_ago = clock.now() - timedelta(days=60)
        with clock.at(long_ago):
            for number in range(3):
                made.opened(1, 0, title=f"旧的{number}")
        new = made.opened(1, 0, title="新的")
        assert [one.public_id for one in queries.home(made.rider()).offers] == [new.id]
