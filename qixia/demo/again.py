"""One thing that several riders see, in the hours before the demo stands still: what the machine merges, what a rider supports
instead of reporting it, and two that a clerk is asked about.

For the rest of the sixty days a clerk would be asked about each (policy "reports.merging"), so that what the hero of the demo
earned does not depend on who else passed by.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from qixia.demo.history import History
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.reports import services
from qixia.reports.queries.similar import similar_reports

BEGIN_MIN, END_MIN = 300, 195  # before the demo stands still
# (class, minutes after the beginning, metres to the north of the first, words). What comes after the end is asked about,
# however sure the machine is.
SAME = (
    ("manhole", 5, 0, "非机动车道上井盖没了，骑车的人能掉下去"),
    ("manhole", 41, 6, "这里井盖不见了，一个大洞，太危险了"),
    ("road-damage", 112, 0, "路中间一个大坑，电动车过去颠得厉害"),
    ("road-damage", 166, 9, "路中间有个大坑，电动车过去颠得厉害，雨天看不见"),
    ("streetlight", 120, 0, "路灯坏了，这一段黑漆漆的"),
    ("streetlight", 174, 14, "路灯坏了一盏，这一段黑漆漆的看不清路"),
)
SUPPORTED = ("manhole", 58)


def plan(history: History) -> None:
    """Plan all of it. The first of each class stays with its unit."""
    start = history.until - timedelta(minutes=BEGIN_MIN)
    _publish(automatic=False, valid_from=history.until - timedelta(days=90))
    history.plan(start, lambda: _publish(automatic=True))
    history.plan(history.until - timedelta(minutes=END_MIN), lambda: _publish(automatic=False))
    history.plan(history.until, lambda: _publish(automatic=True))
    spots = {cls: history.own_place() for cls in dict.fromkeys(cls for cls, *_rest in SAME)}
    riders = history.cast.riders[1:]
    for number, (cls, minutes, north, words) in enumerate(SAME):
        spot = replace(spots[cls], lat=spots[cls].lat + north / 111_320, accuracy_m=6, building="", floor="", spot="")
        plot = history.plot(riders[number % len(riders)], cls, handled=False, hint=cls, happy=False, stop="accepted")
        plot.text, plot.place = words, spot
        history.plan_report(start + timedelta(minutes=minutes), plot)
    cls, minutes = SUPPORTED
    history.plan(start + timedelta(minutes=minutes), lambda: _support(history, spots[cls]))


def _support(history: History, spot: services.Whereabouts) -> None:
    rider = history.cast.riders[-1]
    found = similar_reports(rider, lat=spot.lat, lng=spot.lng, accuracy_m=6, words=SAME[0][3], cls="manhole")
    offer = next((one.offer for one in found if one.offer), "")
    if offer:
        services.support(actor=rider, offer=offer)


def _publish(*, automatic: bool, valid_from: datetime | None = None) -> None:
    data = current("reports.merging").data.model_dump(mode="json") | {"automatic": automatic}
    publish("reports.merging", data, note="演示", actor_ref="system:demo", valid_from=valid_from)
