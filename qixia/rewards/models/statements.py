"""What the city owes a merchant for a month: statements, their lines, corrections, objections, payments.

Truth    lines are written once and never changed (triggers). The sums on a statement are those of its lines and are proved
         against the books (services/settling/proving.py).
Units    分 of money, whole points. `month` is the first day of a month of the city.
Secrecy  a line names no rider: it keeps the tail of the voucher's number, and the link to the taking stays inside.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.rewards import offline, settling
from qixia.rewards.models.books import Posting
from qixia.rewards.models.tills import OfflineScan
from qixia.rewards.models.vouchers import Use

# Lines whose money the posting of the whole statement moves.
PAID_AT_ISSUE = Q(kind=settling.USE) | Q(kind=settling.LOSS, borne_by=offline.RIDER)


class Statement(models.Model):
    """One merchant's month. A draft gathers lines; once issued, only corrections are added until it is agreed."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    merchant = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    month = models.DateField(_("月份"))
    state = models.CharField(_("状态"), max_length=10, default=settling.DRAFT)
    # Sums of the lines.
    uses = models.PositiveIntegerField(_("笔数"), default=0)
    late = models.PositiveIntegerField(_("迟到笔数"), default=0)
    points = models.BigIntegerField(_("积分"), default=0)
    fen = models.BigIntegerField(_("金额（分）"), default=0)
    lost_fen = models.BigIntegerField(_("其中离线损失（分）"), default=0)
    corrected_fen = models.BigIntegerField(_("其中更正（分）"), default=0)
    # From earlier months, and to later ones.
    brought_fen = models.BigIntegerField(_("上期结转（分）"), default=0)
    brought_points = models.BigIntegerField(_("上期结转积分"), default=0)
    due_fen = models.BigIntegerField(_("应付（分）"), default=0)
    due_points = models.BigIntegerField(_("应销积分"), default=0)
    carried_fen = models.BigIntegerField(_("结转下期（分）"), default=0)
    carried_points = models.BigIntegerField(_("结转下期积分"), default=0)
    carried_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="brought_from")
    # Budget → settlement, for the lines about uses.
    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, null=True, related_name="+")
    # Settlement → retired, where points were used and nothing is to be paid.
    closing = models.OneToOneField(Posting, on_delete=models.PROTECT, null=True, related_name="+")
    # No budget covers it since then.
    waits_since = models.DateTimeField(_("等预算"), null=True)
    issued_at = models.DateTimeField(_("出账单"), null=True)
    issued_by = models.CharField(max_length=64, blank=True)
    object_until = models.DateTimeField(_("异议截止"), null=True)
    reminded_at = models.DateTimeField(null=True)
    agreed_at = models.DateTimeField(_("确认"), null=True)
    # Empty: nobody objected in time.
    agreed_by = models.CharField(max_length=64, blank=True)
    pay_until = models.DateTimeField(_("最晚付款"), null=True)
    paid_at = models.DateTimeField(_("付清"), null=True)

    class Meta:
        verbose_name = _("对账单")
        verbose_name_plural = _("对账单")
        indexes = (
            models.Index(fields=["month", "id"], name="rewards_statement_of_month"),
            models.Index(fields=["object_until"], condition=Q(state=settling.ISSUED), name="rewards_statement_open"),
        )
        constraints = (
            models.UniqueConstraint(fields=["merchant", "month"], name="rewards_statement_once"),
            models.CheckConstraint(condition=Q(state__in=settling.STATES), name="rewards_statement_state_known"),
            models.CheckConstraint(
                condition=Q(state=settling.DRAFT)
                | Q(fen=F("due_fen") + F("carried_fen") - F("brought_fen"), due_fen__gte=0),
                name="rewards_statement_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(state=settling.DRAFT)
                | Q(points=F("due_points") + F("carried_points") - F("brought_points"), due_points__gte=0),
                name="rewards_statement_points_add_up",
            ),
            models.CheckConstraint(condition=Q(carried_fen=0) | Q(due_fen=0), name="rewards_statement_pays_or_carries"),
            models.CheckConstraint(
                condition=Q(state=settling.DRAFT, issued_at__isnull=True)
                | (~Q(state=settling.DRAFT) & Q(issued_at__isnull=False, object_until__isnull=False)),
                name="rewards_issued_statement_says_when",
            ),
            models.CheckConstraint(
                condition=Q(state__in=settling.FIRM, agreed_at__isnull=False)
                | (~Q(state__in=settling.FIRM) & Q(agreed_at__isnull=True)),
                name="rewards_agreed_statement_says_when",
            ),
            models.CheckConstraint(
                condition=Q(state=settling.PAID, paid_at__isnull=False)
                | (~Q(state=settling.PAID) & Q(paid_at__isnull=True)),
                name="rewards_paid_statement_says_when",
            ),
        )

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"statement:{self.public_id}"


class Correction(models.Model):
    """What is added to a merchant's money, or taken from it, with a reason; a line of the statement that it came in time
    for, else of the next one."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="corrections")
    fen = models.BigIntegerField(_("金额（分）"))
    reason = models.CharField(_("理由"), max_length=200)
    by = models.CharField(_("经手"), max_length=64)
    at = models.DateTimeField(default=clock.now)
    # The form's own key: sent twice it is one correction. Null where an objection was answered, which happens once anyway; not
    # "": a column that may be null is added on SQLite without making the table anew, which would lose its triggers.
    client_key = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001

    class Meta:
        verbose_name = _("对账更正")
        verbose_name_plural = _("对账更正")
        constraints = (
            models.CheckConstraint(condition=~Q(fen=0), name="rewards_correction_not_zero"),
            models.UniqueConstraint(
                fields=["statement", "client_key"],
                condition=Q(client_key__isnull=False),
                name="rewards_correction_once_per_key",
            ),
        )

    def __str__(self) -> str:
        return f"{self.fen:+d}"

    @property
    def ref(self) -> str:
        return f"correction:{self.public_id}"


class StatementLine(models.Model):
    """One use, loss or correction. Append-only. `posting` is what moved for it alone: the points of a use and of a loss that a
    rider bore, whose money is in the posting of the whole statement; the money of a correction and of a loss that the city
    bore."""

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines", db_index=False)
    kind = models.CharField(max_length=10)
    use = models.OneToOneField(Use, on_delete=models.PROTECT, null=True, related_name="line")
    scan = models.OneToOneField(OfflineScan, on_delete=models.PROTECT, null=True, related_name="line")
    correction = models.OneToOneField(Correction, on_delete=models.PROTECT, null=True, related_name="line")
    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, null=True, related_name="+")
    day = models.DateField(_("日期"))
    taken_at = models.DateTimeField(_("时间"))
    # Happened in an earlier month and reached us in this one.
    late = models.BooleanField(_("迟到"), default=False)
    offline = models.BooleanField(_("离线"), default=False)
    title = models.CharField(_("项目"), max_length=30)
    tail = models.CharField(_("券尾号"), max_length=4, blank=True)
    units = models.PositiveIntegerField(_("次数"), default=0)
    by_amount = models.BooleanField(_("按金额"), default=False)
    points = models.BigIntegerField(_("积分"), default=0)
    face_fen = models.BigIntegerField(_("面值（分）"), null=True)
    fen = models.BigIntegerField(_("金额（分）"), default=0)
    borne_by = models.CharField(_("谁承担"), max_length=10, blank=True)
    note = models.CharField(_("说明"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("对账明细")
        verbose_name_plural = _("对账明细")
        indexes = (models.Index(fields=["statement", "day", "id"], name="rewards_statement_lines"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind=settling.USE, use__isnull=False, scan__isnull=True, correction__isnull=True)
                | Q(kind=settling.LOSS, use__isnull=True, scan__isnull=False, correction__isnull=True)
                | Q(kind=settling.CORRECTION, use__isnull=True, scan__isnull=True, correction__isnull=False),
                name="rewards_statement_line_has_its_matter",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.fen}"


class Dispute(models.Model):
    """A merchant's objection to a line, or to the whole (`line` null), and its answer. Each matter once a statement."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="disputes")
    line = models.OneToOneField(StatementLine, on_delete=models.PROTECT, null=True, related_name="dispute")
    state = models.CharField(_("状态"), max_length=10, default=settling.OPEN)
    reason = models.CharField(_("理由"), max_length=300)
    by = models.CharField(max_length=64)
    at = models.DateTimeField(default=clock.now)
    answer = models.CharField(_("答复"), max_length=300, blank=True)
    answered_by = models.CharField(max_length=64, blank=True)
    answered_at = models.DateTimeField(null=True)
    correction = models.OneToOneField(Correction, on_delete=models.PROTECT, null=True, related_name="dispute")

    class Meta:
        verbose_name = _("对账异议")
        verbose_name_plural = _("对账异议")
        constraints = (
            models.CheckConstraint(condition=Q(state__in=settling.DISPUTE_STATES), name="rewards_dispute_state_known"),
            models.UniqueConstraint(
                fields=["statement"], condition=Q(line__isnull=True), name="rewards_dispute_of_the_whole_once"
            ),
            models.CheckConstraint(
                condition=Q(state=settling.OPEN, answered_at__isnull=True)
                | (~Q(state=settling.OPEN) & Q(answered_at__isnull=False)),
                name="rewards_answered_dispute_says_when",
            ),
        )

    def __str__(self) -> str:
        return f"{self.public_id} {self.state}"


class Payment(models.Model):
    """The city paid: day and number of the bank's, and what moved in the books. A wrong one is reversed once."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="payments")
    fen = models.BigIntegerField(_("金额（分）"))
    paid_on = models.DateField(_("付款日期"))
    bank_ref = models.CharField(_("银行流水号"), max_length=40)
    by = models.CharField(_("经手"), max_length=64)
    at = models.DateTimeField(default=clock.now)
    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, related_name="+")
    reversed_at = models.DateTimeField(_("撤回"), null=True)
    reversed_by = models.CharField(max_length=64, blank=True)
    reversal_reason = models.CharField(_("撤回理由"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("付款")
        verbose_name_plural = _("付款")
        constraints = (
            models.CheckConstraint(condition=Q(fen__gte=1), name="rewards_payment_has_a_sum"),
            models.UniqueConstraint(
                fields=["statement"], condition=Q(reversed_at__isnull=True), name="rewards_statement_paid_once"
            ),
            models.UniqueConstraint(
                fields=["bank_ref"], condition=Q(reversed_at__isnull=True), name="rewards_bank_ref_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.paid_on} {self.fen}"

    @property
    def ref(self) -> str:
        return f"payment:{self.public_id}"
