"""Who lives and works in the fictional district: units, companies, staff, riders, shops. All names are invented."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.models import Organisation, Person

MAKER = "system:demo"
PASSWORD = "qixia-demo-2026"

# code, name, kind, people (the first one leads)
UNITS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("shizheng", "市政养护所", "unit", ("周启航", "何远", "郑守一", "方立", "梁冬")),
    ("huanwei", "环卫所", "unit", ("苏满仓", "陆小禾", "崔平")),
    ("yuanlin", "园林所", "unit", ("林疏影", "柳成荫")),
    ("chengguan", "城管中队", "unit", ("高行健", "韩仲秋", "邵文")),
    ("jiaojing", "交警中队", "unit", ("雷鸣远", "严守信")),
    ("gongdian", "供电所", "unit", ("田电明", "万家灯")),
    ("gongshui", "供水公司", "unit", ("江源", "沈清流")),
    ("ranqi", "燃气公司", "unit", ("温火生", "蓝焰")),
    ("shuiwu", "水务所", "unit", ("河清", "闵渡")),
    ("xiaofang", "消防救援站", "unit", ("石敢当", "甄勇")),
    ("zhujian", "住建办", "unit", ("墙立新", "梁柱")),
    ("shichang", "市场监管所", "unit", ("秤公道", "严食安")),
    ("chongdian", "云溪充电运营公司", "unit", ("伏电", "安桩")),
    ("danche", "共享单车运营公司", "unit", ("轮转", "车有序")),
    ("yingji", "应急联动中心", "unit", ("急先", "应声")),
    ("zhihui", "云溪区指挥中心", "district", ("叶知秋", "季明")),
)
STREET_SUPERVISORS = ("方正清", "祝守望", "易察")
COMMUNITY_STAFF = ("宋和", "童心", "穆邻", "安里", "乐坊", "常青")
PROPERTY_STAFF = (("锦澜物业", "管家宁"), ("松风物业", "门常开"), ("云帆商管", "楼清"))
PLATFORMS = (("yunpao", "云跑外卖", "platform", 96), ("fengli", "风里到家", "platform", 68))
COURIERS = (
    ("beixing", "北星快递", "courier", 18),
    ("zhouxing", "舟行速运", "courier", 12),
    ("lige", "鹂歌快递", "courier", 6),
)
SHOPS = (
    ("rongyin-canteen", "榕荫小哥食堂", "榕荫街 12 号"),
    ("nantang-canteen", "南塘小哥食堂", "南塘路 41 号"),
    ("yunfan-repair", "云帆车辆维修", "云帆路 66 号"),
    ("shigu-market", "石鼓便民超市", "石鼓路 5 号"),
    ("qingmu-therapy", "青木中医理疗", "学府路 19 号"),
    ("yunxi-charge", "云溪充换电站", "澄江大道 102 号"),
)
_SURNAMES = "赵钱孙周吴郑冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
_GIVEN = [
    "一川",
    "小满",
    "阿木",
    "大树",
    "长风",
    "知远",
    "逐光",
    "听雨",
    "见山",
    "向阳",
    "行舟",
    "小北",
    "阿澄",
    "阿岩",
    "星河",
    "石头",
    "阿力",
    "小舟",
    "朝歌",
    "阿泽",
    "青禾",
    "木子",
    "阿南",
    "小河",
    "晨光",
    "望舒",
    "阿松",
    "小雨",
    "阿海",
    "归云",
]


@dataclass
class Cast:
    """Actors by what they do; roles do not change, so they are read once."""

    riders: list[Actor] = field(default_factory=list)
    staff: dict[str, list[Actor]] = field(default_factory=dict)  # unit code → workers, the lead first
    clerks: dict[str, Actor] = field(default_factory=dict)  # division path → clerk; "" is the whole district
    merchants: dict[str, Actor] = field(default_factory=dict)  # shop code → keeper
    shops: dict[str, Organisation] = field(default_factory=dict)
    supervisors: dict[str, Actor] = field(default_factory=dict)  # division path → supervisor; "" is the whole district
    admin: Actor | None = None
    hero: Actor | None = None
    persons: dict[str, Person] = field(default_factory=dict)  # demo sign-ins by role
    usernames: dict[str, str] = field(default_factory=dict)

    def clerk_for(self, path: str) -> Actor:
        return _nearest(self.clerks, path)

    def supervisor_for(self, path: str) -> Actor:
        return _nearest(self.supervisors, path)


def _nearest(actors: dict[str, Actor], path: str) -> Actor:
    return next((actor for root, actor in actors.items() if root and path.startswith(root)), actors[""])


def hire(divisions: dict[str, tuple[int, str, str, str]], rng: Random) -> Cast:
    """Everybody. `divisions`: code → (id, path, name, level)."""
    cast = Cast()
    district = next(code for code, row in divisions.items() if row[3] == "district")
    streets = [code for code, row in divisions.items() if row[3] == "street"]
    communities = [code for code, row in divisions.items() if row[3] == "community"]
    for code, name, kind, names in UNITS:
        _unit(cast, code, name, kind, divisions[district][0], names)
    for number, code in enumerate(communities):
        _, path, name, _level = divisions[code]
        unit = _unit(cast, f"shequ-{number + 1}", name, "community", divisions[code][0], (COMMUNITY_STAFF[number],))
        clerk = _staff(
            f"shequ{number + 1}-zhuanyuan", f"{COMMUNITY_STAFF[number]}·专员"[:40], "clerk", unit, divisions[code][0]
        )
        cast.clerks[path] = clerk
    for number, (name, person) in enumerate(PROPERTY_STAFF):
        _unit(cast, f"wuye-{number + 1}", name, "property", divisions[streets[number % len(streets)]][0], (person,))
    _lead(cast, divisions[district][0])
    for number, code in enumerate(streets):
        name = STREET_SUPERVISORS[number % len(STREET_SUPERVISORS)]
        desk = Organisation.objects.get(code="zhihui")
        supervisor = _staff(f"duban-{number + 1}", name, "supervisor", desk, divisions[code][0])
        cast.supervisors[divisions[code][1]] = supervisor
    _riders(cast, rng)
    _shops(cast, divisions[district][0])
    return cast


def _unit(cast: Cast, code: str, name: str, kind: str, division_id: int, names: tuple[str, ...]) -> Organisation:
    unit = people.create_organisation(
        code=code, name=name, kind=kind, actor=MAKER, division_id=division_id, is_demo=True
    )
    cast.staff[code] = [
        _staff(f"{code}-{index + 1}", person, "unit_lead" if index == 0 and len(names) > 1 else "worker", unit, None)
        for index, person in enumerate(names)
    ]
    return unit


def _staff(username: str, name: str, role: str, unit: Organisation, division_id: int | None) -> Actor:
    person = people.create_person(display_name=name.replace("·", " "), username=username, actor=MAKER, is_demo=True)
    people.grant_role(person_id=person.pk, role=role, organisation_id=unit.pk, actor=MAKER, division_id=division_id)
    return actor_for(person)


def _lead(cast: Cast, district_id: int) -> None:
    """The accounts that the sign-in page offers: they alone have passwords."""
    desk = Organisation.objects.get(code="zhihui")
    cast.clerks[""] = _staff("yezhiqiu", "叶知秋", "clerk", desk, district_id)
    cast.admin = _staff("jiangche", "江澈", "admin", desk, None)
    worker = cast.staff["shizheng"][1]
    supervisor = cast.supervisors[""] = _staff("guxun", "顾巡", "supervisor", desk, district_id)
    officer = _staff("shenshuyi", "沈书仪", "data_officer", desk, None)
    auditor = _staff("luyan", "陆砚", "auditor", desk, None)
    with_password = {
        "clerk": cast.clerks[""],
        "admin": cast.admin,
        "worker": worker,
        "supervisor": supervisor,
        "data_officer": officer,
        "auditor": auditor,
    }
    for role, actor in with_password.items():
        person = Person.objects.get(public_id=actor.public_id)
        people.set_password(person_id=person.pk, password=PASSWORD, actor=MAKER)
        cast.persons[role] = person
        cast.usernames[role] = person.username or ""


def _riders(cast: Cast, rng: Random) -> None:
    number = 0
    for code, name, kind, count in PLATFORMS + COURIERS:
        people.create_organisation(code=code, name=name, kind=kind, actor=MAKER, is_demo=True)
        for _ in range(count):
            number += 1
            nickname = "一川" if number == 1 else _nickname(rng)
            person = people.create_person(display_name=nickname, phone=f"138000{number:05d}", actor=MAKER, is_demo=True)
            people.enrol_rider(person_id=person.pk, platform=code, actor=MAKER)
            for consent in ("place", "photo"):
                people.give_consent(person_id=person.pk, kind=consent, version=1, actor=MAKER)
            cast.riders.append(actor_for(person))
            if number == 1:
                cast.hero, cast.persons["rider"] = cast.riders[0], person


def _nickname(rng: Random) -> str:
    given = rng.choice(_GIVEN)
    return given if rng.random() < 0.5 else rng.choice(_SURNAMES) + given[-1]


def _shops(cast: Cast, district_id: int) -> None:
    for number, (code, name, address) in enumerate(SHOPS):
        shop = people.create_organisation(
            code=code, name=name, kind="merchant", actor=MAKER, division_id=district_id, duties=address, is_demo=True
        )
        person = people.create_person(
            display_name=f"{name[:2]}店员", phone=f"13700000{number + 1:03d}", actor=MAKER, is_demo=True
        )
        people.grant_role(person_id=person.pk, role="merchant", organisation_id=shop.pk, actor=MAKER)
        cast.shops[code], cast.merchants[code] = shop, actor_for(person)
        if number == 0:
            cast.persons["merchant"] = person
