"""The rider whom the demo follows: his account reads 235, and every point of it comes from an act.

22 reports earn 255, 15 answers 30, joining 10; one meal ticket costs 60: 255 + 30 + 10 − 60 = 235.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from qixia.demo.history import DAYS, Act, History, Plot
from qixia.kernel import clock
from qixia.rewards.models import Item
from qixia.rewards.queries import balance
from qixia.rewards.services import award, redeem, reserve

# class → how many; 15 points each for the first two, then 12, 10, 8 and 3: 255 in all.
REPORTS = {"manhole": 5, "cable": 4, "road-damage": 5, "fire-lane": 3, "streetlight": 3, "shared-bike": 2}
ANSWERED = 15
WAKES = 7  # o'clock in the city
BALANCE = 235
TEXTS = {
    "manhole": "井盖没了，路口来车多，刚才差点掉进去",
    "cable": "电线垂到人行道上了，走路都要低头",
    "road-damage": "非机动车道一个大坑，下雨看不见",
    "fire-lane": "消防通道堆满纸箱，人都挤不过去",
    "streetlight": "路灯一排都不亮，黑了好几天",
    "shared-bike": "共享单车倒了一片，占着路",
}


def plan(history: History) -> None:
    """Plan the hero's acts: the newest reports stay open, 15 of the older ones go to the end."""
    hero = history.cast.hero
    assert hero is not None
    start = history.until - timedelta(days=DAYS - 2)
    history.plan(start, lambda: _join(history))
    kinds = [cls for cls, number in REPORTS.items() for _ in range(number)]
    history.rng.shuffle(kinds)
    # The last thing he saw is the open manhole of the first page.
    kinds.remove("manhole")
    kinds.append("manhole")
    for index, cls in enumerate(kinds):
        done = index < ANSWERED
        if done:
            at = _by_day(start + timedelta(days=(index + 1) * (DAYS - 20) / (ANSWERED + 1)))
        else:
            at = _waking_before(history.until, timedelta(minutes=40 * (len(kinds) - index) ** 2 - 12))
        history.plan_report(at, _plot(history, cls, done))
    history.plan(history.until - timedelta(days=2, hours=3), _lunch(history))


def _plot(history: History, cls: str, done: bool) -> Plot:
    hero = history.cast.hero
    assert hero is not None
    plot = history.plot(hero, cls, own=True, handled=False, hint=cls, happy=True)
    plot.text = TEXTS[cls]
    if not done:
        plot.happy = False  # whatever becomes of it, he has not answered yet
    return plot


def _by_day(moment: datetime) -> datetime:
    """The same moment, moved out of the night into the evening before."""
    hour = clock.city_time(moment).hour
    return moment - timedelta(hours=hour + 3) if hour < WAKES else moment


def _waking_before(until: datetime, span: timedelta) -> datetime:
    """``span`` of waking time before ``until``: nights (0 to 7 o'clock in the city) do not count.

    Two reports are so never nearer to each other than their spans, whatever the hour of the load: a rider in two
    places at once is held for a person, and his 235 would be fewer.
    """
    at = until
    while True:
        # A moment earlier, so that midnight belongs to the day that ends with it.
        midnight = clock.city_time(at - timedelta.resolution).replace(hour=0, minute=0, second=0, microsecond=0)
        waking = at - (midnight + timedelta(hours=WAKES))
        if waking > span:
            return at - span
        span -= max(waking, timedelta(0))
        at = midnight


def _join(history: History) -> None:
    hero = history.cast.hero
    assert hero is not None
    award(beneficiary=hero.ref, rule="joining", source=hero.ref, act="people.joined", actor="system:demo")


def _lunch(history: History) -> Act:
    def act() -> None:
        hero, keeper = history.cast.hero, history.cast.merchants["rongyin-canteen"]
        assert hero is not None
        meal = Item.objects.get(name="小哥食堂午餐券", merchant__code="rongyin-canteen")
        voucher = reserve(actor=hero, item=meal.public_id, client_key="demo-lunch-1")
        redeem(actor=keeper, text=voucher.number, redeem_key="demo-lunch-redeem-1")

    return act


def check(history: History) -> None:
    """The page that shows 235 must not lie."""
    hero = history.cast.hero
    assert hero is not None
    found = balance(hero.ref)
    if found != BALANCE:
        raise AssertionError(f"the demo rider has {found} points instead of {BALANCE}")
