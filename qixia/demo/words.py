"""What the demo's riders write: texts of our own by class, from the early voices that triage learns from."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

import qixia.triage

# The early voices are plain; later ones speak in dialects that would look odd in one demo city.
_VOICES = sorted((Path(qixia.triage.__file__).parent / "data" / "voices").glob("early-[cdefg].jsonl"))

# How often riders meet what, roughly; classes not named here come now and then.
WEIGHTS: dict[str, int] = {
    "manhole": 9, "road-damage": 8, "shared-bike": 9, "bike-parking": 6, "bin-overflow": 8, "litter": 6, "streetlight": 6,
    "cable": 5, "fire-lane": 6, "drain": 4, "waterlogging": 3, "car-parking": 5, "construction-site": 3, "spill": 3,
    "accessible-path": 3, "traffic-light": 2, "guardrail": 3, "ebike-charging": 3, "food-hygiene": 3, "ghost-kitchen": 2,
    "gate-access": 6, "map-wrong": 4, "station-need": 6, "parking-need": 6, "tree": 3, "sewage": 2, "clutter": 4,
    "illegal-ads": 2, "lift": 2, "charging-pile": 2, "congestion": 4, "road-marking": 3,
    "falling-object": 1, "stall": 2, "other": 1,
}  # fmt: skip

# State → how many stand in it at the end, and how many hours ago they were raised.
ON_THE_DESK: dict[str, tuple[int, float]] = {
    "sorting": (7, 2), "dispatched": (12, 5), "accepted": (10, 9), "working": (14, 30), "resolved": (8, 60),
    "returned": (3, 8), "reopened": (3, 130), "confirming": (6, 120),
}  # fmt: skip
# What riders of the demo report without being known: mostly what a shop they pick up from could hold against them.
ANONYMOUS = ("food-hygiene", "ghost-kitchen", "food-licence", "sewage", "manhole", "food-hygiene")
VAGUE = (
    "这里你们来看看吧",
    "又是这样 说了好几次了",
    "楼下那个东西坏了一个多礼拜",
    "师傅帮忙处理一下",
    "旁边那家老是往外放",
    "送到这不好走 有点危险",
    "门口那边不行",
)

ANSWERS = (
    "收到，马上安排人去看。",
    "已派人在路上，十五分钟到。",
    "收到，今天处理完给你回话。",
    "谢谢提醒，先设警示，随后处理。",
)
ONSITE = (
    "到场，先放了锥桶围住。",
    "已到现场，正在清理。",
    "看过了，材料已经报上去，先做防护。",
    "到场核对过，和照片一致。",
)
DONE = (
    "已处理完，现场清干净了，谢谢你。",
    "已更换新件，周边补平，两小时后可以通行。",
    "已修复，并安排了巡查，有问题再告诉我们。",
    "已扶正固定，警示牌已撤。",
)
RETURNS = ("不在我们的养护范围，属于小区内部。", "这一段归产权单位管，请改派。")
REJECTS = ("到现场没有发现这个问题。", "照片和地点对不上，核查不属实。")
OBJECTIONS = ("台账上这一段不在我们名下。", "我们只管小区里面，门外不归我们。")
DECISIONS = ("按权属台账，由你们主办。", "两家都沾边，首接单位负责到底。")
LONGER = ("配件要从厂家调，明后天到。", "要和电力、供水一起开挖，等会签。", "雨天不能施工，等天晴。")
APPEALS = ("我下午又路过，还在那里。", "照片就是在门口拍的，请再看一次。", "去的人可能走错了楼，是北门这边。")
UNSOLVED = ("还是老样子，没人来过。", "弄了一半就走了。", "第二天又这样了。")


@lru_cache(maxsize=1)
def lines() -> dict[str, list[str]]:
    """Class → texts."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in _VOICES:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found[row["class"]].append(row["text"])
    return dict(found)
