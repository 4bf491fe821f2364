"""All writes to gifts, named by verb. See the modules for what each promises."""

from qixia.gifts.services.drawing import carry_on, confirm_value, draw_again, enter_value, promise_anew
from qixia.gifts.services.entering import close_due, close_entries, confirm_need, enter, withdraw
from qixia.gifts.services.forgetting import forget_person
from qixia.gifts.services.giving import record_donation, register_donor
from qixia.gifts.services.handing import check, hand_over, set_deputy, undo
from qixia.gifts.services.joining import allot_earlier, allot_joining
from qixia.gifts.services.lapsing import lapse_due, remind
from qixia.gifts.services.papering import bring_in, drop_paper, note_paper
from qixia.gifts.services.placing import add_helper, end_helper, set_place
from qixia.gifts.services.planning import draft_campaign, end_campaign, end_due, open_campaign
from qixia.gifts.services.stocking import correct, move, receive, write_off

__all__ = [
    "add_helper",
    "allot_earlier",
    "allot_joining",
    "bring_in",
    "carry_on",
    "check",
    "close_due",
    "close_entries",
    "confirm_need",
    "confirm_value",
    "correct",
    "draft_campaign",
    "draw_again",
    "drop_paper",
    "end_campaign",
    "end_due",
    "end_helper",
    "enter",
    "enter_value",
    "forget_person",
    "hand_over",
    "lapse_due",
    "move",
    "note_paper",
    "open_campaign",
    "promise_anew",
    "receive",
    "record_donation",
    "register_donor",
    "remind",
    "set_deputy",
    "set_place",
    "undo",
    "withdraw",
    "write_off",
]
