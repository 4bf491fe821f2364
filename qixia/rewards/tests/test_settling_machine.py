"""Any order of uses, losses, months, objections, corrections, agreements, payments and reversals: statements with what was
carried over and corrected equal the books, to the 分 and the point."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.rewards import services, settling
from qixia.rewards.models import Correction, Dispute, Payment, Statement, Use
from qixia.rewards.services.settling import gathering
from qixia.rewards.tests.builders import item, organisation
from qixia.rewards.tests.settled import budget, live, money_of, policy, somebody

FEN = (0, 300, 700, 1500)


class Months(RuleBasedStateMachine):
    """The model: what a shop earned in all, what of it statements hold, what was paid."""

    @initialize()
    def open(self):
        policy(smallest_fen=1000)
        budget()
        self.shop = organisation()
        self.keeper = somebody("merchant", self.shop)
        self.boss, self.payer = somebody("admin"), somebody("admin")
        self.goods = {fen: item(self.shop, face_value_fen=fen or None, price=fen // 100 + 1, stock=1000) for fen in FEN}
        self.now = datetime(2026, 10, 5, 4, tzinfo=UTC)
        self.earned = self.points = self.corrected = 0
        self.serial = 0

    @rule(fen=st.sampled_from(FEN), late=st.booleans())
    def use(self, fen, late):
        taken_at = self.now - timedelta(days=9) if late else None
        live(self.shop, thing=self.goods[fen], at=self.now, taken_at=taken_at)
        self.earned, self.points = self.earned + fen, self.points + self.goods[fen].price

    @rule(days=st.integers(1, 12))
    def wait(self, days):
        self.now += timedelta(days=days)
        with clock.at(self.now):
            services.issue_due()
            services.agree_silent()

    @rule(pick=st.integers(0, 9), fen=st.sampled_from((-1600, -200, 0, 250, 900)), whole=st.booleans())
    def object(self, pick, fen, whole):
        row = self.one(pick, settling.ISSUED)
        if row is None:
            return
        line = None if whole else row.lines.order_by("pk").values_list("pk", flat=True).first()
        with clock.at(self.now):
            try:
                with transaction.atomic():
                    made = services.dispute(actor=self.keeper, statement=row.public_id, reason="核对一下", line=line)
                    services.answer_dispute(actor=self.boss, dispute=made.public_id, answer="核对过了", fen=fen)
            except DomainError:
                return
        self.corrected += fen

    @rule(pick=st.integers(0, 9), fen=st.sampled_from((-1600, -200, 250, 900)))
    def correct(self, pick, fen):
        rows = Statement.objects.exclude(state=settling.DRAFT).order_by("pk")
        if not rows:
            return
        row = rows[pick % len(rows)]
        with clock.at(self.now):
            key = f"correction-{Correction.objects.count()}"
            for _sent in range(2):  # a form that is sent twice
                services.correct(actor=self.boss, statement=row.public_id, fen=fen, reason="算错了", client_key=key)
        self.corrected += fen

    @rule(pick=st.integers(0, 9))
    def agree(self, pick):
        row = self.one(pick, settling.ISSUED)
        if row is not None:
            with clock.at(self.now):
                services.agree(actor=self.keeper, statement=row.public_id)

    @rule(pick=st.integers(0, 9))
    def pay(self, pick):
        row = self.one(pick, settling.AGREED)
        if row is None or not row.due_fen:
            return
        self.serial += 1
        with clock.at(self.now):
            services.record_payment(
                actor=self.payer,
                statement=row.public_id,
                fen=row.due_fen,
                paid_on=clock.city_date(self.now),
                bank_ref=f"BANK-{self.serial}",
            )

    @rule(pick=st.integers(0, 9))
    def take_back(self, pick):
        standing = Payment.objects.filter(reversed_at=None).order_by("pk")
        if standing:
            with clock.at(self.now):
                services.reverse_payment(
                    actor=self.boss, payment=standing[pick % len(standing)].public_id, reason="登记错了"
                )

    def one(self, pick, state):
        rows = list(Statement.objects.filter(state=state).order_by("pk"))
        return rows[pick % len(rows)] if rows else None

    @invariant()
    def statements_are_the_books(self):
        if not hasattr(self, "shop"):
            return
        rows = list(Statement.objects.exclude(state=settling.DRAFT))
        money = money_of(self.shop)
        paid = sum(Payment.objects.filter(reversed_at=None).values_list("fen", flat=True))
        assert money.get("paid:fen", 0) == paid
        assert money.get("settlement:fen", 0) == sum(row.fen for row in rows) - paid
        carried = sum(row.carried_fen for row in rows if row.carried_into_id is None)
        assert sum(row.fen for row in rows) == sum(row.due_fen for row in rows) + carried
        waiting = sum(gathering.open_corrections().values_list("fen", flat=True))
        unstated = sum(Use.objects.filter(line__isnull=True).values_list("fen", flat=True))
        assert sum(row.fen for row in rows) + waiting + unstated == self.earned + self.corrected

    def teardown(self):
        if hasattr(self, "shop"):
            found = services.compare()
            assert found.findings == {}
            assert Dispute.objects.filter(state="open").count() == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("table")
def test_statements_with_what_was_carried_over_and_corrected_equal_the_books():
    class Rolled(Months):
        """Each run in a transaction that is taken back."""

        def __init__(self):
            super().__init__()
            self.atomic = transaction.atomic()
            self.atomic.__enter__()

        def teardown(self):
            try:
                super().teardown()
            finally:
                transaction.set_rollback(True)
                self.atomic.__exit__(None, None, None)

    run_state_machine_as_test(
        Rolled,
        settings=settings(
            max_examples=8,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
