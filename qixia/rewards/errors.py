"""Refusals of this package. Each leaves the database unchanged."""

from __future__ import annotations

from qixia.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, Stale, TooMany


class KeyReused(Conflict):
    """The same rule, source and beneficiary came again with another act or other words."""

    code = "rewards.key_reused"
    message = "同一件事已经记过账，这次的内容却不一样，没有改动。"


class NotEnoughPoints(Conflict):
    code = "rewards.not_enough_points"
    message = "积分不够：需要 %(needed)s 分，你有 %(balance)s 分。"


class NoSuchMatter(Invalid):
    code = "rewards.no_such_matter"
    message = "活动“%(title)s”的“只算这些事项”：没有“%(value)s”。"


class NoSuchPlace(Invalid):
    code = "rewards.no_such_place"
    message = "活动“%(title)s”的“只在这个区划”：没有“%(value)s”。"


class ItemGone(Conflict):
    code = "rewards.item_gone"
    message = "“%(name)s”已下架，看看别的吧。"


class SoldOut(Conflict):
    code = "rewards.sold_out"
    message = "“%(name)s”刚刚被换完了，没有扣你的积分。"


class PriceChanged(Stale):
    """Somebody changed it between the page and the tap."""

    code = "rewards.price_changed"
    message = "“%(name)s”刚刚改了价，现在要 %(price)s 分，没有扣你的积分。要换就再点一次。"


class LimitReached(Conflict):
    code = "rewards.limit_reached"
    message = "“%(name)s”每人最多换 %(limit)s 份，你已经换满了，没有扣你的积分。"


class VoucherEnded(Stale):
    """Used, given back or expired: no step leads on from there."""

    code = "rewards.voucher_ended"
    message = "这张券%(state)s，不能再退。"


class VoucherOver(Stale):
    """Used up, given back or expired meanwhile: nothing of it can be taken."""

    code = "rewards.voucher_over"
    message = "这张券%(state)s，没有收。"


class NotSoMuchLeft(Conflict):
    code = "rewards.not_so_much_left"
    message = "这张券还剩 %(left)s，请核对后再收。"


class VoucherRefused(Conflict):
    """A merchant may not take this voucher. `reason` is one of `Refusal`'s reasons."""

    code = "rewards.voucher_refused"

    def __init__(self, reason: str, message: str, **context: object) -> None:
        super().__init__(message, field="code", **context)
        self.reason = reason


class NotAMerchant(NotAllowed):
    code = "rewards.not_a_merchant"
    message = "你的账号没有绑定商家，不能收券。"


class NoSuchVoucher(NotFound):
    code = "rewards.no_such_voucher"
    message = "没有找到这张券。"


class NoSuchItem(NotFound):
    code = "rewards.no_such_item"
    message = "没有找到这件兑换品。"


class TooManyTries(TooMany):
    code = "rewards.too_many_tries"
    message = "连续多次券号不对，请 %(minutes)s 分钟后再试，或直接扫码。"


class BadClientKey(Invalid):
    code = "rewards.bad_client_key"
    message = "请求缺少编号，请刷新页面再试。"


class NoLatePosting(NotFound):
    code = "rewards.no_late_posting"
    message = "这一笔没有迟到，不用说明。"


class NoSuchBudget(NotFound):
    code = "rewards.no_such_budget"
    message = "没有找到这一期预算。"


class BudgetOverlaps(Conflict):
    code = "rewards.budget_overlaps"
    message = "和 %(first)s 到 %(last)s 的一期重叠了。"


class CapTooLow(Conflict):
    code = "rewards.cap_too_low"
    message = "已经分出去一部分，上限最低 %(least)s。"


class NoCover(Conflict):
    """Money that no budget covers is not moved. Points that none covers wait: that is no error."""

    code = "rewards.no_cover"
    message = "这一期预算不够，没有记账。"


class NoSuchHold(NotFound):
    code = "rewards.no_such_hold"
    message = "没有找到这一笔。"


class HoldEnded(Stale):
    code = "rewards.hold_ended"
    message = "这一笔已经有结果了：%(state)s。"


class NoSuchEntry(NotFound):
    code = "rewards.no_such_entry"
    message = "账本里没有这一笔。"


class NothingToAppeal(Conflict):
    code = "rewards.nothing_to_appeal"
    message = "这一笔不能申诉：兑换和退回、申诉补的、还没到账的都不算，一件事只看一次，入账超过 %(days)s 天的也不再看。"


class TooManyAppeals(TooMany):
    code = "rewards.too_many_appeals"
    message = "一天最多申诉 %(limit)d 笔，明天再说也来得及。"


class NothingMissing(Conflict):
    """What the entry took was given back already, or the entry itself waits or was taken back."""

    code = "rewards.nothing_missing"
    message = "这一笔已经收回、补过，或者还没到账，不能再给分；可以只答复。"


class NoSuchAppeal(NotFound):
    code = "rewards.no_such_appeal"
    message = "没有找到这件申诉。"


class AppealEnded(Stale):
    code = "rewards.appeal_ended"
    message = "这件申诉已经有人答复了。"


class NoSuchPhone(NotFound):
    code = "rewards.no_such_phone"
    message = "没有找到这部收券手机。"


class PhoneRevoked(Conflict):
    code = "rewards.phone_revoked"
    message = "这部手机已停用，不能再离线收券。要用的话请重新登记。"


class TooManyPhones(Conflict):
    code = "rewards.too_many_phones"
    message = "一家店最多登记 %(most)d 部手机，请先停用一部不用的。"


class NoSuchStatement(NotFound):
    code = "rewards.no_such_statement"
    message = "没有找到这份账单。"


class StatementNotNow(Stale):
    code = "rewards.statement_not_now"
    message = "这份账单现在是“%(state)s”，不能这样办。"


class OwnStatement(NotAllowed):
    code = "rewards.own_statement"
    message = "这是你自己店的账单，要由别人来办。"


class NotTheKeeper(NotAllowed):
    code = "rewards.not_the_keeper"
    message = "账单由店主确认。你可以看，也可以提异议。"


class TooLateToObject(Conflict):
    code = "rewards.too_late_to_object"
    message = "提异议的时间已经过了。确实有错，请联系社区，下个月更正。"


class AlreadyDisputed(Conflict):
    code = "rewards.already_disputed"
    message = "这一处已经提过异议了。"


class NoSuchDispute(NotFound):
    code = "rewards.no_such_dispute"
    message = "没有找到这条异议。"


class DisputeEnded(Stale):
    code = "rewards.dispute_ended"
    message = "这条异议已经有人答复了。"


class NeedsOtherEyes(NotAllowed):
    """Whoever had a hand in the sum does not record its payment."""

    code = "rewards.needs_other_eyes"
    message = "这份账单是你出的、答复的或更正的，付款要由另一个人登记。"


class BankRefUsed(Conflict):
    code = "rewards.bank_ref_used"
    message = "这个银行流水号已经登记过了。"


class NoSuchPayment(NotFound):
    code = "rewards.no_such_payment"
    message = "没有找到这笔付款。"


class PaymentReversed(Stale):
    code = "rewards.payment_reversed"
    message = "这笔付款已经撤回过了。"


class NotEligible(Conflict):
    """The item asks for something that this rider does not bring. `what` says it in words."""

    code = "rewards.not_eligible"
    message = "现在还不能换“%(name)s”：%(what)s。没有扣你的积分。"


class NeedsSlot(Invalid):
    code = "rewards.needs_slot"
    message = "请先选一个时间。"


class NoSuchSlot(NotFound):
    code = "rewards.no_such_slot"
    message = "没有这一场，请换一个时间。"


class SlotFull(Conflict):
    code = "rewards.slot_full"
    message = "%(when)s 刚刚约满了，没有扣你的积分。换一个时间，或者排队等空位。"


class SlotOver(Conflict):
    """The slot was called off, has begun, or begins too soon to book."""

    code = "rewards.slot_over"
    message = "%(when)s 已经不能约了，没有扣你的积分。请换一个时间。"


class TooLateToRebook(Conflict):
    code = "rewards.too_late_to_rebook"
    message = "%(until)s 以后不能改时间了。来不了可以退，按说好的比例退分。"


class StayedAway(Conflict):
    code = "rewards.stayed_away"
    message = "你有 %(count)s 次约了没来，%(until)s 起又可以约。"


class GaveBackUsed(Conflict):
    code = "rewards.gave_back_used"
    message = "你有 %(count)s 张券用过以后又退了，%(until)s 起又可以兑换。不对就在账本里那一笔申诉。"


class NothingToWaitFor(Conflict):
    code = "rewards.nothing_to_wait_for"
    message = "“%(name)s”现在就有，不用排。"


class LineFull(Conflict):
    code = "rewards.line_full"
    message = "你已经在排 %(most)s 样了，先退掉一样再排。"


class NoSuchWaiting(NotFound):
    code = "rewards.no_such_waiting"
    message = "没有找到这个排队。"


class SlotHasBookings(Conflict):
    code = "rewards.slot_has_bookings"
    message = "已经约出去 %(taken)s 个，名额不能比这少。"
