"""How the services of offers are called."""

from datetime import timedelta

from qixia.kernel import clock
from qixia.offers import services
from qixia.offers.models import Offer
from qixia.offers.tests.builders import offer, prepared, riders
from tests.examples import example


def taken():
    prepared()
    (rider,) = riders(1)
    public_id = offer()
    services.take(actor=rider, public_id=public_id)
    return rider, public_id


@example("offers.services.make")
def offer_a_look() -> None:
    prepared()
    first = offer()
    assert offer() == first


@example("offers.services.exclude")
def keep_somebody_away() -> None:
    prepared()
    (rider,) = riders(1)
    offer()
    assert services.exclude(subject="report:one", person=rider.public_id) == 1


@example("offers.services.take")
def take_an_offer() -> None:
    taken()
    assert Offer.objects.get().state == "taken"


@example("offers.services.give_back")
def give_an_offer_back() -> None:
    rider, public_id = taken()
    services.give_back(actor=rider, public_id=public_id)


@example("offers.services.complete")
def do_what_was_offered() -> None:
    rider, public_id = taken()
    assert services.complete(actor=rider, public_id=public_id) == "report:one"


@example("offers.services.withdraw")
def withdraw_what_nobody_needs() -> None:
    prepared()
    offer()
    assert services.withdraw(subject="report:one") == 1


@example("offers.services.expire")
def end_what_is_over() -> None:
    prepared()
    offer()
    with clock.at(clock.now() + timedelta(days=2)):
        assert services.expire() == 1


@example("offers.services.forget_holder")
def free_what_an_erased_rider_held() -> None:
    rider, _public_id = taken()
    assert services.forget_holder(person=rider.public_id) == 1
