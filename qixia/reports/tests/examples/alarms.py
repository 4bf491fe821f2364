"""What is critical."""

from qixia.kernel import clock
from qixia.reports import services
from qixia.reports.models import (
    Alarm,
)
from qixia.reports.tests.examples.grounds import a_town
from qixia.reports.tests.town import (
    reach,
)
from tests.examples import example


@example("reports.services.acknowledge_alarm")
def take_what_rings() -> None:
    town = a_town()
    services.acknowledge_alarm(actor=town.clerk, public_id=reach(town, "dispatched").public_id)


@example("reports.services.transfer_alarm")
def note_that_the_fire_brigade_was_called() -> None:
    town = a_town()
    services.transfer_alarm(
        actor=town.clerk, public_id=reach(town, "dispatched").public_id, phone="119", reference="2026-118"
    )


@example("reports.services.call_next")
def call_whoever_is_next() -> None:
    town = a_town()
    reach(town, "dispatched")
    Alarm.objects.update(next_at=clock.now())
    assert services.call_next() == 1
