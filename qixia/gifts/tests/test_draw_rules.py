"""The arithmetic of shares, and that a published file proves a draw and nothing else."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qixia.gifts.rules import draw, lane_shares, need_shares, suppressed
from qixia.gifts.rules.draw import BadFile, Entrant, Terms
from qixia.kernel.errors import Invalid

TERMS = Terms(kits=10, needs=(("night", 20), ("family", 10)), lanes_percent=50)


def entrants(count: int) -> list[Entrant]:
    needs, lanes = ("", "", "night", "family", ""), ("1", "2", "2", "")
    return [Entrant(f"code{n:08d}", needs[n % 5], lanes[n % 4]) for n in range(count)]


def published(count: int = 40) -> list[str]:
    secret, value, people = "ab" * 32, "03 09 14", entrants(count)
    listed = draw.list_hash(TERMS, people)
    seed = draw.seed_of(secret, listed, value)
    facts = {
        "commitment": draw.commit(secret),
        "list": listed,
        "secret": secret,
        "value": value,
        "seed": seed,
        "entrants": str(count),
        "promised_at": "2026-01-01T00:00:00Z",
        "sealed_at": "2026-01-02T00:00:00Z",
        "value_from": "2026-01-02T01:00:00Z",
    }
    told = draw.results(seed, TERMS, people)
    return [*draw.head_lines(facts, TERMS), *(one.line()[:-1] + f"\t{told[one.code]}\n" for one in people)]


def test_a_number_is_plain_sha256():
    assert draw.number_of("seed", "code") == hashlib.sha256(b"seed:code").hexdigest()


def test_needs_first_then_lanes_then_the_rest():
    told = draw.results("00", TERMS, entrants(40))
    assert Counter(told.values()) == {"need": 3, "lane": 5, "rest": 2, "none": 30}
    people = {one.code: one for one in entrants(40)}
    assert Counter(people[code].need for code, why in told.items() if why == "need") == {"night": 2, "family": 1}
    lanes = Counter(people[code].lane for code, why in told.items() if why == "lane")
    assert set(lanes) == {"1", "2"}


@given(kits=st.integers(0, 60), count=st.integers(0, 50), seed=st.text("0123456789abcdef", min_size=1, max_size=8))
def test_nobody_twice_and_no_kit_left_while_somebody_waits(kits, count, seed):
    terms = Terms(kits, TERMS.needs, TERMS.lanes_percent)
    told = draw.results(seed, terms, entrants(count))
    assert len(told) == count
    assert sum(why != "none" for why in told.values()) == min(kits, count)


@given(pool=st.integers(0, 500), waiting=st.dictionaries(st.text("123", min_size=1, max_size=3), st.integers(0, 90)))
def test_lanes_get_their_share_to_within_one(pool, waiting):
    shares, total = lane_shares(pool, waiting), sum(waiting.values())
    assert sum(shares.values()) == min(pool, total)
    for lane, share in shares.items():
        assert share <= waiting[lane]
        if total:
            assert abs(share - min(pool, total) * waiting[lane] / total) < 1


def test_a_need_takes_no_more_than_there_are_people():
    assert need_shares(100, [("a", 10), ("b", 50)], {"a": 3, "b": 80}) == {"a": 3, "b": 50}


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ([9, 3, 12], [None, None, 12]),  # a single hidden one could be told from the sum
        ([2, 3, 12], [None, None, 12]),
        ([0, 6, 12], [0, 6, 12]),
        ([4], [None]),
        ([0, 4, 0], [0, None, 0]),
    ],
)
def test_small_numbers_hide(cells, shown):
    assert suppressed(cells, 5) == shown


def test_the_file_of_a_draw_verifies():
    found = draw.verify(published())
    assert (found.entrants, found.kits, found.won) == (40, 10, 10)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("# secret: " + "ab" * 32, "# secret: " + "ac" * 32, "promised"),
        ("# value: 03 09 14", "# value: 03 09 15", "seed"),
        ("# kits: 10", "# kits: 11", "sealed"),
        ("# need night: 20", "# need night: 90", "sealed"),
        ("# sealed_at: 2026-01-02T00", "# sealed_at: 2026-01-02T01", "before the value"),
        ("code00000007\t", "code00000007x\t", "sealed"),
        ("\tnone\n", "\trest\n", "is told"),
        ("# qixia gifts draw 2", "# something", "no list"),
        ("# entrants: 40", "# entrants: 41", "longer or shorter"),
    ],
)
def test_a_changed_file_does_not(old, new, why):
    lines = "".join(published())
    assert old in lines
    with pytest.raises(BadFile, match=why):
        draw.verify(lines.replace(old, new, 1).splitlines(keepends=True))


def test_a_moved_or_doubled_line_does_not_either():
    lines = published()
    with pytest.raises(BadFile, match="order"):
        draw.verify([*lines[:-2], lines[-1], lines[-2]])
    with pytest.raises(BadFile, match="order"):
        draw.verify([*lines, lines[-1]])


@pytest.mark.parametrize("said", [" ０３  09\n14 ", "3,9,14", "红球 03、09 蓝球 14", "03 09 + 14"])
def test_of_a_public_value_only_its_numbers_count(said):
    assert draw.normal(said, 3) == "3 9 14"


@pytest.mark.parametrize("said", ["3 9", "2026135 期 3 9 14", "", "三 九 十四"])
def test_a_public_value_has_as_many_numbers_as_were_promised(said):
    with pytest.raises(Invalid):
        draw.normal(said, 3)


def test_a_title_with_a_line_feed_is_no_line_of_the_head():
    lines = list(draw.head_lines({"campaign": "a\n# list: 0"}, TERMS))
    assert lines[1] == "# campaign: a # list: 0\n"
