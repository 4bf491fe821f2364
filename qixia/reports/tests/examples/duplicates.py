"""Reports of one matter."""

from datetime import timedelta

from qixia.kernel import clock
from qixia.reports import services
from qixia.reports.models import (
    MergeProposal,
    Support,
)
from qixia.reports.tests.examples.grounds import a_town, support_what_is_there
from qixia.reports.tests.town import (
    Town,
    send,
    the,
)
from tests.examples import example


def two_alike(town: Town) -> tuple[services.Receipt, services.Receipt]:
    return send(town.rider), send(town.other_rider)


@example("reports.services.merge")
def make_one_case_of_two_reports() -> None:
    town = a_town()
    first, second = two_alike(town)
    services.merge(actor=town.clerk, public_id=second.public_id, into=first.public_id)
    assert the(second).merged_into_id == the(first).pk


@example("reports.services.keep_apart")
def say_that_two_reports_are_different_matters() -> None:
    town = a_town()
    two_alike(town)
    services.keep_apart(actor=town.clerk, proposal=MergeProposal.objects.get().public_id)


@example("reports.services.unmerge")
def take_a_merge_back() -> None:
    town = a_town()
    first, second = two_alike(town)
    services.merge(actor=town.clerk, public_id=second.public_id, into=first.public_id)
    services.unmerge(actor=town.clerk, public_id=second.public_id)
    assert the(second).state == "dispatched"


@example("reports.services.support")
def say_that_one_sees_the_same() -> None:
    assert not support_what_is_there(a_town()).repeated


@example("reports.services.pay_supports")
def pay_for_a_support() -> None:
    support_what_is_there(a_town())
    with clock.at(clock.now() + timedelta(days=3)):
        assert services.pay_supports() == 1


@example("reports.services.forget_supporter")
def forget_who_supported() -> None:
    town = a_town()
    support_what_is_there(town)
    services.forget_supporter(person=town.other_rider.public_id)
    assert Support.objects.get().index is None
