"""The rules of the end of the loop and what reports offer to riders nearby, registered once when Django starts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qixia.offers import kinds as offers
from qixia.policy import kinds
from qixia.reports.policy import SEEDS, Cheats, Decisions, Looks, Measures

LOOK = "look"


def register_aftermath() -> None:
    kinds.register(kinds.Kind("reports.looks", Looks, SEEDS / "looks.yaml", _("请人复核")))
    kinds.register(kinds.Kind("reports.cheats", Cheats, SEEDS / "cheats.yaml", _("先看再给：从多少算起")))
    kinds.register(kinds.Kind("reports.decisions", Decisions, SEEDS / "decisions.yaml", _("属实与不受理的理由、申诉")))
    kinds.register(kinds.Kind("reports.measures", Measures, SEEDS / "measures.yaml", _("对责任方的处理措施")))
    offers.register(offers.Kind(LOOK, _("去看一眼"), "eye-check", "reports:look"))
