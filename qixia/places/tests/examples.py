"""How the services of places are called."""

from qixia.kernel.geo import Point
from qixia.places import queries, services
from qixia.places.tests.town import town
from tests.examples import example


@example("places.services.load_district")
def load_a_district_and_ask_where_a_point_is() -> None:
    queries.forget()
    services.load_district(town(), actor="system:setup", is_demo=True)
    assert queries.locate(Point(24.901, 118.6001)).describe == "南北路 111 号 松苑东门外"
    queries.forget()
