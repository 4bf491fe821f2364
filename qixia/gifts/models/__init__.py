"""Tables of gifts, by matter."""

from qixia.gifts.models.campaigns import Campaign, Draw, Entry, Ticket
from qixia.gifts.models.handing import Allotment, Guess, HandOver, PaperList
from qixia.gifts.models.stock import Donation, Donor, Helper, Move, Place, Stock

__all__ = [
    "Allotment",
    "Campaign",
    "Donation",
    "Donor",
    "Draw",
    "Entry",
    "Guess",
    "HandOver",
    "Helper",
    "Move",
    "PaperList",
    "Place",
    "Stock",
    "Ticket",
]
