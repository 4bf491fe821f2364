"""The only writes of rewards, named by verb.

points     award, award_many, reverse, restore
lots       expire_lots, warn_expiring
appealing  appeal_points, answer_appeal, forget_appeals
certifying certify
holds      post_hold, void_hold, time_out_holds, forget_holds
budgets    open_budget, change_cap, watch_budgets, pay_owed
redemption reserve, cancel, expire_due, check, redeem, take; save_item
           make_slots, add_slot, change_places, close_slot, rebook; wait, leave, settle_lines; show_items, set_photo
shops      close_merchant, open_merchant, end_of_closed
phones     enrol_device, renew_device, revoke_device; book_offline, settle_losses
claims     promise, claim, pay_claims: points of anonymous reports
money      settle_money: 分 on the same books
settling   issue_month, issue_due; dispute, answer_dispute, correct; agree, agree_silent, remind_silent;
           record_payment, reverse_payment
table      publish_table
proof      compare, prove, rebuild, seal_postings, acknowledge
"""

from qixia.rewards.services.appealing import answer_appeal, appeal_points, forget_appeals
from qixia.rewards.services.budgets import change_cap, open_budget, watch_budgets
from qixia.rewards.services.certifying import Certified, certify
from qixia.rewards.services.chain import acknowledge, seal_postings
from qixia.rewards.services.claims import ClaimAnswer, claim, pay_claims, promise
from qixia.rewards.services.holds import forget_holds, post_hold, time_out_holds, void_hold
from qixia.rewards.services.lots import expire_lots, warn_expiring
from qixia.rewards.services.money import settle_money
from qixia.rewards.services.owing import pay_owed
from qixia.rewards.services.points import Award, award, award_many
from qixia.rewards.services.proof import Proof, compare, prove, rebuild
from qixia.rewards.services.redemption import (
    Answer,
    Checked,
    ItemForm,
    Signed,
    Taker,
    add_slot,
    book_offline,
    cancel,
    change_places,
    check,
    close_merchant,
    close_slot,
    drop_photo,
    end_called_off,
    end_of_closed,
    enrol_device,
    expire_due,
    forget_waiting,
    leave,
    make_slots,
    open_merchant,
    rebook,
    redeem,
    remind_booked,
    renew_device,
    reserve,
    revoke_device,
    save_item,
    set_photo,
    settle_lines,
    settle_losses,
    show_items,
    take,
    wait,
)
from qixia.rewards.services.restoring import restore
from qixia.rewards.services.reversing import reverse
from qixia.rewards.services.settling import (
    Issued,
    agree,
    agree_silent,
    answer_dispute,
    correct,
    dispute,
    issue_due,
    issue_month,
    record_payment,
    remind_silent,
    reverse_payment,
)
from qixia.rewards.services.table import publish_table

__all__ = [
    "Answer",
    "Award",
    "Certified",
    "Checked",
    "ClaimAnswer",
    "Issued",
    "ItemForm",
    "Proof",
    "Signed",
    "Taker",
    "acknowledge",
    "add_slot",
    "agree",
    "agree_silent",
    "answer_appeal",
    "answer_dispute",
    "appeal_points",
    "award",
    "award_many",
    "book_offline",
    "cancel",
    "certify",
    "change_cap",
    "change_places",
    "check",
    "claim",
    "close_merchant",
    "close_slot",
    "compare",
    "correct",
    "dispute",
    "drop_photo",
    "end_called_off",
    "end_of_closed",
    "enrol_device",
    "expire_due",
    "expire_lots",
    "forget_appeals",
    "forget_holds",
    "forget_waiting",
    "issue_due",
    "issue_month",
    "leave",
    "make_slots",
    "open_budget",
    "open_merchant",
    "pay_claims",
    "pay_owed",
    "post_hold",
    "promise",
    "prove",
    "publish_table",
    "rebook",
    "rebuild",
    "record_payment",
    "redeem",
    "remind_booked",
    "remind_silent",
    "renew_device",
    "reserve",
    "restore",
    "reverse",
    "reverse_payment",
    "revoke_device",
    "save_item",
    "seal_postings",
    "set_photo",
    "settle_lines",
    "settle_losses",
    "settle_money",
    "show_items",
    "take",
    "time_out_holds",
    "void_hold",
    "wait",
    "warn_expiring",
    "watch_budgets",
]
