"""Which notice goes out by which channel, when, and how often it is tried: pure decisions over a policy.

Rule "notices.channels": groups of templates (the first whose pattern fits), for each the channels that may carry it and
those that do so unless the person says otherwise; quiet hours, back-off, limits, hosts. Times of day are the city's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qixia.kernel import clock

Channel = Literal["push", "robot", "email", "sms"]
CHANNELS: tuple[Channel, ...] = ("push", "robot", "email", "sms")
# What a person chooses; a robot speaks in a unit's group, so the unit's people don't choose one by one.
PERSONAL: tuple[Channel, ...] = ("push", "email", "sms")
# Robots are counted over a little more than a minute: messages may bunch up on their way.
WINDOW_S = 65.0

Minutes = Annotated[int, Field(ge=1, le=1440)]
Host = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^(\*\.)?[a-z0-9.-]+$")]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Title(_Shape):
    zh: str = Field(min_length=1, max_length=20)
    en: str = Field(min_length=1, max_length=40)

    def words(self, language: str) -> str:
        return self.en if language.startswith("en") else self.zh


class Group(_Shape):
    """Templates that people think of as one kind of news. `on_request`: carried only if the person asks for it."""

    title: Title
    templates: tuple[str, ...] = Field(min_length=1)  # "report.*"
    channels: frozenset[Channel] = frozenset()
    on_request: frozenset[Channel] = frozenset()
    staff: bool = False  # only people at work get such news
    role: str = ""  # only who holds this role is asked about it
    critical: bool = False  # breaks through quiet hours

    @model_validator(mode="after")
    def _requests_are_possible(self) -> Group:
        if self.on_request - self.channels:
            raise ValueError("on_request 里的渠道也要写在 channels 里")
        return self


class Quiet(_Shape):
    """From one time of day to another, over midnight if `start` is the later one. Equal: none."""

    start: time
    end: time

    def until(self, moment: datetime) -> datetime | None:
        """When the quiet hours that `moment` is in are over; None outside them."""
        local = clock.city_time(moment)
        at = local.time().replace(tzinfo=None)
        over_midnight = self.start > self.end
        inside = (at >= self.start or at < self.end) if over_midnight else self.start <= at < self.end
        if not inside:
            return None
        day = local.date() + timedelta(days=1 if over_midnight and at >= self.start else 0)
        return datetime.combine(day, self.end, tzinfo=clock.CITY_TZ).astimezone(moment.tzinfo)


class Digest(_Shape):
    """A summary for people at work, told once a day. `days`: on working days alone (none on holidays, but on weekends
    that are worked, 调休), or on all days."""

    key: str = Field(pattern=r"^[a-z]{2,12}$")
    at: time
    title: Title
    days: Literal["working", "all"] = "working"


class ChannelRules(_Shape):
    """Policy "notices.channels"."""

    groups: dict[Annotated[str, Field(pattern=r"^[a-z]{2,16}$")], Group]
    quiet: Quiet
    retry_minutes: tuple[Minutes, ...] = Field(min_length=1, max_length=12)
    give_up_hours: int = Field(ge=1, le=72)
    robot_per_minute: int = Field(ge=1, le=20)
    robot_hosts: tuple[Host, ...]
    push_hosts: tuple[Host, ...]
    contact: str = Field("", max_length=120)  # "mailto:…" or "https://…": whom a push service asks when we misbehave
    digests: tuple[Digest, ...] = ()

    @model_validator(mode="after")
    def _every_template_has_a_group(self) -> ChannelRules:
        if not any("*" in group.templates for group in self.groups.values()):
            raise ValueError("最后一组要接住其余的模板：写 '*'")
        return self

    def group_of(self, template: str) -> str:
        """The first group with a pattern that fits."""
        return next(
            key for key, group in self.groups.items() if any(fnmatchcase(template, one) for one in group.templates)
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """What one person chose: (channel, group) → wanted, and quiet hours of the own. `quiet` None: the city's."""

    chosen: Mapping[tuple[str, str], bool]
    quiet: Quiet | None = None


NO_WISH = Wish({})


def wanted(rules: ChannelRules, template: str, channel: Channel, wish: Wish, *, is_staff: bool) -> bool:
    """Whether a notice goes out by `channel` to somebody who wished so."""
    key = rules.group_of(template)
    group = rules.groups[key]
    if channel not in group.channels or (group.staff and not is_staff):
        return False
    if channel not in PERSONAL:
        return True
    return wish.chosen.get((channel, key), channel not in group.on_request)


def is_critical(rules: ChannelRules, template: str) -> bool:
    """Whether a notice goes before all others and at any hour."""
    return rules.groups[rules.group_of(template)].critical


def quiet_hours(rules: ChannelRules, channel: str, wish: Wish) -> Quiet:
    """Whose quiet hours a delivery keeps: a person's own or the city's; a group's are the city's, whoever is in it."""
    own = wish.quiet if channel in PERSONAL else None
    return own or rules.quiet


def awake(quiet: Quiet | None, at: datetime) -> datetime:
    """The first moment from `at` on that lies outside the quiet hours; None is what has none, being critical."""
    return (quiet.until(at) if quiet else None) or at


def next_try(
    rules: ChannelRules, tries: int, told_at: datetime, now: datetime, *, wait_s: int = 0, quiet: Quiet | None = None
) -> datetime | None:
    """After `tries` that failed; None when it isn't worth another one. `wait_s` is what the other side asked for. A pause
    that ends in the quiet hours lasts until they are over."""
    if tries > len(rules.retry_minutes):
        return None
    pause = max(timedelta(minutes=rules.retry_minutes[tries - 1]), timedelta(seconds=wait_s))
    again = awake(quiet, now + pause)
    return again if again <= told_at + timedelta(hours=rules.give_up_hours) else None


def recent(sent: Iterable[float], now: float) -> list[float]:
    """Those of the moments (epoch seconds) that still count."""
    return [moment for moment in sent if moment > now - WINDOW_S]


def free_in(sent: Iterable[float], now: float, per_minute: int) -> float:
    """Seconds until a robot may speak again; 0.0 is now. Never more than `per_minute` in any window."""
    counted = sorted(recent(sent, now))
    return 0.0 if len(counted) < per_minute else counted[-per_minute] + WINDOW_S - now


def host_is_listed(host: str, hosts: Iterable[str]) -> bool:
    """Whether `host` is one of `hosts`; "*.example.com" is every name below it."""
    return any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in hosts)
