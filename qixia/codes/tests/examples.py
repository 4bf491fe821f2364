"""How the services of codes are called."""

from qixia.codes import services
from qixia.codes.services import DivisionRow
from tests.examples import example


@example("codes.services.load_reference")
def load_the_standards() -> None:
    assert services.load_reference()["classes"] > 50


@example("codes.services.edit_class")
def raise_the_floor_of_a_class() -> None:
    services.load_reference()
    changed = services.edit_class("manhole", {"severity_floor": "critical"}, actor_ref="person:admin")
    assert changed.severity_floor == "critical"


@example("codes.services.upsert_divisions")
def add_divisions() -> None:
    rows = [DivisionRow("990100", "试城", "city"), DivisionRow("990102", "试区", "district", "990100")]
    made = services.upsert_divisions(rows, actor_ref="system:setup")
    assert made["990102"].name == "试区"
