"""Friendly merchants of the demo district: shops of several kinds on the way in, in, and suspended, and their alliance.

Everything goes through the services, from the application on. Its own dice: the rest of the history stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache, partial
from io import BytesIO

from django.core.files.base import ContentFile
from PIL import Image, ImageDraw

from qixia.codes.models import Division
from qixia.demo.cast import SHOPS, Cast
from qixia.demo.history import History
from qixia.kernel import clock
from qixia.kernel.geo import Point
from qixia.merchants import services
from qixia.merchants.models import Merchant
from qixia.merchants.rules import KindsPolicy, PerkForm
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.models import Organisation
from qixia.places.queries import find_words, locate
from qixia.policy.queries import current

MAKER = "system:demo"


@dataclass(frozen=True, slots=True)
class Shop:
    """`perk`: kind, title, percent off or 分, usual 分, conditions. `stop`: how far it gets."""

    code: str
    name: str
    kind: str
    address: str
    hours: str
    perk: tuple[str, str, int, int, str] | None = None
    show: str = ""
    stop: str = "active"


_NEW = (
    Shop("anlan-elders", "安澜长者食堂", "elder_canteen", "榕荫街 30 号", "每天 6:30-18:30", ("price", "骑手价午餐", 1000, 1500, "一荤两素一汤，父母同来同价"), "工服、头盔或这一页"),
    Shop("qingqiu-chain", "青丘牛肉面（云帆店）", "chain", "云帆路 20 号", "每天 10:00-22:00", ("percent", "全场八折", 20, 0, "酒水除外，堂食外带都行")),
    Shop("haoweidao", "好味道小炒", "restaurant", "南塘路 18 号", "每天 10:30-14:00, 16:30-21:30", ("percent", "一家人都打八五折", 15, 0, "四人以内")),
    Shop("renxin-pharmacy", "仁心小哥药房", "pharmacy", "石鼓路 22 号", "每天 8:00-22:00", ("percent", "常用药九折", 10, 0, "处方药照规定")),
    Shop("yunxi-pharmacy", "云溪夜间药房", "pharmacy", "澄江大道 60 号", "24小时", ("free", "伤口免费清洗包扎", 0, 0, "小伤口，随到随办")),
    Shop("nantang-clinic", "南塘社区诊所", "health", "南塘路 66 号", "周一至周六 8:00-18:00", ("price", "量血压测血糖", 100, 1000, "空腹更准")),
    Shop("chengjiang-tyres", "澄江快修", "repair", "澄江大道 30 号", "每天 7:00-23:00", ("free", "补气打蜡不收钱", 0, 0, "")),
    Shop("xuefu-tea", "学府茶摊", "other", "学府路 40 号", "周一至周五 9:00-21:00; 周六 10:00-18:00", ("free", "热水随便接，坐多久都行", 0, 0, "")),
    Shop("gulou-noodles", "鼓楼面馆", "restaurant", "石鼓路 40 号", "每天 6:00-14:00", ("percent", "全场九折", 10, 0, ""), stop="suspended"),
    Shop("xinyi-market", "新颐生鲜", "supermarket", "云帆路 90 号", "每天 7:30-21:30", ("percent", "水和面包九折", 10, 0, ""), stop="papers_in"),
    Shop("banmian-king", "拌面大王", "restaurant", "榕荫街 52 号", "每天 9:00-21:00", None, stop="applied"),
)  # fmt: skip
_OLD = {
    "rongyin-canteen": ("canteen", "每天 6:00-21:00", ("price", "骑手套餐", 1200, 1500, "两荤一素，热汤管够")),
    "nantang-canteen": ("canteen", "每天 10:00-20:30", ("price", "骑手套餐", 1200, 1600, "面、饭任选")),
    "yunfan-repair": ("repair", "每天 8:00-20:00", ("percent", "工时八折", 20, 0, "配件另算")),
    "shigu-market": ("supermarket", "每天 7:00-23:00", ("percent", "雨衣雨裤八折", 20, 0, "")),
    "qingmu-therapy": ("health", "周一至周六 9:00-21:00", ("percent", "肩颈理疗七折", 30, 0, "先约时间")),
    "yunxi-charge": ("repair", "24小时", None),
}


def plan(history: History) -> None:
    """Members from the beginning on; who is on the way in or suspended is so since a few days."""
    cast = history.cast
    judge = cast.clerks[""]
    points = [Point(one.lat, one.lng) for one in history.points if one.lat is not None and one.lng is not None]
    shops = [Shop(code, name, *_with_address(code, address)) for code, name, address in SHOPS]
    members = [one for one in (*shops, *_NEW) if one.stop in ("active", "suspended")]
    history.plan(history.until - timedelta(days=58), lambda: _found(cast, judge, members, points))
    for late in [one for one in _NEW if one.stop not in ("active", "suspended")]:
        history.plan(history.until - timedelta(days=2), partial(_bring_late, cast, judge, late, points))
    history.plan(history.until - timedelta(days=3), lambda: _suspend(judge))


def _with_address(code: str, address: str) -> tuple[str, str, str, tuple[str, str, int, int, str] | None]:
    kind, hours, perk = _OLD[code]
    return kind, address, hours, perk


def _found(cast: Cast, judge: Actor, members: list[Shop], points: list[Point]) -> None:
    rows = [_bring(cast, judge, one, points) for one in members]
    whole = Division.objects.filter(level="district", is_demo=True).order_by("path").first()
    if whole is None:
        return
    name = f"{whole.name}友好商家联盟"
    alliance = services.found_alliance(actor=judge, division=whole.code, name=name)
    for row in rows:
        services.join_alliance(actor=judge, alliance=alliance.public_id, merchant=row.public_id)


def _bring_late(cast: Cast, judge: Actor, shop: Shop, points: list[Point]) -> None:
    _bring(cast, judge, shop, points)


def _where(address: str, points: list[Point]) -> Point:
    """Where the map knows the number; else a point of the same road, always the same one."""
    hit = find_words(address)
    if hit is not None:
        return hit.point
    road, number = address.split(" ")[:2]
    along = [point for point in points if locate(point).road == road] or points
    return along[int(number) % len(along)]


def _bring(cast: Cast, judge: Actor, shop: Shop, points: list[Point]) -> Merchant:
    """One shop from the application to where it stops."""
    place = _where(shop.address, points)
    keeper = _keeper(cast, shop)
    (organisation_id,) = keeper.organisation_ids("merchant")
    row = services.apply(
        actor=keeper,
        organisation_id=organisation_id,
        kind=shop.kind,
        address=shop.address,
        lat=place.lat,
        lng=place.lng,
        opening=shop.hours,
    )
    if shop.perk is not None:
        services.set_perk(actor=keeper, merchant=row.public_id, form=_perk(shop))
    if shop.stop == "applied":
        return row
    services.agree(actor=keeper, merchant=row.public_id, version=current("merchants.agreement").version)
    _papers(keeper, judge, row, is_checked=shop.stop != "papers_in")
    if shop.stop != "papers_in":
        services.admit(actor=judge, merchant=row.public_id)
    row.refresh_from_db()
    return row


def _keeper(cast: Cast, shop: Shop) -> Actor:
    if shop.code in cast.merchants:
        return cast.merchants[shop.code]
    place: Organisation = people.create_organisation(
        code=shop.code,
        name=shop.name,
        kind="merchant",
        actor=MAKER,
        division_id=cast.shops[SHOPS[0][0]].division_id,
        is_demo=True,
    )
    number = next(index for index, one in enumerate(_NEW) if one.code == shop.code)
    person = people.create_person(
        display_name=f"{shop.name[:2]}店主", phone=f"13700000{number + 101}", actor=MAKER, is_demo=True
    )
    people.grant_role(person_id=person.pk, role="merchant", organisation_id=place.pk, actor=MAKER)
    return actor_for(person)


def _perk(shop: Shop) -> PerkForm:
    assert shop.perk is not None
    kind, title, number, usual, conditions = shop.perk
    return PerkForm(
        kind=kind,
        title=title,
        starts_on=clock.city_date(clock.now()),
        percent_off=number if kind == "percent" else None,
        price_fen=number if kind == "price" else None,
        usual_fen=usual or None,
        conditions=conditions,
        show=shop.show,
    )


def _papers(keeper: Actor, judge: Actor, row: Merchant, *, is_checked: bool) -> None:
    policy: KindsPolicy = current("merchants.kinds").data
    kind = policy.kind(row.kind)
    for paper in kind.papers if kind else ():
        photo = ContentFile(_licence(), name="licence.jpg")
        made = services.hand_in_paper(actor=keeper, merchant=row.public_id, kind=paper, photo=photo)
        if is_checked:
            services.check_paper(actor=judge, paper=made.public_id, accept=True, valid_until=_ends(row, paper))


def _ends(row: Merchant, paper: str) -> date | None:
    """Licences of trade have no end; one food permit is over soon."""
    if paper == "licence":
        return None
    days = 75 if row.organisation.code == "haoweidao" else 900
    return clock.city_date(clock.now()) + timedelta(days=days)


def _suspend(judge: Actor) -> None:
    row = Merchant.objects.filter(organisation__code="gulou-noodles", state="active").first()
    if row is not None:
        until = clock.city_date(clock.now()) + timedelta(days=10)
        services.suspend(actor=judge, merchant=row.public_id, reason="两位骑手到店没有打成折，店家整改中", until=until)


@lru_cache(maxsize=1)
def _licence() -> bytes:
    """A drawn licence without anybody's name; one picture for all, so that it is searched for faces once."""
    picture = Image.new("RGB", (900, 640), "#f6f1e3")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((24, 24, 876, 616), outline="#b8893b", width=8)
    pen.ellipse((410, 56, 490, 136), outline="#b5342d", width=8)
    for line in range(7):
        pen.rectangle((120, 200 + line * 46, 300, 214 + line * 46), fill="#8a8474")
        pen.rectangle((330, 200 + line * 46, 760 - line % 3 * 90, 214 + line * 46), fill="#3c3a34")
    pen.ellipse((650, 450, 790, 590), outline="#b5342d", width=7)
    out = BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
