"""Loading the demo: a fictional district with sixty days of life, from a seed and a moment.

Refuses a database that was stamped for production or holds people who are no demo. `fresh` empties a demo database first.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import partial
from random import Random
from typing import Any

import yaml
from django.core.management import call_command
from django.db import connection, transaction

from qixia.codes.models import Division
from qixia.codes.services import load_reference
from qixia.demo import again, alliance, gifts, group, held, months, shop, story, tills, together, turns, whole
from qixia.demo.cast import COMMUNITY_STAFF, PASSWORD, PROPERTY_STAFF, Cast, hire
from qixia.demo.district import generate
from qixia.demo.history import DAYS, History
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.geo import Point
from qixia.media.lookalikes import keeping
from qixia.media.models import Evidence
from qixia.notices.services import mark_all_read
from qixia.people import queries as people_queries
from qixia.people.models import Person
from qixia.places import queries as places_queries
from qixia.places.rules import OutsideCity
from qixia.places.services import load_district
from qixia.policy import queries as policy_queries
from qixia.policy.queries import current
from qixia.policy.services import fill_calendar, publish, publish_seeds, stamp_installation
from qixia.reports.policy import SEEDS, Reused
from qixia.reports.services import (
    Whereabouts,
    close_silent,
    pay_supports,
    pay_witnesses,
    recalculate,
    remind,
    restore_supports,
)
from qixia.rewards.services import expire_due, time_out_holds

SEED = 20261122
PICTURES = 64  # whose features are kept meanwhile: a few drawings stand for hundreds of photos
UNSEEN = {"away_m": 1_000_000, "after_hours": 24 * 365}
Say = Callable[[str], None]


class NotADemo(Exception):
    """This database belongs to somebody: the demo keeps its hands off."""


def load(
    *,
    seed: int = SEED,
    as_of: date | None = None,
    days: int = DAYS,
    fresh: bool = False,
    say: Say = lambda _text: None,
) -> None:
    """Fill an empty or demo database. Idempotent only with `fresh`. `days` of the district's life; the rider whom the
    demo follows has his sixty in any case."""
    check_ours()
    if fresh:
        empty()
    elif Person.objects.exists():
        raise NotADemo("there are people already; use --fresh to load the demo anew")
    until = _moment(as_of)
    with clock.at(until - timedelta(days=DAYS + 1)):
        stamp_installation(is_demo=True, seed=seed, as_of=clock.city_date(until), actor_ref="system:demo")
        say("district")
        history = _settle_district(seed, until)
    say(f"{days} days")
    _live(history, days, say)
    story.check(history)
    for name in whole.missing():
        say(f"missing: {name}")


def check_ours() -> None:
    """NotADemo for a production server or a database that is not stamped demo but holds people."""
    if get_config().mode == "production":
        raise NotADemo("a production server never loads the demo")
    stamp = policy_queries.installation()
    if (stamp and not stamp.is_demo) or (stamp is None and Person.objects.exists()):
        raise NotADemo("this database was not made for the demo")


def empty() -> None:
    """Take everything out of a demo database and its media folder."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP TRIGGER "{name}"')
        _drop_tables()
    else:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    call_command("migrate", interactive=False, verbosity=0)
    shutil.rmtree(get_config().media, ignore_errors=True)
    people_queries.forget_organisations()
    places_queries.forget()
    policy_queries.forget()


def _drop_tables() -> None:
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP TABLE "{name}"')


def _moment(as_of: date | None) -> datetime:
    """The moment at which the demo stands still: now, or six in the evening of a given day."""
    now = clock.now().replace(microsecond=0)
    if as_of is None or as_of == clock.city_date(now):
        return now
    return datetime.combine(as_of, time(18), tzinfo=clock.CITY_TZ)


def _settle_district(seed: int, until: datetime) -> History:
    rng = Random(seed)
    load_reference()
    publish_seeds()
    fill_calendar(clock.city_date(until), actor_ref="system:demo")
    plan = generate(1).as_dict()
    load_district(plan, actor="system:demo", is_demo=True)
    places_queries.forget()
    with transaction.atomic():
        rows = Division.objects.values_list("code", "id", "path", "name", "level")
        cast = hire({code: (pk, path, name, level) for code, pk, path, name, level in rows}, rng)
        _publish_routing()
        _see_reused(False)
        _publish_accounts(cast)
        shop.stock_shelves(cast)
    return History(cast, rng, _points(rng, plan), until)


def _publish_routing() -> None:
    """The seed's table, with the offices of the six communities and the three property companies put in."""
    seed = yaml.safe_load((SEEDS / "routing.yaml").read_text(encoding="utf-8"))["rows"]
    communities = list(Division.objects.filter(level="community").order_by("code").values_list("code", flat=True))
    streets = list(Division.objects.filter(level="street").order_by("code").values_list("code", flat=True))
    rows = []
    for row in seed:
        if row["unit"] == "shequ":
            rows += [
                row | {"unit": f"shequ-{n + 1}", "division": code}
                for n, code in enumerate(communities[: len(COMMUNITY_STAFF)])
            ]
        elif row["unit"] == "wuye":
            rows += [
                row | {"unit": f"wuye-{n % len(PROPERTY_STAFF) + 1}", "division": code}
                for n, code in enumerate(streets)
            ]
        else:
            rows.append(row)
    publish("reports.routing", {"rows": rows}, note="按云溪区的单位填写", actor_ref="system:demo")


def _publish_cheats(**reused: Any) -> None:
    """Sixty drawings stand for hundreds of photos, all over the district: nobody there sent one twice."""
    data = current("reports.cheats").data.model_dump(mode="json")
    publish("reports.cheats", data | {"reused": data["reused"] | reused}, note="演示", actor_ref="system:demo")


def _see_reused(sees: bool) -> None:
    """Whether the detector of photos sent twice sees at all."""
    _publish_cheats(**(Reused().model_dump(mode="json") if sees else UNSEEN))


NAMES = {
    "rider": "一川",
    "worker": "何远",
    "clerk": "叶知秋",
    "supervisor": "顾巡",
    "merchant": "榕荫小哥食堂",
    "admin": "江澈",
    "data_officer": "沈书仪",
    "auditor": "陆砚",
}
SAYS = {
    "rider": "骑手，账上 235 分",
    "worker": "市政养护所处置员",
    "clerk": "指挥中心专员",
    "supervisor": "督办员，看超时和延期",
    "merchant": "店员，收券",
    "admin": "管理员",
    "data_officer": "个人信息保护负责人",
    "auditor": "审计员，只看不改",
}


def _publish_accounts(cast: Cast) -> None:
    accounts = []
    for role, words in SAYS.items():
        account = {"person": cast.persons[role].public_id, "role": role, "name": NAMES[role], "says": words}
        if role in cast.usernames:
            account |= {"username": cast.usernames[role], "password": PASSWORD}
        accounts.append(account)
    publish("people.demo_accounts", {"accounts": accounts}, note="演示账号", actor_ref="system:demo")


def _points(rng: Random, plan: dict[str, Any]) -> list[Whereabouts]:
    """Where things happen: along the roads, and inside estates and towers with a block and a floor."""
    found = []
    for road in plan["roads"]:
        line = road["geometry"]["coordinates"]
        for lng, lat in line[1:-1]:
            found.append(_near(rng, lat, lng, 0.00008))
    for site in plan["sites"]:
        lng, lat = site["point"]
        inside = site["kind"] in ("estate", "office_tower") and rng.random() < 0.5
        found.append(_near(rng, lat, lng, 0.0002, f"{rng.randint(1, 18)}层" if inside else ""))
    return [place for place in found if _is_inside(place)]


def _near(rng: Random, lat: float, lng: float, spread: float, floor: str = "") -> Whereabouts:
    return Whereabouts(
        lat=round(lat + rng.gauss(0, spread), 6),
        lng=round(lng + rng.gauss(0, spread), 6),
        accuracy_m=round(rng.uniform(4, 25), 1),
        floor=floor,
    )


def _is_inside(place: Whereabouts) -> bool:
    try:
        return places_queries.in_city(Point(place.lat, place.lng))
    except OutsideCity:
        return False


def _live(history: History, days: int, say: Say) -> None:
    history.plan_days(days)
    history.plan_desk()
    history.plan_anonymous()
    shop.plan(history, history.rng, days)
    alliance.plan(history)
    gifts.plan(history)
    months.plan(history)
    story.plan(history)
    again.plan(history)
    together.plan(history)
    turns.plan(history, days)
    group.plan(history)
    held.plan(history, _see_reused)
    tills.plan(history)
    for day in range(DAYS, 0, -1):
        history.plan(history.until - timedelta(days=day), _nightly)
    history.plan(history.until - timedelta(hours=5), lambda: _read_notices(history.cast))
    history.plan(history.until, partial(_see_reused, True))
    shown: set[date] = set()

    def progress(moment: datetime) -> None:
        day = clock.city_date(moment)
        if day not in shown:
            shown.add(day)
            if len(shown) % 10 == 0:
                say(f"day {len(shown)} of {DAYS}")

    # One transaction for the whole history: a demo is all there or not at all, and thousands of commits are saved.
    with transaction.atomic(), keeping(PICTURES):
        history.happen(progress)
    with clock.at(history.until):
        run_pending()
        _look_at_clocks()
    # Sixty drawings stand for hundreds of photos: that they were "used before" is the demo's doing, nobody's there.
    Evidence.objects.filter(provenance="reused").update(provenance="", provenance_signs={})


def _read_notices(cast: Cast) -> None:
    """Everybody looks into the inbox."""
    staff = [actor for team in cast.staff.values() for actor in team]
    for actor in (*cast.riders, *staff, *cast.clerks.values(), *cast.merchants.values()):
        if actor.person_id is not None:
            mark_all_read(person_id=actor.person_id)


def _nightly() -> None:
    """What a worker does of itself; once a day is enough here."""
    close_silent()
    _look_at_clocks()
    pay_supports()
    pay_witnesses()
    restore_supports()
    time_out_holds()
    expire_due()


def _look_at_clocks() -> None:
    """What is over is marked, reminded of and taken up."""
    while recalculate():
        pass
    while remind():
        pass
