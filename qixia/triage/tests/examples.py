"""How the services of triage are called. Verdicts and fingerprints leave no history of their own, learning does."""

from qixia.triage import services
from qixia.triage.tests import learning_examples  # noqa: F401 — they register themselves
from qixia.triage.tests.opining import answering
from tests.examples import example, exempt

for name in ("classify", "classify_many"):
    exempt(f"triage.services.{name}", "decides without writing; the report that takes the verdict leaves history")

for name in ("count_figures", "keep_figures"):
    exempt(f"triage.services.{name}", "counts what is there; a figure is no change")

for name in ("remember_many", "set_closed", "forget"):
    exempt(f"triage.services.{name}", "an index over reports, made anew from them; the report's change leaves history")


@example("triage.services.ask_opinion")
def ask_another_model() -> None:
    with answering('{"class": "manhole", "severity": "critical", "words": "井盖没了"}'):
        assert services.ask_opinion(ref="report:1", words="路上有个洞", pictures=[b"webp"]) == "ok"


@example("triage.services.drop_opinion")
def do_not_try_again() -> None:
    with answering("", status="500 Broken"):
        assert services.ask_opinion(ref="report:1", words="路上有个洞", pictures=[]) == "waiting"
    services.drop_opinion(ref="report:1")
