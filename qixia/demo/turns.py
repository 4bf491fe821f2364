"""Turns that a matter takes besides the straight way: what goes to the wrong unit, takes longer, is called untrue and appealed,
rings, is rated, and is looked at by a rider who passes by.

What happens now and then in sixty days is asked for by `history.py`; what lies on the desks today is planned here, so that
every list has something to show whatever the hour, the weekday and the number of days.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from qixia.demo.history import Act, History, Plot
from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.offers import services as offers
from qixia.offers.queries import offers_near
from qixia.people.access import Actor
from qixia.reports import services
from qixia.reports.models import Alarm, Report

LOOK_HOURS = range(9, 22, 4)  # when riders look at what is offered


@dataclass(frozen=True, slots=True)
class Turn:
    """One matter of the last days: raised so many hours before the demo stands still, `acts` so many hours before."""

    cls: str
    words: str
    raised: float
    stop: str
    acts: tuple[tuple[float, Callable[[History, Report], object]], ...]


# ── a unit that is not the right one, a limit that is too short ───────────────
def _not_ours(history: History, report: Report) -> None:
    to = "chengguan" if history.unit_code(report) != "chengguan" else "shizheng"
    services.return_report(actor=history.lead_of(report), public_id=report.public_id, reason="不是我们的路段", to=to)


def _object(history: History, report: Report) -> None:
    words = "路面是他们养护的，我们只管占道。"
    services.object_to(actor=history.lead_of(report), public_id=report.public_id, reason=words)


def _decide(history: History, report: Report) -> None:
    words = "按养护台账，这一段由市政养护所主办。"
    actor = history.supervisor_of(report)
    services.decide(actor=actor, public_id=report.public_id, unit_code="shizheng", reason=words)
    history.go_on_with(report.public_id, "working")


def _longer(history: History, report: Report) -> None:
    words = "要等沥青拌和站开机，雨停才能摊铺。"
    services.ask_extension(actor=history.lead_of(report), public_id=report.public_id, length="2 工作日", reason=words)


def _grant(history: History, report: Report) -> None:
    actor = history.supervisor_of(report)
    services.decide_extension(actor=actor, public_id=report.public_id, grant=True, text="同意，先把围挡补好。")


def _refuse(history: History, report: Report) -> None:
    words = "冷补料今天就能用，按原来的时限办。"
    services.decide_extension(actor=history.supervisor_of(report), public_id=report.public_id, grant=False, text=words)


def _pause(history: History, report: Report) -> None:
    clerk = history.clerk_of(report)
    services.pause(actor=clerk, public_id=report.public_id, reason="owner", text="等产权单位确认管线走向")


def _inspect(history: History, report: Report) -> None:
    plot, actor = history.plots[report.public_id], history.lead_of(report)
    photos = [history.retaken(plot.pair[0], 5, views=1)]
    text = "量过了，缺两米护栏，明早带料来装，先拉警示带。"
    services.inspect(actor=actor, public_id=report.public_id, text=text, place=plot.place, photos=photos)


def _promise(history: History, report: Report) -> None:
    day = clock.city_date(clock.now()) + timedelta(days=9)
    words = "和社区一起看场地、算用电，给你准信。"
    services.promise(actor=history.lead_of(report), public_id=report.public_id, day=day, text=words)


# ── not true, not ours to act on, and what the reporter says to that ──────────
def _reject(history: History, report: Report) -> None:
    words = "到现场看过，没有发现这个问题。"
    clerk = history.clerk_of(report)
    services.reject(actor=clerk, public_id=report.public_id, reason=words, ground="not-there")


def _set_aside(history: History, report: Report) -> None:
    words = "两家商户之间的事，请先到社区调解室。"
    services.set_aside(actor=history.clerk_of(report), public_id=report.public_id, kind="dispute", reason=words)


def _appeal(history: History, report: Report) -> None:
    rider = history.plots[report.public_id].rider
    services.appeal(actor=rider, public_id=report.public_id, text="还在那里，可能走错了路口，照片里有门牌。")


def _uphold(history: History, report: Report) -> None:
    words = "对照照片找到了，是同名的另一条巷子，重新办。"
    services.grant_appeal(actor=history.supervisor_of(report), public_id=report.public_id, text=words)
    history.go_on_with(report.public_id)


def _dismiss(history: History, report: Report) -> None:
    words = "三次去看都没有，照片和这个地点对不上。"
    services.deny_appeal(actor=history.supervisor_of(report), public_id=report.public_id, reason=words)


# ── what rings ────────────────────────────────────────────────────────────────
def _call_next(_history: History, _report: Report) -> None:
    services.call_next()


def _transfer(history: History, report: Report) -> None:
    clerk = history.clerk_of(report)
    services.transfer_alarm(actor=clerk, public_id=report.public_id, phone="119", reference="火警 0417")


HOLE, PILE = "路面破了个坑，电动车过去颠得厉害", "楼道口堆了一人高的纸箱，消防通道走不过去"
MINUTE = 1 / 60
TURNS = (
    Turn("road-damage", HOLE, 32, "held", ((30, _not_ours), (28, _object), (25, _decide))),
    Turn("road-damage", "井边路面下陷，旁边画了临时停车位", 9, "held", ((7, _not_ours), (5, _object))),
    Turn("road-damage", "路口沥青推起一道坎，摔了人", 29, "working", ((10, _longer), (6, _grant))),
    Turn("road-damage", "辅道坑连坑，下雨看不见深浅", 28, "working", ((9, _longer), (4, _refuse))),
    Turn("road-damage", "桥头路面裂开一条缝，车轮会卡住", 27, "working", ((3, _longer),)),
    Turn("drain", "雨水口堵死了，一下雨就漫到店门口", 26, "working", ((8, _pause),)),
    Turn("guardrail", "桥边护栏缺了一段，夜里看不见", 25, "accepted", ((7, _inspect),)),
    Turn("station-need", "驿站饮水机坏了，夏天没水喝，想添一台", 30, "held", ((27, _promise),)),
    Turn("fire-lane", PILE, 70, "held", ((60, _reject),)),
    Turn("litter", "巷口一堆装修垃圾没人收", 66, "held", ((55, _reject), (20, _appeal))),
    Turn("streetlight", "巷子里三盏路灯不亮", 64, "held", ((54, _reject), (40, _appeal), (22, _uphold))),
    Turn("tree", "树枝压到电动车棚上了", 62, "held", ((53, _reject), (38, _appeal), (21, _dismiss))),
    Turn("stall", "两家店为门口那块地天天吵，货都堆到路上", 58, "held", ((50, _set_aside),)),
    Turn("noise", "隔壁铺子放喇叭，说了也不听", 57, "held", ((48, _set_aside), (18, _appeal))),
    Turn(
        "fire", "电动车棚起火了，烟很大", 46, "ringing", ((46 - 7 * MINUTE, _call_next), (46 - 9 * MINUTE, _transfer))
    ),
    Turn("gas", "小区门口有很浓的煤气味，像是漏气", 1 * MINUTE, "ringing", ()),
)


def plan(history: History, days: int) -> None:
    """Plan what lies on the desks, and riders who look at what is offered nearby."""
    for number, turn in enumerate(TURNS):
        _plan_turn(history, turn, history.cast.riders[2 + number * 3])
    for hours in (100, 78, 54, 31):
        plot = _plot(
            history, "manhole", "人行道上的井盖翘起来了，绊脚", history.rng.choice(history.cast.riders[1:]), "looked"
        )
        history.plan_report(history.until - timedelta(hours=hours), plot)
    for day in range(max(days, 4), -1, -1):
        start = clock.city_day(clock.city_date(history.until) - timedelta(days=day))[0]
        for hour in LOOK_HOURS:
            history.plan(start + timedelta(hours=hour), partial(_pass_by, history))
            history.plan(start + timedelta(hours=hour, minutes=40), partial(_answer_alarms, history))
    history.plan(history.until - timedelta(minutes=9), partial(_take_one, history))
    history.plan(history.until - timedelta(minutes=4), partial(_answer_alarms, history))


def _answer_alarms(history: History) -> None:
    """Whatever rings anew, because it went to somebody else or was opened again."""
    ringing = Alarm.objects.filter(ended_at=None).select_related("report__community")
    for alarm in ringing:
        if history.plots[alarm.report.public_id].stop != "ringing":
            history.take_alarm(alarm.report)


def _plan_turn(history: History, turn: Turn, rider: Actor) -> None:
    plot = _plot(history, turn.cls, turn.words, rider, turn.stop)
    begin = history.until - timedelta(hours=turn.raised)
    history.plan_report(begin, plot)
    for hours, act in turn.acts:
        history.plan(history.until - timedelta(hours=hours), partial(_turn, history, plot, act))


def _plot(history: History, cls: str, text: str, rider: Actor, stop: str) -> Plot:
    plot = history.plot(rider, cls, own=True, handled=False, hint=cls, happy=False, stop=stop)
    plot.text = text
    return plot


def _turn(history: History, plot: Plot, act: Callable[[History, Report], object]) -> None:
    report = Report.objects.select_related("unit", "community").get(public_id=plot.public_id)
    history.attempt(lambda: act(history, report))


# ── riders who pass by ────────────────────────────────────────────────────────
def _pass_by(history: History) -> None:
    """Some of what is offered is taken by somebody for whom it is, who then goes there and looks."""
    for rider in history.rng.sample(history.cast.riders[1:], 6):
        wanted = [card for card in offers_near(rider) if _is_free(history, card.subject)]
        if wanted:
            card = history.rng.choice(wanted)
            offers.take(actor=rider, public_id=card.public_id)
            history.later(6, 25, _look(history, rider, card.public_id, card.subject.removeprefix("report:")))


def _is_free(history: History, subject: str) -> bool:
    """The hero answers for himself, and what waits on a desk goes on waiting."""
    plot = history.plots.get(subject.removeprefix("report:"))
    return plot is not None and plot.rider is not history.cast.hero and plot.stop in ("", "looked")


def _look(history: History, rider: Actor, offer: str, public_id: str) -> Act:
    plot, chance = history.plots[public_id], history.rng.random()

    def act() -> None:
        fixed = chance < 0.85
        history.attempt(
            lambda: services.look_again(
                actor=rider,
                offer=offer,
                fixed=fixed,
                place=plot.place,
                photos=[history.retaken(plot.pair[1 if fixed else 0], 4, views=1)],
                text="路过看了，已经修好。" if fixed else "路过看了，还是老样子。",
            )
        )
        report = Report.objects.get(public_id=public_id)
        if fixed:
            history.later(20, 900, partial(history.rate, public_id, plot))
        elif report.state == "reopened":
            history.go_on_with(public_id)

    return act


def _take_one(history: History) -> None:
    """One of what waits is in somebody's hands at the moment of the demo."""
    for rider in history.cast.riders[-1:0:-1]:
        for card in offers_near(rider):
            plot = history.plots.get(card.subject.removeprefix("report:"))
            if plot is None or plot.rider is history.cast.hero:
                continue
            try:
                offers.take(actor=rider, public_id=card.public_id)
            except DomainError:
                continue
            return
