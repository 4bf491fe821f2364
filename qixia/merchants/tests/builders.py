"""A small town's shops, keepers, clerks and riders, made by the real services."""

from __future__ import annotations

import itertools
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from qixia.codes.queries import division
from qixia.kernel import clock
from qixia.media.tests.made import jpeg
from qixia.merchants import rules, services
from qixia.merchants.models import Merchant, Paper
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.places import queries as places
from qixia.places.services import load_district
from qixia.places.tests.town import town
from qixia.policy.queries import current
from qixia.policy.services import publish_seeds
from qixia.rewards import services as rewards
from qixia.rewards.models import Voucher
from qixia.rewards.tests.builders import give, item

MAKER = "system:test"
COMMUNITY = "990201001001"
HERE = (24.9010, 118.6002)
ALWAYS = "24/7"
_serial = itertools.count(1)


def prepared() -> None:
    publish_seeds()
    load_district(town(), actor=MAKER)
    places.forget()


def shop(name: str = "", at: str | None = COMMUNITY) -> Any:
    number = next(_serial)
    place = division(at) if at else None
    return people.create_organisation(
        code=f"shop-{number}",
        name=name or f"小店{number}",
        kind="merchant",
        actor=MAKER,
        division_id=place.pk if place else None,
    )


def person(role: str, organisation_id: int) -> Actor:
    made = people.create_person(display_name=f"某{next(_serial)}", phone=f"138{next(_serial):08d}", actor=MAKER)
    people.grant_role(person_id=made.pk, role=role, organisation_id=organisation_id, actor=MAKER)
    return actor_for(made.pk)


def keeper(of: Any) -> Actor:
    return person("merchant", of.pk)


def clerk(at: str = COMMUNITY) -> Actor:
    place = division(at)
    assert place is not None
    office = people.create_organisation(
        code=f"office-{at}", name=f"居委{at}", kind="community", actor=MAKER, division_id=place.pk
    )
    return person("clerk", office.pk)


def rider() -> Actor:
    people.create_organisation(code="yunpao", name="云跑", kind="platform", actor=MAKER)
    made = people.create_person(display_name=f"骑{next(_serial)}", phone=f"139{next(_serial):08d}", actor=MAKER)
    people.enrol_rider(person_id=made.pk, platform="yunpao", actor=MAKER)
    return actor_for(made.pk)


def applied(kind: str = "canteen", *, name: str = "", opening: str = ALWAYS) -> tuple[Actor, Merchant]:
    place = shop(name)
    who = keeper(place)
    row = services.apply(
        actor=who,
        organisation_id=place.pk,
        kind=kind,
        address="东西路 8 号",
        lat=HERE[0],
        lng=HERE[1],
        opening=opening,
    )
    return who, row


def photo() -> SimpleUploadedFile:
    return SimpleUploadedFile("licence.jpg", jpeg(), "image/jpeg")


def handed_in(who: Actor, row: Merchant, *kinds: str) -> list[Paper]:
    policy: rules.KindsPolicy = current("merchants.kinds").data
    needed = kinds or (policy.kind(row.kind) or policy.kinds[0]).papers
    return [services.hand_in_paper(actor=who, merchant=row.public_id, kind=kind, photo=photo()) for kind in needed]


def checked(judge: Actor, kind: str = "canteen", **more: Any) -> tuple[Actor, Merchant]:
    who, row = applied(kind, **more)
    for paper in handed_in(who, row):
        services.check_paper(actor=judge, paper=paper.public_id, accept=True)
    services.agree(actor=who, merchant=row.public_id, version=current("merchants.agreement").version)
    row.refresh_from_db()
    return who, row


def admitted(judge: Actor, kind: str = "canteen", **more: Any) -> tuple[Actor, Merchant]:
    who, row = checked(judge, kind, **more)
    services.admit(actor=judge, merchant=row.public_id)
    row.refresh_from_db()
    return who, row


def members(count: int, kind: str, prefix: str = "店", **more: Any) -> list[Merchant]:
    """Many at once, written as rows: for what is counted and listed, not for how one becomes one."""
    place = division(COMMUNITY)
    assert place is not None
    found = []
    for number in range(count):
        lat, lng = HERE[0] + 0.00001 * number, HERE[1]
        said = {
            "organisation_id": shop(f"{prefix}{number}").pk,
            "kind": kind,
            "state": "active",
            "address": f"东西路 {number} 号",
            "lat": lat,
            "lng": lng,
            "cell": rules.cell_of(lat, lng),
            "hours": ALWAYS,
            "division": place,
            "admitted_at": clock.now(),
        }
        found.append(Merchant.objects.create(**(said | more)))
    return found


def used_voucher(who: Actor, seller: Actor, row: Merchant) -> Voucher:
    """A voucher of this shop that the rider redeemed just now."""
    give(who, 100)
    good = item(row.organisation)
    made = rewards.reserve(actor=who, item=good.public_id, client_key=f"key-{next(_serial):08d}")
    rewards.redeem(actor=seller, text=made.number, redeem_key=f"till-{next(_serial):08d}")
    made.refresh_from_db()
    return made
