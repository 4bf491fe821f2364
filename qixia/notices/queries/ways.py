"""How somebody is reached besides the inbox: devices, addresses, robots, and what the person chose.

What opens a sealed address is here alone; callers hand it to a sender and keep nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from qixia.kernel import clock, tokens
from qixia.kernel.config import get_config
from qixia.kernel.keys import keys
from qixia.notices.channels import PERSONAL, ChannelRules, Quiet, Wish, quiet_hours
from qixia.notices.models import Choice, Delivery, MailAddress, PushKey, PushSubscription, QuietHours, Robot
from qixia.notices.push import Address, KeyPair
from qixia.people import queries as people
from qixia.policy.queries import current

CHANNEL_RULES: Final = "notices.channels"
# Purposes of the sealed columns.
PUSH_SEAL, KEY_SEAL, MAIL_SEAL, ROBOT_SEAL = "push-subscription", "push-key", "mail-address", "robot"
CONFIRM: Final = "notices.confirm-mail"
CONFIRM_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Ways:
    """How one person is reached. `robots` are those of the units that he or she works for."""

    wish: Wish
    devices: tuple[str, ...] = ()
    robots: tuple[str, ...] = ()
    has_mail: bool = False
    has_phone: bool = False
    is_staff: bool = False


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    """Where one browser takes its pushes, and the key that it expects them to be signed with."""

    address: Address
    key: KeyPair


@dataclass(frozen=True, slots=True)
class RobotAddress:
    url: str = field(repr=False)
    secret: str = field(repr=False)


def channel_rules() -> ChannelRules:
    found: ChannelRules = current(CHANNEL_RULES).data
    return found


def ways_of(person_ids: Iterable[int]) -> dict[int, Ways]:
    """Everybody's ways out, in seven queries however many people. An account that was closed has none."""
    ids = set(person_ids)
    devices: dict[int, list[str]] = defaultdict(list)
    subscribed = PushSubscription.objects.filter(person_id__in=ids, person__is_active=True)
    for person, device in subscribed.values_list("person_id", "public_id"):
        devices[person].append(device)
    mails: set[int] = set()
    if get_config().mail_server.get_secret_value():
        known = MailAddress.objects.filter(person_id__in=ids, person__is_active=True, confirmed_at__isnull=False)
        mails = set(known.values_list("person_id", flat=True))
    at_work, robots, wishes = people.workplaces_of(ids), _robots(), wishes_of(ids)
    phones = people.with_phone(ids)
    return {
        person: Ways(
            wish=wishes[person],
            devices=tuple(devices.get(person, ())),
            robots=tuple(robot for place in at_work.get(person, ()) for robot in robots.get(place, ())),
            has_mail=person in mails,
            has_phone=person in phones,
            is_staff=person in at_work,
        )
        for person in ids
    }


def _robots() -> dict[int, list[str]]:
    """Organisation → its robots that speak."""
    found: dict[int, list[str]] = defaultdict(list)
    for place, robot in Robot.objects.filter(is_active=True).values_list("organisation_id", "public_id"):
        found[place].append(robot)
    return found


def wishes_of(person_ids: Iterable[int]) -> dict[int, Wish]:
    """What each person chose. Two queries."""
    ids = set(person_ids)
    chosen: dict[int, dict[tuple[str, str], bool]] = {person: {} for person in ids}
    for row in Choice.objects.filter(person_id__in=ids):
        chosen[row.person_id][(row.channel, row.group)] = row.is_wanted
    quiet = {row.person_id: Quiet(start=row.start, end=row.end) for row in QuietHours.objects.filter(person_id__in=ids)}
    return {person: Wish(chosen[person], quiet.get(person)) for person in ids}


def device_index(cookie: str) -> str:
    """A browser as subscriptions know it, by the cookie of sign-in; "" for none."""
    return keys().blind_index(cookie, purpose="push-device") if cookie else ""


def device_address(public_id: str, person_id: int) -> DeviceAddress | None:
    """None: the device is no more, or it is somebody else's by now, who must not read this person's news."""
    row = PushSubscription.objects.select_related("key").filter(public_id=public_id, person_id=person_id).first()
    if row is None:
        return None
    parts = json.loads(keys().open(bytes(row.sealed), purpose=PUSH_SEAL))
    private = keys().open(bytes(row.key.sealed), purpose=KEY_SEAL)
    return DeviceAddress(Address(**parts), KeyPair(row.key.public, private))


def push_key() -> str:
    """The public half of the key in force, as browsers take it; "" before there is one."""
    return PushKey.objects.filter(is_current=True).values_list("public", flat=True).first() or ""


def mail_address(person_id: int) -> str:
    """The confirmed address; "" if there is none."""
    return opened_mail(MailAddress.objects.filter(person_id=person_id, confirmed_at__isnull=False).first())


def unconfirmed_mail(person_id: int) -> str:
    return opened_mail(MailAddress.objects.filter(person_id=person_id, confirmed_at=None).first())


def opened_mail(row: MailAddress | None) -> str:
    return keys().open(bytes(row.sealed), purpose=MAIL_SEAL).decode() if row else ""


def mail_index(address: str) -> str:
    """Says whether two addresses are the same, without either."""
    return keys().blind_index(address, purpose=MAIL_SEAL)


def robot_address(robot: Robot) -> RobotAddress:
    return RobotAddress(**json.loads(keys().open(bytes(robot.sealed), purpose=ROBOT_SEAL)))


def contact() -> str:
    """Whom a push service asks about us: the policy's address, or the site's own."""
    given = channel_rules().contact or get_config().base_url
    return given if given.startswith(("mailto:", "https:")) else "mailto:qixia@localhost"


def house(language: str) -> str:
    """Who speaks."""
    return "Qixia" if language.startswith("en") else "骑侠"


def inbox_path(public_id: str = "") -> str:
    return f"/inbox/{public_id}" if public_id else "/inbox"


def confirm_path(person_id: int, address: str) -> str:
    """The page that confirms a mail address; the address itself is not in it."""
    token = tokens.sign({"person": person_id, "mail": mail_index(address)}, purpose=CONFIRM, ttl_s=CONFIRM_S)
    return f"/me/notices?confirm={token}"


def confirm_words(language: str) -> tuple[str, str]:
    """Subject and text of the question whether an address is right."""
    if language.startswith("en"):
        return "Qixia: confirm this address", "Open this link within a day if you want Qixia to write to this address."
    return "骑侠：确认这个邮箱", "要用这个邮箱收骑侠的通知，请在一天之内打开下面的链接。"


def something_is_due() -> bool:
    return _due(clock.now()).filter(is_critical__in=(True, False)).exists()  # both, so that the index serves


def next_due(*, spoken: Collection[str] = ()) -> Delivery | None:
    """The delivery that goes next: what is critical before all others, then by when it was due. `spoken`: robots that
    have had their turn. At most two queries, each the first row of an index (notices_delivery_order)."""
    due = _due(clock.now()).exclude(address__in=spoken) if spoken else _due(clock.now())
    for critical in (True, False):
        # "in": Django writes a bare column for "is true", and SQLite finds no index for that.
        row = due.filter(is_critical__in=[critical]).select_related("notice").order_by("next_try_at", "pk").first()
        if row:
            return row
    return None


def robot_due(address: str, limit: int) -> list[Delivery]:
    """What a robot has to say now, in the order in which it is said."""
    due = _due(clock.now()).filter(channel="robot", address=address).select_related("notice")
    return list(due.order_by("-is_critical", "next_try_at", "pk")[:limit])


def _due(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(state=Delivery.QUEUED, next_try_at__lte=now)


def quiet_of(row: Delivery) -> Quiet | None:
    """The quiet hours that a delivery keeps: none if it is critical, a group's are the city's. At most one query."""
    if row.is_critical:
        return None
    own = QuietHours.objects.filter(person_id=row.notice.person_id).first() if row.channel in PERSONAL else None
    wish = Wish({}, Quiet(start=own.start, end=own.end) if own else None)
    return quiet_hours(channel_rules(), row.channel, wish)
