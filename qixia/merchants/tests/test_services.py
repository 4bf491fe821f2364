"""The life of a merchant, cell by cell; who may do what; bad input; perks; ratings; alliances."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import connection

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from qixia.merchants import errors, queries, retention, rules, sealing, services, states
from qixia.merchants.models import Agreement, Membership, Merchant, Paper, Perk, Rating, Suspension
from qixia.merchants.tests import builders as made
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.rewards.tests.conftest import publish_table

pytestmark = pytest.mark.usefixtures("ground")

TODAY = date(2026, 11, 20)
TWENTY = rules.PerkForm(kind="percent", title="全场八折", percent_off=20, starts_on=TODAY)


class Town:
    """One shop on its way, with its keeper and the clerk."""

    def __init__(self) -> None:
        self.clerk = made.clerk()
        self.keeper, self.row = made.applied("repair")
        self.paper = ""
        self.perk = services.set_perk(actor=self.keeper, merchant=self.id, form=TWENTY).public_id
        self.alliance = services.found_alliance(actor=self.clerk, division=made.COMMUNITY, name="联盟").public_id

    @property
    def id(self) -> str:
        return self.row.public_id

    def state(self) -> str:
        return Merchant.objects.get(pk=self.row.pk).state

    def act(self, step: str) -> None:
        clerk, keeper = {"actor": self.clerk, "merchant": self.id}, {"actor": self.keeper, "merchant": self.id}
        version = current("merchants.agreement").version
        {
            "apply": self.apply,
            "hand_in_paper": self.hand_in,
            "check_paper": lambda: services.check_paper(
                actor=self.clerk, paper=self.waiting(), accept=False, reason="看不清"
            ),
            "accept_last_paper": lambda: services.check_paper(actor=self.clerk, paper=self.waiting(), accept=True),
            "agree": lambda: services.agree(**keeper, version=version),
            "admit": lambda: services.admit(**clerk),
            "refuse": lambda: services.refuse(**clerk, reason="不是这家店"),
            "suspend": lambda: services.suspend(**clerk, reason="没有兑现"),
            "resume": lambda: services.resume(**clerk),
            "leave": lambda: services.leave(**keeper),
            "set_hours": lambda: services.set_hours(**keeper, opening="每天 9:00-18:00"),
            "set_phone": lambda: services.set_phone(**keeper, phone="0595 2212 3456"),
            "set_perk": lambda: services.set_perk(**keeper, form=replace(TWENTY, title="又一个")),
            "end_perk": lambda: services.end_perk(actor=self.keeper, perk=self.perk),
            "join_alliance": lambda: services.join_alliance(actor=self.clerk, alliance=self.alliance, merchant=self.id),
        }[step]()

    def apply(self) -> None:
        services.apply(
            actor=self.keeper,
            organisation_id=self.row.organisation_id,
            kind="repair",
            address="东西路 9 号",
            lat=made.HERE[0],
            lng=made.HERE[1],
            opening=made.ALWAYS,
        )

    def hand_in(self) -> None:
        services.hand_in_paper(actor=self.keeper, merchant=self.id, kind="licence", photo=made.photo())

    def waiting(self) -> str:
        """A paper that waits, in whatever state the shop is."""
        found = Paper.objects.filter(merchant=self.row, state=states.HANDED_IN).first()
        if found is None:
            other = made.handed_in(*made.applied("repair"))[0]
            Paper.objects.filter(pk=other.pk).update(merchant=self.row)
            found = other
        return found.public_id

    def bring(self, state: str) -> None:
        way = {
            "applied": [],
            "papers_in": ["hand_in_paper"],
            "checked": ["hand_in_paper", "accept_last_paper"],
            "refused": ["refuse"],
            "left": ["leave"],
        }
        way["active"] = [*way["checked"], "agree", "admit"]
        way["suspended"] = [*way["active"], "suspend"]
        for step in way[state]:
            self.act(step)
        assert self.state() == state


# Rating has its own tests below; a paper that completes the papers is a case of check_paper.
_STEPS = [step for step in states.STEPS if step not in ("rate", "find_complete")]
# Asked again for what is so already, the answer is yes and nothing changes.
_SAME = {("admit", "active"), ("resume", "active"), ("leave", "left"), ("refuse", "refused"), ("suspend", "suspended")}


@pytest.mark.parametrize("state", states.STATES)
def test_every_step_in_this_state(state):
    for step in _STEPS:
        town = Town()
        town.bring(state)
        if step == "check_paper":
            town.waiting()
        if step == "admit" and state == "checked":
            town.act("agree")
        before = AuditEvent.objects.count()
        if states.may(step, state):
            town.act(step)
            assert town.state() == states.after(step, state), step
            is_new = (step, state) not in {("agree", "active"), ("agree", "suspended")}  # members agreed before
            assert (AuditEvent.objects.count() > before) == is_new, step
            continue
        if (step, state) in _SAME:
            town.act(step)
        elif step == "apply":
            with pytest.raises(Conflict):
                town.act(step)
        else:
            with pytest.raises(DomainError) as refused:
                town.act(step)
            assert isinstance(refused.value, errors.NotNow), (step, refused.value)
        assert (town.state(), AuditEvent.objects.count()) == (state, before), step


def test_the_last_paper_that_was_needed_makes_it_checked():
    judge = made.clerk()
    who, row = made.applied("pharmacy")
    first, second = made.handed_in(who, row)
    assert services.check_paper(actor=judge, paper=first.public_id, accept=True).state == "papers_in"
    ends = clock.city_date(clock.now()) + timedelta(days=90)
    assert services.check_paper(actor=judge, paper=second.public_id, accept=True, valid_until=ends).state == "checked"
    events = AuditEvent.objects.count()
    services.check_paper(actor=judge, paper=second.public_id, accept=True)
    assert AuditEvent.objects.count() == events, "the same verdict again is none"
    with pytest.raises(Conflict):
        services.check_paper(actor=judge, paper=second.public_id, accept=False, reason="看错了")
    with clock.at(clock.now() + timedelta(days=91)):
        services.agree(actor=who, merchant=row.public_id, version=1)
        with pytest.raises(errors.PapersMissing):
            services.admit(actor=judge, merchant=row.public_id)
    assert Merchant.objects.get().state == "checked"


def test_what_is_missing_is_named_before_anybody_is_let_in():
    judge = made.clerk()
    who, row = made.applied("repair", opening="")
    for paper in made.handed_in(who, row):
        services.check_paper(actor=judge, paper=paper.public_id, accept=True)
    with pytest.raises(errors.NotAgreed):
        services.admit(actor=judge, merchant=row.public_id)
    services.agree(actor=who, merchant=row.public_id, version=1)
    with pytest.raises(errors.NoHours):
        services.admit(actor=judge, merchant=row.public_id)
    services.set_hours(actor=who, merchant=row.public_id, opening="周一至周五 8:00-20:00")
    text = current("merchants.agreement").data.model_dump(mode="json")
    publish("merchants.agreement", text | {"title": "新的约定"}, note="试", actor_ref=made.MAKER)
    with pytest.raises(errors.NotAgreed):
        services.admit(actor=judge, merchant=row.public_id)
    with pytest.raises(Conflict):
        services.agree(actor=who, merchant=row.public_id, version=1)
    services.agree(actor=who, merchant=row.public_id, version=2)
    services.admit(actor=judge, merchant=row.public_id)
    assert list(Agreement.objects.values_list("version", flat=True)) == [1, 2]


class TestWho:
    def test_nobody_else_keeps_it(self):
        _who, row = made.applied()
        stranger = made.keeper(made.shop())
        for act in (
            lambda: services.set_hours(actor=stranger, merchant=row.public_id, opening="24/7"),
            lambda: services.leave(actor=stranger, merchant=row.public_id),
            lambda: services.set_perk(actor=stranger, merchant=row.public_id, form=TWENTY),
            lambda: services.agree(actor=made.clerk(), merchant=row.public_id, version=1),
            lambda: services.hand_in_paper(
                actor=made.rider(), merchant=row.public_id, kind="licence", photo=made.photo()
            ),
        ):
            with pytest.raises(NotFound):
                act()
        assert (Merchant.objects.get().state, Perk.objects.count(), Agreement.objects.count()) == ("applied", 0, 0)

    def test_a_keeper_decides_nothing_about_his_own_shop(self):
        who, row = made.applied("repair")
        (paper,) = made.handed_in(who, row)
        with pytest.raises(NotFound):
            services.check_paper(actor=who, paper=paper.public_id, accept=True)
        office = made.clerk()
        from_both = replace(office, grants=(*office.grants, *who.grants), roles=office.roles | who.roles)
        with pytest.raises(errors.OwnShop):
            services.check_paper(actor=from_both, paper=paper.public_id, accept=True)
        assert Paper.objects.get().state == "handed_in"

    def test_nobody_applies_for_anothers_shop(self):
        place, other = made.shop(), made.keeper(made.shop())
        said = {"kind": "canteen", "address": "东西路 8 号", "lat": made.HERE[0], "lng": made.HERE[1]}
        with pytest.raises(NotAllowed):
            services.apply(actor=other, organisation_id=place.pk, **said)
        assert Merchant.objects.count() == 0
        assert services.apply(actor=made.clerk(), organisation_id=place.pk, **said).division.code == made.COMMUNITY


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("kind", {"kind": "castle"}),
        ("address", {"address": " "}),
        ("address", {"address": "路" * 121}),
        ("hours", {"opening": "有空就开"}),
        ("place", {"lat": 0.0, "lng": 0.0}),
        ("phone", {"phone": "12345"}),
    ],
)
def test_bad_input_of_an_application_is_named(field, changes):
    place = made.shop()
    said = {"kind": "canteen", "address": "东西路 8 号", "lat": made.HERE[0], "lng": made.HERE[1]} | changes
    with pytest.raises(DomainError) as refused:
        services.apply(actor=made.keeper(place), organisation_id=place.pk, **said)
    assert (refused.value.field, Merchant.objects.count()) == (field, 0)


def test_what_was_handed_in_badly_changes_nothing():
    judge = made.clerk()
    who, row = made.applied("repair")
    with pytest.raises(Invalid, match="证照"):
        services.hand_in_paper(actor=who, merchant=row.public_id, kind="diploma", photo=made.photo())
    assert Merchant.objects.get().state == "applied"
    (paper,) = made.handed_in(who, row)
    with pytest.raises(Invalid) as refused:
        services.check_paper(actor=judge, paper=paper.public_id, accept=False)
    assert refused.value.field == "reason"
    with pytest.raises(Invalid) as refused:
        services.check_paper(actor=judge, paper=paper.public_id, accept=True, valid_until=date(2020, 1, 1))
    assert refused.value.field == "valid_until"
    assert Paper.objects.get().state == "handed_in"
    made.handed_in(who, row)
    assert sorted(Paper.objects.values_list("state", flat=True)) == ["handed_in", "replaced"]


class TestPerks:
    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("kind", {"kind": "magic"}),
            ("title", {"title": "八"}),
            ("percent_off", {"percent_off": None}),
            ("percent_off", {"percent_off": 0}),
            ("percent_off", {"percent_off": 100}),
            ("price_fen", {"price_fen": 800}),
            ("price_fen", {"kind": "price", "percent_off": None}),
            ("usual_fen", {"kind": "price", "percent_off": None, "price_fen": 800, "usual_fen": 800}),
            ("ends_on", {"ends_on": TODAY - timedelta(days=1)}),
            ("conditions", {"conditions": "x" * 201}),
            ("show", {"show": "x" * 61}),
        ],
    )
    def test_what_no_till_could_charge_is_named(self, field, changes):
        with pytest.raises(Invalid) as refused:
            rules.check_perk(replace(TWENTY, **changes))
        assert refused.value.field == field

    def test_twice_is_once_and_ended_is_ended(self):
        who, row = made.applied()
        first = services.set_perk(actor=who, merchant=row.public_id, form=TWENTY)
        assert services.set_perk(actor=who, merchant=row.public_id, form=TWENTY).pk == first.pk
        services.end_perk(actor=who, perk=first.public_id)
        events = AuditEvent.objects.count()
        services.end_perk(actor=who, perk=first.public_id)
        assert AuditEvent.objects.count() == events
        assert services.set_perk(actor=who, merchant=row.public_id, form=TWENTY).pk != first.pk

    def test_twenty_percent_off(self):
        assert rules.after_percent(3500, 20) == 2800
        assert rules.after_percent(999, 20) == 799, "half a fen falls in the rider's favour"


class TestRating:
    @pytest.fixture
    def visit(self):
        publish_table()
        judge = made.clerk()
        seller, row = made.admitted(judge)
        rider = made.rider()
        return judge, seller, row, rider, made.used_voucher(rider, seller, row)

    def test_one_a_use_and_only_ones_own(self, visit):
        judge, seller, row, rider, voucher = visit
        say = {"merchant": row.public_id, "voucher": voucher.public_id}
        with pytest.raises(errors.NothingUsed):
            services.rate(actor=made.rider(), **say, stars=1)
        with pytest.raises(errors.OwnShop):
            services.rate(actor=seller, **say, stars=5)
        for stars in (0, 6):
            with pytest.raises(Invalid):
                services.rate(actor=rider, **say, stars=stars)
        assert Rating.objects.count() == 0
        services.rate(actor=rider, **say, stars=4, words="汤是凉的")
        services.rate(actor=rider, **say, stars=1)
        assert list(Rating.objects.values_list("stars", flat=True)) == [4]
        assert sealing.open_words(Rating.objects.get().sealed_words) == "汤是凉的"
        services.suspend(actor=judge, merchant=row.public_id, reason="停业整改")
        services.leave(actor=seller, merchant=row.public_id)
        with pytest.raises(NotFound):
            services.rate(actor=rider, **say, stars=5)

    def test_after_its_time_it_is_too_late(self, visit):
        _judge, _seller, row, rider, voucher = visit
        with clock.at(clock.now() + timedelta(days=31)), pytest.raises(errors.NothingUsed):
            services.rate(actor=rider, merchant=row.public_id, voucher=voucher.public_id, stars=5)

    def test_neither_rows_nor_history_say_whose_it_was(self, visit):
        _judge, _seller, row, rider, voucher = visit
        services.rate(actor=rider, merchant=row.public_id, voucher=voucher.public_id, stars=2, words="等了很久")
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM merchants_rating")
            shown = str(cursor.fetchall())
            cursor.execute(
                "SELECT actor, subject, request_id, data FROM audit_auditevent WHERE action = 'merchants.rated'"
            )
            shown += str(cursor.fetchall())
        assert "merchant:" in shown
        for secret in (rider.public_id, voucher.public_id, voucher.number, "等了很久"):
            assert secret not in shown

    def test_sums_come_out_in_groups_of_five(self):
        (row,) = made.members(1, "canteen")
        month = clock.city_date(clock.now())
        for number in range(4):
            row.ratings.create(use=f"u{number}", stars=5, month=month)
        assert services.count_ratings() == 0
        row.ratings.create(use="u4", stars=1, month=month)
        assert services.count_ratings() == 1
        row.ratings.create(use="u5", stars=1, month=month)
        assert services.count_ratings() == 0, "the sixth alone would be told by the difference"
        row.refresh_from_db()
        assert (row.stars_count, row.stars_sum) == (5, 21)

    def test_what_retention_takes_away_uncovers_no_new_rating(self):
        judge = made.clerk()
        (row,) = made.members(1, "canteen")
        for number in range(10):
            month = date(2024, 1, 1) if number < 4 else date(2026, 10, 1)
            row.ratings.create(use=f"u{number}", stars=5, month=month, sealed_words=sealing.seal_words("好"))
        services.count_ratings()
        assert retention.purge_ratings(clock.now() - timedelta(days=730), 100) == 4
        row.refresh_from_db()
        assert (row.stars_count, row.stars_sum, queries.stars_of(row)[0]) == (6, 30, (5, 6))
        row.ratings.create(use="new", stars=1, month=date(2026, 11, 1), sealed_words=sealing.seal_words("老板骂我"))
        assert services.count_ratings() == 0
        row.refresh_from_db()
        assert queries.stars_of(row)[-1] == (1, 0)
        assert {words for _stars, words in queries.case(judge, row.public_id).words} == {"好"}

    def test_what_is_left_is_hidden_when_it_is_no_group(self):
        (row,) = made.members(1, "canteen")
        for number in range(5):
            month = date(2024, 1, 1) if number < 2 else date(2026, 10, 1)
            row.ratings.create(use=f"u{number}", stars=4, month=month, sealed_words=sealing.seal_words("好"))
        row.ratings.create(use="unseen", stars=1, month=date(2024, 1, 1))
        services.count_ratings()
        Merchant.objects.update(stars_count=5, stars_sum=20)
        assert retention.purge_ratings(clock.now() - timedelta(days=730), 100) == 3
        row.refresh_from_db()
        assert (row.stars_count, row.stars_sum) == (3, 12), "what nobody saw is in no sum"
        assert (queries.stars_of(row), queries.case(made.clerk(), row.public_id).words) == ([], [])
        assert queries.shop(made.rider(), row.public_id).card.stars == ""

    def test_who_keeps_the_shop_reads_no_words_at_the_desk_either(self):
        judge = made.clerk()
        who, row = made.admitted(judge, "repair")
        for number in range(5):
            row.ratings.create(
                use=f"u{number}", stars=2, month=date(2026, 11, 1), sealed_words=sealing.seal_words("老板骂人")
            )
        services.count_ratings()
        assert len(queries.case(judge, row.public_id).words) == 5
        people.grant_role(
            person_id=who.person_id, role="clerk", organisation_id=judge.grants[0].organisation_id, actor=made.MAKER
        )
        case = queries.case(actor_for(who.person_id), row.public_id)
        assert (case.is_own, case.words) == (True, [])


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", ""),
        ("138 0000 0001", "13800000001"),
        ("+86 13800000001", "13800000001"),
        ("０５９５－２２１２３４５６", "0595-22123456"),
        ("(010) 6512 3456", "010-65123456"),
        ("021-5123456", "021-5123456"),
        ("400 820 8820", "400-820-8820"),
    ],
)
def test_a_shops_phone_is_written_as_it_is_dialled(typed, shown):
    assert rules.shop_phone(typed) == shown


@pytest.mark.parametrize("typed", ["110", "22123456", "1380000000", "0595-221234567", "javascript:1", "1" * 50])
def test_what_nobody_could_dial_is_refused(typed):
    with pytest.raises(Invalid) as refused:
        rules.shop_phone(typed)
    assert refused.value.field == "phone"


class TestSuspension:
    def test_it_ends_after_its_last_day(self):
        judge = made.clerk()
        _who, row = made.admitted(judge)
        today = clock.city_date(clock.now())
        with pytest.raises(Invalid):
            services.suspend(actor=judge, merchant=row.public_id, reason="停业整改", until=today - timedelta(days=1))
        services.suspend(actor=judge, merchant=row.public_id, reason="停业整改", until=today)
        services.suspend(actor=judge, merchant=row.public_id, reason="停业整改", until=today)
        assert Suspension.objects.count() == 1
        assert services.resume_due() == 0
        with clock.at(clock.city_day(today)[1]):
            assert services.resume_due() == 1
        assert Merchant.objects.get().state == "active"
        assert Suspension.objects.get().ended_at is not None


class TestAlliance:
    def test_founded_once_joined_once_left_with_the_shop(self):
        judge = made.clerk()
        who, row = made.admitted(judge)
        found = services.found_alliance(actor=judge, division=made.COMMUNITY, name="小社区联盟")
        assert services.found_alliance(actor=judge, division=made.COMMUNITY, name="小社区联盟").pk == found.pk
        for _twice in range(2):
            services.join_alliance(actor=judge, alliance=found.public_id, merchant=row.public_id)
        assert Membership.objects.count() == 1
        services.leave(actor=who, merchant=row.public_id)
        assert Membership.objects.get().left_at is not None

    def test_only_by_who_is_in_charge_and_only_of_the_place(self):
        judge = made.clerk()
        _who, row = made.admitted(judge)
        with pytest.raises(NotAllowed):
            services.found_alliance(actor=judge, division="990201001", name="街道联盟")
        with pytest.raises(Invalid):
            services.found_alliance(actor=judge, division="nowhere", name="联盟")
        found = services.found_alliance(actor=judge, division=made.COMMUNITY, name="联盟")
        Merchant.objects.filter(pk=row.pk).update(division=None)
        with pytest.raises(NotFound):
            services.join_alliance(actor=judge, alliance=found.public_id, merchant=row.public_id)
        with pytest.raises(NotAllowed):
            services.join_alliance(actor=made.rider(), alliance=found.public_id, merchant=row.public_id)
        assert Membership.objects.count() == 0


def test_the_list_of_ten_is_ten():
    data = current("merchants.life_list").data.model_dump(mode="json")
    assert len(data["services"]) == 10
    for wrong in (data["services"][:9], data["services"] + data["services"][:1], [data["services"][0]] * 10):
        with pytest.raises(Invalid):
            publish("merchants.life_list", {"services": wrong}, note="试", actor_ref=made.MAKER)
    assert current("merchants.life_list").version == 1
