"""Points that a person looks at first, in every end that such points have, and what two riders say to it.

Every sign is one that the detectors find by themselves (reports/cheats.py): photos a minute and kilometres apart, one photo
at two places, one place put right by the same rider again and again. The hero has none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from qixia.demo.history import History
from qixia.kernel.geo import Point, distance_m
from qixia.people.access import Actor
from qixia.reports.services import Whereabouts
from qixia.rewards import services
from qixia.rewards.models import Hold, PointsAppeal, Posting

Publish = Callable[[bool], None]
FIRST = 140  # of the riders, who take part one after the other
APART_H = 1 / 60
TAKE = 40  # of the photos that go round: nothing else in the demo has them, and each picture more costs half a second
# Words that nobody has to think about: what must first be sorted is looked at when the detector is blind again.
TEXTS = {
    "road-damage": "非机动车道一个大坑，下雨看不见",
    "drain": "雨水口堵死了，一下雨就漫到店门口",
    "guardrail": "桥边护栏缺了一段，夜里看不见",
    "streetlight": "路灯一排都不亮，黑了好几天",
    "bin-overflow": "路口垃圾桶又满了，我顺手压实盖好了",
}


def plan(history: History, publish: Publish) -> None:
    """`publish(True)` lets the detector of photos sent twice see, `publish(False)` ends it: the demo's drawings stand for
    many photos each, so it sees only what is planned here."""
    riders = history.cast.riders[FIRST:]
    # What waits for a person.
    _plan_too_fast(history, riders[0], "road-damage", 26)
    _plan_reused(history, publish, riders[1], 30, TAKE)
    _plan_put_right(history, riders[2], 21)
    # What somebody decided: given, not given; nobody.
    _plan_too_fast(history, riders[3], "guardrail", 24 * 5)
    _at(history, 24 * 4, partial(_give, history, riders[3]))
    _plan_reused(history, publish, riders[4], 24 * 3, TAKE + 1)
    _at(history, 50, partial(_refuse, history, riders[4]))
    _plan_too_fast(history, riders[5], "streetlight", 24 * 11)
    # Two say that an entry is wrong: one was right, one waits for an answer.
    _plan_report(history, riders[6], "road-damage", 24 * 5, _exact(history.own_place()))
    _at(history, 24 * 4 + 6, partial(_appeal, riders[6], "路面是空的，压上去往下掉，该按塌陷算"))
    _at(history, 24 * 3 + 4, partial(_grant, history, riders[6]))
    _at(history, 27, partial(_appeal, riders[4], "下雨天水没过脚踝，算积水该是 10 分"))


def _at(history: History, hours: float, act: Callable[[], object]) -> None:
    history.plan(history.until - timedelta(hours=hours), lambda: history.attempt(act))


def _two_places(history: History) -> tuple[Whereabouts, Whereabouts]:
    """Two that no rider gets from one to the other in a minute."""
    here = history.own_place()
    there = max(history.points, key=lambda place: distance_m(Point(here.lat, here.lng), Point(place.lat, place.lng)))
    return _exact(here), _exact(there)


def _exact(place: Whereabouts) -> Whereabouts:
    return replace(place, accuracy_m=6, building="", floor="", spot="")


# ── signs ─────────────────────────────────────────────────────────────────────
def _plan_report(
    history: History, rider: Actor, cls: str, hours: float, place: Whereabouts, *, handled: bool = False, take: int = 0
) -> None:
    plot = history.plot(rider, cls, handled=handled, hint=cls, happy=False, take=take)
    plot.place, plot.text = place, TEXTS[cls]
    history.plan_report(history.until - timedelta(hours=hours), plot)


def _plan_too_fast(history: History, rider: Actor, cls: str, hours: float) -> None:
    first, second = _two_places(history)
    _plan_report(history, rider, cls, hours, first)
    _plan_report(history, rider, cls, hours - APART_H, second)


def _plan_reused(history: History, publish: Publish, rider: Actor, hours: float, take: int) -> None:
    first, second = _two_places(history)
    _plan_report(history, rider, "drain", hours + 5, first, take=take)
    _plan_report(history, rider, "drain", hours, second, take=take)
    history.plan(history.until - timedelta(hours=hours, seconds=1), partial(publish, True))
    history.plan(history.until - timedelta(hours=hours, seconds=-1), partial(publish, False))


def _plan_put_right(history: History, rider: Actor, hours: float) -> None:
    """One bin, put right four times in four days."""
    place = _exact(history.own_place())
    for day in (3, 2, 1, 0):
        _plan_report(history, rider, "bin-overflow", hours + day * 25, place, handled=True)


# ── what people do about it ───────────────────────────────────────────────────
def _give(history: History, rider: Actor) -> None:
    assert history.cast.admin is not None
    if hold := _hold_of(rider):
        services.post_hold(actor=history.cast.admin, public_id=hold)


def _refuse(history: History, rider: Actor) -> None:
    assert history.cast.admin is not None
    if hold := _hold_of(rider):
        reason = "照片和你上一件是同一张，两处隔得很远"
        services.void_hold(actor=history.cast.admin, public_id=hold, reason=reason)


def _hold_of(rider: Actor) -> str | None:
    rows = Hold.objects.filter(owner_ref=rider.ref, state="open").order_by("-pk")
    return rows.values_list("public_id", flat=True).first()


def _appeal(rider: Actor, text: str) -> None:
    """Against the first award: the machine gave it, so that the administrator may answer."""
    given = Posting.objects.filter(beneficiary=rider.ref, kind="award", act="reports.dispatched").order_by("pk").first()
    if given is not None:
        services.appeal_points(actor=rider, entry=given.pk, text=text, shows=True)


def _grant(history: History, rider: Actor) -> None:
    assert history.cast.admin is not None
    appeal = PointsAppeal.objects.filter(posting__beneficiary=rider.ref, state="open").first()
    if appeal is not None:
        words = "看了照片，是路面塌陷，按塌陷的 20 分补给你。"
        services.answer_appeal(actor=history.cast.admin, public_id=appeal.public_id, points=8, answer=words)
