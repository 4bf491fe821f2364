"""A list of riders whose acts a worker confirms: what each line would do. Names nobody; a number shows its last digits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from qixia.audit.queries import history_of
from qixia.codes.queries import triage_classes
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid
from qixia.people.access import Actor
from qixia.people.queries import riders_by_phone
from qixia.people.rules import mobile_number
from qixia.policy.queries import current
from qixia.rewards import access, rules

GOOD, WRONG = "good", "wrong"
MOST_LINES, MOST_TIMES = 200, 20
BACK = timedelta(days=14)
LATEST = 10
_TIMES = re.compile(r"^(.*?)(?:[\s,，、;；x×*]+(\d{1,3}))?\s*(?:次|份|单|餐)?$")


@dataclass(frozen=True, slots=True)
class Act:
    """One line of the table that staff confirm."""

    slug: str
    title: str
    points: int
    day_cap: int | None
    week_cap: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """`number` counts from 1; `rider` is the ref of whom it means, "" unless `verdict` is good; `why` says why not."""

    number: int
    said: str
    times: int
    verdict: str
    rider: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    act: Act
    lines: list[Line]

    @property
    def good(self) -> list[Line]:
        return [line for line in self.lines if line.verdict == GOOD]

    @property
    def acts(self) -> int:
        return sum(line.times for line in self.good)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A list that was confirmed."""

    at: datetime
    title: str
    day: date
    acts: int
    points: int


def certified_acts() -> list[Act]:
    """The acts that staff confirm, as the table in force has them."""
    table: rules.PointsPolicy = current("rewards.points").data
    found = ((slug, line) for slug, line in table.rules.items() if line.certified)
    return [Act(slug, _(line.title), line.points, line.day_cap, line.week_cap) for slug, line in found]


def checked(actor: Actor, *, rule: str, day: date, text: str) -> Asked:
    """Each line of the list, judged. Invalid names `rule`, `day` or `riders`. One query."""
    access.certifying(actor)
    act = next((one for one in certified_acts() if one.slug == rule), None)
    if act is None:
        raise Invalid("请选要确认的事。", field="rule")
    today = clock.city_date(clock.now())
    if not today - BACK <= day <= today:
        raise Invalid("日期要在最近 %(days)s 天以内。", field="day", days=BACK.days)
    read = list(_read(text))
    if not read:
        raise Invalid("请写骑手的手机号，一行一个。", field="riders")
    if len(read) > MOST_LINES:
        raise Invalid("一次最多 %(most)s 行，请分几次。", field="riders", most=MOST_LINES)
    riders = riders_by_phone(phone for _number, _said, phone, _times, _why in read if phone)
    return Asked(act, list(_judged(actor, read, riders)))


_Read = tuple[int, str, str, int, str]  # line, what it shows, phone or "", times, what is wrong


def _read(text: str) -> Iterator[_Read]:
    for number, line in enumerate(text.splitlines(), start=1):
        said = line.strip()
        if not said:
            continue
        match = _TIMES.match(said)
        phone, times = (match[1], int(match[2] or 1)) if match else (said, 1)
        try:
            plain = mobile_number(phone, field="riders")
        except DomainError as fault:
            yield number, said[:20], "", times, _(fault.message) % fault.context
            continue
        wrong = "" if 1 <= times <= MOST_TIMES else _("一行最多 %(most)d 次。") % {"most": MOST_TIMES}
        yield number, f"…{plain[-4:]}", plain, times, wrong


def _judged(actor: Actor, read: list[_Read], riders: dict[str, str]) -> Iterator[Line]:
    before: set[str] = set()
    for number, said, phone, times, why in read:
        rider = riders.get(phone, "")
        if not why and phone in before:
            why = _("这个号上面已经写过了，次数写在那一行。")
        elif not why and not rider:
            why = _("没有骑手用这个号登记。")
        elif not why and rider == actor.ref:
            why = _("不能确认自己的，请同事来。")
        before.add(phone)
        yield Line(number, said, times, WRONG if why else GOOD, "" if why else rider, why)


def latest_certified(actor: Actor) -> list[Earlier]:
    """What the actor's organisation confirmed lately, the newest first. One query."""
    table: rules.PointsPolicy = current("rewards.points").data
    names = {slug: found.name for slug, found in triage_classes().items()}
    deeds = history_of(f"organisation:{access.certifying(actor).organisation}").filter(action="rewards.certified")
    return [
        Earlier(
            deed.at,
            _(table.line(deed.data["rule"], names).title) if deed.data["rule"] in table.rules else deed.data["rule"],
            date.fromisoformat(deed.data["day"]),
            deed.data["acts"],
            deed.data["points"],
        )
        for deed in deeds.order_by("-pk")[:LATEST]
    ]
