"""All writes to merchants, named by verb. See the modules for what each promises."""

from qixia.merchants.services.allying import found_alliance, join_alliance
from qixia.merchants.services.applying import agree, apply, leave, set_hours, set_phone
from qixia.merchants.services.deciding import admit, refuse, resume, resume_due, suspend, suspend_over
from qixia.merchants.services.offering import end_perk, set_perk
from qixia.merchants.services.opening import NewShop, add_keeper, open_shop, remove_keeper
from qixia.merchants.services.papers import check_paper, hand_in_paper, warn_of_ending
from qixia.merchants.services.rating import count_ratings, rate

__all__ = [
    "NewShop",
    "add_keeper",
    "admit",
    "agree",
    "apply",
    "check_paper",
    "count_ratings",
    "end_perk",
    "found_alliance",
    "hand_in_paper",
    "join_alliance",
    "leave",
    "open_shop",
    "rate",
    "refuse",
    "remove_keeper",
    "resume",
    "resume_due",
    "set_hours",
    "set_perk",
    "set_phone",
    "suspend",
    "suspend_over",
    "warn_of_ending",
]
