"""The only writes of rewards, named by verb.

points     award, award_many, reverse, restore
vouchers   reserve, cancel, expire_due, check, redeem
claims     promise, claim, pay_claims: points of anonymous reports
catalogue  save_item
proof      compare, rebuild
"""

from qixia.rewards.services.catalogue import ItemForm, save_item
from qixia.rewards.services.claims import ClaimAnswer, claim, pay_claims, promise
from qixia.rewards.services.points import Award, award, award_many, reverse
from qixia.rewards.services.proof import Proof, compare, rebuild
from qixia.rewards.services.restoring import restore
from qixia.rewards.services.vouchers import Checked, cancel, check, expire_due, redeem, reserve

__all__ = [
    "Award",
    "Checked",
    "ClaimAnswer",
    "ItemForm",
    "Proof",
    "award",
    "award_many",
    "cancel",
    "check",
    "claim",
    "compare",
    "expire_due",
    "pay_claims",
    "promise",
    "rebuild",
    "redeem",
    "reserve",
    "restore",
    "reverse",
    "save_item",
]
