"""Robots in the chat groups of units, and the key pair that signs web pushes.

Secrecy  a robot's address and the private key are stored sealed; no page shows them again.
Errors   Refused: the address isn't one of a service that the policy names.
"""

from __future__ import annotations

import json

from django.db import IntegrityError, transaction

from qixia.audit.services import record
from qixia.kernel.errors import Invalid, NotFound
from qixia.kernel.keys import keys
from qixia.notices import channels, push, queries
from qixia.notices.models import PushKey, PushSubscription, Robot
from qixia.outgoing.messengers import RobotKind, robot_host
from qixia.outgoing.rules import Refused
from qixia.people import queries as people


@transaction.atomic
def add_robot(
    *, organisation: str, kind: RobotKind, label: str, url: str, actor: str, secret: str = "", language: str = "zh-hans"
) -> str:
    """Let a robot speak for `organisation` (its code): what its people are told, its group hears. The public id."""
    place = people.organisation_by_code(organisation)
    if place is None:
        raise Invalid("没有这个单位。", field="organisation")
    if kind not in Robot.KINDS:
        raise Invalid("没有这种机器人。", field="kind")
    if not label.strip():
        raise Invalid("请给它起个名字。", field="label")
    if not channels.host_is_listed(robot_host(kind, url), queries.channel_rules().robot_hosts):
        raise Refused(why="不在机器人服务的名单里")
    row = Robot.objects.create(
        organisation_id=place.id,
        kind=kind,
        label=label.strip()[:40],
        language=language,
        sealed=keys().seal(json.dumps({"url": url, "secret": secret}).encode(), purpose=queries.ROBOT_SEAL),
    )
    record("notices.robot_added", subject=f"robot:{row.public_id}", actor=actor, kind=kind)
    return row.public_id


@transaction.atomic
def stop_robot(*, public_id: str, actor: str) -> None:
    """It speaks no more and its address is destroyed; its lines in the log keep its name."""
    emptied = keys().seal(json.dumps({"url": "", "secret": ""}).encode(), purpose=queries.ROBOT_SEAL)
    if not Robot.objects.filter(public_id=public_id).update(is_active=False, sealed=emptied):
        raise NotFound
    record("notices.robot_stopped", subject=f"robot:{public_id}", actor=actor)


def push_key() -> str:
    """The public half of the key in force; the first call ever makes the pair."""
    return queries.push_key() or _first_key()


def _first_key() -> str:
    try:
        with transaction.atomic():
            return _new_key("system:setup")
    except IntegrityError:  # another process made it at this moment
        return queries.push_key()


@transaction.atomic
def rotate_push_key(*, actor: str, drop_old: bool = False) -> str:
    """Put a new key pair in force. Devices keep the pair that they subscribed with until their owner next opens the
    page; `drop_old` is for a key that leaked: those devices get nothing more until then."""
    PushKey.objects.filter(is_current=True).update(is_current=False)
    public = _new_key(actor)
    old = PushKey.objects.filter(is_current=False)
    in_use = PushSubscription.objects.values("key_id")
    (old if drop_old else old.exclude(pk__in=in_use)).delete()
    return public


def _new_key(actor: str) -> str:
    pair = push.new_key_pair()
    PushKey.objects.create(public=pair.public, sealed=keys().seal(pair.private, purpose=queries.KEY_SEAL))
    record("notices.push_key_made", subject="notices:push-key", actor=actor)
    return pair.public
