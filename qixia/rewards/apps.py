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


class RewardsConfig(AppConfig):
    name = "qixia.rewards"
    label = "rewards"
    verbose_name = _("积分与兑换")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from qixia.rewards.nav import register_desk  # noqa: PLC0415 — models are loaded only now

        register_desk()
        declare("rewards.Posting", "words", "ledger-words")
        declare("rewards.PointsAppeal", "sealed_words", "appeal-words")
        declare("rewards.PointsAppeal", "sealed_answer", "appeal-answer")
        declare("rewards.Hold", "sealed_evidence", "hold-evidence")
        declare("rewards.Hold", "sealed_reason", "hold-reason")
        declare("rewards.Owed", "sealed_signals", "hold-evidence")
        kinds.register(
            kinds.Kind(
                name="rewards.books",
                model=BooksPolicy,
                seed=Path(__file__).parent / "data" / "books.yaml",
                title=_("积分账本"),
            )
        )
        kinds.register(
            kinds.Kind(
                name="rewards.booking",
                model=BookingPolicy,
                seed=Path(__file__).parent / "data" / "booking.yaml",
                title=_("预约和排队"),
            )
        )
        kinds.register(
            kinds.Kind(
                name="rewards.points",
                model=PointsPolicy,
                seed=Path(__file__).parent / "data" / "points.yaml",
                title=_("积分规则"),
            )
        )
        kinds.register(
            kinds.Kind(
                name="rewards.codes",
                model=CodesPolicy,
                seed=Path(__file__).parent / "data" / "codes.yaml",
                title=_("券上的二维码"),
            )
        )
        kinds.register(
            kinds.Kind(
                name="rewards.claims",
                model=ClaimsPolicy,
                seed=Path(__file__).parent / "data" / "claims.yaml",
                title=_("匿名积分入账"),
            )
        )
        kinds.register(
            kinds.Kind(
                name="rewards.holds",
                model=HoldsPolicy,
                seed=Path(__file__).parent / "data" / "holds.yaml",
                title=_("先看再给的积分"),
            )
        )
        kinds.register(
            kinds.Kind(
                name="rewards.closing",
                model=ClosingPolicy,
                seed=Path(__file__).parent / "data" / "closing.yaml",
                title=_("店暂停或退出时的券"),
            )
        )
        kinds.register(
            kinds.Kind(
                name="rewards.offline",
                model=OfflinePolicy,
                seed=Path(__file__).parent / "data" / "offline.yaml",
                title=_("没有网络时收券"),
            )
        )
        kinds.register(
            kinds.Kind(
                name="rewards.settlement",
                model=SettlementPolicy,
                seed=Path(__file__).parent / "data" / "settlement.yaml",
                title=_("商家对账"),
            )
        )
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
