"""What others may know about people and organisations. Returns frozen pictures made for one purpose, never rows.

Phones and real names leave this module only through `own_card` (to the person), `phone_for_message` (to the sender of
messages) and, on a demonstration, `demo_cards`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from qixia.audit import retention
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import NotFound
from qixia.kernel.keys import keys
from qixia.media.sealed import unwrap_key
from qixia.people import vault
from qixia.people.access import Actor
from qixia.people.models import (
    Consent,
    DataExport,
    Deputy,
    Device,
    ErasureRequest,
    Organisation,
    Person,
    Rider,
    RoleGrant,
    SignInCode,
    TotpDevice,
    live_at,
)
from qixia.people.rules import (
    EMPLOYER_KINDS,
    STAFF_ROLES,
    ConsentRules,
    ConsentText,
    DemoAccount,
    DemoAccounts,
    Limits,
    PrivacyRules,
    RetentionRules,
    SignInRules,
    masked_phone,
    mobile_number,
)
from qixia.policy.queries import current, is_demo_database

_CACHE_S = 10.0


@dataclass(frozen=True, slots=True)
class OwnCard:
    """What a person sees about him- or herself."""

    public_id: str
    display_name: str
    phone: str  # masked
    real_name: str
    platform: str
    since: object
    language: str


@dataclass(frozen=True, slots=True)
class Org:
    """An organisation as other contexts know it."""

    id: int
    public_id: str
    code: str
    name: str
    kind: str
    division_id: int | None
    families: tuple[str, ...]
    duties: str


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of an organisation, for its own staff."""

    person_id: int
    public_id: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Level:
    """Those in charge of one division. `kind` is the level of it, "whole" for who is in charge of everything."""

    kind: str
    place: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class ExportState:
    """The latest export of a person. `until` is when it goes."""

    public_id: str
    asked_at: datetime
    ready_at: datetime | None
    failed: bool
    bytes: int
    until: datetime


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A sealed export file and the key to it."""

    path: Path
    key: bytes = field(repr=False)
    made_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceLine:
    label: str
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who works or worked here, for the access log: name and roles, ended ones included."""

    public_id: str
    name: str
    roles: tuple[str, ...]

    @property
    def ref(self) -> str:
        return f"person:{self.public_id}"


@dataclass(frozen=True, slots=True)
class ConsentState:
    """One question, with the person's present answer."""

    text: ConsentText
    given_at: datetime | None
    given_version: int | None

    @property
    def is_given(self) -> bool:
        return self.given_at is not None

    @property
    def is_outdated(self) -> bool:
        return self.is_given and self.given_version != self.text.version


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    kind: str
    version: int
    given_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class DemoCard:
    """A demo account that fills the sign-in form in one tap."""

    role: str
    name: str
    says: str
    phone: str
    username: str
    password: str


# ── policy ──────────────────────────────────────────────────────────────────


def sign_in_rules() -> SignInRules:
    data: SignInRules = current("people.sign_in").data
    return data


def limits() -> Limits:
    """The limits in force: a demonstration has its own."""
    rules = sign_in_rules()
    return rules.demo_limits if demo_is_on() else rules.limits


def consent_rules() -> ConsentRules:
    data: ConsentRules = current("people.consents").data
    return data


def privacy_rules() -> PrivacyRules:
    data: PrivacyRules = current("people.privacy").data
    return data


def days_kept() -> dict[str, int]:
    """Kind → days: the policy's, else the kind's own; never less than the kind allows."""
    data: RetentionRules = current("people.retention").data
    return {kind.name: max(kind.least, data.days.get(kind.name, kind.days)) for kind in retention.kinds()}


def demo_is_on() -> bool:
    """Codes may be shown on pages: asked for, not in production, and the database itself is stamped demo."""
    config = get_config()
    return config.demo and config.mode != "production" and is_demo_database()


# ── persons ─────────────────────────────────────────────────────────────────


def own_card(person_id: int) -> OwnCard:
    person = Person.objects.select_related("key", "rider__platform").filter(pk=person_id).first()
    if person is None:
        raise NotFound
    rider = getattr(person, "rider", None)
    phone = _open(person, "phone")
    return OwnCard(
        public_id=person.public_id,
        display_name=person.display_name,
        phone=masked_phone(phone) if phone else "",
        real_name=_open(person, "real_name"),
        platform=rider.platform.name if rider and rider.platform else "",
        since=rider.since if rider else None,
        language=person.language,
    )


def phone_for_message(person_id: int) -> str:
    """The number to send a message to; "" if there is none. Only notices calls this."""
    person = Person.objects.select_related("key").filter(pk=person_id, is_active=True).first()
    return _open(person, "phone") if person else ""


def display_name_for(public_id: str) -> str:
    """What the person is called; "" for nobody. Callers ask only for a role that may know."""
    return Person.objects.filter(public_id=public_id).values_list("display_name", flat=True).first() or ""


def display_name_of(person_id: int) -> str:
    """The same by key, for a person who chose to be shown."""
    return Person.objects.filter(pk=person_id).values_list("display_name", flat=True).first() or ""


def display_names_for(public_ids: Iterable[str]) -> dict[str, str]:
    return dict(Person.objects.filter(public_id__in=set(public_ids)).values_list("public_id", "display_name"))


@dataclass(frozen=True, slots=True)
class NamedRider:
    """A rider who is called so. Names are not unique: a person decides."""

    public_id: str
    name: str
    platform: str


def riders_named(names: Iterable[str]) -> dict[str, list[NamedRider]]:
    """Name → riders with exactly this nickname who agree to photos of theirs being used. One query."""
    wanted = {name for name in names if name}
    if not wanted:
        return {}
    agreed = Consent.objects.filter(person_id=OuterRef("pk"), kind="photo", withdrawn_at=None)
    rows = Person.objects.filter(Exists(agreed), display_name__in=wanted, is_active=True, rider__isnull=False)
    found: dict[str, list[NamedRider]] = {}
    for public_id, name, platform in rows.order_by("pk").values_list(
        "public_id", "display_name", "rider__platform__name"
    ):
        found.setdefault(name, []).append(NamedRider(public_id, name, platform or ""))
    return found


@dataclass(frozen=True, slots=True)
class RiderFacts:
    """What a rule about riders may ask: for which kind of employer, since when. Nothing about the work itself."""

    employer_kind: str
    since: date | None


def rider_facts(person_id: int) -> RiderFacts:
    """Empty for nobody and for who does not ride. One query."""
    row = Rider.objects.filter(person_id=person_id).values_list("platform__kind", "since").first()
    return RiderFacts(row[0] or "", row[1]) if row else RiderFacts("", None)


def person_id_for(public_id: str) -> int | None:
    return Person.objects.filter(public_id=public_id).values_list("pk", flat=True).first()


def person_ids_for(public_ids: Iterable[str]) -> dict[str, int]:
    return dict(Person.objects.filter(public_id__in=set(public_ids)).values_list("public_id", "pk"))


def languages_for(person_ids: Iterable[int]) -> dict[int, str]:
    return dict(Person.objects.filter(pk__in=set(person_ids)).values_list("pk", "language"))


def with_phone(person_ids: Iterable[int]) -> frozenset[int]:
    """Who of them has a number that a text message reaches."""
    rows = Person.objects.filter(pk__in=set(person_ids), is_active=True, phone_index__isnull=False)
    return frozenset(rows.values_list("pk", flat=True))


def workplaces_of(person_ids: Iterable[int]) -> dict[int, frozenset[int]]:
    """Person → organisations in which he or she holds a role of staff now."""
    grants = RoleGrant.objects.filter(live_at(clock.now()), person_id__in=set(person_ids), role__in=STAFF_ROLES)
    found: dict[int, frozenset[int]] = {}
    for person, organisation in grants.values_list("person_id", "organisation_id"):
        found[person] = found.get(person, frozenset()) | {organisation}
    return found


def people_with_roles(*roles: str) -> list[int]:
    """Everybody who holds one of `roles` somewhere now."""
    grants = RoleGrant.objects.filter(live_at(clock.now()), role__in=roles, person__is_active=True)
    return list(grants.order_by("person_id").values_list("person_id", flat=True).distinct())


def person_id_by_username(username: str) -> int | None:
    return Person.objects.filter(username=username).values_list("pk", flat=True).first()


def person_id_by_phone(phone: str) -> int | None:
    return Person.objects.filter(phone_index=vault.phone_index(phone)).values_list("pk", flat=True).first()


def person_ids_by_phone(phones: Iterable[str]) -> dict[str, int]:
    """Phone → person, for those that somebody has. One query."""
    wanted = {vault.phone_index(phone): phone for phone in set(phones)}
    rows = Person.objects.filter(phone_index__in=wanted).values_list("phone_index", "pk")
    return {wanted[index]: pk for index, pk in rows if index}


def riders_by_phone(phones: Iterable[str]) -> dict[str, str]:
    """Phone → ref, for those with which an active rider registered. One query."""
    wanted = {vault.phone_index(phone): phone for phone in set(phones)}
    riders = Person.objects.filter(phone_index__in=wanted, is_active=True, rider__isnull=False)
    return {wanted[index]: f"person:{ref}" for index, ref in riders.values_list("phone_index", "public_id") if index}


@dataclass(frozen=True, slots=True)
class Joined:
    """A rider in the order of keys: for which platforms he or she rides now, since when registered."""

    person_id: int
    since: date
    platforms: frozenset[str]


def riders_after(person_id: int, limit: int, *, since: date | None = None) -> list[Joined]:
    """Riders with keys above `person_id` who registered on `since` or later and may ride today. Two queries."""
    riders = Rider.objects.filter(person_id__gt=person_id, person__is_active=True).order_by("person_id")
    if since is not None:
        riders = riders.filter(since__gte=since)
    found = dict(riders.values_list("person_id", "since")[:limit])
    held = RoleGrant.objects.filter(live_at(clock.now()), person_id__in=found, role="rider")
    platforms: dict[int, set[str]] = {}
    for person, code in held.values_list("person_id", "organisation__code"):
        platforms.setdefault(person, set()).add(code)
    return [Joined(person, day, frozenset(platforms.get(person, ()))) for person, day in found.items()]


def roles_of(person_id: int) -> frozenset[str]:
    return frozenset(RoleGrant.objects.filter(live_at(clock.now()), person_id=person_id).values_list("role", flat=True))


def staff_ever() -> list[Staff]:
    """Everybody who holds or held a staff role, by name: history names them, and nobody else."""
    rows = RoleGrant.objects.filter(role__in=STAFF_ROLES).order_by("person__display_name", "person_id", "pk")
    found: dict[str, tuple[str, list[str]]] = {}
    for public_id, name, role in rows.values_list("person__public_id", "person__display_name", "role"):
        roles = found.setdefault(public_id, (name, []))[1]
        if role not in roles:
            roles.append(role)
    return [Staff(public_id, name, tuple(roles)) for public_id, (name, roles) in found.items()]


def pseudonym(public_id: str) -> str:
    """Eight letters that stand for one person on every page of the log, and lead nobody back without the key."""
    return keys().blind_index(public_id, purpose="people.pseudonym")[:8].upper()


def _open(person: Person, field: str) -> str:
    sealed = getattr(person, f"sealed_{field}")
    key = getattr(person, "key", None)
    if not sealed or key is None:
        return ""
    return vault.unseal(sealed, wrapped=key.wrapped, owner=person.public_id, field=field)


# ── the own data ────────────────────────────────────────────────────────────


def export_path(name: str) -> Path:
    return get_config().media / "exports" / name


def latest_export(person_id: int) -> ExportState | None:
    """The export that the page shows; None once its time is over."""
    hours = privacy_rules().export_hours
    row = DataExport.objects.filter(person_id=person_id).order_by("-pk").first()
    if row is None:
        return None
    until = (row.ready_at or row.asked_at) + timedelta(hours=hours)
    if until <= clock.now():
        return None
    return ExportState(row.public_id, row.asked_at, row.ready_at, row.failed_at is not None, row.bytes, until)


def export_file(person_id: int, public_id: str) -> ExportFile | None:
    since = clock.now() - timedelta(hours=privacy_rules().export_hours)
    rows = DataExport.objects.filter(person_id=person_id, public_id=public_id, ready_at__gt=since)
    row = rows.first()
    if row is None or row.ready_at is None:
        return None
    return ExportFile(
        export_path(row.storage_name), unwrap_key(bytes(row.wrapped_key or b""), row.storage_name), row.ready_at
    )


def export_owner(public_id: str) -> int | None:
    """Whose export is to be made; None if it is made, failed or forgotten."""
    waiting = DataExport.objects.filter(public_id=public_id, ready_at=None, failed_at=None)
    return waiting.values_list("person_id", flat=True).first()


def erasure_due(person_id: int) -> datetime | None:
    """When the person is to be erased, if that was asked for and not called off."""
    waiting = ErasureRequest.objects.filter(person_id=person_id, cancelled_at=None, done_at=None)
    return waiting.values_list("due_at", flat=True).first()


def devices_of(person_id: int) -> list[DeviceLine]:
    rows = Device.objects.filter(person_id=person_id).order_by("-last_seen")
    return [DeviceLine(*row) for row in rows.values_list("label", "first_seen", "last_seen")]


def who_share_a_phone(public_ids: Iterable[str]) -> frozenset[str]:
    """Public ids of those who signed in with a browser that one of these people used too, themselves included."""
    mine = Device.objects.filter(person__public_id__in=list(public_ids)).values("index")
    return frozenset(Device.objects.filter(index__in=mine).values_list("person__public_id", flat=True)[:200])


def device_label(device_id: int) -> str:
    return Device.objects.filter(pk=device_id).values_list("label", flat=True).first() or ""


def export_of(actor: Actor) -> dict[str, Any]:
    """Everything that this package keeps of the actor, opened, as plain data. For the actor only."""
    person_id = actor.person_id or 0
    person = Person.objects.select_related("key", "rider__platform").get(pk=person_id)
    rider = getattr(person, "rider", None)
    grants = RoleGrant.objects.filter(person_id=person_id).select_related("organisation", "division").order_by("pk")
    return {
        "id": person.public_id,
        "nickname": person.display_name,
        "username": person.username or "",
        "phone": _open(person, "phone"),
        "real_name": _open(person, "real_name"),
        "language": person.language,
        "joined_at": person.created_at,
        "rider": {
            "platform": rider.platform.name if rider.platform else "",
            "rider_no": rider.rider_no,
            "since": rider.since,
        }
        if rider
        else None,
        "roles": [
            {
                "role": grant.role,
                "organisation": grant.organisation.name,
                "area": grant.division.name if grant.division else "",
                "from": grant.valid_from,
                "until": grant.revoked_at or grant.valid_until,
            }
            for grant in grants
        ],
        "consents": [
            {"kind": c.kind, "version": c.version, "given_at": c.given_at, "withdrawn_at": c.withdrawn_at}
            for c in consent_history(person_id)
        ],
        "devices": [
            {"label": d.label, "first_seen": d.first_seen, "last_seen": d.last_seen} for d in devices_of(person_id)
        ],
    }


@dataclass(frozen=True, slots=True)
class DeputyLine:
    """One stand-in, for the page that sets them."""

    public_id: str
    person: str
    deputy: str
    starts_at: datetime
    ends_at: datetime
    is_on: bool


def deputies(organisation_ids: Iterable[int], *, everyone: bool = False, own: int | None = None) -> list[DeputyLine]:
    """Those of now and later, of people who work in these organisations (of all, if `everyone`) and one's own."""
    now = clock.now()
    rows = Deputy.objects.filter(ended_at=None, ends_at__gt=now)
    if not everyone:
        works = RoleGrant.objects.filter(organisation_id__in=list(organisation_ids), revoked_at=None, acting_for="")
        rows = rows.filter(Q(person_id__in=works.values("person_id")) | Q(person_id=own) | Q(deputy_id=own))
    listed = rows.order_by("starts_at", "pk").values_list(
        "public_id", "person__display_name", "deputy__display_name", "starts_at", "ends_at"
    )
    return [DeputyLine(*row, is_on=row[3] <= now) for row in listed]


def deputies_of(person_ids: Iterable[int]) -> dict[int, list[int]]:
    """Who stands in for each of these people right now; those for whom nobody does are left out. One query."""
    now = clock.now()
    rows = Deputy.objects.filter(person_id__in=set(person_ids), ended_at=None, starts_at__lte=now, ends_at__gt=now)
    found: dict[int, list[int]] = {}
    for person, deputy in rows.filter(deputy__is_active=True).order_by("pk").values_list("person_id", "deputy_id"):
        found.setdefault(person, []).append(deputy)
    return found


# ── organisations ───────────────────────────────────────────────────────────

_organisations: dict[str, tuple[float, Org]] = {}


def organisation_by_code(code: str) -> Org | None:
    """The active organisation with this code. Known for 10 seconds a process; writes here forget at once."""
    known = _organisations.get(code)
    if known and time.monotonic() - known[0] < _CACHE_S:
        return known[1]
    row = Organisation.objects.filter(code=code, is_active=True).first()
    if row is None:
        return None
    found = _org(row)
    _organisations[code] = (time.monotonic(), found)
    return found


def forget_organisations() -> None:
    _organisations.clear()


def organisations(*kinds: str) -> list[Org]:
    """All active organisations of these kinds (all kinds if none is named), by code."""
    rows = Organisation.objects.filter(is_active=True)
    return [_org(row) for row in (rows.filter(kind__in=kinds) if kinds else rows)]


def organisations_by_id(ids: Iterable[int]) -> dict[int, Org]:
    return {row.pk: _org(row) for row in Organisation.objects.filter(pk__in=set(ids))}


def employers() -> list[Org]:
    """The platforms and couriers that a rider chooses from when registering."""
    return organisations(*EMPLOYER_KINDS)


def staff_of(organisation_id: int, *roles: str) -> list[Member]:
    """Who holds a role (one of `roles`, if named) in an organisation now, by name; riders are not its staff."""
    grants = RoleGrant.objects.filter(
        live_at(clock.now()), organisation_id=organisation_id, person__is_active=True
    ).exclude(role="rider")
    if roles:
        grants = grants.filter(role__in=roles)
    rows = grants.order_by("person__display_name", "role").values_list(
        "person_id", "person__public_id", "person__display_name", "role"
    )
    return [Member(*row) for row in rows]


def keeper_of(organisation_id: int) -> int | None:
    """Who keeps a shop: of those who hold the role "merchant" there as their own, whoever has held it longest."""
    grants = RoleGrant.objects.filter(
        live_at(clock.now()), organisation_id=organisation_id, role="merchant", acting_for="", person__is_active=True
    )
    return grants.order_by("valid_from", "pk").values_list("person_id", flat=True).first()


def grants_of(person_id: int, organisation_id: int, role: str) -> list[str]:
    """Public ids of the grants by which a person holds a role in an organisation now: what `revoke_role` asks for."""
    held = RoleGrant.objects.filter(
        live_at(clock.now()), person_id=person_id, organisation_id=organisation_id, role=role
    )
    return list(held.values_list("public_id", flat=True))


def people_in_charge(path: str, *roles: str) -> list[Member]:
    """Who holds one of `roles` in the division `path` or in one above it (or in the whole city)."""
    parts = [part for part in path.split("/") if part]
    above = ["/".join(parts[: n + 1]) + "/" for n in range(len(parts))]
    place = Q(division__path__in=above) | (
        Q(division=None) & (Q(organisation__division=None) | Q(organisation__division__path__in=above))
    )
    rows = (
        RoleGrant.objects.filter(live_at(clock.now()), place, role__in=roles, person__is_active=True)
        .order_by("person_id")
        .values_list("person_id", "person__public_id", "person__display_name", "role")
    )
    return [Member(*row) for row in rows]


def levels_in_charge(path: str, *roles: str) -> list[Level]:
    """`people_in_charge` by level: the division itself first, then those above it, the whole city last. Levels that nobody
    is in charge of are left out. One query."""
    parts = [part for part in path.split("/") if part]
    above = ["/".join(parts[: n + 1]) + "/" for n in range(len(parts))]
    rows = (
        RoleGrant.objects.filter(live_at(clock.now()), role__in=roles, person__is_active=True)
        .annotate(
            of_path=Coalesce("division__path", "organisation__division__path", Value("")),
            of_level=Coalesce("division__level", "organisation__division__level", Value("")),
            of_name=Coalesce("division__name", "organisation__division__name", Value("")),
        )
        .filter(of_path__in=[*above, ""])
        .order_by("person_id", "role")
        .values_list("of_path", "of_level", "of_name", "person_id", "person__public_id", "person__display_name", "role")
    )
    found: dict[str, tuple[str, str, dict[int, Member]]] = {}
    for of_path, kind, name, person_id, *named in rows:
        members = found.setdefault(of_path, (kind or "whole", name, {}))[2]
        members.setdefault(person_id, Member(person_id, *named))
    deepest_first = sorted(found, key=len, reverse=True)
    return [Level(found[one][0], found[one][1], tuple(found[one][2].values())) for one in deepest_first]


def _org(row: Organisation) -> Org:
    return Org(
        id=row.pk,
        public_id=row.public_id,
        code=row.code,
        name=row.name,
        kind=row.kind,
        division_id=row.division_id,
        families=tuple(part.strip() for part in row.families.split(",") if part.strip()),
        duties=row.duties,
    )


# ── consent ─────────────────────────────────────────────────────────────────


def consents_of(person_id: int) -> list[ConsentState]:
    """Every question in order, with what the person answers now."""
    live = {c.kind: c for c in Consent.objects.filter(person_id=person_id, withdrawn_at=None)}
    return [_consent_state(text, live.get(text.kind)) for text in consent_rules().texts]


def has_consent(person_id: int, kind: str) -> bool:
    """Whether the person agrees now to `kind` ("place", "photo", "name")."""
    return Consent.objects.filter(person_id=person_id, kind=kind, withdrawn_at=None).exists()


def who_consented(person_ids: Iterable[int], kind: str) -> frozenset[int]:
    rows = Consent.objects.filter(person_id__in=set(person_ids), kind=kind, withdrawn_at=None)
    return frozenset(rows.values_list("person_id", flat=True))


def consent_history(person_id: int) -> list[ConsentEvent]:
    """Every yes and when it ended, latest first."""
    rows = Consent.objects.filter(person_id=person_id).order_by("-given_at", "-pk")
    return [ConsentEvent(*row) for row in rows.values_list("kind", "version", "given_at", "withdrawn_at")]


def _consent_state(text: ConsentText, row: Consent | None) -> ConsentState:
    return ConsentState(text, row.given_at if row else None, row.version if row else None)


# ── signing in ──────────────────────────────────────────────────────────────


def code_message(public_id: str) -> tuple[str, str] | None:
    """Phone and code that wait to be sent; None if sent, used or expired. Only notices calls this."""
    row = SignInCode.objects.filter(public_id=public_id, used_at=None, expires_at__gt=clock.now()).first()
    if row is None or not row.sealed_code or not row.sealed_phone:
        return None
    return (
        keys().open(bytes(row.sealed_phone), purpose=f"people.code.phone:{public_id}").decode(),
        keys().open(bytes(row.sealed_code), purpose=f"people.code.code:{public_id}").decode(),
    )


def code_is_for(public_id: str, phone: str) -> bool:
    """Whether this code, still good, went to `phone`."""
    live = SignInCode.objects.filter(public_id=public_id, used_at=None, expires_at__gt=clock.now())
    return live.filter(phone_index=vault.phone_index(mobile_number(phone))).exists()


def code_for_demo_page(public_id: str) -> str:
    """The code of a sign-in under way, for the demonstration's own page; "" everywhere else."""
    message = code_message(public_id) if demo_is_on() else None
    return message[1] if message else ""


def totp_is_confirmed(person_id: int) -> bool:
    return TotpDevice.objects.filter(person_id=person_id, confirmed_at__isnull=False).exists()


def demo_cards() -> list[DemoCard]:
    """The demo accounts with what the form needs; empty unless this is a demonstration."""
    if not demo_is_on():
        return []
    data: DemoAccounts = current("people.demo_accounts").data
    people = Person.objects.select_related("key").filter(is_demo=True, is_active=True)
    found = people.in_bulk([account.person for account in data.accounts], field_name="public_id")
    return [_demo_card(account, found[account.person]) for account in data.accounts if account.person in found]


def _demo_card(account: DemoAccount, person: Person) -> DemoCard:
    return DemoCard(
        role=account.role,
        name=account.name,
        says=account.says,
        phone="" if account.username else _open(person, "phone"),
        username=account.username,
        password=account.password,
    )
