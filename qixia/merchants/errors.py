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
