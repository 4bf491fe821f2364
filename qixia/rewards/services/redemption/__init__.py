"""What points buy, and the vouchers for it: one module a step.

reserving  reserve
taking     check, redeem, take
ending     cancel, expire_due
closing    close_merchant, open_merchant, end_of_closed: shops that are suspended or leave
catalogue  save_item, show_items, set_photo, drop_photo
slots      make_slots, add_slot, change_places, close_slot; rebook, remind_booked
waiting    wait, leave, settle_lines: lines for what is gone
devices    enrol_device, renew_device, revoke_device: phones that work without network
offline    book_offline, settle_losses: what they took
posting    how a step stands in the books
"""

from qixia.rewards.services.redemption.catalogue import ItemForm, drop_photo, save_item, set_photo, show_items
from qixia.rewards.services.redemption.closing import close_merchant, end_of_closed, open_merchant
from qixia.rewards.services.redemption.devices import enrol_device, renew_device, revoke_device
from qixia.rewards.services.redemption.ending import cancel, expire_due
from qixia.rewards.services.redemption.offline import Answer, Signed, book_offline, settle_losses
from qixia.rewards.services.redemption.reserving import reserve
from qixia.rewards.services.redemption.slots import (
    add_slot,
    change_places,
    close_slot,
    end_called_off,
    make_slots,
    rebook,
    remind_booked,
)
from qixia.rewards.services.redemption.taking import Checked, Taker, check, redeem, take
from qixia.rewards.services.redemption.waiting import forget_waiting, leave, settle_lines, wait

__all__ = [
    "Answer",
    "Checked",
    "ItemForm",
    "Signed",
    "Taker",
    "add_slot",
    "book_offline",
    "cancel",
    "change_places",
    "check",
    "close_merchant",
    "close_slot",
    "drop_photo",
    "end_called_off",
    "end_of_closed",
    "enrol_device",
    "expire_due",
    "forget_waiting",
    "leave",
    "make_slots",
    "open_merchant",
    "rebook",
    "redeem",
    "remind_booked",
    "renew_device",
    "reserve",
    "revoke_device",
    "save_item",
    "set_photo",
    "settle_lines",
    "settle_losses",
    "show_items",
    "take",
    "wait",
]
