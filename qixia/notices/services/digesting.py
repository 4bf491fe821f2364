"""Morning and afternoon summaries for people at work: how much is new, due today, overdue. Counts name no matter.

Truth    the notice's key holds day, digest and person: each is told once, however often this runs.
Days     by the working calendar, unless the rule says all days.
Empty    nothing to count, nothing told.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from qixia.kernel import clock
from qixia.kernel.keys import keys
from qixia.notices import digests, queries
from qixia.notices.channels import Digest
from qixia.notices.models import Notice
from qixia.notices.services.telling import Tell, tell_many
from qixia.people import queries as people
from qixia.policy.queries import working_calendar

TEMPLATE = "digest.staff"
ROLES = ("worker", "unit_lead", "clerk", "supervisor")
# After a standstill a summary is still worth something for so long.
WINDOW = timedelta(minutes=30)


def tell_digests() -> int:
    """Tell the summaries whose time has come; how many were told."""
    now = clock.city_time(clock.now())
    return sum(_tell(digest, now) for digest in queries.channel_rules().digests if _has_come(digest, now))


def _has_come(digest: Digest, now: datetime) -> bool:
    begins = datetime.combine(now.date(), digest.at, tzinfo=clock.CITY_TZ)
    if not begins <= now < begins + WINDOW:
        return False
    return digest.days == "all" or working_calendar().work.is_working_day(now.date())


def _tell(digest: Digest, now: datetime) -> int:
    names = {person: f"digest:{now.date()}:{digest.key}:{person}" for person in people.people_with_roles(*ROLES)}
    hidden = {keys().blind_index(name, purpose=queries.SEAL): person for person, name in names.items()}
    told = set(Notice.objects.filter(key__in=list(hidden)).values_list("key", flat=True))
    tells = []
    for person in (person for key, person in hidden.items() if key not in told):
        counts = digests.counts_for(person)
        if not counts.is_empty:
            what = {"zh": digest.title.zh, "en": digest.title.en}
            facts = {"what": what, "new": counts.new, "due": counts.due, "overdue": counts.overdue}
            tells.append(Tell(person, TEMPLATE, facts, "/desk/", names[person]))
    tell_many(tells)
    return len(tells)
