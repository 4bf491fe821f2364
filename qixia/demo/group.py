"""The city's WeChat group of before, brought in: one export with photos that became cases, one paste that a clerk is looking
at. Both by the clerk of the whole district."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta

from django.core.files.base import ContentFile

from qixia.demo import scenes
from qixia.demo.history import History
from qixia.kernel import clock
from qixia.reports import services
from qixia.reports.models import ImportBatch, Report

# minutes after the first, who, what; a photo by the name of its drawing
Said = tuple[int, str, str]
EXPORT: tuple[Said, ...] = (
    (0, "骑行的阿松", "云帆路 12 号门口井盖没了，人能掉下去"),
    (1, "骑行的阿松", "[图片: IMG_0412.jpg]"),
    (4, "群主", "收到，谢谢"),
    (21, "小周送餐", "石鼓路 36 号人行道堆了建筑垃圾，电动车过不去"),
    (22, "小周送餐", "[图片: IMG_0413.jpg]"),
    (30, "骑行的阿松", "[强]"),
    (64, "老吕", "学府路 21 号路灯一排都不亮，黑了好几天"),
    (118, "小周送餐", "南塘路 8 号雨水口堵了，一下雨就漫上来"),
    (119, "群主", "好的，马上报"),
    (190, "澄江小马", "东渡路 17 号共享单车倒了一大片，占着盲道"),
)
PICTURES = {"IMG_0412.jpg": "manhole-before", "IMG_0413.jpg": "hoarding-before"}
PASTE: tuple[Said, ...] = (
    (0, "老吕", "北望路 30 号路面一个大坑，昨晚有人摔了 13800001234"),
    (7, "澄江小马", "云帆路 12 号那个井盖又松了，压上去会响"),
    (8, "群主", "收到"),
    (26, "小周送餐", "那边路灯又不亮了"),
    (41, "骑行的阿松", "石鼓路 5 号垃圾桶满了好几天，味道很大"),
    (55, "澄江小马", "谢谢各位"),
)


def plan(history: History) -> None:
    history.plan(history.until - timedelta(hours=52), lambda: _made(history))
    history.plan(history.until - timedelta(minutes=50), lambda: _previewed(history))


def _text(said: tuple[Said, ...], start: datetime) -> str:
    """As the phone exports it."""
    lines = []
    for minutes, who, words in said:
        at = clock.city_time(start + timedelta(minutes=minutes))
        lines += [f"{who} {at:%Y-%m-%d %H:%M}", words]
    return "\n".join(lines)


def _made(history: History) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("微信群聊.txt", _text(EXPORT, clock.now() - timedelta(hours=5)))
        for name, drawing in PICTURES.items():
            archive.writestr(f"image/{name}", scenes.picture(drawing))
    clerk = history.cast.clerks[""]
    started = services.import_upload(actor=clerk, file=ContentFile(out.getvalue()), name="微信群聊.zip")
    history.later(20, 40, lambda: _confirm(history, started.public_id))


def _confirm(history: History, batch: str) -> None:
    services.confirm_import(actor=history.cast.clerks[""], batch=batch)
    history.plan(clock.now() + timedelta(minutes=2), lambda: _go_on(history, batch))


def _go_on(history: History, batch: str) -> None:
    """What was made of it is worked on like everything; there is nobody to ask in the end."""
    rows = ImportBatch.objects.get(public_id=batch).rows.filter(state="made").values_list("report_id", flat=True)
    for report in Report.objects.filter(pk__in=list(rows)).order_by("pk"):
        plot = history.plot(history.cast.riders[1], report.cls, handled=False, hint=report.cls, happy=False)
        history.follow(report, plot)


def _previewed(history: History) -> None:
    text = _text(PASTE, clock.now() - timedelta(hours=2))
    services.import_upload(actor=history.cast.clerks[""], text=text)
