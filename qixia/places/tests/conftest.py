"""No atlas from another test, and the small town loaded for those who ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qixia.places import queries
from qixia.places.services import load_district
from qixia.places.tests.town import town


@pytest.fixture(autouse=True)
def _no_atlas_from_another_test() -> Iterator[None]:
    queries.forget()
    yield
    queries.forget()


@pytest.fixture
def loaded(db: None) -> None:
    load_district(town(), actor="system:test")
    queries.forget()
    queries.warm()
