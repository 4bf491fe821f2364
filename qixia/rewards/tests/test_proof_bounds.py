"""The nightly proof reads each row of the books once, however many pages there are: bounds stand in subqueries too."""

from __future__ import annotations

import re

import pytest
from django.db import connection

from qixia.rewards.models import Account
from qixia.rewards.services import compare, proof
from qixia.rewards.services.settling import proving
from qixia.rewards.tests.builders import item, organisation
from qixia.rewards.tests.settled import budget, live, settled
from qixia.rewards.tests.test_chain import past_the_triggers

BOUND = re.compile(r"\b[\w.]+ > %s AND [\w.]+ <= %s")
CHECKS = [
    sql
    for group in (proof._BY_ACCOUNT, proof._BY_POSTING, proof._BY_VOUCHER)
    for found in group.values()
    for sql in found
]


def joined_selects(sql):
    """What stands in the parentheses of a join, each SELECT of a UNION for itself."""
    for begin in re.finditer(r"JOIN \((?=\s*SELECT)", sql):
        depth, end = 1, begin.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        yield from sql[begin.end() : end - 1].split("UNION ALL")


@pytest.mark.parametrize("sql", [*CHECKS, *proving.checks(connection.vendor)])
def test_every_subquery_of_a_check_reads_its_own_page_alone(sql):
    outer = sql
    for inner in joined_selects(sql):
        assert BOUND.search(inner), inner
        outer = outer.replace(inner, "")
    assert len(BOUND.findall(outer)) == 1
    assert sql.count("%s") == 2 * len(BOUND.findall(sql))


@pytest.mark.usefixtures("table")
def test_pages_of_one_row_find_what_one_page_finds(monkeypatch):
    budget()
    town = settled("paid")
    other = organisation()
    part = live(other, thing=item(other, parts=3), units=1)
    live(organisation())
    held = Account.objects.get(kind="held", owner_ref=f"person:{part.voucher.person.public_id}")
    monkeypatch.setattr(proof, "PAGE", 1)
    assert compare().findings == {}
    past_the_triggers(
        ("UPDATE rewards_account SET balance = balance + 1 WHERE id = %s", held.pk),
        ("UPDATE rewards_posting SET nominal = nominal + 1 WHERE id = %s", part.posting_id),
        ("UPDATE rewards_statement SET state = 'agreed', paid_at = NULL WHERE id = %s", town.row.pk),
    )
    found = compare().findings
    assert found["wrong_uses"] == [part.posting_id]
    assert found["held_without_voucher"] == [held.owner_ref]
    assert found["wrong_statements"] == [town.row.public_id]
