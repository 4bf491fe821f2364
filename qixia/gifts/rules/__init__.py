"""Decisions about gifts. Pure.

sharing   shapes of the policy, how many go to which group, small numbers
draw      commitment, sealed list, tickets, results, and the file by which anybody checks them
forms     what people type, checked
"""

from qixia.gifts.rules.sharing import Need, SharingPolicy, lane_shares, need_shares, suppressed

__all__ = ["Need", "SharingPolicy", "lane_shares", "need_shares", "suppressed"]
