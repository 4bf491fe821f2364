"""The shapes of the rules that the city edits: who gets what, and how long it may take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from qixia.kernel.worktime import span

_SLUG = re.compile(r"[a-z][a-z0-9-]{1,39}")
SEEDS = Path(__file__).parent / "seeds"
Severity = Literal["low", "normal", "high", "critical"]


class RoutingRow(BaseModel):
    """Fits a report if each thing that it names fits; names nothing: the fallback."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    unit: str = Field(min_length=1)
    cls: str | None = Field(None, alias="class")
    family: str | None = None
    division: str | None = None  # code of any division above the place
    site_kind: str | None = None
    helpers: list[str] = Field(default_factory=list, max_length=5)  # units asked to help (协办) at the dispatch
    note: str = Field("", max_length=200)  # for those who read the catalogue

    @property
    def is_fallback(self) -> bool:
        return not (self.cls or self.family or self.division or self.site_kind)


class Routing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: list[RoutingRow]

    @model_validator(mode="after")
    def _one_fallback(self) -> Routing:
        if sum(row.is_fallback for row in self.rows) != 1:
            raise ValueError("exactly one row must fit everything: the fallback")
        return self


class Secrecy(BaseModel):
    """What the public may know of a matter that could name a person, and how anonymous reports are held off.

    `cell_m` is the side of the fixed squares to whose middles public places are moved; public times are days.
    """

    model_config = ConfigDict(extra="forbid")

    sensitive: list[str] = Field(default_factory=list)
    cell_m: int = Field(ge=100, le=5000)
    anonymous_per_hour: int = Field(ge=1, le=10_000)
    second_opinion: bool = False  # whether another model (rule triage.second_opinion) may be shown sensitive matters

    @field_validator("sensitive")
    @classmethod
    def _classes(cls, slugs: list[str]) -> list[str]:
        if len(set(slugs)) != len(slugs):
            raise ValueError("names a class twice")
        if bad := [slug for slug in slugs if not _SLUG.fullmatch(slug)]:
            raise ValueError(f"no name of a class: {bad[0]}")
        return slugs


class Merging(BaseModel):
    """What becomes of reports that look like one matter. How alike they must be is the policy "triage.duplicates"."""

    model_config = ConfigDict(extra="forbid")

    automatic: bool = True  # False: a clerk decides on every one
    offered: int = Field(3, ge=0, le=5)  # similar ones that a rider is asked about before sending; 0: never
    around_m: int = Field(30, ge=0, le=250)  # metres in which all open ones are, to who said only where; 0: never
    paid_riders: int = Field(20, ge=0, le=1000)  # riders who earn points for supporting one report
    supports_a_day: int = Field(30, ge=1, le=1000)  # that one rider may make
    pay_riders: int = Field(3, ge=1, le=1000)  # so many riders' supports are booked together, so that none stands alone
    pay_days: int = Field(3, ge=1, le=30)  # and no support waits longer
    questions_a_minute: int = Field(30, ge=1, le=600)  # of one rider: is anything like it near?


class Phone(BaseModel):
    """An emergency service."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(pattern=r"^\d{3,12}$")
    name: str = Field(min_length=1, max_length=20)


class PhoneFirst(BaseModel):
    """Which phone stands first for a class, or for a family of classes."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    phone: str
    cls: str | None = Field(None, alias="class")
    family: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> PhoneFirst:
        if (self.cls is None) == (self.family is None):
            raise ValueError("names either a class or a family")
        return self


class AlarmRules(BaseModel):
    """How long each level of people has to answer, and whom to phone."""

    model_config = ConfigDict(extra="forbid")

    minutes: int = Field(ge=1, le=120)
    levels: dict[str, int] = Field(default_factory=dict)
    phones: list[Phone] = Field(min_length=1)
    first: list[PhoneFirst] = Field(default_factory=list)

    @field_validator("levels")
    @classmethod
    def _within_two_hours(cls, levels: dict[str, int]) -> dict[str, int]:
        if any(not 1 <= minutes <= 120 for minutes in levels.values()):
            raise ValueError("minutes of a level are 1 to 120")
        return levels

    @model_validator(mode="after")
    def _known_phones(self) -> AlarmRules:
        known = {one.number for one in self.phones}
        if unknown := [row.phone for row in self.first if row.phone not in known]:
            raise ValueError(f"is none of the phones: {unknown[0]}")
        return self

    def wait(self, level: str) -> int:
        """Minutes that the people of this level have."""
        return self.levels.get(level, self.minutes)

    def phones_for(self, cls: str, family: str) -> list[Phone]:
        """All phones, the one for this matter first."""
        by_class = next((row.phone for row in self.first if row.cls == cls), "")
        wanted = by_class or next((row.phone for row in self.first if row.family == family), "")
        return sorted(self.phones, key=lambda one: one.number != wanted)


class Ways(BaseModel):
    """How a report may go from unit to unit, and how long an answer may be put off."""

    model_config = ConfigDict(extra="forbid")

    returns: int = Field(
        2, ge=0, le=5
    )  # from unit to unit, over the life of a report; then only the supervisor decides
    helpers: int = Field(5, ge=1, le=20)  # asked at a time
    promise_days: int = Field(60, ge=1, le=365)  # the latest day that an answer may be promised for
    # Families or classes that have to be studied; for all others the limits of the city hold.
    studied: list[str] = Field(default_factory=lambda: ["骑手诉求"], max_length=100)


class LimitRow(BaseModel):
    """Fits a report if each thing that it names fits. It may say one, two or all three limits; what it leaves out, a
    less special row says."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    cls: str | None = Field(None, alias="class")
    family: str | None = None
    severity: Severity | None = None
    division: str | None = None  # code of any division above the place
    site_kind: str | None = None
    unit_kind: str | None = None
    receive: str | None = None
    resolve: str | None = None
    verify: str | None = None

    @field_validator("receive", "resolve", "verify")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        return text if text is None else str(span(text))

    @property
    def is_fallback(self) -> bool:
        named = (self.cls, self.family, self.severity, self.division, self.site_kind, self.unit_kind)
        return not any(named)


class PauseReason(BaseModel):
    """Why a clock may stand still."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    zh: str = Field(min_length=1, max_length=40)
    en: str = Field("", max_length=60)


_PAUSES = [
    PauseReason(key="parts", zh="等配件", en="Waiting for parts"),
    PauseReason(key="weather", zh="恶劣天气不能施工", en="The weather allows no work"),
    PauseReason(key="reporter", zh="等上报人补充", en="Waiting for more from the reporter"),
    PauseReason(key="owner", zh="等权属单位或法定程序", en="Waiting for the owner or a legal procedure"),
]
NO_ANSWER_LIMIT = "the first answer is due 24 hours after the receipt, for every report; no rule can change that"


class Limits(BaseModel):
    """How long each step may take, by rows. Data of before, with minutes by severity, is read as four rows."""

    model_config = ConfigDict(extra="forbid")

    rows: list[LimitRow] = Field(min_length=1, max_length=2000)
    pauses: list[PauseReason] = Field(default_factory=lambda: list(_PAUSES), min_length=1)
    pause_max: str = "15 工作日"  # how long a clock may stand still in one round; then it goes on by itself
    extension_max: str = "15 工作日"  # the longest that may be asked for at once
    extensions: int = Field(2, ge=0, le=10)  # granted ones, until the clock starts anew
    close_after_days: int = Field(ge=1, le=60)
    soon: float = Field(gt=0, lt=1)
    per_hour: int = Field(ge=1)

    @model_validator(mode="before")
    @classmethod
    def _old_shape(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        listed = data.get("rows")
        rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
        if any(name.startswith("answer") for one in (data, *rows) for name in map(str, one)):
            raise ValueError(NO_ANSWER_LIMIT)
        if "rows" in data or not isinstance(data.get("resolve"), dict):
            return data
        kept = {key: value for key, value in data.items() if key not in ("receive", "resolve", "verify")}
        return kept | {"rows": _rows_of_before(data)}

    @field_validator("extension_max", "pause_max")
    @classmethod
    def _readable(cls, text: str) -> str:
        return str(span(text))

    @model_validator(mode="after")
    def _complete(self) -> Limits:
        fallback = [row for row in self.rows if row.is_fallback]
        if len(fallback) != 1 or None in (fallback[0].receive, fallback[0].resolve, fallback[0].verify):
            raise ValueError("exactly one row must fit everything and say all three limits: the fallback")
        if len({reason.key for reason in self.pauses}) != len(self.pauses):
            raise ValueError("two reasons to pause of one key")
        return self


def _rows_of_before(data: dict[str, Any]) -> list[dict[str, Any]]:
    by_severity: dict[str, dict[str, Any]] = {}
    for clock in ("receive", "resolve", "verify"):
        for severity, minutes in (data.get(clock) or {}).items():
            by_severity.setdefault(severity, {"severity": severity})[clock] = str(span(minutes))
    rows = list(by_severity.values())
    normal = by_severity.get("normal")
    return [*rows, {key: value for key, value in normal.items() if key != "severity"}] if normal else rows


class ReminderRow(BaseModel):
    """At `at` hundredths of the limit of a clock: whom to tell, and how many levels up the matter goes."""

    model_config = ConfigDict(extra="forbid")

    clock: Literal["receive", "answer", "resolve", "verify"]
    at: int = Field(ge=1, le=2000)
    tell: list[Literal["unit", "clerk"]] = Field(default_factory=list)
    escalate: int = Field(0, ge=0, le=6)  # 1: the nearest supervisors, 2: the next level above, …

    @model_validator(mode="after")
    def _does_something(self) -> ReminderRow:
        if not self.tell and not self.escalate:
            raise ValueError("a reminder tells nobody")
        return self


class Reminders(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: list[ReminderRow] = Field(max_length=60)

    @model_validator(mode="after")
    def _once(self) -> Reminders:
        moments = [(row.clock, row.at) for row in self.rows]
        if len(set(moments)) != len(moments):
            raise ValueError("two reminders at the same moment of one clock")
        return self


class Looks(BaseModel):
    """When a second rider is asked to look whether something is fixed, and how near and how soon that counts."""

    model_config = ConfigDict(extra="forbid")

    share: float = Field(ge=0, le=1)
    classes: list[str] = Field(default_factory=list)
    unsure: bool = True
    silent: bool = True
    anonymous: bool = True
    within_m: int = Field(ge=10, le=1000)
    fresh_minutes: int = Field(ge=1, le=24 * 60)
    window_hours: int = Field(ge=1, le=24 * 30)
    circle_from: int = Field(ge=1, le=100)


class MeasureKind(BaseModel):
    """One thing that may be done against who caused something."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(pattern=r"^[a-z][a-z0-9-]{1,31}$")
    zh: str = Field(min_length=1, max_length=20)
    en: str = Field("", max_length=60)
    amount: bool = False  # money, which has to be said
    document: bool = False  # whether the number of a paper has to be given


class Measures(BaseModel):
    """Measures that staff choose from. What was taken under a key that is gone keeps its key as its title."""

    model_config = ConfigDict(extra="forbid")

    kinds: list[MeasureKind] = Field(min_length=1, max_length=40)

    @model_validator(mode="after")
    def _once(self) -> Measures:
        if len({one.key for one in self.kinds}) != len(self.kinds):
            raise ValueError("two measures of one key")
        return self

    def kind(self, key: str) -> MeasureKind | None:
        return next((one for one in self.kinds if one.key == key), None)


class _Sign(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# Small things that come back by themselves wherever many people pass.
_RECURRING = (
    "litter",
    "bin-overflow",
    "road-dirty",
    "bike-parking",
    "shared-bike",
    "car-parking",
    "stall",
    "illegal-ads",
)


class OwnMade(_Sign):
    """The same account, place and class: reported soon after the fix, handled again and again, fixed and there again at
    the same hour."""

    days: int = Field(60, ge=1, le=365)
    within_m: int = Field(40, ge=1, le=1000)
    soon_hours: int = Field(48, ge=1, le=720)
    times: int = Field(2, ge=1, le=100)
    handled_times: int = Field(3, ge=1, le=100)
    clock_minutes: int = Field(20, ge=1, le=240)
    clock_days: int = Field(5, ge=2, le=60)
    recurring: tuple[str, ...] = Field(
        _RECURRING, description="classes that come back by themselves: no sign after a fix"
    )


class Reused(_Sign):
    """The very same picture so far from where, or so long after, it was first sent."""

    away_m: int = Field(150, ge=1)
    after_hours: int = Field(24, ge=1)


class Speed(_Sign):
    from_m: int = Field(1500, ge=100, description="shorter ways say nothing: a phone's place is inexact")
    kmh: int = Field(90, ge=20, le=500)
    arrival_from_m: int = Field(5000, ge=100, description="the same where a photo says no time and its arrival counts")


class Farmed(_Sign):
    worth_most: int = Field(3, ge=0, le=1000, description="a line worth more than this is no trifle")
    within_m: int = Field(150, ge=1)
    minutes: int = Field(60, ge=1, le=1440)
    times: int = Field(6, ge=2, le=100)


class Mutual(_Sign):
    days: int = Field(30, ge=1, le=365)
    each: int = Field(2, ge=1, description="as often one supports another before it ties them")
    times: int = Field(4, ge=1, description="supports inside the group, for each of it")
    share: float = Field(0.6, ge=0, le=1, description="of all that the group supports")
    group_most: int = Field(6, ge=2, le=50)
    read_most: int = Field(20_000, ge=100, description="supports that are looked at, the latest")


class Cheats(_Sign):
    """From where on something is looked at before it is paid (policy "reports.cheats")."""

    own_made: OwnMade = OwnMade()
    reused: Reused = Reused()
    speed: Speed = Speed()
    farmed: Farmed = Farmed()
    mutual: Mutual = Mutual()


class Decisions(BaseModel):
    """Reasons of decisions, slug → title; how long one may appeal; which numbers are too small to publish."""

    model_config = ConfigDict(extra="forbid")

    valid: dict[str, str] = Field(min_length=1)
    invalid: dict[str, str] = Field(min_length=1)
    aside: dict[str, str] = Field(min_length=1)
    appeal_days: int = Field(ge=1, le=365)
    public_from: int = Field(ge=2, le=1000)

    @field_validator("valid", "invalid", "aside")
    @classmethod
    def _reasons(cls, reasons: dict[str, str]) -> dict[str, str]:
        if bad := [slug for slug in reasons if not _SLUG.fullmatch(slug) or len(slug) > 32]:
            raise ValueError(f"no name of a reason: {bad[0]}")
        if empty := [slug for slug, title in reasons.items() if not 0 < len(title) <= 40]:
            raise ValueError(f"a title has 1 to 40 characters: {empty[0]}")
        return reasons

    @model_validator(mode="after")
    def _has_other(self) -> Decisions:
        if "other" not in self.valid or "other" not in self.invalid:
            raise ValueError("valid and invalid need a reason 'other'")
        return self

    def reasons(self, verdict: str) -> dict[str, str]:
        found: dict[str, str] = getattr(self, verdict)
        return found
