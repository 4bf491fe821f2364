"""The rules that offers need."""

import pytest

from qixia.offers.tests.builders import prepared


@pytest.fixture
def rules(db):
    prepared()
