"""Who is acting: an `Actor` says what roles somebody holds, where, and how history names them.

Truth    RoleGrant rows in force at this moment; an Actor is a picture of them for one request.
Cost     one query for person, grants, organisations and divisions together (`load`).
Nobody   is ANONYMOUS, never None; background work passes SYSTEM or `system_actor(name)`. No actor means no.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from qixia.kernel import clock
from qixia.people.models import Person
from qixia.people.rules import CONSENT_KINDS


@dataclass(frozen=True, slots=True)
class Grant:
    """One role in force. `path` is where it holds: "" is the whole city, else everything below that division."""

    role: str
    organisation_id: int
    organisation: str  # public id
    organisation_code: str
    organisation_name: str
    division_code: str
    path: str
    acting_for: str = ""  # public id of the colleague who is away; "" for a role of one's own

    def covers(self, path: str) -> bool:
        return path.startswith(self.path)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something. `ref` is the only thing that history keeps: "person:<public id>" or "system:<name>"."""

    ref: str
    person_id: int | None = None
    public_id: str = ""
    display_name: str = ""
    language: str = "zh-hans"
    roles: frozenset[str] = field(default_factory=frozenset)
    grants: tuple[Grant, ...] = ()
    consents: frozenset[str] = field(default_factory=frozenset)  # kinds that the person agrees to now

    @property
    def is_signed_in(self) -> bool:
        return self.person_id is not None

    @property
    def name(self) -> str:
        return self.display_name

    @property
    def organisation_name(self) -> str:
        """Where the actor works, for the foot of the console; "" for riders."""
        return next((g.organisation_name for g in self.grants if g.role != "rider"), "")

    @property
    def is_system(self) -> bool:
        return self.ref.startswith("system:")

    def has(self, *roles: str) -> bool:
        """Holds at least one of `roles` somewhere."""
        return not self.roles.isdisjoint(roles)

    def organisation_ids(self, *roles: str) -> frozenset[int]:
        """The organisations in which the actor holds one of `roles` (any role if none is named)."""
        return frozenset(g.organisation_id for g in self.grants if not roles or g.role in roles)

    def paths(self, *roles: str) -> tuple[str, ...]:
        """The places, as division paths, where the actor holds one of `roles`; "" is everywhere."""
        return tuple(dict.fromkeys(g.path for g in self.grants if not roles or g.role in roles))

    def acts_for(self, grants: Iterable[Grant]) -> str:
        """Ref of the colleague for whom the actor does what only these grants allow; "" if one of them is an own one."""
        lent = [grant.acting_for for grant in grants]
        return f"person:{lent[0]}" if lent and all(lent) else ""

    def covers(self, path: str, *roles: str) -> bool:
        """Holds one of `roles` in a place that contains the division `path`."""
        return any(g.covers(path) for g in self.grants if not roles or g.role in roles)


ANONYMOUS = Actor(ref="anyone")


def system_actor(name: str) -> Actor:
    """A named part of the system that acts without a person, such as "settle" or "sign-in"."""
    return Actor(ref=f"system:{name}", roles=frozenset({"system"}))


SYSTEM = system_actor("worker")

# Columns of a person that requests need, in the order of the model; others are fetched when somebody asks.
_NEEDED = ("id", "password", "public_id", "username", "is_active", "display_name", "language")
_PERSON = [field.attname for field in Person._meta.concrete_fields if field.attname in _NEEDED]
# The busiest query of all. Written out, because building it from models took longer than the database needs to answer.
_LOAD = f"""
SELECT {", ".join(f"p.{name}" for name in _PERSON)},
       g.role, g.organisation_id, o.public_id, o.code, o.name, od.path, gd.code, gd.path, g.acting_for,
       {
    ", ".join(
        f"EXISTS (SELECT 1 FROM people_consent c WHERE c.person_id = p.id AND c.kind = '{kind}'"
        " AND c.withdrawn_at IS NULL)"
        for kind in CONSENT_KINDS
    )
}
FROM people_person p
LEFT JOIN people_rolegrant g ON g.person_id = p.id AND g.revoked_at IS NULL AND g.valid_from <= %s
     AND (g.valid_until IS NULL OR g.valid_until > %s)
LEFT JOIN people_organisation o ON o.id = g.organisation_id
LEFT JOIN codes_division od ON od.id = o.division_id
LEFT JOIN codes_division gd ON gd.id = g.division_id
WHERE p.id = %s AND p.is_active
ORDER BY g.id
"""
_GRANT_COLUMNS = 9


def load(person_id: int) -> tuple[Person, Actor] | None:
    """Person and actor in one query; None if there is no such active person."""
    now = connection.ops.adapt_datetimefield_value(clock.now())
    with connection.cursor() as cursor:
        cursor.execute(_LOAD, [now, now, person_id])
        rows = cursor.fetchall()
    if not rows:
        return None
    person = Person.from_db("default", _PERSON, rows[0][: len(_PERSON)])
    person.is_active = bool(person.is_active)  # SQLite says 1
    end = len(_PERSON) + _GRANT_COLUMNS
    grants = tuple(_grant(row[len(_PERSON) : end]) for row in rows if row[len(_PERSON)])
    actor = Actor(
        ref=f"person:{person.public_id}",
        person_id=person.pk,
        public_id=person.public_id,
        display_name=person.display_name,
        language=person.language,
        roles=frozenset(g.role for g in grants),
        grants=grants,
        consents=frozenset(kind for kind, yes in zip(CONSENT_KINDS, rows[0][end:], strict=True) if yes),
    )
    person.known_roles = actor.roles
    return person, actor


def actor_for(person: Person | int) -> Actor:
    """The actor that a person is right now (one query); ANONYMOUS for a closed account."""
    found = load(person if isinstance(person, int) else person.pk)
    return found[1] if found else ANONYMOUS


def _grant(row: tuple[Any, ...]) -> Grant:
    role, organisation_id, organisation, code, name, organisation_path, division_code, division_path, acting_for = row
    return Grant(
        role=role,
        organisation_id=organisation_id,
        organisation=organisation,
        organisation_code=code,
        organisation_name=name,
        division_code=division_code or "",
        path=division_path or organisation_path or "",
        acting_for=acting_for or "",
    )
