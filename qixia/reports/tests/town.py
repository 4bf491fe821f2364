"""A town of one community, small enough to load for each test: two grid cells, one estate, one road, its units and
people. Everything is made by the real services."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.media.tests.made import jpeg
from qixia.people import queries as people_queries
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.models import Person
from qixia.places.services import load_district
from qixia.policy.queries import current
from qixia.policy.services import publish, publish_seeds
from qixia.reports import services
from qixia.reports.models import Report

MAKER = "system:test"
UNITS = ("shizheng", "huanwei", "yuanlin", "xiaofang", "zhujian", "chengguan", "shichang", "shequ", "yingji", "zhihui")
MORE = ("gongdian", "gongshui", "ranqi", "chongdian", "wuye", "jiaojing", "danche", "shuiwu")
WEST, SOUTH, EAST, NORTH = 118.598, 24.898, 118.604, 24.902
AT_ESTATE = (24.9008, 118.6008)
AT_ROAD = (24.8992, 118.6002)
OUTSIDE = (24.95, 118.70)


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def district() -> dict[str, Any]:
    whole, middle = box(WEST, SOUTH, EAST, NORTH), (WEST + EAST) / 2
    chain = [("990100", "试城", "city", None), ("990102", "试区", "district", "990100")]
    chain += [("990102001", "试街道", "street", "990102"), ("990102001001", "试社区", "community", "990102001")]
    return {
        "format": "qixia-district/1",
        "code": "990102",
        "name": "试区",
        "city": "试城",
        "seed": 0,
        "divisions": [
            {"code": code, "name": name, "level": level, "parent": parent, "geometry": whole}
            for code, name, level, parent in chain
        ],
        "grids": [
            {"code": "990102001001001", "community": "990102001001", "geometry": box(WEST, SOUTH, middle, NORTH)},
            {"code": "990102001001002", "community": "990102001001", "geometry": box(middle, SOUTH, EAST, NORTH)},
        ],
        "roads": [
            {
                "key": "road-1",
                "name": "云帆路",
                "kind": "street",
                "width_m": 12.0,
                "number_step_m": 8.0,
                "geometry": {"type": "LineString", "coordinates": [[WEST, 24.899], [EAST, 24.899]]},
            }
        ],
        "shapes": [],
        "sites": [
            {
                "key": "estate-1",
                "kind": "estate",
                "name": "锦澜花园",
                "community": "990102001001",
                "address": "云帆路 8 号",
                "point": [118.6008, 24.9008],
                "geometry": box(118.6002, 24.9003, 118.6014, 24.9013),
                "buildings": [],
                "gates": [],
            }
        ],
    }


@dataclass
class Town:
    """Actors by what they are; `rider` reports, `worker` is of the municipal unit, `clerk` of the whole town."""

    rider: Actor
    other_rider: Actor
    worker: Actor
    colleague: Actor
    cleaner: Actor
    clerk: Actor
    supervisor: Actor
    admin: Actor
    people: dict[str, Person] = field(default_factory=dict)

    def fresh(self, name: str) -> Actor:
        return actor_for(self.people[name])


def build_town() -> Town:
    people_queries.forget_organisations()
    publish_seeds()
    # Tests report the same manhole again and again and want a case each time; see `merging`.
    merging(automatic=False)
    # Of three riders all must be there: nobody is left out of an offer by chance.
    tasks = current("offers.offers").data.model_dump(mode="json")
    publish("offers.offers", tasks | {"left_out": 0}, note="演示", actor_ref=MAKER)
    load_district(district(), is_demo=True)
    units = {
        code: people.create_organisation(code=code, name=f"{code}单位", kind="unit", actor=MAKER)
        for code in UNITS + MORE
    }
    people.create_organisation(code="yunpao", name="云跑", kind="platform", actor=MAKER)
    made = {
        "rider": _rider("一川", "13800000001"),
        "other_rider": _rider("二川", "13800000002"),
        "worker": _staff("何远", "heyuan", "worker", units["shizheng"].pk),
        "colleague": _staff("方立", "fangli", "worker", units["shizheng"].pk),
        "cleaner": _staff("洁净", "jiejing", "worker", units["huanwei"].pk),
        "clerk": _staff("知秋", "zhiqiu", "clerk", units["zhihui"].pk),
        "supervisor": _staff("督明", "duming", "supervisor", units["zhihui"].pk),
        "admin": _staff("管理", "guanli", "admin", units["zhihui"].pk),
    }
    return Town(**{name: actor_for(person) for name, person in made.items()}, people=made)


def merging(**changes: Any) -> None:
    """Publish the rules of merging with `changes`."""
    data = current("reports.merging").data.model_dump(mode="json")
    publish("reports.merging", data | changes, note="演示", actor_ref=MAKER)


def _rider(name: str, phone: str) -> Person:
    person = people.create_person(display_name=name, phone=phone, actor=MAKER)
    people.enrol_rider(person_id=person.pk, platform="yunpao", actor=MAKER)
    for consent in ("place", "photo"):
        people.give_consent(person_id=person.pk, kind=consent, version=1, actor=MAKER)
    return person


def _staff(name: str, username: str, role: str, organisation_id: int) -> Person:
    person = people.create_person(display_name=name, username=username, actor=MAKER)
    people.grant_role(person_id=person.pk, role=role, organisation_id=organisation_id, actor=MAKER)
    return person


def photo(seed: int = 1, name: str = "a.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, jpeg(seed=seed), "image/jpeg")


def photo_after(seed: int = 1, name: str = "after.jpg") -> SimpleUploadedFile:
    """A picture that no report began with: drawings repeat after 180 seeds, and `accepted` counts on through all tests."""
    return SimpleUploadedFile(name, jpeg(width=104, seed=seed), "image/jpeg")


def photo_later(seed: int = 1, name: str = "later.jpg") -> SimpleUploadedFile:
    """What a passer-by takes: neither a picture of before nor one of after."""
    return SimpleUploadedFile(name, jpeg(width=112, seed=seed), "image/jpeg")


def at(where: tuple[float, float] = AT_ROAD, **more: Any) -> services.Whereabouts:
    return services.Whereabouts(lat=where[0], lng=where[1], **more)


_keys = iter(range(10**9))


def send(actor: Actor, words: str = "井盖没了，人能掉下去", **more: Any) -> services.Receipt:
    """Report something and let the worker settle it."""
    receipt = accepted(actor, words, **more)
    run_pending()
    return receipt


def accepted(actor: Actor, words: str = "井盖没了，人能掉下去", **more: Any) -> services.Receipt:
    """Report something; the worker has not seen it yet."""
    number = next(_keys)
    given = {"client_key": f"test-key-{number:08d}", "place": at(), "photos": [photo(number)], "words": words} | more
    return services.submit(actor=actor, **given)


def the(receipt: services.Receipt) -> Report:
    return Report.objects.get(public_id=receipt.public_id)


def reach(town: Town, state: str) -> services.Receipt:
    """A report in `state`, by the steps that lead there."""
    receipt = (
        accepted(town.rider)
        if state == "received"
        else send(town.rider, "这个" if state == "sorting" else "井盖没了，人能掉下去")
    )
    for act in _WAY.get(state, ()):
        act(town, receipt.public_id)
    assert the(receipt).state == state, f"{the(receipt).state} instead of {state}"
    return receipt


def _accept(town: Town, i: str) -> None:
    services.accept(actor=town.worker, public_id=i)


def _arrive(town: Town, i: str) -> None:
    services.arrive(actor=town.worker, public_id=i, text="到场，已围挡")


def _resolve(town: Town, i: str) -> None:
    services.resolve(actor=town.worker, public_id=i, text="已换新井盖", photos=[photo_after()])


def _verify(town: Town, i: str) -> None:
    services.verify(actor=town.clerk, public_id=i)


def _refer(town: Town, i: str) -> None:
    """Nobody knows whose it is: it waits for the supervisor."""
    services.refer(actor=town.worker, public_id=i, reason="不归我们，也不知道该谁办")


def _confirm(town: Town, i: str) -> None:
    services.confirm_solved(actor=town.rider, public_id=i)


def _dispute(town: Town, i: str) -> None:
    services.say_unsolved(actor=town.rider, public_id=i, text="还是松的")


def _reject(town: Town, i: str) -> None:
    services.reject(actor=town.clerk, public_id=i, reason="现场没有这回事")


def _set_aside(town: Town, i: str) -> None:
    services.set_aside(actor=town.clerk, public_id=i, kind="dispute", reason="两家人的事，请走调解")


def _close(town: Town, i: str) -> None:
    with clock.at(clock.now() + timedelta(days=8)):
        services.close_silent()


def _merge(town: Town, i: str) -> None:
    """Into a case that has a unit already."""
    lead = send(town.other_rider)
    services.merge(actor=town.clerk, public_id=i, into=lead.public_id)


def _split(town: Town, i: str) -> None:
    """For the unit that has it and another one."""
    parts = [services.PartAsked("shizheng", "换井盖"), services.PartAsked("huanwei", "清掉周围的垃圾")]
    services.split(actor=town.clerk, public_id=i, parts=parts)


_DONE = (_accept, _resolve)
_WAY = {
    "accepted": (_accept,),
    "working": (_accept, _arrive),
    "returned": (_refer,),
    "resolved": _DONE,
    "confirming": (*_DONE, _verify),
    "fixed": (*_DONE, _verify, _confirm),
    "closed": (*_DONE, _verify, _close),
    "reopened": (*_DONE, _verify, _dispute),
    "invalid": (_reject,),
    "aside": (_set_aside,),
    "merged": (_merge,),
    "split": (_split,),
}
