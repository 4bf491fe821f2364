"""A small town's campaign with donors, places, people who hand over and riders, made by the real services."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any

from openpyxl import Workbook

from qixia.codes.queries import division
from qixia.gifts import qr, services
from qixia.gifts.models import Allotment, Campaign, Donation, Draw, Place
from qixia.gifts.rules.forms import CampaignForm, DonationForm, PlaceForm
from qixia.gifts.rules.papers import COLUMNS
from qixia.kernel import clock
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.places import queries as places
from qixia.places.services import load_district
from qixia.places.tests.town import town
from qixia.policy.services import publish_seeds

MAKER = "system:test"
COMMUNITY = "990201001001"
HERE = (24.9010, 118.6002)
VALUE = "01 07 12 19 26 33 + 08"
_serial = itertools.count(1)


def prepared() -> None:
    publish_seeds()
    load_district(town(), actor=MAKER)
    places.forget()


def person(role: str, organisation_id: int) -> Actor:
    number = next(_serial)
    made = people.create_person(display_name=f"某{number}", phone=f"138{number:08d}", actor=MAKER)
    people.grant_role(person_id=made.pk, role=role, organisation_id=organisation_id, actor=MAKER)
    return actor_for(made.pk)


def staff(role: str = "clerk") -> Actor:
    place = division(COMMUNITY)
    assert place is not None
    office = people.create_organisation(
        code=f"office-{COMMUNITY}", name="小社区居委", kind="community", actor=MAKER, division_id=place.pk
    )
    return person(role, office.pk)


def rider(platform: str = "yunpao") -> Actor:
    people.create_organisation(code=platform, name=platform, kind="platform", actor=MAKER)
    number = next(_serial)
    made = people.create_person(display_name=f"骑{number}", phone=f"139{number:08d}", actor=MAKER)
    people.enrol_rider(person_id=made.pk, platform=platform, actor=MAKER)
    return actor_for(made.pk)


def point(who: Actor, name: str = "", code: str = "") -> Place:
    """A canteen where kits lie, with an organisation of its own."""
    number = next(_serial)
    own = code or f"canteen-{number}"
    people.create_organisation(code=own, name=f"食堂{number}", kind="merchant", actor=MAKER)
    form = PlaceForm(name or f"小哥食堂{number}", "canteen", own, "东西路 8 号", *HERE, "每天 9:00-21:00")
    return services.set_place(actor=who, form=form)


def drafted(who: Actor, way: str = "draw", **more: Any) -> Campaign:
    now = clock.now()
    said = {
        "title": "冬季暖心包",
        "kind": "winter" if way == "draw" else "joining",
        "way": way,
        "what": "围巾、护膝、暖贴",
        "division": COMMUNITY,
        "starts_at": now - timedelta(hours=1),
        "ends_at": now + timedelta(days=1),
        "collect_until": now + timedelta(days=10),
    }
    return services.draft_campaign(actor=who, form=CampaignForm(**(said | more)))


def donated(who: Actor, campaign: Campaign, count: int, name: str = "暖阳公司") -> Donation:
    donor = services.register_donor(actor=who, name=name, thanks="谢谢暖阳公司")
    form = DonationForm(
        donor=donor.public_id,
        campaign=campaign.public_id,
        what="暖心包",
        count=count,
        value_fen=count * 3800,
        given_on=clock.city_date(clock.now()),
        for_whom="给路上的骑手",
        paper="捐赠函 2026-11",
    )
    return services.record_donation(actor=who, form=form)


def slips(row: Round, *said: tuple[str, int]) -> BytesIO:
    """A list from paper of what came: (slip, how many)."""
    book = Workbook()
    page: Any = book.active
    page.append([column.title for column in COLUMNS["received"]])
    for slip, count in said:
        page.append(["暖阳公司", None, row.place.name, count, clock.city_date(clock.now()), slip])
    out = BytesIO()
    book.save(out)
    out.seek(0)
    return out


def shown(gift: Allotment) -> str:
    """The code on the rider's phone now."""
    return qr.chain_of(gift.public_id, gift.number, gift.until).text(clock.now())


def new_key() -> str:
    return f"key-{next(_serial):08d}"


@dataclass
class Round:
    """One campaign and everybody around it."""

    clerk: Actor
    second: Actor
    campaign: Campaign
    place: Place
    donation: Donation
    riders: list[Actor] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.campaign.public_id

    def draw(self) -> Draw:
        return Draw.objects.filter(campaign=self.campaign).latest("number")

    def now(self) -> Campaign:
        self.campaign.refresh_from_db()
        return self.campaign

    def gifts(self) -> list[Allotment]:
        return list(Allotment.objects.filter(campaign=self.campaign).order_by("pk"))


def opened(kits: int = 3, riders: int = 5, way: str = "draw", **more: Any) -> Round:
    """Kits lie at one place, riders have entered."""
    clerk, second = staff(), staff("supervisor")
    place = point(clerk)
    campaign = drafted(clerk, way, **more)
    donation = donated(clerk, campaign, max(kits, 1))
    if kits:
        services.receive(actor=clerk, donation=donation.public_id, place=place.public_id, count=kits, key=new_key())
    if way == "draw":
        source_at = campaign.ends_at + timedelta(hours=2)
        services.open_campaign(
            actor=clerk, campaign=campaign.public_id, source="双色球 2026135 期", source_at=source_at
        )
    else:
        services.open_campaign(actor=clerk, campaign=campaign.public_id)
    made = Round(clerk, second, campaign, place, donation)
    made.now()
    for _ in range(riders if way == "draw" else 0):
        who = rider()
        services.enter(actor=who, campaign=made.id, place=place.public_id)
        made.riders.append(who)
    return made


def later(row: Round, **delta: float) -> Any:
    """The clock after entering has ended."""
    return clock.at(row.campaign.ends_at + timedelta(**delta))


def carried() -> int:
    """What the job does; returns how many batches."""
    count = 0
    while services.carry_on():
        count += 1
    return count


def frozen(row: Round) -> Round:
    with later(row, minutes=1):
        services.close_entries(actor=row.clerk, campaign=row.id)
        carried()
    return row


def drawn(kits: int = 3, riders: int = 5, **more: Any) -> Round:
    """All the way to the published result."""
    row = frozen(opened(kits, riders, **more))
    finish(row)
    return row


def finish(row: Round, value: str = VALUE) -> None:
    draw = row.draw()
    with clock.at(draw.source_at + timedelta(minutes=5)):
        services.enter_value(actor=row.clerk, draw=draw.public_id, value=value)
        services.confirm_value(actor=row.second, draw=draw.public_id, value=value)
        carried()
    row.now()


def joined(kits: int = 2) -> tuple[Round, Actor, Allotment]:
    """A joining gift and a rider who has one."""
    row = opened(kits, way="joining")
    who = rider()
    (gift,) = services.allot_joining(person=who.public_id)
    return row, who, gift
