"""Signs that somebody earns points by what was not so. Pure: facts of one account's reports in, signals out.

A sign is no proof: what carries one is looked at by a person before it is paid (policy "rewards.holds"), and each
detector's honest neighbours stand in its tests. Thresholds are the policy "reports.cheats"; how often the detectors are
right on a drawn set says docs/policy/cheats.md.

Units    metres, UTC, whole points. `Seen` names a report and no person; evidence holds numbers, places and times.
Facts    a phone's clock and place can be forged: who forges both well is found by other eyes (looks, visits).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qixia.kernel.clock import city_date, city_time
from qixia.kernel.geo import Point, distance_m
from qixia.reports.policy import Cheats
from qixia.rewards.rules import Signal

OWN_MADE = "own-made"
REUSED = "reused-photo"
SPEED = "impossible-speed"
MUTUAL = "mutual-support"
FARMED = "farmed"
_SHOWN = 8  # reports that a signal's evidence names at most


@dataclass(frozen=True, slots=True)
class Seen:
    """One report of an account, as far as signs need it. `taken_at`: when the phone says the photo was taken, None where
    it does not; `on_spot`: whether the place is the phone's own."""

    public_id: str
    number: str
    cls: str
    place: str
    point: Point
    at: datetime
    taken_at: datetime | None = None
    on_spot: bool = True
    accuracy_m: float = 0.0
    fixed_at: datetime | None = None
    handled: bool = False
    worth: int = 0


def signals(now: Seen, past: Sequence[Seen], photos: Sequence[Seen], policy: Cheats) -> tuple[Signal, ...]:
    """All signs on `now`. `past`: the account's earlier reports, `photos`: reports with the very same picture."""
    found = (
        own_made(now, past, policy),
        reused_photo(now, photos, policy),
        impossible_speed(now, past, policy),
        farmed(now, past, policy),
    )
    return tuple(one for one in found if one is not None)


def own_made(now: Seen, past: Sequence[Seen], policy: Cheats) -> Signal | None:
    """The same place and class again and again: each time soon after it was fixed, and so is this one; put right by the
    reporter; or fixed each time and there again at the same time of day. What comes back by itself (policy) is left to
    the second way."""
    rule = policy.own_made
    since = now.at - timedelta(days=rule.days)
    here = [
        one for one in past if one.cls == now.cls and since <= one.at < now.at and _apart(one, now) <= rule.within_m
    ]
    recurs = now.cls in rule.recurring
    again = [] if recurs else [one for one in here if one.fixed_at and one.fixed_at <= now.at]
    within = timedelta(hours=rule.soon_hours)
    soon = [one for one in again if _reported_soon_after(one, [*here, now], within)]
    if len(soon) >= rule.times and any(_reported_soon_after(one, [now], within) for one in soon):
        return Signal(OWN_MADE, _evidence([*soon, now], way="fixed", times=len(soon)))
    handled = [one for one in here if one.handled]
    if now.handled and len(handled) >= rule.handled_times:
        return Signal(OWN_MADE, _evidence([*handled, now], way="handled", times=len(handled) + 1))
    same_hour = [one for one in again if _clock_apart(one.at, now.at) <= rule.clock_minutes]
    days = {city_date(one.at) for one in (*same_hour, now)}
    if len(days) >= rule.clock_days:
        return Signal(OWN_MADE, _evidence([*same_hour, now], way="clock", times=len(days)))
    return None


def _reported_soon_after(fixed: Seen, reports: Sequence[Seen], soon: timedelta) -> bool:
    assert fixed.fixed_at is not None
    return any(fixed.fixed_at <= one.at <= fixed.fixed_at + soon for one in reports)


def reused_photo(now: Seen, photos: Sequence[Seen], policy: Cheats) -> Signal | None:
    """The very picture of an earlier report, far from it or long after it. Near and soon is one thing sent twice."""
    rule = policy.reused
    far = [
        one
        for one in photos
        if _apart(one, now) >= rule.away_m or abs(now.at - one.at) >= timedelta(hours=rule.after_hours)
    ]
    return Signal(REUSED, _evidence([*far, now], metres=round(max(_apart(one, now) for one in far)))) if far else None


def impossible_speed(now: Seen, past: Sequence[Seen], policy: Cheats) -> Signal | None:
    """Two photos, each where the phone was, further apart than a rider gets in the time between. Where a photo has no time,
    the report's arrival counts, for long ways only: what was offline arrives together."""
    rule = policy.speed
    if not now.on_spot:
        return None
    worst: tuple[float, Seen] | None = None
    for one in past:
        if not one.on_spot:
            continue
        metres = _apart(one, now) - one.accuracy_m - now.accuracy_m
        kmh = metres / 1000 / max(_hours_between(one, now), 1 / 60)
        from_m = rule.from_m if one.taken_at and now.taken_at else rule.arrival_from_m
        if metres >= from_m and kmh > rule.kmh and (worst is None or kmh > worst[0]):
            worst = kmh, one
    if worst is None:
        return None
    kmh, other = worst
    minutes = round(60 * _hours_between(other, now))
    return Signal(SPEED, _evidence([other, now], kmh=round(kmh), metres=round(_apart(other, now)), minutes=minutes))


def _hours_between(one: Seen, other: Seen) -> float:
    return abs(((one.taken_at or one.at) - (other.taken_at or other.at)).total_seconds()) / 3600


def farmed(now: Seen, past: Sequence[Seen], policy: Cheats) -> Signal | None:
    """Many reports of little worth at one place within an hour or so."""
    rule = policy.farmed
    if now.worth > rule.worth_most:
        return None
    since = now.at - timedelta(minutes=rule.minutes)
    near = [
        one
        for one in past
        if one.worth <= rule.worth_most and since <= one.at <= now.at and _apart(one, now) <= rule.within_m
    ]
    if len(near) + 1 < rule.times:
        return None
    return Signal(FARMED, _evidence([*near, now], times=len(near) + 1, minutes=rule.minutes))


def mutual_support(edges: Mapping[tuple[str, str], int], who: str, policy: Cheats) -> Signal | None:
    """A small group that supports mostly each other. `edges`: (who supports or sends the same, whose report) → how often;
    names are any that are equal for one account, and stay out of the evidence."""
    rule = policy.mutual
    strong = {pair for pair, count in edges.items() if count >= rule.each and pair[0] != pair[1]}
    group = _circle(strong, who)
    if not 2 <= len(group) <= rule.group_most:
        return None
    inside: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for (giver, getter), count in edges.items():
        if giver in group:
            given[giver] += count
            inside[giver] += count if getter in group else 0
    within = sum(inside.values())
    if within < rule.times * len(group) or within < rule.share * sum(given.values()):
        return None
    percent = round(100 * within / sum(given.values()))
    return Signal(MUTUAL, {"reports": [], "accounts": len(group), "times": within, "percent": percent})


def _circle(edges: set[tuple[str, str]], who: str) -> set[str]:
    """Those whom `who` reaches and by whom he is reached: everybody supports somebody and is supported in it."""
    return _reach(edges, who) & _reach({(getter, giver) for giver, getter in edges}, who)


def _reach(edges: set[tuple[str, str]], who: str) -> set[str]:
    after: dict[str, set[str]] = {}
    for giver, getter in edges:
        after.setdefault(giver, set()).add(getter)
    found, waiting = {who}, [who]
    while waiting:
        for one in after.get(waiting.pop(), set()) - found:
            found.add(one)
            waiting.append(one)
    return found


def _apart(one: Seen, other: Seen) -> float:
    return distance_m(one.point, other.point)


def _clock_apart(one: datetime, other: datetime) -> float:
    """Minutes between two times of day, over midnight too."""
    a, b = (moment.hour * 60 + moment.minute for moment in (city_time(one), city_time(other)))
    return min(abs(a - b), 1440 - abs(a - b))


def _evidence(reports: Sequence[Seen], **facts: Any) -> dict[str, Any]:
    """Numbers, places and times for who decides; the report itself last."""
    return facts | {
        "reports": [
            {
                "public_id": one.public_id,
                "number": one.number,
                "cls": one.cls,
                "place": one.place,
                "at": (one.taken_at or one.at).isoformat(),
            }
            for one in reports[-_SHOWN:]
        ]
    }
