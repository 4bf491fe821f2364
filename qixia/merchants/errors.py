"""What may be refused about merchants. Each leaves everything as it was."""

from __future__ import annotations

from qixia.kernel.errors import Conflict, NotFound, Stale


class NoSuchMerchant(NotFound):
    code = "merchants.no_such"
    message = "没有找到这家店，可能已经退出。"


class NotNow(Stale):
    """The merchant's state does not allow the step."""

    code = "merchants.not_now"
    message = "这家店现在是“%(state)s”，不能这样办。请刷新后再看。"


class PapersMissing(Conflict):
    code = "merchants.papers_missing"
    message = "证照还不齐，不能接收。"


class KindGone(Conflict):
    """Policy knows this kind of shop no more, so nobody can say which papers it needs."""

    code = "merchants.kind_gone"
    message = "这家店的种类已经取消，说不出要哪些证照。请店家选一个现在的种类，再申请一次。"


class PapersOver(Conflict):
    """Something that its kind needs is not in force, so it cannot go on."""

    code = "merchants.papers_over"
    message = "证照还缺，或者过期了，不能恢复。店家交来新的、看过以后再恢复。"


class NotAgreed(Conflict):
    code = "merchants.not_agreed"
    message = "商家还没有同意现在的约定，不能接收。"


class NoHours(Conflict):
    code = "merchants.no_hours"
    message = "还没有营业时间，不能接收。"


class NothingUsed(Conflict):
    """No use of the rater's at this merchant is left to be rated."""

    code = "merchants.nothing_used"
    message = "在这家店用过券，才能打分；每张券打一次。"


class LastKeeper(Conflict):
    code = "merchants.last_keeper"
    message = "只剩这一位店员，先加一位再移除。"


class OwnShop(Conflict):
    code = "merchants.own_shop"
    message = "自己的店要由别人来办。"
