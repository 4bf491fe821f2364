"""Rules and ground for gifts."""

import pytest

from qixia.gifts.tests.builders import prepared
from qixia.places import queries as places


@pytest.fixture
def ground(db):
    places.forget()
    prepared()
    yield
    places.forget()
