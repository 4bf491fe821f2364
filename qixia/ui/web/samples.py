"""What the style guide shows: invented words for every component, no database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.ui.paging import Page
from qixia.ui.templatetags.qx import icon_names

COLOURS = [
    ("paper", "纸", "--qx-paper", "页面底"),
    ("surface", "面", "--qx-surface", "卡片、输入"),
    ("text", "墨", "--qx-text", "卡片上 16:1"),
    ("text-2", "次墨", "--qx-text-2", "第二行，纸上 7.5:1"),
    ("action", "竹青", "--qx-action", "链接、选中、主按钮"),
    ("action-soft", "浅青", "--qx-action-soft", "选中行、弱按钮"),
    ("points", "杏黄", "--qx-points-fill", "积分、荣誉"),
    ("line", "边", "--qx-line-strong", "输入框边，3.2:1"),
]
SEVERITIES = [
    ("critical", "人身危险。八角形，不停表"),
    ("high", "可能伤人。三角形"),
    ("normal", "影响使用。菱形"),
    ("low", "不便。圆环"),
]
STATES = [
    ("wait", "待分拣", "系统拿不准，等人看", "虚线圈"),
    ("wait-ring", "待签收", "已派给单位，还没签收", "空心圈"),
    ("sent", "已签收", "单位已签收，未动手", "四分之一"),
    ("doing", "处置中", "人在路上或现场", "半满"),
    ("check", "待核实", "单位说好了，等人看一眼", "四分之三"),
    ("fixed", "已修好", "骑手或见证人确认", "实心勾"),
    ("back", "未解决", "有人说没好，回到单位和上级", "实心回转"),
]
SPACES = [
    ("1", 4, "图标与字"),
    ("2", 8, "芯片之间"),
    ("3", 12, "卡片内行"),
    ("4", 16, "页边、卡片内"),
    ("5", 24, "区块之间"),
    ("6", 32, "大区块"),
    ("7", 48, "页首"),
]
TYPES = [
    ("hero 44", "t-hero qx-num", "235"),
    ("num 28", "t-num qx-num", "99.6%　3时14分"),
    ("title 22", "t-title", "井盖缺失，路口来车多"),
    ("head 18", "t-head", "我的上报"),
    ("body 16", "t-body", "已更换防沉降井盖，周边沥青已补平，两小时后可承重。"),
    ("2 14", "t-2 qx-2nd", "云帆路 88 号 锦澜花园东门外"),
    ("3 13", "t-3 qx-3rd", "规则第 3 版，井盖 15 分"),
]
EMPTIES = [
    ("camera", "还没有上报", "看见井盖、线缆、堆物，拍一张就行。"),
    ("inbox", "没有新消息", "有了进展会在这里告诉你。"),
    ("map", "这一带没有事项", "把地图挪一挪，或放宽时间。"),
    ("list", "队列空了", "新派来的会自己出现在这里。"),
    ("points", "还没有积分", "首报一处隐患，派单就得 15 分。"),
    ("voucher", "还没有券", "用积分换一份餐、一次充电。"),
    ("search", "没有搜到", "换个词，或去掉一个条件。"),
    ("done", "都核实完了", "今天没有等你看的。"),
]


class SampleForm(forms.Form):
    """One field of each kind."""

    phone = forms.CharField(
        label="手机号",
        help_text="只用来登录和通知，加密保存。",
        min_length=11,
        error_messages={"min_length": "手机号要 11 位，现在是 7 位。"},
    )
    kind = forms.ChoiceField(label="类别", choices=[("a", "井盖缺失"), ("b", "道路坑洼")])
    day = forms.DateField(label="哪天", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    words = forms.CharField(label="补充一句", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    found = forms.ChoiceField(label="现场看到", widget=forms.RadioSelect, choices=[("1", "属实"), ("0", "不属实")])
    hide = forms.BooleanField(
        label="隐去我的名字", required=False, initial=True, help_text="谁要查看须写理由，并会通知你"
    )
    photo = forms.FileField(label="照片", required=False)


def samples() -> dict[str, Any]:
    now = clock.now()
    return {
        "colours": COLOURS,
        "severities": SEVERITIES,
        "states": STATES,
        "spaces": [(name, size, size * 3, use) for name, size, use in SPACES],
        "types": TYPES,
        "empties": EMPTIES,
        "icons": sorted(icon_names()),
        "form": SampleForm(initial={"hide": True, "kind": "a"}, auto_id="ok_%s"),
        "bad_form": SampleForm({"phone": "1380000", "kind": "a"}, auto_id="bad_%s"),
        "page": Page(items=(), after="b", before="a"),
        "moments": [
            now - timedelta(seconds=20),
            now - timedelta(minutes=5),
            now - timedelta(hours=3),
            now - timedelta(days=2),
            now - timedelta(days=40),
        ],
        "now": now,
        "title": _("设计样张"),
    }
