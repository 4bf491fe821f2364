"""How the services of policy are called."""

from qixia.policy import kinds, services
from tests.examples import example


@example("policy.services.publish")
def publish_new_rules() -> None:
    kind = kinds.get("people.sign_in") if "people.sign_in" in names() else kinds.all_kinds()[0]
    rules = services.publish(kind.name, kind.read_seed(), note="第一版", actor_ref="person:admin")
    assert (rules.kind, rules.version) == (kind.name, 1)


def names() -> set[str]:
    return {kind.name for kind in kinds.all_kinds()}


@example("policy.services.publish_seeds")
def publish_what_ships() -> None:
    assert set(services.publish_seeds()) == names()
    assert services.publish_seeds() == []


@example("policy.services.stamp_installation")
def say_that_this_is_a_demo() -> None:
    services.stamp_installation(is_demo=True, seed=1)
