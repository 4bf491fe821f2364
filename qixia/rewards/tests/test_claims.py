"""Anonymous points: promised once, claimed once, paid in batches that say nothing about what was claimed."""

import os
import secrets
import signal
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.apps import apps
from django.db import connection, connections

from qixia.jobs.models import Event
from qixia.kernel import clock
from qixia.kernel.claims import claim_hash
from qixia.kernel.errors import Invalid
from qixia.policy import kinds
from qixia.policy.services import publish
from qixia.rewards import queries, rules
from qixia.rewards.models import Claim, Payout, Posting, Promise
from qixia.rewards.services import ClaimAnswer, award, claim, compare, pay_claims, promise, reserve, reverse
from qixia.rewards.tests.builders import give, item, person
from qixia.rewards.tests.conftest import publish_table

TODAY = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def secret(table):
    return promised()


def promised():
    """A secret that five points (the table's default) were promised to on the 22nd."""
    made = secrets.token_urlsafe(32)
    with clock.at(TODAY):
        promise(claim_hash=claim_hash(made))
    return made


def claimed(owner, *shown, moment=TOMORROW):
    with clock.at(moment):
        return claim(secrets=shown, beneficiary=owner.ref)


def test_a_promise_is_ready_on_the_next_day(secret):
    rider, hashed = person(), claim_hash(secret)
    with clock.at(TODAY):
        assert queries.claim_states([hashed]) == {hashed: "waiting"}
        assert claim(secrets=[secret], beneficiary=rider.ref) == ClaimAnswer(0, 0, 1)
    assert Payout.objects.count() == 0
    with clock.at(TOMORROW):
        assert queries.claim_states([hashed]) == {hashed: "ready"}
        assert claim(secrets=[secret], beneficiary=rider.ref) == ClaimAnswer(5, 1, 0)
        assert queries.claim_states([hashed]) == {hashed: "gone"}
    assert Claim.objects.count() == 0
    payout = Payout.objects.get()
    assert (payout.owner_ref, payout.points, payout.since) == (rider.ref, 5, date(2026, 11, 23))


def test_the_day_is_the_citys(table):
    made = secrets.token_urlsafe(32)
    with clock.at(datetime(2026, 11, 22, 15, 59, tzinfo=UTC)):  # 23:59 in the city
        promise(claim_hash=claim_hash(made))
    with clock.at(datetime(2026, 11, 22, 16, 1, tzinfo=UTC)):
        assert claim(secrets=[made], beneficiary=person().ref).count == 1


def test_unknown_and_misshapen_secrets_count_nothing(secret):
    shown = [secrets.token_urlsafe(32), "", None, 7, "x" * 43, secret + "=", claim_hash(secret)]
    assert claimed(person(), *shown) == ClaimAnswer(0, 0, 0)
    assert (Claim.objects.count(), Payout.objects.count()) == (1, 0)
    assert queries.claim_states([claim_hash("x" * 43)]) == {}


def test_more_than_fifty_are_refused(secret):
    with pytest.raises(Invalid):
        claimed(person(), secret, *["x"] * 50)
    assert (Claim.objects.count(), Payout.objects.count()) == (1, 0)


def test_the_same_secret_counts_once(secret):
    rider, other = person(), person()
    assert claimed(rider, secret, secret) == ClaimAnswer(5, 1, 0)
    assert claimed(rider, secret) == claimed(other, secret) == ClaimAnswer(0, 0, 0)
    assert [row.owner_ref for row in Payout.objects.all()] == [rider.ref]


def test_a_secret_is_promised_to_once_also_after_it_was_claimed(secret):
    with clock.at(TODAY):
        promise(claim_hash=claim_hash(secret))
    assert Claim.objects.count() == 1
    claimed(person(), secret)
    promise(claim_hash=claim_hash(secret))
    assert (Claim.objects.count(), Promise.objects.count()) == (0, 1)


def test_the_worth_is_that_of_the_day_of_the_promise(table):
    line = {"title": "匿名上报", "points": 8}
    publish_table(valid_from=TODAY, rules={"anonymous": line})
    publish_table(valid_from=TODAY + timedelta(hours=1), rules={"anonymous": {**line, "points": 3}})
    assert claimed(person(), promised()).credited == 8


def test_a_line_that_is_worth_nothing_leaves_nothing_to_claim(table):
    publish_table(valid_from=TODAY, rules={"anonymous": {"title": "匿名上报", "points": 0}})
    assert claimed(person(), promised()) == ClaimAnswer(0, 0, 0)
    assert (Claim.objects.count(), Promise.objects.count()) == (0, 1)


def test_fewer_riders_than_a_batch_wait(table):
    riders = [person(), person()]
    for rider in riders:
        claimed(rider, promised(), promised())
        claimed(rider, promised())
    with clock.at(TOMORROW + timedelta(days=6)):
        assert pay_claims() == 0
    assert Posting.objects.count() == 0
    with clock.at(TOMORROW + timedelta(days=7)):
        assert pay_claims() == 2
    assert [queries.balance(rider.ref) for rider in riders] == [15, 15]
    assert Payout.objects.count() == 0


def test_three_riders_are_a_batch_at_one_time_without_anything_of_the_claims(table):
    riders = [person() for _ in range(3)]
    for rider in riders:
        claimed(rider, *[promised() for _ in range(2)])
    with clock.at(TOMORROW + timedelta(hours=9)):
        assert pay_claims() == 3
        assert pay_claims() == 0
    rows = list(Posting.objects.all())
    assert {(row.at, row.created_at, row.request_id, row.points, row.rule) for row in rows} == {
        (TOMORROW + timedelta(hours=9), TOMORROW + timedelta(hours=9), "", 10, "anonymous")
    }
    assert {row.beneficiary for row in rows} == {rider.ref for rider in riders}
    assert all(row.source.startswith("anonymous:") for row in rows)
    assert compare().is_sound
    assert Event.objects.filter(name="rewards.posted").count() == 3
    told = apps.get_model("notices", "Notice").objects.values_list("template", flat=True)
    assert list(told) == ["points.awarded"] * 3


def test_a_batch_is_covered_whole_or_not_until_one_waits_too_long(table):
    caps = {"budgets": {"caps": {"points": 7}}}
    publish("rewards.books", caps, note="测试", actor_ref="system:test", valid_from=TODAY - timedelta(days=400))
    riders = [person() for _ in range(3)]
    for rider in riders:
        claimed(rider, promised())
    with clock.at(TOMORROW):
        assert pay_claims() == 0
    assert (Posting.objects.count(), Payout.objects.count()) == (0, 3)
    assert compare().is_sound
    with clock.at(TOMORROW + timedelta(days=7)):
        assert pay_claims() == 1
    assert (Posting.objects.count(), Payout.objects.count()) == (1, 2)
    assert compare().is_sound


def test_the_order_of_a_batch_is_drawn(table, monkeypatch):
    """Not by claim, person or row: the same riders in the same state come out in another order."""
    riders = sorted((person() for _ in range(12)), key=lambda rider: rider.ref)
    orders = set()
    for day in range(2, 5):
        for rider in riders:
            claimed(rider, promised())
        with clock.at(TODAY + timedelta(days=day)):
            pay_claims()
        newest = Posting.objects.order_by("-id")[:12].values_list("beneficiary", flat=True)
        orders.add(tuple(newest))
    assert len(orders) == 3, "one in 4·10⁸ that two of three orders of twelve are the same by chance"
    assert tuple(rider.ref for rider in riders) not in orders


def test_what_is_owed_is_repaid_first_and_no_cap_holds(table):
    publish_table(valid_from=TODAY, day_cap=20, rules={"manhole": {"points": 15}, "anonymous": {"points": 8}})
    publish("rewards.claims", {"min_batch": 2}, note="测试", actor_ref="system:test", valid_from=TODAY)
    rider, other = person(), person()
    with clock.at(TOMORROW):
        award(beneficiary=rider.ref, rule="manhole", source="report:1", act="reports.dispatched", actor="system:test")
        owing = 8 * 3
        claimed(rider, promised(), promised(), promised())
        claimed(other, promised())
        assert pay_claims() == 2
        assert queries.balance(rider.ref) == 15 + owing, "more than a day's 20"
        row = award(
            beneficiary=rider.ref, rule="manhole", source="report:2", act="reports.dispatched", actor="system:test"
        )
        assert row.points == 5, "anonymous points take no room from the day's others"
    page = queries.entries_page(rider.ref)
    line = next(row for month in page.months for row in month.rows if row.rule == rules.ANONYMOUS)
    assert (line.points, line.act, line.link, line.number, line.place) == (24, "每天一起入账", "", "", "")


def test_the_rules_page_says_it_in_plain_words(table):
    publish(
        "rewards.points",
        kinds.get("rewards.points").read_seed(),
        note="测试",
        actor_ref="system:test",
        valid_from=TODAY,
    )
    with clock.at(TOMORROW):
        line = next(line for line in queries.rule_book().acts if line.slug == "anonymous")
    assert line.points == 10
    assert "不写是哪一件" in line.note


def test_what_is_owed_is_repaid_by_anonymous_points(table):
    rider, others = person(), [person(), person()]
    give(rider, 10, source="report:9")
    reserve(actor=rider, item=item(price=10).public_id, client_key="client-key-1")
    reverse(source="report:9", reason="不属实", actor="system:test")
    assert queries.summary_for(rider.ref).owed == 10
    for owner in (rider, *others):
        claimed(owner, promised(), promised(), promised())
    with clock.at(TOMORROW):
        pay_claims()
    assert (queries.balance(rider.ref), queries.summary_for(rider.ref).owed) == (5, 0)
    assert [queries.balance(other.ref) for other in others] == [15, 15]
    assert compare().is_sound


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_claims_one_is_credited(table_live):
    made = [promised() for _ in range(5)]
    riders = [person() for _ in range(4)]
    answers: list[ClaimAnswer] = []

    def show(rider):
        answers.append(claimed(rider, *made))
        connections.close_all()

    threads = [threading.Thread(target=show, args=(rider,)) for rider in riders * 3]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(answers) == 12
    assert sum(answer.credited for answer in answers) == 25
    assert sum(row.points for row in Payout.objects.all()) == 25
    assert Claim.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_batches_at_once_pay_once(table_live):
    riders = [person() for _ in range(5)]
    for rider in riders:
        claimed(rider, promised())

    def pay():
        with clock.at(TOMORROW):
            pay_claims()
        connections.close_all()

    threads = [threading.Thread(target=pay) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [queries.balance(rider.ref) for rider in riders] == [5] * 5
    assert Posting.objects.count() == 5
    assert compare().is_sound


CHILD = """
import django
django.setup()
import os, signal, sys
from qixia.rewards.services import claim, pay_claims
what, *more = sys.argv[1:]
if what == "claim":
    claim(secrets=more[1:], beneficiary=more[0])
else:
    pay_claims()
os.kill(os.getpid(), signal.SIGKILL)
"""


def dies(kill_at, *argv):
    """Run a step in a process that is killed at a named moment, or right after the step when there is none."""
    name = str(connection.settings_dict["NAME"])
    settings = connection.settings_dict
    url = (
        f"sqlite:///{name}"
        if connection.vendor == "sqlite"
        else f"postgresql://{settings['USER']}@{settings['HOST']}:{settings['PORT']}/{name}"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "qixia.site.settings",
        "QIXIA_DATABASE_URL": url,
        "QIXIA_LAB_KILL_AT": kill_at,
    }
    done = subprocess.run([sys.executable, "-c", CHILD, *argv], env=environment, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("claim_dies", "pay_dies"),
    [("claims.taken:1", "claims.posted:1"), ("claims.written:1", "claims.paid:1"), ("", "")],
)
def test_a_kill_between_loses_nothing_and_pays_once(table_live, claim_dies, pay_dies):
    riders = [person() for _ in range(3)]
    with clock.at(clock.now() - timedelta(days=2)):
        shown = {rider.ref: [secrets.token_urlsafe(32) for _ in range(2)] for rider in riders}
        for made in shown.values():
            for one in made:
                promise(claim_hash=claim_hash(one))
    first = riders[0]
    dies(claim_dies, "claim", first.ref, *shown[first.ref])
    was_written = not claim_dies
    assert (Claim.objects.count(), Payout.objects.count()) == ((4, 1) if was_written else (6, 0))
    for rider in riders:  # every phone asks again
        claim(secrets=shown[rider.ref], beneficiary=rider.ref)
    assert (Claim.objects.count(), Payout.objects.count()) == (0, 3)
    dies(pay_dies, "pay")
    assert (Posting.objects.count(), Payout.objects.count()) == ((0, 3) if "posted" in pay_dies else (3, 0))
    pay_claims()
    assert pay_claims() == 0
    assert [queries.balance(rider.ref) for rider in riders] == [10, 10, 10]
    assert Posting.objects.count() == 3
    assert compare().is_sound
