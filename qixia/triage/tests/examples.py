"""How the services of triage are called. Verdicts and fingerprints leave no history of their own, learning does."""

from qixia.triage import services
from qixia.triage.tests.opining import answering
from tests.examples import example, exempt

for name in ("classify", "classify_many"):
    exempt(f"triage.services.{name}", "decides without writing; the report that takes the verdict leaves history")

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


@example("triage.services.correct")
def learn_from_what_a_clerk_says() -> None:
    correct_one("report:1")


@example("triage.services.forget_words")
def let_go_of_the_words_of_a_report() -> None:
    correct_one("report:1")
    assert services.forget_words(refs=["report:1", "report:2"], actor="system:test") == 1


def correct_one(ref: str, text: str = "路边的铁盖子翘起来了") -> None:
    """A clerk says that it is a manhole where the machine read a damaged road."""
    services.correct(
        ref=ref,
        text=text,
        cls="manhole",
        severity="high",
        was_cls="road-damage",
        was_severity="normal",
        model="shipped",
        actor="person:clerk",
    )
