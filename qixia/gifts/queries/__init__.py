"""What people see of gifts: riders, the desk, donors and whoever checks a draw."""

from qixia.gifts.queries.desk import (
    PlacePage,
    campaign_case,
    campaigns,
    donors,
    entrants,
    handed,
    my_places,
    organisers_places,
    place_page,
    place_rows,
    stock_of,
)
from qixia.gifts.queries.draws import check_of, file_lines
from qixia.gifts.queries.papers import choices_of, faults_of, paper_of, papers_of
from qixia.gifts.queries.rider import campaign_for, gift_of, home
from qixia.gifts.queries.sheets import sheet_of

__all__ = [
    "PlacePage",
    "campaign_case",
    "campaign_for",
    "campaigns",
    "check_of",
    "choices_of",
    "donors",
    "entrants",
    "faults_of",
    "file_lines",
    "gift_of",
    "handed",
    "home",
    "my_places",
    "organisers_places",
    "paper_of",
    "papers_of",
    "place_page",
    "place_rows",
    "sheet_of",
    "stock_of",
]
