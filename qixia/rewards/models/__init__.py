"""Tables of rewards, by matter."""

from qixia.rewards.models.appeals import PointsAppeal
from qixia.rewards.models.books import Account, Entry, Lot, Posting
from qixia.rewards.models.budgets import Budget, BudgetChange, Owed, Slice
from qixia.rewards.models.catalogue import Item
from qixia.rewards.models.chain import Acknowledgement, Batch, CampaignSum, Digest, Link, Replay, Signing
from qixia.rewards.models.claims import Claim, Payout, Promise
from qixia.rewards.models.closures import Closure
from qixia.rewards.models.holds import Hold
from qixia.rewards.models.slots import Slot, Waiting
from qixia.rewards.models.statements import Correction, Dispute, Payment, Statement, StatementLine
from qixia.rewards.models.tills import OfflineScan, TillDevice
from qixia.rewards.models.vouchers import Refusal, Use, Voucher

__all__ = [
    "Account",
    "Acknowledgement",
    "Batch",
    "Budget",
    "BudgetChange",
    "CampaignSum",
    "Claim",
    "Closure",
    "Correction",
    "Digest",
    "Dispute",
    "Entry",
    "Hold",
    "Item",
    "Link",
    "Lot",
    "OfflineScan",
    "Owed",
    "Payment",
    "Payout",
    "PointsAppeal",
    "Posting",
    "Promise",
    "Refusal",
    "Replay",
    "Signing",
    "Slice",
    "Slot",
    "Statement",
    "StatementLine",
    "TillDevice",
    "Use",
    "Voucher",
    "Waiting",
]
