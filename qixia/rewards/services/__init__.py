"""The only writes of rewards, named by verb.

points     award, award_many, reverse, restore
lots       expire_lots, warn_expiring
appealing  appeal_points, answer_appeal, forget_appeals
holds      post_hold, void_hold, time_out_holds, forget_holds
budgets    open_budget, change_cap, watch_budgets, pay_owed
redemption reserve, cancel, expire_due, check, redeem, take; save_item
claims     promise, claim, pay_claims: points of anonymous reports
money      settle_money: 分 on the same books
table      publish_table
proof      compare, prove, rebuild, seal_postings
"""

from qixia.rewards.services.appealing import answer_appeal, appeal_points, forget_appeals
from qixia.rewards.services.budgets import change_cap, open_budget, watch_budgets
from qixia.rewards.services.chain import seal_postings
from qixia.rewards.services.claims import ClaimAnswer, claim, pay_claims, promise
from qixia.rewards.services.holds import forget_holds, post_hold, time_out_holds, void_hold
from qixia.rewards.services.lots import expire_lots, warn_expiring
from qixia.rewards.services.money import settle_money
from qixia.rewards.services.owing import pay_owed
from qixia.rewards.services.points import Award, award, award_many
from qixia.rewards.services.proof import Proof, compare, prove, rebuild
from qixia.rewards.services.redemption import (
    Checked,
    ItemForm,
    Taker,
    cancel,
    check,
    expire_due,
    redeem,
    reserve,
    save_item,
    take,
)
from qixia.rewards.services.restoring import restore
from qixia.rewards.services.reversing import reverse
from qixia.rewards.services.table import publish_table

__all__ = [
    "Award",
    "Checked",
    "ClaimAnswer",
    "ItemForm",
    "Proof",
    "Taker",
    "answer_appeal",
    "appeal_points",
    "award",
    "award_many",
    "cancel",
    "change_cap",
    "check",
    "claim",
    "compare",
    "expire_due",
    "expire_lots",
    "forget_appeals",
    "forget_holds",
    "open_budget",
    "pay_claims",
    "pay_owed",
    "post_hold",
    "promise",
    "prove",
    "publish_table",
    "rebuild",
    "redeem",
    "reserve",
    "restore",
    "reverse",
    "save_item",
    "seal_postings",
    "settle_money",
    "take",
    "time_out_holds",
    "void_hold",
    "warn_expiring",
    "watch_budgets",
]
