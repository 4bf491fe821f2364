"""Rules and ground for merchants."""

import pytest

from qixia.merchants.tests.builders import prepared
from qixia.places import queries as places


@pytest.fixture
def ground(db):
    places.forget()
    prepared()
    yield
    places.forget()
