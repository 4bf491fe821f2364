"""How the services of gifts are called."""

from datetime import timedelta

from qixia.gifts import services
from qixia.gifts.models import Entry
from qixia.gifts.rules.forms import PlaceForm
from qixia.gifts.tests import builders as made
from qixia.kernel import clock
from qixia.people.queries import display_name_of
from tests.examples import example, exempt

exempt("gifts.services.check", "looks at a code and changes nothing")


@example("gifts.services.draft_campaign")
def write_a_campaign_down() -> None:
    made.prepared()
    row = made.drafted(made.staff())
    assert row.state == "draft"


@example("gifts.services.open_campaign")
def let_riders_in() -> None:
    made.prepared()
    clerk = made.staff()
    row = made.drafted(clerk)
    services.open_campaign(
        actor=clerk, campaign=row.public_id, source="双色球 2026135 期", source_at=row.ends_at + timedelta(hours=3)
    )


@example("gifts.services.end_campaign")
def end_a_campaign() -> None:
    made.prepared()
    clerk = made.staff()
    services.end_campaign(actor=clerk, campaign=made.drafted(clerk).public_id)


@example("gifts.services.register_donor")
def note_who_gives() -> None:
    made.prepared()
    services.register_donor(actor=made.staff(), name="暖阳公司", thanks="谢谢")


@example("gifts.services.record_donation")
def write_a_donation_down() -> None:
    made.prepared()
    clerk = made.staff()
    made.donated(clerk, made.drafted(clerk), 100)


@example("gifts.services.set_place")
def add_a_place() -> None:
    made.prepared()
    clerk = made.staff()
    form = PlaceForm("东西路驿站", "station", f"office-{made.COMMUNITY}", "东西路 2 号", *made.HERE, "每天 9:00-18:00")
    services.set_place(actor=clerk, form=form)


@example("gifts.services.add_helper")
def name_a_volunteer() -> None:
    made.prepared()
    clerk, who = made.staff(), made.rider()
    place = made.point(clerk)
    phone = f"139{int(display_name_of(who.person_id or 0)[1:]):08d}"
    services.add_helper(actor=clerk, place=place.public_id, phone=phone)


@example("gifts.services.end_helper")
def thank_a_volunteer() -> None:
    made.prepared()
    clerk, who = made.staff(), made.rider()
    place = made.point(clerk)
    phone = f"139{int(display_name_of(who.person_id or 0)[1:]):08d}"
    helper = services.add_helper(actor=clerk, place=place.public_id, phone=phone)
    services.end_helper(actor=clerk, helper=helper.public_id)


@example("gifts.services.receive")
def kits_have_come() -> None:
    made.prepared()
    row = made.opened(kits=0, riders=0)
    services.receive(
        actor=row.clerk, donation=row.donation.public_id, place=row.place.public_id, count=1, key="form-0001"
    )


@example("gifts.services.move")
def bring_kits_elsewhere() -> None:
    made.prepared()
    row = made.opened(riders=0)
    other = made.point(row.clerk)
    services.move(
        actor=row.clerk,
        donation=row.donation.public_id,
        place=row.place.public_id,
        to=other.public_id,
        count=2,
        key="form-0001",
    )


@example("gifts.services.write_off")
def some_are_broken() -> None:
    made.prepared()
    row = made.opened(riders=0)
    services.write_off(
        actor=row.clerk,
        donation=row.donation.public_id,
        place=row.place.public_id,
        count=1,
        kind="broken",
        key="form-0001",
        note="箱子压坏",
    )


@example("gifts.services.enter")
def enter_a_draw() -> None:
    made.prepared()
    row = made.opened(riders=0)
    entry = services.enter(actor=made.rider(), campaign=row.id, place=row.place.public_id, need="night")
    assert len(entry.code) == 12


@example("gifts.services.withdraw")
def leave_a_draw() -> None:
    made.prepared()
    row = made.opened(riders=1)
    services.withdraw(actor=row.riders[0], campaign=row.id)


@example("gifts.services.confirm_need")
def agree_to_a_need() -> None:
    made.prepared()
    row = made.opened(riders=0)
    entry = services.enter(actor=made.rider(), campaign=row.id, place=row.place.public_id, need="family")
    services.confirm_need(actor=row.clerk, code=entry.code, accept=True)
    assert Entry.objects.get().need_state == "sure"


@example("gifts.services.close_entries")
def close_the_list() -> None:
    made.prepared()
    row = made.opened(riders=2)
    with made.later(row, minutes=1):
        services.close_entries(actor=row.clerk, campaign=row.id)


@example("gifts.services.close_due")
def close_what_is_due() -> None:
    made.prepared()
    row = made.opened(riders=2)
    with made.later(row, minutes=1):
        assert services.close_due() == 1


@example("gifts.services.enter_value")
def enter_the_public_value() -> None:
    made.prepared()
    row = made.frozen(made.opened(riders=2))
    with made.later(row, hours=3):
        services.enter_value(actor=row.clerk, draw=row.draw().public_id, value=made.VALUE)


@example("gifts.services.confirm_value")
def enter_it_again() -> None:
    made.prepared()
    row = made.frozen(made.opened(riders=2))
    with made.later(row, hours=3):
        services.enter_value(actor=row.clerk, draw=row.draw().public_id, value=made.VALUE)
        services.confirm_value(actor=row.second, draw=row.draw().public_id, value=made.VALUE)


@example("gifts.services.carry_on")
def number_choose_allot_and_tell() -> None:
    made.prepared()
    row = made.opened(kits=1, riders=2)
    with made.later(row, minutes=1):
        services.close_entries(actor=row.clerk, campaign=row.id)
        while services.carry_on():
            pass
    assert row.draw().state == "frozen"


@example("gifts.services.draw_again")
def draw_what_was_not_collected() -> None:
    made.prepared()
    row = made.drawn(kits=2, riders=4)
    with clock.at(row.campaign.collect_until + timedelta(hours=1)):
        services.lapse_due()
        now = clock.now()
        services.draw_again(
            actor=row.clerk,
            campaign=row.id,
            source="双色球 2026140 期",
            source_at=now + timedelta(days=1),
            collect_until=now + timedelta(days=9),
        )


@example("gifts.services.allot_joining")
def a_gift_for_who_joins() -> None:
    made.prepared()
    row = made.opened(way="joining")
    who = made.rider()
    (gift,) = services.allot_joining(person=who.public_id)
    assert (gift.campaign_id, gift.why) == (row.campaign.pk, "joining")


@example("gifts.services.hand_over")
def hand_a_kit_over() -> None:
    made.prepared()
    row, _who, gift = made.joined()
    services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)


@example("gifts.services.set_deputy")
def let_a_friend_collect() -> None:
    made.prepared()
    row, who, gift = made.joined()
    gift = services.set_deputy(actor=who, gift=gift.public_id)
    done = services.hand_over(actor=row.clerk, text=gift.deputy_number or "", place=row.place.public_id)
    assert done.to_deputy


@example("gifts.services.undo")
def take_a_hand_over_back() -> None:
    made.prepared()
    row, _who, gift = made.joined()
    done = services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
    services.undo(actor=row.second, hand_over=done.public_id, reason="扫错了人")


@example("gifts.services.lapse_due")
def what_nobody_collects_goes_back() -> None:
    made.prepared()
    row, _who, _gift = made.joined()
    with clock.at(row.campaign.collect_until + timedelta(minutes=1)):
        assert services.lapse_due() == 1


@example("gifts.services.remind")
def remind_before_it_ends() -> None:
    made.prepared()
    row, _who, _gift = made.joined()
    with clock.at(row.campaign.collect_until - timedelta(days=1)):
        assert services.remind() == 1


@example("gifts.services.forget_person")
def forget_somebody() -> None:
    made.prepared()
    _row, who, _gift = made.joined()
    services.forget_person(person=who.public_id)


@example("gifts.services.promise_anew")
def replace_a_value_that_never_came() -> None:
    made.prepared()
    row = made.frozen(made.opened(riders=2))
    with made.later(row, days=2):
        now = clock.now()
        services.promise_anew(
            actor=row.clerk,
            campaign=row.id,
            source="双色球 2026140 期",
            source_at=now + timedelta(days=1),
            collect_until=now + timedelta(days=9),
            reason="那一期取消了",
        )


@example("gifts.services.end_due")
def end_what_is_long_over() -> None:
    made.prepared()
    row = made.opened(way="joining")
    with clock.at(row.campaign.collect_until + timedelta(days=31)):
        assert services.end_due() == 1


@example("gifts.services.allot_earlier")
def a_gift_for_who_joined_before() -> None:
    made.prepared()
    who = made.rider()
    row = made.opened(way="joining", reach="all")
    while services.allot_earlier():
        pass
    assert [gift.person_id for gift in row.gifts()] == [who.person_id]


@example("gifts.services.correct")
def say_what_a_count_found() -> None:
    made.prepared()
    row = made.opened(kits=3, way="joining")
    about = {"actor": row.clerk, "donation": row.donation.public_id, "place": row.place.public_id}
    services.correct(**about, lies=3, counted=2, key=made.new_key(), reason="盘点少一份")


@example("gifts.services.bring_in")
def bring_a_list_in() -> None:
    made.prepared()
    row = made.opened(kits=1, way="joining")
    services.bring_in(actor=row.clerk, campaign=row.id, kind="received", file=made.slips(row, ("SH-1", 1)))


@example("gifts.services.note_paper")
def note_what_is_good() -> None:
    made.prepared()
    row = made.opened(kits=0, way="joining")
    found = services.bring_in(actor=row.clerk, campaign=row.id, kind="received", file=made.slips(row, ("SH-1", 1)))
    assert services.note_paper(actor=row.clerk, campaign=row.id, paper=found.public_id, good=1) == 1


@example("gifts.services.drop_paper")
def throw_a_list_away() -> None:
    made.prepared()
    row = made.opened(kits=1, way="joining")
    found = services.bring_in(actor=row.clerk, campaign=row.id, kind="received", file=made.slips(row, ("SH-1", 1)))
    services.drop_paper(actor=row.clerk, campaign=row.id, paper=found.public_id)
