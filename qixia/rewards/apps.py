from pathlib import Path

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.kernel.sealed import declare
from qixia.policy import kinds
from qixia.rewards.booking import BookingPolicy
from qixia.rewards.closing import ClosingPolicy
from qixia.rewards.offline import OfflinePolicy
from qixia.rewards.qr import CodesPolicy
from qixia.rewards.rules import ClaimsPolicy, HoldsPolicy, PointsPolicy
from qixia.rewards.settling import SettlementPolicy
from qixia.rewards.terms import BooksPolicy
from qixia.ui import nav

DATA = Path(__file__).parent / "data"
# name of the kind, shape, what administrators call it; the seed has the kind's name
POLICIES = (
    ("books", BooksPolicy, _("积分账本")),
    ("booking", BookingPolicy, _("预约和排队")),
    ("points", PointsPolicy, _("积分规则")),
    ("codes", CodesPolicy, _("券上的二维码")),
    ("claims", ClaimsPolicy, _("匿名积分入账")),
    ("holds", HoldsPolicy, _("先看再给的积分")),
    ("closing", ClosingPolicy, _("店暂停或退出时的券")),
    ("offline", OfflinePolicy, _("没有网络时收券")),
    ("settlement", SettlementPolicy, _("商家对账")),
)
# table, column, purpose of its key
SEALED = (
    ("Posting", "words", "ledger-words"),
    ("PointsAppeal", "sealed_words", "appeal-words"),
    ("PointsAppeal", "sealed_answer", "appeal-answer"),
    ("Hold", "sealed_evidence", "hold-evidence"),
    ("Hold", "sealed_reason", "hold-reason"),
    ("Owed", "sealed_signals", "hold-evidence"),
)


class RewardsConfig(AppConfig):
    name = "qixia.rewards"
    label = "rewards"
    verbose_name = _("积分与兑换")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from qixia.rewards.nav import register_desk  # noqa: PLC0415 — models are loaded only now
        from qixia.rewards.queries import refuse_unknown  # noqa: PLC0415 — the same

        register_desk()
        for model, column, purpose in SEALED:
            declare(f"rewards.{model}", column, purpose)
        for name, shape, title in POLICIES:
            check = refuse_unknown if shape is PointsPolicy else None
            seed = DATA / f"{name}.yaml"
            kinds.register(kinds.Kind(name=f"rewards.{name}", model=shape, seed=seed, title=title, check=check))
        nav.register(
            nav.Item(
                label=_("兑换品"),
                icon="gift",
                url_name="rewards:stock",
                roles=("admin",),
                section="管理",
                order=40,
                active=("rewards:item-new", "rewards:item-edit", "rewards:slots", "rewards:slot", "rewards:line"),
            )
        )
        nav.register(
            nav.Item(
                label=_("收券"), icon="qrcode", url_name="rewards:scan", roles=("merchant",), section="工作", order=10
            )
        )
