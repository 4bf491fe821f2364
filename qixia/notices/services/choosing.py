"""What a person chooses about notices: channels, quiet hours, a mail address, devices.

Errors   Invalid and Refused name the field; nothing has changed then.
Retries  each sets a state; doing it twice changes nothing more.
Secrecy  mail addresses and the addresses of devices are stored sealed; history names the person and no address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import time, timedelta

from django.db import transaction

from qixia.audit.services import record
from qixia.jobs.services import enqueue
from qixia.kernel import clock, tokens
from qixia.kernel.errors import Invalid, NotAllowed, TooMany
from qixia.kernel.keys import keys
from qixia.notices import channels, push, queries
from qixia.notices.models import Choice, MailAddress, PushKey, PushSubscription, QuietHours
from qixia.outgoing.rules import Refused
from qixia.people import queries as people
from qixia.people.rules import STAFF_ROLES

DEVICES_MAX = 10
ASK_AGAIN_S = 60
_MAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")


@transaction.atomic
def choose(*, person_id: int, wanted: Mapping[tuple[str, str], bool], actor: str) -> None:
    """Keep (channel, group) → yes or no. What the policy doesn't offer is passed over."""
    groups = queries.channel_rules().groups
    for (channel, group), yes in wanted.items():
        if channel in channels.PERSONAL and group in groups and channel in groups[group].channels:
            Choice.objects.update_or_create(
                person_id=person_id, channel=channel, group=group, defaults={"is_wanted": yes}
            )
    record("notices.chosen", subject=actor, actor=actor)


@transaction.atomic
def set_quiet_hours(*, person_id: int, start: time | None, end: time | None, actor: str) -> None:
    """Own quiet hours; both None: the city's again. Equal ends: none at all."""
    if (start is None) != (end is None):
        raise Invalid("请填写开始和结束两个时间。", field="quiet_start")
    if start is None or end is None:
        QuietHours.objects.filter(person_id=person_id).delete()
    else:
        QuietHours.objects.update_or_create(person_id=person_id, defaults={"start": start, "end": end})
    record("notices.quiet_hours_set", subject=actor, actor=actor)


@transaction.atomic
def set_mail(*, person_id: int, address: str, actor: str) -> None:
    """Note a mail address of somebody at work and ask there whether it is right. Nothing else is sent until then."""
    if not STAFF_ROLES & people.roles_of(person_id):
        raise NotAllowed
    if not _MAIL.fullmatch(address) or len(address) > 120:
        raise Invalid("邮箱地址写法不对。", field="mail")
    now = clock.now()
    asked = MailAddress.objects.filter(person_id=person_id, asked_at__gt=now - timedelta(seconds=ASK_AGAIN_S))
    if asked.exists():
        raise TooMany(field="mail", retry_after=ASK_AGAIN_S)
    sealed = keys().seal(address.encode(), purpose=queries.MAIL_SEAL)
    MailAddress.objects.update_or_create(
        person_id=person_id, defaults={"sealed": sealed, "confirmed_at": None, "asked_at": now}
    )
    enqueue("notices.confirm_mail", {"person": actor.removeprefix("person:")}, priority=-1)
    record("notices.mail_set", subject=actor, actor=actor)


@transaction.atomic
def confirm_mail(*, person_id: int, token: str, actor: str) -> None:
    """The owner of the address has opened the link. Invalid if it is old, somebody else's, or of another address."""
    try:
        said = tokens.verify(token, purpose=queries.CONFIRM)
    except tokens.BadToken as error:
        raise Invalid("这个链接已失效，请重新填写邮箱。", field="mail") from error
    address = queries.unconfirmed_mail(person_id)
    if said.get("person") != person_id or not address or said.get("mail") != queries.mail_index(address):
        raise Invalid("这个链接已失效，请重新填写邮箱。", field="mail")
    MailAddress.objects.filter(person_id=person_id).update(confirmed_at=clock.now())
    record("notices.mail_confirmed", subject=actor, actor=actor)


@transaction.atomic
def forget_mail(*, person_id: int, actor: str) -> None:
    MailAddress.objects.filter(person_id=person_id).delete()
    record("notices.mail_forgotten", subject=actor, actor=actor)


@transaction.atomic
def add_device(*, person_id: int, address: push.Address, key: str, label: str, actor: str, device: str = "") -> str:
    """Send pushes to this browser from now on; the public id of the device.

    `key` is the public key that the browser subscribed with, `device` the cookie that sign-in knows it by. The same
    browser again is the same device, and belongs to whoever signed in last. Refused: the address isn't one of a push service that the policy names.
    """
    host = push.check(address)
    if not channels.host_is_listed(host, queries.channel_rules().push_hosts):
        raise Refused(why="不在推送服务的名单里")
    signer = PushKey.objects.filter(public=key).first()
    if signer is None:
        raise Invalid("页面已过期，请刷新后再试。", field="key")
    parts = {"endpoint": address.endpoint, "p256dh": address.p256dh, "auth": address.auth}
    row, _is_new = PushSubscription.objects.update_or_create(
        index=keys().blind_index(address.endpoint, purpose=queries.PUSH_SEAL),
        defaults={
            "person_id": person_id,
            "key": signer,
            "device": queries.device_index(device),
            "sealed": keys().seal(json.dumps(parts).encode(), purpose=queries.PUSH_SEAL),
            "label": label[:60],
        },
    )
    mine = PushSubscription.objects.filter(person_id=person_id).order_by("-pk")
    PushSubscription.objects.filter(pk__in=list(mine.values_list("pk", flat=True)[DEVICES_MAX:])).delete()
    record("notices.device_added", subject=actor, actor=actor)
    return row.public_id


@transaction.atomic
def remove_device(*, person_id: int, public_id: str, actor: str) -> None:
    """No more pushes there. A device of somebody else stays."""
    if PushSubscription.objects.filter(person_id=person_id, public_id=public_id).delete()[0]:
        record("notices.device_removed", subject=actor, actor=actor)


@transaction.atomic
def leave_browser(*, device: str, actor: str, stays: int = 0) -> int:
    """Nobody's news goes to this browser any more, but for what belongs to the person `stays`; how many devices went.

    For signing out, and for signing in where somebody else was: the next one who holds that phone reads nothing of the
    former one's. `device` is the browser's cookie; "" is none, and nothing happens.
    """
    index = queries.device_index(device)
    there = (
        PushSubscription.objects.filter(device=index).exclude(person_id=stays)
        if index
        else PushSubscription.objects.none()
    )
    gone = there.delete()[0]
    if gone:
        record("notices.browser_left", subject="notices:push", actor=actor, count=gone)
    return gone
