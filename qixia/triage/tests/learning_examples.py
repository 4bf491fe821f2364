"""How the services that learn are called."""

from collections.abc import Iterator
from contextlib import contextmanager

from qixia.people.access import Actor, system_actor
from qixia.policy.services import publish_seeds
from qixia.triage import services, settled
from qixia.triage.services.switching import SENTENCE
from qixia.triage.tests.made import Parrot, Reports, correct_one, model, staff_actor
from qixia.triage.tests.made import settled as made_report
from tests.examples import example


@example("triage.services.correct")
def learn_from_what_a_clerk_says() -> None:
    correct_one("report:1")


@example("triage.services.forget_words")
def let_go_of_the_words_of_a_report() -> None:
    correct_one("report:1")
    assert services.forget_words(refs=["report:1", "report:2"], actor="system:test") == 1


@example("triage.services.ask_training")
def ask_for_a_training() -> None:
    correct_one("report:1")
    services.ask_training(actor=system_actor("test"))


@example("triage.services.train")
def train_from_what_was_corrected() -> None:
    correct_one("report:1")
    run = services.ask_training(actor=system_actor("test"), at_once=True)
    assert services.train(run=run, teacher=Parrot())


@example("triage.services.fail_run")
def give_a_training_up() -> None:
    correct_one("report:1")
    assert services.fail_run(run=services.ask_training(actor=system_actor("test"), at_once=True), fault="killed")


def a_draft() -> str:
    return services.store(model=model({"铁盖": "manhole"}), figures={}, actor="person:admin")


@example("triage.services.store")
def keep_a_model() -> None:
    assert len(a_draft()) == 64


def shadow_run() -> str:
    """A trial of one report, against the shipped model."""
    settled.register(Reports([made_report("1", "路边的铁盖子翘起来了", "manhole")]))
    return services.ask_shadow(actor=staff_actor("admin"), artefact=a_draft())


@example("triage.services.ask_shadow")
def try_a_model_in_the_shadow() -> None:
    with kept_source():
        shadow_run()


@example("triage.services.try_batch")
def judge_a_batch_in_the_shadow() -> None:
    with kept_source():
        run = shadow_run()
        assert services.try_batch(run=run)
        assert services.try_batch(run=run) is False  # over: the comparison is made


def switched_on() -> Actor:
    publish_seeds()
    admin = staff_actor("admin")
    services.switch_model(actor=admin, artefact=a_draft(), reason="试过了，街道例会同意", after=1, sentence=SENTENCE)
    return admin


@example("triage.services.switch_model")
def switch_a_model_on() -> None:
    switched_on()


@example("triage.services.switch_back")
def switch_one_step_back() -> None:
    assert services.switch_back(actor=switched_on(), after=2) == "shipped"


@contextmanager
def kept_source() -> Iterator[None]:
    """The reports' own source is there again afterwards."""
    before = settled.source()
    try:
        yield
    finally:
        settled.register(before)
