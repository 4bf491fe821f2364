"""What to watch, from when on it is odd, and what to do: one table for the page and for Prometheus' rules.

A test compares it with `deploy/prometheus/alerts.yml`: both speak of the same metrics with the same limits.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qixia.site.ops.figures import Figure

Level = Literal["good", "watch", "act", "unknown"]
HOUR, DAY = 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Watch:
    """One thing to watch. `watch` and `act` are limits in the metric's unit; with `low` the value must not fall below.

    `sample` picks one label value; "" takes the worst of all.
    """

    metric: str
    title: str
    meaning: str
    todo: str
    watch: float
    act: float
    unit: Literal["seconds", "count", "share", "age"]
    sample: str = ""
    low: bool = False


WATCHES = (
    Watch(
        "qixia_worker_heartbeat_age_seconds",
        gettext_noop("后台进程"),
        gettext_noop("距后台进程上一次报平安过了多久。它停了，上报照收，但不派单、不加分、不通知。"),
        gettext_noop("看 qixia-worker 服务的日志，重启它。没办完的事它起来后会接着办，不会丢。"),
        30,
        120,
        "seconds",
    ),
    Watch(
        "qixia_jobs_overdue_seconds",
        gettext_noop("排队最久的事"),
        gettext_noop("到点了还没办的事里，等得最久的一件等了多久。"),
        gettext_noop("图片多的时候会慢一阵。一直涨就加一个后台进程，或者看看数据库是不是慢了。"),
        60,
        600,
        "seconds",
    ),
    Watch(
        "qixia_jobs_quarantined",
        gettext_noop("搁下的事"),
        gettext_noop("试了多次都没办成、搁在一边的事。它们不会自己再来。"),
        gettext_noop("到管理后台看每一件的出错原因，修好后放回队列。"),
        1,
        20,
        "count",
    ),
    Watch(
        "qixia_reports_unanswered",
        gettext_noop("超过 24 小时没人答复的上报"),
        gettext_noop("还开着、一天内没有任何单位或社区答复的上报件数。"),
        gettext_noop("告诉社区和单位的负责人。这不是机器的故障，但骑手看到的就是没人管。"),
        1,
        20,
        "count",
    ),
    Watch(
        "qixia_evidence_pending_seconds",
        gettext_noop("等得最久的照片"),
        gettext_noop("照片收到了、还没做好遮挡和缩略图的，等得最久的一张等了多久。"),
        gettext_noop("看图片进程的日志。它没做完以前，谁也看不到那张照片。"),
        300,
        3600,
        "seconds",
    ),
    Watch(
        "qixia_evidence",
        gettext_noop("等人工遮挡的照片"),
        gettext_noop("机器没法找人脸和车牌、等人来画框的照片。框没确认以前只显示占位图。"),
        gettext_noop("请有权限的人打开遮挡页面确认。突然变多，多半是识别模型没有装好。"),
        20,
        200,
        "count",
        sample="held",
    ),
    Watch(
        "qixia_ledger_unsealed_seconds",
        gettext_noop("没封存的记账"),
        gettext_noop("积分账本里还没排进封存批次的记账，等得最久的一笔等了多久。封存以前改动它，只能靠合计看出来。"),
        gettext_noop("看后台进程和搁下的事：每五分钟该封存一次。一直不封存，当作有人动了账本来查。"),
        1200,
        3600,
        "seconds",
    ),
    Watch(
        "qixia_ledger_unsound",
        gettext_noop("对不上的账本"),
        gettext_noop("最近一次核账有没有不符：0 是全部相符，1 是有不符。"),
        gettext_noop(
            "打开核账页看是哪几处，先不要改任何东西，告诉审计。余额和批次可以用 qixia rewards rebuild 重算，记账本身不能。"
        ),
        1,
        1,
        "count",
    ),
    Watch(
        "qixia_disk_free_ratio",
        gettext_noop("磁盘剩余"),
        gettext_noop("图片和数据所在的磁盘还剩几成。满了就收不了新的上报。"),
        gettext_noop("清掉旧备份和 replaced- 开头的旧数据，或者换大的磁盘。"),
        0.2,
        0.1,
        "share",
        low=True,
    ),
    Watch(
        "qixia_backup_last_success_timestamp_seconds",
        gettext_noop("上一次备份"),
        gettext_noop("距上一次成功的备份过了多久。"),
        gettext_noop("看 qixia-backup 服务的日志，手动运行一次 qixia backup。"),
        26 * HOUR,
        50 * HOUR,
        "age",
    ),
    Watch(
        "qixia_opinions_failed_today",
        gettext_noop("没问成的第二意见"),
        gettext_noop("今天去问另一个模型、没问成的次数。没有打开这项功能时是 0；问不成不影响派单。"),
        gettext_noop("核对规则“另一个模型的看法”里的地址和模型名、设置里的密钥、对外连接名单；一直不行就先停用。"),
        10,
        100,
        "count",
    ),
    Watch(
        "qixia_http_errors_ratio",
        gettext_noop("出错的请求"),
        gettext_noop("服务启动以来，因为我们自己出错而失败的请求占几成。"),
        gettext_noop("按日志里的请求编号到“追踪”页面看经过。"),
        0.005,
        0.02,
        "share",
    ),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One watch with its value now."""

    watch: Watch
    level: Level
    value: str
    limits: str


def read(found: Sequence[Figure], errors: tuple[float, float]) -> list[Reading]:
    """All watches, in the order of the table."""
    by_name = {figure.name: figure for figure in found}
    wrong, total = errors
    by_name["qixia_http_errors_ratio"] = Figure("", "", {"": wrong / total} if total else {})
    return [_read(watch, by_name.get(watch.metric)) for watch in WATCHES]


def _read(watch: Watch, figure: Figure | None) -> Reading:
    samples = figure.samples if figure else {}
    values = [samples[watch.sample]] if watch.sample in samples else list(samples.values()) if not watch.sample else []
    limits = _limits(watch)
    if not values:
        return Reading(watch, "unknown", "—", limits)
    value = min(values) if watch.low else max(values)
    if watch.unit == "age":
        value = time.time() - value if value else float("inf")
    return Reading(watch, level(watch, value), _show(watch, value), limits)


def level(watch: Watch, value: float) -> Level:
    """Good, odd, or time to act."""
    if watch.low:
        return "act" if value < watch.act else "watch" if value < watch.watch else "good"
    return "act" if value >= watch.act else "watch" if value >= watch.watch else "good"


def _limits(watch: Watch) -> str:
    words = _("低于 %(watch)s 留意，低于 %(act)s 处理") if watch.low else _("到 %(watch)s 留意，到 %(act)s 处理")
    return words % {"watch": _show(watch, watch.watch), "act": _show(watch, watch.act)}


def _show(watch: Watch, value: float) -> str:
    if watch.unit == "count":
        return f"{value:.0f}"
    if watch.unit == "share":
        return f"{value * 100:.1f}%" if value < 0.1 else f"{value * 100:.0f}%"
    return span(value)


def span(seconds: float) -> str:
    """A duration in the largest unit that keeps it readable."""
    if seconds == float("inf"):
        return _("没有")
    for size, words in ((2 * DAY, _("%d 天")), (2 * HOUR, _("%d 小时")), (120, _("%d 分钟"))):
        if seconds >= size:
            return words % round(seconds / {2 * DAY: DAY, 2 * HOUR: HOUR, 120: 60}[size])
    return _("%d 秒") % round(seconds)
