"""What pages and other packages may read about merchants. Frozen pictures, made for one kind of reader each."""

from qixia.merchants.queries.desk import (
    TABS,
    AllianceLine,
    Case,
    Ending,
    Line,
    alliances,
    case,
    ending_papers,
    places_to_found,
    queue,
    waiting_count,
)
from qixia.merchants.queries.finding import Card, KindCount, Wish, kind_counts, on_map, shops
from qixia.merchants.queries.keeping import Kept, PaperLine, own_shop, shops_of
from qixia.merchants.queries.papers import has_kind, missing_papers
from qixia.merchants.queries.rating import published_of, stars_of, uses_to_rate
from qixia.merchants.queries.showing import ShopView, TenLine, list_of_ten, shop
from qixia.merchants.queries.words import PerkView, now_of, perk_view, perks_of, week_of

__all__ = [
    "TABS",
    "AllianceLine",
    "Card",
    "Case",
    "Ending",
    "Kept",
    "KindCount",
    "Line",
    "PaperLine",
    "PerkView",
    "ShopView",
    "TenLine",
    "Wish",
    "alliances",
    "case",
    "ending_papers",
    "has_kind",
    "kind_counts",
    "list_of_ten",
    "missing_papers",
    "now_of",
    "on_map",
    "own_shop",
    "perk_view",
    "perks_of",
    "places_to_found",
    "published_of",
    "queue",
    "shop",
    "shops",
    "shops_of",
    "stars_of",
    "uses_to_rate",
    "waiting_count",
    "week_of",
]
