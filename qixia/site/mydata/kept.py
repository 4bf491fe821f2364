"""What the page says about the data that is kept: in plain words, with purpose, legal basis and time."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from qixia.notices import queries as notices
from qixia.people.access import Actor
from qixia.people.queries import OwnCard, days_kept, devices_of
from qixia.reports.queries.export import Holding
from qixia.rewards import queries as rewards
from qixia.rewards.takeout import open_vouchers

# Article 13 of the Personal Information Protection Law.
CONSENT = "你的同意（个人信息保护法第十三条第一项）"
SERVICE = "提供你要的服务所必需（第十三条第二项）"
DUTY = "履行法定职责和法定义务所必需（第十三条第三项）"


@dataclass(frozen=True, slots=True)
class Group:
    """One row of the page. All texts are translated."""

    icon: str
    title: str
    what: str
    why: str
    basis: str
    until: str


def groups_of(actor: Actor, card: OwnCard, holding: Holding) -> list[Group]:
    days = days_kept()
    is_rider = actor.has("rider")
    found = [_account(card), _devices(actor, days)]
    if is_rider:
        found += [_reports(holding), _pictures(days), _points(actor), _gifts(days), _consents()]
    return [*found, _notices(days), _reminders(actor), _log(days)]


def _account(card: OwnCard) -> Group:
    parts = [_("称呼 %(name)s") % {"name": card.display_name}]
    parts += [_("手机号 %(phone)s") % {"phone": card.phone}] if card.phone else []
    parts += [_("姓名 %(name)s") % {"name": card.real_name}] if card.real_name else []
    parts += [card.platform] if card.platform else []
    return Group(
        "user",
        _("账号"),
        "，".join(parts),
        _("让你登录、收到答复。手机号和姓名用你自己的密钥加密。"),
        _(SERVICE),
        _("到你注销为止；注销时连密钥一起销毁，旧备份到期后也不剩。"),
    )


def _devices(actor: Actor, days: dict[str, int]) -> Group:
    return Group(
        "device-mobile",
        _("登录设备"),
        _("%(count)s 台，只记浏览器和系统的名字") % {"count": len(devices_of(actor.person_id or 0))},
        _("有新设备登录时提醒你。"),
        _(SERVICE),
        _("%(days)s 天没用就删。") % {"days": days["devices"]},
    )


def _reports(holding: Holding) -> Group:
    return Group(
        "report",
        _("上报"),
        _("%(count)s 件，其中 %(open)s 件还在办；地点、你写的话、经过")
        % {"count": holding.count, "open": holding.open},
        _("把事情交给该管的人，办完给你答复。你和上报之间的联系是密封的。"),
        _(DUTY),
        _("事情的记录长期保存；你注销以后，它不再指向任何人。"),
    )


def _pictures(days: dict[str, int]) -> Group:
    return Group(
        "photo",
        _("照片和视频"),
        _("原图加密单独存放，别人看到的是遮挡过人脸和车牌的副本"),
        _("看清现场，办完对比。"),
        _(CONSENT),
        _("原图在办结 %(days)s 天后销毁，遮挡版随上报保存。") % {"days": days["originals"]},
    )


def _points(actor: Actor) -> Group:
    return Group(
        "coin",
        _("积分和券"),
        _("现有 %(points)s 分，%(count)s 张没用的券")
        % {"points": rewards.balance(actor.ref), "count": open_vouchers(actor)},
        _("每一分从哪里来、去了哪里，都要对得上账。"),
        _(SERVICE),
        _("账目长期保存；注销后积分作废，账上只剩一个没有名字的代号。"),
    )


def _gifts(days: dict[str, int]) -> Group:
    return Group(
        "gift",
        _("礼包"),
        _("你报名过的摇号、给你的礼包、在哪里领的"),
        _("一人一份，不漏也不重。公开的名单上只有编码，没有名字。"),
        _(SERVICE),
        _("活动结束后，报名留 %(entries)s 天，领取记录留 %(gifts)s 天。")
        % {"entries": days["gift-entries"], "gifts": days["gift-handings"]},
    )


def _consents() -> Group:
    return Group(
        "shield-check",
        _("你的同意"),
        _("哪天同意过哪一版，哪天收回"),
        _("证明我们问过你。"),
        _(DUTY),
        _("到你注销为止；之后只剩代号。"),
    )


def _notices(days: dict[str, int]) -> Group:
    return Group(
        "inbox",
        _("消息"),
        _("告诉过你的每一件事，内容加密"),
        _("让你知道办到哪一步。"),
        _(SERVICE),
        _("%(days)s 天。") % {"days": days["notices"]},
    )


def _reminders(actor: Actor) -> Group:
    known = notices.reminders_of(actor.person_id or 0)
    parts = [_("%(n)s 台会提醒的设备") % {"n": known.devices}]
    parts += [_("收邮件的地址 %(mail)s") % {"mail": known.mail}] if known.mail else []
    parts += [_("你定的提醒方式和不打扰的时段")] if known.has_chosen else []
    return Group(
        "bell",
        _("提醒"),
        "，".join(parts),
        _("有新消息时提醒你。设备和邮箱的地址加密存放；推送只说有消息，不说什么事。"),
        _(SERVICE),
        _("到你移除或注销为止；外发的记录留 90 天。"),
    )


def _log(days: dict[str, int]) -> Group:
    return Group(
        "eye",
        _("谁查阅过"),
        _("谁、什么时候、凭什么打开过密封的内容"),
        _("让你和监督的人查得到。"),
        _(DUTY),
        _("%(days)s 天。") % {"days": days["access-log"]},
    )
