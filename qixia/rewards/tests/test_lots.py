"""Points lie in lots by their last day: what ends first is spent first, is told of once, and goes when its day is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qixia.jobs import registry
from qixia.kernel import clock
from qixia.notices.models import Notice
from qixia.policy.services import publish
from qixia.rewards import queries, rules, terms
from qixia.rewards.models import Account, Entry, Lot, Posting
from qixia.rewards.services import award, cancel, compare, expire_lots, rebuild, reserve, reverse, warn_expiring
from qixia.rewards.terms import LotTerms
from qixia.rewards.tests.builders import item, person
from qixia.rewards.tests.conftest import publish_table

pytestmark = pytest.mark.usefixtures("table")
DAY_ONE = datetime(2026, 1, 10, 4, tzinfo=UTC)
FIRST, SECOND = date(2027, 1, 31), date(2027, 3, 31)


def paid(rider, source, at):
    with clock.at(at):
        return award(beneficiary=rider.ref, rule="manhole", source=source, act="x", actor="system:x")


def rider_with_two_lots():
    rider = person()
    paid(rider, "report:1", DAY_ONE)
    paid(rider, "report:2", DAY_ONE + timedelta(days=60))
    return rider


def lots(rider):
    rows = Lot.objects.filter(account__owner_ref=rider.ref, left__gt=0).order_by("expires_on")
    return list(rows.values_list("expires_on", "left"))


def test_terms_by_themselves():
    today = date(2026, 2, 10)
    assert terms.last_day(LotTerms(), today) == date(2027, 2, 28)
    assert terms.last_day(LotTerms(days=10, end_of_month=False), today) == date(2026, 2, 20)
    assert terms.last_day(LotTerms(days=None), today) == terms.NEVER
    assert terms.with_grace(LotTerms(grace_days=14), date(2026, 2, 12), today) == date(2026, 2, 24)
    a, b = date(2026, 1, 1), date(2026, 2, 1)
    assert terms.first_out(7, [(b, 5), (a, 4)]) == [(a, 4), (b, 3)]
    assert terms.last_in(6, [(a, 4), (b, 5)]) == [(a, 1), (b, 5)]
    assert (terms.covered([5, 3, 9], 8), terms.covered([0, 0], 0), terms.covered([9, 1], 5)) == (2, 2, 0)
    quarter = terms.BudgetTerms(period="quarter")
    assert terms.period_of(quarter, date(2026, 5, 3)) == (date(2026, 4, 1), date(2026, 6, 30))
    assert terms.forecast(50, date(2026, 1, 1), date(2026, 1, 10), date(2026, 1, 5)) == 100
    assert terms.warning_due(80, 100, 0, (80, 100)) == 80
    assert terms.warning_due(80, 100, 80, (80, 100)) == 0
    assert terms.warning_due(0, 0, 80, (80, 100)) == 100


def test_an_award_lies_in_the_lot_of_its_last_day_and_spending_takes_what_ends_first():
    rider = rider_with_two_lots()
    assert lots(rider) == [(FIRST, 15), (SECOND, 15)]
    with clock.at(DAY_ONE + timedelta(days=61)):
        reserve(actor=rider, item=item(price=20).public_id, client_key="client-key-1")
    assert lots(rider) == [(SECOND, 10)]
    taken = Entry.objects.filter(posting__kind=rules.SPEND, account__kind=rules.AVAILABLE).order_by("id")
    assert list(taken.values_list("expires_on", "amount")) == [(FIRST, -15), (SECOND, -5)]
    assert compare().is_sound


def test_a_returned_voucher_goes_back_into_its_lots():
    rider = rider_with_two_lots()
    with clock.at(DAY_ONE + timedelta(days=61)):
        made = reserve(actor=rider, item=item(price=20).public_id, client_key="client-key-1")
        cancel(actor=rider, voucher=made.public_id)
    assert lots(rider) == [(FIRST, 15), (SECOND, 15)]


def test_what_comes_back_late_gets_some_days_of_grace():
    rider = person()
    paid(rider, "report:1", DAY_ONE)
    late = datetime(2027, 1, 30, 4, tzinfo=UTC)
    with clock.at(late):
        made = reserve(actor=rider, item=item(price=15, valid_days=30).public_id, client_key="client-key-1")
    with clock.at(late + timedelta(days=10)):
        expire_lots()
        cancel(actor=rider, voucher=made.public_id)
    assert lots(rider) == [(date(2027, 2, 23), 15)]
    assert compare().is_sound


def test_when_only_a_part_comes_back_it_is_what_lives_longest():
    publish_table(cancel_returns=50, valid_from=datetime(2001, 1, 1, tzinfo=UTC))
    rider = rider_with_two_lots()
    with clock.at(DAY_ONE + timedelta(days=61)):
        made = reserve(actor=rider, item=item(price=20).public_id, client_key="client-key-1")
        cancel(actor=rider, voucher=made.public_id)
    assert lots(rider) == [(FIRST, 5), (SECOND, 15)]


def test_what_repays_a_debt_makes_no_lot():
    rider = person()
    with clock.at(DAY_ONE):
        paid(rider, "report:1", DAY_ONE)
        reserve(actor=rider, item=item(price=15).public_id, client_key="client-key-1")
        reverse(source="report:1", reason="无效", actor="system:x")
        award(beneficiary=rider.ref, rule="fire-lane", source="report:2", act="x", actor="system:x")
        assert lots(rider) == []
        award(beneficiary=rider.ref, rule="fire-lane", source="report:3", act="x", actor="system:x")
        assert lots(rider) == [(FIRST, 5)]
        assert compare().is_sound


def test_points_go_on_the_day_after_their_last_one_and_only_once():
    rider = rider_with_two_lots()
    with clock.at(datetime(2027, 1, 31, 15, 59, tzinfo=UTC)):  # 23:59 of the last day in the city
        assert expire_lots() == 0
    with clock.at(datetime(2027, 1, 31, 16, 1, tzinfo=UTC)):
        assert expire_lots() == 1
        assert expire_lots() == 0
        assert (queries.balance(rider.ref), queries.collected("city", "expired")) == (15, 15)
        gone = Posting.objects.get(kind=rules.EXPIRE)
        assert (gone.points, gone.params["title"], gone.beneficiary) == (-15, "积分到期", rider.ref)
        assert compare().is_sound
    assert lots(rider) == [(SECOND, 15)]


def test_the_job_goes_page_by_page():
    for n in range(5):
        paid(person(), f"report:{n}", DAY_ONE)
    with clock.at(datetime(2027, 2, 1, 4, tzinfo=UTC)):
        assert [expire_lots(limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_rider_is_told_once_in_one_notice():
    rider = rider_with_two_lots()
    publish("rewards.books", {"lots": {"warn_days": 100}}, note="测试", actor_ref="system:test", valid_from=DAY_ONE)
    Notice.objects.all().delete()
    with clock.at(datetime(2026, 12, 25, 4, tzinfo=UTC)):
        assert warn_expiring() == 1
        assert warn_expiring() == 0
        told = Notice.objects.get()
        assert (told.template, told.person.public_id) == ("points.expiring", rider.ref[7:])
    assert Lot.objects.filter(warned=True).count() == 2


def test_what_grows_or_comes_later_on_the_same_day_is_told_too():
    rider = rider_with_two_lots()
    publish("rewards.books", {"lots": {"warn_days": 100}}, note="测试", actor_ref="system:test", valid_from=DAY_ONE)
    with clock.at(datetime(2026, 12, 25, 4, tzinfo=UTC)):
        made = reserve(actor=rider, item=item(price=15).public_id, client_key="client-key-1")
        Notice.objects.all().delete()
        assert warn_expiring() == 1
        cancel(actor=rider, voucher=made.public_id)
        assert (warn_expiring(), warn_expiring()) == (1, 0)
        again = reserve(actor=rider, item=item(price=5).public_id, client_key="client-key-2")
        assert warn_expiring() == 0
    with clock.at(datetime(2026, 12, 26, 4, tzinfo=UTC)):
        cancel(actor=rider, voucher=again.public_id)  # a lot that was told of grows
        assert warn_expiring() == 1
    assert Notice.objects.filter(template="points.expiring").count() == 3


def test_who_marks_lots_holds_the_purses_first():
    rider_with_two_lots()
    publish("rewards.books", {"lots": {"warn_days": 100}}, note="测试", actor_ref="system:test", valid_from=DAY_ONE)
    with clock.at(datetime(2026, 12, 25, 4, tzinfo=UTC)), CaptureQueriesContext(connection) as caught:
        assert warn_expiring() == 1
    said = [one["sql"] for one in caught]
    purse = next(n for n, sql in enumerate(said) if "balance IS NOT NULL" in sql)
    marks = [n for n, sql in enumerate(said) if "rewards_lot" in sql and ("UPDATE " in sql)]
    assert marks
    assert purse < min(marks)


def test_a_welcome_holds_no_purse_beyond_its_own_transaction():
    task = registry.find("on:people.rider_registered:qixia.rewards.tasks.welcome")
    assert task is not None
    assert not task.atomic


def test_nobody_is_told_of_what_is_far_away_or_spent():
    rider = rider_with_two_lots()
    Notice.objects.all().delete()
    with clock.at(datetime(2026, 12, 25, 4, tzinfo=UTC)):
        assert warn_expiring() == 0
    with clock.at(datetime(2027, 1, 5, 4, tzinfo=UTC)):
        reserve(actor=rider, item=item(price=15).public_id, client_key="client-key-1")
        Notice.objects.all().delete()
        assert warn_expiring() == 0
    assert not Notice.objects.exists()


def test_a_lot_that_was_edited_is_found_and_made_anew():
    rider = rider_with_two_lots()
    account = Account.objects.get(owner_ref=rider.ref, kind="available")
    Lot.objects.filter(account=account, expires_on=FIRST).update(left=14)
    assert compare().findings == {"wrong_lots": [account.pk]}
    rebuild(actor="system:test")
    assert compare().is_sound


def undated(**which):
    """What a process from before the upgrade writes after it: entries without a day, and no lot."""
    with connection.cursor() as cursor:
        on = " ON rewards_entry" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER IF EXISTS rewards_entry_no_update{on}")
    Entry.objects.filter(**which, expires_on__isnull=False).update(expires_on=None)


def other_findings():
    """What the proof finds besides that such a posting is not signed as it stands."""
    return [name for name in compare().findings if name != "unsigned_postings"]


def test_what_an_old_process_wrote_after_the_upgrade_gets_its_lots():
    rider = rider_with_two_lots()
    with clock.at(DAY_ONE + timedelta(days=61)):
        reserve(actor=rider, item=item(price=10).public_id, client_key="client-key-1")
        undated(posting__kind=rules.SPEND)
        Lot.objects.filter(expires_on=FIRST).update(left=15)
        assert other_findings() == ["wrong_lots"]
        rebuild(actor="system:test")
        assert (other_findings(), lots(rider)) == ([], [(FIRST, 5), (SECOND, 15)])
        undated(posting=Posting.objects.filter(kind=rules.AWARD).latest("pk"))
        Lot.objects.filter(expires_on=SECOND).delete()
        rebuild(actor="system:test")
        assert (other_findings(), lots(rider)) == ([], [(FIRST, 5), (SECOND, 15)])
        reserve(actor=rider, item=item(price=20).public_id, client_key="client-key-2")
        assert other_findings() == []


def test_one_owner_whose_lots_do_not_fit_holds_up_nobody():
    riders = [person() for _ in range(3)]
    for n, rider in enumerate(riders):
        paid(rider, f"report:{n}", DAY_ONE)
    Lot.objects.filter(account__owner_ref=riders[0].ref).update(left=40)
    with clock.at(datetime(2027, 2, 1, 4, tzinfo=UTC)):
        assert [expire_lots(limit=1) for _ in range(3)] == [1, 1, 0]
    assert [queries.balance(rider.ref) for rider in riders] == [15, 0, 0]


def test_points_of_before_lie_in_an_opening_lot():
    """What the migration makes of books without lots: the same balance, a lot that says how much of it was there."""
    rider = person()
    paid(rider, "report:1", DAY_ONE)
    with connection.cursor() as cursor:
        on = " ON rewards_entry" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER rewards_entry_no_update{on}")
        cursor.execute("UPDATE rewards_entry SET expires_on = NULL")
    Lot.objects.all().update(opening=15)
    assert other_findings() == []
    assert queries.balance(rider.ref) == 15
    with clock.at(DAY_ONE + timedelta(days=1)):
        made = reserve(actor=rider, item=item(price=10).public_id, client_key="client-key-1")
        cancel(actor=rider, voucher=made.public_id)
    assert other_findings() == []
    assert lots(rider) == [(FIRST, 15)]
