"""What points buy, and the vouchers for it: one module a step.

reserving  reserve
taking     check, redeem, take
ending     cancel, expire_due
catalogue  save_item
posting    how a step stands in the books
"""

from qixia.rewards.services.redemption.catalogue import ItemForm, save_item
from qixia.rewards.services.redemption.ending import cancel, expire_due
from qixia.rewards.services.redemption.reserving import reserve
from qixia.rewards.services.redemption.taking import Checked, Taker, check, redeem, take

__all__ = ["Checked", "ItemForm", "Taker", "cancel", "check", "expire_due", "redeem", "reserve", "save_item", "take"]
