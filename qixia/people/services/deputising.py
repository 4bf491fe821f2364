"""Somebody is away and a colleague acts for them, between two moments.

Roles    worker, unit lead, clerk, supervisor: the deputy gets, for that time, those that he or she does not hold anyway.
         Nobody becomes administrator, data officer or auditor by standing in. What is held for somebody ends when that
         person's own role does.
Who      the person or an administrator names the deputy: a colleague of the same organisation. A lead may as well, but
         lends only what is held in the unit that he or she leads, no clerk's nor supervisor's role, and never to himself
         or herself. Notices go to whoever holds a role, so they go to both.
Audit    steps that only a borrowed role allows are recorded "for" the person who is away (reports.services.moves).
Errors   NotFound, NotAllowed, NoColleague, NotYourself, AlreadyDeputed, Invalid: nothing has changed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from qixia.people.access import Actor
from qixia.people.models import Deputy, Person, RoleGrant, live_at

LENDABLE = ("worker", "unit_lead", "clerk", "supervisor")
LED = ("worker", "unit_lead")  # what a lead may lend for somebody else
LONGEST = timedelta(days=90)
_SLACK = timedelta(minutes=5)  # between the page and the click


class NoColleague(Invalid):
    code = "people.no_colleague"
    message = "代班的要是同一单位的同事。"


class NotYourself(Invalid):
    code = "people.deputy_not_yourself"
    message = "不能指定自己给别人代班，请本人或管理员来指定。"


class AlreadyDeputed(Conflict):
    code = "people.already_deputed"
    message = "这段时间已经有人代班，请先结束那一段。"


@transaction.atomic
def set_deputy(*, actor: Actor, person: str, deputy: str, starts_at: datetime, ends_at: datetime) -> Deputy:
    """Let `deputy` act for `person` (public ids) from `starts_at` to before `ends_at`."""
    now = clock.now()
    if not now - _SLACK <= starts_at < ends_at <= starts_at + LONGEST:
        raise Invalid("代班要从现在或以后开始，最长 %(days)d 天。", field="ends_at", days=LONGEST.days)
    # One at a time for a person: the row is the lock.
    away = Person.objects.select_for_update().filter(public_id=person[:26], is_active=True).first()
    if away is None or not may_set(actor, away):
        raise NotFound
    lent = _lendable(actor, away)
    colleague = _colleague(deputy, away, lent)
    if colleague.pk == actor.person_id and not actor.has("admin"):
        raise NotYourself(field="deputy")
    overlap = Deputy.objects.filter(person=away, ended_at=None, starts_at__lt=ends_at, ends_at__gt=starts_at)
    if overlap.exists():
        raise AlreadyDeputed
    made = Deputy.objects.create(person=away, deputy=colleague, starts_at=starts_at, ends_at=ends_at, set_by=actor.ref)
    for grant in lent:
        _lend(grant, colleague, starts_at, ends_at)
    record(
        "people.deputy_set",
        subject=f"person:{away.public_id}",
        actor=actor.ref,
        deputy=f"person:{colleague.public_id}",
        until=ends_at.isoformat(),
    )
    return made


@transaction.atomic
def end_deputy(*, actor: Actor, public_id: str) -> None:
    """The person is back early, or it was a mistake. What was done meanwhile stands. Said twice is said once."""
    row = Deputy.objects.select_for_update().select_related("person", "deputy").filter(public_id=public_id[:26]).first()
    if row is None or not _may_end(actor, row):
        raise NotFound
    now = clock.now()
    if row.ended_at is not None or row.ends_at <= now:
        return
    Deputy.objects.filter(pk=row.pk).update(ended_at=now)
    RoleGrant.objects.filter(person=row.deputy, acting_for=row.person.public_id, revoked_at=None).update(revoked_at=now)
    record(
        "people.deputy_ended",
        subject=f"person:{row.person.public_id}",
        actor=actor.ref,
        deputy=f"person:{row.deputy.public_id}",
    )


def may_set(actor: Actor, away: Person) -> bool:
    """The person, an administrator, or a lead of an organisation where the person works. Nobody by a borrowed role."""
    if actor.person_id == away.pk or actor.has("admin"):
        return True
    return _of_lead(actor, away).exists()


def _may_end(actor: Actor, row: Deputy) -> bool:
    """Whoever may set it; a lead only while nothing is lent that the lead could not have lent."""
    if actor.person_id == row.person_id or actor.has("admin"):
        return True
    lent = RoleGrant.objects.filter(person=row.deputy, acting_for=row.person.public_id, revoked_at=None)
    ours = _of_lead(actor, row.person).values_list("organisation_id", "role")
    return may_set(actor, row.person) and set(lent.values_list("organisation_id", "role")) <= set(ours)


def _of_lead(actor: Actor, away: Person) -> QuerySet[RoleGrant]:
    """What the person holds in the units that the actor leads."""
    led = {grant.organisation_id for grant in actor.grants if grant.role == "unit_lead" and not grant.acting_for}
    return _own(away).filter(organisation_id__in=led, role__in=LED)


def _own(person: Person) -> QuerySet[RoleGrant]:
    return RoleGrant.objects.filter(live_at(clock.now()), person=person, acting_for="", role__in=LENDABLE)


def _lendable(actor: Actor, away: Person) -> list[RoleGrant]:
    is_all = actor.person_id == away.pk or actor.has("admin")
    found = list(_own(away) if is_all else _of_lead(actor, away))
    if not found:
        raise NotAllowed
    return found


def _colleague(public_id: str, away: Person, lent: list[RoleGrant]) -> Person:
    places = {grant.organisation_id for grant in lent}
    works = Q(grants__organisation_id__in=places, grants__acting_for="") & live_at(clock.now(), "grants__")
    found = Person.objects.filter(works, public_id=public_id[:26], is_active=True).exclude(grants__role="rider")
    colleague = found.exclude(pk=away.pk).distinct().first()
    if colleague is None:
        raise NoColleague(field="deputy")
    return colleague


def _lend(grant: RoleGrant, colleague: Person, starts_at: datetime, ends_at: datetime) -> None:
    """The role for that time, unless the colleague holds it for at least as long."""
    same = RoleGrant.objects.filter(
        person=colleague,
        role=grant.role,
        organisation_id=grant.organisation_id,
        division_id=grant.division_id,  # type: ignore[misc]  # None is IS NULL, which the stubs do not know
        revoked_at=None,
    )
    held = same.first()
    if held is not None and held.acting_for and held.valid_until and held.valid_until <= clock.now():
        same.update(revoked_at=held.valid_until)  # what was lent before and is over makes room
        held = None
    if held is not None and held.acting_for:
        raise AlreadyDeputed
    if held is not None:
        return
    until = min(ends_at, grant.valid_until) if grant.valid_until else ends_at
    RoleGrant.objects.create(
        person=colleague,
        role=grant.role,
        organisation_id=grant.organisation_id,
        division_id=grant.division_id,
        valid_from=starts_at,
        valid_until=until,
        acting_for=grant.person.public_id,
    )
