"""What a worker confirms by a list of phone numbers: meals carried to old people, a day of helping. Points at once, like all.

Again     a rider's n-th act of a kind on a day counts once for each organisation, so a list that is sent twice, or grows,
          adds what is new and nothing else.
Never     for oneself; never further back than `BACK`; a number that is no rider's is left out and named by its line.
Limits    those of the rule and of the day hold; what a person got less is on the entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.people.access import Actor, Grant
from qixia.rewards import access
from qixia.rewards.models import Posting
from qixia.rewards.queries import certifying
from qixia.rewards.services import books
from qixia.rewards.services.points import Award, award_many

CERTIFIED = "rewards.certified"


@dataclass(frozen=True, slots=True)
class Certified:
    """What came of a list: riders and acts that count now, points, acts that counted before, lines that were left out."""

    riders: int
    acts: int
    points: int
    repeated: int
    left_out: int


@transaction.atomic
def certify(*, actor: Actor, rule: str, day: date, text: str) -> Certified:
    """Pay the acts of a list of riders: a phone number a line, and how often if more than once. Invalid names `rule`,
    `day` or `riders`; NotAllowed for who certifies nothing."""
    grant = access.certifying(actor)
    asked = certifying.checked(actor, rule=rule, day=day, text=text)
    good = [line for line in asked.lines if line.verdict == certifying.GOOD]
    if not good:
        raise Invalid("名单里没有能确认的骑手。", field="riders")
    awards = [_award(actor, grant, rule, day, line.rider, n) for line in good for n in range(1, line.times + 1)]
    books.lock_purses(award.beneficiary for award in awards)  # the same list, sent twice at once, is counted once
    began = Posting.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    made = award_many(awards)
    new = [one for one in made if one.pk > began]
    record(
        CERTIFIED,
        subject=f"organisation:{grant.organisation}",
        actor=actor.ref,
        rule=rule,
        day=day.isoformat(),
        acts=len(new),
        points=sum(one.points for one in new),
    )
    return Certified(
        riders=len({one.beneficiary for one in new}),
        acts=len(new),
        points=sum(one.points for one in new),
        repeated=len(made) - len(new),
        left_out=len(asked.lines) - len(good),
    )


def _award(actor: Actor, grant: Grant, rule: str, day: date, rider: str, number: int) -> Award:
    noon = datetime.combine(day, time(12), tzinfo=clock.CITY_TZ)
    return Award(
        beneficiary=rider,
        rule=rule,
        source=f"certified:{rule}:{grant.organisation}:{day.isoformat()}:{number}",
        act=CERTIFIED,
        actor=actor.ref,
        at=min(noon, clock.now()),
        params={"place": grant.organisation_name},
        path=grant.path,
    )
