"""The draw: how a seed comes about that nobody chose, and how everything follows from it. The reference of `qixia gifts verify`.

Before   the organiser's computer picks a secret of 32 random bytes and publishes SHA-256 of its hex digits
         (`commitment`), together with the terms (who goes first with how many percent), the public value that will be
         used (say, the numbers of a named lottery draw), how many numbers that has, and the moment from which it is
         known, later than the end of entering.
Closing  the list is frozen: the terms and the kits ("kits<TAB>10", "need<TAB>slug<TAB>percent" …, "lanes<TAB>percent"), then
         one line an entrant, "code<TAB>need<TAB>lane", sorted by code, each ended by a line feed. SHA-256 of it (`list`)
         is published before the public value exists; where that comes too late, the draw is void.
Value    numbers only, in the order in which they are published, without noughts in front, one space between: whoever types
         it has nothing to choose.
Seed     SHA-256 of secret, list and value, joined by line feeds. Whoever knows the secret doesn't know the value and the
         other way round; the list cannot change after either.
Numbers  each entrant's number is SHA-256 of seed, ":" and code, in hex; the smaller number goes first.
Results  sharing.py: needs, lanes, the rest, each in the order of numbers.
Errors   BadFile, with what is wrong.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qixia.gifts.rules.sharing import lane_shares, need_shares
from qixia.kernel.errors import Invalid

HEAD = "# qixia gifts draw 2"
NEED, LANE, REST, NONE = "need", "lane", "rest", "none"
_LANES = "lanes"
_TIMES = ("promised_at", "sealed_at", "value_from")
_NUMBER = re.compile(r"\d+", re.ASCII)


class BadFile(Exception):
    """The file does not prove what it says."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was published: numbers and percents of a draw. `needs` are (slug, percent) in their order."""

    kits: int
    needs: tuple[tuple[str, int], ...]
    lanes_percent: int

    def lines(self) -> Iterator[str]:
        """As they are sealed with the list."""
        yield f"kits\t{self.kits}\n"
        for slug, percent in self.needs:
            yield f"need\t{slug}\t{percent}\n"
        yield f"{_LANES}\t{self.lanes_percent}\n"


@dataclass(frozen=True, slots=True)
class Entrant:
    """One line of the frozen list. No need or lane: ""."""

    code: str
    need: str
    lane: str

    def line(self) -> str:
        return f"{self.code}\t{self.need}\t{self.lane}\n"


def commit(secret: str) -> str:
    return _sha(secret)


def normal(value: str, numbers: int) -> str:
    """A public value as it counts: its numbers in order, nothing else; `numbers` is how many were promised."""
    found = _NUMBER.findall(unicodedata.normalize("NFKC", value))
    if len(found) != numbers:
        raise Invalid(
            "要有 %(wanted)s 个数，现在是 %(count)s 个。只输号码，照公布的先后。",
            field="value",
            wanted=numbers,
            count=len(found),
        )
    return " ".join(one.lstrip("0") or "0" for one in found)


def list_hash(terms: Terms, entrants: Iterable[Entrant]) -> str:
    """`entrants` in the order of their codes."""
    digest = hashlib.sha256("".join(terms.lines()).encode())
    for one in entrants:
        digest.update(one.line().encode())
    return digest.hexdigest()


def seed_of(secret: str, listed: str, value: str) -> str:
    return _sha(f"{secret}\n{listed}\n{value}")


def number_of(seed: str, code: str) -> str:
    return _sha(f"{seed}:{code}")


def results(seed: str, terms: Terms, entrants: Sequence[Entrant]) -> dict[str, str]:
    """Code → need, lane, rest or none."""
    ranked = sorted(entrants, key=lambda one: (number_of(seed, one.code), one.code))
    won: dict[str, str] = {}
    wanted = need_shares(terms.kits, terms.needs, Counter(one.need for one in entrants))
    for slug, _percent in terms.needs:
        _take(won, NEED, (one for one in ranked if one.need == slug), wanted[slug])
    waiting = Counter(one.lane for one in ranked if one.code not in won and one.lane)
    pool = min(terms.kits * terms.lanes_percent // 100, terms.kits - len(won))
    left = lane_shares(pool, waiting)
    for one in ranked:
        if one.code not in won and left.get(one.lane, 0) > 0:
            left[one.lane] -= 1
            won[one.code] = LANE
    _take(won, REST, (one for one in ranked if one.code not in won), terms.kits - len(won))
    return {one.code: won.get(one.code, NONE) for one in entrants}


def _take(won: dict[str, str], why: str, from_: Iterable[Entrant], count: int) -> None:
    chosen: list[str] = []
    for one in from_:
        if len(chosen) >= count:
            break
        chosen.append(one.code)
    won.update(dict.fromkeys(chosen, why))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# ── the file ────────────────────────────────────────────────────────────────


def head_lines(facts: dict[str, str], terms: Terms) -> Iterator[str]:
    """The lines before the list. `facts` names at least commitment, list, secret, value, seed and entrants."""
    yield HEAD + "\n"
    for name, value in facts.items():
        yield f"# {name}: {' '.join(value.split())}\n"
    yield f"# kits: {terms.kits}\n"
    for slug, percent in terms.needs:
        yield f"# need {slug}: {percent}\n"
    yield f"# {_LANES}: {terms.lanes_percent}\n"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file proves."""

    entrants: int
    kits: int
    won: int


def verify(lines: Iterable[str]) -> Verdict:
    """Recompute everything that a published file says; BadFile names the first thing that does not fit."""
    facts, needs, entrants, told = _read(lines)
    for name in ("commitment", "list", "secret", "value", "seed", "kits", "entrants", *_TIMES, _LANES):
        if name not in facts:
            raise BadFile(f'no line "{name}"')
    if commit(facts["secret"]) != facts["commitment"]:
        raise BadFile("the secret is not the one that was promised")
    if [one.code for one in entrants] != sorted({one.code for one in entrants}):
        raise BadFile("the codes are not in order, or one stands twice")
    if len(entrants) != int(facts["entrants"]):
        raise BadFile("the list is longer or shorter than it was")
    if not facts["promised_at"] <= facts["sealed_at"] < facts["value_from"]:
        raise BadFile("the list was not sealed before the value was known")
    terms = Terms(int(facts["kits"]), needs, int(facts[_LANES]))
    if list_hash(terms, entrants) != facts["list"]:
        raise BadFile("the list is not the one that was sealed")
    if seed_of(facts["secret"], facts["list"], facts["value"]) != facts["seed"]:
        raise BadFile("the seed does not follow from secret, list and value")
    for code, why in results(facts["seed"], terms, entrants).items():
        if told[code] != why:
            raise BadFile(f"{code} is told {told[code]} and comes out as {why}")
    return Verdict(len(entrants), terms.kits, sum(why != NONE for why in told.values()))


def _read(
    lines: Iterable[str],
) -> tuple[dict[str, str], tuple[tuple[str, int], ...], list[Entrant], dict[str, str]]:
    facts: dict[str, str] = {}
    needs: list[tuple[str, int]] = []
    entrants: list[Entrant] = []
    told: dict[str, str] = {}
    for number, raw in enumerate(lines):
        line = raw.rstrip("\r\n")
        if number == 0 and line != HEAD:
            raise BadFile("this is no list of a draw")
        if line.startswith("# need "):
            slug, _colon, percent = line.removeprefix("# need ").partition(": ")
            needs.append((slug, int(percent)))
        elif line.startswith("# "):
            name, _colon, value = line[2:].partition(": ")
            facts.setdefault(name, value)
        elif line:
            parts = line.split("\t")
            if len(parts) != 4:
                raise BadFile(f"line {number + 1} has not four columns")
            entrants.append(Entrant(*parts[:3]))
            told[parts[0]] = parts[3]
    return facts, tuple(needs), entrants, told
