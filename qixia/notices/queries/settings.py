"""What a person can choose about notices: the page /me/notices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from qixia.kernel.config import get_config
from qixia.kernel.keys import keys
from qixia.notices.channels import PERSONAL, Channel, ChannelRules, Quiet, Wish
from qixia.notices.models import MailAddress, PushSubscription
from qixia.notices.queries.ways import PUSH_SEAL, channel_rules, device_index, opened_mail, wishes_of
from qixia.people.rules import STAFF_ROLES


@dataclass(frozen=True, slots=True)
class ChoiceCell:
    """One switch: its channel, and whether it is on."""

    channel: Channel
    is_wanted: bool


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """One kind of news with the channels that may carry it."""

    group: str
    title: str
    is_critical: bool
    cells: tuple[ChoiceCell, ...]


@dataclass(frozen=True, slots=True)
class Device:
    public_id: str
    label: str
    since: datetime
    last_sent_at: datetime | None
    is_here: bool  # the browser that asks


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything on the page. `can_mail`: somebody at work, where the installation has a mail server."""

    rows: tuple[ChoiceRow, ...]
    quiet: Quiet
    quiet_is_own: bool
    devices: tuple[Device, ...]
    may_be_here: (
        bool  # pushes of this person may go to the browser that asks; else one that it has is a former person's
    )
    can_mail: bool
    mail: str
    mail_is_confirmed: bool


def settings_of(person_id: int, *, roles: Iterable[str], language: str, device: str = "") -> Settings:
    """What somebody with these roles can choose. Channels that the installation lacks are left out. `device`: the cookie
    of the browser that asks."""
    policy, wish, held = channel_rules(), wishes_of([person_id])[person_id], set(roles)
    is_staff = bool(STAFF_ROLES & held)
    can_mail = is_staff and bool(get_config().mail_server.get_secret_value())
    shown = [one for one in PERSONAL if one != "email" or can_mail]
    rows = [
        ChoiceRow(key, group.title.words(language), group.critical, _cells(key, policy, wish, shown))
        for key, group in policy.groups.items()
        if (is_staff or not group.staff) and (not group.role or group.role in held)
    ]
    address = MailAddress.objects.filter(person_id=person_id).first() if can_mail else None
    devices, may_be_here = _devices(person_id, device_index(device))
    return Settings(
        rows=tuple(row for row in rows if row.cells),
        quiet=wish.quiet or policy.quiet,
        quiet_is_own=wish.quiet is not None,
        devices=devices,
        may_be_here=may_be_here,
        can_mail=can_mail,
        mail=opened_mail(address),
        mail_is_confirmed=address is not None and address.confirmed_at is not None,
    )


def _cells(key: str, policy: ChannelRules, wish: Wish, shown: Iterable[Channel]) -> tuple[ChoiceCell, ...]:
    group = policy.groups[key]
    return tuple(
        ChoiceCell(one, wish.chosen.get((one, key), one not in group.on_request))
        for one in shown
        if one in group.channels
    )


def _devices(person_id: int, here: str) -> tuple[tuple[Device, ...], bool]:
    """This person's devices, and whether the browser `here` may be one: known, or subscribed without a cookie."""
    rows = list(PushSubscription.objects.filter(person_id=person_id).order_by("-pk"))
    shown = (
        Device(row.public_id, row.label, row.created_at, row.last_sent_at, row.device == here != "") for row in rows
    )
    return tuple(shown), any(row.device in ("", here) for row in rows)


def device_at(person_id: int, endpoint: str) -> str:
    """The public id of one of this person's devices by its address; "" if it is none."""
    index = keys().blind_index(endpoint, purpose=PUSH_SEAL)
    found = PushSubscription.objects.filter(person_id=person_id, index=index).values_list("public_id", flat=True)
    return found.first() or ""


@dataclass(frozen=True, slots=True)
class Reminders:
    """What is kept about how a person is reminded."""

    labels: list[str]
    mail: str
    has_chosen: bool

    @property
    def devices(self) -> int:
        return len(self.labels)


def reminders_of(person_id: int) -> Reminders:
    wish = wishes_of([person_id])[person_id]
    address = MailAddress.objects.filter(person_id=person_id).first()
    labels = [device.label for device in _devices(person_id, "")[0]]
    return Reminders(labels, opened_mail(address), bool(wish.chosen or wish.quiet))
