"""What may be refused about gifts. Each leaves everything as it was."""

from __future__ import annotations

from qixia.kernel.errors import Conflict, NotFound, Stale


class NoSuchThing(NotFound):
    """No such campaign, donor, place or gift, or none that the actor may know of."""

    code = "gifts.no_such"
    message = "没有找到，可能已经结束。"


class NotNow(Stale):
    """The campaign's or the draw's state does not allow the step."""

    code = "gifts.not_now"
    message = "现在是“%(state)s”，不能这样办。请刷新后再看。"


class NotForYou(Conflict):
    """The campaign is for others."""

    code = "gifts.not_for_you"
    message = "这次活动是给 %(who)s 的。"


class NotEnough(Conflict):
    """The place has fewer kits than that."""

    code = "gifts.not_enough"
    message = "这里只有 %(count)s 份，不够。"


class TwoPeople(Conflict):
    code = "gifts.two_people"
    message = "公开数要由另一个人再输一遍，不能是同一个人。"


class ValuesDiffer(Conflict):
    code = "gifts.values_differ"
    message = "两次输入的公开数不一样。请对照公布的原文，两个人都再看一遍。"


class TooEarly(Conflict):
    code = "gifts.too_early"
    message = "还没有到时候：%(when)s 以后才行。"


class GiftRefused(Conflict):
    """A clerk may not hand this one over. `reason` is one of REFUSALS."""

    code = "gifts.refused"

    def __init__(self, reason: str, message: str, **context: object) -> None:
        super().__init__(message, field="code", **context)
        self.reason = reason


class TooManyGuesses(Conflict):
    """Too many codes that there aren't."""

    code = "gifts.too_many_guesses"
    status = 429
    message = "输错太多次了。请 %(minutes)s 分钟后再试，或请骑手出示二维码。"


#: Reasons that may come from guessing.
GUESSES = ("unknown", "forged")

REFUSALS = {
    "forged": "码是假的",
    "unknown": "没有这个号",
    "handed": "已经领过",
    "lapsed": "已经收回",
    "over": "码过期了",
    "deputy": "代领没有同意",
    "empty": "这里没有货",
    "ended": "活动已结束",
}
