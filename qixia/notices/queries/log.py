"""The log of deliveries and the robots, for administrators.

Secrecy  a line says by which channel and how it went, never to whom; a person's line has its day only, because a minute
         beside that of a report would say who reported it. A robot's line has its minute and its name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, Q, QuerySet

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.notices.channels import CHANNELS, ChannelRules
from qixia.notices.models import Delivery, PushSubscription, Robot
from qixia.notices.queries.ways import channel_rules
from qixia.people import queries as people
from qixia.ui.paging import Page

PAGE = 50
STATES = (Delivery.QUEUED, Delivery.SENT, Delivery.FAILED, Delivery.GIVEN_UP)


@dataclass(frozen=True, slots=True)
class Line:
    """One delivery."""

    public_id: str
    channel: str
    to: str  # a robot's name; "" for a person
    title: str  # of the kind of news
    state: str
    tries: int
    day: date
    at: datetime | None
    error: str
    is_critical: bool


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """One channel in the last days, by state."""

    channel: str
    queued: int
    sent: int
    failed: int
    given_up: int

    @property
    def share(self) -> int | None:
        """Of a hundred that are over, how many arrived, rounded down; None before any is."""
        over = self.sent + self.failed + self.given_up
        return self.sent * 100 // over if over else None


@dataclass(frozen=True, slots=True)
class RobotLine:
    public_id: str
    label: str
    organisation: str
    kind: str
    is_active: bool
    last_error: str
    last_spoken: datetime | None


def deliveries(
    *, language: str, channel: str = "", state: str = "", after: str = "", before: str = "", size: int = PAGE
) -> Page[Line]:
    """The log, newest first. Filters and keys that aren't known are as none. Three queries."""
    rows = Delivery.objects.select_related("notice")
    if channel in CHANNELS:
        rows = rows.filter(channel=channel)
    if state in STATES:
        rows = rows.filter(state=state)
    shown, newer, older = _page(rows, after, before, size)
    names, policy = _robot_names(shown), channel_rules()
    return Page(
        items=[_line(row, names, policy, language) for row in shown],
        after=shown[-1].public_id if shown and older else None,
        before=shown[0].public_id if shown and newer else None,
    )


def _page(rows: QuerySet[Delivery], after: str, before: str, size: int) -> tuple[list[Delivery], bool, bool]:
    """(rows, whether there are newer ones, whether there are older ones)."""
    key = before or after
    edge = Delivery.objects.filter(public_id=key).values_list("pk", flat=True).first() if key else None
    if before and edge:
        found = list(rows.filter(pk__gt=edge).order_by("pk")[: size + 1])
        return list(reversed(found[:size])), len(found) > size, True
    found = list((rows.filter(pk__lt=edge) if edge else rows).order_by("-pk")[: size + 1])
    return found[:size], edge is not None, len(found) > size


def _robot_names(rows: Iterable[Delivery]) -> dict[str, str]:
    wanted = {row.address for row in rows if row.channel == "robot"}
    return dict(Robot.objects.filter(public_id__in=wanted).values_list("public_id", "label")) if wanted else {}


def _line(row: Delivery, names: Mapping[str, str], policy: ChannelRules, language: str) -> Line:
    return Line(
        public_id=row.public_id,
        channel=row.channel,
        to=names.get(row.address, "") if row.channel == "robot" else "",
        title=policy.groups[policy.group_of(row.notice.template)].title.words(language),
        state=row.state,
        tries=row.tries,
        day=clock.city_date(row.created_at),
        at=row.sent_at if row.channel == "robot" else None,
        error=row.error,
        is_critical=row.is_critical,
    )


def delivery_counts(*, days: int = 7) -> list[DeliveryCount]:
    """Each channel's deliveries of the last days; what is still queued counts whatever its age."""
    since = clock.now() - timedelta(days=days)
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    rows = Delivery.objects.filter(Q(created_at__gte=since) | Q(state=Delivery.QUEUED)).order_by()
    for channel, state, many in rows.values_list("channel", "state").annotate(many=Count("pk")):
        counted[channel][state] = many
    return [DeliveryCount(one, *(counted[one].get(state, 0) for state in STATES)) for one in CHANNELS]


def gaps() -> frozenset[str]:
    """Channels that carry nothing, because nobody has set them up. Two queries."""
    config = get_config()
    missing = {
        "push": not PushSubscription.objects.exists(),
        "robot": not Robot.objects.filter(is_active=True).exists(),
        "email": not config.mail_server.get_secret_value(),
        "sms": config.sms_sender == "console",
    }
    return frozenset(channel for channel, is_missing in missing.items() if is_missing)


def robots() -> list[RobotLine]:
    """All robots, those that speak first. Two queries."""
    rows = list(Robot.objects.order_by("-is_active", "label", "pk"))
    places = people.organisations_by_id(row.organisation_id for row in rows)
    return [
        RobotLine(
            public_id=row.public_id,
            label=row.label,
            organisation=places[row.organisation_id].name,
            kind=row.kind,
            is_active=row.is_active,
            last_error=row.last_error,
            last_spoken=datetime.fromtimestamp(max(row.spoken), UTC) if row.spoken else None,
        )
        for row in rows
    ]
