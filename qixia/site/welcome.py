"""The table of demo sign-ins that `make run` shows: written when the database is prepared, read by the supervisor, which
has no Django. Fictional people of the demo district only."""

import json

from django.utils.translation import override

from qixia.kernel.config import get_config
from qixia.people import queries

ROLES = {
    "rider": "骑手 rider",
    "worker": "单位处置员 unit worker",
    "unit_lead": "单位负责人 unit lead",
    "clerk": "指挥中心专员 clerk",
    "merchant": "商户 merchant",
    "admin": "管理员 administrator",
    "data_officer": "个人信息保护负责人 data officer",
    "auditor": "审计员 auditor",
}
FILE = "demo/sign-ins.json"


def write_sign_ins() -> None:
    """Keep the file as the database is: gone where there is no demo."""
    path = get_config().var_dir / FILE
    with override("zh-hans"):
        rows = [row_of(card) for card in queries.demo_cards()]
    if rows:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows, ensure_ascii=False))
    else:
        path.unlink(missing_ok=True)


def row_of(card: queries.DemoCard) -> dict[str, str]:
    return {
        "who": ROLES.get(card.role, card.role),
        "name": card.name,
        "sign in with": card.username or card.phone,
        "and": card.password or "the code shown on the page",
        "about": card.says,
    }
