"""What several units do for one matter: two undertakings that answer riders' wish for parking, one of them done with two hundred
places, a case in parts, a helper. All in the last days, so that the pages of the loop have something to show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from qixia.demo.history import History, Plot
from qixia.kernel import clock
from qixia.reports import services
from qixia.reports.models import Report

WISH = "parking-need"
WISHES = (
    "商圈午高峰没地方停车，希望划个骑手停车区",
    "送餐没处停，停一会儿就被贴条",
    "希望多几个骑手停车位，车都停到路上了",
)


PLACES = (
    "车站北广场没有骑手停车位，取餐只能停路边",
    "广场西侧想要一块停车区，现在停哪都挡路",
    "早晚高峰电动车没处停，盼着划一片出来",
)
HOLE = "非机动车道坏了一大片，旁边堆着渣土，绕不过去"


def plan(history: History) -> None:
    """Plan all of it, each act with reports of its own, so that it finds them whatever the hour and the weekday."""
    start = history.until - timedelta(hours=44)
    wishes = [_plan(history, WISH, words, 1 + number, "dispatched") for number, words in enumerate(WISHES)]
    for number, plot in enumerate(wishes):
        history.plan_report(start + timedelta(minutes=7 * number), plot)
    history.plan(start + timedelta(hours=3), lambda: _undertake(history, wishes))
    _plan_places(history)
    # Time enough to be sorted, and for the second to be accepted, answered and arrived at.
    for hours, before, stop, act in ((9, 2, "dispatched", _split), (6, 9, "working", _ask_help)):
        plot = _plan(history, "road-damage", HOLE, 30 + hours, stop)
        history.plan_report(history.until - timedelta(hours=hours + before), plot)
        history.plan(history.until - timedelta(hours=hours), partial(act, history, plot))


def _plan(history: History, cls: str, words: str, rider: int, stop: str) -> Plot:
    plot = history.plot(history.cast.riders[rider], cls, own=True, handled=False, hint=cls, happy=False, stop=stop)
    plot.text = words
    return plot


def _plan_places(history: History) -> None:
    """Asked for a week ago, done two days ago: every rider who asked is told what there is now."""
    plots = [_plan(history, WISH, words, 20 + number, "held") for number, words in enumerate(PLACES)]
    for number, plot in enumerate(plots):
        history.plan_report(history.until - timedelta(days=7, minutes=-9 * number), plot)
    history.plan(history.until - timedelta(days=6, hours=20), lambda: _begin_places(history, plots))


def _begin_places(history: History, plots: list[Plot]) -> None:
    today, clerk = clock.city_date(clock.now()), history.cast.clerks[""]
    made = services.start_undertaking(
        actor=clerk,
        title="车站北广场骑手停车区",
        aim="划出骑手停车位，取餐不再停路边。",
        lead_code="chengguan",
        due=today + timedelta(days=20),
        tasks=[
            services.TaskAsked("chengguan", "腾出北广场西侧场地", today + timedelta(days=4)),
            services.TaskAsked("jiaojing", "划线、立牌", today + timedelta(days=8)),
        ],
        numbers=_numbers(plots),
    )
    for days, unit, words in ((1.5, "chengguan", "旧花箱移走了，场地平整好"), (3.2, "jiaojing", "线划好了，牌子已立")):
        task = made.tasks.get(unit__code=unit).pk
        history.plan(clock.now() + timedelta(days=days), partial(_end_task, history, made.public_id, unit, task, words))
    history.plan(clock.now() + timedelta(days=4), lambda: _open_places(history, made.public_id, plots))


def _end_task(history: History, undertaking: str, unit: str, task: int, words: str) -> None:
    services.finish_task(actor=history.cast.staff[unit][0], public_id=undertaking, task=task, text=words)


def _open_places(history: History, undertaking: str, plots: list[Plot]) -> None:
    spot = plots[0].place
    services.finish_undertaking(
        actor=history.cast.staff["chengguan"][0],
        public_id=undertaking,
        result="北广场西侧划出骑手停车区，从今天起可以停。",
        facility=services.Facility(200, "个停车位", lat=spot.lat, lng=spot.lng),
        photos=[history.retaken(plots[0].pair[1], 1, views=1)],
    )
    for plot in plots:
        history.go_on_with(plot.public_id)


def _numbers(plots: Sequence[Plot]) -> list[str]:
    return [_report(plot).number for plot in plots]


def _undertake(history: History, wishes: Sequence[Plot]) -> None:
    today, clerk = clock.city_date(clock.now()), history.cast.clerks[""]
    made = services.start_undertaking(
        actor=clerk,
        title="商圈骑手停车位",
        aim="午晚高峰骑手有地方停车，不占人行道和消防通道。",
        lead_code="chengguan",
        due=today + timedelta(days=45),
        tasks=[
            services.TaskAsked("chengguan", "沿街踏勘，划出停车区", today + timedelta(days=20)),
            services.TaskAsked("jiaojing", "调整路边标线，设限时停车牌", today + timedelta(days=30)),
            services.TaskAsked("shizheng", "平整路面，装停车架", today + timedelta(days=40)),
        ],
        numbers=_numbers(wishes),
    )
    task = made.tasks.filter(unit__code="chengguan").first()
    if task is not None:
        services.finish_task(actor=clerk, public_id=made.public_id, task=task.pk, text="踏勘 3 条路，能划 200 个车位")


def _split(history: History, plot: Plot) -> None:
    """What one unit cannot do alone."""
    asked = [services.PartAsked("shizheng", "修好路面"), services.PartAsked("huanwei", "清走散落的渣土")]
    services.split(actor=history.cast.clerks[""], public_id=plot.public_id, parts=asked)


def _ask_help(history: History, plot: Plot) -> None:
    words = "施工时占一条车道，请来疏导两小时"
    lead = history.lead_of(_report(plot))
    services.ask_help(actor=lead, public_id=plot.public_id, unit_code="jiaojing", words=words)


def _report(plot: Plot) -> Report:
    return Report.objects.select_related("unit").get(public_id=plot.public_id)
