"""What pages and other packages may read about points and vouchers. Frozen dataclasses, made for one reader each.

Costs are stated where another page depends on them. Pages are cut by key (the id of the last row), never by offset.
"""

from qixia.rewards.queries.catalogue import Good, Offer, StockLine, good, goods, item_for_edit, offers, stock_lines
from qixia.rewards.queries.drafts import (
    EffectView,
    Latest,
    TableLine,
    draft_effect,
    latest_table,
    parse_table,
    table_lines,
)
from qixia.rewards.queries.money import yuan
from qixia.rewards.queries.purse import (
    Debtor,
    Month,
    MonthOfRows,
    Page,
    Row,
    Summary,
    balance,
    balance_at,
    claim_states,
    collected,
    debts,
    entries_page,
    points_of,
    summary_for,
    worth,
)
from qixia.rewards.queries.rulebook import RuleBook, RuleLine, rule_book
from qixia.rewards.queries.till import REFUSALS, SeenAtTill, Taken, Till, seen_at_till, till
from qixia.rewards.queries.vouchers import Ticket, code_parts, ticket, tickets

__all__ = [
    "REFUSALS",
    "Debtor",
    "EffectView",
    "Good",
    "Latest",
    "Month",
    "MonthOfRows",
    "Offer",
    "Page",
    "Row",
    "RuleBook",
    "RuleLine",
    "SeenAtTill",
    "StockLine",
    "Summary",
    "TableLine",
    "Taken",
    "Ticket",
    "Till",
    "balance",
    "balance_at",
    "claim_states",
    "code_parts",
    "collected",
    "debts",
    "draft_effect",
    "entries_page",
    "good",
    "goods",
    "item_for_edit",
    "latest_table",
    "offers",
    "parse_table",
    "points_of",
    "rule_book",
    "seen_at_till",
    "stock_lines",
    "summary_for",
    "table_lines",
    "ticket",
    "tickets",
    "till",
    "worth",
    "yuan",
]
